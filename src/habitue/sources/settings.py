"""One source's settings: where its files are and what their columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, field_validator, model_validator

from habitue.contracts.entities import ENTITIES
from habitue.identity.normalise import IDENTIFIER_TYPES
from habitue.sources.fields import ALIASES, ONE_OF, REQUIRED, field_of, fields, nearest
from habitue.sources.format_options import OF_ORDERS, OptionValue, option_problems, spelt

_EXPRESSION_KEYS = {"column", "value", "sql", "format"}
EPOCHS = {"epoch_seconds": 1_000_000, "epoch_millis": 1_000, "epoch_micros": 1}
"""Formats of times that are numbers, with how many microseconds one of them is."""
ADAPTER_NAMES = ("completejourney", "segment", "snowplow", "ga4")
NAME = r"^[a-z0-9_]{1,63}$"


class Expression(BaseModel, extra="forbid", frozen=True):
    """Where a canonical column comes from: a source column, a constant, or SQL over the source's columns."""

    column: str | None = Field(None, description="A column of the source.")
    value: str | int | float | bool | None = Field(None, description="A constant.")
    sql: str | None = Field(None, description="SQL over the source's columns.")
    format: str | None = Field(None, description="Of dates and times, as Spark writes it: dd.MM.yyyy HH:mm.")

    @model_validator(mode="before")
    @classmethod
    def _column_by_name(cls, data: Any) -> Any:
        return {"column": str(data)} if isinstance(data, (str, int)) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _one_of(self) -> Expression:
        given = [k for k in ("column", "value", "sql") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of column, value, sql; found {', '.join(given) or 'none'}")
        return self

    @field_validator("format")
    @classmethod
    def _is_a_date(cls, pattern: str | None) -> str | None:
        """Patterns of other languages that Spark refuses, or takes for something else."""
        letters = re.sub("'[^']*'", "", pattern or "")
        if pattern is None or pattern in EPOCHS:
            return pattern
        if re.search("Y|(?<!D)DD(?!D)", letters):
            raise ValueError(f"format {pattern}: years are yyyy and days of a month dd")
        if "mm" in letters and not re.search("[HhKk]", letters):
            raise ValueError(f"format {pattern}: mm are minutes; months are MM")
        return pattern


class SourceLimits(BaseModel, extra="forbid", frozen=True):
    """How much of a source may be wrong before the run stops."""

    max_quarantined_share: float = Field(0.05, ge=0, le=1, description="Of the rows read.")
    max_rejected_file_share: float = Field(0.2, ge=0, le=1, description="Of the files found.")


class SourceSettings(BaseModel, extra="forbid", frozen=True):
    """A mapped source (entity, format, path, columns), or one that an adapter understands."""

    source: str = Field(pattern=NAME, description="Name of the source, kept on every row.")
    adapter: str | None = Field(
        None, description="An adapter instead of a mapping: completejourney, segment, snowplow, ga4."
    )
    entity: str | None = Field(None, description="What a row becomes.")
    format: Literal["csv", "json", "parquet", "delta"] | None = Field(
        None, description="Format of the files."
    )
    path: str | None = Field(None, description="File, folder, glob or URI; relative to the project.")
    paths: tuple[str, ...] = Field((), description="Several of them.")
    options: dict[str, OptionValue] = Field(
        default_factory=dict, description="Of the format: delimiter, encoding."
    )
    zone: str | None = Field(None, description="Of times without one; default: the project's.")
    country: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="Of telephone numbers without a prefix, where a record names none; default: the project's.",
    )
    numbers: Literal["plain", "en", "de", "fr", "ch"] = Field("plain", description="How numbers are written.")
    nulls: tuple[str, ...] = Field(
        ("NULL", "null", "\\N"), description="Texts that mean nothing, beside the empty one."
    )
    history: bool = Field(False, description="First historical load: rows were known when they happened.")
    key: tuple[str, ...] = Field(
        (), description="Source columns that tell rows apart; a later row replaces an earlier."
    )
    columns: dict[str, Expression] = Field(
        default_factory=dict, description="Canonical column: where its value comes from."
    )
    identifiers: dict[str, tuple[Expression, ...]] = Field(
        default_factory=dict, description="Identifier type: where its value comes from; one or a list."
    )
    limits: SourceLimits = SourceLimits()

    @field_validator("options", mode="before")
    @classmethod
    def _spelt(cls, options: Any) -> Any:
        return spelt(options) if isinstance(options, Mapping) else options

    @field_validator("columns", mode="before")
    @classmethod
    def _flat(cls, columns: Any) -> Any:
        """`campaign: {source: utm_source}` as `campaign.source: utm_source`."""
        if not isinstance(columns, Mapping):
            return columns
        flat: dict[str, Any] = {}
        for name, value in columns.items():
            nested = isinstance(value, Mapping) and not set(value) <= _EXPRESSION_KEYS
            is_map = name in ("attributes", "properties", "consent", "discounts", "other_person")
            if isinstance(value, Mapping) and (nested or is_map):
                flat |= {f"{name}.{key}": below for key, below in value.items()}
            else:
                flat[str(name)] = value
        return flat

    @field_validator("identifiers", mode="before")
    @classmethod
    def _several(cls, identifiers: Any) -> Any:
        """One expression per type, or a list: a record may carry two e-mails."""
        if not isinstance(identifiers, Mapping):
            return identifiers
        return {k: v if isinstance(v, (list, tuple)) else (v,) for k, v in identifiers.items()}

    @model_validator(mode="after")
    def _complete(self) -> SourceSettings:
        problems = list(self._location_problems())
        problems += self._option_problems()
        if self.adapter is None:
            problems += self._mapping_problems()
        elif self.adapter not in ADAPTER_NAMES:
            problems.append(
                f"adapter {self.adapter} is not known; {nearest(self.adapter, list(ADAPTER_NAMES))}"
            )
        elif self.entity or self.columns or self.identifiers or self.key:
            problems.append(
                "an adapter knows its entities and columns: leave entity, columns, identifiers and key out"
            )
        elif self.numbers != "plain":
            problems.append(
                f"numbers: {self.numbers}: an adapter reads numbers as the tracker's specification writes them; leave it out"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def locations(self) -> tuple[str, ...]:
        """All paths as written."""
        return (*((self.path,) if self.path else ()), *self.paths)

    def canonical(self, name: str) -> str:
        """The contract's name of a mapped column."""
        return ALIASES.get(self.entity or "", {}).get(name, name)

    @property
    def mapped(self) -> dict[str, Expression]:
        """Expressions by the contract's names; members of lists stand aside."""
        every = {self.canonical(name): expression for name, expression in self.columns.items()}
        return {name: expression for name, expression in every.items() if not self._is_member(name)}

    @property
    def members(self) -> dict[str, dict[str, str]]:
        """By list the names of its members in the source, by the contract's names: items -> price -> unit_price."""
        found: dict[str, dict[str, str]] = {}
        for name, expression in self.columns.items():
            if self._is_member(name):
                head, _, part = name.partition(".")
                found.setdefault(head, {})[part] = expression.column or ""
        return found

    def _is_member(self, name: str) -> bool:
        field = field_of(self.entity, name) if self.entity in ENTITIES else None
        return field is not None and field.is_member

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Every source column that the mapping names outside SQL."""
        expressions = [*self.mapped.values(), *(e for several in self.identifiers.values() for e in several)]
        return tuple(dict.fromkeys([*(e.column for e in expressions if e.column), *self.key]))

    def _location_problems(self) -> list[str]:
        problems = []
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError):
                problems.append(f"zone {self.zone} is not a time zone such as Europe/Berlin")
        if not self.locations and self.adapter != "completejourney":
            problems.append("path is missing")
        return problems

    def _option_problems(self) -> Iterator[str]:
        is_adapter = self.adapter is not None
        default = "csv" if self.adapter in (None, "snowplow") else "json"
        form = "parquet" if self.adapter == "completejourney" else format_of(self, default)
        has_orders = is_adapter and self.adapter != "completejourney"
        return option_problems(self.options, form=form, is_adapter=is_adapter, has_orders=has_orders)

    def _mapping_problems(self) -> list[str]:
        if self.entity not in ENTITIES:
            return [f"entity {self.entity} is not known; {nearest(str(self.entity), list(ENTITIES))}"]
        problems = [] if self.format else ["format is missing: csv, json, parquet or delta"]
        problems += self._unknown_names(self.entity)
        mapped = self.mapped
        problems += [
            f"{name} must be mapped for {self.entity}" for name in REQUIRED[self.entity] if name not in mapped
        ]
        choices = ONE_OF.get(self.entity, ())
        if choices and not set(choices) & set(mapped):
            problems.append(f"one of {', '.join(choices)} must be mapped for {self.entity}")
        if "gross_revenue" in mapped and "vat" not in mapped:
            problems.append("gross_revenue needs vat, in percent, to become net")
        return problems + self._list_problems(mapped)

    def _list_problems(self, mapped: Mapping[str, Expression]) -> list[str]:
        lists = [
            name for name in mapped if (f := field_of(self.entity or "", name)) is not None and f.is_list
        ]
        members = self.members
        return [
            *(f"{name}.product_number must be mapped: its name in the list" for name in lists
              if not members.get(name, {}).get("product_number")),
            *(f"{name} must be mapped for its members" for name in members if name not in mapped),
            *(f"{name}.{part} must name a member of the list" for name, parts in members.items()
              for part, own in parts.items() if not own),
        ]  # fmt: skip

    def _unknown_names(self, entity: str) -> list[str]:
        known = [*fields(entity), *ALIASES.get(entity, {})]
        unknown = [name for name in self.columns if field_of(entity, name) is None]
        wrong_types = [name for name in self.identifiers if name not in IDENTIFIER_TYPES]
        wrong_types += [
            name.partition(".")[2]
            for name in self.columns
            if name.startswith("other_person.") and name.partition(".")[2] not in IDENTIFIER_TYPES
        ]
        return [
            *(f"{name} is not a column of {entity}; {nearest(name, known)}" for name in unknown),
            *(
                f"{name} is not an identifier type; {nearest(name, list(IDENTIFIER_TYPES))}"
                for name in wrong_types
            ),
        ]


def default_currency(settings: SourceSettings) -> str | None:
    """Currency of tracked orders that state none (`options: {currency: EUR}`); only adapters have it."""
    currency = settings.options.get(OF_ORDERS)
    return str(currency).upper() if currency else None


def format_of(settings: SourceSettings, default: str) -> str:
    """The stated format; else by the ending of the first path, else the one that the adapter's system writes."""
    if settings.format is not None:
        return settings.format
    name = next(iter(settings.locations), "").lower().removesuffix(".gz")
    endings = {
        "csv": (".csv", ".tsv", ".txt"),
        "json": (".json", ".jsonl", ".ndjson"),
        "parquet": (".parquet", ".pq"),
    }
    return next((form for form, known in endings.items() if name.endswith(known)), default)
