"""The reference of all settings in docs/configuration.md is current and says what each one means."""

from __future__ import annotations

from pathlib import Path

from habitue.config.reference import reference, settings_of, with_reference
from habitue.config.settings import Settings

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"


def test_the_page_holds_the_settings_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_reference(page) == page, "call: python -m habitue.config.reference"


def test_every_setting_says_what_it_means() -> None:
    silent = [
        setting.key for setting in settings_of(Settings) if not setting.meaning and setting.key != "sources"
    ]
    assert [key for key in silent if key not in ("audiences",)] == []


def test_the_reference_reaches_every_section_and_depth() -> None:
    found = {setting.key: setting for setting in settings_of(Settings)}
    assert {key.split(".")[0] for key in found} == set(Settings.model_fields)
    assert found["audiences.NAME.export[].channel"].default == "required"
    assert found["session.gap_minutes"].kind == "whole number, 1 or more and 1440 or less"
    assert found["consent.channels.NAME.legal_basis"].kind == "opt_in, existing_customer, legitimate_interest"


def test_defaults_are_those_of_the_place_and_not_of_the_class() -> None:
    found = {setting.key: setting.default for setting in settings_of(Settings)}
    assert found["models.churn.booster.rounds"] == f"`{Settings().models.churn.booster.rounds}`"
    assert found["models.clv.booster.rounds"] == f"`{Settings().models.clv.booster.rounds}`"
    assert found["models.clv.booster.rounds"] != found["models.churn.booster.rounds"]


def test_no_cell_breaks_its_table() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {5}
