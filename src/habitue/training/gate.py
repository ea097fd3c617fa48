"""The gate: which trained model may become champion, and why or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from habitue.models.metrics import Interval
from habitue.models.patterns import Floats
from habitue.training.judgement import Judgement, with_score
from habitue.training.settings import GateSettings

_NO_WORSE = 0.01
"""How much of the main metric may be lost, at worst, where a champion with doubts is replaced."""

Outcome = Literal["champion", "challenger"]


@dataclass(frozen=True)
class Verdict:
    """What happens to a trained model.

    `reasons` are sentences, `flag` a weakness that stays visible with the champion.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    flag: str = ""


def shortcomings(
    judgement: Judgement,
    name: str,
    gate: GateSettings,
    *,
    is_baseline: bool = False,
    rival: Mapping[str, float] | None = None,
) -> list[str]:
    """What keeps a candidate from being a champion.

    A baseline that is as good (where it is none itself), bad calibration, wrong level; these two not where the figures of
    a `rival` that serves are no better: chance alone makes them large among few customers.
    """
    own = judgement.table[name]
    problems = [
        f"{judgement.metric} {own[judgement.metric]:.4f} does not beat {naive} ({judgement.value(naive):.4f})"
        for naive in ([] if is_baseline else judgement.naive)
        if not own[judgement.metric] > judgement.value(naive)
    ]

    def is_off(measure: str, most: float) -> bool:
        if measure not in own or abs(own[measure]) <= most:
            return False
        return rival is None or not abs(rival[measure]) >= abs(own[measure])

    if is_off("ece", gate.max_ece):
        problems.append(f"calibration error {own['ece']:.4f} is above {gate.max_ece}")
    if is_off("bias", gate.max_bias):
        problems.append(f"total forecast is off by {own['bias']:+.1%}, more than {gate.max_bias:.0%}")
    return problems


def outranks(judgement: Judgement, name: str, baseline: str) -> bool:
    """Whether a score beats every naive one, and its probabilities those of `baseline`, the model made of the best."""
    ranks = all(judgement.value(name) > judgement.value(naive) for naive in judgement.naive)
    return ranks and judgement.table[name]["ece"] <= judgement.table[baseline]["ece"]


def first_champion(judgement: Judgement, gate: GateSettings, *, is_baseline: bool) -> Verdict:
    """Without a champion the candidate becomes one; a baseline that nothing beat is flagged as such."""
    problems = shortcomings(judgement, judgement.candidate, gate) if not is_baseline else []
    if is_baseline:
        return Verdict("champion", ("no model beat the naive baselines",), flag="baseline")
    if problems:
        return Verdict("champion", tuple(problems), flag="weak")
    return Verdict("champion", (f"beats every naive baseline by {judgement.metric}",))


def unjudged(reason: str, *, has_champion: bool) -> Verdict:
    """A model that no window could judge serves only as long as there is nothing better."""
    return Verdict("challenger" if has_champion else "champion", (reason,), flag="unjudged")


def doubts(
    judgement: Judgement,
    champion: Floats,
    gate: GateSettings,
    *,
    kind: str,
    flag: str,
    is_same_definition: bool,
) -> list[str]:
    """What speaks against a champion: what its forecasts lack on the judged window, its flag, another definition.

    To a new baseline only the first counts: it would be flagged as well.
    """
    judged = with_score(judgement, "champion", champion)
    found = shortcomings(judged, "champion", gate, is_baseline=kind == "baseline")
    if judgement.candidate != "baseline":
        found += [f"is flagged {flag}"] if flag else []
        found += [] if is_same_definition else ["was trained by another definition"]
    return found


def challenge(
    judgement: Judgement,
    gain: Interval | None,
    missing: Sequence[str],
    gate: GateSettings,
    *,
    is_baseline: bool = False,
    doubts: Sequence[str] = (),
    champion: Floats | None = None,
) -> Verdict:
    """A challenger replaces the champion only if it is surely better and well calibrated, and nothing it needs is missing.

    A naive baseline that is surely better replaces it too, flagged as one.

    `gain` is the paired bootstrap interval of the main metric over the champion on
    the same customers; None where the champion could not be applied to them. `doubts`
    say what is wrong with the champion: what ranks well may be off in level or calibration,
    so one with doubts need not be beaten, the challenger must only be surely no worse. `champion` are its forecasts:
    a level or calibration that is no worse than its own stands in nobody's way.
    """
    problems = list(missing)
    rival = None if champion is None else with_score(judgement, "champion", champion).table["champion"]
    problems += shortcomings(judgement, judgement.candidate, gate, is_baseline=is_baseline, rival=rival)
    least = -_NO_WORSE if doubts else 0.0
    if gain is None:
        problems.append("the champion could not be judged on the same customers")
    elif not gain.low > least:
        problems.append(
            f"{judgement.metric} gain over the champion {gain.value:+.4f} "
            f"({gate.confidence:.0%} interval {gain.low:+.4f} to {gain.high:+.4f}) is not surely "
            + (f"above {least}" if doubts else "positive")
        )
    if problems:
        return Verdict("challenger", tuple(problems))
    assert gain is not None
    better = f"{judgement.metric} better than the champion's by {gain.low:+.4f} at least"
    reasons = (better, *(f"the champion: {doubt}" for doubt in doubts))
    return Verdict("champion", reasons, flag="baseline" if is_baseline else "")
