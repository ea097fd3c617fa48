"""What a file looks like: encoding, delimiter, columns with sample values, number and date formats."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from habitue.errors import InputError
from habitue.sources.columns import DELIMITERS, first_text, json_items
from habitue.sources.files import SourceFile

SAMPLE_ROWS = 1000
_DATE_FORMATS = (
    (r"^\d{1,2}\.\d{1,2}\.\d{4}", "d.M.yyyy"),
    (r"^\d{4}\.\d{1,2}\.\d{1,2}", "yyyy.M.d"),
    (r"^\d{4}/\d{1,2}/\d{1,2}", "yyyy/M/d"),
    (r"^\d{1,2}/\d{1,2}/\d{4}", "d/M/yyyy"),
    (r"^\d{1,2}-\d{1,2}-\d{4}", "d-M-yyyy"),
    (r"^(?:19|20)\d{6}(?!\d)", "yyyyMMdd"),
)
_TIME_FORMATS = (
    (r"^ \d{1,2}:\d{2}:\d{2}$", " H:mm:ss"),
    (r"^ \d{1,2}:\d{2}$", " H:mm"),
    (r"^T\d{2}:\d{2}:\d{2}$", "'T'HH:mm:ss"),
    (r"^$", ""),
)
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
        found = {_number_style(values) for values in self.columns.values()} - {None}
        return next((style for style in ("de", "ch", "fr", "en") if style in found), "plain")


def sniff(path: Path) -> Sniffed:
    """Look at the beginning of a CSV, JSON lines or Parquet file."""
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{path} is no file with content.", hint="Name a CSV, JSON or Parquet file.")
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".parquet", ".pq")):
        return Sniffed("parquet", "", None, False, _parquet_columns(path))
    file = SourceFile(path.name, str(path), path.stat().st_size, "")
    encoding = "utf-8" if "\ufffd" not in first_text(file) else "cp1252"
    text = first_text(file, encoding)
    if name.endswith((".json", ".jsonl", ".ndjson")) or text.lstrip().startswith(("{", "[")):
        return Sniffed("json", encoding, None, text.lstrip().startswith("["), _json_columns(text))
    delimiter = _delimiter(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[: SAMPLE_ROWS + 1]
    multi_line = any("\n" in cell for row in rows for cell in row)
    header = [cell.strip() or f"_c{i}" for i, cell in enumerate(rows[0])] if rows else []
    columns = {name: _values(rows[1:], i) for i, name in enumerate(header)}
    return Sniffed("csv", encoding, delimiter, multi_line, columns)


def date_format(values: Sequence[str]) -> str | None:
    """The pattern of a column of dates; empty for ISO dates, which need none; None for anything else."""
    filled = [v for v in values if v]
    if not filled:
        return None
    if all(_ISO.match(v) for v in filled):
        return ""
    for day, day_format in _DATE_FORMATS:
        rests = [re.sub(day, "", v, count=1) if re.match(day, v) else None for v in filled]
        if any(rest is None for rest in rests):
            continue
        for time, time_format in _TIME_FORMATS:
            if all(re.match(time, rest or "") for rest in rests):
                return _month_first(day_format, filled) + time_format
    return None


def _month_first(day_format: str, values: Sequence[str]) -> str:
    """Slashes are American where the second number goes beyond 12 and the first never does."""
    if not day_format.startswith("d/"):
        return day_format
    pairs = [[int(part) for part in v.split("/")[:2]] for v in values]
    is_american = max(p[0] for p in pairs) <= 12 < max(p[1] for p in pairs)
    return "M/d/yyyy" if is_american else day_format


def _number_style(values: Sequence[str]) -> str | None:
    """The style of a column that holds numbers only and shows it; whole numbers say nothing."""
    filled = [v for v in values if v]
    if not filled or not all(
        re.match(r"^[-+]?[\d.,'\u2019 ]*\d[-]?(?:\s?[\u20ac$]|\s?EUR)?$", v) for v in filled
    ):
        return None
    if any(re.search(r",\d{1,2}\D*$|,\d{4,}\D*$|\.\d{3},", v) for v in filled):
        return "fr" if any(re.search(r"\d \d{3}", v) for v in filled) else "de"
    if any(re.search(r"\d['\u2019]\d{3}", v) for v in filled):
        return "ch"
    return "en" if any(re.search(r"\d,\d{3}", v) for v in filled) else None


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
