"""Apply fitted models to profiles, batch by batch; models are received, never loaded."""
