"""identity: why identifiers are one person or not, and what reviewers decide about them."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from habitue.cli.lookups import Email, Number, PersonId, handle
from habitue.cli.options import ending, globals_of, print_data, read_day
from habitue.cli.show import print_conflicts, print_table

if TYPE_CHECKING:
    from habitue.identity.explain import Evidence, Step

identity_app = typer.Typer(no_args_is_help=True, help="Which identifiers belong together, and why.")

_NAMED = "A person_id or TYPE:VALUE, as in email:NAME@DOMAIN; the value is keyed before it is looked up."
One = Annotated[str, typer.Argument(metavar="ID", help=_NAMED)]
First = Annotated[str, typer.Argument(metavar="A", help=_NAMED)]
Second = Annotated[str, typer.Argument(metavar="B", help=_NAMED)]
Reviewer = Annotated[
    str | None, typer.Option("--reviewer", help="Account of who decides; else the user of this machine.")
]
Note = Annotated[str | None, typer.Option("--note", help="Why, without personal data.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DAY", help="First day on which it no longer counts.")
]


def add_identity_commands(app: typer.Typer) -> None:
    """Add the group `identity`."""
    app.add_typer(identity_app, name="identity")


@identity_app.command("show")
def show(
    context: typer.Context, person_id: PersonId = None, customer_number: Number = None, email: Email = None
) -> None:
    """A person's identifiers and the evidence that joins them."""
    from habitue.commands import explanations
    from habitue.commands.identifiers import find_person
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        asked = handle(person_id, customer_number, email)
        with opened(options.request()) as run:
            found = explanations.show(run, find_person(run, asked))
            if options.as_json:
                return print_data({**found, "evidence": [_plain(e) for e in found["evidence"]]})
            typer.echo(f"person {found['person_id']}\n")
            print_table(
                ("identifier", "key", "since", "until"),
                [
                    (r["id_type"], r["id_key"][:16], r["valid_from"], r["valid_to"])
                    for r in found["identifiers"]
                ],
            )
            _print_edges(found["evidence"])
            _print_changes(found["changes"])


@identity_app.command("why")
def why(context: typer.Context, a: First, b: Second) -> None:
    """The chain of evidence between two identifiers: rule, source, times, how often it was seen."""
    from habitue.commands import explanations
    from habitue.commands.identifiers import find_identifier, read_handle
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        first, second = read_handle(a), read_handle(b)
        with opened(options.request()) as run:
            chain = explanations.why(run, find_identifier(run, first), find_identifier(run, second))
            if options.as_json:
                return print_data(None if chain is None else [_plain(step.by) for step in chain])
            if chain is None:
                typer.echo("They are not one person. `habitue identity why-not` says why.")
            else:
                _print_chain(chain)


@identity_app.command("why-not")
def why_not(context: typer.Context, a: First, b: Second) -> None:
    """Every reason why two identifiers are not one person: a limit, a decision, a shared value, no evidence."""
    from habitue.commands import explanations
    from habitue.commands.identifiers import find_identifier, read_handle
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        first, second = read_handle(a), read_handle(b)
        with opened(options.request()) as run:
            reasons = explanations.why_not(run, find_identifier(run, first), find_identifier(run, second))
            if options.as_json:
                plain = [{**r, "evidence": r["evidence"] and _plain(r["evidence"])} for r in reasons]
                return print_data(plain)
            if not reasons:
                typer.echo("They are one person. `habitue identity why` shows the chain.")
            for reason in reasons:
                typer.echo(f"{_KINDS[reason['kind']]}: {reason['reason']}")
                if reason["evidence"]:
                    typer.echo(f"    {_edge_line(reason['evidence'])}")


_KINDS = {
    "kept_apart": "kept apart",
    "refused": "link between them does not count",
    "bridge": "link to what both were seen with does not count",
    "review": "looked at by matching",
    "no_evidence": "nothing",
}


