"""Pieces of a batch."""

import pytest

from pnnkern import _parallel


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [(50, 49, [25, 25]), (50, 64, [50]), (64, 49, [32, 32]), (7, 3, [3, 3, 1]), (3, 1, [1, 1, 1]), (1, 5, [1]), (0, 5, [])],
)
def test_pieces_are_few_and_equal(count: int, most: int, sizes: list[int]) -> None:
    pieces = _parallel.pieces(count, most)
    assert [piece.stop - piece.start for piece in pieces] == sizes
    assert [i for piece in pieces for i in range(count)[piece]] == list(range(count))
