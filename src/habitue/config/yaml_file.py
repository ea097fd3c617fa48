"""One YAML file with the line of every key, so that an error can say where it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from habitue.errors import ConfigError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """Parsed content and the line (from 1) of each key path."""

    path: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int]


def read_yaml(path: Path) -> YamlFile:
    """Read with `safe_load` semantics; syntax errors, repeated keys and non-mappings are ConfigErrors."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"{path.name} is not valid YAML:", [f"{where}{problem}"]) from None
    if data is None:
        return YamlFile(path, {}, {})
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path.name} is not valid:", [f"expected keys with values, found a {type(data).__name__}"]
        )
    lines: dict[KeyPath, int] = {}
    repeated = _index(node, (), lines)
    if repeated:
        raise ConfigError(f"{path.name} is not valid:", repeated)
    return YamlFile(path, data, lines)


def _index(node: yaml.Node | None, at: KeyPath, lines: dict[KeyPath, int]) -> list[str]:
    repeated: list[str] = []
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*at, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                repeated.append(f"line {line}: {_dotted(key)} is given twice (first in line {lines[key]})")
            lines[key] = line
            repeated += _index(value_node, key, lines)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            lines[(*at, position)] = item.start_mark.line + 1
            repeated += _index(item, (*at, position), lines)
    return repeated


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
