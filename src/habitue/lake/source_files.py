"""Read the files of a source as they are: every cell as text, every row with its file, position and raw form."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from habitue.errors import ConfigError
from habitue.sources.columns import (
    FileColumns,
    Shape,
    columns_of,
    csv_options,
    first_text,
    is_json_array,
    with_named,
)
from habitue.sources.files import SourceFile, readable
from habitue.sources.inputs import FoundInput
from habitue.sources.json_line import is_one_object
from habitue.sources.values import DECIMAL_COMMA, as_text

_CORRUPT = "_corrupt_record"
_NATIVE_CHARSETS = {"utf-8", "iso8859-1", "ascii", "utf-16", "utf-16-be", "utf-16-le", "utf-32"}
_WIDE = ("utf-16", "utf-32")
_ONE_BLOCK = (".gz",)
"""Endings of files that Spark never cuts."""
_GLANCE = 1 << 12
"""Bytes that tell most files of lines from an array."""
_PROVISIONAL = 1 << 62
"""From here on positions count from anywhere."""
READING_COLUMNS = ("_file", "_position", "_raw", "_corrupt")


def read_input(spark: SparkSession, found: FoundInput) -> DataFrame:
    """All rows of an input's readable files: the source's columns, `_file`, `_position`, `_raw`, `_corrupt`.

    CSV and JSON cells are text; Parquet and Delta keep their types. `_position` counts
    a file's rows from 0 in their order, however Spark cuts the file.
    """
    if found.input.format == "delta":
        return _delta(spark, found)
    groups: dict[str, list[FileColumns]] = {}
    for each in columns_of(found):
        form = repr((each.shape, each.options, each.types))
        groups.setdefault(form if found.input.format != "json" else "", []).append(each)
    parts = [_GROUP_READERS[found.input.format](spark, found, group) for group in groups.values()]
    if found.input.format == "parquet":
        parts = [_typed(part) for part in _alike(parts, found.numbers)]
    return _as_one(parts)


def _as_one(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)


def _alike(parts: Sequence[DataFrame], numbers: str) -> list[DataFrame]:
    """Columns that are text in some files and no text in others become text everywhere, `numbers` as the source writes them.

    Spark would make numbers of the text instead, which loses leading zeros and ends at the first letter.
    """
    kinds: dict[str, set[str]] = {}
    for name, kind in (column for part in parts for column in part.dtypes):
        kinds.setdefault(name.casefold(), set()).add(kind)
    mixed = {name for name, found in kinds.items() if "string" in found and len(found - {"void"}) > 1}
    return [
        part.withColumns(
            {n: _spelt(F.col(_quoted(n)), k, numbers) for n, k in part.dtypes if n.casefold() in mixed}
        )
        for part in parts
    ]


def _spelt(cell: Column, kind: str, numbers: str) -> Column:
    """A cell as text; an instant says that it is one."""
    if kind == "timestamp":
        return F.date_format(cell, _INSTANT)
    text = as_text(cell, kind)
    is_fraction = kind in ("double", "float") or kind.startswith("decimal")
    return F.replace(text, F.lit("."), F.lit(",")) if is_fraction and numbers in DECIMAL_COMMA else text


_INSTANT = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"


def read_text(spark: SparkSession, found: FoundInput) -> DataFrame:
    """Lines of text files as `value`, with `_file` and `_position`: what event adapters read.

    Positions in packed files order the lines, and are numbers when `counted_from_zero` was asked.
    A JSON file that is one array gives its items. An array that cannot be read is one line, so
    that it ends in the quarantine and not nowhere.
    """
    files = readable(found.files)
    arrays = [f for f in files if _is_array(f)]
    plain = [f for f in files if f not in arrays]
    parts = [_lines(spark, plain)] if plain else []
    parts += [_items(spark, arrays)] if arrays else []
    return reduce(lambda a, b: a.unionByName(b), parts).select("value", "_file", "_position")


def _is_array(file: SourceFile) -> bool:
    """Whether a file is one JSON array; of the many that are not, little is read."""
    start = first_text(file, size=_GLANCE).lstrip()
    return (not start or start.startswith("[")) and is_json_array(first_text(file))


def leaves_positions_open(found: FoundInput) -> bool:
    """Whether `read_text` cannot say yet where the rows of some files begin."""
    return found.input.as_lines and any(_is_packed(file) for file in found.files)


def counted_from_zero(rows: DataFrame, *, checkpoint: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """Materialised rows with the positions that `read_text` left open: counted from the first row of the file.

    Which number the first row of a packed file has is only known when the file was read, and packed files are
    read once. Blank lines before it are not counted.
    """
    is_open = F.col("_position") >= _PROVISIONAL
    first = checkpoint(rows.where(is_open).groupBy("_file").agg(F.min("_position").alias("_first")))
    placed = rows.join(F.broadcast(first), on="_file", how="left")
    position = F.when(is_open, F.col("_position") - F.col("_first")).otherwise(F.col("_position"))
    return placed.withColumn("_position", position).select(*rows.columns)


def _lines(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    packed = [f for f in files if _is_packed(f)]
    plain = [f for f in files if f not in packed]
    parts = [_positioned(spark, spark.read.text(_paths(plain)), plain)] if plain else []
    parts += [_packed_lines(spark, packed)] if packed else []
    return reduce(lambda a, b: a.unionByName(b), parts)


def _is_packed(file: SourceFile) -> bool:
    return file.location.lower().endswith(_ONE_BLOCK)


def _packed_lines(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    placed = spark.read.text(_paths(files)).select("value", *_place())
    return _named(spark, placed.withColumn("_position", F.col("_row") + F.lit(_PROVISIONAL)), files)


def _items(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    """The items of files that are one JSON array each."""
    read = spark.read.text(_paths(files), wholetext=True)
    # of a file read by lines Hadoop drops the mark of UTF-8, of a whole one it does not
    whole = read.withColumn("value", F.regexp_replace("value", "^\ufeff", ""))
    items = F.when(F.col("value").rlike(r"\]\s*$"), F.from_json("value", "array<string>"))
    placed = whole.select(F.coalesce(items, F.array("value")).alias("items"), *_place())
    lines = placed.select(F.posexplode("items").alias("_position", "value"), *_PLACE_NAMES)
    return _named(spark, lines.withColumn("_position", F.col("_position").cast("bigint")), files)


def _csv(spark: SparkSession, found: FoundInput, group: Sequence[FileColumns]) -> DataFrame:
    files = [each.file for each in group]
    names = list(group[0].shape)
    options = csv_options(group[0].options)
    charset, table = _charset(options["encoding"])
    options["delimiter"] = options["delimiter"].replace("\\", "\\\\")  # which begins a name in Spark
    # Spark cuts lines at single bytes; a parser of whole files decodes them first
    if charset.startswith(_WIDE):
        options["multiLine"] = "true"
    schema = ", ".join(f"{_quoted(name)} string" for name in (*names, _CORRUPT))
    reader = spark.read.schema(schema).options(
        **{**options, "encoding": charset, "columnNameOfCorruptRecord": _CORRUPT, "mode": "PERMISSIVE"}
    )
    rows = _positioned(spark, reader.csv(_paths(files)), files)
    cells = {name: _decoded(F.col(_quoted(name)), table) for name in names}
    as_json = F.to_json(F.struct(*(cell.alias(name) for name, cell in cells.items())))
    return rows.select(
        *(cell.alias(name) for name, cell in cells.items()),
        "_file",
        "_position",
        F.coalesce(_decoded(F.col(_CORRUPT), table), as_json).alias("_raw"),
        F.col(_CORRUPT).isNotNull().alias("_corrupt"),
    )


def _json(spark: SparkSession, found: FoundInput, group: Sequence[FileColumns]) -> DataFrame:
    files = [each.file for each in group]
    seen = _merged([each.shape for each in group])
    shape = with_named(seen, found.named, everywhere=found.is_part)
    is_array = str(found.input.options.get("multiLine", "")).lower() == "true"
    rows = _items(spark, files) if is_array else _positioned(spark, spark.read.text(_paths(files)), files)
    schema = f"{_ddl(shape)}, {_CORRUPT} string"
    parsed = F.from_json(
        _with_empty_objects(F.col("value"), shape),
        schema,
        {"columnNameOfCorruptRecord": _CORRUPT, "mode": "PERMISSIVE"},
    )
    kept = rows.where(F.trim("value") != "").withColumn("_parsed", parsed)
    return kept.select(
        *(F.col(f"_parsed.{_quoted(name)}").alias(name) for name in shape),
        "_file",
        "_position",
        F.col("value").alias("_raw"),
        (F.col(f"_parsed.{_CORRUPT}").isNotNull() | ~is_one_object(F.col("value"))).alias("_corrupt"),
    )


def _with_empty_objects(line: Column, shape: Shape) -> Column:
    """A line in which the empty list that some languages write for an empty object is none."""
    objects = sorted(_objects(shape))
    if not objects:
        return line
    empty = rf'"({"|".join(re.escape(name) for name in objects)})"\s*:\s*\[\s*\]'
    return F.when(line.rlike(r"\[\s*\]"), F.regexp_replace(line, empty, '"$1":null')).otherwise(line)


def _objects(shape: Shape) -> set[str]:
    nested = {name: inner for name, inner in shape.items() if inner}
    return {*nested, *(name for inner in nested.values() for name in _objects(inner))}


def _parquet(spark: SparkSession, found: FoundInput, group: Sequence[FileColumns]) -> DataFrame:
    files = [each.file for each in group]
    rows = spark.read.parquet(*_paths(files))
    placed = rows.select("*", *_place(), F.col("_metadata.row_index").alias("_position"))
    types = group[0].types or pa.schema([])
    instants = {
        field.name: _in_micros(F.col(_quoted(field.name)), types.field(field.name).type, field.dataType)
        for field in rows.schema
        if field.name in types.names and _NANOSECONDS in str(types.field(field.name).type)
    }
    return _named(spark, placed.withColumns(instants), files)


_NANOSECONDS = "timestamp[ns"


def _in_micros(value: Column, stated: pa.DataType, read: T.DataType) -> Column:
    """The instants in a column whose nanoseconds were read as numbers; without a zone they are wall clock times."""
    if isinstance(read, T.LongType) and pa.types.is_timestamp(stated):
        instant = F.timestamp_micros(F.call_function("div", value, F.lit(1000)))
        return instant if stated.tz else instant.cast("timestamp_ntz")
    if isinstance(read, T.ArrayType):
        return F.transform(value, lambda item: _in_micros(item, stated.value_type, read.elementType))
    if isinstance(read, T.StructType):
        parts = (
            _in_micros(value.getField(field.name), stated.field(field.name).type, field.dataType).alias(
                field.name
            )
            for field in read
        )
        return F.when(value.isNotNull(), F.struct(*parts))
    return value


def _delta(spark: SparkSession, found: FoundInput) -> DataFrame:
    roots = dict.fromkeys(f.location.rsplit("/_delta_log/", 1)[0] for f in found.files)
    tables = [spark.read.format("delta").load(root) for root in roots]
    return _typed(
        _numbered(_as_one(_alike(tables, found.numbers)))
        .withColumnRenamed("_path", "_file")
        .drop("_block", "_row")
    )


def _typed(rows: DataFrame) -> DataFrame:
    names = [_quoted(n) for n in rows.columns if n not in READING_COLUMNS]
    raw = F.struct(*names)  # spelt as JSON only for rows that turn out faulty
    return rows.select(*names, "_file", "_position", raw.alias("_raw"), F.lit(False).alias("_corrupt"))


_GROUP_READERS = {"csv": _csv, "json": _json, "parquet": _parquet}
_PLACE_NAMES = ("_path", "_block", "_row")


def _place() -> list[Column]:
    """Where a row lies: its file, the block Spark cut from it, and its order within what one task reads."""
    # undo the encoding of a URI, in which a plus stands for itself
    decoded = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    return [
        F.regexp_replace(decoded, "^file:/+", "/").alias("_path"),
        F.col("_metadata.file_block_start").alias("_block"),
        F.monotonically_increasing_id().alias("_row"),
    ]


def _named(spark: SparkSession, rows: DataFrame, files: Sequence[SourceFile]) -> DataFrame:
    if len(files) == 1:
        return rows.withColumn("_file", F.lit(files[0].name)).drop(*_PLACE_NAMES)
    names = spark.createDataFrame([(f.location, f.name) for f in files], "_path string, _file string")
    return rows.join(F.broadcast(names), on="_path", how="inner").drop(*_PLACE_NAMES)


def _positioned(spark: SparkSession, rows: DataFrame, files: Sequence[SourceFile]) -> DataFrame:
    if len(files) == 1 and files[0].bytes <= _never_cut(spark):  # one task reads it, and nothing else
        position = F.col("_row").bitwiseAND(_OF_TASK)
        return _named(spark, rows.select("*", *_place()).withColumn("_position", position), files)
    return _named(spark, _numbered(rows), files)


_OF_TASK = (1 << 33) - 1
"""The bits of a row's number in which Spark counts the rows of one task."""


