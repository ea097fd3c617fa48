"""One YAML file with the line of every key, so that an error can say where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from habitue.config.layers import KeyPath, Layer
from habitue.errors import ConfigError


def read_yaml(path: Path, shown: str, section: KeyPath = ()) -> Layer:
    """The file's settings below `section`, with their lines; `shown` is how errors call the file.

    Syntax errors, repeated keys, loops and contents that are no mapping are one ConfigError per file.
    """
    node, data = _parse(path, shown)
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        raise ConfigError(
            "The configuration is not valid:",
            [f"{shown}: expected keys with values, found a {type(data).__name__}"],
        )
    places: dict[KeyPath, str] = {section: f"{shown} line 1"} if section else {}
    problems = _index(node, section, places, shown, ())
    if problems:
        raise ConfigError("The configuration is not valid:", problems)
    for name in reversed(section):
        data = {name: data}
    return Layer(data, places)


def _parse(path: Path, shown: str) -> tuple[yaml.Node | None, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        problem = f"{shown}: cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"{shown}: expected text in UTF-8"
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{shown} line {mark.line + 1}" if mark else shown
        problem = f"{where}: not valid YAML: {getattr(error, 'problem', None) or type(error).__name__}"
    raise ConfigError("The configuration is not valid:", [problem])


def _index(
    node: yaml.Node | None, at: KeyPath, places: dict[KeyPath, str], shown: str, around: tuple[int, ...]
) -> list[str]:
    """Fill `places`; returns what is wrong with keys. `around` holds the nodes that this one lies in."""
    if node is not None and id(node) in around:
        return [f"{shown} line {node.start_mark.line + 1}: refers to itself"]
    problems: list[str] = []
    here = (*around, id(node))
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*at, str(key_node.value))
            place = f"{shown} line {key_node.start_mark.line + 1}"
            if key_node.tag == "tag:yaml.org,2002:merge":
                problems += _index(value_node, at, {}, shown, here)
                continue
            if key_node.tag != "tag:yaml.org,2002:str":
                problems.append(f"{place}: {_dotted(key)}: keys are texts; put quotes around this one")
            if key in places:
                problems.append(f"{place}: {_dotted(key)} is given twice (first: {places[key]})")
            places[key] = place
            problems += _index(value_node, key, places, shown, here)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            places[(*at, position)] = f"{shown} line {item.start_mark.line + 1}"
            problems += _index(item, (*at, position), places, shown, here)
    return problems


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)
