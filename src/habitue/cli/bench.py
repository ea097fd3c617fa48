"""bench: measure the stages beside their peers. The benchmarks lie in the repository, not in the package."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.options import ending, globals_of
from habitue.errors import UsageError

CHECKOUT = Path(__file__).parents[3]
"""The repository, where habitue is installed from one."""


class Size(StrEnum):
    """How much is measured; small takes nine minutes."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


def add_bench_command(app: typer.Typer) -> None:
    """Add `bench`."""
    app.command()(bench)


def bench(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")] = None,
    size: Annotated[Size, typer.Option(help="How much is measured.")] = Size.SMALL,
) -> None:
    """Measure the stages beside DuckDB, Polars and other peers, on the same input."""
    options = globals_of(context)
    with ending(options):
        as_json = ["--json"] if options.as_json else []
        command = [sys.executable, "-m", "benchmarks", *(names or ()), "--size", size.value, *as_json]
        raise typer.Exit(subprocess.call(command, cwd=_repository()))


def _repository() -> Path:
    for folder in (Path.cwd(), CHECKOUT):
        if (folder / "benchmarks" / "__main__.py").is_file():
            return folder
    raise UsageError(
        "The benchmarks are not part of the installed package: get the repository (git clone) and run "
        "`make bench` in it."
    )
