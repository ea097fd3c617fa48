"""Small files that a reader finds whole or not at all, whenever the writer dies."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all, and onto the disk."""
    temporary = file.with_name(f".{file.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
