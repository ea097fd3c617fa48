"""Values in answers of the command line, as people write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from habitue.cli.show import as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (7, "7"),
        (Decimal("1084.06"), "1084.06"),
        (0.7635219600728389, "0.7635"),
        (134.21833333333333, "134.2183"),
        (0.0, "0.0000"),
        (0.0000123456, "1.23e-05"),  # small, not nothing
        (date(2024, 6, 25), "2024-06-25"),
        (datetime(2024, 6, 25, 10, 12, 0, 500), "2024-06-25 10:12:00"),
        (["customer_number", "email"], "customer_number, email"),
        ({"orders": ["shop", "till"], "identifiers": ["crm"]}, "orders: shop, till; identifiers: crm"),
        ({"orders": datetime(2024, 6, 25, 10, 12)}, "orders: 2024-06-25 10:12:00"),
    ],
)
def test_values_are_written_for_people(value: Any, text: str) -> None:
    assert as_text(value) == text
