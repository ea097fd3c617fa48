"""Go back to an earlier release: all table heads, and the exports that belong to it."""

from __future__ import annotations

from dataclasses import replace

from habitue.contracts.decision import RELEASE
from habitue.lake.commit import CommitNote
from habitue.lake.release import Release, find_release, roll_back
from habitue.pipeline.execute import Request, opened, writing
from habitue.stages.publish import complete_exports, intend_exports


def roll_back_to(request: Request, release_id: str) -> Release:
    """Restore the tables of `release_id` and publish that as a new release.

    Export files of later releases are withdrawn; those of the restored release come
    back with the next run, since an export always uses the consent of its own time.
    """
    with opened(request) as run, writing(run) as lease:
        target = find_release(run.lake.read(RELEASE), release_id, kept=run.settings.lake.keep_releases)
        run.lake.note = CommitNote(run_id=run.run_id, step="rollback", fencing_token=lease.token)
        as_new = replace(
            target,
            release_id=run.run_id,
            published_at=run.now,
            fencing_token=lease.token,
            rolled_back_to=release_id,
        )
        intend_exports(run.project, run.run_id, target.export_digests)
        done = roll_back(run.lake, target, as_new)
        complete_exports(run.project, run.run_id)
        return done
