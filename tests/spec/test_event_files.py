"""Files of trackers as they are found: how they are written, what is one row, and what no property may carry."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from habitue.errors import InputError
from habitue.lake.source_files import read_input
from habitue.privacy.redaction import RedactionSettings, redacted_json, redacted_url
from habitue.sources.event_rules import DEFAULT_RULES
from habitue.sources.file_changes import why_never
from habitue.sources.ga4 import read_ga4
from habitue.sources.ga4_row import rows_of_lines
from habitue.sources.inputs import Input, Options, find
from habitue.sources.json_line import is_one_object
from habitue.sources.settings import SourceSettings
from habitue.sources.slices import DELIVERIES, IS_REPLACED, deliveries, mark_replaced
from habitue.sources.snowplow import read_snowplow
from habitue.sources.snowplow_atomic import ENRICHED, LOADED, dialect


def test_a_stream_with_more_commas_than_tabs_is_a_stream() -> None:
    cells = dict.fromkeys(ENRICHED, "")
    cells |= {
        "event": "page_view",
        "event_id": "e1",
        "contexts": "{" + ",".join('"a":1' for _ in range(200)) + "}",
    }
    found = dialect("\t".join(cells.values()) + "\n", {})
    assert found.options["delimiter"] == "\t" and not found.options["header"]
    assert found.names == ENRICHED


def of_width(names: tuple[str, ...], more: int) -> str:
    """A row without header of these columns, with some of the project's own behind them."""
    cells = dict.fromkeys(names, "") | {
        "event": "page_view", "event_id": "e1", "collector_tstamp": "2024-05-01 10:00:00.000", "page_title": "Home",
        "derived_tstamp": "2024-05-01 10:00:00.000", "event_vendor": "com.acme", "event_format": "jsonschema",
        "event_version": "1-0-0",
    }  # fmt: skip
    cells |= {"contexts": "{}"} if "contexts" in names else {}
    return "\t".join([*(cells[name] for name in names), *["{}"] * more]) + "\n"


@pytest.mark.parametrize(
    ("known", "more"),
    [(ENRICHED, 0), (ENRICHED, 4), (ENRICHED[:125], 0), (LOADED, 0), (LOADED[:-1], 0)]
    + [(LOADED, 6), (LOADED, 2), (LOADED[:-1], 6)],
)
def test_columns_behind_those_of_a_table_or_stream_do_not_shift_the_others(
    known: tuple[str, ...], more: int
) -> None:
    """A table with six columns of contexts is wider than the stream, and with two of them as wide as it."""
    found = dialect(of_width(known, more), {}).names
    assert found == (*known, *(f"_c{n}" for n in range(len(known), len(known) + more)))


def test_a_row_of_neither_form_says_how_wide_each_is() -> None:
    with pytest.raises(InputError, match="131 columns of the stream, or 128 or 129 of the table, found 137"):
        dialect("x\t" + of_width(ENRICHED, 5), {})
    with pytest.raises(InputError, match="found 131 columns of another form"):
        dialect(of_width(("app_id", "own", *ENRICHED[1:5], *ENRICHED[6:]), 0), {})
    with pytest.raises(InputError, match="found 136 columns of another form"):
        dialect(of_width((*LOADED[:60], "own", "other", *LOADED[60:]), 5), {})


def test_a_quote_in_the_first_row_of_a_stream_is_a_character_however_far_the_next_one() -> None:
    cells = dict.fromkeys(ENRICHED, "") | {"event": "page_view", "event_id": "e1", "page_title": '"Sale'}
    found = dialect("\t".join(cells.values()) + "\n" + "x" * 200_000, {})
    assert found.names == ENRICHED and found.options["quote"] == ""


