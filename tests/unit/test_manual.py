"""The manual: its links lead somewhere, its examples are valid, every stage and exit code has its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from habitue.config.settings import Settings
from habitue.contracts.entities import ENTITIES
from habitue.errors import ExitCode
from habitue.pipeline.span import STAGES
from habitue.sources.fields import ONE_OF, REQUIRED
from habitue.sources.settings import SourceSettings

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("*.md"), ROOT / "CHANGELOG.md", ROOT / "README.md"]
)
TEMPLATE = ROOT / "src" / "habitue" / "config" / "template" / "conf"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    lost = [t for t in targets if not t.startswith("https:") and not (page.parent / t).exists()]
    assert lost == []


def test_every_stage_has_its_page() -> None:
    assert {page.stem for page in (DOCS / "stages").glob("*.md")} == set(STAGES)


def test_every_exit_code_is_explained() -> None:
    page = (DOCS / "guarantees.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE))
    of_others = {"1", "130"}  # of a program that was started, and of Ctrl-C
    assert explained == {str(int(code)) for code in ExitCode} | of_others


@pytest.mark.parametrize(
    "page", [DOCS / "mapping.md", TEMPLATE / "sources" / "README.md"], ids=lambda page: page.name
)
def test_the_example_mapping_is_valid(page: Path) -> None:
    example = re.search(r"```yaml\n(# conf/sources.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert example is not None
    source = SourceSettings.model_validate(yaml.safe_load(example[1]))
    assert source.entity == "order_line"
    assert source.mapped["order_time"].format == "dd.MM.yyyy HH:mm"


def test_the_manual_of_mappings_names_what_each_entity_requires() -> None:
    page = (DOCS / "mapping.md").read_text(encoding="utf-8")
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, flags=re.MULTILINE)}
    for entity in ENTITIES:
        stated = set(re.findall(r"\w+", rows[entity]))
        needed = {name.removesuffix("_time") if name == "start_time" else name for name in REQUIRED[entity]}
        assert needed | set(ONE_OF.get(entity, ())) <= stated, entity


def test_defaults_in_the_stage_pages_are_those_of_the_settings() -> None:
    settings = Settings()
    stated = {
        "sessionize": {"gap_minutes": settings.session.gap_minutes, "engaged_cap_seconds": settings.session.engaged_cap_seconds},
        "resolve": {"cluster_limit": settings.identity.cluster_limit, "attribution.backfill_days": settings.identity.attribution.backfill_days},
        "profile": {"rfm_scores": settings.profile.rfm_scores, "lifecycle.evaluating_days": settings.profile.lifecycle.evaluating_days},
        "train": {"horizon_days": settings.models.churn.horizon_days, "min_buyers": settings.models.churn.min_buyers},
        "publish": {"lake.keep_releases": settings.lake.keep_releases},
    }  # fmt: skip
    for stage, defaults in stated.items():
        page = (DOCS / "stages" / f"{stage}.md").read_text(encoding="utf-8")
        for key, value in defaults.items():
            assert f"| `{key}` | {value} |" in page, (stage, key)
