"""Seeded links between identifiers, as a shop's records give them: five per person, a few persons with chains.

A person has a customer number, e-mails, a phone and cookies: six identifiers and five links. One person in
fifty is a chain of thirty cookies, which labels have to travel along.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.equality import connect

_PER_PERSON = 5
_CHAIN = 30
_CHAINS_ONE_IN = 50


def generate_links(folder: Path, rows: int) -> int:
    """Write about `rows` links with the columns of silver.identity_edge that clustering reads."""
    persons = int(rows / (_PER_PERSON + _CHAIN / _CHAINS_ONE_IN))
    with connect() as connection:
        connection.execute(
            f"COPY ({_links(persons)}) TO '{folder}' (FORMAT parquet, PER_THREAD_OUTPUT, OVERWRITE_OR_IGNORE)"
        )
        found = connection.execute(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchone()
    assert found is not None
    return int(found[0])


def _links(persons: int) -> str:
    return f"""
        WITH link AS (
            SELECT p, unnest([
                {{'a': 'customer_number', 'x': 0, 'b': 'email', 'y': 0}},
                {{'a': 'customer_number', 'x': 0, 'b': 'phone', 'y': 0}},
                {{'a': 'email', 'x': 0, 'b': 'anonymous_id', 'y': 0}},
                {{'a': 'email', 'x': 0, 'b': 'anonymous_id', 'y': 1}},
                {{'a': 'email', 'x': 0, 'b': 'anonymous_id', 'y': 2}}]) AS l
            FROM range({persons}) t(p)
            UNION ALL
            SELECT p, {{'a': 'anonymous_id', 'x': 2 + k, 'b': 'anonymous_id', 'y': 3 + k}}
            FROM range(0, {persons}, {_CHAINS_ONE_IN}) t(p), range({_CHAIN}) u(k)
        )
        SELECT l.a AS id_type_a, sha256(concat(l.a, p, '/', l.x)) AS id_key_a,
               l.b AS id_type_b, sha256(concat(l.b, p, '/', l.y)) AS id_key_b
        FROM link ORDER BY hash(p, l.x, l.y, l.b)
    """
