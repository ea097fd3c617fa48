"""Probabilistic matching of person records: Fellegi and Sunter's model, learnt without labels."""
