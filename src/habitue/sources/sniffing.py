"""What a file looks like: encoding, delimiter, columns with sample values, number and date formats."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from habitue.errors import InputError
from habitue.sources.columns import (
    DELIMITERS,
    distinct_names,
    encoding_by_mark,
    first_text,
    is_utf8,
    json_items,
)
from habitue.sources.files import SourceFile

SAMPLE_ROWS = 1000
_DATE_FORMATS = (
    (r"^\d{1,2}\.\d{1,2}\.\d{4}", "d.M.yyyy"),
    (r"^\d{4}\.\d{1,2}\.\d{1,2}", "yyyy.M.d"),
    (r"^\d{4}/\d{1,2}/\d{1,2}", "yyyy/M/d"),
    (r"^\d{1,2}/\d{1,2}/\d{4}", "d/M/yyyy"),
    (r"^\d{1,2}-\d{1,2}-\d{4}", "d-M-yyyy"),
    (r"^(?:19|20)\d{6}(?!\d)", "yyyyMMdd"),
    (r"^\d{1,2}\.\d{1,2}\.\d{2}(?!\d)", "d.M.yy"),
)
_TIME_FORMATS = (
    (r"^ \d{1,2}:\d{2}:\d{2}$", " H:mm:ss"),
    (r"^ \d{1,2}:\d{2}$", " H:mm"),
    (r"^T\d{2}:\d{2}:\d{2}$", "'T'HH:mm:ss"),
    (r"^$", ""),
    (r"^(?: \d{1,2}:\d{2}(?::\d{2})?)?$", "[ H:mm[:ss]]"),
)
_EPOCHS = (
    (r"^1\d{9}(\.\d+)?$", "epoch_seconds"),
    (r"^1\d{12}(\.\d+)?$", "epoch_millis"),
    (r"^1\d{15}(\.\d+)?$", "epoch_micros"),
)
"""Numbers of a time since 1970, of instants from 2001 to 2033; whole ones of a column with gaps end in .0 in Parquet."""
MOST = 0.95
"""Share of values that a form must fit: a line of totals or a remark among them is a fault of its row."""
_ISO = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?$")


@dataclass(frozen=True)
class Sniffed:
    """A file's form and the first values of each column; typed formats (Parquet) show no text."""

    format: str
    encoding: str
    delimiter: str | None
    is_multi_line: bool  # quoted line ends in CSV, one array in JSON
    columns: dict[str, tuple[str, ...]]

    @property
    def numbers(self) -> str:
        """The way numbers are written: the first that some column needs, else plain."""
        texts = [_without_currency(v) for values in self.columns.values() for v in values]
        has_points = any(re.match(r"^-?[\d,]+\.\d{1,2}$", text) for text in texts)
        has_commas = self.delimiter == ";" and not has_points
        found = {_number_style(v, has_commas=has_commas) for v in self.columns.values()} - {None}
        return next((style for style in ("de", "ch", "fr", "en") if style in found), "plain")


