"""person and audience: what habitue knows, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from habitue.cli.options import ending, globals_of, print_data
from habitue.cli.show import print_conflicts, print_facts, print_finding, print_table
from habitue.errors import UsageError

if TYPE_CHECKING:
    from habitue.commands.identifiers import Handle

person_app = typer.Typer(no_args_is_help=True, help="One person, as of the last release.")
audience_app = typer.Typer(no_args_is_help=True, help="Audiences: who is in, and why.")

Number = Annotated[
    str | None, typer.Option("--customer-number", help="The person's number in the CRM or shop.")
]
Email = Annotated[str | None, typer.Option("--email", help="An e-mail address of the person.")]
AudienceName = Annotated[str, typer.Argument(metavar="NAME", help="As `audience list` shows it.")]
PersonId = Annotated[str | None, typer.Argument(help="A person_id or TYPE:VALUE.", show_default=False)]


def add_lookup_commands(app: typer.Typer) -> None:
    """Add the groups `person` and `audience`."""
    app.add_typer(person_app, name="person")
    app.add_typer(audience_app, name="audience")


@person_app.command("show")
def person_show(
    context: typer.Context, person_id: PersonId = None, customer_number: Number = None, email: Email = None
) -> None:
    """Profile, scores, audiences, keys of identifiers and conflicts of one person."""
    from habitue.commands.identifiers import find_person
    from habitue.commands.person import person_view, published
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        asked = handle(person_id, customer_number, email)
        with opened(options.request()) as run:
            published(run)  # where nothing was published, nobody is looked for
            view = person_view(run, find_person(run, asked))
        if options.as_json:
            return print_data(view)
        typer.echo(f"person {view['person_id']} as of {view['as_of_date']} (release {view['release_id']})\n")
        print_facts(
            "profile", {k: v for k, v in view["profile"].items() if k not in ("as_of_date", "person_id")}
        )
        print_facts(
            "\nscore",
            {k: v for k, v in (view["score"] or {}).items() if k not in ("as_of_date", "person_id")},
        )
        print_table(
            ("\naudience", "group", "channels", "since", "why"),
            [
                (
                    a["audience"],
                    a["split_group"],
                    ", ".join(a["channels"]) or a["not_exportable_reason"],
                    a["entered_at"],
                    a["reason"],
                )
                for a in view["audiences"]
            ],
        )
        print_table(
            ("\nidentifier", "key", "since"),
            [(i["id_type"], i["id_key"][:16], i["valid_from"]) for i in view["identifiers"]],
        )
        print_conflicts(view["conflicts"])


@audience_app.command("list")
def audience_list(context: typer.Context) -> None:
    """All defined audiences."""
    options = globals_of(context)
    with ending(options):
        settings = options.request().settings()
        rows = [(a.audience, a.description) for a in settings.audiences.values()]
        print_data(
            [dict(zip(("audience", "description"), r, strict=True)) for r in rows]
        ) if options.as_json else print_table(("audience", "what it is"), rows)


@audience_app.command("preview")
def preview(context: typer.Context, name: AudienceName) -> None:
    """Size, losses on the way to an export, and ten members, by today's definition; writes nothing."""
    from habitue.commands.preview import audience_preview
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        found = audience_preview(run, name)
        if options.as_json:
            return print_data(found)
        print_table(
            (f"{name} as of {found['as_of_date']}", "persons"), [(s, f"{c:,}") for s, c in found["funnel"]]
        )
        print_table(
            ("\nmember", "value (clv_365d)", "p_churn", "why"),
            [(m["person_id"], m["clv_365d"], m["p_churn"], m["reason"]) for m in found["members"]],
        )


@audience_app.command("explain")
def explain(
    context: typer.Context,
    name: AudienceName,
    person_id: PersonId = None,
    customer_number: Number = None,
    email: Email = None,
) -> None:
    """Why a person is or is not in an audience: each clause with what was found."""
    from habitue.commands.identifiers import find_person
    from habitue.commands.person import audience_findings
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        finding, member = audience_findings(
            run, name, find_person(run, handle(person_id, customer_number, email))
        )
        if options.as_json:
            return print_data({"holds": finding.holds, "finding": finding, "membership": member})
        print_finding(finding)
        if member:
            reach = ", ".join(member["channels"]) or f"not exportable: {member['not_exportable_reason']}"
            typer.echo(f"member since {member['entered_at']}, {member['split_group']}, {reach}")


def handle(person_id: str | None, customer_number: str | None, email: str | None) -> Handle:
    """Exactly one way to name a person."""
    from habitue.commands.identifiers import Handle, read_handle

    given = [value for value in (person_id, customer_number, email) if value]
    if len(given) != 1:
        raise UsageError("Name one person:", ["a person_id or TYPE:VALUE, --customer-number N or --email E"])
    if person_id:
        return read_handle(person_id)
    return Handle(id_type="customer_number" if customer_number else "email", value=given[0])
