"""Edge lists as people write them: two columns or three, with or without a header; networkx's with attributes; tables of pandas."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import DataError

ENDS = (("source", "target"), ("from", "to"), ("node1", "node2"), ("start", "end"), ("u", "v"), ("i", "j"))
CONDUCTANCE = ("conductance", "siemens", "weight", "g", "k")  # the first of these that there is
_EITHER = f"two node numbers, or a header that names two columns {', '.join(f'{a} and {b}' for a, b in ENDS)}"
_ATTRIBUTE = re.compile(r"""['"]([^'"]*)['"]\s*:\s*(?:np\.\w+\()?([^,}\s)]*)""")  # with numbers as NumPy 2 shows them


class _Wrong(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True)
class _Header:
    """Which columns hold the ends and the conductance, of how many, parted by what."""

    ends: tuple[int, int]
    conductance: int | None
    columns: int
    separator: str | None


def parsed(text: str, path: Any) -> tuple[np.ndarray, int, np.ndarray | None]:
    """Edges (E, 2) int32, the number of nodes, and conductances (E,) or None. Raises `DataError` naming the line."""
    header, ends, found, lines = None, list[tuple[int, int]](), list[float | None](), list[int]()
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip(" ") if header else re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip(" ")
        if not content.strip() or content.startswith("#"):
            continue
        try:
            if not header and not ends:
                header = _header(content)
                if header:
                    continue
            *pair, conductance = _row(content, header) if header else _free(content)
            if found and (conductance is None) != (found[0] is None):
                raise _unexpected(content)
        except _Wrong as wrong:
            raise DataError(f"{path}, line {number}: {wrong}") from None
        ends.append((pair[0], pair[1]))
        found.append(conductance)
        lines.append(number)
    if not ends:
        raise DataError(f"{path} holds no edges")
    edges, nodes = _numbered(np.array(ends, np.int64), lines, path)
    return edges, nodes, None if found[0] is None else np.array(found, np.float64)


# ----------------------------------------------------------------------------------------------------------------------- a line
def _unexpected(content: str) -> _Wrong:
    return _Wrong(f"expected 'node node' or 'node node siemens' throughout, got {content!r:.60}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _node(cell: str) -> int:
    """A node number, also as a table of floating point numbers has it."""
    if not _is_number(cell) or not float(cell).is_integer() or abs(float(cell)) >= 2**53:
        raise _Wrong(f"nodes must be whole numbers, got {cell!r:.60}")
    return int(float(cell))


def _siemens(cell: str) -> float:
    if not _is_number(cell) or not 0 <= float(cell) < np.inf:
        raise _Wrong(f"the conductance must be finite and at least 0 siemens, got {cell!r:.60}")
    return float(cell)


def _free(content: str) -> tuple[int, int, float | None]:
    """Ends and conductance of a line that no header explains."""
    plain, brace, attributes = content.partition("{")
    cells = [cell.strip("\"'") for cell in re.split(r"[\s,;]+", plain.strip(" \t,;"))]
    if len(cells) not in ((2,) if brace else (2, 3)) or not all(map(_is_number, cells)):
        raise _unexpected(content)
    given = _attribute(attributes) if brace else _siemens(cells[2]) if len(cells) == 3 else None
    return _node(cells[0]), _node(cells[1]), given


def _attribute(text: str) -> float | None:
    """The conductance among the attributes of networkx, None where there are none at all."""
    named = dict(_ATTRIBUTE.findall(text))
    name = _chosen(named, "attribute")
    return None if name is None else _siemens(named[name])


def _chosen(names: Iterable[str], what: str) -> str | None:
    """The name that conductances have. Raises `_Wrong` where there are others alone: nothing of a file is thrown away in silence."""
    names = list(names)
    for name in CONDUCTANCE:
        if name in names:
            return name
    if names:
        raise _Wrong(f"no {what} is called {', '.join(CONDUCTANCE)}: there are {', '.join(names)[:60]}")
    return None


# --------------------------------------------------------------------------------------------------------------------- a header
def _cells(content: str, separator: str | None) -> list[str]:
    cells = next(csv.reader([content], delimiter=separator)) if separator else content.split()
    return [cell.strip() for cell in cells]


def _header(content: str) -> _Header | None:
    """What a first line says of the columns, None where it is an edge. Raises `_Wrong` for a header that names no ends."""
    if _is_number(re.split(r"[\s,;]+", content)[0].strip("\"'")):
        return None
    separator = next((mark for mark in "\t;," if mark in content), None)
    cells = _cells(content, separator)
    words = [re.sub(r"[(\[].*|[ _]", "", cell).lower() for cell in cells]
    if words[0] == "" and len(words) in (3, 4) and all(word.isdecimal() for word in words[1:]):  # a table whose columns have no names
        return _Header((1, 2), 3 if len(words) == 4 else None, len(words), separator)
    for a, b in ENDS:
        if a in words and b in words:
            name = _chosen([word for word in words if word not in (a, b, "", "index", "unnamed:0")], "column")
            at = None if name is None else words.index(name)
            unit = None if at is None else re.search(r"[(\[](.*)[)\]]", cells[at])
            if unit and unit[1].strip() not in ("S", "siemens"):
                raise _Wrong(f"conductances must be in siemens, the header says {unit[0]}")
            return _Header((words.index(a), words.index(b)), at, len(words), separator)
    raise _Wrong(f"expected {_EITHER}, got {content!r:.60}")


def _row(content: str, header: _Header) -> tuple[int, int, float | None]:
    """Ends and conductance of a line under a header."""
    cells = _cells(content, header.separator)
    if len(cells) != header.columns:
        raise _Wrong(f"expected {header.columns} columns as in the header, got {len(cells)}")
    a, b = (_node(cells[column]) for column in header.ends)
    return a, b, None if header.conductance is None else _siemens(cells[header.conductance])


# --------------------------------------------------------------------------------------------------------------------- all edges
def _numbered(edges: np.ndarray, lines: list[int], path: Any) -> tuple[np.ndarray, int]:
    """Edges with nodes from 0, and how many nodes there are. Raises `DataError` for gaps, loops and edges that come twice."""
    loops = np.flatnonzero(edges[:, 0] == edges[:, 1])
    if len(loops):
        raise DataError(f"{path}, line {lines[loops[0]]}: joins node {edges[loops[0], 0]} to itself")
    nodes, place = np.unique(edges, return_inverse=True)
    first = int(nodes[0] == 1)
    gaps = np.flatnonzero(nodes != first + np.arange(len(nodes)))
    if len(gaps):
        node = nodes[gaps[0]]
        line = lines[int(np.argmax((edges == node).any(axis=1)))]
        gap = f"no line names node {first + gaps[0]}, line {line} names node {node}" if gaps[0] else f"the first is node {node}, in line {line}"
        raise DataError(f"{path} must number its nodes 0, 1, ... or 1, 2, ... without gaps: {gap}")
    edges = place.reshape(edges.shape)
    keys = np.sort(edges, axis=1) @ np.array([len(nodes), 1])
    _, begun, again = np.unique(keys, return_index=True, return_inverse=True)
    twice = np.flatnonzero(begun[again.ravel()] != np.arange(len(edges)))
    if len(twice):
        e, before = twice[0], begun[again.ravel()[twice[0]]]
        a, b = sorted(nodes[edges[e]].tolist())
        raise DataError(
            f"{path}, line {lines[e]}: joins nodes {a} and {b} again, which line {lines[before]} joins: give one edge, with the sum of their "
            "conductances"
        )
    return edges.astype(np.int32), len(nodes)


__all__ = ["parsed"]
