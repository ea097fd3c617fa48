"""Checks that every draft row passes, whatever its source: what is missing, impossible or of the future."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from habitue.contracts.entities import CONSENT, CUSTOMER_RECORD
from habitue.contracts.intake import PERSON_RECORD
from habitue.contracts.table import Table
from habitue.events.vocabulary import CHECKOUT_STARTED
from habitue.sources.currencies import CURRENCIES
from habitue.sources.draft import OPTIONAL_WORKING_COLUMNS, WORKING_COLUMNS, Draft
from habitue.sources.faults import CORRUPT, Condition, faults_where
from habitue.sources.fields import HAPPENED, ONE_OF, REQUIRED

FUTURE_TOLERANCE = timedelta(hours=24)
FUTURE = "future_time"
"""Code of rows that lie further ahead than that."""
EARLIEST = "1970-01-01"

_CURRENCY = {"order_line": "currency", "subscription": "currency", "event": "order.currency"}
_NOT_NEGATIVE = {
    "product": ("price",),
    "campaign": ("cost",),
    "contact": ("cost",),
    "subscription": ("price",),
    "event": ("engaged_seconds",),
    "order_line": ("vat_rate",),
}
_NOT_NAN = {
    "product": ("margin",),
    "survey": ("score",),
    "service_case": ("satisfaction",),
    "event": ("engaged_seconds",),
}
_ORDERED = {
    "campaign": ("start_time", "end_time"),
    "service_case": ("opened_time", "closed_time"),
    "subscription": ("start_time", "end_time"),
}
_STATUSES = ("granted", "denied", "withdrawn")
UNKNOWN_STATUS = "unknown_status"
"""Flag of consents whose status is a word that nobody knows, or empty."""
UNDATED_REFUSAL = "undated_refusal"
"""Flag of refusals that do not say when."""
GRANTED = "granted"
_ONE_OF_VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "response": {
        "type": ("delivered", "opened", "clicked", "bounced", "unsubscribed", "complained", "redeemed"),
    },
}
PERSON_ONLY = tuple(
    c.name
    for c in PERSON_RECORD.columns
    if c.name not in ("source", "record_key", "identifiers", "email", "phone", "known_time", "row_hash")
)
"""What a draft of customer records carries for the vault."""


def checked(draft: Draft, *, now: datetime) -> DataFrame:
    """The draft's rows with every column of their entity (null where unmapped) and all their faults.

    `_raw` is kept for rows with a fault only: nothing else needs the row as received.
    """
    entity = draft.entity.leaf
    rows = _complete(draft)
    if draft.entity is CONSENT:
        rows = _closed(rows, now)
    elif draft.entity is CUSTOMER_RECORD:
        rows = _kept_blocks(rows)
    conditions = [
        *_missing(entity),
        *_impossible(entity),
        *_future(entity, now),
        *_currency(entity),
        *_unknown_values(entity),
    ]
    faults = F.concat("_faults", faults_where(conditions))
    with_faults = rows.withColumn("_faults", faults)
    is_text = rows.schema["_raw"].dataType.typeName() == "string"
    as_received = F.col("_raw") if is_text else F.to_json("_raw")
    return with_faults.withColumn("_raw", F.when(F.size("_faults") > 0, as_received))


def is_good() -> Column:
    """Whether a checked row has no fault."""
    return F.size("_faults") == 0


def quarantine_rows(checked_rows: DataFrame, draft_entity: Table, *, source: str, run_id: str) -> DataFrame:
    """Rows for `vault.quarantine`: one per faulty row, coded by its first fault, all faults in words."""
    return checked_rows.where(~is_good()).select(
        F.lit(source).alias("source"),
        F.col("_file").alias("file"),
        F.col("_position").cast("bigint").alias("position"),
        F.lit(draft_entity.leaf).alias("entity"),
        F.col("_faults")[0]["code"].alias("reason_code"),
        F.array_join(F.transform("_faults", lambda fault: fault["reason"]), "; ").alias("reason"),
        F.col("_raw").alias("raw"),
        F.lit(run_id).alias("run_id"),
    )


def carried_columns(entity: Table) -> dict[str, str]:
    """Contract columns by type that a draft may bring (keys and hashes are made later)."""
    made_later = {"source", "identifiers", "row_hash", "record_key", "other_type", "other_key"}
    made_later |= {"tracker_id", "tracker_fingerprint"}
    carried = {c.name: c.type for c in entity.columns if c.name not in made_later}
    if entity.leaf == "customer_record":
        carried |= {name: PERSON_RECORD.column(name).type for name in PERSON_ONLY if name not in carried}
    if entity.leaf == "touch":
        carried["other_person"] = "map<string,string>"
    return carried


def _complete(draft: Draft) -> DataFrame:
    """All columns of the entity; a column the source does not know is null or has its default."""
    present = set(draft.rows.columns)
    working = [F.col(name) for name in WORKING_COLUMNS]
    working += [
        F.col(name) if name in present else F.lit(None).cast(type_).alias(name)
        for name, type_ in OPTIONAL_WORKING_COLUMNS.items()
    ]
    columns = [
        F.col(f"`{name}`") if name in present else F.lit(None).cast(type_).alias(name)
        for name, type_ in carried_columns(draft.entity).items()
    ]
    return draft.rows.select(*working, *columns)


def _closed(consents: DataFrame, now: datetime) -> DataFrame:
    """Refusals whatever is wrong with them: left out, an earlier grant would hold on.

    A status that is empty or that nobody knows is a denial; a purpose or channel that is missing is any. A refusal whose
    time is missing, unreadable or far away has none here; `dated_refusals` gives it the time since when it is known.
    """
    status, given = F.col("status"), F.col("given_time")
    is_unknown = ~F.coalesce(status.isin(*_STATUSES), F.lit(False))
    is_refusal = is_unknown | (status != GRANTED)
    earliest, latest = F.lit(EARLIEST).cast("timestamp"), F.lit(now + FUTURE_TOLERANCE)
    is_dated = F.coalesce(given.between(earliest, latest), F.lit(False))
    grave = F.filter(
        "_faults", lambda fault: (fault["code"] == CORRUPT) | fault["reason"].startswith("the key ")
    )
    none = F.array().cast("array<string>")
    flags = F.concat(
        F.coalesce("_flags", none),
        F.when(is_unknown, F.array(F.lit(UNKNOWN_STATUS))).otherwise(none),
        F.when(is_refusal & ~is_dated, F.array(F.lit(UNDATED_REFUSAL))).otherwise(none),
    )
    return consents.withColumns(
        {
            "status": F.when(is_unknown, "denied").otherwise(status),
            "_flags": flags,
            "_faults": F.when(is_refusal, grave).otherwise(F.col("_faults")),
            "given_time": F.when(is_dated | ~is_refusal, given),
            **{
                name: F.when(is_refusal, F.coalesce(name, F.lit("any"))).otherwise(F.col(name))
                for name in ("purpose", "channel")
            },
        }
    )


def dated_refusals(consents: DataFrame, arrivals: DataFrame, latest: datetime) -> DataFrame:
    """Refusals without a time of their own with that since when they are known, or of a historical load that of arrival.

    `arrivals` and `latest` are those of `with_known_time`. `_stated_given` keeps what the data say, for the digest of the
    row: delivered again, the refusal is of the day of before.
    """
    is_told = F.col("known_time") > F.lit(EARLIEST).cast("timestamp")
    since = F.when(is_told, F.col("known_time")).otherwise(F.coalesce("arrived", F.lit(latest)))
    placed = consents.join(F.broadcast(arrivals), on="_file", how="left")
    is_refusal = F.col("status") != GRANTED
    given = F.when(is_refusal, F.coalesce("given_time", since)).otherwise(F.col("given_time"))
    return placed.withColumns({"_stated_given": F.col("given_time"), "given_time": given}).drop("arrived")


def _kept_blocks(records: DataFrame) -> DataFrame:
    """Records of the dead and blocked stay though another cell cannot be read: left out, they would be written to."""
    is_closed = F.coalesce("is_blocked", F.lit(False)) | F.coalesce("is_deceased", F.lit(False))
    grave = F.filter("_faults", lambda fault: fault["code"].isin(CORRUPT, "missing_value"))
    return records.withColumn("_faults", F.when(is_closed, grave).otherwise(F.col("_faults")))


def _is_about(fault: Column, name: str) -> Column:
    """Whether a fault is that a column could not be read."""
    return fault["reason"].startswith(f"{name} ")


def _missing(entity: str) -> list[Condition]:
    """A required column that is empty; one that could not be read has its own fault already."""

    def unread(name: str) -> Column:
        return F.exists("_faults", lambda fault: _is_about(fault, name) | (fault["code"] == CORRUPT))

    conditions = [
        (F.col(name).isNull() & ~unread(name), "missing_value", f"{name} is empty")
        for name in REQUIRED[entity]
    ]
    if entity == CONSENT.leaf:  # a refusal is dated later
        is_grant = F.col("status") == GRANTED
        conditions = [
            (is_empty & is_grant if reason.startswith("given_time") else is_empty, code, reason)
            for is_empty, code, reason in conditions
        ]
    if entity == "order_line":  # without another fault: a price that could not be read is one already
        no_price = F.col("net_revenue").isNull() & (F.size("_faults") == 0)
        conditions.append((no_price, "missing_value", "net_revenue is empty"))
    if entity == "response":
        neither = reduce(lambda a, b: a & b, (F.col(name).isNull() for name in ONE_OF[entity]))
        conditions.append((neither, "missing_value", f"{' and '.join(ONE_OF[entity])} are empty"))
    return [(F.coalesce(condition, F.lit(False)), code, reason) for condition, code, reason in conditions]


def _impossible(entity: str) -> list[Condition]:
    conditions = [(F.col(n) < 0, f"{n} is negative") for n in _NOT_NEGATIVE.get(entity, ())]
    conditions += [(F.isnan(F.col(n)), f"{n} is not a number") for n in _NOT_NAN.get(entity, ())]
    if entity in _ORDERED:
        start, end = _ORDERED[entity]
        conditions.append((F.col(end) < F.col(start), f"{end} lies before {start}"))
    if entity in HAPPENED and entity != "event":  # events have a floor of their own, which is configured
        name = HAPPENED[entity]
        too_early = F.col(name) < F.lit(EARLIEST).cast("timestamp")
        conditions.append((too_early, f"{name} lies before {EARLIEST}"))
    if entity == "order_line":
        is_sale = (F.col("quantity") > 0) & ~F.coalesce("is_return", F.lit(False))
        unexplained = (F.col("net_revenue") < 0) & is_sale & (F.size("_faults") == 0)
        conditions.append(
            (unexplained, "net_revenue is negative for a positive quantity, and is_return does not say why")
        )
    return [
        (F.coalesce(condition, F.lit(False)), "impossible_value", reason) for condition, reason in conditions
    ]


def _future(entity: str, now: datetime) -> list[Condition]:
    if entity not in HAPPENED:
        return []
    name = HAPPENED[entity]
    is_future = F.col(name) > F.lit(now + FUTURE_TOLERANCE)
    return [(F.coalesce(is_future, F.lit(False)), FUTURE, f"{name} lies more than 24 hours after the run")]


def _currency(entity: str) -> list[Condition]:
    if entity not in _CURRENCY:
        return []
    name = _CURRENCY[entity]
    codes = ", ".join(f"'{code}'" for code in sorted(CURRENCIES))
    stated = ".".join(f"`{part}`" for part in name.split("."))
    # as text: an expression for each code takes long to build
    is_unknown = F.expr(f"{stated} NOT IN ({codes})")
    if entity == "event":  # what a checkout would cost is no revenue, and trackers send anything there
        is_unknown = is_unknown & (F.col("event_name") != CHECKOUT_STARTED)
    return [(F.coalesce(is_unknown, F.lit(False)), "unknown_currency", f"{name} is not an ISO 4217 code")]


def _unknown_values(entity: str) -> list[Condition]:
    return [
        (
            F.coalesce(~F.col(name).isin(*values), F.lit(False)),
            "unknown_value",
            f"{name} is none of {', '.join(values)}",
        )
        for name, values in _ONE_OF_VALUES.get(entity, {}).items()
    ]
