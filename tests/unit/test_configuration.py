"""Layers of the configuration, its faults in words, and secrets that no message shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from habitue.config.layers import deep_merge
from habitue.config.project import load_settings
from habitue.config.settings import Settings
from habitue.errors import ConfigError, ExitCode, UsageError
from habitue.identity.settings import IdentitySettings

REPOSITORY = Path(__file__).parent.parent.parent

SECRET = "correct-horse-battery-staple"

AUDIENCE = """\
audience: sleepers
description: Silent for long.
use_case:
  problem: They leave.
  goal: {metric: reorder_rate, target: 0.2}
  approach: Write to them.
  test: Holdout.
where: {field: lifecycle_stage, eq: dormant}
"""


def project(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A project with these files below conf/."""
    for name, text in ({"base.yaml": "project: {name: shop}\n"} | dict(files or {})).items():
        file = folder / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, *, env: str = "local", **variables: str) -> Settings:
    return load_settings(folder, env=env, variables=variables)


def problems(folder: Path, *assignments: str, env: str = "local", **variables: str) -> list[str]:
    """The problems that loading lists."""
    with pytest.raises(ConfigError) as caught:
        load_settings(folder, env=env, assignments=assignments, variables=variables)
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    return list(caught.value.problems)


# Layers


def test_each_layer_wins_over_the_ones_below_it(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {
            "base.yaml": "session: {gap_minutes: 10, engaged_views: 3, engaged_cap_seconds: 60}\nlake: {path: base}\n",
            "prod.yaml": "session: {gap_minutes: 20}\nlake: {path: prod}\n",
        },
    )
    variables = {"HABITUE_SESSION__GAP_MINUTES": "40", "HABITUE_LAKE__PATH": "variable"}
    settings = load_settings(folder, env="prod", assignments=["session.gap_minutes=50"], variables=variables)
    assert settings.session.gap_minutes == 50
    assert settings.lake.path == "variable"
    assert settings.session.engaged_views == 3
    assert load(folder, env="prod").session.gap_minutes == 20
    assert load(folder).session.gap_minutes == 10


def test_an_environment_wins_over_the_files_of_single_sections(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {"economics.yaml": "margin: 0.2\norder_cost: 3\n", "prod.yaml": "economics: {margin: 0.3}\n"},
    )
    assert load(folder).economics.margin == 0.2
    assert load(folder, env="prod").economics.margin == 0.3
    assert load(folder, env="prod").economics.order_cost == 3


def test_an_environment_may_add_to_a_shipped_audience(tmp_path: Path) -> None:
    export = "audiences: {sleepers: {export: [{to: csv, channel: email}]}}\n"
    folder = project(tmp_path, {"audiences/sleepers.yaml": AUDIENCE, "prod.yaml": export})
    assert load(folder).audiences["sleepers"].export == ()
    assert [t.channel for t in load(folder, env="prod").audiences["sleepers"].export] == ["email"]


def test_mappings_are_merged_and_lists_are_replaced() -> None:
    lower = {"a": {"x": 1, "y": [1, 2]}, "b": {"z": 1}}
    assert deep_merge(lower, {"a": {"y": [3]}, "b": None}) == {"a": {"x": 1, "y": [3]}, "b": None}
    assert lower == {"a": {"x": 1, "y": [1, 2]}, "b": {"z": 1}}


def test_who_sets_one_limit_by_type_keeps_those_of_the_other_types(tmp_path: Path) -> None:
    limits = load_settings(
        project(tmp_path), assignments=["identity.owners_per_value.phone=3"], variables={}
    ).identity.owners_per_value
    assert limits == IdentitySettings().owners_per_value | {"phone": 3}


def test_purposes_and_channels_are_a_companys_own_lists(tmp_path: Path) -> None:
    consent = "purposes: {news: Our newsletter.}\nchannels: {email: {address: email, legal_basis: opt_in}}\n"
    settings = load(project(tmp_path, {"consent.yaml": consent}))
    assert list(settings.consent.purposes) == ["news"] and list(settings.consent.channels) == ["email"]


def test_names_that_another_section_defines_are_checked(tmp_path: Path) -> None:
    base = """\
session: {visitor_types: [cookie, anonymous_id], login_types: [emial]}
identity: {attribution: {backfill_purpose: profilling}}
"""
    assert problems(project(tmp_path, {"base.yaml": base})) == [
        "conf/base.yaml line 1: session.visitor_types: cookie is not a type of identifier",
        "conf/base.yaml line 1: session.login_types: emial is not a type of identifier; did you mean email?",
        "conf/base.yaml line 2: identity.attribution.backfill_purpose: profilling is not a purpose in consent.purposes; "
        "did you mean profiling?",
    ]


