"""The columns that a source's files really have, read from header, footer or first lines; no Spark."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from habitue.errors import InputError
from habitue.sources.fields import nearest
from habitue.sources.files import SourceFile, open_system
from habitue.sources.format_options import OptionValue, separator
from habitue.sources.inputs import Dialect, FoundInput, Input, Options
from habitue.sources.settings import SourceSettings

SAMPLE_BYTES = 1 << 20
csv.field_size_limit(SAMPLE_BYTES)  # a quote that is none may reach over the whole sample
DELIMITERS = (";", ",", "\t", "|")
_UNIT = "\x1f"  # the separator of units, which no text has
Shape = Mapping[str, "Shape | None"]
"""Column names; a nested object has a shape of its own, and an empty one where nothing but null was seen."""


@dataclass(frozen=True)
class FileColumns:
    """One file with its columns in order."""

    file: SourceFile
    shape: Shape
    options: Options = field(default_factory=dict)
    types: pa.Schema | None = None
    """Of Parquet the types too: files whose nested columns differ are not read as one."""

    @property
    def names(self) -> tuple[str, ...]:
        """Top-level names, and dotted ones of nested objects."""
        return tuple(_dotted(self.shape))


def columns_of(found: FoundInput) -> tuple[FileColumns, ...]:
    """Columns of every file that is to be read; those of a Delta table stand in no file and are checked by Spark."""
    if found.input.format == "delta":
        return ()
    return tuple(_columns(f, found.input) for f in found.files if f.status == "read")


def check_columns(settings: SourceSettings, columns: Sequence[FileColumns]) -> None:
    """Stop where a file lacks a mapped column: every such file and column at once, with the nearest names."""
    problems = []
    known_anywhere = {name for c in columns for name in c.names}
    for each in columns:
        present = known_anywhere if settings.format == "json" else set(each.names)
        missing = [name for name in settings.named_columns if name not in present]
        if (
            settings.format == "json"
        ):  # a key may be absent from the first lines; another spelling of it is a fault
            missing = [
                name for name in missing if name.casefold() in {k.casefold() for k in present} or not present
            ]
        is_headed = not set(settings.named_columns).isdisjoint(each.names)
        problems += [
            f"{each.file.name}: {name} is missing; {nearest(name, list(each.names))}"
            for name in missing
            if is_headed
        ]
        if missing and not is_headed:  # its first line may be a customer: nothing of it is shown
            problems.append(
                f"{each.file.name}: none of the mapped columns is among its {len(each.names)}; "
                "does it begin with a line of their names?"
            )
        if missing and len(each.names) == 1 and (better := _better_delimiter(each.names[0])):
            problems.append(
                f"{each.file.name}: has one column only; is its delimiter {better!r}? (options.delimiter)"
            )
    if problems:
        raise InputError(
            f"Source {settings.source} does not have the columns of its mapping:",
            list(dict.fromkeys(problems)),
            hint="Correct the columns or options in the source's file, or deliver the columns. Nothing was written.",
        )


def first_text(file: SourceFile, encoding: str = "utf-8", size: int = SAMPLE_BYTES) -> str:
    """The beginning of a text file, decompressed and decoded."""
    with _opened(file) as stream:
        data: bytes = stream.read(size)
    # a character that the end of the sample cuts is left out
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return decoder.decode(data, final=len(data) < size).removeprefix("\ufeff")


def with_named(shape: Shape, names: Sequence[str], *, everywhere: bool) -> Shape:
    """The shape with columns that a mapping names where nothing is known to stand there, or `everywhere`.

    Parts of what was seen to be text stay away: there the mapping is wrong.
    """
    for name in names:
        if name not in shape:
            shape = _with_part(shape, name.split("."), everywhere=everywhere)
    return shape


def _with_part(shape: Shape, parts: Sequence[str], *, everywhere: bool) -> Shape:
    head, *rest = parts
    inner = shape.get(head, {})
    if inner is None or not (head in shape or everywhere):
        return shape
    if not rest:
        return {**shape, head: inner}
    below = _with_part(inner, rest, everywhere=everywhere or not inner)
    return {**shape, head: below} if below else shape


def encoding_by_mark(file: SourceFile) -> str | None:
    """The encoding that the mark at a file's beginning tells; None where there is none or it is UTF-8's."""
    with _opened(file) as stream:
        start: bytes = stream.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None


def is_utf8(file: SourceFile) -> bool:
    """Whether a text file is UTF-8 from its beginning to its end: the first umlaut may come late."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _opened(file) as stream:
            while block := stream.read(SAMPLE_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _opened(file: SourceFile) -> Iterator[Any]:
    system, path = open_system(file.location)
    with system.open_input_file(path) as raw:
        yield gzip.GzipFile(fileobj=raw) if path.lower().endswith(".gz") else raw


def csv_options(options: Mapping[str, OptionValue]) -> dict[str, str]:
    """Options in Spark's words, with our defaults: a header, doubled quotes. The delimiter is as it stands in the file."""
    given = {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in options.items()}
    given = {{"sep": "delimiter", "charset": "encoding"}.get(k, k): v for k, v in given.items()}
    whole = {"header": "true", "delimiter": ",", "quote": '"', "escape": '"', "encoding": "utf-8"} | given
    return whole | {"header": whole["header"].lower(), "delimiter": separator(whole["delimiter"])}


def _columns(file: SourceFile, of: Input) -> FileColumns:
    if of.format == "parquet":
        schema = _parquet_schema(file)
        return FileColumns(file, _parquet_shape(schema), of.options, schema)
    if of.format != "csv":
        return FileColumns(file, _json_shape(first_text(file)), of.options)
    dialect = Dialect(of.options)
    if of.dialect is not None:
        encoding = csv_options(of.options)["encoding"]
        dialect = of.dialect(first_text(file, encoding), of.options)
    names = (
        distinct_names(dialect.names) if dialect.names else _csv_header(file, csv_options(dialect.options))
    )
    return FileColumns(file, dict.fromkeys(names), dialect.options)


def _parquet_schema(file: SourceFile) -> pa.Schema:
    system, path = open_system(file.location)
    with system.open_input_file(path) as stream:
        return pq.read_schema(stream).remove_metadata()


def _parquet_shape(fields: pa.Schema | pa.StructType) -> Shape:
    return {
        field.name: _parquet_shape(field.type) if pa.types.is_struct(field.type) else None for field in fields
    }


def _csv_header(file: SourceFile, options: Mapping[str, str]) -> tuple[str, ...]:
    text = first_text(file, options["encoding"])
    if comment := options.get("comment"):  # lines before the header
        lines = dropwhile(lambda line: line.startswith(comment), text.splitlines(keepends=True))
        text = "".join(lines)
    delimiter = options["delimiter"]
    if len(delimiter) > 1:  # Python's reader knows those of one character only
        text, delimiter = text.replace(delimiter, _UNIT), _UNIT
    rows = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=options["quote"] or None,
        quoting=csv.QUOTE_MINIMAL if options["quote"] else csv.QUOTE_NONE,
    )
    first = next((row for row in rows if any(cell.strip() for cell in row)), [])
    if options["header"] != "true":
        return tuple(f"_c{i}" for i in range(len(first)))
    return distinct_names([cell.strip() or f"_c{i}" for i, cell in enumerate(first)])


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names as the columns of a file are called. Spark does not tell them apart by case, so a repeated one gets a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name.casefold()] = count = seen.get(name.casefold(), 0) + 1
        result.append(name if count == 1 else f"{name}_{count}")
    return tuple(result)


