"""run and the single stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from habitue.cli.options import AsOf, Globals, ending, globals_of, print_data
from habitue.pipeline.span import STAGES, Span

if TYPE_CHECKING:
    from habitue.pipeline.execute import Request

_STAGES = ", ".join(STAGES)
UNDATED = ("ingest", "sessionize", "resolve")
DATED = tuple(name for name in STAGES if name not in (*UNDATED, "publish"))


def add_stage_commands(app: typer.Typer) -> None:
    """Add `run` and one command per stage."""
    app.command("run", help="The whole run: from the sources to published audiences.")(run)
    for name in UNDATED:
        app.command(name, help=_HELP[name])(_undated(name))
    for name in DATED:
        app.command(name, help=_HELP[name])(_dated(name))


_HELP = {
    "ingest": "Take in new and changed files of all sources.",
    "sessionize": "Cut the events of each visitor into visits.",
    "resolve": "Find which identifiers belong to one person.",
    "profile": "One profile per person as of a day.",
    "train": "Train, judge and register the models.",
    "score": "Score every person with the champions.",
    "target": "Build the audiences and their splits.",
}


def run(
    context: typer.Context,
    as_of: AsOf = None,
    first: Annotated[str, typer.Option("--from", metavar="STAGE", help=f"Start here: {_STAGES}.")] = STAGES[
        0
    ],
    last: Annotated[
        str,
        typer.Option(
            "--to", metavar="STAGE", help="End here, at one of the same; before publish nothing is published."
        ),
    ] = STAGES[-1],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train although the champions are fresh.")
    ] = False,
    export: Annotated[bool, typer.Option("--export", help="Export for an older day too.")] = False,
) -> None:
    """The whole run: from the sources to published audiences."""
    options = globals_of(context)
    with ending(options):
        request = options.request(
            as_of=as_of, span=Span(first, last), dry_run=dry_run, retrain=retrain, export=export
        )
        _end(options, request)


def _undated(name: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        options = globals_of(context)
        with ending(options):
            _end(options, options.request(span=Span(name, name)))

    return command


def _dated(name: str) -> Callable[[typer.Context, AsOf], None]:
    def command(context: typer.Context, as_of: AsOf = None) -> None:
        options = globals_of(context)
        with ending(options):
            _end(options, options.request(as_of=as_of, span=Span(name, name), retrain=name == "train"))

    return command


def _end(options: Globals, request: Request) -> None:
    from habitue.pipeline.execute import execute

    done = execute(request)
    record = done.record
    if options.as_json:
        print_data(
            {
                "run_id": record.run_id,
                "as_of": record.as_of,
                "outcome": record.outcome,
                "figures": record.figures,
                "exports_withheld": record.exports_withheld,
                "exit_code": record.exit_code,
            }
        )
    elif record.exports_withheld:
        for reason in record.exports_withheld:
            done.progress.say(f"withheld: {reason}")
    raise typer.Exit(record.exit_code or 0)
