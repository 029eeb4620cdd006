"""The branch that only runs with CuPy, on the tests' stand-in for it: results stay on the device and equal the CPU's."""

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _array, _launch, crossbar
from pnnkern.crossbar import Wires, _levels, _tree

WIRES = Wires(20.0, 30.0, 10.0, 5.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda V, G: crossbar.effective_conductance(G, wires=WIRES),
        lambda V, G: crossbar.effective_conductance_vjp(G, G, wires=WIRES, wrt=("G", "word", "load")),
        lambda V, G: crossbar.node_voltages(V, G, wires=WIRES),
        lambda V, G: crossbar.wire_noise(V, G, 1e-6, wires=WIRES, key=pnn.random.key(1)),
        lambda V, G: crossbar.read_covariance(V, G, G, wires=WIRES),
        lambda V, G: crossbar.noise_through_wires(0.1 * G, V, G, wires=WIRES),
        lambda V, G: crossbar.solve_currents(V, G, wires=WIRES, method="cg"),
        lambda V, G: crossbar.solve_currents(V, G, wires=WIRES, iv=crossbar.sinh_iv(0.2)),
        lambda V, G: crossbar.solve_currents_vjp(V @ G, V, G, wires=WIRES, method="cg"),
        lambda V, G: crossbar.solve_currents(0.2 * (V > 0.1), G, wires=Wires(20.0, 30.0, topology="gated-interleaved")),
        lambda V, G: crossbar.solve_currents_vjp(V @ G, 0.2 * (V > 0.1), G, wires=Wires(20.0, 30.0, topology="gated"), wrt="G"),
    ],
)
def test_the_device_gives_what_the_cpu_gives(cupy, call, rng: np.random.Generator) -> None:
    G, V = rng.uniform(1e-5, 1e-4, (10, 9)), rng.uniform(0, 0.2, (3, 10))
    ours = call(V, G)
    theirs = call(cupy.asarray(V), cupy.asarray(G))
    for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (ours, theirs))):
        assert isinstance(b, cupy.ndarray) or not b.ndim
        assert np.allclose(_array.to_numpy(b), a, rtol=1e-9, atol=1e-12 * np.abs(a).max())


def events(call) -> list[dict[str, int]]:
    """Totals of a first call, and of one after it."""
    found = []
    with strict_cupy.dry():
        for _ in range(2):
            with strict_cupy.counted() as seen:
                call()
            found.append(strict_cupy.totals(seen))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("derivative", [False, True])
def test_launches_of_one_array(cupy, dtype: str, derivative: bool) -> None:
    """256 x 256: as many launches as the tree has levels, and two for each stage of a large one; nothing is copied once tables are there."""
    G = cupy.full((256, 256), 1e-4, dtype)  # within an even power of two

    def call() -> None:
        if derivative:
            crossbar.effective_conductance_vjp(G, G, wires=1.0)
        else:
            crossbar.effective_conductance(G, wires=1.0)

    first, then = events(call)
    assert first["copies"] == 1
    assert first["syncs"] == 2  # the largest conductance, and the tables
    assert then["copies"] == 0
    assert then["syncs"] == 1
    scaled = {"float32": 2, "float64": 0}[dtype]  # to a unit near the largest conductance, and back; float64 only of odd powers of two
    assert (then["launches"], then["operations"]) == ((52, 9 + scaled // 2) if derivative else (26, 1 + scaled))


@pytest.mark.parametrize("count", [1, 7])
def test_a_stack_takes_the_launches_of_one_array(cupy, count: int) -> None:
    G = cupy.full((count, 40, 33), 1e-5)
    _, then = events(lambda: crossbar.effective_conductance(G, wires=1.0))
    assert then["launches"] == 11
    assert then["copies"] == 0


@pytest.mark.parametrize(
    ("room", "dtype", "most"), [(223, "float64", 128), (159, "float64", 64), (95, "float32", 128), (95, "float64", 64)]
)
def test_stages_fit_the_shared_memory(cupy, room: int, dtype: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """KiB of a block on GPUs of compute capability 9.0, 8.0 and 8.6."""
    monkeypatch.setattr(_launch, "shared_limit", lambda like: room << 10)
    circuit = _tree.Circuit(False, 50.0, 70.0, 20.0, 10.0)
    with strict_cupy.dry():
        levels = _levels.Levels(cupy.full((1, 300, 280), 0.5, dtype), circuit)
    assert levels.plan.most == most
    assert max(level.memory for level in levels.plan.levels) * np.dtype(dtype).itemsize <= room << 10


def test_memory_is_that_of_the_widest_strips() -> None:
    """The whole of 40 x 40: 40 nodes in 48 rows, 64 of 80 ports and 4 numbers between rows, also where a stack takes narrow ones."""
    level = _levels.Plan(40, 40, 128).levels[-1]
    assert level.widths == (64, 32)
    assert level.memory == _levels.SCRATCH + 48 * (48 + 64 + 4)
