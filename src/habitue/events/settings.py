"""How events become visits: the `session`, `clock` and `bots` sections of the configuration."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from habitue.events.split_rules import SplitRules, preset_rules

_MINUTE = 60 * 1_000_000


class SessionSettings(BaseModel, extra="forbid", frozen=True):
    """Rules of a visit. The defaults are those of GA4: 30 minutes, no split at midnight or by campaign."""

    preset: Literal["ga4", "ua", "adobe", "mapp", "source"] = Field(
        "ga4",
        description="Whose rules cut visits; each may be set apart below, null leaves it as the preset has it.",
    )
    gap_minutes: int = Field(
        30,
        ge=1,
        le=24 * 60,
        description="Longest pause inside a visit; exactly this long still joins, except with preset ua.",
    )
    split_at_midnight: bool | None = Field(None, description="A day of the project's zone ends a visit.")
    split_by_campaign: bool | None = Field(
        None, description="A campaign other than the last one ends a visit."
    )
    split_by_login: bool | None = Field(
        None, description="A login other than the last one ends a visit; the first login never does."
    )
    longest_hours: float | None = Field(None, ge=0, description="Longest visit; 0 for no limit.")
    most_events: int | None = Field(None, ge=0, description="Most events of a visit; 0 for no limit.")
    most_burst_events: int | None = Field(
        None, ge=0, description="Most events of a visit within the burst; 0 for no limit."
    )
    burst_seconds: int = Field(100, ge=1, description="Length of that burst.")
    source_gap_minutes: int = Field(
        480, ge=1, description="Longest pause inside a session of the tracker's own, for preset source."
    )
    engaged_threshold_seconds: float = Field(
        10,
        ge=0,
        description="A visit with more engaged time than that is engaged.",
    )
    engaged_views: int = Field(
        2,
        ge=1,
        description="A visit with that many page or screen views is engaged.",
    )
    key_events: tuple[str, ...] = Field(
        (),
        description="Events that make a visit engaged by themselves, as orders do: GA4's key events, such as generate_lead.",
    )
    engaged_cap_seconds: int = Field(
        300,
        ge=1,
        description="Longest time between two events that counts as attention where no tracker measures it.",
    )
    heartbeat_seconds: int = Field(
        10, ge=1, description="Pause between two pings of a page; each such span with a ping is attention."
    )
    ping_seconds: int = Field(5, ge=0, description="Attention that the first ping of a page view stands for.")
    abandoned_after_minutes: int = Field(
        60, ge=0, description="What was left counts as abandoned that long after the visit without an order."
    )
    campaign_days: int = Field(
        30, ge=1, description="How far back the first and the last campaign of a visit are looked for."
    )
    hot_visitor_events: int = Field(
        100_000, ge=1, description="A visitor with more events is worked off in several parts."
    )
    visitor_types: tuple[str, ...] = Field(
        ("device_id", "anonymous_id"),
        min_length=1,
        description="Which identifier says who visits, first found wins.",
    )
    login_types: tuple[str, ...] = Field(
        ("customer_number", "loyalty_number", "user_id", "email", "phone"),
        description="Identifiers that tell a person and not only a device.",
    )

    @property
    def gap_micros(self) -> int:
        """The gap in microseconds, the unit all times are compared in."""
        return self.gap_minutes * _MINUTE

    @property
    def rules(self) -> SplitRules:
        """What cuts visits: the preset, and what is set apart from it."""
        hour = None if self.longest_hours is None else round(self.longest_hours * 60 * _MINUTE)
        return preset_rules(self.preset, self.gap_micros, self.source_gap_minutes * _MINUTE).changed(
            at_midnight=self.split_at_midnight,
            by_campaign=self.split_by_campaign,
            by_login=self.split_by_login,
            longest_micros=hour,
            most_events=self.most_events,
            burst_events=self.most_burst_events,
            burst_micros=self.burst_seconds * 1_000_000,
        )

    @property
    def engaged_cap_micros(self) -> int:
        """The cap of the attention between two events in microseconds."""
        return self.engaged_cap_seconds * 1_000_000


class ClockSettings(BaseModel, extra="forbid", frozen=True):
    """How far the clock of a device is believed."""

    ahead_minutes: int = Field(
        5,
        ge=0,
        description="An event corrected to later than that after its receipt is set to the receipt.",
    )
    earliest: date = Field(
        date(2000, 1, 1), description="An event before this UTC day is a fault of its clock."
    )
    libraries: dict[str, Literal["skew", "device", "server"]] = Field(
        {"analytics-swift": "device", "analytics-kotlin": "device", "analytics-csharp": "device"},
        description="Library of a tracker: which clocks are believed. skew corrects the device by the time of "
        "sending; device and server take one clock as it is. These three stamp the sending too early.",
    )


class BotSettings(BaseModel, extra="forbid", frozen=True):
    """Which events no person did. They are flagged, never deleted."""

    user_agents: tuple[str, ...] = Field(
        (
            "bot", "crawl", "spider", "slurp", "headless", "phantomjs", "puppeteer", "playwright", "selenium",
            "lighthouse", "pingdom", "uptime", "monitor", "preview", "fetcher", "scrapy", "python-requests",
            "python-urllib", "aiohttp", "curl/", "wget/", "httpclient", "go-http-client", "java/", "libwww",
            "facebookexternalhit", "archiver",
        ),
        description="Words of a user agent that betray a program, in any case.",
    )  # fmt: skip
    not_user_agents: tuple[str, ...] = Field(
        ("cubot",), description="Words that only look like one: a maker of phones."
    )
    burst_events: int = Field(
        200,
        ge=2,
        description="More events than that of one visitor within the burst are a program's.",
    )
    burst_seconds: int = Field(
        100,
        ge=1,
        description="Length of a burst.",
    )
    day_events: int = Field(
        10_000,
        ge=2,
        description="More events than that of one visitor on one UTC day are a program's.",
    )
    session_days: int = Field(
        3,
        ge=0,
        description="A tracker's own session that lasts longer than so many days is a program's; 0 allows any.",
    )