def sniff(path: Path) -> Sniffed:
    """Look at the beginning of a CSV, JSON lines or Parquet file."""
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{path} is no file with content.", hint="Name a CSV, JSON or Parquet file.")
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        return Sniffed("parquet", "", None, False, _parquet_columns(path))
    file = SourceFile(path.name, str(path), path.stat().st_size, "")
    encoding = encoding_by_mark(file) or ("utf-8" if is_utf8(file) else "cp1252")
    text = first_text(file, encoding)
    if name.endswith((".json", ".jsonl", ".ndjson")) or text.lstrip().startswith(("{", "[")):
        return Sniffed("json", encoding, None, text.lstrip().startswith("["), _json_columns(text))
    delimiter = _delimiter(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[: SAMPLE_ROWS + 1]
    multi_line = any("\n" in cell for row in rows for cell in row)
    header = distinct_names([cell.strip() or f"_c{i}" for i, cell in enumerate(rows[0])]) if rows else ()
    columns = {name: _values(rows[1:], i) for i, name in enumerate(header)}
    return Sniffed("csv", encoding, delimiter, multi_line, columns)


def date_format(values: Sequence[str]) -> str | None:
    """The pattern that nearly all of a column's dates have; empty for ISO dates, which need none; None for anything else.

    Numbers of seconds, milliseconds or microseconds have the names of their units.
    """
    filled = [v for v in values if v]
    if not filled:
        return None
    if _share(bool(_ISO.match(v)) for v in filled) >= MOST:
        return ""
    for number, unit in _EPOCHS:
        if _share(bool(re.match(number, v)) for v in filled) >= MOST:
            return unit
    for day, day_format in _DATE_FORMATS:
        dates = [v for v in filled if re.match(day, v)]
        if len(dates) < MOST * len(filled):
            continue
        rests = [re.sub(day, "", v, count=1) for v in dates]
        share = {form: _share(bool(re.match(time, rest)) for rest in rests) for time, form in _TIME_FORMATS}
        best = max(share, key=lambda form: share[form])  # of equals the first
        if share[best] >= MOST:
            return _month_first(day_format, dates) + best
    return None


def _share(matches: Iterable[bool]) -> float:
    found = list(matches)
    return sum(found) / len(found)


def _month_first(day_format: str, values: Sequence[str]) -> str:
    """Slashes are American where the second number goes beyond 12 and the first never does."""
    if not day_format.startswith("d/"):
        return day_format
    pairs = [[int(part) for part in v.split("/")[:2]] for v in values]
    is_american = max(p[0] for p in pairs) <= 12 < max(p[1] for p in pairs)
    return "M/d/yyyy" if is_american else day_format


def _number_style(values: Sequence[str], *, has_commas: bool) -> str | None:
    """The style of a column that holds numbers only and shows it; whole numbers say nothing.

    `has_commas`: files with semicolons have them because of decimal commas, so that `2,000` is two there.
    """
    filled = [_without_currency(v) for v in values if v]
    if not filled or not all(re.match(r"^[-+]?[\d.,'\u2019 ]*\d-?$", v) for v in filled):
        return None
    if any(re.search(r",\d{1,2}\D*$|,\d{4,}\D*$|\.\d{3},|^-?0,\d", v) for v in filled):
        return "fr" if any(re.search(r"\d \d{3}", v) for v in filled) else "de"
    if any(re.search(r"\d['\u2019]\d{3}", v) for v in filled):
        return "ch"
    if any(re.search(r"\d,\d{3}", v) for v in filled):
        return "de" if has_commas else "en"
    return None


def _without_currency(text: str) -> str:
    bare = re.sub(r"[\u20ac$\u00a3]|EUR|USD|CHF|GBP", "", text)
    return re.sub(r"[\u00a0\u202f\u2009]", " ", bare).strip()


def _delimiter(text: str) -> str:
    """The one that cuts most lines into the same number of cells, and more than one."""
    lines = [line for line in text.splitlines()[:50] if line]

    def agreement(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return (
            sum(w == widths[0] for w in widths) if widths and widths[0] > 1 else 0,
            widths[0] if widths else 0,
        )

    return max(DELIMITERS, key=agreement)


def _values(rows: Sequence[Sequence[str]], column: int) -> tuple[str, ...]:
    return tuple(row[column].strip() for row in rows if len(row) > column)


def _parquet_columns(path: Path) -> dict[str, tuple[str, ...]]:
    file = pq.ParquetFile(path)
    batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
    if batch is None:
        return dict.fromkeys(file.schema_arrow.names, ())
    texts = {name: batch.column(name).to_pylist() for name in batch.schema.names}
    return {name: tuple("" if v is None else str(v) for v in values) for name, values in texts.items()}


def _json_columns(text: str) -> dict[str, tuple[str, ...]]:
    columns: dict[str, list[str]] = {}
    for item in islice(json_items(text), SAMPLE_ROWS):
        for name, value in _flat(item):
            columns.setdefault(name, []).append("" if value is None else str(value))
    return {name: tuple(values) for name, values in columns.items()}


def _flat(item: dict[str, object], before: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, value in item.items():
        pairs += _flat(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, value)]
    return pairs