def test_json_that_a_warehouse_spreads_over_lines_is_one_cell(spark: SparkSession, tmp_path: Path) -> None:
    """Snowflake's own form of a VARIANT in CSV; beside it a file without line ends in cells."""
    names = ("event_id", "event_name", "collector_tstamp", "contexts_com_acme_user_1_0_0")
    pretty = json.dumps([{"tier": "gold", "n": 1}], indent=2).replace('"', '""')
    rows = [",".join(names), *(f'{n},page_view,2024-05-01 10:00:00,"{pretty}"' for n in range(3))]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "b.csv").write_text(rows[0] + "\n" + "".join(f"{n},page_view,,[]\n" for n in range(3)))
    found = read_input(spark, find(Input("rows", "csv", ("*.csv",), dialect=dialect), tmp_path))
    told = {(r["_file"], r["_position"]): r for r in found.collect()}
    assert sorted(told) == [(name, n) for name in ("a.csv", "b.csv") for n in range(3)]
    assert {(r["event_id"], r["_corrupt"]) for r in told.values()} == {(str(n), False) for n in range(3)}
    assert [r["event_id"] for r in (told["a.csv", 2], told["b.csv", 2])] == ["2", "2"]
    assert json.loads(told["a.csv", 0][names[3]]) == [{"tier": "gold", "n": 1}]


@pytest.mark.parametrize(
    ("text", "options", "is_multi_line"),
    [
        ('event_id,event,n\n1,page_view,"{\n}"\n', {}, True),
        ('event_id,event,n\n1,page_view,"{\n}"\n2,page_view,"{\n', {}, True),  # the sample ends there
        ('event_id,event,n\n1,page_view,"{\n}"\n', {"multiline": False}, False),
        ('event_id,event,n\n1,page_view,"Sale\n2,page_view,x\n', {}, False),
        ('event_id,event,n\n1,"page_view,x\n2,page_view,"y"\n', {}, False),
        ('event_id\tevent\n1\t"page\n"\n', {}, False),
    ],
)
def test_cells_of_several_lines_are_told_from_a_quote_that_is_none(
    text: str, options: Options, is_multi_line: bool
) -> None:
    assert dialect(text, options).options.get("multiLine", False) is is_multi_line


