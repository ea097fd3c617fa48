"""demo: the whole run on real retail data, and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from habitue.cli.options import ending, globals_of, print_data
from habitue.cli.show import print_table
from habitue.errors import ExitCode

if TYPE_CHECKING:
    from habitue.report.summary import Summary


def add_demo_command(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command()(demo)


def demo(context: typer.Context) -> None:
    """The whole run on The Complete Journey: 1.5 million real order lines of 2,469 households."""
    from habitue.config.template import ensure_pepper
    from habitue.report.summary import Summary
    from habitue.stages.execute import execute
    from habitue.stages.report import report_file

    options = globals_of(context)
    with ending(options):
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
        raise typer.Exit(0 if code == ExitCode.EXPORTS_WITHHELD else code or 0)


def _print(found: Summary, project: str) -> None:
    print_table((f"\n{project} as of {found.as_of}", ""), found.headline)
    print_table(("\nmodel", "measure", "ours", "best baseline"), found.models)
    print_table(("\nlargest audiences", "members", "exportable", "why not"), found.audiences)
    for text in found.withheld:
        typer.echo(f"\n{text}")
    typer.echo(f"\nreport   {found.report}\nmodels   habitue mlflow   (or: make mlflow)")
