"""The branch that only runs with CuPy, on the tests' stand-in for it: results stay on the device and equal the CPU's."""


import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _array, crossbar
from pnnkern.crossbar import Wires

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