def _never_cut(spark: SparkSession) -> int:
    """Size up to which Spark leaves a file whole, whatever else it reads; 0 where settings spell it in another unit."""
    names = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
    found = [re.fullmatch(r"([0-9]+)b?", spark.conf.get(name) or "") for name in names]
    return min(int(match[1]) if match else 0 for match in found)


def _numbered(rows: DataFrame) -> DataFrame:
    """Add `_path` and `_position`, the number of a row in its file.

    Within a block the order of rows is known, and blocks are ordered: counting rows
    per block (a second, cheap scan) gives each row its number in the file without
    bringing a file to one task.
    """
    placed = rows.select("*", *_place())
    blocks = placed.groupBy("_path", "_block").agg(F.min("_row").alias("_first"), F.count("*").alias("_rows"))
    before = Window.partitionBy("_path").orderBy("_block").rowsBetween(Window.unboundedPreceding, -1)
    offsets = blocks.select(
        "_path", "_block", "_first", F.coalesce(F.sum("_rows").over(before), F.lit(0)).alias("_offset")
    )
    located = placed.join(F.broadcast(offsets), on=["_path", "_block"], how="inner")
    position = F.col("_row") - F.col("_first") + F.col("_offset")
    return located.withColumn("_position", position).drop("_first", "_offset")


