"""What a user agent tells of the device, in the few words that profiles need."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# the first match counts: most browsers also name those they descend from
_BROWSERS = (
    ("edge", r"\bEdgA?(iOS)?/|\bEdge/"),
    ("opera", r"\bOPR/|\bOpera\b"),
    ("samsung", r"\bSamsungBrowser/"),
    ("firefox", r"\bFirefox/|\bFxiOS/"),
    ("chrome", r"\bChrome/|\bCriOS/"),
    ("safari", r"\bSafari/"),
)


def device_type(user_agent: Column) -> Column:
    """tablet, mobile or desktop; null without a user agent. An Android that is not mobile is a tablet."""
    is_tablet = user_agent.rlike(r"(?i)ipad|tablet|android(?!.*mobile)")
    is_mobile = user_agent.rlike(r"(?i)mobi|iphone|ipod|android")
    return F.when(is_tablet, "tablet").when(is_mobile, "mobile").when(user_agent != "", "desktop")


def browser(user_agent: Column) -> Column:
    """Family of the browser; null where it is none of those known."""
    return F.coalesce(*(F.when(user_agent.rlike(pattern), F.lit(name)) for name, pattern in _BROWSERS))