@identity_app.command("audit")
def audit(
    context: typer.Context, person_id: PersonId = None, customer_number: Number = None, email: Email = None
) -> None:
    """Identity in figures; of one person, the surviving values, conflicts and changes of its id."""
    from habitue.commands import explanations
    from habitue.commands.identifiers import find_person
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        asked = handle(person_id, customer_number, email) if person_id or customer_number or email else None
        with opened(options.request()) as run:
            if asked is None:
                found = explanations.audit(run)
                return print_data(found) if options.as_json else _print_audit(found)
            found = explanations.audit_of(run, find_person(run, asked))
            if options.as_json:
                return print_data(found)
            print_table(
                ("attribute", "value", "source", "known"),
                [(s["attribute"], s["value"], s["source"], s["known_time"]) for s in found["surviving"]],
            )
            print_conflicts(found["conflicts"])
            _print_changes(found["changes"])


@identity_app.command("review")
def review(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most pairs shown.")] = 20,
) -> None:
    """Pairs of records that matching left to a person's eye, the most probable first."""
    from habitue.commands import explanations
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        pairs = explanations.review(run, limit)
        if options.as_json:
            return print_data(pairs)
        print_table(
            ("probability", "first", "second", "agree", "why not joined"),
            [
                (f"{p['probability']:.3f}", _one_of(p, "a"), _one_of(p, "b"), p["agreement"], p["reason"])
                for p in pairs
            ],
        )
        typer.echo("\n`habitue identity link A B` joins two, `unlink A B` keeps them apart.")


@identity_app.command("link")
def link(
    context: typer.Context,
    a: First,
    b: Second,
    reviewer: Reviewer = None,
    note: Note = None,
    until: Until = None,
) -> None:
    """Decide that two identifiers are one person; a limit or two numbers of one source still forbid it."""
    _decide(context, "link", (a, b), reviewer, note, until)


@identity_app.command("unlink")
def unlink(
    context: typer.Context,
    a: First,
    b: Second,
    reviewer: Reviewer = None,
    note: Note = None,
    until: Until = None,
) -> None:
    """Decide that two identifiers are never one person; a merge that joined them is undone."""
    _decide(context, "unlink", (a, b), reviewer, note, until)


@identity_app.command("block")
def block(
    context: typer.Context, a: One, reviewer: Reviewer = None, note: Note = None, until: Until = None
) -> None:
    """Decide that an identifier links nobody, as a telephone of a call centre."""
    _decide(context, "block", (a,), reviewer, note, until)


@identity_app.command("decisions")
def decisions(context: typer.Context) -> None:
    """All decisions of reviewers, newest first, with what came of them."""
    from habitue.commands.decisions import decisions as all_decisions
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        found = all_decisions(run)
        if options.as_json:
            return print_data(found)
        print_table(
            ("decision", "kind", "first", "second", "by", "decided", "until", "state", "effect", "note"),
            [
                (
                    d["decision_id"],
                    d["kind"],
                    _name((d["id_type_a"], d["id_key_a"])),
                    _name((d["id_type_b"], d["id_key_b"])) if d["id_key_b"] else None,
                    d["reviewer"],
                    f"{d['decided_at']:%Y-%m-%d %H:%M}",
                    f"{d['expires_at']:%Y-%m-%d}" if d["expires_at"] else None,
                    d["state"],
                    d["effect"],
                    d["note"],
                )
                for d in found
            ],
        )


@identity_app.command("withdraw")
def withdraw(
    context: typer.Context,
    decision_id: Annotated[str, typer.Argument(help="As `identity decisions` lists it.")],
    reviewer: Reviewer = None,
) -> None:
    """End a decision; it stays in the record with who withdrew it."""
    from habitue.commands.decisions import withdraw as end
    from habitue.pipeline.execute import opened, writing

    options = globals_of(context)
    with ending(options), opened(options.request()) as run, writing(run):
        ended = end(run, decision_id, reviewer=reviewer or getpass.getuser())
        print_data(ended) if options.as_json else typer.echo(f"{decision_id} is withdrawn. {_NEXT}")


