"""Edge lists: counts and degrees that are known, connectedness, colours, and every edge list that is refused."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pnnkern import networks, random
from pnnkern.networks import graphs


def connected(edges: np.ndarray, n: int) -> bool:
    matrix = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    return bool(connected_components(matrix, directed=False)[0] == 1)


def test_lattices() -> None:
    edges = graphs.lattice(3, 4)
    assert len(edges) == 3 * 3 + 2 * 4
    apart = np.abs(graphs.lattice_positions(3, 4)[edges[:, 0]] - graphs.lattice_positions(3, 4)[edges[:, 1]])
    assert (apart.sum(axis=1) == 1).all()
    torus = graphs.lattice(4, 5, periodic=True)
    assert (np.bincount(torus.ravel()) == 4).all()
    networks.ResistorNetwork(torus, 20)  # no loops, no parallel edges


def test_triangular_lattice_joins_all_neighbours() -> None:
    for rows, columns in ((2, 2), (3, 4), (4, 3), (5, 5)):
        edges, x = graphs.triangular(rows, columns)
        apart = np.linalg.norm(x[:, None] - x[None], axis=2)
        assert {(i, j) for i, j in np.argwhere(np.abs(apart - 1) < 1e-9) if i < j} == {tuple(sorted(e)) for e in edges.tolist()}
    _, y = graphs.triangular(5, 5, jitter=0.1, key=random.key(0))
    assert 0.08 < np.abs(y - x).max() <= 0.1
    with pytest.raises(ValueError, match="at least 2 rows and 2 columns, got 1 x 5"):
        graphs.triangular(1, 5)
    with pytest.raises(ValueError, match="jitter is drawn at random, which needs a key"):
        graphs.triangular(3, 3, jitter=0.1)


def test_delaunay_is_planar_and_connected() -> None:
    edges, positions = graphs.delaunay(200, random.key(3))
    assert connected(edges, 200)
    assert len(edges) <= 3 * 200 - 6  # Euler
    assert positions.shape == (200, 2)
    again, _ = graphs.delaunay(200, random.key(3))
    assert np.array_equal(edges, again)
    # the nearest neighbour of a point is always one of its Delaunay neighbours
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2) + 9 * np.eye(200)
    pairs = {tuple(sorted(p)) for p in edges.tolist()}
    assert all(tuple(sorted((i, int(distance[i].argmin())))) in pairs for i in range(200))


def test_disordered() -> None:
    edges = graphs.disordered(50, 5.0, random.key(1))
    assert len(edges) == 125
    assert connected(edges, 50)
    assert len(np.unique(edges, axis=0)) == 125
    with pytest.raises(ValueError, match=r"50 nodes has 49 \.\. 1225 edges, but a mean degree of 1 makes 25"):
        graphs.disordered(50, 1.0, random.key(1))


def test_colours_part_neighbours() -> None:
    net = networks.ResistorNetwork(*(graphs.delaunay(300, random.key(2))[0], 300))
    assert (net.colours[net.edges[:, 0]] != net.colours[net.edges[:, 1]]).all()
    assert net.colours.max() < 8
    assert networks.ResistorNetwork(graphs.lattice(6, 7), 42).colours.max() == 1
    assert networks.ResistorNetwork(graphs.bipartite(3, 5), 8).n_edges == 15


def test_edge_lists_are_read(tmp_path) -> None:
    file = tmp_path / "edges.txt"
    file.write_text("# from to siemens\n0 1 0.5\n1, 2, 2.5\n\n")
    edges, n, conductance = graphs.read_edges(file)
    assert edges.tolist() == [[0, 1], [1, 2]]
    assert n == 3
    assert conductance is not None
    assert conductance.tolist() == [0.5, 2.5]
    file.write_text("0 1\n1 two\n")
    with pytest.raises(ValueError, match=r"line 2: expected 'node node' or 'node node siemens' throughout, got '1 two'"):
        graphs.read_edges(file)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([[0, 1], [2, 2]], "edge 1 joins node 2 to itself"),
        ([[0, 1], [1, 2], [1, 0]], "nodes 0 and 1 are joined by 2 edges: give one, with the sum"),
        ([[0, 1], [1, 4]], "edges join nodes 0 .. 3, but one ends at node 4"),
        ([[0, -1]], "ends at node -1"),
        (np.zeros((0, 2), int), "with E at least 1"),
        ([[0.0, 1.0]], r"edges must be \(E, 2\) integers .* got float64"),
    ],
)
def test_bad_edge_lists_are_named(edges, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        networks.ResistorNetwork(np.asarray(edges), 4)
