"""Guards of one export: what holds it back while everything else is published."""

from __future__ import annotations

from habitue.audiences.definition import Audience, ExportTarget
from habitue.privacy.consent import ConsentSettings, needs_consent_source


def reasons_to_withhold(
    audience: Audience,
    target: ExportTarget,
    consent: ConsentSettings,
    *,
    reachable: int,
    members: int,
    previous_members: int | None,
    has_consent_source: bool,
    age_days: int,
) -> list[str]:
    """Every reason against this export, in words with what to do; empty: it may go."""
    guard = audience.definition.guard
    wanted = f"{audience.definition.requires.purpose}:{target.channel}"
    if not has_consent_source and needs_consent_source(consent, target.channel):
        hint = f"map a source of consents for {wanted} to the entity consent in conf/sources"
        return [f"{members:,} members, 0 exportable: no consent source; {hint}"]
    reasons = []
    if guard.max_age_days is not None and age_days > guard.max_age_days:
        reasons.append(
            f"the data end {age_days:,} days ago, more than guard.max_age_days {guard.max_age_days:,}; "
            "deliver newer ones"
        )
    if reachable < guard.min_size:
        size = f"{members:,} members, {reachable:,} exportable"
        reasons.append(f"{size}, fewer than guard.min_size {guard.min_size:,}")
    if guard.max_change_pct is not None and previous_members:
        change = 100 * (members - previous_members) / previous_members
        if abs(change) > guard.max_change_pct:
            sizes = f"{members:,} members after {previous_members:,} when it last went out on another day ({change:+.0f} %)"
            limit = f"more than guard.max_change_pct {guard.max_change_pct:g}"
            reasons.append(f"{sizes}, {limit}; check the data, then raise the guard")
    return reasons
