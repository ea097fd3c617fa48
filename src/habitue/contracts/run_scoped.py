"""Columns that tell a run apart, not its result: left out when two lakes are compared."""

RUN_SCOPED_COLUMNS = frozenset(
    {
        "run_id",
        "batch_id",
        "published_at",
        "release_id",
        "versions",
        "export_digests",
        "churn_model_version",  # a run that dies after registering a model numbers the next one higher
        "clv_model_version",
        "fencing_token",
    }
)
