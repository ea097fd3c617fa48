"""The layers of configuration: files, environment, HABITUE_* variables, --set; each key with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from habitue.errors import ConfigError, UsageError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Layer:
    """Some settings, and in words where each of their keys stands: `conf/base.yaml line 3`."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)


def place_of(path: KeyPath, layer: Layer) -> str:
    """Where a key stands: the place of the deepest part of its path that is known."""
    for length in range(len(path), 0, -1):
        place = layer.places.get(path[:length])
        if place is not None:
            return place
    return "conf"


def stack(layers: Sequence[Layer]) -> Layer:
    """All layers as one, later ones over earlier ones; every key keeps the place its value comes from."""
    result = Layer()
    for layer in layers:
        replaced = [path for path, _ in leaves(layer.data)]
        kept = {p: place for p, place in result.places.items() if not _lies_under(p, replaced)}
        result = Layer(deep_merge(result.data, layer.data), kept | layer.places)
    return result


def deep_merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` over `lower`: mappings are merged key by key, everything else is replaced."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = deep_merge(below, value) if both and isinstance(below, Mapping) else value
    return merged


def leaves(data: Mapping[str, Any], at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that is no mapping, with its path; an empty mapping replaces nothing and is none."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


def from_environment(variables: Mapping[str, str]) -> Layer:
    """`HABITUE_SESSION__GAP_MINUTES=20` as {session: {gap_minutes: 20}}; names without `__` mean nothing."""
    layers = []
    for name, text in sorted(variables.items()):
        if name.startswith("HABITUE_") and "__" in name:
            path = name.removeprefix("HABITUE_").lower().split("__")
            layers.append(_single(path, text, f"the variable {name}"))
    return stack(layers)


def from_assignments(assignments: Sequence[str]) -> Layer:
    """`--set a.b=c` assignments as settings; values are read as YAML."""
    layers = []
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise UsageError(
                f"--set {key.strip() or '=...'} cannot be read:",
                ["expected KEY=VALUE, as in --set session.gap_minutes=20"],
            )
        layers.append(_single(key.strip().split("."), text, f"--set {key.strip()}"))
    return stack(layers)


def _single(path: Sequence[str], text: str, place: str) -> Layer:
    value = _value(text, place)
    for part in reversed(path):
        value = {part: value}
    return Layer(dict(value), {tuple(path): place})


def _value(text: str, place: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{place} has a value that is not valid YAML.") from None


def _lies_under(path: KeyPath, others: Sequence[KeyPath]) -> bool:
    return any(path[: len(other)] == other for other in others)
