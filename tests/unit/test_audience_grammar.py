"""Audience definitions: what is refused, with which words, and that only typed errors escape."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import habitue.audiences
from habitue.audiences.conditions import Moment
from habitue.audiences.definition import AudienceDefinition
from habitue.audiences.evaluation import evaluate_all
from habitue.audiences.fields import FIELDS, kind_of
from habitue.audiences.grammar import COMPARISONS, Op, parse_rule
from habitue.audiences.holdout import HoldoutSettings
from habitue.audiences.reading import read_audiences
from habitue.audiences.words import in_words
from habitue.errors import ConfigError
from habitue.privacy.consent import ConsentSettings
from tests.audience_files import audiences, definition

PROJECT = Path(__file__).parents[2]


def faults(rule: object) -> list[str]:
    found: list[str] = []
    parse_rule(rule, lambda at, text: found.append(f"{'.'.join(map(str, at))}: {text}"))
    return found


def only_fault(rule: object) -> str:
    (fault,) = faults(rule)
    return fault


def test_an_unknown_field_is_named_with_the_nearest_known_one() -> None:
    assert (
        only_fault({"field": "p_chrun", "gte": 0.5})
        == "where.field: 'p_chrun' is not a field; did you mean p_churn?"
    )


def test_all_problems_of_a_rule_are_listed_at_once_with_their_places() -> None:
    rule = {
        "all": [
            {"field": "p_chrun", "gte": 0.5},
            {"any": [{"field": "p_churn", "gte": "high"}, {"field": "lifecycle_stage", "gt": "active"}]},
            {"not": {"field": "net_revenue", "bigger": 3}},
            {"field": "order_count", "gte": 1},
        ]
    }
    places = [fault.split(": ")[0] for fault in faults(rule)]
    assert places == ["where.all.0.field", "where.all.1.any.0.gte", "where.all.1.any.1", "where.all.2.not"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"field": "p_churn", "gte": "0.5"}, "expected a finite number, found '0.5'"),
        ({"field": "p_churn", "gte": float("nan")}, "expected a finite number"),
        ({"field": "order_count", "gte": True}, "expected a finite number, found True"),
        ({"field": "order_count", "eq": 2**60}, "expected a finite number"),
        ({"field": "lifecycle_stage", "in": "active"}, "takes a list of 1 to 1000 values"),
        (
            {"field": "lifecycle_stage", "in": ["active", 3]},
            "expected a text (put numbers in quotes), found 3",
        ),
        ({"field": "is_known", "eq": "yes"}, "expected true or false"),
        ({"field": "last_order_date", "gte": "31.01.2026"}, "expected a day as in 2026-01-31"),
        ({"field": "last_order_date", "gte": "-6h"}, "expected a day"),
        (
            {"field": "open_cart_at", "gte": "2026-01-31"},
            "expected a time before or after the start of the run's day",
        ),
        ({"field": "open_cart_at", "eq": "-1d"}, "is a point in time; eq does not fit it"),
        ({"field": "p_churn", "between": [0.9, 0.1]}, "the ends are the wrong way round"),
        (
            {"field": "last_order_date", "between": ["-30d", "-365d"]},
            "the ends are the wrong way round, '-30d' lies above",
        ),
        (
            {"field": "last_order_date", "between": ["2026-02-01", "2026-01-01"]},
            "the ends are the wrong way round",
        ),
        ({"field": "p_churn", "percentile_gte": 101}, "takes a number from 0 to 100"),
        ({"field": "lifecycle_stage", "percentile_gte": 50}, "percentile_gte does not fit it"),
        ({"field": "category_shares", "gt": 0.1}, "name one key of it, as in category_shares[KEY]"),
        ({"field": "order_count[x]", "gt": 0.1}, "order_count has no keys"),
        ({"field": "p_churn", "gte": 0.5, "lt": 0.9}, "needs exactly one comparison; found gte, lt"),
        ({"field": "p_churn"}, "needs exactly one comparison; found nothing"),
        ({"field": "p_churn", "above": 0.5}, "'above' is not a comparison"),
        ({"all": []}, "must be a list of 1 to 1000 rules"),
        ({"all": [{"field": "p_churn", "gt": 0}], "any": []}, "must have exactly one of"),
        ({"sql": "1 = 1"}, "must have exactly one of all, any, not, audience, field; found sql"),
        ("p_churn > 0.5", "must be a rule such as"),
        (None, "must be a rule such as"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused_with_what_was_expected(
    rule: object, words: str
) -> None:
    assert words in only_fault(rule)


@pytest.mark.parametrize(
    "name",
    [
        "p_churn) OR (1=1",
        "p_churn; DROP TABLE gold.release",
        "`p_churn`",
        "p_churn\n",
        "category_shares[a]]",
        "category_shares[${env:SECRET}] OR 1",
        "gold.customer_profile.p_churn",
        "attributes['x']",
    ],
)
def test_code_in_a_field_name_is_refused(name: str) -> None:
    assert faults({"field": name, "gte": 0.5})


def test_no_module_of_the_audiences_turns_text_into_sql() -> None:
    sources = [file.read_text() for file in Path(habitue.audiences.__file__).parent.glob("*.py")]
    assert len(sources) > 10
    assert not [text for text in sources if re.search(r"\bexpr\(|selectExpr|\.sql\(|\beval\(", text)]


def test_a_rule_that_contains_itself_is_refused() -> None:
    rule: dict[str, object] = {}
    rule["not"] = rule
    assert "is nested too deeply" in only_fault(rule)


def test_audiences_in_a_circle_are_named_as_a_path() -> None:
    with pytest.raises(ConfigError, match="a -> b -> c -> a") as caught:
        audiences(
            {"a": {"audience": "b"}, "b": {"not": {"audience": "c"}}, "c": {"any": [{"audience": "a"}]}}
        )
    assert caught.value.exit_code == 20


def test_an_exclusive_group_can_close_a_circle_too() -> None:
    first = definition("first", {"audience": "second"}, exclusive_group="g", priority=1)
    second = definition("second", {"field": "is_known", "eq": True}, exclusive_group="g", priority=2)
    with pytest.raises(ConfigError, match="first -> second -> first"):
        audiences({"first": first, "second": second})


def test_problems_between_files_are_all_listed_with_their_file() -> None:
    rule = {"field": "is_known", "eq": True}
    split = {"salt": "same_salt", "variants": {"A": 100}}
    definitions = {
        "a": definition(
            "a", {"audience": "nobody"}, requires={"purpose": "marketting", "channels": ["emial"]}
        ),
        "b": definition(
            "b", {"audience": "top"}, split=split, export=[{"channel": "email", "fields": ["p_chrun"]}]
        ),
        "c": definition("other", rule, split=split, rank_by="lifecycle_stage"),
        "top": definition(
            "top", rule, limit=3, requires={"channels": ["post"]}, export=[{"channel": "email"}]
        ),
        "held": definition("held", rule, split={"salt": "global_holdout_v1"}),
    }
    with pytest.raises(ConfigError) as caught:
        read_audiences(definitions, ConsentSettings(), HoldoutSettings())
    text = str(caught.value)
    for words in [
        "a.yaml: where: 'nobody' is not an audience",
        "a.yaml: requires.purpose: marketting is not a purpose of conf/consent.yaml; did you mean marketing?",
        "a.yaml: requires.channels: emial is not a channel of conf/consent.yaml; did you mean email?",
        "b.yaml: export.0.fields: 'p_chrun' is not a field; did you mean p_churn?",
        "b.yaml: split.salt: same_salt is used by b, c",
        "c.yaml: audience: is other, but the file is called c",
        "c.yaml: rank_by: lifecycle_stage is a text",
        "top.yaml: export.0.channel: email is not among requires.channels",
        "held.yaml: split.salt: global_holdout_v1 is used by holdout_global, held",
    ]:
        assert words in text


def test_an_audience_with_a_limit_cannot_be_referred_to() -> None:
    rule = {"field": "is_known", "eq": True}
    with pytest.raises(ConfigError, match="refers to top, which has a limit"):
        audiences({"a": {"not": {"audience": "top"}}, "top": definition("top", rule, limit=3)})


def test_only_the_last_of_an_exclusive_group_may_have_a_limit() -> None:
    rule = {"field": "is_known", "eq": True}

    def group(limits: dict[str, int | None]) -> dict[str, AudienceDefinition]:
        return {
            name: definition(name, rule, exclusive_group="g", priority=place, limit=limit)
            for place, (name, limit) in enumerate(limits.items())
        }

    read_audiences(group({"best": None, "rest": 5}), ConsentSettings(), HoldoutSettings())
    with pytest.raises(ConfigError, match="best.yaml: limit: comes before others of the group g"):
        read_audiences(group({"best": 5, "rest": None}), ConsentSettings(), HoldoutSettings())


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (
            {"salt": "s_v1", "holdout_pct": 10, "variants": {"A": 45, "B": 46}},
            "must add up to 100; they make 101",
        ),
        ({"salt": "s_v1", "holdout_pct": 0.001}, "hundredths of a percent"),
        ({"salt": "a b", "holdout_pct": 10}, "should match pattern"),
        ({"salt": "s_v1", "variants": {"A": 0, "B": 100}}, "above 0"),
    ],
)
def test_a_split_that_does_not_fill_its_buckets_is_refused(split: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        definition("a", {"field": "is_known", "eq": True}, split=split)


def test_the_audiences_of_the_example_project_are_valid_and_say_their_use_case() -> None:
    files = sorted((PROJECT / "conf" / "audiences").glob("*.yaml"))
    found = {file.stem: AudienceDefinition.model_validate(yaml.safe_load(file.read_text())) for file in files}
    consent = ConsentSettings.model_validate(yaml.safe_load((PROJECT / "conf" / "consent.yaml").read_text()))
    read = {audience.name for audience in read_audiences(found, consent, HoldoutSettings())}
    wanted = (
        "first_buyers active at_risk churn_prevention winback_by_clv top_clv cross_sell discount_lovers full_price "
        "suppress_existing_customers holdout_global"
    )
    assert read >= set(wanted.split())


@pytest.mark.parametrize(
    ("left", "chosen"),
    [
        ({"abandoned_step": "browse"}, "abandon_browse"),
        ({"abandoned_step": "cart", "open_cart_at": 2}, "abandon_cart"),
        ({"abandoned_step": "browse", "open_cart_at": 2}, "abandon_cart"),  # a later look hides no cart
        ({"abandoned_step": "checkout", "open_cart_at": 2}, "abandon_checkout"),
        ({"abandoned_step": "browse", "open_cart_at": 9}, "abandon_browse"),
    ],
)
def test_who_left_something_is_in_the_audience_of_it_alone(left: dict[str, object], chosen: str) -> None:
    names = ("abandon_browse", "abandon_cart", "abandon_checkout")
    files = {name: PROJECT / "conf" / "audiences" / f"{name}.yaml" for name in names}
    defined = audiences({name: yaml.safe_load(file.read_text())["where"] for name, file in files.items()})
    cut = datetime(2026, 7, 1, tzinfo=UTC)
    row = {**dict.fromkeys(FIELDS), **left, "abandoned_at": cut - timedelta(days=1)}
    if "open_cart_at" in left:
        row["open_cart_at"] = cut - timedelta(days=int(str(left["open_cart_at"])))
    found = evaluate_all(defined, row, moment=Moment(cut.date(), cut), cutoffs={})
    assert [name for name in names if found[name].holds] == [chosen]


def test_every_column_of_profile_and_score_has_a_kind() -> None:
    for column in FIELDS.values():
        assert COMPARISONS[kind_of(column.type)]


def test_the_digest_of_an_audience_follows_its_definition() -> None:
    def digest(bound: float) -> str:
        return audiences({"a": {"field": "p_churn", "gte": bound}})[0].digest

    assert digest(0.5) == digest(0.5) != digest(0.6)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.binary(max_size=3)
)
NAMES = st.sampled_from([*FIELDS, "category_shares[A]", "attributes[\ud800]", "nope"]) | st.text(max_size=12)
KEYS = st.sampled_from(["all", "any", "not", "audience", "field", *Op]) | st.text(max_size=6) | st.integers()


def _rules(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    comparison = st.builds(
        lambda name, op, value: {"field": name, op: value}, NAMES, KEYS, LEAVES | st.lists(LEAVES, max_size=3)
    )
    joined = st.builds(
        lambda key, rules: {key: rules},
        st.sampled_from(["all", "any", "not"]),
        st.lists(inner, max_size=3) | inner,
    )
    return comparison | joined | st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3)


@settings(max_examples=400, deadline=None)
@given(st.recursive(LEAVES, _rules, max_leaves=12))
def test_any_yaml_is_either_read_or_refused_with_a_reason(raw: object) -> None:
    found = faults(raw)
    rule = parse_rule(raw, lambda at, text: None)
    assert (rule is None) == bool(found)
    if rule is not None:
        assert in_words(rule)
