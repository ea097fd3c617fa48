"""Random identity worlds and a slow, plain answer to them: clustering anew at every moment, in days."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from habitue.identity.settings import IdentitySettings

Identifier = tuple[str, str]
TYPES = ("customer_number", "loyalty_number", "user_id", "email", "phone", "device_id", "anonymous_id")
SETTINGS = IdentitySettings(
    per_person={"customer_number": 3, "loyalty_number": 1, "email": 2, "device_id": 2, "anonymous_id": 3},
    default_per_person=2,
    cluster_limit=9,
    live_days={"device_id": 12, "anonymous_id": 5},
)


@dataclass(frozen=True)
class Record:
    """One record of a source, with the day on which it was known."""

    source: str
    rule: str
    known: int
    identifiers: tuple[Identifier, ...]
    until: int | None = None  # of a record before a correction: the day of that


def random_world(seed: int, *, prefix: str = "", records: int | None = None) -> list[Record]:
    """A few dozen records over few identifiers, so that they meet, share and break limits."""
    rng = random.Random(seed)
    count = records or rng.choice([3, 8, 15, 30, 50])
    pool = [(t, f"{prefix}{t[0]}{i}") for t in TYPES for i in range(rng.choice([1, 2, 4, 6]))]
    moments = rng.choice([3, 10, 40])
    return [
        Record(
            source=rng.choice(["crm", "shop"]),
            rule=rng.choice(["same_record", "login"]),
            known=rng.randint(1, moments),
            identifiers=tuple(sorted(rng.sample(pool, min(len(pool), rng.choice([1, 2, 2, 3]))))),
        )
        for _ in range(count)
    ]


def clusters_before(
    world: list[Record], cut: int, settings: IdentitySettings = SETTINGS
) -> set[frozenset[Identifier]]:
    """The persons that everything known before `cut` gives, from the rules alone."""
    known = [r for r in world if r.known < cut]
    edges = _edges(known, settings)
    spaces: dict[Identifier, set[str]] = {}
    for r in known:
        for i in r.identifiers:
            if i[0] in settings.exclusive_types:
                spaces.setdefault(i, set()).add(r.source)
    shared = _shared(known, edges, settings)
    first = {i: min(r.known for r in known if i in r.identifiers) for r in known for i in r.identifiers}
    groups = [frozenset([i]) for i in first]
    live = [e for e in edges if not shared & {e[0], e[1]}]
    for a, b, _ in sorted(live, key=lambda e: strength(e, edges[e], settings)):
        left = next(g for g in groups if a in g)
        right = next(g for g in groups if b in g)
        if left is not right and allowed(left | right, spaces, first, settings):
            groups = [g for g in groups if g is not left and g is not right] + [left | right]
    return set(groups)


def allowed(
    group: frozenset[Identifier],
    spaces: dict[Identifier, set[str]],
    first: dict[Identifier, int],
    settings: IdentitySettings,
) -> bool:
    """Whether one person may hold all these identifiers, looked at on each day."""
    for x, y in itertools.combinations([i for i in group if i[0] in settings.exclusive_types], 2):
        if x[0] == y[0] and spaces.get(x, set()) & spaces.get(y, set()):
            return False
    for day in {first[i] for i in group}:
        lives = settings.live_days
        alive = [i for i in group if i[0] not in lives or 0 <= day - first[i] < lives[i[0]]]
        if len(alive) > settings.cluster_limit:
            return False
        limits = {t: settings.per_person.get(t, settings.default_per_person) for t in {i[0] for i in alive}}
        if any(sum(i[0] == t for i in alive) > limit for t, limit in limits.items()):
            return False
    return True


def strength(edge: tuple, first_known: int, settings: IdentitySettings) -> tuple:
    """Kruskal's order; ties by the codes that Spark's xxhash64 gives are broken in `code_of`."""
    ranks = sorted(settings.rank(i[0]) for i in edge[:2])
    a, b = sorted(edge[:2])
    confidence = settings.rule_confidence[edge[2]]
    return (ranks[1], ranks[0], -confidence, first_known, code_of(a), code_of(b), edge[2])


CODES: dict[Identifier, int] = {}  # codes that Spark gives, filled by tests; else the order of the keys


def code_of(identifier: Identifier) -> int | str:
    """Tie-break of the product."""
    return CODES[identifier] if CODES else "\0".join(identifier)


def _edges(known: list[Record], settings: IdentitySettings) -> dict[tuple, int]:
    edges: dict[tuple, int] = {}
    for r in known:
        hub, *rest = sorted(r.identifiers, key=lambda i: (settings.rank(i[0]), *i))
        for other in rest:
            key = (*sorted([hub, other]), r.rule)
            edges[key] = min(edges.get(key, r.known), r.known)
    return edges


def _shared(known: list[Record], edges: dict[tuple, int], settings: IdentitySettings) -> set[Identifier]:
    hubs = _hubs(edges, settings)

    def is_double(owner: Identifier, since: dict[Identifier, int]) -> bool:
        """Whether a record known by then says that an owner is one with an owner before it."""
        before = [o for o in since if (since[o], o[1]) < (since[owner], owner[1])]
        return any(
            max(hubs[owner][hub], hubs[other][hub]) <= since[owner]
            for other in before
            for hub in hubs.get(owner, {}).keys() & hubs.get(other, {}).keys()
        )

    return {
        value
        for (value, _, _), since in _owners(known, edges, settings).items()
        if sum(not is_double(owner, since) for owner in since) > settings.owners_per_value[value[0]]
    }


def _owners(
    known: list[Record], edges: dict[tuple, int], settings: IdentitySettings
) -> dict[tuple, dict[Identifier, int]]:
    """By value, type and number space who owns it since when; what only devices belong to has one space."""
    seen: dict[Identifier, dict[str, int]] = {}
    for r in known:
        for i in r.identifiers:
            spaces = seen.setdefault(i, {})
            space = r.source if i[0] in settings.owner_types else ""
            spaces[space] = min(spaces.get(space, r.known), r.known)
    owners: dict[tuple, dict[Identifier, int]] = {}
    for (a, b, _), first in edges.items():
        for value, owner in ((a, b), (b, a)):
            of_device = value[0] in settings.anonymous_types and owner[0] in settings.device_owner_types
            is_owner = owner[0] in settings.owner_types or of_device
            is_stronger = settings.rank(owner[0]) < settings.rank(value[0])
            if is_owner and is_stronger and value[0] in settings.owners_per_value:
                for space, seen_first in seen[owner].items():
                    since = owners.setdefault((value, owner[0], space), {})
                    moment = max(first, seen_first)
                    since[owner] = min(since.get(owner, moment), moment)
    return owners


def _hubs(edges: dict[tuple, int], settings: IdentitySettings) -> dict[Identifier, dict[Identifier, int]]:
    """What each owner hangs on, since when: a stronger identifier, one of its type, or itself."""
    hubs: dict[Identifier, dict[Identifier, int]] = {}
    for (a, b, _), first in edges.items():
        for own, hub in ((a, b), (b, a)):
            is_owner = own[0] in settings.all_owner_types and own[0] not in settings.exclusive_types
            if is_owner and settings.rank(hub[0]) <= settings.rank(own[0]):
                for one in (own, hub) if hub[0] == own[0] else (own,):
                    hangs = hubs.setdefault(one, {})
                    hangs[hub] = min(hangs.get(hub, first), first)
    return hubs
