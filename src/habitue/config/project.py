"""Read a project's `conf/` folder: layered files, environment variables and --set, into one settings tree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from habitue.audiences.reading import read_audiences
from habitue.config.layers import deep_merge, from_assignments, from_environment
from habitue.config.settings import Settings
from habitue.config.validation import place_of, validate
from habitue.config.yaml_file import YamlFile, read_yaml
from habitue.errors import ConfigError

_SINGLE = ("economics", "consent")  # conf/<name>.yaml is section <name>
_FOLDERS = ("sources", "models", "audiences")  # conf/<name>/<key>.yaml is <name>.<key>


def load_settings(
    project: Path, *, env: str = "local", assignments: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Settings:
    """Settings of the project in `project`; one ConfigError with every problem and its place."""
    conf = project / "conf"
    if not (conf / "base.yaml").is_file():
        raise ConfigError(
            f"{project} is not a habitue project: conf/base.yaml is missing.",
            hint="Call habitue in a project's folder, name it with --project DIR, or make one with `habitue init DIR`.",
        )
    files = [_read(conf, conf / "base.yaml")]
    overlay = conf / f"{env}.yaml"
    if overlay.is_file():
        files.append(_read(conf, overlay))
    elif env != "local":
        raise ConfigError(f"There is no environment {env}: {overlay.relative_to(project)} is missing.")
    files += [_read(conf, conf / f"{name}.yaml", (name,)) for name in _SINGLE if (conf / f"{name}.yaml").is_file()]
    files += [_read(conf, path, (folder, path.stem)) for folder in _FOLDERS for path in sorted((conf / folder).glob("*.yaml"))]
    data: dict[str, Any] = {}
    for file in files:
        data = deep_merge(data, file.data)
    data = deep_merge(data, from_environment(os.environ if variables is None else variables))
    settings = validate(Settings, deep_merge(data, from_assignments(assignments)), files, f"The configuration in {conf}")
    read_audiences(settings.audiences, settings.consent, settings.holdout, place=lambda path: place_of(path, files))
    return settings


def _read(conf: Path, path: Path, section: tuple[str, ...] = ()) -> YamlFile:
    """A file as part of the tree: content and line numbers moved under its section."""
    file = read_yaml(path)
    data: dict[str, Any] = file.data
    for name in reversed(section):
        data = {name: data}
    lines = {(*section, *key): line for key, line in file.lines.items()}
    return YamlFile(path.relative_to(conf.parent), data, lines)
