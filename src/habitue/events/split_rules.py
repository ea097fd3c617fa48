"""What ends a visit beside a long pause: the presets of the known systems as plain numbers.

Sources: GA4 (no other split), Universal Analytics (a pause of exactly the gap splits, midnight in the
property's zone, another campaign), Adobe (12 hours, 2,500 hits, 100 hits in 100 seconds), Mapp (another
customer), and the tracker's own sessions, trusted up to three days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

_HOUR = 3_600 * 1_000_000
_SECOND = 1_000_000


@dataclass(frozen=True)
class SplitRules:
    """Splits of the events of one visitor; 0 means no such limit. Times in microseconds."""

    gap_micros: int  # longest pause that still joins
    source_gap_micros: int = 0  # ... inside a session of the tracker's own
    at_midnight: bool = False
    by_campaign: bool = False
    by_login: bool = False
    longest_micros: int = 0
    most_events: int = 0
    burst_events: int = 0  # more than that within the burst splits
    burst_micros: int = 100 * _SECOND

    @property
    def by_source(self) -> bool:
        """Whether the tracker's own sessions are trusted."""
        return self.source_gap_micros > 0

    @property
    def island_micros(self) -> int:
        """Longest pause inside an island; no split looks across a longer one."""
        return max(self.gap_micros, self.source_gap_micros)

    def changed(self, **values: int | bool | None) -> Self:
        """The same rules with those values that are not None."""
        given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        return replace(self, **given)


def preset_rules(preset: str, gap_micros: int, source_gap_micros: int) -> SplitRules:
    """The rules of a preset at a gap."""
    match preset:
        case "ua":
            return SplitRules(gap_micros - 1, at_midnight=True, by_campaign=True)
        case "adobe":
            return SplitRules(gap_micros, longest_micros=12 * _HOUR, most_events=2_500, burst_events=100)
        case "mapp":
            return SplitRules(gap_micros, by_login=True)
        case "source":
            longest = 72 * _HOUR
            return SplitRules(gap_micros, source_gap_micros=source_gap_micros, longest_micros=longest)
        case _:
            return SplitRules(gap_micros)
