"""synth: a project with a synthetic lake whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.options import ending, globals_of, read_day


def add_synth_command(app: typer.Typer) -> None:
    """Add `synth`."""
    app.command()(synth)


def synth(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder of the new project.")],
    persons: Annotated[int, typer.Option(help="Real people, buyers or not.")] = 3_000,
    days: Annotated[int, typer.Option(help="Days of the lake.")] = 365,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    start: Annotated[str | None, typer.Option(help="First day; 2023-07-01 if not given.")] = None,
    process: Annotated[str, typer.Option(help="rich, or pure: BG/NBD and Gamma-Gamma exactly.")] = "rich",
    hot_share: Annotated[float, typer.Option(help="Share of all events that one visitor has.")] = 0.0,
) -> None:
    """Make a project with a synthetic lake: people, visits, orders, contacts, and the truth in a folder of its own."""
    from habitue.commands.synth import synthesise
    from habitue.config.layers import Layer
    from habitue.config.validation import validate
    from habitue.errors import UsageError
    from habitue.synth.settings import SynthSettings

    options = globals_of(context)
    with ending(options):
        wanted: dict[str, object] = {"persons": persons, "days": days, "seed": seed, "process": process,
                                     "hot_share": hot_share}  # fmt: skip
        wanted |= {"start": read_day(start)} if start else {}
        settings = validate(SynthSettings, Layer(wanted), "The options", fault=UsageError)
        synthesise(replace(options, project=out).request(), settings)
        typer.echo(f"{out} is a project; its truth is in {out}/truth. Next: habitue --project {out} run")
