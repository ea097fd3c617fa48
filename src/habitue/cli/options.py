"""Options that every command takes, and how a command ends.

Stages bring Spark and MLflow with them. Commands import them where they call them, so that `--help` and wrong
options are answered at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from habitue.errors import HabitueError, UsageError
from habitue.pipeline.span import Span

if TYPE_CHECKING:
    from habitue.pipeline.execute import Request

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="Day whose start cuts what is known, as 2026-01-31."),
]


@dataclass(frozen=True)
class Globals:
    """The options before the command's name."""

    project: Path = Path()
    env: str = "local"
    lake: str | None = None
    assignments: tuple[str, ...] = ()
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False

    def request(self, *, as_of: str | None = None, span: Span | None = None, **flags: bool) -> Request:
        """A request for the stages."""
        from habitue.pipeline.execute import Request

        return Request(
            project=self.project.absolute(),
            env=self.env,
            lake=self.lake,
            assignments=self.assignments,
            as_of=read_day(as_of),
            span=span or Span(),
            quiet=self.quiet or self.as_json,
            **flags,
        )


def globals_of(context: typer.Context) -> Globals:
    """The global options of this call."""
    found = context.find_object(Globals)
    return found if found is not None else Globals()


def read_day(text: str | None) -> date | None:
    """A day as 2026-01-31."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text} is not a day.", ["expected a day like 2026-01-31"]) from None


def print_data(data: Any) -> None:
    """Data for machines on stdout."""
    typer.echo(json.dumps(data, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


@contextmanager
def ending(options: Globals) -> Iterator[None]:
    """Turn an error into its sentence on stderr and its exit code."""
    try:
        yield
    except (typer.Exit, typer.Abort, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the outermost edge: each error ends as a sentence and a code
        from habitue.job.failure import explain, stack_of

        if options.verbose and not isinstance(error, HabitueError):
            typer.echo(stack_of(error), err=True)
        code, message = explain(error, options.project.absolute() / "habitue-error.log")
        Console(stderr=True, highlight=False).print(
            f"[bold red]habitue:[/bold red] {escape(message)}", soft_wrap=True
        )
        raise typer.Exit(int(code)) from None
