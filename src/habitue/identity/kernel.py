"""Arrow kernel: a partition sorted by component in, the replayed history of each component out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from habitue.identity.constrained import Edge, Limits, Node
from habitue.identity.replay import ID_DIGITS, Facts, Hint, History, Space, replay

# kind 0 node (text: key), 1 edge (text: rule; rank: tier), 2 number space (text), 3 founder (text: person)
FACTS = ("component", "kind", "at", "a", "b", "rank", "confidence", "until", "id_type", "text", "born_id")
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
_FLUSH = 50_000  # findings per batch handed back

__all__ = ["FACTS", "FOUND", "ID_DIGITS", "replay_partition"]

Finding = tuple[Any, ...]


def replay_partition(
    batches: Iterator[pa.RecordBatch], *, limits: Limits, anonymous_rank: int
) -> Iterator[pa.RecordBatch]:
    """Replay component after component; a component may reach over several batches."""
    findings: list[Finding] = []
    for facts, keys in _components(batches):
        history = replay(facts, limits=limits, anonymous_rank=anonymous_rank)
        findings.extend(_findings(history, keys))
        if len(findings) >= _FLUSH:
            yield _batch(findings)
            findings = []
    if findings:
        yield _batch(findings)


def _components(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Facts, dict[int, tuple[str, str]]]]:
    """Facts of each component, with type and key of its codes."""
    current: int | None = None
    facts, keys = Facts(), dict[int, tuple[str, str]]()
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in FACTS]
        for component, kind, at, a, b, rank, confidence, until, id_type, text, born in zip(
            *columns, strict=True
        ):
            if component != current:
                if current is not None:
                    yield facts, keys
                current, facts, keys = component, Facts(), {}
            if kind == 0:
                facts.nodes.append(Node(a, id_type, rank, at, born))
                keys[a] = (id_type, text)
            elif kind == 1:
                facts.edges.append(Edge(a, b, rank, confidence, at, until, text))
            elif kind == 2:
                facts.spaces.append(Space(at, a, text))
            else:
                facts.hints.append(Hint(a, at, text))
    if current is not None:
        yield facts, keys


def _findings(history: History, keys: dict[int, tuple[str, str]]) -> Iterator[Finding]:
    for row in history.rows:
        yield (0, *keys[row.code], row.valid_from, row.valid_to, row.person_id, None, None, None, None)
    for change in history.changes:
        yield (1, None, None, change.at, None, change.new, change.old, change.cause, None, None)
    for refusal in history.refusals:
        yield (2, None, None, None, None, refusal.reason, None, refusal.rule, refusal.a, refusal.b)


def _batch(findings: list[Finding]) -> pa.RecordBatch:
    columns = zip(*findings, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)
