"""A table contract: name, grain, columns, checks and layout in one place.

Types are written as Spark SQL spells them (`decimal(18,2)`), so that one string
serves DDL, comparison with a DataFrame's schema and the data dictionary, and
contracts can be read without a Spark session.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IDENTIFIERS = "array<struct<id_type:string,id_key:string>>"
MONEY = "decimal(18,2)"
QUANTITY = "decimal(18,3)"

BY_HAND = "identity"
"""Stage of tables that people write through commands: an input, which no run makes and no rollback undoes."""


class Personal(StrEnum):
    """How personal a column is, so that erasure and exports can walk the tables."""

    NONE = "none"
    PSEUDONYM = "pseudonym"  # leads to a person only with the vault or the pepper
    ATTRIBUTE = "attribute"  # says something about a person, does not name one
    CLEAR = "clear"  # names a person; protected layers only


class FieldClass(StrEnum):
    """What kind of knowledge a profile column holds."""

    SOCIO_DEMOGRAPHIC = "socio-demographic"
    BEHAVIOURAL = "behavioural"
    TRANSACTIONAL = "transactional"
    PSYCHOGRAPHIC = "psychographic"


@dataclass(frozen=True)
class Column:
    """One column; `unit` where the name cannot carry it, `field_class` for profile columns."""

    name: str
    type: str
    comment: str
    nullable: bool = True
    personal: Personal = Personal.NONE
    unit: str = ""
    field_class: FieldClass | None = None


@dataclass(frozen=True)
class Table:
    """One Delta table, written by one stage only."""

    name: str
    comment: str
    stage: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    checks: tuple[tuple[str, str], ...] = ()  # (name, SQL predicate that must be true)
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    # single rows change all over the table: they are marked, files not rewritten
    marks_deletions: bool = False

    @property
    def layer(self) -> str:
        """bronze, vault, silver or gold."""
        return self.name.split(".", 1)[0]

    @property
    def leaf(self) -> str:
        """The name without its layer."""
        return self.name.split(".", 1)[1]

    @property
    def is_dated(self) -> bool:
        """Whether the table holds one slice per `as_of_date`, replaced as a whole."""
        return "as_of_date" in self.grain

    @property
    def dated_by(self) -> tuple[str, ...]:
        """Days and instants that files are laid out by: literals of them tell a merge which files it may leave closed."""
        chosen = (self.column(name) for name in self.cluster_by)
        return tuple(c.name for c in chosen if c.type in ("date", "timestamp") and not c.nullable)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """Columns with their types, as Spark reads a schema."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)
