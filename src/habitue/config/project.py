"""Read a project's `conf/` folder: layered files, environment variables and --set, into one settings tree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from habitue.audiences.reading import read_audiences
from habitue.config.consistency import inconsistencies
from habitue.config.layers import KeyPath, Layer, from_assignments, from_environment, leaves, place_of, stack
from habitue.config.settings import Settings
from habitue.config.validation import validate
from habitue.config.yaml_file import read_yaml
from habitue.errors import ConfigError

SINGLE = ("economics", "consent")
"""conf/<name>.yaml is section <name>."""

FOLDERS = ("sources", "models", "audiences")
"""conf/<name>/<key>.yaml is <name>.<key>."""


LISTED_WHOLE = ("consent",)
"""Sections whose mappings are a company's own lists: what a file gives is all of it."""


def load_settings(
    project: Path,
    *,
    env: str = "local",
    assignments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Settings:
    """Settings of the project in `project`; one ConfigError with every problem and its place."""
    conf = project / "conf"
    if not (conf / "base.yaml").is_file():
        raise ConfigError(
            f"{project} is not a habitue project: conf/base.yaml is missing.",
            hint="Call it in a project's folder, name one: --project DIR, or make one: habitue init DIR",
        )
    overlay = conf / f"{env}.yaml"
    if env != "local" and not overlay.is_file():
        raise ConfigError(f"There is no environment {env}: conf/{env}.yaml is missing.")
    files = _base_files(conf) | ({overlay: ()} if overlay.is_file() else {})
    layers = _read_all(conf, files)
    above = [from_environment(os.environ if variables is None else variables), from_assignments(assignments)]
    configured = stack([Layer(_default_mappings(Settings())), *layers.values(), *above])
    settings = validate(Settings, configured, f"The configuration in {conf}")
    wrong = [
        f"{place_of(path, configured)}: {'.'.join(map(str, path))}: {what}"
        for path, what in inconsistencies(settings)
    ]
    if wrong:
        raise ConfigError(f"The configuration in {conf} is not valid:", wrong)
    read_audiences(
        settings.audiences,
        settings.consent,
        settings.holdout,
        place=lambda path: place_of(path, configured),
    )
    return settings


def _default_mappings(section: BaseModel, at: KeyPath = ()) -> dict[str, Any]:
    """Defaults that are mappings, such as limits by type: whoever sets one key of them keeps the others."""
    found: dict[str, Any] = {}
    for name in type(section).model_fields:
        value, path = getattr(section, name), (*at, name)
        if path[0] in LISTED_WHOLE:
            continue
        inner = _default_mappings(value, path) if isinstance(value, BaseModel) else value
        if isinstance(inner, dict) and inner:
            found[name] = inner
    return found


def _base_files(conf: Path) -> dict[Path, KeyPath]:
    """Files of the base layer with the section that each one fills.

    A file without a byte fills none: a shell makes it before `habitue map FILE > conf/sources/NAME.yaml` begins.
    """
    single = {conf / f"{name}.yaml": (name,) for name in SINGLE if (conf / f"{name}.yaml").is_file()}
    folders = {
        path: (folder, path.stem)
        for folder in FOLDERS
        for path in sorted((conf / folder).glob("*.yaml"))
        if path.stat().st_size
    }
    return {conf / "base.yaml": (), **single, **folders}


def _read_all(conf: Path, files: Mapping[Path, KeyPath]) -> dict[Path, Layer]:
    """Every file as a layer; one ConfigError with the faults of all files."""
    layers: dict[Path, Layer] = {}
    problems = _unread(conf)
    for path, section in files.items():
        try:
            layers[path] = read_yaml(path, f"conf/{path.relative_to(conf)}", section)
        except ConfigError as error:
            problems += error.problems
    base = [layer for path, layer in layers.items() if path in _base_files(conf)]
    problems += [problem for pair in combinations(base, 2) for problem in _contradictions(*pair)]
    if problems:
        raise ConfigError(f"The configuration in {conf} is not valid:", problems)
    return layers


def _contradictions(first: Layer, second: Layer) -> list[str]:
    """Files of the base layer have no order, so none of them may give a key that another one gives."""
    given = {path for path, _ in leaves(first.data)}
    return [
        f"{place_of(path, second)}: {'.'.join(map(str, path))} is given twice (also: {place_of(path, first)})"
        for path, _ in leaves(second.data)
        if path in given
    ]


def _unread(conf: Path) -> list[str]:
    """Files that look like configuration and would be passed over in silence."""
    shown = [path.relative_to(conf) for path in sorted((*conf.glob("*.yml"), *conf.glob("*/*.yml")))]
    strange = sorted({p.parent.name for p in conf.glob("*/*.yaml") if p.parent.name not in FOLDERS})
    return [
        *(f"conf/{path}: is not read; name it {path.stem}.yaml" for path in shown),
        *(f"conf/{name}: is not read; folders here: {', '.join(FOLDERS)}" for name in strange),
    ]
