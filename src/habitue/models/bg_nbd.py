"""The BG/NBD model: every one-time buyer is still alive, dropout begins with the first repeat purchase."""

from dataclasses import dataclass
from typing import ClassVar

from habitue.models.beta_geometric import BetaGeometric


@dataclass(frozen=True)
class BgNbd(BetaGeometric):
    """Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2)."""

    kind: ClassVar[str] = "bg_nbd"
    chances_before_first_repeat: ClassVar[int] = 0
