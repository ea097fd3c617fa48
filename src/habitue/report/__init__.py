"""What people read: the run report, explanations, the catalogue, the state of the environment."""
