"""`habitue check`: whether this machine can run, and what a project's data can support."""