def test_fields_that_a_nested_column_has_in_later_files_are_read_too(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Two files of one warehouse: the second knows a member's club, and counts in whole numbers."""
    one = [{"event_id": "1", "own": [{"tier": "gold"}], "n": 1.5}]
    two = [{"event_id": "2", "own": [{"tier": "silver", "club": "north"}], "n": 2}]
    for number, rows in enumerate((one, two)):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{number}.parquet")
    found = read_input(spark, find(Input("rows", "parquet", ("*.parquet",)), tmp_path))
    told = found.select("event_id", F.to_json("own").alias("own")).collect()
    assert {r["event_id"]: json.loads(r["own"]) for r in told} == {
        "1": [{"tier": "gold"}],
        "2": [{"tier": "silver", "club": "north"}],
    }


def test_a_column_that_is_empty_in_one_file_has_the_type_it_has_in_others(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Days of an export, written by a library that gives a column without a value no type."""
    one = [{"event_id": "1", "user_id": None, "items": [], "own": None}]
    two = [{"event_id": "2", "user_id": "0017", "items": [{"item_id": "A"}], "own": {"tier": "gold"}}]
    for number, rows in enumerate((one, two)):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{number}.parquet")
    found = read_input(spark, find(Input("rows", "parquet", ("*.parquet",)), tmp_path))
    told = found.select("event_id", "user_id", F.to_json("items"), F.to_json("own")).collect()
    assert {tuple(r) for r in told} == {
        ("1", None, "[]", None),
        ("2", "0017", '[{"item_id":"A"}]', '{"tier":"gold"}'),
    }


def test_instants_in_nanoseconds_are_read_at_any_depth(spark: SparkSession, tmp_path: Path) -> None:
    """What pandas writes unless told otherwise; Spark's own old form of instants is left as it is."""
    at = [1_714_557_600_123_456_789]
    instant, wall = pa.timestamp("ns", tz="UTC"), pa.timestamp("ns")
    step = pa.struct([("at", instant), ("n", pa.int64())])
    steps = pa.array([[{"at": at[0], "n": 1}, {"at": None, "n": 2}]], pa.list_(step))
    table = pa.table({"at": pa.array(at, instant), "local": pa.array(at, wall), "n": pa.array(at)})
    pq.write_table(table.append_column("steps", steps), tmp_path / "new.parquet")
    pq.write_table(table, tmp_path / "old.parquet", use_deprecated_int96_timestamps=True)
    new, old = (
        read_input(spark, find(Input("rows", "parquet", (name,)), tmp_path))
        for name in ("new.parquet", "old.parquet")
    )
    when = datetime(2024, 5, 1, 10, 0, 0, 123456)
    assert dict(new.dtypes)["local"] == "timestamp_ntz"
    assert [tuple(rows.select("at", "local", "n").first()) for rows in (new, old)] == [
        (when, when, at[0])
    ] * 2
    assert [tuple(step) for step in new.first()["steps"]] == [(when, 1), (None, 2)]


def test_a_line_is_one_object_or_none(spark: SparkSession) -> None:
    lines = {
        '{"a": 1}': True, ' {"a": {"b": "} {"}} ': True, '{"a": [{"b": 1}, {"b": 2}]}': True, "{}": True,
        '{"a": 1}{"a": 2}': False, '{"a": 1} {"a": 2}': False, '{"a": 1} x': False,
        '[{"a": 1}]': False, "1": False, '{"a": 1': False,
    }  # fmt: skip
    rows = spark.createDataFrame([(line,) for line in lines], "line string")
    found = {r[0]: r[1] for r in rows.select("line", is_one_object(F.col("line"))).collect()}
    assert found == lines


def test_of_two_rows_of_an_export_on_one_line_none_is_lost_in_silence(spark: SparkSession) -> None:
    row = '{"event_name": "page_view", "event_timestamp": "1700000000000000", "event_date": "20231114"}'
    raw = spark.createDataFrame(
        [(row, "f", 0), (row + row, "f", 1)], "value string, _file string, _position bigint"
    )
    assert {r["_position"]: r["is_corrupt"] for r in rows_of_lines(raw).collect()} == {0: False, 1: True}


PARAMETERS = '[{"key": "page_location", "value": {"string_value": "https://x.test/"}}]'


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("event_params", PARAMETERS, None),
        ("event_params", '[{"key": "a", "value": null}, {"key": "b"}]', None),
        ("event_params", '{"page_location": "https://x.test/"}', "not_a_list"),
        ("event_params", '[{"key": "page_location", "value": "https://x.test/"}]', "not_a_list"),
        ("event_params", "[{'key': 'a', 'value': {'int_value': 1, 'string_value': None}}]", "not_a_list"),
        ("event_params", PARAMETERS[:-9], "not_a_list"),
        ("user_properties", '{"plan": "gold"}', "not_a_list"),
        ("items", '[{"item_id": "A"}, {"item_i', "not_a_list"),
        ("ecommerce", '{"transaction_id": "T1"}', None),
        ("ecommerce", "{'transaction_id': 'T1', 'purchase_revenue': None}", "corrupt_record"),
        ("device", '[{"category": "mobile"}]', "corrupt_record"),
        *(
            (name, empty, None)
            for name in ("event_params", "items", "device")
            for empty in ("", " ", "[]", "null")
        ),
    ],
)
def test_a_nested_cell_of_another_form_is_a_fault_and_no_event_without_it(
    spark: SparkSession, column: str, text: str, code: str | None
) -> None:
    """Of a CSV that pandas wrote, or of a query that made the export flat."""
    names = f"event_name string, event_timestamp string, event_date string, {column} string"
    raw = spark.createDataFrame([("page_view", "1714557600000000", "20240501", text)], names).withColumns(
        {"_file": F.lit("f"), "_position": F.lit(0), "_raw": F.lit(""), "_corrupt": F.lit(False)}
    )
    settings = SourceSettings(source="web", adapter="ga4", path="x", format="csv")
    found = read_ga4(raw, settings, DEFAULT_RULES).rows.first()
    assert [(f["code"], f["reason"].split()[0]) for f in found["_faults"]] == [(code, column)] * bool(code)


