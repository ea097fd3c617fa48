"""Salted buckets: published values, an even spread, and places that follow the shares."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import chi2

from habitue.audiences.holdout import BUCKETS, Draw, bucket_of, place_of

SALT = "global_holdout_v1"


@pytest.mark.parametrize(("person", "bucket"), [("c-1", 2416), ("c-2", 1029), ("c-3", 7777)])
def test_buckets_have_their_published_values(person: str, bucket: int) -> None:
    assert bucket_of(person, SALT) == bucket


def test_buckets_are_spread_evenly() -> None:
    counts = Counter(bucket_of(f"person-{n}", SALT) // 100 for n in range(100_000))
    statistic = sum((counts[b] - 1000) ** 2 / 1000 for b in range(100))
    assert chi2.sf(statistic, 99) > 0.001


def test_two_salts_draw_independently() -> None:
    both = sum(
        bucket_of(f"p{n}", "one_v1") < 1000 and bucket_of(f"p{n}", "two_v1") < 1000 for n in range(100_000)
    )
    assert both == pytest.approx(1000, abs=100)  # 10 % of 10 %, three standard errors


def test_the_holdout_lies_first_and_the_variants_follow_with_their_shares() -> None:
    draw = Draw("a/a_v1", "a_v1", 1000, (("A", 6000), ("B", 3000)))
    places = Counter(place_of(draw, f"p{n}") for n in range(50_000))
    assert set(places) == {("holdout", None), ("treatment", "A"), ("treatment", "B")}
    assert places["holdout", None] / 50_000 == pytest.approx(0.1, abs=0.005)
    assert places["treatment", "A"] / 50_000 == pytest.approx(0.6, abs=0.008)
    assert sum((1000, 6000, 3000)) == BUCKETS
