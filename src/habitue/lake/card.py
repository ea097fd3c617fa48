"""The lake's own card: format version and the id of the pepper its keys were made with."""

from __future__ import annotations

import json
from pathlib import Path

from habitue.errors import ConfigError
from habitue.lake.whole_file import write_whole

FORMAT_VERSION = 1


CARD = "lake.json"


def make_card(folder: Path, pepper_key_id: str) -> None:
    """Write the card of a new lake; one that is there stays."""
    file = folder / CARD
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        card = {"format_version": FORMAT_VERSION, "pepper_key_id": pepper_key_id}
        write_whole(file, json.dumps(card, indent=2))


def check_card(folder: Path, pepper_key_id: str) -> None:
    """Refuse a lake of another format or with another pepper; a lake without a card is new."""
    file = folder / CARD
    if not file.exists():
        return
    card = json.loads(file.read_text())
    if card.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"This lake has format {card.get('format_version')}; this habitue reads and writes format {FORMAT_VERSION}.",
            hint="Use the habitue version that wrote it, or start a new lake with --lake.",
        )
    if card.get("pepper_key_id") != pepper_key_id:
        raise ConfigError(
            "The pepper is not the one this lake's keys were made with:",
            [f"the lake knows pepper {card.get('pepper_key_id')}, the configured one is {pepper_key_id}"],
            hint="Put the original pepper back (keys cannot be made again without it), or start a new lake with --lake.",
        )
