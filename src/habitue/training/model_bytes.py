"""A trained model as named bytes and back: `model.json` with the parameters, `booster.ubj` with the trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from habitue.training.churn_model import ChurnModel
from habitue.training.clv_model import ClvModel

Model = ChurnModel | ClvModel
FILES = ("model.json", "booster.ubj")


def to_bytes(model: Model) -> dict[str, bytes]:
    """Every file of the model; the same model always gives the same bytes."""
    return {
        name: content
        if isinstance(content, bytes)
        else json.dumps(content, indent=1, sort_keys=True).encode()
        for name, content in model.to_files().items()
    }


def from_bytes(files: Mapping[str, bytes]) -> Model:
    """Read what `to_bytes` wrote; ValueError, KeyError or TypeError on anything else."""
    content: dict[str, Any] = json.loads(files["model.json"])
    booster = files.get("booster.ubj", b"")
    return (ClvModel if content.get("model") == "clv" else ChurnModel).from_files(content, booster)


def digest_of(files: Mapping[str, bytes]) -> str:
    """sha256 over name and sha256 of each file, in order of name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return whole.hexdigest()
