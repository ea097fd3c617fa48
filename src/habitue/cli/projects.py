"""init, map, check, report, catalog, quarantine, mlflow: a project and its surroundings."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.options import ending, globals_of, print_data
from habitue.cli.show import print_table
from habitue.contracts.tables import TABLES
from habitue.errors import DependencyError, UsageError
from habitue.report.catalogue import catalogue, catalogue_markdown

_SHOWN = 200
"""Files and reasons of quarantined rows that are listed for reading."""
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that could not be taken in.")


def add_project_commands(app: typer.Typer) -> None:
    """Add the commands around a project."""
    for command in (init, check, report, catalog, mlflow):
        app.command()(command)
    app.command("map")(map_file)
    app.add_typer(quarantine_app, name="quarantine")


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of the new project.")],
    zone: Annotated[str, typer.Option(help="Days are cut in this zone.")] = "Europe/Berlin",
    currency: Annotated[str, typer.Option(help="Currency of all sums.")] = "EUR",
    country: Annotated[str, typer.Option(help="Country of phone numbers without a prefix.")] = "DE",
) -> None:
    """Make a new project: configuration, folders, and the secret that identifier keys are made with."""
    from habitue.config.template import make_project

    options = globals_of(context)
    with ending(options):
        made = make_project(
            folder.absolute(), name=folder.absolute().name, zone=zone, currency=currency, country=country
        )
        typer.echo(f"{folder} holds {len(made)} files.")
        typer.echo(
            "secrets/pepper is the secret that all keys are made with. Keep a copy in a safe place: "
            "without it the keys of the lake can never be made again."
        )
        typer.echo(
            f"Next: put your files into {folder}/data and say what they mean. conf/sources/README.md "
            f"shows how; `habitue --project {folder} map data/FILE` proposes it."
        )


def map_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV, JSON or Parquet file, relative to the project.")],
    entity: Annotated[
        str | None, typer.Option(help="What the rows are (order_line, customer_record, ...); unset: guessed.")
    ] = None,
) -> None:
    """Propose a source mapping for a file (stdout, as YAML) and show 20 mapped rows (stderr)."""
    from habitue.commands.mapping import proposal_for
    from habitue.sources.fields import nearest
    from habitue.sources.synonyms import COLUMNS

    options = globals_of(context)
    with ending(options):
        if entity is not None and entity not in COLUMNS:
            raise UsageError(f"No mapping of {entity} can be proposed.", [nearest(entity, list(COLUMNS))])
        proposal = proposal_for(options.request(), file, entity)
        if options.as_json:
            return print_data({"mapping": proposal.yaml, "rows": proposal.rows})
        typer.echo(proposal.yaml)
        typer.echo(proposal.preview, err=True)


def check(
    context: typer.Context,
    data: Annotated[
        bool, typer.Option("--data", help="What the data of the last run support, and how far to trust it.")
    ] = False,
    orders: Annotated[int | None, typer.Option(help="With --data: orders by your own books.")] = None,
    customers: Annotated[int | None, typer.Option(help="With --data: customers who bought.")] = None,
    revenue: Annotated[str | None, typer.Option(help="With --data: net revenue, as 1234.50.")] = None,
) -> None:
    """Validate configuration and environment; with --data what these data can support."""
    from habitue.checks.environment import check_environment, check_executors
    from habitue.commands.check import Books, data_findings
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options):
        request = options.request()
        settings = request.settings()
        if not data and any(figure is not None for figure in (orders, customers, revenue)):
            raise UsageError("Figures of your books are compared with --data only.", ["add --data"])
        if data:
            with opened(request) as run:
                found = data_findings(run, Books(orders, customers, _amount(revenue)))
            if options.as_json:
                return print_data(found)
            print_table(("figure", "value"), list(found["figures"].items()))
            if found["books"]:
                print_table(
                    ("\nyour books", "expected", "found", "difference"),
                    [list(b.values()) for b in found["books"]],
                )
            print_table(
                ("\ncapability", "supported", "why"),
                [(c["capability"], c["supported"], c["why"]) for c in found["capabilities"]],
            )
            return None
        tracking = settings.mlflow.store(request.project)
        findings = check_environment(project=request.project, tracking_uri=tracking)
        if all(f.ok for f in findings if f.name in ("java", "jars", "python")):
            with opened(request) as run:
                findings.append(check_executors(run.spark))
        if options.as_json:
            print_data([vars(f) for f in findings])
        else:
            print_table(
                ("", "", "found", "expected", "what to do"),
                [("ok" if f.ok else "NO", f.name, f.found, f.expected, f.remedy) for f in findings],
            )
        wrong = [f for f in findings if not f.ok]
        if wrong:
            raise DependencyError("The environment is not ready:", [f"{f.name}: {f.remedy}" for f in wrong])


def _amount(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise UsageError(f"{text} is not an amount; expected one like 1234.50.") from None


def report(
    context: typer.Context, lang: Annotated[str | None, typer.Option(help="Language: en or de.")] = None
) -> None:
    """Write the report of the last release as one HTML file."""
    from habitue.pipeline.execute import opened
    from habitue.stages.report import write_report

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        if lang not in (None, "en", "de"):
            raise UsageError(f"There is no report in {lang}.", ["languages: en, de"])
        written = str(write_report(run, language=lang))
        print_data({"report": written}) if options.as_json else typer.echo(written)


def catalog(context: typer.Context) -> None:
    """All tables and columns with type, meaning and personal-data class."""
    options = globals_of(context)
    with ending(options):
        print_data(catalogue(TABLES)) if options.as_json else typer.echo(catalogue_markdown(TABLES))


OfSource = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only rows of this source.")]


@quarantine_app.command("list")
def quarantine_list(context: typer.Context, source: OfSource = None) -> None:
    """Quarantined rows by source, entity and reason; counts and reasons only, never the rows."""
    from habitue.commands.quarantine import locked_rows
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        found = locked_rows(run, source)
        if options.as_json:
            return print_data(found)
        print_table(
            ("source", "entity", "file", "reason", "rows"),
            [(each.source, each.entity, each.file, each.reason, f"{each.rows:,}") for each in found[:_SHOWN]],
        )
        if len(found) > _SHOWN:
            rest = sum(each.rows for each in found[_SHOWN:])
            typer.echo(
                f"{len(found) - _SHOWN:,} more files and reasons with {rest:,} rows; --json lists them all."
            )


@quarantine_app.command("replay")
def quarantine_replay(context: typer.Context, source: OfSource = None) -> None:
    """Take quarantined rows in again after their mapping was mended; `habitue run` carries them on."""
    from habitue.commands.quarantine import findings, replay

    options = globals_of(context)
    with ending(options):
        replayed = replay(options.request(), source)
        if options.as_json:
            return print_data(replayed)
        for line in findings(replayed):
            typer.echo(line)


def mlflow(
    context: typer.Context, port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000
) -> None:
    """Open the MLflow pages on this project's models (http://127.0.0.1:PORT)."""
    options = globals_of(context)
    with ending(options):
        request = options.request()
        uri = request.settings().mlflow.store(request.project)
        typer.echo(
            f"http://127.0.0.1:{port} shows the models (Model training, Models); Ctrl-C ends it.", err=True
        )
        raise typer.Exit(
            subprocess.call(
                [
                    sys.executable,
                    "-m",
                    "mlflow",
                    "ui",
                    "--backend-store-uri",
                    uri,
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(port),
                    "--workers",
                    "1",  # for one person: four would take four times the memory and the start
                ]
            )
        )
