"""Numbers as people read them, in English or German."""

from __future__ import annotations

from dataclasses import dataclass

_SWAP = str.maketrans({",": ".", ".": ","})


@dataclass(frozen=True)
class Numbers:
    """Formats of one language; a missing number is a dash."""

    language: str = "en"

    def count(self, value: float | None) -> str:
        """A whole number with thousands separated."""
        return self._local(f"{value:,.0f}") if value is not None else "–"

    def decimal(self, value: float | None, places: int = 2) -> str:
        """A number with places after the point."""
        return self._local(f"{value:,.{places}f}") if value is not None else "–"

    def share(self, value: float | None, places: int = 1) -> str:
        """A share as percent."""
        return self._local(f"{100 * value:,.{places}f}") + " %" if value is not None else "–"

    def share_short(self, value: float) -> str:
        """A share as whole percent."""
        return self.share(value, 0)

    def money(self, value: float | None, currency: str) -> str:
        """An amount without cents from 1,000 on."""
        if value is None:
            return "–"
        places = 0 if abs(value) >= 1000 else 2
        return f"{self._local(f'{value:,.{places}f}')} {currency}"

    def _local(self, text: str) -> str:
        return text.translate(_SWAP) if self.language == "de" else text
