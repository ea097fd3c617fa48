"""Publish: audit the staged tables, stage the exports, then one commit that makes the run visible."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from habitue.activation.manifest import MANIFEST_NAME, manifest_digest
from habitue.contracts.decision import RELEASE
from habitue.job import Run
from habitue.lake.deltalog import DeltaLog
from habitue.lake.release import Release, last_release, publish, published_versions
from habitue.lake.whole_file import write_whole
from habitue.stages.audit import audit
from habitue.stages.export import EXPORTS, STAGING, stage_exports

INTENDED = "release.json"
"""Beside a run's prepared exports: the digest of each that its release names."""


def publish_run(run: Run, *, with_exports: bool) -> Release:
    """Everything visible at once: the release names each table's version and each export's digest."""
    audit(run)
    digests = stage_exports(run) if with_exports else _visible(run)
    release = Release(
        release_id=run.run_id,
        published_at=run.now,
        run_id=run.run_id,
        as_of_date=run.as_of,
        versions=published_versions(run.location),
        export_digests=digests,
        fencing_token=run.lake.note.fencing_token,
    )
    intend_exports(run.project, run.run_id, digests)
    publish(run.lake, release)
    complete_exports(run.project, run.run_id)
    run.note(f"release {release.release_id} of {len(release.versions)} tables and {len(digests)} exports")
    return release


def _visible(run: Run) -> dict[str, str]:
    """Exports of the last release: a run for an older day leaves them as they are."""
    release = last_release(run.lake.read(RELEASE))
    return release.export_digests if release else {}


def finish_publication(run: Run) -> None:
    """Show and withdraw what a release says whose run died right after its commit; forget what was never published."""
    newest = DeltaLog(run.location.table(RELEASE)).last_change()
    if newest is not None and (run_id := newest.metadata.get("run_id")):
        complete_exports(run.project, str(run_id))
    shutil.rmtree(run.project / EXPORTS / STAGING, ignore_errors=True)


def intend_exports(project: Path, run_id: str, digests: Mapping[str, str]) -> None:
    """Keep beside the prepared exports what the release will name, so that whoever comes next can complete it."""
    prepared = project / EXPORTS / STAGING / run_id
    prepared.mkdir(parents=True, exist_ok=True)
    write_whole(prepared / INTENDED, json.dumps(dict(digests)))


def complete_exports(project: Path, run_id: str) -> None:
    """Let readers see what a published run intended and nothing else; safe to repeat after a crash."""
    prepared = project / EXPORTS / STAGING / run_id
    if (intended := prepared / INTENDED).exists():
        show_exports(project, run_id)
        withdraw_exports(project, keep=json.loads(intended.read_text(encoding="utf-8")))
        shutil.rmtree(prepared)


def withheld_exports(run: Run) -> list[str]:
    """What the publishing step withheld, in this run or in the earlier one whose result still holds."""
    return [text for step in run.record.steps for text in step.withheld]


def show_exports(project: Path, run_id: str) -> None:
    """Move a published run's prepared exports to where readers look; safe to repeat after a crash."""
    prepared = project / EXPORTS / STAGING / run_id
    if not prepared.is_dir():
        return
    for manifest in sorted(prepared.rglob(MANIFEST_NAME)):
        source = manifest.parent
        target = project / EXPORTS / source.relative_to(prepared)
        if target.exists():
            _take_away(target, project)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _take_away(folder: Path, project: Path) -> None:
    """Remove an export from where readers look, in one step: half of one is never seen, nor left behind."""
    hidden = project / EXPORTS / STAGING / f"taken-{folder.parent.name}-{folder.name}"
    hidden.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(hidden, ignore_errors=True)
    folder.replace(hidden)
    shutil.rmtree(hidden)


def exported_rows(project: Path, digests: Mapping[str, str]) -> dict[str, int]:
    """Rows that a release exported, by audience, from the visible manifests that it names."""
    rows: dict[str, int] = {}
    for name, digest in digests.items():
        manifest = project / EXPORTS / name / MANIFEST_NAME
        text = manifest.read_text(encoding="utf-8") if manifest.exists() else ""
        if manifest_digest(text) == digest:
            content = json.loads(text)
            rows[content["audience"]] = rows.get(content["audience"], 0) + int(content["rows"])
    return rows


def withdraw_exports(project: Path, *, keep: Mapping[str, str]) -> None:
    """Take visible exports away whose manifest is not one of `keep`: nobody who withdrew a consent stays in a file."""
    root = project / EXPORTS
    for manifest in sorted(root.glob(f"*/*/{MANIFEST_NAME}")):
        name = str(manifest.parent.relative_to(root))
        if keep.get(name) != manifest_digest(manifest.read_text(encoding="utf-8")):
            _take_away(manifest.parent, project)
