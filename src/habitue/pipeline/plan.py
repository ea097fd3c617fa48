"""The plan of a run: every step with what it reads, what it writes and which settings it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from habitue.config.settings import Settings
from habitue.contracts import behaviour, decision, entities, intake, profile
from habitue.contracts.entities import ENTITIES
from habitue.contracts.tables import TABLES
from habitue.job import Run
from habitue.pipeline.step import Step
from habitue.sources.adapters import TRACKED, fed_entities, sources_of
from habitue.sources.inputs import digest
from habitue.stages.circumstances import ended_decisions
from habitue.stages.evidence import IDENTIFIED
from habitue.stages.export import outdated
from habitue.stages.ingest import ingest_entities, source_inputs, step_name
from habitue.stages.profile import PROFILE_INPUTS
from habitue.stages.profile import profile as profile_stage
from habitue.stages.publish import publish_run
from habitue.stages.resolve import resolve
from habitue.stages.rows_ahead import none_has_come
from habitue.stages.score import score
from habitue.stages.sessionize import sessionize
from habitue.stages.target import target
from habitue.stages.train import champions, champions_are_current, train
from habitue.stages.unfed import clear_entities


def undated_steps(settings: Settings, unfed: Sequence[str] = ()) -> tuple[Step, ...]:
    """Ingest of every mapped entity, sessionize, resolve: they take all that has arrived.

    `unfed` names entities of the lake that no source feeds any more.
    """
    return (
        *(
            Step(step_name(entity), "ingest", marker=ENTITIES[entity], together=clear_entities)
            for entity in unfed
        ),
        *(_ingest(entity) for entity in fed_entities(settings.sources)),
        Step(
            "sessionize", "sessionize", sessionize, behaviour.SESSION, (entities.EVENT,),
            lambda run: [_spell(run.settings.session), run.settings.project.zone],
        ),
        Step(
            "resolve", "resolve", resolve, behaviour.IDENTITY_MAP,
            (
                *(*IDENTIFIED, behaviour.SESSION, behaviour.FORMER_SESSION),
                *(intake.PERSON_RECORD, behaviour.IDENTITY_OVERRIDE),
            ),
            lambda run: [_spell(run.settings.identity), ended_decisions(run)],
        ),
    )  # fmt: skip


def dated_steps(*, with_exports: bool) -> tuple[Step, ...]:
    """Profile, train, score, target and publish: they take a day."""
    return (
        Step(
            "profile", "profile", profile_stage, profile.CUSTOMER_PROFILE, PROFILE_INPUTS,
            lambda run: [
                run.settings.project.meaning,
                *(_spell(section) for section in (run.settings.profile, run.settings.economics, run.settings.identity)),
            ],
        ),
        Step(
            "train", "train", train, depends_on=lambda run: _spell(run.settings.models), current=champions_are_current,
        ),
        Step(
            "score", "score", score, decision.CUSTOMER_SCORE,
            (profile.CUSTOMER_PROFILE, entities.CONSENT, behaviour.IDENTITY_MAP),
            lambda run: [
                *(_spell(section) for section in (run.settings.models, run.settings.economics, run.settings.consent)),
                champions(run),
            ],
        ),
        Step(
            "target", "target", target, decision.AUDIENCE_MEMBER,
            (
                profile.CUSTOMER_PROFILE, decision.CUSTOMER_SCORE, entities.CONSENT, entities.RESPONSE, entities.CONTACT,
                behaviour.IDENTITY_MAP, behaviour.IDENTITY_CHANGE, behaviour.CUSTOMER,
            ),
            lambda run: [_spell(run.settings.audiences), _spell(run.settings.consent), _spell(run.settings.holdout)],
        ),
        Step(
            "publish", "publish", partial(_publish, with_exports=with_exports), decision.RELEASE,
            tuple(table for table in TABLES if table.name != decision.RELEASE.name),
            lambda run: [
                run.as_of.isoformat(), with_exports, _spell(run.settings.activation), outdated(run) if with_exports else [],
            ],
        ),
    )  # fmt: skip


def _ingest(entity: str) -> Step:
    def inputs(run: Run) -> Any:
        settings = run.settings
        digests = []
        for source in sources_of(entity, settings.sources):
            found = source_inputs(source, entity, run.project)
            run.record.note_inputs({f.name: (f.bytes, f.sha256) for i in found for f in i.files})
            digests.append(digest(source, found))
        of_events = (settings.clock, settings.bots, settings.redaction)
        return [
            digests,
            settings.project.zone,
            settings.project.country,
            _spell(settings.identity.email),
            [settings.session.visitor_types, *map(_spell, of_events)] if entity in TRACKED else [],
        ]

    return Step(
        step_name(entity), "ingest", marker=ENTITIES[entity], depends_on=inputs, together=ingest_entities,
        current=lambda run: none_has_come(run, ENTITIES[entity]),
    )  # fmt: skip


def _publish(run: Run, *, with_exports: bool) -> None:
    publish_run(run, with_exports=with_exports)


def _spell(settings: Any) -> Any:
    if isinstance(settings, BaseModel):
        return settings.model_dump(mode="json")
    if isinstance(settings, dict):
        return {key: _spell(value) for key, value in settings.items()}
    return settings
