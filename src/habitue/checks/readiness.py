"""What a project's data can support: each capability with what it needs, what there is, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from habitue.training.cutoffs import FEWEST_REPEAT_BUYERS

# below these a prediction per person is a guess; common CDPs ask for the same before they show one
ENOUGH_BUYERS, ENOUGH_DAYS, ENOUGH_REGULARS = 500, 180, 50


@dataclass(frozen=True)
class Evidence:
    """What the last run found in the sources."""

    buyers: int
    repeat_share: float
    repeat_buyers: int
    buyers_with_three: int
    history_days: int
    recent_buyers: int
    has_margin: bool
    filled: dict[str, bool]  # by entity: whether any row was taken in


@dataclass(frozen=True)
class Capability:
    """One capability; `supported` is yes, weak or no, `why` says what is missing or thin."""

    capability: str
    supported: str
    why: str


def capabilities(evidence: Evidence) -> list[Capability]:
    """All capabilities, in the order in which people ask for them."""
    return [*_from_orders(evidence), *_from_entities(evidence)]


def _from_orders(e: Evidence) -> Iterator[Capability]:
    if not e.buyers:
        yield Capability(
            "profiles, RFM, lifecycle, audiences",
            "no",
            "no order line names a customer: map order_line with an identifier",
        )
        return
    yield Capability(
        "profiles, RFM, lifecycle, audiences", "yes", f"{e.buyers:,} buyers over {e.history_days:,} days"
    )
    thin = _thin(e)
    yield Capability(
        "churn and CLV per person",
        "no" if e.repeat_buyers < FEWEST_REPEAT_BUYERS else "weak" if thin else "yes",
        thin or "enough buyers, history and repeat purchases",
    )
    yield Capability(
        "CLV as contribution margin", "yes" if e.has_margin else "no",
        "margin known" if e.has_margin else "revenue-based until economics.yaml holds a margin",
    )  # fmt: skip


def _thin(e: Evidence) -> str:
    wants = {
        f"{ENOUGH_BUYERS:,} buyers (found {e.buyers:,})": e.buyers >= ENOUGH_BUYERS,
        f"{ENOUGH_DAYS} days of history (found {e.history_days:,})": e.history_days >= ENOUGH_DAYS,
        f"{ENOUGH_REGULARS} buyers with three purchase days (found {e.buyers_with_three:,})": e.buyers_with_three
        >= ENOUGH_REGULARS,
        "orders in the last 30 days": e.recent_buyers > 0,
    }
    missing = [want for want, met in wants.items() if not met]
    return f"better with {', '.join(missing)}" if missing else ""


_KEPT = {
    "contracts and renewals": "subscription",
    "offers only of what is in stock": "stock_level",
    "referrals and other touches": "touch",
}
"""What is taken in and kept for later: nothing is computed of it yet."""
_NEEDS = {
    "visits, carts, engagement on site": ("event", "map a tracker's events (or use the segment adapter)"),
    "category and brand shares": ("product", "map the products"),
    "demographics": ("customer_record", "map the CRM's customers"),
    "contacts and responses in 7, 30 and 90 days": ("contact", "map campaigns, contacts and responses"),
    "exports by e-mail, phone, push and ads": (
        "consent",
        "map the consents: without one nothing that needs an opt-in goes out",
    ),
    "loyalty tiers and points": ("loyalty", "map the loyalty accounts"),
    "NPS and preferences": ("survey", "map the survey answers"),
    "open complaints": ("service_case", "map the service cases"),
}


def _from_entities(e: Evidence) -> Iterator[Capability]:
    for capability, (entity, remedy) in _NEEDS.items():
        has = e.filled.get(entity, False)
        yield Capability(
            capability,
            "yes" if has else "no",
            f"{entity} rows are there" if has else f"no {entity} rows: {remedy}",
        )
    for capability, entity in _KEPT.items():
        has = e.filled.get(entity, False)
        yield Capability(
            capability,
            "no",
            f"{entity} rows are {'kept' if has else 'not there'}; nothing is computed of them yet",
        )
