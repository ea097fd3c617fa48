"""optimize: the files of the lake's tables."""

from __future__ import annotations

from typing import Annotated

import typer

from habitue.cli.options import ending, globals_of, print_data
from habitue.cli.show import print_table

_MIB = 2**20


def add_optimize_command(app: typer.Typer) -> None:
    """Add `optimize`."""
    app.command()(optimize)


def optimize(
    context: typer.Context,
    table: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="One table, as silver.event. Default: all.")
    ] = None,
    retain_days: Annotated[
        int, typer.Option(min=0, help="Least number of days that files stay after they left their table.")
    ] = 7,
) -> None:
    """Compact the tables and remove files that none of the kept releases reads; changes no row."""
    from habitue.commands.optimize import optimize as optimize_tables

    options = globals_of(context)
    with ending(options):
        done = optimize_tables(options.request(), names=table or (), retain_days=retain_days)
        if options.as_json:
            return print_data(done)
        head = ("table", "files", "now", "MiB", "now", "files kept", "now", "MiB kept", "now")
        rows = [
            (
                each.table,
                *(f"{n:,}" for n in (each.before.files, each.after.files)),
                *(f"{n / _MIB:,.1f}" for n in (each.before.bytes, each.after.bytes)),
                *(f"{n:,}" for n in (each.before.kept_files, each.after.kept_files)),
                *(f"{n / _MIB:,.1f}" for n in (each.before.kept_bytes, each.after.kept_bytes)),
            )
            for each in done.tables
        ]
        print_table(head, rows)
        typer.echo(f"Files stay {done.kept_days:g} days after they left their table.")
