"""Arrow kernel: a partition sorted by component in, the replayed history of each component out.

Components that can break no limit, which are nearly all, take the short way of
`plain_history`; the others are replayed with everything that `replay` knows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from habitue.identity.constrained import Edge, Limits, Node
from habitue.identity.facts import Chunk
from habitue.identity.plain_history import Findings, plain_history
from habitue.identity.replay import ID_DIGITS, Facts, Hint, Space, replay

# kind 0 node, 1 edge (name: rule; rank: tier), 2 number space, decision or contradiction (name), 3 founder (name: its person)
FACTS = (
    *("component", "kind", "at", "a", "b", "rank", "confidence", "until"),
    *("id_type", "id_key", "name", "is_free"),
)
# kind 0 map row (until: valid_to), 1 change (text: cause), 2 refused edge (text: rule; person_id: reason)
FOUND = (
    "kind int, id_type string, id_key string, at bigint, until bigint, "
    "person_id string, other_id string, text string, a bigint, b bigint"
)
_SCHEMA = pa.schema(
    [
        ("kind", pa.int32()),
        ("id_type", pa.string()),
        ("id_key", pa.string()),
        ("at", pa.int64()),
        ("until", pa.int64()),
        ("person_id", pa.string()),
        ("other_id", pa.string()),
        ("text", pa.string()),
        ("a", pa.int64()),
        ("b", pa.int64()),
    ]
)
CHUNK = 100_000
"""Facts that are taken into columns together; a component is never parted."""

__all__ = ["FACTS", "FOUND", "ID_DIGITS", "replay_partition"]


def replay_partition(
    batches: Iterator[pa.RecordBatch], *, limits: Limits, anonymous_rank: int
) -> Iterator[pa.RecordBatch]:
    """Replay component after component; a component may reach over several batches."""
    for table in _whole_components(batches):
        chunk = Chunk(table)
        found = Findings()
        is_plain = chunk.is_plain(limits).tolist()
        for component in range(chunk.count):
            if is_plain[component]:
                plain_history(chunk, component, found, anonymous_rank=anonymous_rank)
            else:
                _full_history(chunk, component, found, limits, anonymous_rank)
        yield from _batches(chunk, found)


def _whole_components(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of about CHUNK facts that end where a component ends."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows < CHUNK:
            continue
        table = pa.Table.from_batches(waiting)
        component = table.column("component").to_numpy()
        end = int(np.searchsorted(component == component[-1], True))
        if end:
            yield table.slice(0, end)
        waiting = table.slice(end).to_batches()
        rows = table.num_rows - end
    if rows:
        yield pa.Table.from_batches(waiting)


def _full_history(chunk: Chunk, component: int, found: Findings, limits: Limits, anonymous_rank: int) -> None:
    """What limits, shared values and everything else make of one component."""
    facts = Facts()
    place = {}
    for i in range(*chunk.nodes_of(component)):
        place[chunk.code[i]] = i
        born = chunk.born_id(i) if chunk.is_free[i] else None
        facts.nodes.append(Node(chunk.code[i], chunk.type_of(i), chunk.rank[i], chunk.first[i], born))
    edges = chunk.edges
    for i in range(*edges.of(component)):
        facts.edges.append(
            Edge(
                *(edges.a[i], edges.b[i], edges.tier[i], edges.confidence[i]),
                *(edges.at[i], edges.until[i], edges.rule[i]),
            )
        )
    facts.spaces = [Space(at, code, name, until) for at, code, name, until in chunk.spaces_of(component)]
    facts.hints = [Hint(code, at, name) for at, code, name, _ in chunk.hints_of(component)]
    history = replay(facts, limits=limits, anonymous_rank=anonymous_rank)
    for row in history.rows:
        found.row(place[row.code], row.person_id, row.valid_from, row.valid_to)
    found.changes += history.changes
    found.refusals += history.refusals


def _batches(chunk: Chunk, found: Findings) -> Iterator[pa.RecordBatch]:
    """Findings by kind; text of identifiers is taken from the facts as it came, never read by Python."""
    rows = pa.array(chunk.row[np.array(found.place, dtype=np.int64)])
    yield _batch(
        0,
        len(rows),
        id_type=chunk.id_type.take(rows),
        id_key=chunk.id_key.take(rows),
        at=found.since,
        until=found.until,
        person_id=found.person,
    )
    if found.changes:
        old, new, at, cause = zip(*found.changes, strict=True)
        yield _batch(1, len(at), other_id=old, person_id=new, at=at, text=cause)
    if found.refusals:
        a, b, rule, reason = zip(*found.refusals, strict=True)
        yield _batch(2, len(a), a=a, b=b, text=rule, person_id=reason)


def _batch(kind: int, count: int, **columns: object) -> pa.RecordBatch:
    arrays = [
        pa.array(np.full(count, kind, dtype=np.int32))
        if field.name == "kind"
        else _array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in _SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _array(values: object, of: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, of)
