"""Which audience must be decided before which: references and exclusive groups, without cycles."""

from __future__ import annotations

from collections.abc import Sequence

from habitue.audiences.definition import Audience
from habitue.audiences.grammar import references


def rivals(audience: Audience, audiences: Sequence[Audience]) -> tuple[str, ...]:
    """The audiences of the same exclusive group that are served before this one."""
    group = audience.definition.exclusive_group
    if group is None:
        return ()
    mine = _turn(audience)
    same = [other for other in audiences if other.definition.exclusive_group == group]
    return tuple(other.name for other in sorted(same, key=_turn) if _turn(other) < mine)


def _turn(audience: Audience) -> tuple[int, str]:
    return (audience.definition.priority, audience.name)


def needs(audiences: Sequence[Audience]) -> dict[str, tuple[str, ...]]:
    """Per audience, the ones that its membership depends on."""
    return {a.name: tuple(dict.fromkeys((*references(a.rule), *rivals(a, audiences)))) for a in audiences}


def levels(audiences: Sequence[Audience]) -> list[list[Audience]]:
    """The audiences in layers: each layer needs only layers before it. Cycles were refused on reading."""
    waiting, done = {a.name: a for a in audiences}, set[str]()
    required = needs(audiences)
    layers: list[list[Audience]] = []
    while waiting:
        ready = [a for name, a in waiting.items() if all(need in done for need in required[name])]
        if not ready:
            raise AssertionError(f"audiences in a cycle: {sorted(waiting)}")
        layers.append(ready)
        done |= {a.name for a in ready}
        waiting = {name: a for name, a in waiting.items() if name not in done}
    return layers


def find_cycle(required: dict[str, tuple[str, ...]]) -> list[str]:
    """One cycle as a path that ends where it starts, or nothing."""
    finished: set[str] = set()
    for start in sorted(required):
        path: list[str] = []
        stack = [(start, iter(required[start]))]
        while stack:
            name, following = stack[-1]
            if name not in path:
                path.append(name)
            step = next((n for n in following if n in required and n not in finished), None)
            if step is None:
                finished.add(name)
                path.pop()
                stack.pop()
            elif step in path:
                return [*path[path.index(step) :], step]
            else:
                stack.append((step, iter(required[step])))
    return []
