"""The layers of configuration: base file, environment file, HABITUE_* variables, --set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from habitue.errors import ConfigError, UsageError


def deep_merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """`upper` over `lower`: mappings are merged key by key, everything else is replaced."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = deep_merge(below, value) if both and isinstance(below, Mapping) else value
    return merged


def from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """`HABITUE_SESSIONS__GAP_MINUTES=20` as {sessions: {gap_minutes: 20}}; names without `__` are not settings."""
    layer: dict[str, Any] = {}
    for name, text in sorted(variables.items()):
        if name.startswith("HABITUE_") and "__" in name:
            path = name.removeprefix("HABITUE_").lower().split("__")
            layer = deep_merge(layer, _nested(path, _value(text, name)))
    return layer


def from_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`--set a.b=c` assignments as nested mappings; values are read as YAML."""
    layer: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise UsageError(
                f"--set {assignment} cannot be read:",
                ["expected KEY=VALUE, as in --set sessions.gap_minutes=20"],
            )
        layer = deep_merge(layer, _nested(key.strip().split("."), _value(text, f"--set {key}")))
    return layer


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def _value(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{name} has a value that is not valid YAML.") from None
