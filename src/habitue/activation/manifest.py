"""The manifest of an export: what is in it, where it comes from, and the digest of each file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from habitue.activation.csv_export import ExportColumn
from habitue.audiences.definition import Audience, ExportTarget

MANIFEST_NAME = "_manifest.json"


@dataclass(frozen=True)
class ExportFile:
    """One file as it lies in the export's folder."""

    name: str
    rows: int
    bytes: int
    sha256: str


def manifest_text(
    audience: Audience,
    target: ExportTarget,
    *,
    run_id: str,
    as_of: date,
    columns: Sequence[ExportColumn],
    files: Sequence[ExportFile],
) -> str:
    """The manifest as JSON."""
    content = {
        "audience": audience.name,
        "description": audience.definition.description,
        "definition_sha256": audience.digest,
        "run_id": run_id,
        "as_of_date": as_of.isoformat(),
        "platform": target.to,
        "channel": target.channel,
        "purpose": audience.definition.requires.purpose,
        "format": {"encoding": "UTF-8", "delimiter": ",", "quote": '"', "line_end": "CRLF", "header": True},
        "columns": [asdict(column) for column in columns],
        "rows": sum(file.rows for file in files),
        "files": [asdict(file) for file in files],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def manifest_digest(text: str) -> str:
    """SHA-256 of a manifest: what gold.release records of an export."""
    return hashlib.sha256(text.encode()).hexdigest()
