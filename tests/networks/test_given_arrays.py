"""Arrays that do not fit are named before anything reads them: sizes a kernel would run past, complex numbers where real ones are meant,
numbers in place of integers, and records that were made of other arrays than a function makes them of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import Backend

import pnnkern as pnn
from pnnkern import learning, networks
from pnnkern.learning import coupled
from pnnkern.learning.boltzmann import contrastive_divergence
from pnnkern.networks import (
    DiodeNetwork,
    ElasticNetwork,
    ResistorNetwork,
    TransistorNetwork,
    boltzmann,
    convolutional,
    drn,
    graphs,
    hopfield,
    ising,
    oscillator,
)

EDGES = graphs.lattice(2, 3)
ONES = np.ones(len(EDGES))
V = np.linspace(0.1, 1.0, 12).reshape(2, 6)
SPRINGS = ElasticNetwork(EDGES, 6)
PLACES = graphs.lattice_positions(2, 3)[None]
W = [np.full((3, 4), 0.5), np.full((4, 2), 0.5)]
X, Y = np.ones((2, 3)), np.ones((2, 2))
START = [np.zeros((2, 4)), np.zeros((2, 2))]
MAPS = [np.full((2, 1, 3, 3), 0.1), np.full((2 * 2 * 2, 3), 0.1)]
IMAGES = np.ones((2, 1, 4, 4))
SPINS = ising.SpinGraph(EDGES, 6)
UP = np.ones((2, 6), np.int8)
COUPLED = np.ones((4, 4)) - np.eye(4)
PHASE = np.zeros((2, 4))
KEY = pnn.random.key(1)


# what kernels read and write: without a check of the size, memory that is not theirs
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, net: net.residual(a(ONES), a(V[:, :3]), [0]), r"voltages must be \(batch, 6\), got shape \(2, 3\)"),
        (lambda a, net: net.residual(a(ONES), a(V[0]), [0]), r"voltages must be \(batch, 6\), got shape \(6,\)"),
        (lambda a, net: net.residual(a(ONES), a(V), [0], a(V[:1, :2])), r"currents must be \(2, 6\), got shape \(1, 2\)"),
        (lambda a, net: net.drop_products(a(V[:, :2]), a(V[:, :2])), r"a must be \(6, columns\), got shape \(2, 2\)"),
        (lambda a, net: net.drop_products(a(V.T), a(V.T[:, :1])), r"b must be \(6, 2\), got shape \(6, 1\)"),
        (lambda a, net: net.update(a(V.T), a(V.T), a(ONES[:2]), 1.0, limits=(0, 1)), r"conductance must be \(7,\), got shape \(2,\)"),
        (lambda a, net: net.laplacian(a(ONES[:2]), a(V.T), a(np.ones(6, np.uint8))), r"conductance must be \(7,\), got shape \(2,\)"),
        (lambda a, net: net.laplacian(a(ONES), a(V.T), a(np.ones(2, np.uint8))), r"free must be \(6,\), got shape \(2,\)"),
        (lambda a, net: net.laplacian(a(ONES), a(V), a(np.ones(6, np.uint8))), r"v must be \(6, columns\), got shape \(2, 6\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [ResistorNetwork, DiodeNetwork, TransistorNetwork])
def test_sizes_before_kernels(backend: Backend, make: Any, call: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(backend.array, make(EDGES, 6))


@pytest.mark.parametrize("room", [drn, hopfield])
@pytest.mark.parametrize("short", [[np.zeros((2, 3)), START[1]], [START[0], np.zeros((3, 2))], START[:1], [*START, START[1]]])
def test_start_of_the_fused_kernel(backend: Backend, room: Any, short: list[np.ndarray]) -> None:
    x, w, y, start = (backend.array(a) if isinstance(a, np.ndarray) else [backend.array(b) for b in a] for a in (X, W, Y, short))
    with pytest.raises(ValueError, match=r"start must be states of each of the 2 layers|start\[.\] must be \(2, .\), or"):
        room.phases(x, w, nudges=(0.1,), target=y, start=start)


def test_another_precision_than_the_kernel_reads(backend: Backend) -> None:
    net, mask = ResistorNetwork(EDGES, 6), backend.array(np.ones(6, np.uint8))
    with pytest.raises(TypeError, match="conductance must be float64 here, got float32"):
        net.laplacian(backend.array(ONES.astype("f4")), backend.array(V.T), mask)
    with pytest.raises(TypeError, match="free must be uint8 here, got float64"):
        net.laplacian(backend.array(ONES), backend.array(V.T), backend.array(np.ones(6)))
    one, two = backend.array(V.T.astype("f4")), backend.array(V.T)
    np.testing.assert_allclose(backend.numpy(net.drop_products(two, one)), backend.numpy(net.drop_products(two, two)), rtol=1e-6)


def settled() -> Any:
    return hopfield.phases(X, W, nudges=(0.1,), target=Y)


def of_images() -> Any:
    return convolutional.phases(IMAGES, MAPS, nudges=(0.1,), target=np.ones((2, 3)))


def beats() -> Any:
    return oscillator.respond(PHASE, COUPLED, nudges=(0.1,), target=np.ones((2, 1)))


i = 1 + 0j


@pytest.mark.parametrize(
    "call",
    [
        lambda: ResistorNetwork(EDGES, 6).solve(ONES, [0], V[:, :1] * i),
        lambda: ResistorNetwork(EDGES, 6).solve(ONES * i, [0], V[:, :1]),
        lambda: ResistorNetwork(EDGES, 6).solve(ONES, [0], V[:, :1], currents=V * i),
        lambda: ResistorNetwork(EDGES, 6).solve(ONES, [0], V[:, :1], load=([1], np.ones(1) * i, V[:, :1])),
        lambda: ResistorNetwork(EDGES, 6).solve_many(ONES[None], [0], V[:, :1] * i),
        lambda: DiodeNetwork(EDGES, 6).residual(ONES, V * i, [0]),
        lambda: DiodeNetwork(EDGES, 6, lower=V[0] * i),
        lambda: DiodeNetwork(EDGES, 6, diode=ONES * i),
        lambda: DiodeNetwork(EDGES, 6).solve_vjp(V * i, ONES, [0], V),
        lambda: SPRINGS.relax(ONES, ONES, [0], PLACES[:, :1] * i, PLACES[0]),
        lambda: SPRINGS.relax(ONES, ONES, [0], PLACES[:, :1], PLACES[0] * i),
        lambda: SPRINGS.energy(ONES, ONES, PLACES, forces=PLACES * i),
        lambda: hopfield.relax(X * i, W),
        lambda: hopfield.relax(X, W, start=[s * i for s in START]),
        lambda: hopfield.relax(X, W, nudge=0.1, target=Y * i),
        lambda: hopfield.relax(X, W, backward=[w * i for w in W]),
        lambda: hopfield.energy(X, [s * i for s in START], W),
        lambda: hopfield.relax_vjp(Y * i, X, W),
        lambda: hopfield.continual(X, Y, W, nudge=0.1, rates=np.ones(2) * i),
        lambda: drn.relax(X * i, W),
        lambda: drn.encode(X * i, 1.0),
        lambda: convolutional.relax(IMAGES * i, MAPS),
        lambda: convolutional.convolve(IMAGES, MAPS[0] * i),
        lambda: boltzmann.hidden_chance(X * i, W[0], np.zeros(3), np.zeros(4)),
        lambda: ising.energy(UP, SPINS, ONES * i),
        lambda: ising.sweep(UP, SPINS, ONES, V * i, key=KEY),
        lambda: ising.sweep(UP, SPINS, ONES, beta=np.ones(3) * i, sweeps=3, key=KEY),
        lambda: oscillator.relax(PHASE * i, COUPLED),
        lambda: oscillator.force(PHASE, COUPLED, x=np.ones(4) * i),
        lambda: oscillator.force(PHASE, COUPLED, second=np.ones(4) * i),
        lambda: oscillator.respond(PHASE, COUPLED, nudges=np.ones(1) * i, target=np.ones((2, 1))),
        lambda: learning.coupled_learning_update(ResistorNetwork(EDGES, 6), ONES, [0, 1], V[:, :2] * i, [5], V[:, :1]),
        lambda: learning.coupled_learning_update(ResistorNetwork(EDGES, 6), ONES, [0, 1], V[:, :2], [5], V[:, :1], weights=np.ones(2) * i),
        lambda: learning.elastic_learning_update(SPRINGS, ONES, ONES, [0], PLACES[:, :1], [5], PLACES[:, 5:] * i, PLACES[0]),
        lambda: learning.allosteric_learning_update(SPRINGS, ONES, ONES, [0], PLACES[:, :1], [2], np.ones(1) * i, PLACES[0]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("error")  # an imaginary part that is thrown away
def test_real_numbers_are_not_made_of_complex_ones(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"must be (real numbers|an array of float32 or float64), got complex128"):
        call()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: DiodeNetwork(EDGES, 6).energy(ONES, V[:, :5]), ValueError, r"voltages must be \(batch, 6\), got shape \(2, 5\)"),
        (lambda: DiodeNetwork(EDGES, 6).solve_vjp(V[:1], ONES, [0], V), ValueError, r"cotangent must be \(2, 6\), got shape \(1, 6\)"),
        (lambda: ResistorNetwork(EDGES, 6).power(ONES, V[0]), ValueError, r"voltages must be \(batch, 6\), got shape \(6,\)"),
        (lambda: ResistorNetwork(EDGES, 6).solve(ONES, [0], V[:, :1], load=V), TypeError, r"load must be \(nodes, siemens, volts\)"),
        (lambda: SPRINGS.lengths(PLACES[0]), ValueError, r"positions must be \(batch, 6, 2\), got shape \(6, 2\)"),
        (lambda: SPRINGS.energy(ONES[:2], ONES, PLACES), ValueError, r"stiffness must be \(7,\), got shape \(2,\)"),
        (lambda: hopfield.relax(X, [np.array(1.0), W[1]]), ValueError, r"weights\[0\] must be \(3, nodes of the next layer\), got shape \(\)"),
        (lambda: hopfield.relax(X, W, nudge="conductance", target=Y), TypeError, "a nudge must be a number, or one for each phase"),
        (lambda: hopfield.energy(X, START[:1], W), ValueError, "states must be of each of the 2 layers after the input, got 1"),
        (lambda: drn.residual(X, [START[0].T, START[1]], W), ValueError, r"states\[0\] must be \(2, 4\), got shape \(4, 2\)"),
        (lambda: drn.nudge_bound([]), ValueError, "at least one array of weights"),
        (lambda: hopfield.contrast(replace(settled(), moved=[]), 0, 1), ValueError, "as many arrays of moved as of states, one or more, got 0"),
        (lambda: drn.contrast(replace(settled(), states=[[0.0], START[1]]), 0, 1), TypeError, "what phases hold must be arrays, got list"),
        (lambda: drn.contrast(replace(settled(), inputs=X[0]), 0, 1), ValueError, r"inputs must be \(batch, n\) .*got shapes \(3,\)"),
        (lambda: hopfield.contrast(replace(settled(), states=START[::-1]), 0, 1), ValueError, r"moved\[0\] must be \(1, 2, 2\)"),
        (lambda: hopfield.relax_vjp(Y, X, W, free=replace(hopfield.relax(X, W), pulls=[1.5, Y])), TypeError, "free.pulls must be arrays"),
        (lambda: hopfield.continual(X, Y, W, nudge=0.1, rates=np.ones((3, 2))), ValueError, "one rate for each of the 2 layers"),
        (lambda: convolutional.convolve(IMAGES[0], MAPS[0]), ValueError, r"x must be \(batch, maps, height, width\), got shape \(1, 4, 4\)"),
        (lambda: convolutional.convolve(IMAGES, MAPS[0][..., :2]), ValueError, r"kernel must be \(maps, 1, k, k\) with k odd"),
        (lambda: convolutional.convolve(IMAGES.astype(int), MAPS[0]), TypeError, "x must be floating point numbers, got int64"),
        (lambda: convolutional.contrast(of_images(), 0, 1, MAPS[::-1]), ValueError, "weights must be"),
        (lambda: convolutional.contrast(of_images(), 0, 1, [MAPS[0][:1], MAPS[1][:4]]), ValueError, "do not belong to weights of shapes"),
        (lambda: ising.default_schedule(SPINS, ONES[:2], None), ValueError, r"coupling must be \(7,\), got shape \(2,\)"),
        (lambda: ising.default_schedule(SPINS, ONES, V[:, :4]), ValueError, r"field must be \(6,\) or \(batch, 6\), got shape \(2, 4\)"),
        (lambda: ising.sweep(UP, SPINS, ONES, key=KEY, sample=np.ones(2)), TypeError, "sample must be integers, got float64"),
        (lambda: oscillator.force(PHASE, "conductance"), TypeError, r"coupling must be an array \(N, N\) or Between, got str"),
        (lambda: oscillator.Between([[1.0]]), TypeError, "couplings between two groups must be an array, got list"),
        (lambda: oscillator.respond(PHASE[None], COUPLED, nudges=(0.1,), target=np.ones((1, 1))), ValueError, r"phase must be \(batch, N\)"),
        (lambda: oscillator.contrast(replace(beats(), moved=[PHASE]), 0, 1), ValueError, r"moved\[0\] must be \(2, 2, 4\), got shape \(2, 4\)"),
        (lambda: learning.coupled_learning_update(ResistorNetwork(EDGES, 6), ONES, [0, 1], V[:0, :2], [5], V[:0, :1]), ValueError,
         "one of each for every sample, at least one"),
        (lambda: learning.coupled_learning_update(ResistorNetwork(EDGES, 6), ONES, [0, 1], V[:, :2], [5], V[:, :1], response=V), TypeError,
         r"response must be what net.response\(...\) returns, got ndarray"),
        (lambda: learning.coupled_learning_update(ResistorNetwork(EDGES, 6), ONES, [0, 1], V[:, :2], [5], V[:, :1],
                                                  response=ResistorNetwork(EDGES, 6).response(ONES, [0, 1], [4])), ValueError,
         r"response must be of these target nodes, \[5\]"),
        (lambda: coupled.class_targets(V.T, np.array([0, 2] * 3)), ValueError, "labels must be all of 0 .. 1 if there are 2 classes"),
        (lambda: coupled.class_targets(V, np.array([0.0, 1.0])), TypeError, "labels must be integers, got float64"),
        (lambda: coupled.nearest_class(V, V[:, :2]), ValueError, r"targets must be \(classes, 6\), got shape \(2, 2\)"),
        (lambda: coupled.misclassified(V, V, np.array([0])), ValueError, r"labels must be \(2,\), one for each sample, got"),
        (lambda: networks.potentiometer_step(ONES, ONES[:2], ohms=1, low=1, high=2), ValueError, r"update must be \(7,\), got shape \(2,\)"),
        (lambda: contrastive_divergence(X, np.ones((3, 2)), np.ones(3), np.ones(2), chains=X[0], key=KEY), ValueError,
         r"chains units must be \(batch, 3\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "lay", [np.asfortranarray, lambda x: np.flip(np.flip(x).copy()), lambda x: np.repeat(x, 2, axis=-1)[..., ::2]]
)
def test_any_layout(backend: Backend, lay: Callable[[np.ndarray], np.ndarray]) -> None:
    """Of what kernels read as it is, and write: currents, states, and the sum over sweeps."""
    laid = lay if backend.device == "cpu" else lambda x: backend.array(lay(x))  # NumPy's layouts; a GPU's array may keep them
    net, p = DiodeNetwork(EDGES, 6), backend.array(ONES)
    one, two = (net.residual(p, f(V), [0], f(V[::-1])) for f in (backend.array, laid))
    np.testing.assert_array_equal(backend.numpy(one), backend.numpy(two))
    one, two = (net.relax(p, [0], f(V[:, :1]), currents=f(V), start=f(V), method="sweep").voltages for f in (backend.array, laid))
    np.testing.assert_array_equal(backend.numpy(one), backend.numpy(two))
    totals = [backend.array(np.zeros((2, 6), np.int32)), laid(np.zeros((2, 6), np.int32))]
    for total in totals:
        ising.sweep(backend.array(UP), SPINS, backend.array(ONES), sweeps=5, key=KEY, total=total)
    np.testing.assert_array_equal(*map(backend.numpy, totals))
    assert backend.numpy(totals[0]).any()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_records_may_hold_matrices() -> None:
    """Whose * is another product."""
    held = settled()
    held.states[0] = np.asmatrix(held.states[0])
    for a, b in zip(drn.contrast(held, 0, 1)[0], drn.contrast(settled(), 0, 1)[0], strict=True):
        assert type(a.first) is np.ndarray
        np.testing.assert_array_equal(a.dense(), b.dense())
    held.states[0] = np.ma.masked_array(held.states[0])
    with pytest.raises(TypeError, match="what phases hold must be arrays, got MaskedArray"):
        drn.contrast(held, 0, 1)


def test_holomorphic_states_may_be_complex() -> None:
    free = hopfield.relax(X, W, activation="tanh", nudge=0.1j, target=Y)
    again = hopfield.relax(X, W, activation="tanh", nudge=0.1j, target=Y, start=free.states)
    np.testing.assert_allclose(again.output, free.output, rtol=1e-9)
    assert np.abs(free.output.imag).max() > 1e-3


def test_integers_and_booleans_are_taken_where_they_always_were() -> None:
    for given in (X.astype(np.uint8), X.astype(bool)):
        assert np.array_equal(hopfield.relax(given, W).output, hopfield.relax(X, W).output)
    assert np.array_equal(boltzmann.hidden_chance(X.astype(bool), W[0], np.zeros(3), np.zeros(4)),
                          boltzmann.hidden_chance(X, W[0], np.zeros(3), np.zeros(4)))  # fmt: skip
