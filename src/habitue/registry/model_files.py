"""A model as pure data on disk.

JSON and UBJ, a digest over all files, read without ever running code from them.
"""

from __future__ import annotations

from pathlib import Path

from habitue.errors import ConfigError
from habitue.training.model_bytes import FILES, Model, digest_of, from_bytes, to_bytes

_MAX_BYTES = 200_000_000


def write_model(model: Model, folder: Path) -> str:
    """Write the model's files and return the digest over them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = to_bytes(model)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return digest_of(files)


def read_model(folder: Path, expected_digest: str | None) -> tuple[Model, str]:
    """The model in a folder and its digest.

    Refused when a file is unknown, too large or not what was registered.
    """
    files = _read_files(folder)
    found = digest_of(files)
    if expected_digest is not None and found != expected_digest:
        raise ConfigError(
            "A registered model is not what was registered: its files have another digest.",
            [f"expected sha256 {expected_digest}", f"found sha256 {found}"],
            hint="Somebody changed it. Train again with `habitue train`, or `habitue model rollback`.",
        )
    try:
        return from_bytes(files), found
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "A registered model cannot be read.", [str(error)], hint="Train again with `habitue train`."
        ) from error


def _read_files(folder: Path) -> dict[str, bytes]:
    problems, files = [], {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or name not in FILES:
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
