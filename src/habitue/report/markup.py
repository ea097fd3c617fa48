"""Tables and notes of the report as HTML; every text is escaped here."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[int] = (), why: int | None = None
) -> Markup:
    """A table; columns in `numeric` are aligned right, column `why` is set softly."""

    def css(column: int) -> str:
        if column in numeric:
            return ' class="n"'
        return ' class="why"' if column == why else ""

    header = "".join(f"<th{css(i)}>{escape(text)}</th>" for i, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{css(i)}>{escape(cell)}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    top = f"<thead><tr>{header}</tr></thead>" if header else ""
    return Markup(f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>')


def heading(text: str) -> Markup:
    """A heading inside a section."""
    return Markup("<h3>{}</h3>").format(text)


def lead(text: str) -> Markup:
    """A sentence that says how to read what follows."""
    return Markup('<p class="lead">{}</p>').format(text)


def note(text: str) -> Markup:
    """Something the reader must not miss."""
    return Markup('<p class="note">{}</p>').format(text)


def side_by_side(*blocks: Markup) -> Markup:
    """Blocks in two columns where the page is wide enough."""
    return _columns("two", blocks)


def small_side_by_side(*blocks: Markup) -> Markup:
    """Small blocks in three columns where the page is wide enough."""
    return _columns("three", blocks)


def _columns(css: str, blocks: Sequence[Markup]) -> Markup:
    return (
        Markup('<div class="{}">').format(css)
        + Markup("").join(Markup("<div>{}</div>").format(b) for b in blocks)
        + Markup("</div>")
    )
