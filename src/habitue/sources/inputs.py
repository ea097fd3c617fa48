"""What a source reads for one entity: named groups of files of one format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from habitue.sources.files import SourceFile, find_files
from habitue.sources.format_options import OptionValue
from habitue.sources.settings import SourceSettings

Options = dict[str, OptionValue]


@dataclass(frozen=True)
class Dialect:
    """How one text file is written: its options, and the names of its columns where no header says them."""

    options: Options
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Input:
    """Files of one format and shape, before they are looked for.

    `as_lines` reads JSON as lines of text, for adapters that parse them on their own.
    `dialect` tells from the beginning of a CSV file how it is written, where the files of
    a system come in several forms; options that a project sets are kept.
    """

    name: str
    format: str
    locations: tuple[str, ...]
    options: Options = field(default_factory=dict)
    as_lines: bool = False
    dialect: Callable[[str, Options], Dialect] | None = None


@dataclass(frozen=True)
class FoundInput:
    """The same with its files.

    `named` are columns of JSON that are wanted. What all objects leave out, or leave empty, is null; so is, where the
    files are a part of the source's (`is_part`), a column that none of them has: the others had it.
    """

    input: Input
    files: tuple[SourceFile, ...]
    named: tuple[str, ...] = ()
    is_part: bool = False
    numbers: str = "plain"  # how the source writes numbers in text


def mapped_input(settings: SourceSettings) -> Input:
    """The one input of a mapped source."""
    return Input("rows", settings.format or "", settings.locations, dict(settings.options))


def find(wanted: Input, project: Path) -> FoundInput:
    """Look for the files of an input; a Delta table counts by the files of its log."""
    if wanted.format == "delta":
        logs = tuple(f"{location.rstrip('/')}/_delta_log/*.json" for location in wanted.locations)
        return FoundInput(wanted, find_files(logs, "delta log", project))
    return FoundInput(wanted, find_files(wanted.locations, wanted.format, project))


def digest(settings: SourceSettings, found: tuple[FoundInput, ...]) -> str:
    """Digest of a source's mapping and of the content of its files."""
    content = {
        "settings": settings.model_dump(mode="json"),
        "files": [
            [i.input.name, f.name, f.sha256, f.status]
            for i in found
            for f in i.files
            if f.status != "ignored"
        ],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
