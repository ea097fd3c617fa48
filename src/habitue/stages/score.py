"""Score: every person of the day's profile, by the champions, in one parallel pass."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from habitue.contracts.behaviour import IDENTITY_MAP
from habitue.contracts.decision import CUSTOMER_SCORE
from habitue.contracts.entities import CONSENT
from habitue.contracts.profile import CUSTOMER_PROFILE
from habitue.job import Run
from habitue.privacy.consent import PROFILING, current_consent, objectors
from habitue.scoring.score import Batch, score_customers
from habitue.scoring.scoring_models import ModelPayload, ScoringModels


def score(run: Run) -> None:
    """Bring the day's slice of gold.customer_score to what the champions say."""
    # read
    profile = run.lake.read(CUSTOMER_PROFILE).where(F.col("as_of_date") == F.lit(run.as_of))
    models = ScoringModels(_payload(run, "churn"), _payload(run, "clv"))
    objected = _objected(run)
    # transform
    scores = score_customers(
        profile,
        models=models,
        batch=Batch(run.as_of, run.run_id),
        settings=run.settings.economics,
        checkpoint=run.lake.checkpoint,
        objected=objected,
    )
    # write
    run.lake.replace_day(CUSTOMER_SCORE, scores, as_of=run.as_of)


def _objected(run: Run) -> DataFrame | None:
    """Who objects to profiling as of now, and not only as of the profile's day; None where nobody said anything."""
    if run.lake.is_empty(CONSENT):
        return None
    settings = run.settings.consent
    # whoever objects to a purpose that is not known objects to all, to this one too where it is not listed
    every = settings.model_copy(update={"purposes": {PROFILING: "", **settings.purposes}})
    consent = current_consent(
        run.lake.read(CONSENT),
        run.lake.read(IDENTITY_MAP),
        every,
        at=run.now,
        identity=run.settings.identity,
    )
    return run.lake.checkpoint(objectors(consent, PROFILING))


def _payload(run: Run, name: str) -> ModelPayload | None:
    """The model that may score the day; None, and a finding, where none could ever be trained."""
    version = run.registry.usable(name, run.as_of)
    if version is None:
        run.note(f"There is no {name} model yet: its scores stay empty.")
        return None
    payload = ModelPayload.of(run.registry.load(version).model, version.version)
    run.count(f"{name}_model_version", version.version)
    if version.flag:
        run.note(f"The {name} model (version {version.version}) is flagged: {version.flag}.")
    return payload
