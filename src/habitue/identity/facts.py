"""Facts of many components as columns: what the replay reads, worked out once for all of them.

Nodes stand in the order of component and strength (rank, first known, code), so that
of any two nodes of a component the one in front is the stronger one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitue.identity.constrained import MANUAL, WHATEVER_TYPE, Limits
from habitue.identity.replay import born_id

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Named = tuple[int, int, str, int | None]

NODE, EDGE, SPACE, FOUNDER = range(4)


class Edges:
    """Edges in the order of component and known time; `left` and `right` are the places of their nodes."""

    def __init__(self, table: pa.Table, component: Ints, chosen: Ints) -> None:
        at = _ints(table, "at")[chosen]
        order = np.lexsort((at, component[chosen]))
        rows = table.take(pa.array(chosen[order]))
        self.component = component[chosen][order]
        self.at_times = at[order]
        self.at = self.at_times.tolist()
        self.codes = _ints(rows, "a"), _ints(rows, "b")
        self.a, self.b = (codes.tolist() for codes in self.codes)
        self.tier = rows.column("rank").to_pylist()
        self.confidence = rows.column("confidence").to_pylist()
        self.until = rows.column("until").to_pylist()
        self.has_end: Flags = rows.column("until").is_valid().to_numpy()
        self.rule = rows.column("name").to_pylist()
        self.is_manual: Flags = np.array([rule == MANUAL for rule in self.rule], dtype=np.bool_)
        self.left: list[int] = []
        self.right: list[int] = []
        self._starts: list[int] = []

    def placed(self, chunk: Chunk) -> Edges:
        """With the places of their nodes."""
        self.left, self.right = (chunk.places(codes).tolist() for codes in self.codes)
        self._starts = np.searchsorted(self.component, np.arange(chunk.count + 1)).tolist()
        return self

    def of(self, component: int) -> tuple[int, int]:
        """From which edge to which."""
        return self._starts[component], self._starts[component + 1]


class Chunk:
    """Facts of whole components."""

    def __init__(self, table: pa.Table) -> None:
        table = table.combine_chunks()
        label = _ints(table, "component")
        component = np.concatenate([[0], np.cumsum(label[1:] != label[:-1])]).astype(np.int64)
        self.count = int(component[-1]) + 1
        kind = _ints(table, "kind")
        self.id_type, self.id_key = (_array(table.column(name)) for name in ("id_type", "id_key"))
        nodes = np.flatnonzero(kind == NODE)
        rank, at, code = (_ints(table, name)[nodes] for name in ("rank", "at", "a"))
        order = np.lexsort((code, at, rank, component[nodes]))
        self.row: Ints = nodes[order]
        self.component = component[self.row]
        self.rank, self.first, self.code = (values[order].tolist() for values in (rank, at, code))
        self.is_free = _array(table.column("is_free")).take(pa.array(self.row)).to_pylist()
        types = self.id_type.take(pa.array(self.row)).dictionary_encode()
        self.types: list[str] = types.dictionary.to_pylist()
        self.type_number = types.indices.to_numpy().astype(np.int64)
        self.arrival: list[int] = np.lexsort((at[order], self.component)).tolist()
        self._starts = np.searchsorted(self.component, np.arange(self.count + 1)).tolist()
        self._code = code[order]
        self._by_code = np.argsort(self._code)
        self.edges = Edges(table, component, np.flatnonzero(kind == EDGE)).placed(self)
        self._spaces = _Named(table, component, np.flatnonzero(kind == SPACE), self.count)
        self._founders = _Named(table, component, np.flatnonzero(kind == FOUNDER), self.count)

    def places(self, codes: Ints) -> Ints:
        """Place of the node of each code."""
        found: Ints = self._by_code[np.searchsorted(self._code, codes, sorter=self._by_code)]
        return found

    def nodes_of(self, component: int) -> tuple[int, int]:
        """From which node to which."""
        return self._starts[component], self._starts[component + 1]

    def spaces_of(self, component: int) -> Iterator[Named]:
        """Number spaces, decisions, contradictions: since when, code of the member, name, until when."""
        return self._spaces.of(component)

    def hints_of(self, component: int) -> Iterator[Named]:
        """Earlier persons: since when, code of the founder, id, no end."""
        return self._founders.of(component)

    def type_of(self, place: int) -> str:
        """Type of a node."""
        return self.types[int(self.type_number[place])]

    def born_id(self, place: int) -> str:
        """Id of a person born from a node."""
        key: str = self.id_key[int(self.row[place])].as_py()
        return born_id(self.type_of(place), key)

    def is_plain(self, limits: Limits) -> Flags:
        """Components without an edge that stopped linking, a decision or a contradiction, as a whole within all limits.

        Limits are hereditary, so such a component breaks none at any time and accepts all its edges.
        """
        plain = np.bincount(self.component, minlength=self.count) <= limits.cluster
        plain[self.edges.component[self.edges.has_end | self.edges.is_manual]] = False
        plain[self._spaces.component[self._spaces.is_apart]] = False
        width = len(self.types)
        held, number = np.unique(self.component * width + self.type_number, return_counts=True)
        most = np.array([limits.of(t) for t in self.types], dtype=np.int64)
        plain[held[number > most[held % width]] // width] = False
        spaces = self._spaces
        if spaces.codes.size:
            names = np.unique(np.array(spaces.names, dtype=object), return_inverse=True)[1]
            key = spaces.component * width + self.type_number[self.places(spaces.codes)]
            taken, times = np.unique(key * (names.max() + 1) + names, return_counts=True)
            plain[taken[times > 1] // (names.max() + 1) // width] = False
        return plain


class _Named:
    """Facts that give a code a name from a known time on, in the order of component."""

    def __init__(self, table: pa.Table, component: Ints, chosen: Ints, count: int) -> None:
        rows = table.take(pa.array(chosen))
        self.component = component[chosen]
        self.codes = _ints(rows, "a")
        self.names: list[str] = rows.column("name").to_pylist()
        is_apart = [name.startswith(WHATEVER_TYPE) for name in self.names]
        self.is_apart: Flags = np.array(is_apart, dtype=np.bool_)
        self._at = _ints(rows, "at").tolist()
        self._until: list[int | None] = rows.column("until").to_pylist()
        self._code = self.codes.tolist()
        self._starts = np.searchsorted(self.component, np.arange(count + 1)).tolist()

    def of(self, component: int) -> Iterator[Named]:
        part = slice(self._starts[component], self._starts[component + 1])
        return zip(self._at[part], self._code[part], self.names[part], self._until[part], strict=True)


def _ints(table: pa.Table, name: str) -> Ints:
    """A column without nulls where it is used; nulls of other kinds of facts read as 0."""
    column = _array(table.column(name))
    if column.null_count:
        column = column.fill_null(0)
    values: Ints = column.to_numpy().astype(np.int64, copy=False)
    return values


def _array(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)
