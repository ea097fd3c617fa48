"""Secrets are never written in configuration, only referred to: `${env:NAME}` or `${file:PATH}`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from habitue.errors import ConfigError

_REFERENCE = re.compile(r"^\$\{(env|file):([^}]+)\}$")


def secret_path(reference: str, project: Path) -> Path | None:
    """The file a `${file:...}` reference means, relative to the project; None for other kinds."""
    match = _REFERENCE.match(reference)
    return project / match[2] if match and match[1] == "file" else None


def resolve_secret(reference: str, project: Path, *, name: str) -> bytes:
    """The secret's bytes without surrounding white space; a ConfigError that never shows a value."""
    match = _REFERENCE.match(reference)
    if not match:
        raise ConfigError(
            f"{name} must refer to a secret:", ["expected ${env:NAME} or ${file:PATH}, found a plain text"]
        )
    kind, target = match.groups()
    if kind == "env":
        text = os.environ.get(target)
        if not text:
            raise ConfigError(f"{name}: the environment variable {target} is not set.")
        return text.strip().encode()
    try:
        return (project / target).read_bytes().strip()
    except OSError:
        raise ConfigError(
            f"{name}: the file {target} cannot be read.",
            hint="`habitue init` makes one; put your own back if it was moved.",
        ) from None
