"""Publish: audit the staged tables, stage the exports, then one commit that makes the run visible."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from habitue.activation.manifest import MANIFEST_NAME, manifest_digest
from habitue.job import Run
from habitue.lake.release import Release, publish, published_versions
from habitue.stages.audit import audit
from habitue.stages.export import stage_exports


@dataclass(frozen=True)
class ExportFolders:
    """Where exports are prepared and where readers find them."""

    root: Path

    @property
    def staging(self) -> Path:
        """Prepared exports of runs that have not yet been published."""
        return self.root / ".staging"


def publish_run(run: Run, *, with_exports: bool) -> Release:
    """Everything visible at once: the release names each table's version and each export's digest."""
    audit(run)
    digests = stage_exports(run) if with_exports else {}
    release = Release(
        release_id=run.run_id,
        published_at=run.now,
        run_id=run.run_id,
        as_of_date=run.as_of,
        versions=published_versions(run.location),
        export_digests=digests,
        fencing_token=run.lake.note.fencing_token,
    )
    publish(run.lake, release)
    show_exports(run.project, run.run_id)
    run.note(f"release {release.release_id} of {len(release.versions)} tables and {len(digests)} exports")
    return release


def show_exports(project: Path, run_id: str) -> None:
    """Move a published run's prepared exports to where readers look; safe to repeat after a crash."""
    folders = ExportFolders(project / "exports")
    prepared = folders.staging / run_id
    if not prepared.is_dir():
        return
    for manifest in sorted(prepared.rglob(MANIFEST_NAME)):
        source = manifest.parent
        target = folders.root / source.relative_to(prepared)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    shutil.rmtree(prepared)




def withdraw_exports(project: Path, *, keep: dict[str, str]) -> None:
    """Take visible exports away whose manifest is not one of `keep`."""
    root = ExportFolders(project / "exports").root
    for manifest in sorted(root.glob(f"*/*/{MANIFEST_NAME}")):
        name = str(manifest.parent.relative_to(root))
        if keep.get(name) != manifest_digest(manifest.read_text(encoding="utf-8")):
            shutil.rmtree(manifest.parent)