def test_variables_without_two_underscores_are_no_settings(tmp_path: Path) -> None:
    settings = load(project(tmp_path), HABITUE_ACCEPT="1", OTHER__THING="1", HABITUE_HOLDOUT__SHARE="0.1")
    assert settings.holdout.share == 0.1


def test_an_assignment_may_hold_a_list_or_an_equals_sign(tmp_path: Path) -> None:
    settings = load_settings(
        project(tmp_path),
        assignments=["session.visitor_types=[anonymous_id]", "spark.extra={a.b: c=d}"],
        variables={},
    )
    assert settings.session.visitor_types == ("anonymous_id",)
    assert settings.spark.extra == {"a.b": "c=d"}


@pytest.mark.parametrize("assignment", ["session.gap_minutes", "=20", "session.gap_minutes 20"])
def test_an_assignment_without_key_or_value_is_a_wrong_use(tmp_path: Path, assignment: str) -> None:
    with pytest.raises(UsageError, match="expected KEY=VALUE"):
        load_settings(project(tmp_path), assignments=[assignment], variables={})


def test_the_example_project_is_valid() -> None:
    settings = load(REPOSITORY)
    assert {"churn_prevention", "top_clv", "holdout_global"} <= set(settings.audiences)
    assert settings.audiences["churn_prevention"].export


# Faults


def test_an_unknown_key_is_named_with_file_line_and_nearest_name(tmp_path: Path) -> None:
    folder = project(tmp_path, {"base.yaml": "project:\n  name: shop\nsession:\n  gap_minuts: 20\n"})
    assert problems(folder) == [
        "conf/base.yaml line 4: session.gap_minuts: is not a known key; did you mean gap_minutes?"
    ]


def test_an_unknown_key_far_from_all_others_lists_what_is_known(tmp_path: Path) -> None:
    folder = project(tmp_path, {"economics.yaml": "zzz: 1\n"})
    [problem] = problems(folder)
    assert problem.startswith(
        "conf/economics.yaml line 1: economics.zzz: is not a known key; known here: contact_"
    )


def test_nearest_names_are_found_inside_mappings_and_lists(tmp_path: Path) -> None:
    wrong = (
        AUDIENCE + "requires: {purpse: marketing}\nexport:\n  - {to: csv, chanel: email, channel: email}\n"
    )
    folder = project(tmp_path, {"audiences/sleepers.yaml": wrong})
    assert problems(folder) == [
        "conf/audiences/sleepers.yaml line 11: audiences.sleepers.export.0.chanel: is not a known key; "
        "did you mean channel?",
        "conf/audiences/sleepers.yaml line 9: audiences.sleepers.requires.purpse: is not a known key; "
        "did you mean purpose?",
    ]


def test_unknown_types_of_identifiers_and_columns_of_person_records_are_refused(tmp_path: Path) -> None:
    fields = "[{column: given_nme, comparison: name, role: given}, {column: city, comparison: text, role: address}]"
    wrong = f"identity:\n  per_person: {{emial: 3}}\n  matching: {{fields: {fields}, swaps: []}}\n"
    assert problems(project(tmp_path, {"base.yaml": wrong})) == [
        "conf/base.yaml line 1: identity: per_person.emial: is not a type of identifier; did you mean email?; "
        "matching.fields: given_nme is not a column of person records; did you mean given_name?"
    ]


