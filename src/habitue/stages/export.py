"""Exports: files and manifests for the audiences that ask for them, staged until the release is published."""

from __future__ import annotations

import csv
import hashlib
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.activation.clear_contacts import NAME_COLUMNS, clear_identifiers, clear_records
from habitue.activation.csv_export import CSV_OPTIONS, export_columns, export_rows, file_rows
from habitue.activation.guards import reasons_to_withhold
from habitue.activation.manifest import MANIFEST_NAME, ExportFile, manifest_digest, manifest_text
from habitue.audiences.definition import Audience, ExportTarget
from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import AUDIENCE_MEMBER, CUSTOMER_SCORE, RELEASE
from habitue.contracts.entities import CONSENT
from habitue.contracts.intake import IDENTIFIER, PERSON_RECORD
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.identity.record_owner import with_person_now
from habitue.job import Run
from habitue.lake.location import spark_path
from habitue.lake.release import releases
from habitue.lake.whole_file import write_whole
from habitue.privacy.consent import Address, granted_addresses
from habitue.stages.evidence import removed_addresses
from habitue.stages.target import day_slice, defined_audiences, has_consent_source, released_members

EXPORTS, STAGING = "exports", ".staging"


@dataclass(frozen=True)
class Sizes:
    """How many members each audience has and can reach per channel, and had when an export of it last went out."""

    members: dict[str, int]
    previous: dict[str, int]  # by the export's name
    reachable: dict[tuple[str, str], int]


def outdated(run: Run) -> list[str]:
    """Audiences whose data have become too old to be exported: the days that pass change that, where nothing else does."""
    age = (run.now.date() - run.as_of).days
    limits = {a.name: a.definition.guard.max_age_days for a in defined_audiences(run) if a.definition.export}
    return sorted(name for name, limit in limits.items() if limit is not None and age > limit)


def stage_exports(run: Run) -> dict[str, str]:
    """Digest of each export's manifest by `<platform>_<channel>/<audience>`; guards hold single exports back.

    Files lie under `<project>/exports/.staging/<run_id>` until the release is published. Nothing of an
    earlier attempt of this run stays.
    """
    folder = run.project / EXPORTS / STAGING / run.run_id
    shutil.rmtree(folder, ignore_errors=True)
    wanted = [
        (audience, target) for audience in defined_audiences(run) for target in audience.definition.export
    ]
    if not wanted:
        return {}
    sizes, is_sourced = _sizes(run, [_name(*each) for each in wanted]), has_consent_source(run)
    digests = {}
    for audience, target in wanted:
        name = _name(audience, target)
        if reasons := _reasons_to_withhold(run, audience, target, sizes, is_sourced):
            _withhold(run, audience, target, reasons)
            continue
        files = math.ceil(
            sizes.reachable[audience.name, target.channel] / run.settings.activation.rows_per_file
        )
        promised = sizes.reachable[audience.name, target.channel]
        digest, rows = _stage(run, audience, target, folder / name, max(1, files))
        if rows < min(promised, audience.definition.guard.min_size):
            shutil.rmtree(folder / name)
            _withhold(run, audience, target, [_too_few_written(audience, promised, rows)])
            continue
        if rows < promised:
            run.note(
                f"export {name}: {promised - rows:,} of {promised:,} have no full address and are left out"
            )
        digests[name] = digest
    return digests


def _withhold(run: Run, audience: Audience, target: ExportTarget, reasons: Sequence[str]) -> None:
    """Keep one export back and say why; everything else is published."""
    headline = f"The export of {audience.name} to {target.to} through {target.channel} is withheld:"
    run.step.withheld.append("\n".join([headline, *(f"  - {reason}" for reason in reasons)]))
    run.note(f"export {_name(audience, target)} is withheld")


def _name(audience: Audience, target: ExportTarget) -> str:
    return f"{target.to}_{target.channel}/{audience.name}"


def _too_few_written(audience: Audience, promised: int, rows: int) -> str:
    return (
        f"{promised:,} exportable, {rows:,} rows written, fewer than guard.min_size "
        f"{audience.definition.guard.min_size:,}; the others have no full address, or the files did not arrive"
    )


def _reasons_to_withhold(
    run: Run, audience: Audience, target: ExportTarget, sizes: Sizes, is_sourced: bool
) -> list[str]:
    return reasons_to_withhold(
        audience,
        target,
        run.settings.consent,
        reachable=sizes.reachable.get((audience.name, target.channel), 0),
        members=sizes.members.get(audience.name, 0),
        previous_members=sizes.previous.get(_name(audience, target)),
        has_consent_source=is_sourced,
        age_days=(run.now.date() - run.as_of).days,
    )


