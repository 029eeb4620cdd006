"""Edge lists: counts and degrees that are known, connectedness, colours, and every edge list that is refused."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pnnkern import networks, random
from pnnkern._errors import DataError
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


# Three nodes in a ring, with 0.5, 2.5 and 1.5 siemens, as programs write it; "networkx" of version 3.4, with numbers of NumPy 2 in the last
RINGS = {
    "two columns and a comment": "# from to siemens\n0 1 0.5\n1, 2, 2.5\n\n0 2 1.5 # the last\n",
    "networkx write_edgelist": "0 1 {'weight': 0.5}\n1 2 {'weight': 2.5}\n0 2 {'weight': 1.5}\n",
    "networkx, attributes": "0 1 {'conductance': np.float64(0.5), 'colour': '#ff0000', 'weight': 9}\n1 2 {'conductance': 2.5}\n"
    "0 2 {'length': (1, 2), 'conductance': np.float64(1.5)}\n",
    "networkx, commas": "0,1,{'weight': 0.5}\n1,2,{'weight': 2.5}\n0,2,{'weight': 1.5}\n",
    "networkx write_weighted_edgelist": "0 1 0.5\n1 2 2.5\n0 2 1.5\n",
    "pandas to_csv": ",source,target,weight\n0,0,1,0.5\n1,1,2,2.5\n2,0,2,1.5\n",
    "pandas, no names": ",0,1,2\n0,0.0,1.0,0.5\n1,1.0,2.0,2.5\n2,0.0,2.0,1.5\n",
    "pandas, no index, tabs": "source\ttarget\tconductance\n0\t1\t0.5\n1\t2\t2.5\n0\t2\t1.5\n",
    "a spreadsheet": "\ufeffFrom;To;Conductance (S)\r\n0;1;0.5\r\n1;2;2.5\r\n0;2;1.5\r\n",
    "quoted, attributes, positions": '"Source","Target","Type","Weight","x1","y1"\n"0","1","Un,directed","0.5",0,0\n1,2,#a,2.5,1,0\n'
    "0,2,,1.5,2,2\n",
    "counted from 1": "1 2 0.5\n2 3 2.5\n1 3 1.5\n",
    "numpy savetxt": "0.000e+00 1.000e+00 5.000e-01\n1.000e+00 2.000e+00 2.500e+00\n0.000e+00 2.000e+00 1.500e+00\n",
}


@pytest.mark.parametrize("name", RINGS)
def test_edge_lists_are_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "edges.txt"
    file.write_bytes(RINGS[name].encode())
    edges, n, conductance = graphs.read_edges(file)
    assert edges.tolist() == [[0, 1], [1, 2], [0, 2]]
    assert edges.dtype == np.int32
    assert n == 3
    assert conductance is not None
    assert conductance.tolist() == [0.5, 2.5, 1.5]


@pytest.mark.parametrize("text", ["0 1\n1 2\n", "1;2\n2;3\n", "0 1 {}\n1 2 {}\n", "node_1,node_2\n0,1\n1,2\n", ",from,to\n0,0,1\n1,1,2\n"])
def test_edge_lists_without_conductances(text: str, tmp_path: Path) -> None:
    (tmp_path / "edges.txt").write_text(text)
    edges, n, conductance = graphs.read_edges(tmp_path / "edges.txt")
    assert (edges.tolist(), n, conductance) == ([[0, 1], [1, 2]], 3, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1\n1 two\n", r"line 2: expected 'node node' or 'node node siemens' throughout, got '1 two'"),
        ("0 1 2 3\n", "line 1: expected 'node node' or 'node node siemens' throughout, got '0 1 2 3'"),
        ("0 1 0.5\n\n1 2\n", "line 3: expected 'node node' or 'node node siemens' throughout, got '1 2'"),
        ("0 1 {'weight': 1.0}\n1 2 {}\n", "line 2: expected 'node node' or 'node node siemens' throughout"),
        ("0;1;0,5\n", "line 1: expected 'node node' or 'node node siemens' throughout, got '0;1;0,5'"),
        ("0 1 {'length': 2.0, 'weigth': 1}\n", "line 1: no attribute is called conductance, siemens, weight, g, k: there are length, weigth"),
        ("source,target,resistance\n0,1,10\n", "line 1: no column is called conductance, siemens, weight, g, k: there are resistance"),
        ("source,target,conductance (mS)\n0,1,10\n", r"line 1: conductances must be in siemens, the header says \(mS\)"),
        ("alpha,beta\n0,1\n", "line 1: expected two node numbers, or a header that names two columns source and target, from and to"),
        ("source,target,weight\n0,1,0.5\n1,2\n", "line 3: expected 3 columns as in the header, got 2"),
        ("source,target,weight\n0,1,\n", "line 2: the conductance must be finite and at least 0 siemens, got ''"),
        ("0 1 -0.5\n", "line 1: the conductance must be finite and at least 0 siemens, got '-0.5'"),
        ("0 1 nan\n", "line 1: the conductance must be finite and at least 0 siemens, got 'nan'"),
        ("(0, 0) (0, 1) {}\n", r"line 1: expected two node numbers, or a header that names two columns"),
        ("source,target\na,b\n", "line 2: nodes must be whole numbers, got 'a'"),
        ("0 1\n1 1\n", "line 2: joins node 1 to itself"),
        ("0 1 1\n1 2 1\n1 0 1\n", "line 3: joins nodes 0 and 1 again, which line 1 joins: give one edge, with the sum of their conductances"),
        ("0 1\n1 3\n", "must number its nodes 0, 1, ... or 1, 2, ... without gaps: no line names node 2, line 2 names node 3"),
        ("2 3\n", "must number its nodes 0, 1, ... or 1, 2, ... without gaps: the first is node 2, in line 1"),
        ("# nothing\n", "holds no edges"),
        ("source,target\n", "holds no edges"),
    ],
)
def test_edge_lists_that_cannot_be_read(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "edges.txt").write_text(text)
    with pytest.raises(DataError, match=message) as said:
        graphs.read_edges(tmp_path / "edges.txt")
    assert "\n" not in str(said.value)


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
