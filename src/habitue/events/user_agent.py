"""What a user agent tells of the device, in the few words that profiles need."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from habitue.events.words import holds_any

# The first match counts: most browsers also name those they descend from. A pattern is tried only where one of the
# words in front of it is found, which takes a tenth of the time.
_BROWSERS = (
    ("edge", ("Edg",), r"\bEdgA?(iOS)?/|\bEdge/"),
    ("opera", ("OPR/", "Opera"), r"\bOPR/|\bOpera\b"),
    ("samsung", ("SamsungBrowser/",), r"\bSamsungBrowser/"),
    ("firefox", ("Firefox/", "FxiOS/"), r"\bFirefox/|\bFxiOS/"),
    ("chrome", ("Chrome/", "CriOS/"), r"\bChrome/|\bCriOS/"),
    ("safari", ("Safari/",), r"\bSafari/"),
)


def device_type(user_agent: Column) -> Column:
    """tablet, mobile or desktop; null without a user agent. An Android that is not mobile is a tablet."""
    agent = F.lower(user_agent)
    is_android = agent.contains("android")
    is_tablet = holds_any(agent, "ipad", "tablet") | (is_android & agent.rlike(r"android(?!.*mobile)"))
    is_mobile = holds_any(agent, "mobi", "iphone", "ipod") | is_android
    return F.when(is_tablet, "tablet").when(is_mobile, "mobile").when(user_agent != "", "desktop")


def browser(user_agent: Column) -> Column:
    """Family of the browser; null where it is none of those known."""
    return F.coalesce(
        *(
            F.when(holds_any(user_agent, *words) & user_agent.rlike(pattern), F.lit(name))
            for name, words, pattern in _BROWSERS
        )
    )