_NEXT = "The next `habitue resolve` or `habitue run` applies it."


def _decide(
    context: typer.Context,
    kind: str,
    members: Sequence[str],
    reviewer: str | None,
    note: str | None,
    until: str | None,
) -> None:
    from habitue.commands.decisions import decide
    from habitue.commands.identifiers import find_identifier, read_handle
    from habitue.pipeline.execute import opened, writing

    options = globals_of(context)
    with ending(options):
        handles, day = [read_handle(member) for member in members], read_day(until)
        with opened(options.request()) as run, writing(run):
            found = [find_identifier(run, named) for named in handles]
            decision, replaced = decide(
                run, kind, found, reviewer=reviewer or getpass.getuser(), note=note, expires_on=day
            )
            if options.as_json:
                return print_data({**decision, "replaced": replaced})
            typer.echo(f"{decision['decision_id']}: {kind} {' '.join(_name(i) for i in found)}. {_NEXT}")
            for decision_id in replaced:
                typer.echo(f"It replaces {decision_id}, which is withdrawn.")


def _plain(edge: Evidence) -> dict[str, Any]:
    return edge._asdict()


def _name(identifier: tuple[str, str]) -> str:
    return f"{identifier[0]}:{identifier[1][:16]}"


def _one_of(pair: dict[str, Any], end: str) -> str:
    """The record's source and its first identifier, by which a decision can name it."""
    identifiers = pair[f"identifiers_{end}"] or [{"id_type": "record", "id_key": pair[f"record_key_{end}"]}]
    return f"{pair[f'source_{end}']} {_name((identifiers[0]['id_type'], identifiers[0]['id_key']))}"


def _edge_line(edge: Evidence) -> str:
    return f"{_name(edge.a)} – {_name(edge.b)}: {_how(edge)}"


def _how(edge: Evidence) -> str:
    seen = "once" if edge.observations == 1 else f"{edge.observations:,} times"
    last = f", last {edge.last_seen:%Y-%m-%d %H:%M}" if edge.last_seen else ""
    sure = f", confidence {edge.confidence:.3g}" if edge.confidence is not None else ""
    return f"{edge.rule} in {edge.source}, known since {edge.first_known:%Y-%m-%d %H:%M}, seen {seen}{last}{sure}"


def _print_chain(chain: Sequence[Step]) -> None:
    if not chain:
        typer.echo("Both are the same identifier.")
        return
    typer.echo(_name(chain[0].start))
    for step in chain:
        typer.echo(f"  │ {_how(step.by)}")
        typer.echo(_name(step.end))


def _print_edges(evidence: Sequence[Evidence]) -> None:
    rows = [
        (
            _name(e.a),
            _name(e.b),
            e.rule,
            e.source,
            e.first_known,
            e.last_seen,
            e.observations,
            e.status,
            e.reason,
        )
        for e in evidence
    ]
    head = ("\nfrom", "to", "rule", "source", "known since", "last seen", "seen", "status", "reason")
    print_table(head, rows)


def _print_changes(changes: Sequence[dict[str, Any]]) -> None:
    if changes:
        print_table(
            ("\nchange", "from", "into", "cause"),
            [(c["changed_at"], c["old_person_id"], c["new_person_id"], c["cause"]) for c in changes],
        )


def _print_audit(found: dict[str, Any]) -> None:
    """One small table for each kind of figure; what is empty is left out."""
    print_table(("identifiers of a person", "persons"), list(found["persons_by_identifiers"].items()))
    for name in ("edges", "not_linking", "changes", "decisions", "records_in_review", "conflicts"):
        rows = found[name]
        if rows:
            head = (f"\n{name.replace('_', ' ')}", *list(rows[0])[1:])
            print_table(head, [tuple(row.values()) for row in rows])