def test_an_event_has_the_same_id_however_its_items_and_its_purchase_are_spelt(spark: SparkSession) -> None:
    """A day that came without empty fields, once more with them, and as Parquet keeps it, whose numbers have types."""
    bought = {"key": "value", "value": {"double_value": 49}}
    row = {"event_name": "purchase", "event_timestamp": "1714557600000000", "event_date": "20240501"}
    lines = [
        {"items": [{"item_id": "A", "price": 49, "quantity": "1"}], "ecommerce": {"transaction_id": "T"}},
        {"items": [{"quantity": 1, "item_variant": None, "price": 49.0, "item_id": "A", "item_params": []}],
         "ecommerce": {"tax_value": None, "transaction_id": "T"}},
        {"items": [{"item_id": "B", "price": 49, "quantity": "1"}], "ecommerce": {"transaction_id": "T"}},
        {"items": None, "ecommerce": None},
        {"items": [], "ecommerce": {"transaction_id": None}},
    ]  # fmt: skip
    texts = [json.dumps(row | line | {"event_params": [bought]}) for line in lines]
    texts.append(texts[0].replace('"double_value": 49', '"double_value": 49.0'))
    raw = spark.createDataFrame([(text,) for text in texts], "value string")
    placed = raw.withColumns({"_file": F.lit("f"), "_position": F.monotonically_increasing_id()})
    settings = SourceSettings(source="web", adapter="ga4", path="x")
    drafts = read_ga4(placed, settings, DEFAULT_RULES).rows.orderBy("_position")
    one, again, other, none, empty, typed = (r["event_id"] for r in drafts.select("event_id").collect())
    assert one == again == typed and none == empty
    assert len({one, other, none}) == 3


ENTITY = {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"tier": "gold"}}
SEVERAL, ONE = (json.dumps({"schema": "s", "data": data}) for data in ([ENTITY, ENTITY], ENTITY))


@pytest.mark.parametrize("is_table", [True, False])
def test_json_of_a_tracker_that_is_cut_off_is_a_fault_and_no_event_without_it(
    spark: SparkSession, is_table: bool
) -> None:
    columns = ("contexts", "derived_contexts", "unstruct_event", "contexts_com_acme_user_1_0_0")
    columns = (*columns, "unstruct_event_com_acme_signed_up_1_0_0")
    whole = (SEVERAL, SEVERAL, ONE, '[{"tier":"gold"}]', '{"tier":"gold"}')
    empty = ("", "[]", "{}", "null", '{"schema":"s","data":[]}', '{"schema":"s","data":null}')
    cells = [
        *((name, text, False) for name, text in zip(columns, whole, strict=True)),
        *((name, text, False) for name in columns for text in empty),
        *((name, text[:-4], True) for name, text in zip(columns, whole, strict=True)),
        ("contexts", '"text"', True),
        ("contexts", '{"data":"text"}', True),
        ("unstruct_event", '{"data":"text"}', True),
    ]
    rows = [
        {"event_id": str(n), "event_name": "page_view", "collector_tstamp": "2024-05-01 10:00:00", name: text}
        for n, (name, text, _) in enumerate(cells)
    ]
    if is_table:
        names = ", ".join(
            f"{name} string" for name in ("event_id", "event_name", "collector_tstamp", *columns)
        )
        raw = spark.createDataFrame(
            [[row.get(n.split()[0]) for n in names.split(", ")] for row in rows], names
        )
        raw = raw.withColumns({"_raw": F.lit(""), "_corrupt": F.lit(False)})
    else:
        raw = spark.createDataFrame([(json.dumps(row),) for row in rows], "value string")
    placed = raw.withColumns({"_file": F.lit("f"), "_position": F.lit(0)})
    settings = SourceSettings(source="web", adapter="snowplow", path="x")
    drafts = read_snowplow(placed, settings, DEFAULT_RULES).rows.select("event_id", "_faults.code").collect()
    found = {int(row["event_id"]): row["code"] for row in drafts}
    assert {cells[n]: codes for n, codes in found.items()} == {
        cell: ["corrupt_record"] * cell[2] for cell in cells
    }


