"""Why two identifiers are one person, why they are not, and how identity stands as a whole."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.commands.person import conflicts_of
from habitue.contracts.behaviour import (
    CUSTOMER,
    IDENTITY_CHANGE,
    IDENTITY_EDGE,
    IDENTITY_MAP,
    IDENTITY_OVERRIDE,
    MATCH_REVIEW,
)
from habitue.contracts.entities import CUSTOMER_RECORD
from habitue.identity.as_of import identity_now
from habitue.identity.audit import cluster_sizes
from habitue.identity.decisions import UNLINK, as_evidence
from habitue.identity.explain import (
    Evidence,
    Identifier,
    Step,
    evidence_of,
    identifiers_of,
    path,
    refused_between,
    refused_through,
    steps,
)
from habitue.identity.review import waiting
from habitue.identity.survivorship import conflict_counts
from habitue.job import Run

Facts = dict[str, Any]


def show(run: Run, person_id: str) -> Facts:
    """A person's identifiers with their validities, the evidence on them, and changes of its id."""
    identity_map = run.lake.read(IDENTITY_MAP)
    return {
        "person_id": person_id,
        "identifiers": [
            r.asDict() for r in identifiers_of(identity_map, person_id).drop("row_hash").collect()
        ],
        "evidence": evidence_of(identity_map, run.lake.read(IDENTITY_EDGE), [person_id]),
        "changes": _changes(run, person_id),
    }


def why(run: Run, a: Identifier, b: Identifier) -> list[Step] | None:
    """The chain of evidence between two identifiers, read from `a` on; None where they are not one person."""
    persons = _persons(run, a, b)
    if persons[a] != persons[b]:
        return None
    evidence = evidence_of(run.lake.read(IDENTITY_MAP), run.lake.read(IDENTITY_EDGE), [persons[a]])
    chain = path(evidence, a, b)
    assert chain is not None, "two identifiers of one person without a chain of accepted evidence"
    return steps(chain, a)


def why_not(run: Run, a: Identifier, b: Identifier) -> list[Facts]:
    """Every reason why two identifiers are not one person, the strongest first; empty where they are one.

    Each has a `kind` (kept_apart, refused, bridge, review, no_evidence), a `reason` in words, and the edge
    behind it, if there is one.
    """
    persons = _persons(run, a, b)
    if persons[a] == persons[b]:
        return []
    identity_map = run.lake.read(IDENTITY_MAP)
    evidence = evidence_of(identity_map, run.lake.read(IDENTITY_EDGE), [persons[a], persons[b]])
    ours, theirs = (_members(identity_map, persons[x]) for x in (a, b))
    found = _kept_apart(run, ours, theirs)
    found += [_refusal("refused", edge) for edge in refused_between(evidence, ours, theirs)]
    found += [_refusal("bridge", edge) for edge in refused_through(evidence, ours, theirs)]
    found += _reviewed(run, ours, theirs)
    return found or [
        {
            "kind": "no_evidence",
            "reason": "no evidence at all: nothing was ever seen with both, and no records of them match",
            "evidence": None,
        }
    ]


def audit(run: Run) -> Facts:
    """Identity in figures: persons by size, edges by status and reason, changes by cause, decisions, conflicts."""
    edges = run.lake.read(IDENTITY_EDGE)
    return {
        "persons_by_identifiers": cluster_sizes(run.lake.read(IDENTITY_MAP)),
        "edges": _counts(edges.groupBy("status", "rule")),
        "not_linking": _counts(edges.where("status <> 'accepted'").groupBy("status", "reason")),
        "changes": _counts(run.lake.read(IDENTITY_CHANGE).groupBy("cause")),
        "decisions": _counts(run.lake.read(IDENTITY_OVERRIDE).groupBy("kind")),
        "records_in_review": _counts(run.lake.read(MATCH_REVIEW).groupBy("status", "reason")),
        "conflicts": conflict_counts(run.lake.read(CUSTOMER)),
    }


def audit_of(run: Run, person_id: str) -> Facts:
    """One person: surviving values with their origin, conflicts, and changes of its id."""
    row = run.lake.read(CUSTOMER).where(F.col("person_id") == person_id).first()
    known = row.asDict(recursive=True) if row else {"lineage": {}}
    survived = [
        {"attribute": name, "value": _value(known, name), **origin}
        for name, origin in sorted(known["lineage"].items())
    ]
    return {
        "person_id": person_id,
        "surviving": survived,
        "conflicts": conflicts_of(run, person_id),
        "changes": _changes(run, person_id),
    }


