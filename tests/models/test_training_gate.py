"""Which model may become champion."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from habitue.models.metrics import Interval
from habitue.training.gate import challenge, doubts, first_champion, outranks, unjudged
from habitue.training.judgement import Judgement, judge_churn, paired_difference
from habitue.training.settings import GateSettings

_GATE = GateSettings(bootstrap_draws=200)


def _judgement(strength: float, *, shift: float = 0.0, naive_strength: float = 1.0) -> Judgement:
    random = np.random.default_rng(5)
    churned = (random.random(4000) < 0.3).astype(float)
    signal = (churned - 0.3) + random.normal(0, 1, 4000)
    naive = (churned - 0.3) * naive_strength + random.normal(0, 1, 4000)
    logit = strength * signal - 0.9
    p = 1 / (1 + np.exp(-logit)) + shift
    return judge_churn(
        date(2025, 1, 1), 91, churned, {"blend": np.clip(p, 0, 1)}, {"recency": naive}, "blend", _GATE
    )


def test_a_first_champion_that_beats_the_baselines_passes_without_a_flag() -> None:
    verdict = first_champion(_judgement(1.0, naive_strength=0.3), _GATE, is_baseline=False)
    assert (verdict.outcome, verdict.flag) == ("champion", "")


def test_a_first_champion_that_does_not_beat_a_baseline_is_flagged_with_the_figures() -> None:
    verdict = first_champion(_judgement(1.0, naive_strength=3.0), _GATE, is_baseline=False)
    assert verdict.flag == "weak"
    assert "does not beat recency" in verdict.reasons[0]


def test_a_baseline_serves_but_carries_its_flag() -> None:
    assert first_champion(_judgement(1.0), _GATE, is_baseline=True).flag == "baseline"


@pytest.mark.parametrize(
    ("naive_strength", "shift", "does"),
    [
        (0.3, 0.0, True),  # ranks better and is better calibrated than a constant that is .1 off
        (0.3, 0.2, False),  # ranks better, but its probabilities are worse
        (3.0, 0.0, False),  # ranks worse
    ],
)
def test_a_model_gives_way_to_a_baseline_that_ranks_or_is_calibrated_better(
    naive_strength: float, shift: float, does: bool
) -> None:
    judged = _judgement(1.0, shift=shift, naive_strength=naive_strength)
    judged.table["baseline"] = {"ece": 0.1}  # type: ignore[index]
    assert outranks(judged, "blend", "baseline") is does


def test_a_model_that_nothing_could_judge_never_replaces_a_champion() -> None:
    assert unjudged("too short", has_champion=True).outcome == "challenger"
    assert unjudged("too short", has_champion=False).outcome == "champion"


@pytest.mark.parametrize(
    ("gain", "missing", "shift", "outcome", "reason"),
    [
        (Interval(0.02, 0.01, 0.03), [], 0.0, "champion", "better than the champion's by +0.0100"),
        (Interval(0.02, -0.001, 0.04), [], 0.0, "challenger", "not surely positive"),
        (Interval(0.02, 0.01, 0.03), ["input aov has no values any more"], 0.0, "challenger", "aov"),
        (Interval(0.02, 0.01, 0.03), [], 0.2, "challenger", "calibration error"),
        (None, [], 0.0, "challenger", "could not be judged"),
    ],
)
def test_a_challenger_needs_a_sure_gain_calibration_and_all_inputs(
    gain: Interval | None, missing: list[str], shift: float, outcome: str, reason: str
) -> None:
    verdict = challenge(_judgement(1.0, shift=shift, naive_strength=0.3), gain, missing, _GATE)
    assert verdict.outcome == outcome
    assert any(reason in text for text in verdict.reasons)


_ABOUT_AS_GOOD = Interval(0.001, -0.004, 0.006)


def test_a_champion_with_doubts_gives_way_to_a_sound_model_that_is_surely_no_worse() -> None:
    sound, doubtful = _judgement(1.0, naive_strength=0.3), ["total forecast is off by +60.0%"]
    assert challenge(sound, _ABOUT_AS_GOOD, [], _GATE).outcome == "challenger"
    verdict = challenge(sound, _ABOUT_AS_GOOD, [], _GATE, doubts=doubtful)
    assert (verdict.outcome, verdict.reasons[-1]) == (
        "champion",
        "the champion: total forecast is off by +60.0%",
    )
    worse, unsound = Interval(-0.01, -0.02, 0.0), _judgement(1.0, naive_strength=0.3, shift=0.2)
    assert challenge(sound, worse, [], _GATE, doubts=doubtful).outcome == "challenger"
    assert challenge(unsound, _ABOUT_AS_GOOD, [], _GATE, doubts=doubtful).outcome == "challenger"
    # unless the champion is off as far: chance alone is more than the limit among few customers
    off = unsound.scores["blend"]
    verdict = challenge(unsound, _ABOUT_AS_GOOD, [], _GATE, doubts=doubtful, champion=off)
    assert verdict.outcome == "champion"


def test_doubts_are_what_a_champion_lacks_on_the_window_its_flag_and_another_definition() -> None:
    judgement = _judgement(1.0, naive_strength=0.3)
    score = judgement.scores["blend"]
    found = doubts(judgement, score, _GATE, kind="blend", flag="", is_same_definition=True)
    assert found == []
    shifted = doubts(
        judgement, np.clip(score + 0.2, 0, 1), _GATE, kind="blend", flag="weak", is_same_definition=False
    )
    assert shifted[0].startswith("calibration error")
    assert shifted[1:] == ["is flagged weak", "was trained by another definition"]


def test_a_flag_is_no_reason_to_take_a_new_baseline() -> None:
    judgement = replace(_judgement(1.0, naive_strength=0.3), candidate="baseline")
    score = judgement.scores["blend"]
    assert doubts(judgement, score, _GATE, kind="blend", flag="weak", is_same_definition=False) == []


def test_a_baseline_that_is_surely_better_replaces_a_champion_and_is_flagged() -> None:
    judgement = _judgement(1.0, naive_strength=1.0)
    gain = Interval(0.2, 0.15, 0.25)
    assert challenge(judgement, gain, [], _GATE, is_baseline=True).flag == "baseline"
    assert challenge(judgement, gain, [], _GATE, is_baseline=True).outcome == "champion"
    worse = Interval(0.01, -0.01, 0.02)
    assert challenge(judgement, worse, [], _GATE, is_baseline=True).outcome == "challenger"


def test_a_copy_of_the_champion_gains_nothing() -> None:
    judgement = _judgement(1.0)
    gain = paired_difference(judgement, judgement.scores["blend"], _GATE)
    assert (gain.low, gain.value, gain.high) == (0.0, 0.0, 0.0)


def test_a_large_test_window_is_resampled_from_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows may come in an order that says much of them: the first ones are no fair sample."""
    monkeypatch.setattr("habitue.training.judgement._BOOTSTRAP_ROWS", 200)
    gone = np.arange(1_000) >= 800  # the last fifth left
    score = np.where(gone, 0.9, 0.1)
    found = judge_churn(
        date(2025, 1, 1), 90, gone.astype(float), {"blend": score}, {"recency": 1 - score}, "blend", _GATE
    )
    assert (
        found.intervals["blend.auc"].value == 1.0
    )  # among the first 200 nobody left: there would be no figure