def test_a_row_of_no_day_is_never_replaced(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("p|20240101", "a", []), (None, "a", ["fault"]), ("p|20240101", "b", [])],
        "_slice string, _file string, _faults array<string>",
    )
    files = spark.createDataFrame([("a", 0, "a"), ("b", 1, "b")], DELIVERIES)
    found = mark_replaced(rows, files).select("_slice", "_file", IS_REPLACED, "_faults").collect()
    assert {(r["_slice"], r["_file"]): (r[IS_REPLACED], r["_faults"]) for r in found} == {
        ("p|20240101", "a"): (True, []), (None, "a"): (False, ["fault"]), ("p|20240101", "b"): (False, []),
    }  # fmt: skip


def test_a_row_of_a_file_that_is_no_delivery_is_never_replaced(spark: SparkSession) -> None:
    """A Delta table has files that no one delivered: the deliveries of such a source are those of its log."""
    rows = spark.createDataFrame(
        [("p|20240101", "t/part-0.parquet", ["fault"]), ("p|20240101", "t/part-1.parquet", [])],
        "_slice string, _file string, _faults array<string>",
    )
    files = spark.createDataFrame([("t/_delta_log/0.json", 0, "0.json")], DELIVERIES)
    found = mark_replaced(rows, files).select("_file", IS_REPLACED, F.size("_faults")).collect()
    assert {tuple(r) for r in found} == {("t/part-0.parquet", False, 1), ("t/part-1.parquet", False, 0)}


def test_tables_of_the_running_day_are_told_by_a_whole_word_of_their_name() -> None:
    at = datetime(2024, 5, 2)
    ranks = {
        name: rank
        for name, rank, _ in deliveries(
            (name, at)
            for name in (
                *("events_intraday_20240501.json", "events_fresh_20240501", "refreshed_20240501.json"),
                *(
                    "x/events_intraday_20240501/0.json",
                    "x/events_20240501/0.json",
                    "fresh/events_20240501/0.json",
                ),
            )
        )
    }
    assert ranks == {
        "events_intraday_20240501.json": 0,
        "events_fresh_20240501": 0,
        "refreshed_20240501.json": 1,
        "x/events_intraday_20240501/0.json": 0,  # an export in several files has a folder for each table
        "x/events_20240501/0.json": 1,
        "fresh/events_20240501/0.json": 1,
    }


def test_folders_below_a_table_hold_its_parts_and_those_above_it_its_deliveries() -> None:
    at = datetime(2024, 5, 2)
    parts = ("events_20240501/hour=00/0.json", "events_20240501/hour=01/0.json")
    twice = ("monday/events_20240501.json", "tuesday/events_20240501.json")
    running = ("intraday/20240501.json", "daily/20240501.json", "fresh/events_20240501.json.gz")
    found = {
        name: (rank, base) for name, rank, base in deliveries((n, at) for n in (*parts, *twice, *running))
    }
    assert found[parts[0]] != found[parts[1]]
    assert found[twice[0]] == found[twice[1]]
    assert found[running[0]][0] < found[running[1]][0] == found[running[2]][0]


