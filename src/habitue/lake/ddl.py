"""CREATE TABLE of a contract: types, comments, NOT NULL, CHECKs, layout."""

from __future__ import annotations

from habitue.contracts.table import Column, Table


def create_table(table: Table, uri: str) -> str:
    """The statement that makes the empty table with everything its contract says."""
    columns = ",\n  ".join(_column(column) for column in table.columns)
    layout = ""
    if table.partition_by:
        layout = f"PARTITIONED BY ({', '.join(table.partition_by)})\n"
    elif table.cluster_by:
        layout = f"CLUSTER BY ({', '.join(table.cluster_by)})\n"
    properties = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in _properties(table).items())
    return (
        f"CREATE TABLE IF NOT EXISTS delta.`{uri}` (\n  {columns}\n) USING delta\n{layout}"
        f"COMMENT {_quoted(table.comment)}\nTBLPROPERTIES ({properties})"
    )


def _column(column: Column) -> str:
    comment = f"{column.comment} [{column.unit}]" if column.unit else column.comment
    required = "" if column.nullable else " NOT NULL"
    return f"`{column.name}` {column.type}{required} COMMENT {_quoted(comment)}"


def _properties(table: Table) -> dict[str, str]:
    checks = {f"delta.constraints.{name}": sql for name, sql in table.checks}
    vectors = {"delta.enableDeletionVectors": "true"} if table.marks_deletions else {}
    # releases stay readable as long as their log and files are kept; a vacuum knows what left a table, and when, for
    # as long as the log remembers that
    kept = dict.fromkeys(
        ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"), "interval 400 days"
    )
    return checks | vectors | kept | {"habitue.stage": table.stage}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