def test_an_unknown_section_or_model_is_found_where_it_stands(tmp_path: Path) -> None:
    folder = project(
        tmp_path, {"base.yaml": "sesion: {gap_minutes: 1}\n", "models/chrn.yaml": "horizon_days: 91\n"}
    )
    assert problems(folder) == [
        "conf/models/chrn.yaml line 1: models.chrn: is not a known key; did you mean churn?",
        "conf/base.yaml line 1: sesion: is not a known key; did you mean session?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "session: {gap_minutes: soon}",
            "session.gap_minutes: expected a whole number, found the text 'soon'",
        ),
        ("session: {gap_minutes: 1.5}", "session.gap_minutes: expected a whole number, found the number 1.5"),
        ("session: {gap_minutes: 0}", "session.gap_minutes: expected 1 or more, found the number 0"),
        ("session: 5", "session: expected keys with values, found the number 5"),
        ("session: {visitor_types: email}", "session.visitor_types: expected a list, found the text 'email'"),
        ("session: {visitor_types: []}", "session.visitor_types: expected at least 1 entries, found a list"),
        ("holdout: {share: null}", "holdout.share: expected a number, found nothing"),
        ("holdout: {share: 1}", "holdout.share: expected less than 1, found the number 1"),
        (
            "project: {country: NO}",
            "project.country: expected a text (quotes make it one), found the truth value false",
        ),
        (
            "project: {name: 2024}",
            "project.name: expected a text (quotes make it one), found the number 2024",
        ),
        (
            "project: {zone: Berlin}",
            "project.zone: Berlin is not a known time zone; expected a name like Europe/Berlin or UTC",
        ),
        (
            "consent: {channels: {email: {address: fax}}}",
            "consent.channels.email.address: expected 'email', 'phone', 'postal', 'device_id' or "
            "'customer_number', found the text 'fax'",
        ),
    ],
)
def test_a_wrong_value_is_told_as_expected_and_found(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(project(tmp_path, {"base.yaml": text})) == [f"conf/base.yaml line 1: {problem}"]


def test_the_alternatives_of_a_value_make_one_problem(tmp_path: Path) -> None:
    mapping = "source: shop\nadapter: segment\npath: x\noptions:\n  delimiter: [a]\n"
    [problem] = problems(project(tmp_path, {"sources/shop.yaml": mapping}))
    assert problem == (
        "conf/sources/shop.yaml line 5: sources.shop.options.delimiter: expected a text or true or false or "
        "a whole number, found a list"
    )


def test_a_missing_key_is_named_in_its_file(tmp_path: Path) -> None:
    folder = project(tmp_path, {"audiences/sleepers.yaml": AUDIENCE.replace("audience: sleepers\n", "")})
    assert problems(folder) == [
        "conf/audiences/sleepers.yaml line 1: audiences.sleepers.audience: is missing"
    ]


def test_a_fault_from_a_variable_or_assignment_names_it_and_not_the_file_below(tmp_path: Path) -> None:
    folder = project(tmp_path, {"base.yaml": "session:\n  gap_minutes: 20\n"})
    assert problems(folder, HABITUE_SESSION__GAP_MINUTES="soon") == [
        "the variable HABITUE_SESSION__GAP_MINUTES: session.gap_minutes: expected a whole number, "
        "found the text 'soon'"
    ]
    assert problems(folder, "session.gap_minutes=soon") == [
        "--set session.gap_minutes: session.gap_minutes: expected a whole number, found the text 'soon'"
    ]


def test_a_fault_of_an_environment_names_its_file(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {"base.yaml": "session: {gap_minutes: 20}\n", "prod.yaml": "\n\nsession: {gap_minutes: -1}\n"},
    )
    [problem] = problems(folder, env="prod")
    assert problem.startswith("conf/prod.yaml line 3: session.gap_minutes: expected 1 or more")


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path, {"base.yaml": "lake:\n  path: a\n  keep_releases: 3\n  path: b\n"})
    assert problems(folder) == [
        "conf/base.yaml line 4: lake.path is given twice (first: conf/base.yaml line 2)"
    ]


def test_two_files_of_the_base_layer_may_not_give_the_same_key(tmp_path: Path) -> None:
    folder = project(
        tmp_path, {"base.yaml": "economics: {margin: 0.3}\n", "economics.yaml": "\nmargin: null\n"}
    )
    assert problems(folder) == [
        "conf/economics.yaml line 2: economics.margin is given twice (also: conf/base.yaml line 1)"
    ]


def test_the_file_that_a_shell_makes_for_a_mapping_to_come_defines_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, {"sources/orders.yaml": ""})
    assert load(folder).sources == {}


