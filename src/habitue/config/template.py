"""A new project's files: the shipped configuration, and the folders and secret that belong to it."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

from habitue.config.layers import Layer
from habitue.config.settings import ProjectSettings
from habitue.config.validation import validate
from habitue.errors import UsageError
from habitue.privacy.keys import make_pepper

_IGNORED = "lake/\nsecrets/\nexports/\nreport/\nmlflow.db\nmlartifacts/\n"


def make_project(folder: Path, *, name: str, zone: str, currency: str, country: str) -> list[Path]:
    """Lay out a project; returns the files made. Nothing that exists is replaced."""
    if (folder / "conf" / "base.yaml").exists():
        raise UsageError(f"{folder} is a habitue project already.", hint="Choose another folder.")
    project = {"name": name, "zone": zone, "currency": currency, "country": country}
    validate(ProjectSettings, Layer(project), "The new project", fault=UsageError)
    made = []
    with as_file(files("habitue.config") / "template") as template:
        for source in sorted(path for path in template.rglob("*") if path.is_file()):
            made += _place(folder / source.relative_to(template), _filled(source.read_text("utf-8"), project))
    made += _place(folder / ".gitignore", _IGNORED)
    for name_of_folder in ("data", "conf/sources"):
        (folder / name_of_folder).mkdir(parents=True, exist_ok=True)
    if ensure_pepper(folder):
        made.append(folder / "secrets" / "pepper")
    return sorted(made)


def _filled(text: str, project: dict[str, str]) -> str:
    """The template with its `<NAME>` places filled; quoted, because YAML reads the country NO as false."""
    for key, value in project.items():
        text = text.replace(f"<{key.upper()}>", json.dumps(value, ensure_ascii=False))
    return text


def _place(file: Path, text: str) -> list[Path]:
    if file.exists():
        return []
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return [file]


def ensure_pepper(project: Path) -> bool:
    """Make the project's pepper if there is none yet; True when one was made."""
    file = project / "secrets" / "pepper"
    if file.exists():
        return False
    make_pepper(file)
    return True
