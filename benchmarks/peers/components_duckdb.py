"""Groups in DuckDB: labels travel along the links by recursion with a key, only from nodes that changed.

`USING KEY` keeps one row per node instead of all rounds, which is how DuckDB's manual writes this problem.
"""

from __future__ import annotations

import duckdb

from benchmarks.contest import Task
from benchmarks.equality import connect, parquet

_NUMBERED = """
    CREATE TEMP TABLE node AS
        SELECT id_type, id_key, row_number() OVER ()::INTEGER AS id
        FROM (SELECT id_type_a AS id_type, id_key_a AS id_key FROM link
              UNION SELECT id_type_b, id_key_b FROM link);
    CREATE TEMP TABLE neighbour AS
        WITH edge AS (
            SELECT a.id AS a, b.id AS b FROM link
            JOIN node a ON a.id_type = id_type_a AND a.id_key = id_key_a
            JOIN node b ON b.id_type = id_type_b AND b.id_key = id_key_b)
        SELECT a AS source, b AS target FROM edge UNION ALL SELECT b, a FROM edge;
"""
_GROUPED = """
    WITH RECURSIVE label(id, person) USING KEY (id) AS (
        SELECT id, id FROM node
        UNION
        (SELECT target, min(changed.person)
         FROM label changed
         JOIN neighbour ON source = changed.id
         JOIN recurring.label present ON present.id = target
         WHERE changed.person < present.person
         GROUP BY target)
    )
    SELECT id_type, id_key, person::VARCHAR AS person_id FROM node JOIN label USING (id)
"""


def run(task: Task) -> None:
    """Number the identifiers, let labels travel, write."""
    task.out.mkdir()
    with connect() as connection:
        _number(connection, task)
        connection.execute(f"COPY ({_GROUPED}) TO '{task.out}/map.parquet' (FORMAT parquet)")


def plan(task: Task) -> str:
    """EXPLAIN of the recursion."""
    with connect() as connection:
        _number(connection, task)
        return _NUMBERED + "\n" + str(connection.execute(f"EXPLAIN {_GROUPED}").fetchall()[0][1])


def _number(connection: duckdb.DuckDBPyConnection, task: Task) -> None:
    connection.execute(f"CREATE TEMP TABLE link AS SELECT * FROM {parquet(task.data)}")
    connection.execute(_NUMBERED)
