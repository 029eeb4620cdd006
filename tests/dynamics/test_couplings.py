"""Who feels whom: lists that kernels walk, both ways round, and edges that are refused."""

import re

import numpy as np
import pytest

from pnnkern.dynamics import Couplings


@pytest.mark.parametrize("directed", [False, True])
def test_lists_are_the_matrix(directed: bool, rng: np.random.Generator) -> None:
    """Of weights w the sum over a node's list is the product with the matrix, and over what feels it that with its transpose."""
    edges = np.array([(i, j) for i in range(7) for j in range(7) if i < j and (i * j) % 3 != 1] + [(5, 2)])
    couplings, w, x = Couplings(edges, 7, directed=directed), rng.normal(size=len(edges)), rng.normal(size=7)
    matrix = np.zeros((7, 7))
    np.add.at(matrix, tuple(edges.T), w)
    if not directed:
        np.add.at(matrix, tuple(edges.T[::-1]), w)
    for lists, right in ((couplings._into, matrix), (couplings._from, matrix.T)):
        spans = [slice(a, b) for a, b in zip(lists.offsets[:-1], lists.offsets[1:], strict=True)]
        found = [(w[lists.edge[s]] * x[lists.neighbour[s]]).sum() for s in spans]
        assert np.allclose(found, right @ x, atol=1e-14)


@pytest.mark.parametrize(
    ("edges", "n", "error", "said"),
    [
        ([[0, 3]], 3, ValueError, "edges must join nodes 0 to 2, got 0 to 3"),
        ([[-1, 1]], 3, ValueError, "edges must join nodes 0 to 2, got -1 to 1"),
        ([[0, 1, 2]], 3, ValueError, "edges must be (edges, 2), got shape (1, 3)"),
        ([0, 1], 3, ValueError, "edges must be (edges, 2), got shape (2,)"),
        ([[0.0, 1.0]], 3, TypeError, "edges must be integers, got float64"),
        ([[0, 1], [2, 2]], 3, ValueError, "edge 1 joins node 2 to itself"),
        ([[0, 1]], 0, ValueError, "n_nodes must be an integer"),
    ],
)
def test_bad_edges(edges: list, n: int, error: type, said: str) -> None:
    with pytest.raises(error, match=re.escape(said)) as caught:
        Couplings(edges, n)
    assert "\n" not in str(caught.value)
