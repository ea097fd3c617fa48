"""Whether two results are equal, row by row and column by column, and how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.contest import THREADS

_DOUBLES = ("DOUBLE", "FLOAT")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection that takes two threads and prints instants in UTC."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}; SET TimeZone = 'UTC'")
    return connection


def parquet(folder: Path) -> str:
    """The files of a result as a table function."""
    pattern = folder / "**" / "*.parquet" if folder.is_dir() else folder
    return f"read_parquet('{pattern}', hive_partitioning = false)"


def table_differences(
    ours: Path,
    peer: Path,
    *,
    keys: Sequence[str],
    columns: Sequence[str],
    relative: float = 1e-9,
    absolute: float = 1e-9,
) -> list[str]:
    """Rows that one side lacks and columns whose values differ; doubles may by the tolerance, nothing else."""
    with connect() as connection:
        connection.execute(f"CREATE VIEW ours AS SELECT * FROM {parquet(ours)}")
        connection.execute(f"CREATE VIEW peer AS SELECT * FROM {parquet(peer)}")
        types = {row[0]: row[1] for row in connection.execute("DESCRIBE ours").fetchall()}
        peer_types = {row[0] for row in connection.execute("DESCRIBE peer").fetchall()}
        missing = [c for c in (*keys, *columns) if c not in types or c not in peer_types]
        if missing:
            return [f"columns that one side lacks: {', '.join(missing)}"]
        same = [_same(name, types[name], relative, absolute) for name in columns]
        counts = ", ".join(
            [
                *(f"count(*) FILTER (NOT {condition})" for condition in same),
                "count(*)",
                "(SELECT count(*) FROM ours)",
                "(SELECT count(*) FROM peer)",
            ]
        )
        using = ", ".join(f'"{key}"' for key in keys)
        row = connection.execute(f"SELECT {counts} FROM ours o JOIN peer p USING ({using})").fetchone()
    assert row is not None
    *wrong, joined, in_ours, in_peer = row
    found = [f"{name}: {n:,} of {joined:,} rows differ" for name, n in zip(columns, wrong, strict=True) if n]
    if not joined == in_ours == in_peer:
        found.insert(0, f"{in_ours:,} rows of ours, {in_peer:,} of the peer, {joined:,} with equal keys")
    return found


def _same(name: str, type_: str, relative: float, absolute: float) -> str:
    o, p = f'o."{name}"', f'p."{name}"'
    if type_ in _DOUBLES:
        near = f"isfinite({o}) AND isfinite({p}) AND abs({o} - {p}) <= greatest({absolute}, {relative} * abs({p}))"
        return f"({o} IS NOT DISTINCT FROM {p} OR coalesce({near}, false))"  # NaN is like NaN, and like nothing else
    if type_.startswith("TIMESTAMP"):  # with or without a zone, all are UTC
        return f"({o}::TIMESTAMP IS NOT DISTINCT FROM {p}::TIMESTAMP)"
    return f"({o} IS NOT DISTINCT FROM {p})"
