"""Which campaigns lead somewhere: a direct visit states its source as such, and that is none."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from habitue.events.runs import Flags

_DIRECT = pa.array(["(direct)", "direct"])


def is_campaign(campaign: pa.Array) -> Flags:
    """Whether each of these structs is there and its source is not direct."""
    source = pc.utf8_lower(pc.struct_field(campaign, "source"))
    is_direct = pc.is_in(source, value_set=_DIRECT)
    found: Flags = pc.and_(campaign.is_valid(), pc.invert(is_direct)).to_numpy(zero_copy_only=False)
    return found
