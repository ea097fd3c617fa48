"""demo: the whole run on real retail data or on a planted lake, and what it found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from habitue.cli.options import Globals, ending, globals_of, print_data
from habitue.cli.show import print_table
from habitue.errors import ExitCode

if TYPE_CHECKING:
    from habitue.report.summary import Summary


PERSONS = 3_000


def add_demo_command(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command()(demo)


def demo(
    context: typer.Context,
    planted: Annotated[
        bool, typer.Option("--planted", help="On a synthetic lake with visits, whose truth is known.")
    ] = False,
    both: Annotated[bool, typer.Option("--both", help="On the real data, then on the planted lake.")] = False,
    persons: Annotated[int, typer.Option(help="On the planted lake: how many real people.")] = PERSONS,
) -> None:
    """The whole run on The Complete Journey: 1.5 million real order lines of 2,469 households."""
    from habitue.lake.session import one_session

    options = globals_of(context)
    with ending(options), one_session():
        code = 0
        if both or not planted:
            code = _real(options)
        if both or planted:
            code = _planted(options, persons) or code
        raise typer.Exit(code)


def _real(options: Globals) -> int:
    from habitue.config.template import ensure_pepper
    from habitue.pipeline.execute import execute
    from habitue.report.summary import Summary
    from habitue.stages.report import report_file

    request = options.request()
    if ensure_pepper(request.project):
        typer.echo(
            "made secrets/pepper: the secret that all identifier keys are made with; never lose it",
            err=True,
        )
    done = execute(request)
    code = done.record.exit_code
    found = Summary.read(report_file(request.project).with_name("summary.json"))
    if options.as_json:
        print_data(vars(found))
    else:
        _print(found, request.settings().project.name)
    # that exports are withheld without a consent source is what the demo shows, not a failure of it
    return 0 if code == ExitCode.EXPORTS_WITHHELD else code or 0


def _planted(options: Globals, persons: int) -> int:
    """The whole run on a lake of our own making, and a scoreboard against what was planted; the code of the run."""
    from habitue.commands.scoreboard import planted_scoreboard
    from habitue.commands.synth import synthesise
    from habitue.pipeline.execute import execute
    from habitue.stages.report import report_file
    from habitue.synth.scoreboard import as_text
    from habitue.synth.settings import SynthSettings

    folder = "planted" if persons == PERSONS else f"planted-{persons}"
    request = replace(options, project=options.project / folder).request()
    if not options.quiet:
        typer.echo("\nthe planted lake: people whose truth is known\n", err=True)
    synthesise(request, SynthSettings(persons=persons))
    code = execute(request).record.exit_code or 0
    if code not in (0, ExitCode.EXPORTS_WITHHELD):  # nothing new to score
        return code
    lines = planted_scoreboard(request)
    if options.as_json:
        print_data(lines)
    else:
        rows = [
            (i.stage, i.measure, as_text(i.found), as_text(i.beside), i.beside_is, f"{i.count:,}")
            for i in lines
        ]
        print_table(("\nstage", "measure", "found", "beside", "which is", "of"), rows)
        typer.echo(f"\nreport   {report_file(request.project)}")
    return 0


def _print(found: Summary, project: str) -> None:
    print_table((f"\n{project} as of {found.as_of}", ""), found.headline)
    print_table(("\nmodel", "measure", "ours", "best baseline"), found.models)
    print_table(("\nlargest audiences", "members", "exportable", "why not"), found.audiences)
    for text in found.withheld:
        typer.echo(f"\n{text}")
    typer.echo(f"\nreport   {found.report}\nmodels   habitue mlflow   (or: make mlflow)")
