"""The reference of all settings, made from the settings classes: key, kind, default, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from habitue.config.settings import Settings

BEGIN = "<!-- settings: made by `python -m habitue.config.reference`; edit the settings classes instead -->"
END = "<!-- end of settings -->"

_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    date: "day",
    bool: "true or false",
    NoneType: "null",
    Any: "rule",
}
_LIMITS = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}
_LONGEST_DEFAULT = 90


@dataclass(frozen=True)
class Setting:
    """One key that can be set; `NAME` stands for a key of the user's own, `[]` for an entry of a list."""

    key: str
    kind: str
    default: str
    meaning: str


def settings_of(
    model: type[BaseModel], below: str = "", defaults: BaseModel | None = None
) -> Iterator[Setting]:
    """Every setting of a section and of the sections in it; `defaults` where a section has its own."""
    for name, field in model.model_fields.items():
        key = f"{below}{name}"
        inner, step = _inner_model(field.annotation)
        has_default = defaults is not None or not field.is_required()
        default = getattr(defaults, name) if defaults else field.get_default(call_default_factory=True)
        if inner is None or step:
            text = _spelled_briefly(default) if has_default else "required"
            yield Setting(key, _kind(field.annotation, field), text, field.description or "")
        if inner is not None:
            own = default if isinstance(default, inner) else None
            yield from settings_of(inner, f"{key}{step}.", own)


def reference() -> str:
    """One Markdown table per section of the configuration."""
    return "\n".join(line for name in Settings.model_fields for line in _section(name))


def with_reference(page: str) -> str:
    """The page with the tables between its two marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _section(name: str) -> list[str]:
    field = Settings.model_fields[name]
    inner, step = _inner_model(field.annotation)
    if inner is None:
        return []
    meaning = (inner.__doc__ or "").strip().splitlines()[0]
    rows = [
        f"| `{setting.key}` | {setting.kind} | {setting.default} | {setting.meaning} |"
        for setting in settings_of(inner, f"{name}{step}.")
    ]
    return [
        f"### {name}",
        "",
        meaning,
        "",
        "| key | kind | default | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _inner_model(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The section that a value is made of, and how its keys go on: nothing, `.NAME` or `[]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _inner_model(arguments[0])
    if origin in (dict, Mapping):
        inner, step = _inner_model(arguments[1])
        return inner, f".NAME{step}"
    if origin in (tuple, list):
        inner, step = _inner_model(arguments[0])
        return inner, f"[]{step}"
    if origin in (Union, UnionType):
        return next((found for a in arguments if (found := _inner_model(a))[0]), (None, ""))
    return None, ""


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    words = _words(annotation)
    limits = [
        text.format(f"{getattr(limit, name):g}")
        for limit in (field.metadata if field else ())
        for name, text in _LIMITS.items()
        if isinstance(getattr(limit, name, None), (int, float))
    ]
    return ", ".join([words, " and ".join(limits)] if limits else [words])


def _words(annotation: Any) -> str:
    if annotation in _KINDS:
        return _KINDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(arguments[0])
    if origin is Literal:
        return ", ".join(str(value) for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if origin in (dict, Mapping):
        return f"keys with {_words(arguments[1])}"
    if origin in (tuple, list):
        every = arguments if all(get_origin(a) is Literal for a in arguments) else arguments[:1]
        return f"list of {', '.join(_words(a) for a in every)}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return "section" if is_section else getattr(annotation, "__name__", "text")


def _spelled_briefly(value: Any) -> str:
    text = _spelled(value)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else f"{len(value)} entries"


def _spelled(value: Any) -> str:
    """As YAML would have it in one line."""
    if isinstance(value, BaseModel):
        return _spelled({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_spelled(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_spelled(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value) if value != "" else '""'


if __name__ == "__main__":
    import sys
    from pathlib import Path

    page = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/configuration.md")
    page.write_text(with_reference(page.read_text(encoding="utf-8")), encoding="utf-8")
