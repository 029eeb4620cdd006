"""Conductances as people write them: integers and lists are taken, and are the same numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pnnkern import learning, networks, random
from pnnkern.networks import DiodeNetwork, ElasticNetwork, ResistorNetwork, TransistorNetwork
from pnnkern.systems import NonlinearCircuit, ResistorCircuit, SpringNetwork

EDGES = [[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]]
K = [2, 1, 3, 4, 5]
NET, DIODES = ResistorNetwork(EDGES, 4), DiodeNetwork(EDGES, 4, diode=[True] * 5)
GATES, SPRINGS = TransistorNetwork(EDGES, 4), ElasticNetwork(EDGES, 4, 2)
V, STATE = np.array([[0.0, 1.0]]), np.array([[0.0, 0.2, 1.0, 0.4]])
AT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
RULE = ([0, 2], V, [1], np.array([[0.3]]))
SPRUNG = ([0, 2], AT[None, [0, 2]], [1], AT[None, [1]] + 0.01, AT)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "solve": lambda k: NET.solve(k, [0, 2], V),
    "conjugate gradients": lambda k: NET.solve(k, [0, 2], V, method="cg"),
    "response": lambda k: NET.response(k, [0, 2], [1]).targets,
    "solve_many": lambda k: NET.solve_many([k, k] if isinstance(k, list) else np.stack([k, k]), [0, 2], V),
    "power": lambda k: NET.power(k, STATE),
    "residual": lambda k: NET.residual(k, STATE, [0, 2]),
    "diodes": lambda k: DIODES.solve(k, [0, 2], V),
    "energy of diodes": lambda k: DIODES.energy(k, STATE),
    "transistors": lambda k: GATES.solve(k, [0, 2], V),
    "residual of transistors": lambda k: GATES.residual(k, STATE, [0, 2]),
    "bound of transistors": lambda k: np.asarray(GATES.nudge_bound(k, [0, 2], [1], STATE)),
    "derivative of transistors": lambda k: GATES.solve_vjp(STATE, k, [0, 2], STATE),
    "springs": lambda k: SPRINGS.solve(k, k, [0, 2], AT[None, [0, 2]], AT),
    "energy of springs": lambda k: SPRINGS.energy(k, k, AT[None]),
    "response of springs": lambda k: SPRINGS.respond(k, [1, 1, 1, 1, 2], [0, 2], AT[None], AT[None])[0],
    "coupled learning": lambda k: learning.coupled_learning_update(NET, k, *RULE),
    "nudged": lambda k: learning.nudged_learning_update(NET, k, *RULE),
    "adjoint": lambda k: learning.adjoint_learning_update(NET, k, *RULE),
    "frequencies": lambda k: learning.frequency_propagation_update(NET, k, *RULE),
    "agnostic": lambda k: learning.agnostic_learning_step(NET, k, *RULE),
    "dynamics": lambda k: learning.coupled_dynamics(NET, k, *RULE, eta=0.1, rate=1.0, capacitance=1.0, dt=0.01, steps=3)[0],
    "potentiometers": lambda k: networks.potentiometer_step(k, STATE[0, [0, 1, 2, 3, 1]], ohms=0.1, low=0.1, high=10.0),
    "coupled learning of springs": lambda k: learning.elastic_learning_update(SPRINGS, k, [1, 1, 1, 1, 2], *SPRUNG)[0],
    "circuit": lambda k: _circuit(ResistorCircuit, "conductance", k, smallest=1.0, largest=9.0, start=1.0, complement=False, dtype="float64"),
    "transistor circuit": lambda k: _circuit(NonlinearCircuit, "gate", k),
    "spring system": lambda k: SpringNetwork(
        edges=EDGES, positions=AT, features=1, outputs=1, anchors=1, complement=False, parameters={"stiffness": k}, key=random.key(0)
    ).forward(np.array([[0.1]])),
}  # fmt: skip


def _circuit(kind: Any, name: str, k: Any, **more: Any) -> np.ndarray:
    nodes = {"source_nodes": [0, 1, 2], "target_nodes": [3]} if name == "conductance" else {}
    edges, n = (EDGES, 4) if name == "conductance" else ([*EDGES, [3, 4]], 5)
    k = k if name == "conductance" else [*k, 2] if isinstance(k, list) else np.append(k, k[0])
    system = kind(edges=edges, n_nodes=n, features=1, outputs=1, parameters={name: k}, key=random.key(0), **nodes, **more)
    return np.asarray(system.forward(system.encode(np.array([[0.3]]))))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_integers_and_lists_are_taken(name: str) -> None:
    f = FUNCTIONS[name]
    expected = f(np.array(K, np.float64))
    for given in (K, [float(k) for k in K], np.array(K), np.array(K, np.uint8)):
        got = f(given)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, expected)
    assert np.isfinite(expected).all()
    assert np.abs(expected).max() > 0


def test_a_list_has_the_right_answer() -> None:
    """Two resistors in series, of 2 and 1 siemens, and nothing else: the middle lies at two thirds."""
    assert ResistorNetwork([[0, 1], [1, 2]], 3).solve([1, 2], [0, 2], V)[0, 1] == pytest.approx(2 / 3)


@pytest.mark.parametrize("bad", [["a", "b", "c", "d", "e"], [[1], [2, 3]], [1j] * 5, "1", None])
def test_what_is_no_number_is_named(bad: Any) -> None:
    with pytest.raises(TypeError, match="conductance must be "):
        NET.solve(bad, [0, 2], V)
