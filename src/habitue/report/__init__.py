"""What people read: the run report, explanations, the catalogue."""
