"""How answers are printed for people: short tables and trees on stdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from habitue.audiences.evaluation import Finding


_WIDTH_OF_A_FILE = 400


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None) -> None:
    """Rows with a head; missing values are dashes."""
    table = Table(*head, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(as_text(cell) for cell in row))
    _console().print(table)


def as_text(value: Any) -> str:
    """A value as people write it: yes or no, numbers to four places, times to the second, lists and pairs without brackets."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3g}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case Mapping():
            return "; ".join(f"{name}: {as_text(held)}" for name, held in value.items())
        case list() | tuple():
            return ", ".join(as_text(held) for held in value)
        case _:
            return str(value)


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names with values; what is missing is left out."""
    rows = [(name, value) for name, value in facts.items() if value not in (None, [], {})]
    print_table((title, ""), rows)


def print_conflicts(conflicts: Sequence[Mapping[str, Any]]) -> None:
    """Attributes on which sources disagree; nothing where they agree."""
    if conflicts:
        print_table(
            ("\nconflict", "values", "sources", "survived from"),
            [(c["attribute"], c["values"], ", ".join(c["sources"]), c["survived_from"]) for c in conflicts],
        )


def print_finding(finding: Finding) -> None:
    """A rule tree with what was found and whether it holds."""
    tree = Tree(_line(finding))
    _grow(tree, finding)
    _console().print(tree)


def _grow(tree: Tree, finding: Finding) -> None:
    for inner in finding.inside:
        _grow(tree.add(_line(inner)), inner)


def _line(finding: Finding) -> str:
    mark = "[green]yes[/green]" if finding.holds else "[red]no[/red] "
    found = f" [dim](found {finding.found})[/dim]" if finding.found else ""
    return f"{mark} {finding.rule}{found}"


def _console() -> Console:
    """As wide as the terminal; in a pipe or file wide enough that no cell is folded."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_OF_A_FILE)
