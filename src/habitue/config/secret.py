"""Secrets are never written in configuration, only referred to: `${env:NAME}` or `${file:PATH}`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from habitue.errors import ConfigError

_REFERENCE = re.compile(r"^\$\{(env|file):([^}]+)\}$")


def check_reference(reference: str) -> str:
    """The reference itself; a ValueError that does not quote what may be the secret."""
    if not _REFERENCE.match(reference):
        raise ValueError("expected a reference, ${env:NAME} or ${file:PATH}; found a plain text")
    return reference


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
        if not text or not text.strip():
            raise ConfigError(f"{name}: the environment variable {target} is not set.")
        return text.strip().encode()
    try:
        secret = (project / target).read_bytes().strip()
    except OSError:
        raise ConfigError(
            f"{name}: the file {target} cannot be read.",
            hint="`habitue init` makes one; put your own back if it was moved.",
        ) from None
    if not secret:
        raise ConfigError(f"{name}: the file {target} is empty.")
    return secret
