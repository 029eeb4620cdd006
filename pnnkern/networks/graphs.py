"""Graphs to build networks on: edge lists (E, 2) int32, with positions of the nodes where they have any."""


from pathlib import Path

import numpy as np

from .. import _files, random
from .._array import Key
from .._errors import DataError
from . import _edge_lists

LONGEST = 256 << 20  # bytes of an edge list


def lattice(rows: int, columns: int, *, periodic: bool = False) -> np.ndarray:
    """Square lattice of rows x columns nodes, node ``row * columns + column``.

    Parameters
    ----------
    periodic : bool
        Join opposite borders too (at least 3 rows and 3 columns).

    Returns
    -------
    np.ndarray
        Edges (E, 2) int32.
    """
    if min(rows, columns) < 1 or rows * columns < 2:
        raise ValueError(f"a lattice needs at least two nodes, got {rows} x {columns}")
    if periodic and min(rows, columns) < 3:
        raise ValueError(f"a periodic lattice needs at least 3 rows and 3 columns, got {rows} x {columns}")
    node = np.arange(rows * columns).reshape(rows, columns)
    if periodic:
        pairs = [(node, np.roll(node, -1, axis=1)), (node, np.roll(node, -1, axis=0))]
    else:
        pairs = [(node[:, :-1], node[:, 1:]), (node[:-1], node[1:])]
    return np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs]).astype(np.int32)


def lattice_positions(rows: int, columns: int) -> np.ndarray:
    """Positions (nodes, 2) of the nodes of `lattice`, in steps of the lattice: (column, -row), the first row on top."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), -y.ravel()], axis=1).astype(np.float64)


def delaunay(n_nodes: int, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Delaunay triangulation of uniformly random points in the unit square: about three edges per node, planar.

    Parameters
    ----------
    key
        Of `pnnkern.random`.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        Edges (E, 2) int32 and positions (n_nodes, 2) in [0, 1).
    """
    from scipy.spatial import Delaunay

    if n_nodes < 3:
        raise ValueError(f"a triangulation needs at least 3 nodes, got {n_nodes}")
    positions = random.uniform(key, (1, 2 * n_nodes), dtype=np.float64).reshape(n_nodes, 2)
    corners = Delaunay(positions).simplices
    pairs = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int32), positions


def triangular(rows: int, columns: int, *, jitter: float = 0.0, key: Key | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Triangular lattice, every second row shifted by half a step; up to six neighbours, node ``row * columns + column``.

    Parameters
    ----------
    jitter : float
        Each coordinate is moved at random by up to so many steps, which needs a key of `pnnkern.random`.

    Returns
    -------
    tuple[np.ndarray, np.ndarray]
        Edges (E, 2) int32 and positions (nodes, 2), in steps.
    """
    if min(rows, columns) < 2:
        raise ValueError(f"a triangular lattice needs at least 2 rows and 2 columns, got {rows} x {columns}")
    draw = random.require_key(key, "jitter is drawn at random") if jitter else None
    node = np.arange(rows * columns).reshape(rows, columns)
    pairs = [(node[:, :-1], node[:, 1:]), (node[:-1], node[1:])]
    # the second neighbour in the next row: to the left of a row that is not shifted, to the right of one that is
    pairs += [(node[:-1:2, 1:], node[1::2, :-1]), (node[1:-1:2, :-1], node[2::2, 1:])]
    edges = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs]).astype(np.int32)
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    positions = np.stack([(x + y % 2 / 2).ravel(), (y * 0.75**0.5).ravel()], axis=1)
    if draw is not None:
        draws = random.uniform(draw, (1, positions.size), dtype=np.float64).reshape(positions.shape)
        positions += jitter * (2 * draws - 1)
    return edges, positions


def disordered(n_nodes: int, degree: float, key: Key) -> np.ndarray:
    """Random connected graph: a random tree, and random further edges up to `degree` neighbours per node on average.

    Parameters
    ----------
    key
        Of `pnnkern.random`.

    Returns
    -------
    np.ndarray
        Edges (E, 2) int32.
    """
    most = n_nodes * (n_nodes - 1) // 2
    edge_count = round(n_nodes * min(degree, n_nodes) / 2)
    if not n_nodes - 1 <= edge_count <= most or n_nodes < 2:
        raise ValueError(
            f"a connected graph of {n_nodes} nodes has {n_nodes - 1} .. {most} edges, but a mean degree of {degree:g} makes {edge_count}"
        )
    draws = random.uniform(random.fold_in(key, 0), (1, 2 * n_nodes), dtype=np.float64)[0]
    order = np.argsort(draws[:n_nodes], kind="stable")
    earlier = (draws[n_nodes + 1 :] * np.arange(1, n_nodes)).astype(np.int64)  # each node joins one that came before it
    edges = {(int(min(a, b)), int(max(a, b))) for a, b in zip(order[1:], order[earlier], strict=True)}
    attempt = 1
    while len(edges) < edge_count:
        ends = random.uniform(random.fold_in(key, attempt), (1, 4 * n_nodes), dtype=np.float64)[0]
        for a, b in (ends.reshape(-1, 2) * n_nodes).astype(np.int64):
            if a != b and len(edges) < edge_count:
                edges.add((int(min(a, b)), int(max(a, b))))
        attempt += 1
    return np.array(sorted(edges), np.int32)


def bipartite(inputs: int, outputs: int) -> np.ndarray:
    """Every one of `inputs` nodes joined to every one of `outputs` nodes, which are numbered after them. Edges (E, 2) int32."""
    if min(inputs, outputs) < 1:
        raise ValueError(f"both sides need at least one node, got {inputs} and {outputs}")
    a, b = np.meshgrid(np.arange(inputs), inputs + np.arange(outputs), indexing="ij")
    return np.stack([a.ravel(), b.ravel()], axis=1).astype(np.int32)


def read_edges(path: str | Path) -> tuple[np.ndarray, int, np.ndarray | None]:
    """Edge list from a text file: two node numbers on each line, from 0 or from 1, and if there is a third column the conductance in siemens.

    Columns are parted by spaces, tabs, commas or semicolons; what follows a # is a comment. networkx's lines with attributes in braces are
    read, and tables with a header, such as pandas': columns source and target (or from and to, node1 and node2, start and end, u and v, i and
    j), and conductance (or siemens, weight, g, k), others beside these are ignored.

    Returns
    -------
    tuple[np.ndarray, int, np.ndarray | None]
        Edges (E, 2) int32 from 0, the number of nodes, and conductances (E,) or None.

    Raises
    ------
    ValueError
        (`DataError`) naming the line that cannot be read, joins a node to itself, or two nodes again, and the node that leaves a gap.
    """
    return _edge_lists.parsed(_files.read_text(path, LONGEST, f"the edge list {path}", DataError), path)