def _paths(files: Sequence[SourceFile]) -> list[str]:
    """Locations with the wildcards of Hadoop's globs escaped: a file may be called `a[1].csv`."""
    return [re.sub(r"([\[\]{}*?\\,])", r"\\\1", f.location) for f in files]


def _charset(encoding: str) -> tuple[str, tuple[str, str] | None]:
    """A charset that Spark reads, and for other single-byte ones what to translate afterwards.

    Spark 4 knows a handful of charsets. Read as Latin-1 every byte keeps its number, so
    that cp1252, cp850 or Latin-9 is a translation of the upper 128 characters.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(
            f"options.encoding {encoding} is not known.", hint="Use utf-8, cp1252, iso-8859-15, ..."
        ) from None
    name = "utf-8" if name == "utf-8-sig" else name
    if name in _NATIVE_CHARSETS:
        return {"iso8859-1": "iso-8859-1", "ascii": "us-ascii"}.get(
            name, name.replace("-be", "be").replace("-le", "le")
        ), None
    upper = bytes(range(0x80, 0x100))
    decoded = [bytes([b]).decode(name, errors="replace") for b in upper]
    if bytes(range(0x20, 0x7F)).decode(name, errors="replace") != bytes(range(0x20, 0x7F)).decode("ascii"):
        raise ConfigError(f"options.encoding {encoding} cannot be read.", hint="Convert the files to UTF-8.")
    return "iso-8859-1", (upper.decode("latin-1"), "".join(decoded))


def _decoded(cell: Column, table: tuple[str, str] | None) -> Column:
    return F.translate(cell, *table) if table else cell


def _merged(shapes: Sequence[Shape]) -> dict[str, Shape | None]:
    merged: dict[str, Shape | None] = {}
    spelt: dict[str, str] = {}
    for shape in shapes:
        for name, inner in shape.items():
            if spelt.setdefault(name.casefold(), name) == name:
                seen = [merged[name], inner] if name in merged else [inner]
                objects = [each for each in seen if each]
                merged[name] = _merged(objects) if objects else None if None in seen else {}
    return merged


def _ddl(shape: Mapping[str, Shape | None], *, inner: bool = False) -> str:
    separator = ":" if inner else " "
    parts = (
        f"{_quoted(name)}{separator}{f'struct<{_ddl(below, inner=True)}>' if below else 'string'}"
        for name, below in shape.items()
    )
    return ", ".join(parts)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
