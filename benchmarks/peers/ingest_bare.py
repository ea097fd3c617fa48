"""The least that taking in events can be, as a plain Spark plan: parse, digest, drop repeats, write Parquet.

No checks, clocks, keys, redaction, quarantine or contract: the rate that the whole contract is held against.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks import spark
from benchmarks.contest import Task
from benchmarks.tracked import FOLDER

_PAGE = "struct<url:string,path:string,title:string,referrer:string>"
_CONTEXT = (
    f"struct<page:{_PAGE},locale:string,timezone:string,userAgent:string,library:struct<name:string>,"
    "traits:struct<email:string>>"
)
_PRODUCT = "product_id:string,sku:string,category:string,brand:string,name:string,price:double,quantity:int"
_LINE = (
    "messageId string, type string, event string, anonymousId string, userId string, originalTimestamp timestamp, "
    f"sentAt timestamp, receivedAt timestamp, timestamp timestamp, context {_CONTEXT}, properties "
    f"struct<{_PRODUCT},order_id:string,currency:string,revenue:double,discount:double,query:string,"
    f"products:array<struct<{_PRODUCT}>>>"
)


def run(task: Task) -> None:
    """From the files to one Parquet row per call."""
    spark.write(_rows(task), task)


def plan(task: Task) -> str:
    """The plan of `run`."""
    return spark.plan_of(_rows(task))


def _rows(task: Task) -> DataFrame:
    calls = spark.session(task).read.schema(_LINE).json(str(task.data / FOLDER))
    digested = calls.withColumn("row_hash", F.xxhash64(*calls.columns))
    return digested.dropDuplicates(["messageId"]).withColumnRenamed("messageId", "event_id")
