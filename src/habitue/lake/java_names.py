"""Names on the Java side of a session, looked up once.

For every expression PySpark asks Java for a class, then for its method, and only then calls it. A run builds some
hundred thousand expressions, and two of three calls bring the same answer as before. Classes that are kept in the view
of the Java side are found there instead; nothing else changes, and a PySpark that asks otherwise finds nothing kept.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

CLASSES = (
    *("functions", "org.apache.spark.sql.functions", "org.apache.spark.sql.expressions.Window"),
    *("PythonUtils", "PythonSQLUtils"),
)
"""Classes that expressions are made with, as PySpark calls them."""


class KnownClass:
    """A Java class that keeps every static method that it was asked for."""

    def __init__(self, java_class: Any) -> None:
        self._java_class = java_class

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._java_class, name)
        setattr(self, name, found)
        return found


def keep_names(session: SparkSession) -> None:
    """Keep the classes of a session on this machine; one that speaks Connect has no Java side here."""
    view = getattr(session, "_jvm", None)
    if view is not None:
        vars(view).update(
            {name: KnownClass(getattr(view, name)) for name in CLASSES if name not in vars(view)}
        )
