"""The registry: trained models become versions with all that explains them.

Champions are found and read safely.
"""

from __future__ import annotations

import json
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from habitue.config.mlflow import MlflowSettings
from habitue.errors import ConfigError, DependencyError, UsageError
from habitue.registry.environment import quiet_mlflow
from habitue.registry.model_files import read_model
from habitue.registry.record import LoadedModel, TrainingRecord, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL_NAMES = ("churn", "clv")
REPORT_FOLDER, FILE = "report", "judgement.json"
_DATABASES = ("sqlite", "postgresql", "mysql")
_WITH_TIMEOUT = ("postgresql", "postgresql+psycopg2", "postgresql+psycopg", "mysql+pymysql", "mysql+mysqldb")
"""Databases and drivers that call the longest wait for a connection `connect_timeout`."""
_SETTLED = "settled"  # tag of a version whose registration came to its end


def _check_name(name: str) -> None:
    if name not in MODEL_NAMES:
        raise UsageError(f"There is no model {name}.", [f"models: {', '.join(MODEL_NAMES)}"])


class Registry:
    """Model registry of a project; opened on first use. `name` is `churn` or `clv` throughout."""

    def __init__(self, settings: MlflowSettings, project: Path) -> None:
        self.settings = settings
        self.tracking_uri = settings.store(project)
        self.artifact_root = settings.artifact_root or (project / "mlartifacts").resolve().as_uri()

    @cached_property
    def _client(self) -> MlflowClient:
        quiet_mlflow(self.settings.timeout_seconds)
        self._probe()
        import mlflow

        mlflow.set_tracking_uri(self.tracking_uri)
        mlflow.set_registry_uri(self.tracking_uri)
        with self._reachable():
            return mlflow.MlflowClient(self.tracking_uri)

    @property
    def _prefix(self) -> str:
        """Before the names of models: projects that share a server have an experiment each, and models of their own."""
        return re.sub(r"[^\w.-]+", "-", self.settings.experiment).strip("-") + "-"

    @property
    def is_new(self) -> bool:
        """Whether nothing can have been registered yet: the project's own store does not exist."""
        prefix = "sqlite:///"
        return self.tracking_uri.startswith(prefix) and not Path(self.tracking_uri[len(prefix) :]).exists()

    def ensure_reachable(self) -> None:
        """Stop with a DependencyError where the server does not answer."""
        self._probe()

    def register(self, record: TrainingRecord) -> Version:
        """Log a trained model with everything about it, make it a version, and move the alias as the gate says."""
        client = self._client
        from habitue.registry.training_log import log_training

        with self._reachable():
            version = log_training(
                client, record, self._prefix + record.name, self.settings.experiment, self.artifact_root
            )
            alias = record.verdict.outcome
            if record.moves_alias:
                client.set_registered_model_alias(self._prefix + record.name, alias, version)
            if alias == CHAMPION and record.moves_alias:
                self._drop_alias(client, record.name, CHALLENGER)
            client.set_model_version_tag(self._prefix + record.name, version, _SETTLED, "yes")
            return self._version(client.get_model_version(self._prefix + record.name, version))

    def champion(self, name: str) -> Version | None:
        """The version with the alias `champion`; None where there is none."""
        return self._aliased(name, CHAMPION)

    def versions(self, name: str | None = None) -> list[Version]:
        """All versions of one model or of all, by name, newest first.

        One whose run died before its alias was moved is passed over: it will be trained again.
        """
        if self.is_new:
            return []
        names = MODEL_NAMES if name is None else (name,)
        client = self._client
        with self._reachable():
            found = [
                v
                for n in names
                for v in client.search_model_versions(f"name='{self._prefix}{n}'", max_results=1000)
            ]
            aliases = {n: self._aliases(client, n) for n in names}
        known = [
            self._version(v, aliases[v.name.removeprefix(self._prefix)]) for v in found if _SETTLED in v.tags
        ]
        return sorted(known, key=lambda v: (v.name, -int(v.version)))

    def usable(self, name: str, as_of: date) -> Version | None:
        """The version that may score `as_of`.

        The champion, or the newest former one that had not seen beyond that day.

        None where nothing has ever been registered; refused where everything has seen too much.
        """
        champion = self.champion(name)
        if champion is not None and champion.data_cut <= as_of:
            return champion
        versions = self.versions(name)
        fitting = [v for v in versions if v.outcome == CHAMPION and v.data_cut <= as_of]
        if fitting:
            return max(fitting, key=lambda v: v.age)
        if versions:
            raise self._refusal(name, as_of, champion)
        return None

    def judgement(self, version: Version | None) -> dict[str, Any] | None:
        """Figures and curves of a version's judgement (see `judgement_file`).

        None where it was not judged.
        """
        if version is None or version.measure == "not judged":
            return None
        client = self._client
        with tempfile.TemporaryDirectory(prefix="habitue-judgement-") as folder, self._reachable():
            path = client.download_artifacts(version.run, f"{REPORT_FOLDER}/{FILE}", folder)
            content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return content

    def load(self, version: Version) -> LoadedModel:
        """Read a version's files, as data and only if their digest is the registered one."""
        client = self._client
        import mlflow

        with tempfile.TemporaryDirectory(prefix="habitue-model-") as folder, self._reachable():
            source = client.get_model_version_download_uri(self._prefix + version.name, version.version)
            uri = f"{source.rstrip('/')}/artifacts/model"
            local = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)
            model, digest = read_model(Path(local), version.sha256)
        return LoadedModel(model, version, digest)

    def promote(self, name: str, version: str | int) -> None:
        """Move the alias `champion` by hand, also backwards."""
        _check_name(name)
        known = {found.version for found in self.versions(name)}
        if str(version) not in known:
            raise UsageError(
                f"{name} has no version {version}.", [f"known: {', '.join(sorted(known, key=int)) or 'none'}"]
            )
        with self._reachable():
            self._client.set_registered_model_alias(self._prefix + name, CHAMPION, str(version))

    def rollback(self, name: str) -> str:
        """Give the alias `champion` back to the newest older version that the gate had let through; return its number.

        One that was trained for an earlier day never served and is passed over.
        """
        _check_name(name)
        champion = self.champion(name)
        former = [v for v in self.versions(name) if v.serves and v.outcome == CHAMPION]
        older = [v for v in former if champion is not None and v.age < champion.age]
        if older:
            last = max(older, key=lambda v: v.age)
            self.promote(name, last.version)
            return last.version
        raise UsageError(f"{name} has no earlier champion to go back to.")

    def _aliased(self, name: str, alias: str) -> Version | None:
        if self.is_new:
            return None
        from mlflow.exceptions import MlflowException

        with self._reachable():
            try:
                return self._version(self._client.get_model_version_by_alias(self._prefix + name, alias))
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"):
                    return None
                raise

    def _drop_alias(self, client: MlflowClient, name: str, alias: str) -> None:
        if self._aliased(name, alias) is not None:
            client.delete_registered_model_alias(self._prefix + name, alias)

    def _aliases(self, client: MlflowClient, name: str) -> dict[str, str]:
        """Alias -> version of a registered model; none where it is not registered."""
        found = client.search_registered_models(f"name='{self._prefix}{name}'")
        return {alias: str(version) for model in found for alias, version in model.aliases.items()}

    def _version(self, found: ModelVersion, aliases: Mapping[str, str] | None = None) -> Version:
        tags: dict[str, Any] = found.tags
        missing = [tag for tag in ("data_cut", "sha256", "outcome", "horizon_days") if tag not in tags]
        if missing:
            raise ConfigError(
                f"Version {found.version} of {found.name} was not registered by habitue:",
                [f"tag {tag} is missing" for tag in missing],
                hint="Remove that version or its alias in MLflow, then train again.",
            )
        return Version(
            name=found.name.removeprefix(self._prefix),
            version=str(found.version),
            data_cut=date.fromisoformat(tags["data_cut"]),
            sha256=tags["sha256"],
            outcome=tags["outcome"],
            flag=tags.get("flag", ""),
            horizon_days=int(tags["horizon_days"]),
            config_digest=tags.get("config_digest", ""),
            run=str(found.run_id),
            kind=tags.get("kind", ""),
            measure=tags.get("measure", ""),
            serves=tags.get("serves", "yes") == "yes",
            aliases=tuple(sorted(a for a, number in (aliases or {}).items() if number == str(found.version))),
        )

    def _refusal(self, name: str, as_of: date, champion: Version | None) -> UsageError:
        if champion is None:
            return UsageError(
                f"There is no {name} model to score with.", hint="Train one with `habitue train`."
            )
        return UsageError(
            f"No {name} model may score {as_of:%Y-%m-%d}: the champion (version {champion.version}) "
            f"has seen data up to {champion.data_cut:%Y-%m-%d}.",
            hint=f"Train one that has not: `habitue train --as-of {as_of:%Y-%m-%d}`.",
        )

    def _probe(self) -> None:
        """Ask a server or database whether it is there, once and shortly, before anything else waits for it."""
        if not self.tracking_uri.startswith(("http://", "https://")):
            return self._probe_database()
        try:
            url = f"{self.tracking_uri.rstrip('/')}/health"
            with urllib.request.urlopen(url, timeout=self.settings.timeout_seconds):
                return
        except urllib.error.HTTPError:
            return  # it answers; whether we may use it shows at the first call
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from None

    def _probe_database(self) -> None:
        """MLflow itself would try ten times, for nearly two minutes."""
        scheme = self.tracking_uri.partition("://")[0]
        if scheme.partition("+")[0] not in _DATABASES or self.is_new:
            return
        from sqlalchemy import create_engine
        from sqlalchemy.exc import SQLAlchemyError

        wait = {"connect_timeout": self.settings.timeout_seconds} if scheme in _WITH_TIMEOUT else {}
        try:
            engine = create_engine(self.tracking_uri, connect_args=wait)
            engine.connect().close()
            engine.dispose()
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise self._unreachable(error) from None

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> DependencyError:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        return DependencyError(
            f"The model registry at {_without_secret(self.tracking_uri)} cannot be used.",
            [text],
            hint="Start the server, correct mlflow.tracking_uri, or leave it empty for a local file.",
        )


def _without_secret(uri: str) -> str:
    """The URI without user and password."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}" if separator else uri
