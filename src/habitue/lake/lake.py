"""Read and write the tables of a lake: the only place that knows Delta."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from threading import Lock
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from habitue.contracts.conform import conform, guarded, violations
from habitue.contracts.row_hash import with_row_hash
from habitue.contracts.table import Table
from habitue.errors import ContractError, HabitueError
from habitue.lake.commit import UNFINISHED, CommitNote, set_commit_note
from habitue.lake.ddl import create_table
from habitue.lake.deltalog import DeltaLog
from habitue.lake.location import Location
from habitue.lake.merge import CHANGES_VIEW, KNOWN, Deletion, Reach, find_changes, merge_statement, reach_of

MANY_NEW = 20_000
"""So many new rows beside changed ones get a commit of their own: a MERGE that inserts sends the whole table through a
shuffle, one that does not looks for few rows in it."""
_LEAST_RETENTION = "spark.databricks.delta.retentionDurationCheck.enabled"


class Lake:
    """Tables under one root. Writers conform rows to the contract, guard them and note each commit.

    Different tables may be read and written from several threads at the same time.
    """

    def __init__(
        self, location: Location, spark: SparkSession, *, assert_held: Callable[[], None] = lambda: None
    ) -> None:
        self.location = location
        self.spark = spark
        self.note = CommitNote()
        self._assert_held = assert_held
        self._checkpoints = count(1)
        self._statement = Lock()
        self._known: set[str] = set()

    @property
    def root(self) -> str:
        """URI of the lake."""
        return self.location.root

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if table.name not in self._known and self._log(table).head() is not None:
            self._known.add(table.name)
        return table.name in self._known

    def is_empty(self, table: Table) -> bool:
        """Whether the table holds no rows or does not exist; asks its log first, which takes no job of Spark."""
        has_rows = self._log(table).has_rows()
        return self.read(table).isEmpty() if has_rows is None else not has_rows

    def read(self, table: Table, *, version: int | None = None) -> DataFrame:
        """The table's rows (of an older version, if given); no rows where it does not exist yet."""
        if not self.exists(table) or self._log(table).has_rows(version) is False:
            # limit: the optimiser sees that it is empty
            return self.spark.createDataFrame([], table.ddl).limit(0)
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.location.table(table))

    def ensure(self, table: Table) -> None:
        """Create the empty table if there is none. That says nothing of its content: neither fingerprint nor basis yet."""
        if not self.exists(table):
            empty = replace(self.note, fingerprints={}, basis=None)
            self._commit(table, create_table(table, self.location.table(table)), empty)
            self._known.add(table.name)

    def merge(
        self,
        table: Table,
        rows: DataFrame,
        *,
        delete_unmatched: Deletion = False,
        update: bool = True,
        present: DataFrame | None = None,
        basis: Mapping[str, Any] | None = None,
        in_two_commits: bool = False,
    ) -> None:
        """Insert, update where the row differs, and (if asked) delete what `rows` no longer hold.

        Equal content makes no commit. With `in_two_commits` very many new rows beside changed ones get one of their own
        (MANY_NEW): for a caller who begins from nothing after a death in between, as the present rows are no past then.
        `delete_unmatched` may name column values, e.g. {"source": "shop"}: then only such rows are deleted.
        With `update=False` rows that are there stay as they are. `present` names the rows of the table that `rows` are
        compared with, for a caller who knows that no others have their keys. Keys of `rows` must be unique. `basis` is what the
        content was made from, for the commit's note.
        """
        note = self.note if basis is None else replace(self.note, basis=basis)
        is_new = not self.exists(table)
        self.ensure(table)
        if is_new or (present is None and self.is_empty(table)):
            head = self._log(table).head()
            self._write(table, rows, {"mode": "append"}, note)
            if self._log(table).head() == head:  # no rows, hence no commit
                self._note_unchanged(table, note)
            return
        with self._explaining(table, rows):
            old = self.read(table) if present is None else present
            changes = self.checkpoint(
                find_changes(self._prepared(table, rows), old, table, delete_unmatched, update)
            )
        reach = reach_of(changes, table)
        if not reach.rows:
            self._note_unchanged(table, note)
        elif reach.known and not (in_two_commits and reach.rows - reach.known >= MANY_NEW):
            self._merge(table, changes, reach, note)
        else:
            if reach.known:  # who dies in between has noted that there is more to come, and begins again
                first = replace(note, fingerprints=dict.fromkeys(note.fingerprints, UNFINISHED), basis=None)
                self._merge(table, changes.where(KNOWN), reach, first, inserts=False)
            new = changes.where(~F.col(KNOWN)).select(*table.column_names)
            self._write(table, new, {"mode": "append"}, note)

    def _merge(
        self, table: Table, changes: DataFrame, reach: Reach, note: CommitNote, *, inserts: bool = True
    ) -> None:
        view, uri = f"{CHANGES_VIEW}_{table.leaf}", self.location.table(table)
        changes.createOrReplaceTempView(view)
        statement = merge_statement(table, uri, changes=view, bounds=reach.bounds, inserts=inserts)
        self._commit(table, statement, note)
        self.spark.catalog.dropTempView(view)

    def replace_day(self, table: Table, rows: DataFrame, *, as_of: date) -> None:
        """Replace one day's slice as a whole."""
        self.ensure(table)
        self._write(
            table, rows, {"mode": "overwrite", "replaceWhere": f"as_of_date = DATE'{as_of.isoformat()}'"}
        )

    def append(self, table: Table, rows: DataFrame) -> None:
        """Add rows."""
        self.ensure(table)
        self._write(table, rows, {"mode": "append"})

    def restore(self, table: Table, version: int) -> None:
        """Bring an older version's content back as a new version."""
        self._commit(table, f"RESTORE TABLE delta.`{self.location.table(table)}` TO VERSION AS OF {version}")

    def compact(self, table: Table) -> None:
        """Put the rows of small files into few large ones, in the order of the table's clustering. Changes no row.

        Rows that are only marked as deleted leave the files, also those that are large enough.
        """
        if table.marks_deletions:
            self._commit(table, f"REORG TABLE delta.`{self.location.table(table)}` APPLY (PURGE)")
        self._commit(table, f"OPTIMIZE delta.`{self.location.table(table)}`")

    def vacuum(self, table: Table, *, keep: timedelta) -> None:
        """Remove files that have not been part of the table for longer than `keep`; older versions go with them."""
        hours = keep.total_seconds() / 3600
        before = self.spark.conf.get(_LEAST_RETENTION, "true")
        self.spark.conf.set(_LEAST_RETENTION, "false")  # the lease says that nobody else is writing
        try:
            self._commit(table, f"VACUUM delta.`{self.location.table(table)}` RETAIN {hours:.3f} HOURS")
        finally:
            self.spark.conf.set(_LEAST_RETENTION, before or "true")

    def checkpoint(self, rows: DataFrame) -> DataFrame:
        """The same rows, computed once into a run-scoped Parquet folder; their lineage is cut."""
        folder = f"{self._scratch()}/{next(self._checkpoints):04d}"
        rows.write.mode("overwrite").parquet(folder)
        return self.spark.read.schema(rows.schema).parquet(folder)

    def clear_checkpoints(self) -> None:
        """Remove what `checkpoint` left; nothing depends on it."""
        if self.location.is_local:
            shutil.rmtree(
                self.location.records() / "scratch" / (self.note.run_id or "none"), ignore_errors=True
            )

    def _scratch(self) -> str:
        return f"{self.root}/_habitue/scratch/{self.note.run_id or 'none'}"

    def _prepared(self, table: Table, rows: DataFrame) -> DataFrame:
        return guarded(conform(with_row_hash(rows, table), table), table)

    def _write(
        self, table: Table, rows: DataFrame, options: Mapping[str, str], note: CommitNote | None = None
    ) -> None:
        writer = self._prepared(table, rows).write.format("delta").options(**options).mode(options["mode"])
        self._before_commit()
        with self._explaining(table, rows):
            writer.option("userMetadata", (note or self.note).text(table.name)).save(
                self.location.table(table)
            )

    def _note_unchanged(self, table: Table, note: CommitNote) -> None:
        """Let the log say that a step's content holds for its new inputs too: a commit without data."""
        if table.name not in note.fingerprints:
            return
        uri = self.location.table(table)
        confirmed = f"SET TBLPROPERTIES ('habitue.confirmed_by' = '{note.run_id}')"
        self._commit(table, f"ALTER TABLE delta.`{uri}` {confirmed}", note)

    def _log(self, table: Table) -> DeltaLog:
        return DeltaLog(self.location.table(table))

    def _commit(self, table: Table, statement: str, note: CommitNote | None = None) -> None:
        """Run a statement whose commit carries the note. The note lies in the session, so one at a time."""
        with self._statement:
            self._before_commit()
            set_commit_note(self.spark, note or self.note, table.name)
            self.spark.sql(statement)

    def _before_commit(self) -> None:
        """Stop a writer that has lost the lake, whichever table it is about to change."""
        self._assert_held()

    @contextmanager
    def _explaining(self, table: Table, rows: DataFrame) -> Iterator[None]:
        """Turn a guard's stop into a ContractError that counts every broken rule."""
        try:
            yield
        except HabitueError:
            raise
        # py4j and Connect raise unrelated classes; only a broken contract is ours to explain
        except Exception as error:
            if f"contract {table.name}: " not in str(error):
                raise
            found = violations(conform(with_row_hash(rows, table), table), table)
            raise ContractError(
                table.name, [f"{name}: {n:,} rows break it" for name, n in found.items()]
            ) from None
