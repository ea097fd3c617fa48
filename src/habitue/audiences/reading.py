"""Audience files in, checked audiences out, or one error that lists every problem of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from pydantic import ValidationError

from habitue.audiences.definition import Audience, AudienceDefinition, AudienceFile
from habitue.audiences.dependencies import find_cycle, needs
from habitue.audiences.fields import FIELDS, Kind, find_field, nearest, shown
from habitue.audiences.grammar import KeyPath, Report, parse_rule, references
from habitue.errors import ConfigError

VAULT_FIELDS = ("salutation", "title", "given_name", "family_name")
"""Clear columns of the vault that an export may ask for."""


def read_audiences(
    files: Sequence[AudienceFile], *, purposes: Sequence[str], channels: Sequence[str]
) -> tuple[Audience, ...]:
    """All audiences, sorted by name.

    Raises ConfigError with every unknown key or field, type mismatch, unknown purpose or channel, repeated
    name or salt, reference to nowhere, and cycle.
    """
    problems: list[str] = []
    found = [audience for file in files if (audience := _read(file, problems)) is not None]
    places = {file.data.get("audience"): file for file in files if isinstance(file.data.get("audience"), str)}
    for audience in found:
        foreign = (
            *_consent_faults(audience, purposes, channels),
            *_reference_faults(audience, found, places),
        )
        problems += [f"{places[audience.name].place(at)}: {_dotted(at)}: {text}" for at, text in foreign]
    problems += _repeats(found)
    if not problems:
        cycle = find_cycle(needs(found))
        problems += [f"audiences refer to each other in a circle: {' -> '.join(cycle)}"] if cycle else []
    if problems:
        raise ConfigError("The audience definitions are not valid:", list(dict.fromkeys(problems)))
    return tuple(sorted(found, key=lambda audience: audience.name))


def _read(file: AudienceFile, problems: list[str]) -> Audience | None:
    before = len(problems)

    def report(at: KeyPath, problem: str) -> None:
        problems.append(f"{file.place(at)}: {_dotted(at)}: {problem}")

    rule = parse_rule(file.data["where"], report) if "where" in file.data else None
    try:
        definition = AudienceDefinition.model_validate(dict(file.data))
    except ValidationError as error:
        for details in error.errors(include_url=False, include_context=False, include_input=False):
            message = details["msg"].removeprefix("Value error, ")
            if details["type"] == "extra_forbidden":
                message = "is not a known key" + nearest(str(details["loc"][-1]), _keys_of_definition())
            report(tuple(details["loc"]), message)
        return None
    _check_fields(definition, report)
    return None if rule is None or len(problems) > before else Audience(definition, rule, file.name)


def _check_fields(definition: AudienceDefinition, report: Report) -> None:
    rank = find_field(definition.rank_by)
    if isinstance(rank, str):
        report(("rank_by",), rank)
    elif rank.kind is not Kind.NUMBER:
        report(("rank_by",), f"{rank.name} is {rank.kind}; members are ranked by a number")
    for position, target in enumerate(definition.export):
        for name in target.fields:
            if name not in FIELDS and name not in VAULT_FIELDS:
                hint = nearest(name, [*FIELDS, *VAULT_FIELDS])
                report(("export", position, "fields"), f"{shown(name)} is not a field{hint}")


def _consent_faults(
    audience: Audience, purposes: Sequence[str], channels: Sequence[str]
) -> Iterator[tuple[KeyPath, str]]:
    requires = audience.definition.requires
    if requires.purpose not in purposes:
        yield ("requires", "purpose"), _not_in_consent(requires.purpose, "a purpose", purposes)
    for channel in requires.channels or ():
        if channel not in channels:
            yield ("requires", "channels"), _not_in_consent(channel, "a channel", channels)
    for position, target in enumerate(audience.definition.export):
        if target.channel not in channels:
            yield ("export", position, "channel"), _not_in_consent(target.channel, "a channel", channels)
        elif requires.channels is not None and target.channel not in requires.channels:
            yield ("export", position, "channel"), f"{target.channel} is not among requires.channels"


def _not_in_consent(name: str, what: str, known: Sequence[str]) -> str:
    return f"{name} is not {what} of conf/consent.yaml{nearest(name, list(known))}"


def _reference_faults(
    audience: Audience, audiences: Sequence[Audience], names: Container[object]
) -> Iterator[tuple[KeyPath, str]]:
    limited = {a.name for a in audiences if a.definition.limit is not None}
    for reference in dict.fromkeys(references(audience.rule)):
        if reference not in names:
            hint = nearest(reference, [a.name for a in audiences])
            yield ("where",), f"{shown(reference)} is not an audience{hint}"
        elif reference in limited:
            yield ("where",), f"refers to {reference}, which has a limit; repeat its rule or drop the limit"


def _repeats(audiences: Sequence[Audience]) -> list[str]:
    names = Counter(a.name for a in audiences)
    salts = Counter(a.definition.split.salt for a in audiences if a.definition.split)
    problems = []
    for name in (n for n, times in names.items() if times > 1):
        files = _files(a for a in audiences if a.name == name)
        problems.append(f"{files}: the audience {name} is defined more than once")
    for salt in (s for s, times in salts.items() if times > 1):
        files = _files(a for a in audiences if a.definition.split and a.definition.split.salt == salt)
        problems.append(
            f"{files}: split.salt {salt} is used more than once; draws of one salt are not independent"
        )
    return problems


def _files(audiences: Iterable[Audience]) -> str:
    return " and ".join(sorted(audience.file for audience in audiences))


def _keys_of_definition() -> list[str]:
    return list(AudienceDefinition.model_fields)


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path) or "(file)"
