"""Columns that tell a run apart, not its result: left out when two lakes are compared."""

RUN_SCOPED_COLUMNS = frozenset(
    {
        "run_id",
        "batch_id",
        "published_at",
        "ingested_at",
        "release_id",
        "versions",
        "export_digests",
        "assigned_run_id",
    }
)