def _json_shape(text: str) -> Shape:
    shape: dict[str, Any] = {}
    for item in json_items(text):
        _widen(shape, item)
    return shape


def json_items(text: str) -> Iterator[dict[str, Any]]:
    """The objects at the beginning of a JSON file: one per line, or the items of one array."""
    if not text.lstrip().startswith("["):
        for line in text.splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
        return
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while found := re.compile(r"[\s,]*(?=\{)").match(text, at):
        try:
            value, at = decoder.raw_decode(text, found.end())
        except ValueError:  # the sample ends within an item
            return
        yield value


def is_json_array(text: str) -> bool:
    """Whether a JSON file is one array and not one value per line, judged by its beginning."""
    start = text.lstrip()
    if not start.startswith("["):
        return False
    first, _, rest = start.partition("\n")
    try:
        json.loads(first)
    except ValueError:
        return True
    return not rest.strip()


def _widen(shape: dict[str, Any], item: Mapping[str, Any]) -> None:
    folded = {name.casefold(): name for name in shape}
    for name, value in item.items():
        if folded.setdefault(name.casefold(), name) != name:
            continue  # the same name in another case: the first spelling stays
        if isinstance(value, dict):
            inner = shape.get(name)
            inner = inner if isinstance(inner, dict) else {}
            _widen(inner, value)
            shape[name] = inner
        elif value is None or value == []:  # PHP writes an empty object as an empty list
            shape.setdefault(name, {})
        elif not shape.get(name):
            shape[name] = None


def _dotted(shape: Shape, before: str = "") -> list[str]:
    names = []
    for name, inner in shape.items():
        names.append(before + name)
        if inner:
            names += _dotted(inner, f"{before}{name}.")
    return names


def _better_delimiter(header: str) -> str | None:
    counts = {d: header.count(d) for d in DELIMITERS}
    best = max(counts, key=lambda d: counts[d])
    return best if counts[best] else None
