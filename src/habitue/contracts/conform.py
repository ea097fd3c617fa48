"""Bring a DataFrame into the shape of its contract, or say everything that is wrong with it."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.table import Table
from habitue.errors import ContractError


def conform(df: DataFrame, table: Table) -> DataFrame:
    """Exactly the contract's columns in its order; all discrepancies in one ContractError."""
    found = {field.name: field.dataType.simpleString() for field in df.schema.fields}
    problems = [
        f"{c.name} is missing ({c.type})"
        if c.name not in found
        else f"{c.name} is {found[c.name]}, expected {c.type}"
        for c in table.columns
        if found.get(c.name) != c.type
    ]
    extra = sorted(set(found) - set(table.column_names))
    problems += [f"{name} is not a column of the contract" for name in extra]
    if problems:
        raise ContractError(table.name, problems)
    return df.select(*table.column_names)


def rules(table: Table) -> dict[str, str]:
    """Every row rule of a contract by name: not-null columns and checks, as SQL predicates."""
    not_null = {f"{c.name}_not_null": f"`{c.name}` IS NOT NULL" for c in table.columns if not c.nullable}
    return not_null | dict(table.checks)


def guarded(df: DataFrame, table: Table) -> DataFrame:
    """The same rows, stopping the write at the first row that breaks a rule.

    The guard rides on a grain column, so that no optimiser can prune it and no
    second pass over the data is needed; `violations` then says all that is wrong.
    """
    broken = F.coalesce(*(F.when(~_holds(sql), F.lit(name)) for name, sql in rules(table).items()))
    first = table.column_names[0]
    if not rules(table):
        return df
    stop = F.raise_error(F.concat(F.lit(f"contract {table.name}: "), broken))
    return df.withColumn(first, F.when(broken.isNotNull(), stop).otherwise(F.col(first)))


def violations(df: DataFrame, table: Table) -> dict[str, int]:
    """How many rows break each rule: one aggregate, rules without violations left out."""
    counts = [F.count_if(~_holds(sql)).alias(name) for name, sql in rules(table).items()]
    row = df.agg(*counts).first() if counts else None
    return {name: n for name, n in row.asDict().items() if n} if row else {}


def _holds(sql: str) -> SparkColumn:
    return F.coalesce(F.expr(sql), F.lit(False))
