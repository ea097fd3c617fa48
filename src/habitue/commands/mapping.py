"""`habitue map FILE`: propose a mapping for a file and show what it makes of the first rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import EVENT
from habitue.errors import InputError
from habitue.job import Run
from habitue.lake.source_files import read_input
from habitue.pipeline.execute import Request, opened
from habitue.sources.columns import check_columns, columns_of
from habitue.sources.event_rows import by_agent, with_agent
from habitue.sources.inputs import find, mapped_input
from habitue.sources.mapping import map_source
from habitue.sources.proposal import propose
from habitue.sources.settings import SourceSettings
from habitue.sources.validation import checked

SHOWN = 20


@dataclass(frozen=True)
class MappingProposal:
    """The mapping as YAML, the first mapped rows, and these rows as text for a person."""

    yaml: str
    rows: list[dict[str, Any]]
    preview: str


def proposal_for(request: Request, file: Path, entity: str | None = None) -> MappingProposal:
    """Propose a mapping for `file` (relative to the project), of an entity or a guessed one, and map its first rows."""
    found = file if file.is_absolute() else request.project / file
    settings = request.settings()
    project = settings.project
    proposal = propose(
        found, project=request.project, zone=project.zone, currency=project.currency, entity=entity
    )
    if proposal.settings is None:
        missing = ", ".join(proposal.missing) or "some columns"
        return MappingProposal(proposal.yaml, [], f"No rows to show before {missing} is mapped.")
    try:
        with opened(request) as run:
            rows = first_rows(run, proposal.settings)
    except InputError as error:  # the proposal is what is to be corrected
        return MappingProposal(proposal.yaml, [], f"No rows to show. {error}")
    return MappingProposal(proposal.yaml, rows, _as_text(rows))


def first_rows(run: Run, settings: SourceSettings, count: int = SHOWN) -> list[dict[str, Any]]:
    """The first mapped rows of a source: what is filled, as text, with the faults of each row."""
    found = find(mapped_input(settings), run.project)
    check_columns(settings, columns_of(found))
    raw = read_input(run.spark, found).orderBy("_file", "_position").limit(count)
    draft = map_source(raw, settings, run.settings.event_rules)
    named = [name for name in draft.rows.columns if not name.startswith("_")]
    rows = checked(draft, now=run.now)
    if draft.entity is EVENT:
        rows = by_agent(with_agent(rows, bots=run.settings.bots))
    rows = rows.orderBy("_file", "_position")
    shown = rows.select(*(_shown(rows, name).alias(name) for name in named), _identifiers(), _faults())
    return [{k: v for k, v in row.asDict().items() if v is not None} for row in shown.collect()]


def _shown(rows: DataFrame, name: str) -> Column:
    type_ = rows.schema[name].dataType.typeName()
    return (
        F.to_json(F.col(name))
        if type_ in ("struct", "map", "array", "variant")
        else F.col(name).cast("string")
    )


def _identifiers() -> Column:
    spelt = F.transform("_identifiers", lambda i: F.concat_ws(":", i["id_type"], i["value"]))
    return F.nullif(F.array_join(spelt, ", "), F.lit("")).alias("identifiers")


def _faults() -> Column:
    return F.nullif(F.array_join(F.transform("_faults", lambda f: f["reason"]), "; "), F.lit("")).alias(
        "quarantined"
    )


def _as_text(rows: list[dict[str, Any]]) -> str:
    """A table of the columns that any row fills."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join(
        [f"The first {len(rows)} rows, mapped:", lines[0], "  ".join("-" * w for w in widths), *lines[1:]]
    )
