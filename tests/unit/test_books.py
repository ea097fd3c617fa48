"""Figures of a company's own books beside those of the lake."""

from __future__ import annotations

from decimal import Decimal

from habitue.checks.readiness import Evidence, capabilities
from habitue.commands.check import Books


def test_each_figure_that_was_entered_stands_beside_what_was_found() -> None:
    books = Books(orders=100, net_revenue=Decimal("1234.50"))
    assert books.compared(98, 7, Decimal("1234.50")) == [
        {"figure": "orders", "expected": "100", "found": "98", "difference": "-2"},
        {"figure": "net revenue", "expected": "1234.50", "found": "1234.50", "difference": "+0.00"},
    ]


def test_nothing_is_promised_that_is_not_computed() -> None:
    found = Evidence(
        buyers=20, repeat_share=0.25, repeat_buyers=5, buyers_with_three=0, history_days=90, recent_buyers=1,
        has_margin=False, filled={"stock_level": True, "contact": True},
    )  # fmt: skip
    supported = {c.capability: c.supported for c in capabilities(found)}
    assert supported["churn and CLV per person"] == "no", "fewer than ten have bought twice"
    assert supported["offers only of what is in stock"] == "no", "stock is kept, and nothing made of it"
    assert supported["contacts and responses in 7, 30 and 90 days"] == "yes"
