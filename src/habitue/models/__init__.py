"""Customer-base models in plain numpy: purchases, spend, value, calibration, measures."""
