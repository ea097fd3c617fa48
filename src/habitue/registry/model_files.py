"""A model as pure data on disk: JSON and UBJ, a digest over all files, read without ever running code from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from habitue.errors import ConfigError
from habitue.training.churn_model import ChurnModel
from habitue.training.clv_model import ClvModel

Model = ChurnModel | ClvModel

_ALLOWED = ("model.json", "booster.ubj")
_MAX_BYTES = 200_000_000


def write_model(model: Model, folder: Path) -> str:
    """Write the model's files and return the digest over them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in model.to_files().items():
        data = content if isinstance(content, bytes) else json.dumps(content, indent=1, sort_keys=True).encode()
        (folder / name).write_bytes(data)
    return digest_of({path.name: path.read_bytes() for path in sorted(folder.iterdir())})


def digest_of(files: Mapping[str, bytes]) -> str:
    """sha256 over name and sha256 of each file, in order of name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return whole.hexdigest()


def read_model(folder: Path, expected_digest: str | None) -> tuple[Model, str]:
    """The model in a folder and its digest; refused when a file is unknown, too large or not what was registered."""
    files = _read_files(folder)
    found = digest_of(files)
    if expected_digest is not None and found != expected_digest:
        raise ConfigError(
            "A registered model is not what was registered: its files have another digest.",
            [f"expected sha256 {expected_digest}", f"found sha256 {found}"],
            hint="Somebody changed the artifact. Train again with `habitue train`, or `habitue model rollback`.",
        )
    try:
        return _parse(files), found
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "A registered model cannot be read.", [str(error)], hint="Train again with `habitue train`."
        ) from error


def _read_files(folder: Path) -> dict[str, bytes]:
    problems, files = [], {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or name not in _ALLOWED:
            problems.append(f"{name} is no part of a model")
        elif path.stat().st_size > _MAX_BYTES:
            problems.append(f"{name} has {path.stat().st_size:,} bytes, more than {_MAX_BYTES:,}")
        else:
            files[name] = path.read_bytes()
    if "model.json" not in files:
        problems.append("model.json is missing")
    if problems:
        hint = "Only files that habitue wrote are read. Train again with `habitue train`."
        raise ConfigError("A registered model is refused:", problems, hint=hint)
    return files


def _parse(files: Mapping[str, bytes]) -> Model:
    content: dict[str, Any] = json.loads(files["model.json"])
    booster = files.get("booster.ubj", b"")
    return (ClvModel if content.get("model") == "clv" else ChurnModel).from_files(content, booster)
