"""The stages of a run: each reads, transforms and writes."""