def review(run: Run, limit: int) -> list[Facts]:
    """Pairs of person records that wait for a person's eye, the most probable first, with an identifier of each."""
    reviews, records, identity_map, decided = (
        run.lake.read(table) for table in (MATCH_REVIEW, CUSTOMER_RECORD, IDENTITY_MAP, IDENTITY_OVERRIDE)
    )
    held, settings = as_evidence(decided, run.now), run.settings.identity
    pairs = waiting(reviews, records, identity_map, held, settings=settings).drop("row_hash")
    shown = pairs.orderBy(F.col("probability").desc(), "record_key_a", "record_key_b").limit(limit)
    for end in ("a", "b"):
        identifiers = run.lake.read(CUSTOMER_RECORD).select(
            F.col("source").alias(f"source_{end}"),
            F.col("record_key").alias(f"record_key_{end}"),
            F.col("identifiers").alias(f"identifiers_{end}"),
        )
        shown = shown.join(identifiers, on=[f"source_{end}", f"record_key_{end}"], how="left")
    rows = [r.asDict(recursive=True) for r in shown.collect()]
    return sorted(rows, key=lambda r: (-r["probability"], r["record_key_a"], r["record_key_b"]))


def _persons(run: Run, *identifiers: Identifier) -> dict[Identifier, str]:
    """Persons of identifiers that are known to exist."""
    keys = [key for _, key in identifiers]
    rows = identity_now(run.lake.read(IDENTITY_MAP)).where(F.col("id_key").isin(keys)).collect()
    return {(r["id_type"], r["id_key"]): r["person_id"] for r in rows}


def _members(identity_map: DataFrame, person_id: str) -> set[Identifier]:
    rows = identity_now(identity_map).where(F.col("person_id") == person_id).collect()
    return {(r["id_type"], r["id_key"]) for r in rows}


def _kept_apart(run: Run, ours: set[Identifier], theirs: set[Identifier]) -> list[Facts]:
    """Decisions in force that name an identifier of either person."""
    held = as_evidence(run.lake.read(IDENTITY_OVERRIDE), run.now).where(
        (F.col("kind") == UNLINK) & (F.col("end") > F.lit(run.now))
    )
    found = []
    for r in held.orderBy("decided_at").collect():
        a, b = (r["id_type_a"], r["id_key_a"]), (r["id_type_b"], r["id_key_b"])
        if (a in ours and b in theirs) or (b in ours and a in theirs):
            reason = f"kept apart by reviewer {r['reviewer']} since {r['decided_at']:%Y-%m-%d} ({r['decision_id']})"
            found.append({"kind": "kept_apart", "reason": reason, "evidence": None})
    return found


def _refusal(kind: str, edge: Evidence) -> Facts:
    return {"kind": kind, "reason": edge.reason, "evidence": edge}


def _reviewed(run: Run, ours: set[Identifier], theirs: set[Identifier]) -> list[Facts]:
    """Pairs of their records that matching looked at."""
    records = run.lake.read(CUSTOMER_RECORD).select(
        "source", "record_key", F.inline("identifiers").alias("id_type", "id_key")
    )
    of_persons = records.where(F.col("id_key").isin([key for _, key in (*ours, *theirs)])).collect()
    sides: dict[tuple[str, str], set[str]] = {}
    for r in of_persons:
        identifier = (r["id_type"], r["id_key"])
        side = "ours" if identifier in ours else "theirs" if identifier in theirs else None
        if side:
            sides.setdefault((r["source"], r["record_key"]), set()).add(side)
    keys = [key for _, key in sides]
    pairs = run.lake.read(MATCH_REVIEW).where(
        F.col("record_key_a").isin(keys) & F.col("record_key_b").isin(keys)
    )
    found = []
    for r in pairs.orderBy(F.col("probability").desc(), "record_key_a", "record_key_b").collect():
        between = [sides.get((r[f"source_{e}"], r[f"record_key_{e}"]), set()) for e in ("a", "b")]
        if between in ([{"ours"}, {"theirs"}], [{"theirs"}, {"ours"}]):
            agree = r["agreement"] or "nothing"
            reason = f"their records match with probability {r['probability']:.2f}: {r['reason']}; they agree on {agree}"
            found.append({"kind": "review", "reason": reason, "evidence": None})
    return found


def _changes(run: Run, person_id: str) -> list[Facts]:
    is_named = (F.col("old_person_id") == person_id) | (F.col("new_person_id") == person_id)
    rows = run.lake.read(IDENTITY_CHANGE).where(is_named).drop("row_hash")
    return [r.asDict() for r in rows.orderBy("changed_at", "old_person_id", "new_person_id").collect()]


def _counts(groups: Any) -> list[Facts]:
    rows = [r.asDict() for r in groups.count().collect()]
    return sorted(rows, key=lambda r: (-r["count"], str(r)))


def _value(known: Facts, name: str) -> Any:
    key = name.removeprefix("attributes.")
    return known["attributes"].get(key) if key != name else known[name]
