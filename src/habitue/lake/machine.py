"""What this machine offers: memory and free disk (standard library only: set-up runs it first)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

GIB = 1024**3
MEMORY_NEEDED_GIB = 3.6
"""What a machine sold with 4 GiB offers: room for a driver heap of up to 3 GiB, and Python beside it."""
SETUP_DISK_NEEDED_GIB = 4.0
"""The environment takes 1.6 GiB, downloads and the building of PySpark 2.1 GiB for a while."""
RUN_DISK_NEEDED_GIB = 2.0
"""The lake of the example project with its shuffle files."""

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_gib() -> float:
    """Memory this process may use: the machine's, or less where a container limits it."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for path in _CGROUP_LIMITS if (limit := _limit_in(path)) is not None]
    return min([physical, *limits]) / GIB


def _limit_in(path: Path) -> int | None:
    """Return the limit a control group file states; None where there is none ("max", or no such file)."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def free_disk_gib(path: Path) -> float:
    """Return what is free where `path` lies or will lie."""
    existing = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free / GIB
