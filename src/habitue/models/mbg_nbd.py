"""The MBG/NBD model: the first purchase, too, may be the last."""

from dataclasses import dataclass
from typing import ClassVar

from habitue.models.beta_geometric import BetaGeometric


@dataclass(frozen=True)
class MbgNbd(BetaGeometric):
    """Batislam, Denizel and Filiztekin (2007), Int. J. of Research in Marketing 24(3)."""

    kind: ClassVar[str] = "mbg_nbd"
    chances_before_first_repeat: ClassVar[int] = 1
