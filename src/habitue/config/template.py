"""A new project's files: the shipped configuration, and the folders and secret that belong to it."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from habitue.errors import ConfigError
from habitue.privacy.keys import make_pepper


def make_project(folder: Path, *, name: str, zone: str, currency: str, country: str) -> list[Path]:
    """Lay out a project; returns the files made. Nothing that exists is replaced."""
    if (folder / "conf" / "base.yaml").exists():
        raise ConfigError(f"{folder} is a habitue project already.", hint="Choose another folder.")
    with as_file(files("habitue.config") / "template") as template:
        shutil.copytree(template, folder, dirs_exist_ok=True)
    base = folder / "conf" / "base.yaml"
    text = base.read_text(encoding="utf-8")
    for key, value in {"NAME": name, "ZONE": zone, "CURRENCY": currency, "COUNTRY": country}.items():
        text = text.replace(f"<{key}>", value)
    base.write_text(text, encoding="utf-8")
    (folder / "conf" / "sources").mkdir(exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("lake/\nsecrets/\nexports/\nreport/\nmlflow.db\nmlartifacts/\n", encoding="utf-8")
    ensure_pepper(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def ensure_pepper(project: Path) -> bool:
    """Make the project's pepper if there is none yet; True when one was made."""
    file = project / "secrets" / "pepper"
    if file.exists():
        return False
    make_pepper(file)
    return True
