"""Where visits begin: every rule against a plain walk over the events, one after the other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from habitue.events.islands import Track, visit_starts
from habitue.events.settings import SessionSettings
from habitue.events.split_rules import SplitRules, preset_rules

SECOND = 1_000_000
MINUTE = 60 * SECOND
GAP = 30 * MINUTE


@dataclass(frozen=True)
class Hit:
    visitor: int
    micros: int
    day: int = 0
    campaign: int | None = None
    source: int | None = None
    logins: dict[int, int] = field(default_factory=dict)  # key by type


def found(hits: list[Hit], rules: SplitRules) -> list[int]:
    def codes(values: list[int | None]) -> np.ndarray:
        return np.array([-1 if v is None else v for v in values], dtype=np.int64)

    visitors = np.array([h.visitor for h in hits])
    track = Track(
        np.diff(visitors, prepend=visitors[0] - 1) != 0,
        np.array([h.micros for h in hits], dtype=np.int64),
        day=np.array([h.day for h in hits], dtype=np.int64),
        campaign=codes([h.campaign for h in hits]),
        source_session=codes([h.source for h in hits]),
        logins=[codes([h.logins.get(type_) for h in hits]) for type_ in range(3)],
    )
    return [int(row) for row in np.flatnonzero(visit_starts(track, rules))]


def walked(hits: list[Hit], rules: SplitRules) -> list[int]:
    """The oracle: what a person would do, event by event."""
    starts: list[int] = []
    campaign = source = None
    known: dict[int, int] = {}
    for i, hit in enumerate(hits):
        last = hits[i - 1] if i else None
        since = hit.micros - last.micros if last else 0
        if last is None or last.visitor != hit.visitor or since > rules.island_micros:
            campaign = source = None
            begins = True
        else:
            n = i - starts[-1]
            begins = any(
                (
                    rules.at_midnight and hit.day != last.day,
                    rules.by_campaign and hit.campaign is not None and hit.campaign != campaign,
                    rules.by_source and None not in (hit.source, source) and hit.source != source,
                    since > rules.gap_micros and (source is None or source_from(hits, i, rules) != source),
                    rules.by_login and any(known.get(t, k) != k for t, k in hit.logins.items()),
                    rules.most_events and n >= rules.most_events,
                    rules.longest_micros and hit.micros - hits[starts[-1]].micros > rules.longest_micros,
                    rules.burst_events
                    and n >= rules.burst_events
                    and hit.micros - hits[i - rules.burst_events].micros <= rules.burst_micros,
                )
            )
        if begins:
            starts.append(i)
            known = {}
        campaign = campaign if hit.campaign is None else hit.campaign
        source = source if hit.source is None else hit.source
        known |= hit.logins
    return starts


def source_from(hits: list[Hit], i: int, rules: SplitRules) -> int | None:
    """The tracker's session that this event of an island names, or the next one that names any."""
    for before, hit in enumerate(hits[i:], start=i - 1):
        is_other = hit.visitor != hits[i].visitor or hit.micros - hits[before].micros > rules.island_micros
        if before >= i and is_other:
            return None
        if hit.source is not None:
            return hit.source
    return None


RULES = {
    **{name: preset_rules(name, GAP, 8 * 60 * MINUTE) for name in ("ga4", "ua", "adobe", "mapp", "source")},
    "small caps": SplitRules(GAP, most_events=4, burst_events=2, burst_micros=SECOND, longest_micros=2 * GAP),
    "everything": SplitRules(
        GAP,
        4 * GAP,
        True,
        True,
        True,
        longest_micros=3 * GAP,
        most_events=7,
        burst_events=3,
        burst_micros=SECOND,
    ),
}
STEPS = (0, 0, 1, SECOND, SECOND + 1, MINUTE, GAP - 1, GAP, GAP + 1, 3 * GAP, 9 * 60 * MINUTE)


def random_hits(draw: random.Random) -> list[Hit]:
    hits = []
    for visitor in range(draw.randint(1, 6)):
        micros = 0
        for _ in range(draw.randint(1, 60)):
            micros += draw.choice(STEPS)
            hits.append(
                Hit(
                    visitor,
                    micros,
                    micros // (5 * GAP),
                    draw.choice((None, None, None, 1, 2)),
                    draw.choice((None, 1, 1, 2)),
                    {t: draw.choice((1, 2)) for t in range(3) if draw.random() < 0.15},
                )
            )
    return hits


@pytest.mark.parametrize("name", RULES)
def test_visits_begin_where_a_walk_event_by_event_begins_them(name: str, seeds: range) -> None:
    for seed in range(20 * len(seeds)):
        hits = random_hits(random.Random(seed))
        assert found(hits, RULES[name]) == walked(hits, RULES[name]), f"seed {seed}"


def test_adobe_ends_a_visit_after_twelve_hours_2500_hits_or_100_hits_in_100_seconds() -> None:
    rules = preset_rules("adobe", GAP, 0)
    every_29_minutes = [Hit(0, i * 29 * MINUTE) for i in range(30)]
    assert found(every_29_minutes, rules) == [0, 25]  # the 25th is 12 h 5 min after the first
    assert found([Hit(0, i * 2 * SECOND) for i in range(5_001)], rules) == [0, 2_500, 5_000]
    assert found([Hit(0, i * SECOND) for i in range(101)], rules) == [0, 100]  # 101 within 100 seconds
    assert found([Hit(0, i * SECOND + (i == 100)) for i in range(101)], rules) == [0]


def test_the_first_login_never_splits_and_another_person_does() -> None:
    rules = preset_rules("mapp", GAP, 0)
    hits = [
        Hit(0, 0),
        Hit(0, 1, logins={0: 7}),
        Hit(0, 2),
        Hit(0, 3, logins={0: 8}),
        Hit(0, 4, logins={1: 5}),
    ]
    assert found(hits, rules) == [0, 3]


def test_the_tracker_may_pause_longer_than_the_gap_within_its_own_session() -> None:
    rules = preset_rules("source", GAP, 8 * 60 * MINUTE)
    hits = [Hit(0, 0, source=1), Hit(0, 2 * GAP, source=1), Hit(0, 2 * GAP + 1, source=2), Hit(0, 5 * GAP)]
    assert found(hits, rules) == [0, 2, 3]
    nameless = [Hit(0, 0, source=1), Hit(0, 2 * GAP), Hit(0, 3 * GAP, source=1), Hit(0, 5 * GAP)]
    assert found(nameless, rules) == [0, 3]


def test_a_pause_of_exactly_the_gap_joins_except_for_universal_analytics() -> None:
    hits = [Hit(0, 0), Hit(0, GAP)]
    assert found(hits, preset_rules("ga4", GAP, 0)) == [0]
    assert found(hits, preset_rules("ua", GAP, 0)) == [0, 1]


def test_settings_change_single_rules_of_a_preset() -> None:
    rules = SessionSettings(preset="adobe", most_events=0, longest_hours=2, split_at_midnight=True).rules
    assert (rules.most_events, rules.longest_micros, rules.burst_events) == (0, 120 * MINUTE, 100)
    assert rules.at_midnight and not rules.by_campaign
