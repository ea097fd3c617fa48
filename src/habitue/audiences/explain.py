"""Why a person is, or is not, in an audience and reachable: each clause with its value, then the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from habitue.audiences.conditions import Cutoffs, Moment
from habitue.audiences.definition import Audience
from habitue.audiences.evaluation import Finding, PersonRow, evaluate_all
from habitue.audiences.gate import Gate, gate_of
from habitue.audiences.holdout import TREATMENT, audience_draw, place_of
from habitue.privacy.consent import ConsentSettings


@dataclass(frozen=True)
class Explanation:
    """One person and one audience; `is_stored`: an exposure has fixed the place in the test."""

    membership: Finding
    split_group: str
    variant: str | None
    is_stored: bool
    gate: Gate


def explain(
    audience: Audience,
    audiences: Sequence[Audience],
    row: PersonRow,
    *,
    person_id: str,
    moment: Moment,
    cutoffs: Cutoffs,
    consent: ConsentSettings,
    has_consent_source: bool,
    stored: tuple[str, str | None] | None = None,
) -> Explanation:
    """Evaluate one person's row as a run would; `stored` is the person's place in the audience's own test.

    An audience with a limit may leave the person out all the same: that depends on the others.
    """
    membership = evaluate_all(audiences, row, moment=moment, cutoffs=cutoffs)[audience.name]
    draw = audience_draw(audience)
    group, variant = (TREATMENT, None) if draw is None else stored or place_of(draw, person_id)
    gate = gate_of(row, audience, consent, split_group=group, has_consent_source=has_consent_source)
    return Explanation(membership, group, variant, draw is not None and stored is not None, gate)


def lines(finding: Finding, depth: int = 0) -> list[str]:
    """A finding as indented lines: `yes` or `no`, the rule, and the value found."""
    found = f" (found: {finding.found})" if finding.found else ""
    own = f"{'  ' * depth}{'yes' if finding.holds else 'no ':<3} {finding.rule}{found}"
    return [own, *(line for inner in finding.inside for line in lines(inner, depth + 1))]
