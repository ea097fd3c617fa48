"""Audience definitions in, checked audiences out, or one error that lists every problem of every file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from habitue.audiences.definition import Audience, AudienceDefinition
from habitue.audiences.dependencies import find_cycle, needs
from habitue.audiences.fields import FIELDS, IS_HOLDOUT, Kind, find_field, kind_of, shown
from habitue.audiences.grammar import KeyPath, parse_rule, references
from habitue.audiences.holdout import GLOBAL_HOLDOUT, HoldoutSettings
from habitue.errors import ConfigError, did_you_mean
from habitue.privacy.consent import ConsentSettings

VAULT_FIELDS = ("salutation", "title", "given_name", "family_name")
"""Clear columns of the vault that an export may ask for."""

_NOT_IN_A_CELL = (Kind.TEXTS, Kind.NUMBERS_BY_KEY, Kind.TEXTS_BY_KEY)


def default_place(path: KeyPath) -> str:
    """Where a key of `audiences.<name>` stands, as far as known without line numbers."""
    return f"conf/audiences/{path[1]}.yaml"


def read_audiences(
    definitions: Mapping[str, AudienceDefinition],
    consent: ConsentSettings,
    holdout: HoldoutSettings,
    *,
    place: Callable[[KeyPath], str] = default_place,
) -> tuple[Audience, ...]:
    """All audiences, sorted by name; `definitions` are keyed by the names of their files.

    Raises ConfigError with every unknown field, type mismatch, unknown purpose or channel, repeated salt,
    reference to nowhere, and cycle. `place` turns a key path into a file (and line).
    """
    faults: list[tuple[KeyPath, str]] = []
    found = [
        a for key, definition in definitions.items() if (a := _read(key, definition, faults)) is not None
    ]
    for key, definition in definitions.items():
        faults += [(("audiences", key, *at), text) for at, text in _consent_faults(definition, consent)]
    for audience in found:
        faults += [
            (("audiences", audience.name, *at), t) for at, t in _reference_faults(audience, definitions)
        ]
    faults += _shared_salts(definitions, holdout)
    faults += _limits_before_others(definitions)
    cycle = [] if faults else find_cycle(needs(found))
    if cycle:
        path = ("audiences", cycle[0], "where")
        faults.append((path, f"audiences refer to each other in a circle: {' -> '.join(cycle)}"))
    if faults:
        problems = [f"{place(at)}: {_dotted(at[2:])}: {text}" for at, text in faults]
        raise ConfigError("The audience definitions are not valid:", list(dict.fromkeys(problems)))
    return tuple(sorted(found, key=lambda audience: audience.name))


def _read(key: str, definition: AudienceDefinition, faults: list[tuple[KeyPath, str]]) -> Audience | None:
    before = len(faults)

    def report(at: KeyPath, problem: str) -> None:
        faults.append((("audiences", key, *at), problem))

    rule = parse_rule(definition.where, report)
    if definition.audience != key:
        report(("audience",), f"is {definition.audience}, but the file is called {key}; give both one name")
    for at, problem in _field_faults(definition):
        report(at, problem)
    return None if rule is None or len(faults) > before else Audience(definition, rule)


def _field_faults(definition: AudienceDefinition) -> Iterator[tuple[KeyPath, str]]:
    rank = find_field(definition.rank_by)
    if isinstance(rank, str):
        yield ("rank_by",), rank
    elif rank.kind is not Kind.NUMBER:
        yield ("rank_by",), f"{rank.name} is {rank.kind}; members are ranked by a number"
    for position, target in enumerate(definition.export):
        for name in target.fields:
            if name == IS_HOLDOUT.name or (name not in FIELDS and name not in VAULT_FIELDS):
                hint = did_you_mean(name, [*FIELDS, *VAULT_FIELDS])
                yield ("export", position, "fields"), f"{shown(name)} is not a field{hint}"
            elif name in FIELDS and kind_of(FIELDS[name].type) in _NOT_IN_A_CELL:
                yield (
                    ("export", position, "fields"),
                    f"{name} is {kind_of(FIELDS[name].type)}; a file has one value per cell",
                )


def _consent_faults(
    definition: AudienceDefinition, consent: ConsentSettings
) -> Iterator[tuple[KeyPath, str]]:
    requires, channels = definition.requires, list(consent.channels)
    if requires.purpose not in consent.purposes:
        yield ("requires", "purpose"), _not_in_consent(requires.purpose, "a purpose", list(consent.purposes))
    for channel in requires.channels or ():
        if channel not in channels:
            yield ("requires", "channels"), _not_in_consent(channel, "a channel", channels)
    targets = [(target.to, target.channel) for target in definition.export]
    for position, target in enumerate(definition.export):
        at = ("export", position, "channel")
        if target.channel not in channels:
            yield at, _not_in_consent(target.channel, "a channel", channels)
        elif requires.channels is not None and target.channel not in requires.channels:
            yield at, f"{target.channel} is not among requires.channels"
        if targets.index((target.to, target.channel)) < position:
            yield at, f"there is another export to {target.to} through {target.channel}"


def _not_in_consent(name: str, what: str, known: Sequence[str]) -> str:
    return f"{name} is not {what} of conf/consent.yaml{did_you_mean(name, known)}"


def _reference_faults(
    audience: Audience, definitions: Mapping[str, AudienceDefinition]
) -> Iterator[tuple[KeyPath, str]]:
    for reference in dict.fromkeys(references(audience.rule)):
        known = definitions.get(reference)
        if known is None:
            yield ("where",), f"{shown(reference)} is not an audience{did_you_mean(reference, definitions)}"
        elif known.limit is not None:
            yield ("where",), f"refers to {reference}, which has a limit; repeat its rule or drop the limit"


def _shared_salts(
    definitions: Mapping[str, AudienceDefinition], holdout: HoldoutSettings
) -> list[tuple[KeyPath, str]]:
    owners: dict[str, list[str]] = defaultdict(list)
    owners[holdout.salt].append(GLOBAL_HOLDOUT)
    for key, definition in definitions.items():
        if definition.split is not None:
            owners[definition.split.salt].append(key)
    return [
        (
            ("audiences", key, "split", "salt"),
            f"{salt} is used by {', '.join(keys)}; draws of one salt are not independent",
        )
        for salt, keys in owners.items()
        if len(keys) > 1
        for key in keys
        if key in definitions and definitions[key].split is not None
    ]


def _limits_before_others(definitions: Mapping[str, AudienceDefinition]) -> list[tuple[KeyPath, str]]:
    """Limits in a group whose later audiences would never see whom the limit leaves out."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, definition in definitions.items():
        if definition.exclusive_group is not None:
            groups[definition.exclusive_group].append((definition.priority, key))
    return [
        (
            ("audiences", key, "limit"),
            f"comes before others of the group {group}, which would not get whom the limit leaves out; "
            "give it the last priority of the group, or narrow its rule instead",
        )
        for group, members in groups.items()
        for _, key in sorted(members)[:-1]
        if definitions[key].limit is not None
    ]


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path) or "(file)"
