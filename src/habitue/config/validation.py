"""Turn raw configuration into frozen settings; every fault with file, line, key and nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from habitue.config.yaml_file import KeyPath, YamlFile
from habitue.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], data: Mapping[str, Any], files: Sequence[YamlFile], title: str) -> Model:
    """The settings, or one ConfigError that lists every problem and where it stands."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_describe(details, model, files) for details in error.errors()]
        raise ConfigError(f"{title} is not valid:", sorted(set(problems))) from None


def _describe(details: ErrorDetails, model: type[BaseModel], files: Sequence[YamlFile]) -> str:
    path = tuple(details["loc"])
    key = ".".join(str(part) for part in path)
    message = details["msg"]
    if details["type"] == "extra_forbidden":
        message = "is not a known key" + _nearest(path, model)
    elif details["type"] == "value_error":
        message = message.removeprefix("Value error, ")
    return f"{place_of(path, files)}: {key}: {message}"


def place_of(path: KeyPath, files: Sequence[YamlFile]) -> str:
    """File and line where a key stands; the deepest part of the path that is known, later files first."""
    for length in range(len(path), 0, -1):
        for file in reversed(files):
            line = file.lines.get(path[:length])
            if line is not None:
                return f"{file.path} line {line}"
    return f"{files[-1].path}" if len(files) == 1 else "the environment or --set"


def _nearest(path: KeyPath, model: type[BaseModel]) -> str:
    known = _fields_at(model, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(sorted(known))}" if known else ""


def _fields_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    current: Any = model
    for part in path:
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return []
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        current = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
    return list(getattr(current, "model_fields", {}))
