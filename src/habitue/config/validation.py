"""Turn raw configuration into frozen settings; every fault with file, line, key and nearest known name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from habitue.config.layers import KeyPath, Layer, place_of
from habitue.config.plain_words import expected, found
from habitue.errors import ConfigError, HabitueError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)

_UNSHOWN = ("privacy", "mlflow", "spark")
"""Sections whose values errors never quote: references to secrets, addresses with passwords, storage keys."""


def validate(
    model: type[Model], configured: Layer, title: str, *, fault: type[HabitueError] = ConfigError
) -> Model:
    """The settings, or one `fault` that lists every problem and where it stands."""
    try:
        return model.model_validate(configured.data)
    except ValidationError as error:
        problems = list(_problems(error.errors(), model, configured))
        raise fault(f"{title} is not valid:", problems) from None


def _problems(faults: list[ErrorDetails], model: type[BaseModel], configured: Layer) -> Iterator[str]:
    """One sentence per key and kind of fault; the members of a union that all failed become one."""
    by_key: dict[tuple[KeyPath, str], list[str]] = {}
    for details in faults:
        path = _path(details, configured.data)
        message, end = _sentence(details, path, model)
        by_key.setdefault((path, end), []).append(message)
    for (path, end), messages in sorted(by_key.items(), key=lambda item: [str(part) for part in item[0][0]]):
        key = ".".join(str(part) for part in path)
        what = " or ".join(dict.fromkeys(messages))
        yield f"{place_of(path, configured)}: {key}: {'expected ' if end else ''}{what}{end}"


def _path(details: ErrorDetails, data: Mapping[str, Any]) -> KeyPath:
    """The key as the files have it; names that pydantic adds for members of unions are left out."""
    current: Any = data
    for length, part in enumerate(details["loc"]):
        try:
            current = current[part]
        except (KeyError, IndexError, TypeError):
            is_missing = details["type"] == "missing"
            return tuple(details["loc"][: length + 1 if is_missing else length])
    return tuple(details["loc"])


def _sentence(details: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong, in two parts: what was expected, and what was found."""
    match details["type"]:
        case "extra_forbidden":
            return "is not a known key" + _nearest(path, model), ""
        case "missing":
            return "is missing", ""
        case "value_error":
            return details["msg"].removeprefix("Value error, "), ""
    is_shown = not path or path[0] not in _UNSHOWN
    return expected(details), f", found {found(details['input'], quote=is_shown)}"


def _nearest(path: KeyPath, model: type[BaseModel]) -> str:
    holder: Any = model
    for part in path[:-1]:
        holder = _below(holder, part)
    known = list(holder.model_fields) if _is_model(holder) else []
    every = f"; known here: {', '.join(sorted(known))}" if known else ""
    return did_you_mean(str(path[-1]), known) or every


def _below(holder: Any, part: str | int) -> Any:
    """The type of what lies under a key of a model, a mapping or a list."""
    if _is_model(holder):
        field = holder.model_fields.get(part)
        return _plain(field.annotation) if field else None
    origin, arguments = get_origin(holder), get_args(holder)
    if origin in (dict, Mapping):
        return _plain(arguments[1])
    return _plain(arguments[0]) if origin in (tuple, list) else None


def _plain(annotation: Any) -> Any:
    """The type itself, without `Annotated` and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next((_plain(a) for a in get_args(annotation) if a is not type(None)), None)
    return annotation


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
