"""Links by matching that come late or are lost: no state of before changes."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession

from habitue.identity.matching.found_links import found_beside, lost_pauses
from habitue.identity.pauses import FAR

NEWEST = datetime(2026, 1, 20, tzinfo=UTC)
LINK = (
    "id_type_a string, id_key_a string, id_type_b string, id_key_b string, rule string, source string, "
    "first_known timestamp, last_seen timestamp, observations bigint, confidence double, "
    "fresh_known timestamp"
)
SPAN = (
    "id_type_a string, id_key_a string, id_type_b string, id_key_b string, known_from timestamp, "
    "known_until timestamp"
)


def day(text: str) -> datetime | None:
    return datetime(2026, 1, int(text), tzinfo=UTC) if text else None


def links(spark: SparkSession, text: str) -> DataFrame:
    """a b source first_known fresh_known: days of January; the last may be left out."""
    rows = [(*line.split(), "")[:5] for line in text.strip().splitlines()]
    return spark.createDataFrame(
        [
            ("e", a, "e", b, "same_person", source, day(at), day(at), 1, 0.99, day(fresh))
            for a, b, source, at, fresh in rows
        ],
        LINK,
    )


def stored(spark: SparkSession, text: str) -> DataFrame:
    return links(spark, text).drop("fresh_known")


def spans(spark: SparkSession, text: str = "") -> DataFrame:
    """a b known_from known_until, which may be left out."""
    rows = [(*line.split(), "")[:4] for line in text.strip().splitlines()]
    return spark.createDataFrame([("e", a, "e", b, day(start), day(end)) for a, b, start, end in rows], SPAN)


def told(rows: DataFrame, *names: str) -> set[tuple[object, ...]]:
    """Both keys, and the days of the times named."""
    return {
        (r.id_key_a, r.id_key_b, *(r[n].day if isinstance(r[n], datetime) else r[n] for n in names))
        for r in rows.collect()
    }


def test_a_link_between_records_of_before_counts_from_the_newest_record_on(spark: SparkSession) -> None:
    found = found_beside(
        links(spark, "a b crm 5\n c d crm 5\n e f crm 5 15\n g h crm 2 2"),
        stored(spark, "a b shop 4"),
        spans(spark),
        newest=NEWEST,
    )
    assert told(found.links, "source", "first_known") == {
        ("a", "b", "shop", 4),  # found before: as it was
        ("c", "d", "crm", 20),  # both records were there, and nobody knew of it
        ("e", "f", "crm", 15),  # one of the records came since
        ("g", "h", "crm", 2),  # also where it is history
    }
    assert found.spans.isEmpty()


def test_a_link_that_is_lost_held_until_then_and_holds_again_when_it_is_found_again(
    spark: SparkSession,
) -> None:
    before = stored(spark, "a b crm 3\n c d crm 4\n e f crm 20\n g h crm 5\n i j crm 6")
    known = spans(spark, "g h 5 8\n i j 6 7\n i j 9")
    found = found_beside(links(spark, "c d crm 4\n g h crm 5"), before, known, newest=NEWEST)
    assert told(found.spans, "known_from", "known_until") == {
        ("a", "b", 3, 20),
        ("g", "h", 5, 8), ("g", "h", 20, None),
        ("i", "j", 6, 7), ("i", "j", 9, 20),
    }  # fmt: skip
    assert told(found.links, "first_known") == {
        ("a", "b", 3), ("c", "d", 4), ("g", "h", 5), ("i", "j", 6),
    }, "e and f were lost by the time at which they were found: that link never was"  # fmt: skip
    pauses = told(lost_pauses(found.spans).where(f"`end` < '{FAR}'"), "start", "end")
    assert pauses == {("g", "h", 8, 20), ("i", "j", 7, 9)}
    lasting = told(lost_pauses(found.spans).where(f"`end` = '{FAR}'"), "start", "why")
    assert lasting == {
        ("a", "b", 20, "matching no longer finds it"),
        ("i", "j", 20, "matching no longer finds it"),
    }
    again = found_beside(links(spark, "c d crm 4\n g h crm 5"), found.links, found.spans, newest=NEWEST)
    assert told(again.spans, "known_from", "known_until") == told(found.spans, "known_from", "known_until")
    assert told(again.links, "first_known") == told(found.links, "first_known")
