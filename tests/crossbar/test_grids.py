"""Kernels with more work than threads, as for arrays beyond 512 x 512 cells: every warp goes on to more leaves and lines."""

import numpy as np
import pytest

from pnnkern import _launch, crossbar
from pnnkern.crossbar import _ladders
from pnnkern.crossbar._ladders import Ladders


@pytest.fixture
def one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 1)
    monkeypatch.setattr(_launch, "BLOCK", 32)


@pytest.mark.parametrize(("build", "order"), [("fast", "shuffled"), ("race", "ascending")])
def test_warps_take_many_leaves(one_block: None, build: str, order: str, rng: np.random.Generator) -> None:
    """30 leaves for the four warps, or two, of one block: T, its derivative, voltages inside. The race build misses no barrier between two."""
    G, V, back = rng.uniform(1e-5, 1e-4, (23, 19)), rng.random((3, 23)), rng.standard_normal((23, 19))

    def all_of_it() -> list[np.ndarray]:
        return [
            crossbar.effective_conductance(G, wires=20.0), *crossbar.effective_conductance_vjp(back, G, wires=20.0, wrt=("G", "word", "load")),
            *crossbar.node_voltages(V, G, wires=20.0),
        ]  # fmt: skip

    expected = all_of_it()
    with _launch.host(build=build, order=order, seed=5):
        found = all_of_it()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


@pytest.mark.parametrize(("build", "order"), [("fast", "descending"), ("race", "ascending")])
def test_warps_take_many_lines(one_block: None, build: str, order: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race build sees that what other lanes have written is read after a barrier."""
    monkeypatch.setattr(_ladders, "WARPS", 1 << 60)
    g, f = rng.uniform(0.1, 1, (5, 70, 1)), rng.random((5, 70, 2))
    plain = [Ladders(g, np.full(70, 20.0), np.full(5, 20.0)).sweep(family, f) for family in (0, 1)]
    with _launch.host(build=build, order=order, seed=3):
        found = [Ladders(g, np.full(70, 20.0), np.full(5, 20.0)).sweep(family, f) for family in (0, 1)]
    np.testing.assert_allclose(found, plain, rtol=1e-12)
