"""Customer-base models in plain numpy: purchases to come, spend, value, calibration and the measures that judge them."""
