"""The main columns of the profile counted again in plain Python, straight from the rows of a world."""

from __future__ import annotations

import statistics
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from habitue.profile.cuts import Cut
from tests.oracle.profile_worlds import Row, World, category

_STRENGTH = {"customer_number": 0, "email": 1}


def recount(world: World, cut: Cut) -> dict[str, Row]:
    """Expected columns by person at a cut (days in UTC)."""
    map_now = {
        (row["id_type"], row["id_key"]): row["person_id"]
        for row in world["identity_map"]
        if row["valid_from"] < cut.at and (row["valid_to"] is None or row["valid_to"] >= cut.at)
    }
    lines: dict[str, list[Row]] = {person: [] for person in map_now.values()}
    for line in world["order_line"]:
        person = _owner(line, map_now)
        if person and line["order_time"] < cut.at and line["known_time"] < cut.at:
            lines[person].append(line)
    counted = {person: _person(of_person, cut.as_of) for person, of_person in lines.items()}
    _rank(counted)
    bought = [x for of_person in lines.values() for x in of_person if not x["is_return"]]
    for field, names in (
        ("discount", ("discount_share", "full_price_share")),
        ("coupon", ("coupon_order_share",)),
    ):
        if all(x[field] is None for x in bought):  # nobody says so, and nobody is known to have none
            counted = {person: row | dict.fromkeys(names) for person, row in counted.items()}
    return counted


def _owner(row: Row, map_now: dict[tuple[str, str], str]) -> str | None:
    known = sorted((_STRENGTH[t], k, map_now[(t, k)]) for t, k in row["identifiers"] if (t, k) in map_now)
    return known[0][2] if known else None


def _person(lines: list[Row], as_of: date) -> Row:
    orders: dict[str, list[Row]] = defaultdict(list)
    for line in lines:
        orders[line["order_number"]].append(line)
    bought = [b for o in orders.values() if (b := [x for x in o if not x["is_return"]])]
    kept = [x for x in lines if not x["is_return"]]
    net = sum((x["net_revenue"] for x in lines), Decimal(0))
    days = sorted({_day(o[0]["order_time"]) for o in bought})
    values = [float(sum(x["net_revenue"] for x in o)) for o in bought]
    gaps = [(b - a).days for a, b in zip(days, days[1:], strict=False)]
    bought_value = sum((x["net_revenue"] for x in kept), Decimal(0))
    returned = -sum((x["net_revenue"] for x in lines if x["is_return"]), Decimal(0))
    discount = sum((x["discount"] or Decimal(0) for x in kept), Decimal(0))
    full_price = sum((x["net_revenue"] for x in kept if not x["discount"]), Decimal(0))
    recent = [x for x in lines if (as_of - _day(x["order_time"])).days <= 365]
    return {
        "order_count": len(bought),
        "purchase_day_count": len(days),
        "frequency": len(days) - 1 if days else None,
        "recency_days": (days[-1] - days[0]).days if days else None,
        "age_days": (as_of - days[0]).days if days else None,
        "days_since_last_order": (as_of - days[-1]).days if days else None,
        "net_revenue": net,
        "net_revenue_365d": sum((x["net_revenue"] for x in recent), Decimal(0)),
        "orders_90d": sum((as_of - _day(o[0]["order_time"])).days <= 90 for o in bought),
        "purchase_days_30d": sum((as_of - day).days <= 30 for day in days),
        "monetary_value": _repeat_value(lines, days),
        "aov": statistics.fmean(values) if values else None,
        "aov_cv": statistics.stdev(values) / statistics.fmean(values)
        if len(values) > 1 and bought_value
        else None,
        "items_per_order": float(sum(x["quantity"] for x in kept)) / len(bought) if bought else None,
        "interpurchase_days": statistics.fmean(gaps) if gaps else None,
        "interpurchase_median_days": float(statistics.median(gaps)) if gaps else None,
        "regularity_cv": statistics.stdev(gaps) / statistics.fmean(gaps) if len(gaps) > 1 else None,
        "discount_share": float(discount / (bought_value + discount)) if bought_value + discount else None,
        "full_price_share": float(full_price / bought_value) if bought_value else None,
        "coupon_order_share": _share([any(x["coupon"] and not x["is_return"] for x in o) for o in bought]),
        "return_count": sum(any(x["is_return"] for x in o) for o in orders.values()),
        "return_rate": float(returned / bought_value) if bought_value else None,
        "category_shares": _categories(recent),
        "channel_shares": _channels([o for o in bought if (as_of - _day(o[0]["order_time"])).days <= 365]),
        "own_q90": float(np.quantile(gaps, 0.9)) if gaps else None,
        "gap_count": len(gaps),
    }


def _day(moment: datetime) -> date:
    return moment.date()


def _share(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _repeat_value(lines: list[Row], days: list[date]) -> float | None:
    if len(days) < 2:
        return None
    first = {x["order_number"] for x in lines if not x["is_return"] and _day(x["order_time"]) == days[0]}
    later = sum(
        (
            x["net_revenue"]
            for x in lines
            if _day(x["order_time"]) > days[0] and not (x["is_return"] and x["order_number"] in first)
        ),
        Decimal(0),
    )
    return float(max(later, Decimal(0))) / (len(days) - 1)


def _categories(lines: list[Row]) -> dict[str, float] | None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    is_bought: set[str] = set()
    for line in lines:
        name = category(line["product_number"])
        if name:
            sums[name] += line["net_revenue"]
            if not line["is_return"]:
                is_bought.add(name)
    kept = {name: max(sums[name], Decimal(0)) for name in is_bought}
    total = sum(kept.values())
    return {name: float(value / total) for name, value in kept.items()} if total else None


def _channels(orders: list[list[Row]]) -> dict[str, float] | None:
    names = [o[0]["channel"] for o in orders]
    return {name: names.count(name) / len(names) for name in set(names)} if names else None


def _rank(persons: dict[str, Row]) -> None:
    """Scores by mid-rank fifths, Pareto shares, expected gaps."""
    buyers = {p: row for p, row in persons.items() if row["order_count"]}
    for axis, sign, column in (
        ("rfm_recency", -1, "days_since_last_order"),
        ("rfm_frequency", 1, "purchase_day_count"),
        ("rfm_monetary", 1, "net_revenue"),
    ):
        values = [sign * row[column] for row in buyers.values()]
        for row in persons.values():
            row[axis] = _fifth(sign * row[column], values) if row["order_count"] else None
    revenues = [row["net_revenue_365d"] for row in persons.values() if row["net_revenue_365d"] > 0]
    usual = [row["own_q90"] for row in persons.values() if row["gap_count"] >= 2]
    population = float(np.median(usual)) if usual else 90.0
    for row in persons.values():
        own = row["net_revenue_365d"]
        row["pareto_share"] = float(sum(v for v in revenues if v >= own) / sum(revenues)) if own > 0 else None
        n = row.pop("gap_count")
        quantile = row.pop("own_q90") or 0.0
        row["expected_gap_days"] = (n * quantile + 3 * population) / (n + 3) if row["order_count"] else None


def _fifth(value: Any, values: list[Any]) -> int:
    below, same = sum(v < value for v in values), sum(v == value for v in values)
    return min(5, int((below + same / 2) / len(values) * 5) + 1)