def test_rows_of_a_delta_table_are_read_whole_whatever_reads_them() -> None:
    stream = {"source": "web", "adapter": "snowplow", "path": "events"}
    assert why_never(SourceSettings.model_validate(stream)) == ""
    delta = SourceSettings.model_validate(stream | {"format": "delta"})
    assert why_never(delta) == "rows of a Delta table do not come in files"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            '{"url":"https://x.test/a?token=s3cr3t&page=2#sid=9"}',
            '{"url":"https://x.test/a?token=redacted&page=2#sid=redacted"}',
        ),
        (
            '{"link":"https://x.test/?q=1&user_id=4711","n":1}',
            '{"link":"https://x.test/?q=1&user_id=redacted","n":1}',
        ),
        ('{"a":"?phone=1\\"2&b=3","c":"d=1"}', '{"a":"?phone=redacted&b=3","c":"d=1"}'),
        (  # an address in the parameter of an address
            '{"url":"https://x.test/in?next=%2Fa%3Femail%3Djan%2540web.de&n=1","b":"to jan%2540web.de"}',
            '{"url":"https://x.test/in?next=%2Fa%3Femail%3Dredacted&n=1","b":"to redacted"}',
        ),
        ('{"a":"?next=%2Fa%3Fpage%3D2"}', '{"a":"?next=%2Fa%3Fpage%3D2"}'),
        ('{"a":"?next=%2Fr%3Ftoken%3Dabc%26user%3D5"}', '{"a":"?next=%2Fr%3Ftoken%3Dredacted"}'),
        ('{"a":"?n=%3Futm_medium%3Demail%26page%3D2"}', '{"a":"?n=%3Futm_medium%3Demail%26page%3D2"}'),
        ('{"a":"x=1","token":"t"}', '{"a":"x=1","token":"redacted"}'),
        ('{"a":"?x=1&y=2"}', '{"a":"?x=1&y=2"}'),
        (  # an address is one whole, with whatever is in it
            '{"name":"Shoe","shippingAddress":{"name":"A} \\"B","geo":{"lat":1}},"to":{"zip":"89073","ip":[1]}}',
            '{"name":"Shoe","shippingAddress":"redacted","to":{"zip":"redacted","ip":"redacted"}}',
        ),
        ('{"addresses":[{"name":"Ada"}, {"name":"Ben"}],"n":1}', '{"addresses":"redacted","n":1}'),
        ('{"customer_group":"b2b","address":"Weg 1"}', '{"customer_group":"b2b","address":"redacted"}'),
    ],
)
def test_a_url_within_a_property_keeps_no_personal_parameter(
    spark: SparkSession, text: str, redacted: str
) -> None:
    rows = spark.createDataFrame([(text,)], "text string")
    assert rows.select(redacted_json(F.col("text"), settings=RedactionSettings())).first()[0] == redacted


def test_what_trackers_hand_over_between_domains_is_no_part_of_a_page(spark: SparkSession) -> None:
    url = "https://x.test/a?_ga=1.2&_sp=abc&ajs_uid=u1&customer_number=7&utm_source=mail"
    rows = spark.createDataFrame([(url,)], "url string")
    found = rows.select(redacted_url(F.col("url"), settings=RedactionSettings())).first()[0]
    assert found == (
        "https://x.test/a?_ga=redacted&_sp=redacted&ajs_uid=redacted&customer_number=redacted&utm_source=mail"
    )


def test_a_part_that_did_not_change_stays_beside_those_that_came_with_its_table_again() -> None:
    first, later = datetime(2024, 5, 2), datetime(2024, 5, 5)
    arrivals = {
        "p/events_20240501-000000000000.json": first,
        "p/events_20240501-000000000001.json": later,
        "p/events_20240502-000000000000.json": first,
        "q/events_20240501/000000000000.parquet": first,
        "q/events_20240501/000000000001.parquet": later,
        "r/events_20240501/part-00000-4f.c000.snappy.parquet": first,
        "r/events_20240501/part-00001-5a.c000.snappy.parquet": later,
        "s/events_20240504_093000.json": first,  # a time of the day, and no part
        "s/events_20240504_153000.json": later,
        "events_20240503.json": first,
        "events_20240503_corrected.json": later,
    }
    ranks = {name: rank for name, rank, _ in deliveries(arrivals.items())}
    assert {name for name, rank in ranks.items() if rank == max(ranks.values())} == {
        *(name for name in arrivals if "20240501" in name),
        "s/events_20240504_153000.json",
        "events_20240503_corrected.json",
    }
