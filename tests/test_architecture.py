"""The direction of imports, what core code may not touch, and what every table must say."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from habitue.contracts.table import Personal
from habitue.contracts.tables import TABLES

SOURCE = Path(__file__).parent.parent / "src" / "habitue"

DOMAIN = (
    "sources", "events", "identity", "profile", "models", "training", "scoring", "offers", "audiences",
    "activation", "measurement", "privacy", "synth",
)  # fmt: skip
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "contracts"),
    DOMAIN,
    ("config",),
    ("lake", "registry", "report", "checks"),
    ("job",),
    ("stages",),
    ("pipeline",),
    ("commands",),
    ("cli",),
)


def package_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("habitue.") else ""


def layer_of(package: str) -> int:
    return next(i for i, packages in enumerate(LAYERS) if package in packages)


def modules() -> Iterator[tuple[Path, str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield path, parts[0], ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)} imports {name}"
        for path, package, tree in modules()
        if package not in ("__init__", "__main__")
        for name in imports(tree)
        if package_of(name) and layer_of(package_of(name)) > layer_of(package)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("mlflow", {"registry"}),
        ("typer", {"cli"}),
        ("rich", {"cli", "job"}),
        ("jinja2", {"report"}),
    ],
)
def test_a_library_of_the_edge_stays_at_its_edge(library: str, allowed: set[str]) -> None:
    users = {
        package for _, package, tree in modules() for name in imports(tree) if name.split(".")[0] == library
    }
    assert users <= allowed


def test_models_know_no_spark() -> None:
    users = [
        path.name
        for path, package, tree in modules()
        if package == "models"
        for n in imports(tree)
        if n.startswith("pyspark")
    ]
    assert not users


def test_core_code_runs_on_spark_connect() -> None:
    banned = {"rdd", "_jvm", "_jdf", "_sc", "sparkContext", "DeltaTable"}
    found = [
        f"{path.relative_to(SOURCE)} line {node.lineno}: {node.attr}"
        for path, package, tree in modules()
        if package not in ("lake",)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in banned
    ]
    assert not found, "\n".join(found)


def test_only_the_lake_reads_and_writes_delta() -> None:
    found = [
        f"{path.relative_to(SOURCE)} line {node.lineno}"
        for path, package, tree in modules()
        if package != "lake"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and any(isinstance(a, ast.Constant) and a.value == "delta" for a in node.args)
    ]
    assert not found, "\n".join(found)


SESSIONS = {"builder", "getOrCreate", "getActiveSession", "active"}
CLOCKS = {
    "now",
    "today",
    "utcnow",
    "monotonic",
    "perf_counter",
    "current_timestamp",
    "current_date",
    "rand",
    "randn",
    "uuid",
}
"""`now` is a method of datetime and a function of Spark; `time.time` is told apart by its module."""


def test_domain_code_opens_no_session_and_reads_no_clock() -> None:
    found = [
        f"{path.relative_to(SOURCE)} line {node.lineno}: {node.value.id}.{node.attr}"
        for path, package, tree in modules()
        if package in DOMAIN
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if (node.value.id == "SparkSession" and node.attr in SESSIONS)
        or (node.value.id in ("F", "datetime", "date", "time") and node.attr in CLOCKS)
        or (node.value.id, node.attr) == ("time", "time")
    ]
    assert not found, "\n".join(found)


def test_no_module_is_longer_than_400_lines_or_named_for_nothing() -> None:
    long = [str(path) for path, _, _ in modules() if len(path.read_text().splitlines()) > 400]
    vague = [
        str(path)
        for path, _, _ in modules()
        if path.stem in {"utils", "util", "helpers", "common", "misc", "manager"}
    ]
    assert not long + vague


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Those of modules, classes and functions, and those below constants and fields."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            value = child.value if isinstance(child, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield inspect.cleandoc(value.value)


def test_no_docstring_is_torn_in_two() -> None:
    torn = [
        f"{path.relative_to(SOURCE)}: {text.splitlines()[0]}"
        for path, _, tree in modules()
        for text in docstrings(tree)
        if ",." in text or any(part.startswith(("And ", "(")) for part in text.split("\n\n"))
    ]
    assert not torn, "\n".join(torn)


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_every_table_describes_itself(table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.grain) | set(table.partition_by) | set(table.cluster_by) <= set(names)
    assert table.comment and all(column.comment for column in table.columns)
    if table.layer in ("silver", "gold"):
        clear = [column.name for column in table.columns if column.personal is Personal.CLEAR]
        assert not clear, f"open layer {table.name} holds clear data: {clear}"