def _sizes(run: Run, names: Sequence[str]) -> Sizes:
    members = day_slice(run, AUDIENCE_MEMBER)
    channels = members.select("audience", F.explode("channels").alias("channel"))
    counted = channels.groupBy("audience", "channel").count().collect()
    return Sizes(
        members=_by_audience(members),
        previous=_last_sent(run, names),
        reachable={(row["audience"], row["channel"]): row["count"] for row in counted},
    )


def _last_sent(run: Run, names: Sequence[str]) -> dict[str, int]:
    """Members of the audience of each export in the last release of another day that sent it.

    What was held back is no measure: the day after, it would let go what nobody has looked at.
    """
    known = releases(run.lake.read(RELEASE), run.settings.lake.keep_releases)
    by_id = {release.release_id: release for release in known}
    sent: dict[str, list[str]] = {}
    for name in names:
        # later releases, of an older day or after a rollback, carry on what they did not send
        first = {release.export_digests[name]: release for release in known if name in release.export_digests}
        last = next((r.release_id for r in first.values() if r.as_of_date != run.as_of), None)
        if last is not None:
            sent.setdefault(last, []).append(name)
    found: dict[str, int] = {}
    for key, exports in sent.items():
        sizes = _by_audience(released_members(run, by_id[key]))
        found |= {name: sizes.get(name.rpartition("/")[2], 0) for name in exports}
    return found


def _by_audience(members: DataFrame) -> dict[str, int]:
    return {row["audience"]: row["count"] for row in members.groupBy("audience").count().collect()}


def _stage(run: Run, audience: Audience, target: ExportTarget, folder: Path, files: int) -> tuple[str, int]:
    """Write one export and, when all its files lie there, its manifest; digest of that and rows written."""
    # read
    address = run.settings.consent.channels[target.channel].address
    columns = export_columns(target, address)
    members = day_slice(run, AUDIENCE_MEMBER).where(F.col("audience") == audience.name)
    persons = day_slice(run, CUSTOMER_PROFILE).join(
        day_slice(run, CUSTOMER_SCORE).drop("as_of_date"), "person_id", "left"
    )
    # transform
    rows = export_rows(members, _contacts(run, audience, target, address), persons, channel=target.channel)
    table = file_rows(rows, columns, address=address, files=files)
    # write
    table.write.mode("overwrite").options(**CSV_OPTIONS).csv(spark_path(folder))
    parts = name_parts(folder, audience.name)
    text = manifest_text(audience, target, run_id=run.run_id, as_of=run.as_of, columns=columns, files=parts)
    write_whole(folder / MANIFEST_NAME, text)
    rows_written = sum(part.rows for part in parts)
    run.count(f"exported_{target.to}_{target.channel}_{audience.name}", rows_written)
    return manifest_digest(text), rows_written


def _contacts(run: Run, audience: Audience, target: ExportTarget, address: Address) -> list[DataFrame]:
    vault, identity_map = run.lake.read(IDENTIFIER), run.lake.read(IDENTITY_MAP)
    types = (
        dict.fromkeys(("customer_number", address.value))
        if address is not Address.POSTAL
        else ("customer_number",)
    )
    removed = removed_addresses(run)
    granted = granted_addresses(
        run.lake.read(CONSENT),
        address,
        purpose=audience.definition.requires.purpose,
        channel=target.channel,
        at=run.now,
    )
    contacts = [clear_identifiers(vault, identity_map, removed, id_type, granted) for id_type in types]
    is_postal = address is Address.POSTAL
    if is_postal or set(target.fields) & set(NAME_COLUMNS):
        people = run.lake.read(PERSON_RECORD)
        owned = with_person_now(people, identity_map, settings=run.settings.identity)
        records = clear_records(owned, with_address=is_postal)
        contacts.append(records if is_postal else records.select("person_id", *NAME_COLUMNS))
    return contacts


def name_parts(folder: Path, audience: str) -> list[ExportFile]:
    """Give Spark's part files lasting names, drop its own side files, and describe each."""
    parts = sorted(folder.glob("part-*.csv"))
    for stray in [*folder.glob("_*"), *folder.glob(".*")]:
        stray.unlink()
    described = []
    for position, part in enumerate(parts, start=1):
        name = f"{audience}.csv" if len(parts) == 1 else f"{audience}-{position:04d}.csv"
        described.append(describe_file(part.rename(folder / name)))
    return described


def describe_file(file: Path) -> ExportFile:
    """Rows, size and digest of a file as it lies on disk."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    with file.open(encoding="utf-8", newline="") as text:
        rows = sum(1 for _ in csv.reader(text)) - 1
    return ExportFile(file.name, rows, file.stat().st_size, digest.hexdigest())