def test_files_that_would_be_passed_over_are_named(tmp_path: Path) -> None:
    folder = project(tmp_path, {"sources/shop.yml": "source: shop\n", "audience/sleepers.yaml": AUDIENCE})
    assert problems(folder) == [
        "conf/sources/shop.yml: is not read; name it shop.yaml",
        "conf/audience: is not read; folders here: sources, models, audiences",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lake: {path: a\nspark: 1\n", "conf/base.yaml line 2: not valid YAML: "),
        ("lake:\n\tpath: a\n", "conf/base.yaml line 2: not valid YAML: "),
        ("- a\n- b\n", "conf/base.yaml: expected keys with values, found a list"),
        (
            "spark:\n  extra: {on: 1}\n",
            "conf/base.yaml line 2: spark.extra.on: keys are texts; put quotes around",
        ),
        ("spark: &a\n  extra: *a\n", "conf/base.yaml line 1: refers to itself"),
        (
            "lake: !!python/object:os.system {}\n",
            "conf/base.yaml line 1: not valid YAML: could not determine a",
        ),
        ("lake: {path: 2024-02-31}\n", "conf/base.yaml: not valid YAML: "),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    [found] = problems(project(tmp_path, {"base.yaml": text}))
    assert found.startswith(problem)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "conf" / "base.yaml").write_bytes("project: {name: Käse}\n".encode("cp1252"))
    assert problems(folder) == ["conf/base.yaml: expected text in UTF-8"]


def test_all_problems_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    broken = project(
        tmp_path / "broken", {"base.yaml": "a: [\n", "consent.yaml": "b: {\n", "economics.yaml": "- 1\n"}
    )
    assert len(problems(broken)) == 3
    wrong = project(
        tmp_path / "wrong",
        {"base.yaml": "lake: {pth: a}\nsession: {gap_minutes: x}\n", "economics.yaml": "margin: 2\n"},
    )
    assert len(problems(wrong, "holdout.share=3")) == 4


def test_an_audience_with_an_unknown_field_is_named_with_file_and_line(tmp_path: Path) -> None:
    wrong = AUDIENCE.replace("lifecycle_stage", "lifecycle_stge") + "rank_by: no_such_figure\n"
    found = problems(project(tmp_path, {"audiences/sleepers.yaml": wrong}))
    assert [problem.split(": ")[0] for problem in found] == [
        "conf/audiences/sleepers.yaml line 8",
        "conf/audiences/sleepers.yaml line 9",
    ]
    assert "lifecycle_stage" in found[0]


def test_audiences_that_refer_to_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    files = {
        f"audiences/{name}.yaml": AUDIENCE.replace("sleepers", name).replace(
            "{field: lifecycle_stage, eq: dormant}", f"{{audience: {other}}}"
        )
        for name, other in (("first", "second"), ("second", "first"))
    }
    [problem] = problems(project(tmp_path, files))
    assert (
        problem.startswith("conf/audiences/")
        and " line 8: where: audiences refer to each other in a circle" in problem
    )


def test_a_folder_without_configuration_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="habitue init DIR"):
        load(tmp_path)


def test_an_environment_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="conf/prod.yaml is missing"):
        load(project(tmp_path), env="prod")


# Secrets


def pepper(folder: Path, reference: str) -> bytes:
    settings = load_settings(folder, assignments=[f"privacy.pepper={reference}"], variables={})
    return settings.privacy.pepper_bytes(folder)


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path)
    monkeypatch.setenv("SHOP_PEPPER", f" {SECRET}\n")
    (folder / "pepper").write_text(f"{SECRET}\n")
    assert pepper(folder, "${env:SHOP_PEPPER}") == SECRET.encode()
    assert pepper(folder, "${file:pepper}") == SECRET.encode()
    assert pepper(folder, f"${{file:{folder / 'pepper'}}}") == SECRET.encode()


def test_a_missing_or_empty_secret_stops_and_names_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path)
    (folder / "empty").write_text(" \n")
    monkeypatch.setenv("EMPTY", " ")
    for reference, message in {
        "${env:NOT_SET}": "variable NOT_SET is not set",
        "${env:EMPTY}": "variable EMPTY is not set",
        "${file:not/there}": "file not/there cannot be read",
        "${file:empty}": "file empty is empty",
    }.items():
        with pytest.raises(ConfigError, match=message) as caught:
            pepper(folder, reference)
        assert caught.value.exit_code == ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    "text",
    [
        f"privacy: {{pepper: {SECRET}}}",
        f"privacy: {{pepper: [{SECRET}]}}",
        f"mlflow: {{tracking_uri: [http://me:{SECRET}@host]}}",
        f"mlflow: {{timeout_seconds: {SECRET}}}",
        f"spark: {{extra: {{fs.s3a.secret.key: [{SECRET}]}}}}",
        f"spark: {SECRET}",
        f"privacy: {{pepper: '${{env:{SECRET}'}}",
    ],
)
def test_no_message_shows_what_may_be_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(project(tmp_path, {"base.yaml": text}))
    assert caught.value.problems
    assert SECRET not in str(caught.value)


def test_an_assignment_that_cannot_be_read_shows_no_value(tmp_path: Path) -> None:
    for assignment in (f"={SECRET}", f"privacy.pepper=[{SECRET}"):
        with pytest.raises((ConfigError, UsageError)) as caught:
            load_settings(project(tmp_path), assignments=[assignment], variables={})
        assert SECRET not in str(caught.value)
