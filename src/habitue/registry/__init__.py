"""The model registry: the only part that knows MLflow."""
