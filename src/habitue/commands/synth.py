"""Write a synthetic lake: a project with raw files and their mappings, and the truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from pyspark.sql import SparkSession

from habitue.config.template import make_project
from habitue.errors import UsageError
from habitue.pipeline.execute import Request, opened
from habitue.synth.clock import ZONE
from habitue.synth.lake import block_lines
from habitue.synth.settings import Block, SynthSettings
from habitue.synth.truth import keep_settings, made_with

_SPARK_TYPES = "file string, moment bigint, tie bigint, line string"
_COPY = 1 << 22
UNFINISHED = ".unfinished"
"""Lies in a folder until all is written: one that was left half made is made anew."""


def synthesise(request: Request, settings: SynthSettings) -> None:
    """Make the request's project, or leave it as it is where the same settings made it before.

    Raises:
        UsageError: the folder holds something else.
    """
    folder = request.project
    if made_with(folder) == settings:
        return
    unfinished = folder / UNFINISHED
    if unfinished.exists():  # ours, and of no use
        shutil.rmtree(folder)
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.", hint="Choose a new folder, or empty this one.")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    make_project(folder, name="planted", zone=ZONE, currency="EUR", country="DE")
    with as_file(files("habitue.synth") / "conf") as conf:
        shutil.copytree(conf, folder / "conf", dirs_exist_ok=True)
    with opened(request) as run, run.progress.step("synth"):
        _write_files(run.spark, folder, settings)
        run.progress.finding(f"{settings.persons:,} persons, {settings.days} days from {settings.start}")
    keep_settings(folder, settings)
    unfinished.unlink()


def _write_files(spark: SparkSession, folder: Path, settings: SynthSettings) -> None:
    """Each file's lines meet in one task, in a total order: so the bytes do not depend on the partitions."""
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 2)

    def block_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from block_lines(Block(settings, number))

    blocks = spark.range(0, settings.blocks, 1, min(settings.blocks, 4 * tasks))
    rows = blocks.mapInArrow(block_rows, _SPARK_TYPES)
    placed = rows.repartition(4 * tasks, "file").sortWithinPartitions("file", "moment", "tie", "line")
    written = folder / ".written"
    placed.select("file", "line").write.partitionBy("file").text(str(written))
    parts = sorted(written.glob("file=*"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: _place(part, folder), parts))
    shutil.rmtree(written)


def _place(part: Path, folder: Path) -> None:
    """The one text of a file to where it belongs; orders in the encoding of their shop system."""
    (text,) = part.glob("part-*")
    target = folder / unquote(part.name.removeprefix("file="))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent.name == "orders":
        with text.open(encoding="utf-8") as old, target.open("w", encoding="cp1252", newline="\n") as new:
            while chunk := old.read(_COPY):
                new.write(chunk)
    else:
        text.replace(target)
