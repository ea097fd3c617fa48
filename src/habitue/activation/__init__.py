"""Activation: exports for the channels, each with a manifest that is written last."""
