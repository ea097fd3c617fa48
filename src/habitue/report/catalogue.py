"""The data dictionary: every table and column as the contracts state them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from habitue.contracts.table import Table


def catalogue(tables: Iterable[Table]) -> list[dict[str, Any]]:
    """Tables with their columns, for machines."""
    return [
        {
            "table": table.name,
            "comment": table.comment,
            "stage": table.stage,
            "grain": list(table.grain),
            "checks": dict(table.checks),
            "columns": [
                {
                    "name": column.name,
                    "type": column.type,
                    "nullable": column.nullable,
                    "comment": column.comment,
                    "unit": column.unit,
                    "personal": column.personal.value,
                    "class": column.field_class.value if column.field_class else None,
                }
                for column in table.columns
            ],
        }
        for table in tables
    ]


def catalogue_markdown(tables: Iterable[Table]) -> str:
    """The same for people, as Markdown."""
    return "\n".join(line for table in tables for line in _section(table))


def _section(table: Table) -> list[str]:
    rows = [
        f"| `{c.name}` | {c.type} | {'' if c.nullable else 'required'} | {c.personal.value} | {c.comment} |"
        for c in table.columns
    ]
    head = ["| column | type | | personal data | meaning |", "|---|---|---|---|---|"]
    return [
        f"## {table.name}",
        "",
        f"{table.comment} One row per {', '.join(table.grain)}.",
        "",
        *head,
        *rows,
        "",
    ]
