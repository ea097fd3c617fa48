"""The command's global options and its list of commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from habitue import __version__
from habitue.cli.bench import add_bench_command
from habitue.cli.demo import add_demo_command
from habitue.cli.identity import add_identity_commands
from habitue.cli.lookups import add_lookup_commands
from habitue.cli.optimize import add_optimize_command
from habitue.cli.options import Globals
from habitue.cli.projects import add_project_commands
from habitue.cli.releases import add_release_commands
from habitue.cli.stages import add_stage_commands
from habitue.cli.synth import add_synth_command

app = typer.Typer(
    name="habitue",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="One profile per person from raw customer data, what each is worth, who is about to leave, and the "
    "audiences marketing acts on.",
)

_WITH_VALUE = ("--project", "--env", "--lake", "--set")
_FLAGS = ("--json", "--verbose", "-v", "--quiet", "-q")


@app.callback()
def _globals(
    context: typer.Context,
    project: Annotated[Path, typer.Option(help="Folder of the project (with conf/).")] = Path(),
    env: Annotated[str, typer.Option(help="Environment: conf/ENV.yaml over conf/base.yaml.")] = "local",
    lake: Annotated[
        str | None, typer.Option(help="Folder or URI of the lake; else lake.path of the configuration.")
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one setting.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data on stdout as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the stack of an unforeseen error.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    context.obj = Globals(project, env, lake, tuple(assignments or ()), as_json, verbose, quiet)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


add_stage_commands(app)
add_demo_command(app)
add_synth_command(app)
add_project_commands(app)
add_lookup_commands(app)
add_identity_commands(app)
add_release_commands(app)
add_optimize_command(app)
add_bench_command(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; global options may stand anywhere."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        # outside standalone mode Typer returns the code of `typer.Exit` instead of raising it
        code = app(args=globals_first(arguments), prog_name="habitue", standalone_mode=False)
    except typer.Abort:
        return 130
    except Exception as error:  # noqa: BLE001 - Typer hides the classes of its complaints; others go on
        return _usage(error)
    return code if isinstance(code, int) else 0


def globals_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with the global options moved before the command's name."""
    first: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUE:
            first += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word in _FLAGS or word.split("=", 1)[0] in _WITH_VALUE:
            first.append(word)
        else:
            rest.append(word)
    return first + rest


def _usage(error: Exception) -> int:
    """Typer's own complaints about options, in its words; everything else goes on."""
    show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if show is None or code is None:
        raise error
    show()
    return int(code)
