"""What a user agent tells: the device, in the few words that profiles need, and whether it names itself a program."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql.pandas.functions import arrow_udf
from pyspark.sql.types import BooleanType, StringType, StructField, StructType

from habitue.events.settings import BotSettings

# the first match counts: most browsers also name those they descend from
_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("edge", r"\bEdgA?(iOS)?/|\bEdge/"),
        ("opera", r"\bOPR/|\bOpera\b"),
        ("samsung", r"\bSamsungBrowser/"),
        ("firefox", r"\bFirefox/|\bFxiOS/"),
        ("chrome", r"\bChrome/|\bCriOS/"),
        ("safari", r"\bSafari/"),
    )
)
_TOLD = StructType(
    [
        StructField("device_type", StringType()),
        StructField("browser", StringType()),
        StructField("is_program", BooleanType()),
    ]
)
_TOLD_ARROW = pa.struct([("device_type", pa.string()), ("browser", pa.string()), ("is_program", pa.bool_())])


def device_type(agent: str) -> str | None:
    """tablet, mobile or desktop; None without a user agent. An Android that is not mobile is a tablet."""
    text = agent.lower()
    is_android = "android" in text
    if "ipad" in text or "tablet" in text or (is_android and "mobile" not in text.partition("android")[2]):
        return "tablet"
    if is_android or any(word in text for word in ("mobi", "iphone", "ipod")):
        return "mobile"
    return "desktop" if agent else None


def browser(agent: str) -> str | None:
    """Family of the browser; None where it is none of those known."""
    return next((name for name, pattern in _BROWSERS if pattern.search(agent)), None)


def is_program(agent: str, settings: BotSettings) -> bool:
    """Whether the agent names itself a program. An unknown agent proves nothing."""
    text = agent.lower()
    words = [word.lower() for word in settings.user_agents]
    if not any(word in text for word in words):
        return False
    for harmless in settings.not_user_agents:
        text = text.replace(harmless.lower(), "")
    return any(word in text for word in words)


def told_by_agent(agents: Column, *, bots: BotSettings) -> Column:
    """A struct of `device_type`, `browser` and `is_program`; null without an agent.

    Each distinct agent of an Arrow batch is read once: the words looked for are many and the agents few, so that this
    takes a fraction of what the same rules cost as expressions over every event.
    """
    udf: Callable[..., Callable[..., Column]] = arrow_udf  # typed for decorators with a type of UDF only
    return udf(_reading(bots), _TOLD)(agents)


def _reading(bots: BotSettings) -> Callable[[pa.Array], pa.Array]:
    def told_by_batch(batch: pa.Array) -> pa.Array:
        return read_agents(batch, bots)

    # Spark reads the kind of function from real types
    told_by_batch.__annotations__ = {"batch": pa.Array, "return": pa.Array}
    return told_by_batch


def read_agents(batch: pa.Array, bots: BotSettings) -> pa.Array:
    """What each agent of a batch tells."""
    coded = batch.dictionary_encode()
    told = [
        {"device_type": device_type(agent), "browser": browser(agent), "is_program": is_program(agent, bots)}
        for agent in coded.dictionary.to_pylist()
    ]
    return pa.array(told, _TOLD_ARROW).take(coded.indices)
