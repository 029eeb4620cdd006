"""Misbuilt devices: passes and local rules are of what was built, the twin knows the clean model alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps import mean_step, written

from pnnkern import random
from pnnkern._updates import dense
from pnnkern.learning import SGD, Adam, CoupledLearning, EquilibriumPropagation, InSilico, PhysicsAware, losses
from pnnkern.networks import DiodeNetwork, graphs
from pnnkern.systems import (
    DRN,
    BoltzmannMachine,
    ConvolutionalHopfield,
    CouplingImperfections,
    EdgeImperfections,
    Hopfield,
    IsingMachine,
    NonlinearCircuit,
    OscillatorImperfections,
    OscillatorMachine,
    ResistorCircuit,
    SpringImperfections,
    SpringNetwork,
    ThresholdImperfections,
    UnitImperfections,
)  # fmt: skip

KEY, NOISE = random.key(5), random.key(8)
LAYERS: dict[str, Any] = {"inputs": 4, "hidden": (6,), "outputs": 3, "key": KEY}


def diodes(**options: Any) -> NonlinearCircuit:
    edges = graphs.lattice(5, 5)
    net = DiodeNetwork(edges, 25, diode=np.arange(len(edges)) % 4 == 0, reverse=1e-2)
    return NonlinearCircuit(network=net, key=KEY, smallest=1e-5, largest=1e-1, start_low=5e-4, start_high=2e-3, **options)


# name: how it is made, its imperfections, the unit of its outputs, and a nudge that it bears
SYSTEMS: dict[str, tuple[Callable[..., Any], Any, float, float]] = {
    "resistor-network": (lambda **o: ResistorCircuit(nodes=30, key=KEY, **o), EdgeImperfections, 1e-2, 1e-5),
    "transistor-network": (lambda **o: NonlinearCircuit(key=KEY, **o), ThresholdImperfections, 1e-3, 1e-6),
    "diodes": (diodes, ThresholdImperfections, 1e-3, 1e-6),
    "spring-network": (lambda **o: SpringNetwork(nodes=25, key=KEY, **o), SpringImperfections, 1e-3, 1e-3),
    "hopfield": (lambda **o: Hopfield(**LAYERS, **o), UnitImperfections, 1e-1, 0.1),
    "hopfield, its own way back": (
        lambda **o: Hopfield(inputs=4, hidden=(6, 5), outputs=3, feedback="separate", key=KEY, **o), UnitImperfections, 1e-1, 0.1
    ),
    "hopfield, softmax": (lambda **o: Hopfield(**LAYERS, readout="softmax", activation="tanh", **o), UnitImperfections, 1e-1, 0.1),
    "hopfield-conv": (
        lambda **o: ConvolutionalHopfield(maps=(2,), outputs=3, height=2, width=2, key=KEY, **o), UnitImperfections, 1e-1, 0.1
    ),
    "drn": (lambda **o: DRN(**LAYERS, gain=3.0, **o), UnitImperfections, 1e-1, 0.1),
    "oscillators": (lambda **o: OscillatorMachine(**LAYERS, **o), OscillatorImperfections, 1e-1, 0.1),
    "ising": (lambda **o: IsingMachine(**LAYERS, sweeps=20, **o), CouplingImperfections, 1e-1, 1.0),
    "boltzmann": (lambda **o: BoltzmannMachine(**LAYERS, **o), CouplingImperfections, 1e-1, 1.0),
}  # fmt: skip
GRAPHS = ("resistor-network", "transistor-network", "diodes", "spring-network")
DETERMINISTIC = [name for name in SYSTEMS if name not in ("ising", "boltzmann")]
ON_GPU = ("resistor-network", "transistor-network", "spring-network", "hopfield", "hopfield-conv", "drn", "oscillators", "boltzmann")


def made(name: str, device: str = "cpu", **imperfections: float) -> Any:
    make, kind, *_ = SYSTEMS[name]
    return make(device=device, imperfections=kind(**imperfections))


def all_wrong(name: str) -> dict[str, float]:
    """Every imperfection at once, in the unit of the system."""
    unit = SYSTEMS[name][2]
    own = {"stuck_low": 0.05, "stuck_high": 0.05} if name in GRAPHS else {"dead": 0.1, "bias_offset": 0.1}
    own |= {"rest_mismatch": 0.01} if name == "spring-network" else {}
    own |= {"slope_mismatch": 0.1} if issubclass(SYSTEMS[name][1], UnitImperfections) else {}
    own |= {"threshold_offset": unit} if SYSTEMS[name][1] is ThresholdImperfections else {}
    own |= {"detuning": 0.05} if name == "oscillators" else {}
    return own | {"mismatch": 0.2, "gain_mismatch": 0.02, "input_offset": unit, "output_offset": unit, "measurement_noise": unit}


def encoded(system: Any, samples: int = 6) -> Any:
    x = np.random.default_rng(1).uniform(size=(samples, 4)).astype(np.float32)
    return system.encode(x.reshape(samples, 2, 2) if system.kind == "hopfield-conv" else x)


def draws(name: str, shape: tuple[int, ...], dtype: Any, draw: Callable[..., Any] = random.normal) -> np.ndarray:
    """What is drawn once for the parts of this name."""
    found: np.ndarray = draw(random.fold_in(random.fold_in(KEY, "built"), name), (1, int(np.prod(shape))), dtype=dtype).reshape(shape)
    return found


# -------------------------------------------------------------------------------------------------------------- one way of being
@pytest.mark.parametrize("name", SYSTEMS)
def test_nothing_is_wrong_by_default(name: str) -> None:
    """A perfect device is its own model, draws nothing, and passes as its twin."""
    system = SYSTEMS[name][0]()
    assert system.perfect
    assert system.built() is system
    inputs = encoded(system)
    out = system.forward(inputs, NOISE)
    assert not system._fixed
    if name in DETERMINISTIC:
        np.testing.assert_allclose(out, system.forward_saving(inputs)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_twin_is_clean(name: str) -> None:
    clean, system = SYSTEMS[name][0](), made(name, **all_wrong(name))
    inputs = encoded(system)
    assert not system.perfect
    assert np.abs(system.forward(inputs, NOISE) - clean.forward(inputs, NOISE)).max() > 1e-3 * SYSTEMS[name][2]
    if hasattr(system, "vjp"):
        (one, record), (two, other) = system.forward_saving(inputs), clean.forward_saving(inputs)
        assert (one == two).all()
        for of, gradient in clean.vjp(one, other).items():
            assert (dense(system.vjp(one, record)[of]) == dense(gradient)).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_free_state_of_a_rule_is_what_is_measured(name: str) -> None:
    """And it says so of nudged phases, too, whose parts are those of the built device."""
    system, nudge = made(name, **all_wrong(name)), SYSTEMS[name][3]
    inputs, target = encoded(system, 3), system.targets(np.array([0, 1, 2]))
    relaxed = system.relax(inputs, target=target, nudges=(nudge,), key=NOISE)
    assert (relaxed.output == system.forward(inputs, NOISE)).all()
    moved = system.contrast(relaxed, 0, 1)
    assert set(moved) <= set(system.parameters)
    assert any(np.abs(dense(derivative)).max() > 0 for derivative in moved.values())


@pytest.mark.parametrize("name", [name for name in DETERMINISTIC if name != "hopfield, softmax"])
def test_nudges_go_by_what_is_measured(name: str) -> None:
    """Outputs that measure as their targets are left alone, wherever they truly are."""
    nudge, wrong = SYSTEMS[name][3], all_wrong(name) | {"measurement_noise": 0.0}
    system = made(name, **wrong)
    inputs = encoded(system)
    there = system.forward(inputs)
    still, away = (system.contrast(system.relax(inputs, target=t, nudges=(nudge,)), 0, 1) for t in (there, there + SYSTEMS[name][2]))
    for of in still:
        assert np.abs(dense(still[of])).max() <= 1e-4 * np.abs(dense(away[of])).max() + 1e-12, of


@pytest.mark.parametrize("name", ON_GPU)
def test_noise_of_what_is_measured(backend, name: str) -> None:
    """Of the right rms, fresh with each key, and the same for any split of a batch; members have that of their numbers."""
    rms = SYSTEMS[name][2]
    quiet, system = (made(name, backend.device, **({"measurement_noise": n} if n else {})) for n in (0.0, rms))
    inputs = encoded(system, 400)
    clean, out = (backend.numpy(s.forward(inputs, NOISE)) for s in (quiet, system))
    assert (out - clean).std() == pytest.approx(rms, rel=0.1)
    halves = [backend.numpy(system.forward(inputs[piece], NOISE, piece.start)) for piece in (slice(0, 150), slice(150, 400))]
    np.testing.assert_allclose(np.concatenate(halves), out, rtol=1e-5, atol=1e-3 * rms)
    assert np.abs(backend.numpy(system.forward(inputs[:3], random.key(9))) - out[:3]).max() > 0.1 * rms
    if name != "boltzmann":
        with pytest.raises(ValueError, match="noise of what is measured is random, which needs a key"):
            system.forward(inputs)


@pytest.mark.parametrize("name", SYSTEMS)
def test_populations_are_of_the_built_device(name: str) -> None:
    system = made(name, **all_wrong(name))
    inputs, dice = encoded(system), np.random.default_rng(3)
    some = {of: np.stack([p * dice.uniform(0.9, 1.1, p.shape) for _ in range(2)]).astype(p.dtype) for of, p in system.parameters.items()}
    many = system.forward_population(inputs, some, NOISE, first=3)
    for m in range(2):
        system.parameters.update({of: values[m] for of, values in some.items()})
        np.testing.assert_allclose(many[m], system.forward(inputs, random.fold_in(NOISE, 3 + m)), rtol=1e-5, atol=1e-6)


# ----------------------------------------------------------------------------------------------------------------- what is built
def test_built_resistors_by_dense_algebra() -> None:
    """Currents of the built conductances by a Laplacian: outputs, and what the edges see when outputs are held."""
    system = made("resistor-network", mismatch=0.3, stuck_low=0.1, stuck_high=0.1, gain_mismatch=0.05, input_offset=0.01, output_offset=0.02)
    k, net = system.parameters["conductance"], system.network
    worth = k * np.maximum(1 + np.float32(0.3) * draws("conductance", k.shape, k.dtype), 0.01)
    u = draws("conductance stuck", k.shape, k.dtype, random.uniform)
    worth = np.where(u < 0.1, system.smallest, np.where(u > 0.9, system.largest, worth)).astype(np.float64)
    assert (u < 0.1).any()
    assert (u > 0.9).any()
    laplacian = np.zeros((net.n_nodes, net.n_nodes))
    for (i, j), g in zip(net.edges, worth, strict=True):
        laplacian[[i, j], [i, j]] += g
        laplacian[[i, j], [j, i]] -= g

    def settled(held: np.ndarray, at: np.ndarray) -> np.ndarray:
        free = np.setdiff1d(np.arange(net.n_nodes), held)
        v = np.zeros((len(at), net.n_nodes))
        v[:, held] = at
        v[:, free] = -np.linalg.solve(laplacian[np.ix_(free, free)], laplacian[np.ix_(free, held)] @ at.T).T
        return v

    def distorted(values: np.ndarray, what: str, offset: float) -> np.ndarray:
        n = values.shape[1:]
        return values * (1 + 0.05 * draws(f"{what} gain", n, values.dtype)) + offset * draws(f"{what} offset", n, values.dtype)

    inputs = encoded(system)
    free = settled(system.source_nodes, distorted(inputs, "input", 0.01))
    there = free[:, system.target_nodes]
    seen = distorted(there, "output", 0.02)
    np.testing.assert_allclose(system.forward(inputs), seen, atol=1e-6)
    target, eta = system.targets(np.array([0, 1, 2, 0, 1, 2])), 0.1
    error = np.where((target < seen) == (target > (0.52 + 0.48) / 2), 0.0, target - seen)
    held = np.concatenate([system.source_nodes, system.target_nodes])
    clamped = settled(held, np.concatenate([distorted(inputs, "input", 0.01), there + eta * error], axis=1))
    one, two = (v[:, net.edges[:, 0]] - v[:, net.edges[:, 1]] for v in (free, clamped))
    got = system.contrast(system.relax(inputs, target=target, nudges=(eta,), hold=True), 0, 1)["conductance"]
    np.testing.assert_allclose(got, ((two**2 - one**2) / 2).sum(axis=0), rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_edges_see_measured_voltages(noise: float) -> None:
    """With noise of what is measured the products of drops have it, too, and no more than that."""
    system = SYSTEMS["resistor-network"][0](dtype="float64", imperfections=EdgeImperfections(measurement_noise=noise))
    inputs, target = encoded(system, 60), system.targets(np.arange(60) % 3) + 0.05
    relaxed = system.relax(inputs, target=target, nudges=(0.2,), hold=True, key=NOISE)
    v, w = relaxed.voltages(0), relaxed.voltages(1)
    again = system.relax(inputs, target=target, nudges=(0.2,), hold=True, key=NOISE)
    assert (again.voltages(1) == w).all()
    i, j = system.network.edges.T
    drops = (((w[:, i] - w[:, j]) ** 2 - (v[:, i] - v[:, j]) ** 2) / 2).sum(axis=0)
    np.testing.assert_allclose(system.contrast(relaxed, 0, 1)["conductance"], drops, rtol=1e-6, atol=1e-11)
    clean = inputs @ relaxed.response.sources.T
    assert (v - clean).std() == pytest.approx(noise, rel=0.1, abs=1e-12)


def test_what_other_parts_are_worth() -> None:
    """By the formula of each family."""
    for name, of in (("hopfield", "W1"), ("drn", "W2"), ("oscillators", "W1"), ("ising", "W1"), ("boltzmann", "W2"), ("hopfield-conv", "W1")):
        system = made(name, mismatch=0.2, dead=0.2, bias_offset=0.1)
        p, built = system.parameters, system.built().parameters
        lives = draws(f"{of} dead", p[of].shape, np.float32, random.uniform) >= np.float32(0.2)
        np.testing.assert_allclose(built[of], p[of] * (1 + 0.2 * draws(of, p[of].shape, np.float32)).clip(0.01) * lives, rtol=1e-5)
        np.testing.assert_allclose(built["b1"], p["b1"] + 0.1 * draws("b1", p["b1"].shape, np.float32), rtol=1e-5)
        assert 0 < lives.mean() < 1
    gate, diode = made("transistor-network", mismatch=0.2), made("diodes", mismatch=0.2)
    z, over = draws("gate", (gate.network.n_edges,), np.float64), gate.parameters["gate"] - gate.network.threshold
    np.testing.assert_allclose(gate.built().parameters["gate"], gate.network.threshold + over * (1 + 0.2 * z), rtol=1e-12)
    z = draws("conductance", (diode.network.n_edges,), np.float64)
    np.testing.assert_allclose(diode.built().parameters["conductance"], diode.parameters["conductance"] * (1 + 0.2 * z), rtol=1e-12)
    springs = made("spring-network", rest_mismatch=0.01)
    z = draws("rest", (springs.network.n_edges,), np.float64)
    np.testing.assert_allclose(springs.built()._rest, springs._rest * (1 + 0.01 * z), rtol=1e-12)
    assert (springs._rest == SYSTEMS["spring-network"][0]()._rest).all()


def slopes_of(layer: int, shape: tuple[int, ...], spread: float, dtype: Any = np.float64) -> np.ndarray:
    return np.maximum(1 + spread * draws(f"slope {layer}", shape, dtype), 0.01)


def test_units_of_their_own_slopes_by_their_equations() -> None:
    """Each unit rests at activation(slope pull) of the formula, in plain NumPy; nodes of resistors leak to ground instead."""
    how: dict[str, Any] = {"dtype": "float64", "sweeps": 400, "nudged_sweeps": 400, "tolerance": 1e-12}
    for activation, act in (("hard-sigmoid", lambda u: u.clip(0, 1)), ("tanh", np.tanh)):
        system = Hopfield(**LAYERS, **how, activation=activation, imperfections=UnitImperfections(slope_mismatch=0.3))
        x, p = encoded(system), system.parameters
        h, o = system.relax(x).states
        one, two = (slopes_of(l, (n,), 0.3) for l, n in ((1, 6), (2, 3)))
        assert one.std() > 0.1
        np.testing.assert_allclose(h, act(one * (x @ p["W1"] + p["b1"] + o @ p["W2"].T)), atol=1e-10)
        np.testing.assert_allclose(o, two * (h @ p["W2"] + p["b2"]), atol=1e-10)
    drn = DRN(**LAYERS, gain=3.0, **how, imperfections=UnitImperfections(slope_mismatch=0.3))
    x, p = encoded(drn), drn.parameters
    h, o = drn.relax(x).states
    leak = 0.3 * abs(draws("slope 2", (3,), np.float64)) * p["W2"].sum(axis=0)  # siemens, to ground
    np.testing.assert_allclose(h @ p["W2"] + p["b2"] - o * p["W2"].sum(axis=0), leak * o, atol=1e-9)
    assert (leak > 0).all()


@pytest.mark.parametrize("name", ["hopfield", "drn", "oscillators"])
def test_nudges_find_the_gradient_of_the_built_device(name: str) -> None:
    """Slopes and detunings leave an energy: the contrast is central differences of the cost as it comes out of the built device.

    Of resistive networks for currents alone: leaks that are a share of all conductances of a node are not what a conductance feels.
    """
    how = {"steps": 30000, "nudged_steps": 30000, "tolerance": 1e-9} if name == "oscillators" else {"sweeps": 500, "nudged_sweeps": 500}
    wrong = {"slope_mismatch": 0.2} | ({"detuning": 0.1} if name == "oscillators" else {})
    make, kind, *_ = SYSTEMS[name]
    if name == "hopfield":
        how["activation"] = "tanh"
    system = make(dtype="float64", imperfections=kind(**wrong), **how)
    x, target = encoded(system, 2), np.full((2, 3), 0.3)
    beta = 1e-3
    relaxed = system.relax(x, target=target, nudges=(-beta, beta))
    found = {of: dense(d) / (2 * beta) for of, d in system.contrast(relaxed, 1, 2).items()}

    def cost() -> float:
        return float(((system.forward(x) - target) ** 2).sum() / 2)

    for of in ("b1",) if name == "drn" else ("W2", "b1", "W1"):
        p = system.parameters[of]
        at = np.unravel_index(np.argmax(np.abs(found[of])), p.shape)
        kept, values = p[at], []
        for sign in (1, -1):
            p[at] = kept + sign * 1e-3
            values.append(cost())
        p[at] = kept
        assert found[of][at] == pytest.approx((values[0] - values[1]) / 2e-3, rel=1e-3), of


def test_oscillators_of_their_own_frequencies_lock_where_forces_meet_them() -> None:
    """detuning + slope force = 0 at every phase, forces by the sines of the differences."""
    how: dict[str, Any] = {"dtype": "float64", "steps": 30000, "tolerance": 1e-9}
    wrong = OscillatorImperfections(detuning=0.1, slope_mismatch=0.2)
    system = OscillatorMachine(**LAYERS, **how, imperfections=wrong)
    x, p, n = encoded(system, 3), system.parameters, 9
    phase = system.relax(x).states[0]
    coupling, field = np.zeros((n, n)), np.concatenate([x @ p["W1"] + p["b1"], np.broadcast_to(p["b2"], (3, 3))], axis=1)
    coupling[:6, 6:], coupling[6:, :6] = p["W2"], p["W2"].T
    force = -(coupling * np.sin(phase[:, :, None] - phase[:, None, :])).sum(axis=2) - field * np.sin(phase) - p["K"] * np.sin(2 * phase)
    detuning = 0.1 * draws("detuning", (n,), np.float64)
    np.testing.assert_allclose(slopes_of(1, (n,), 0.2) * force, np.broadcast_to(-detuning, force.shape), atol=1e-7)


def test_thresholds_of_transistors_and_diodes() -> None:
    """A transistor whose threshold is higher conducts as one whose gate is lower; a diode starts at its own forward voltage, never below 0."""
    gates = made("transistor-network", threshold_offset=0.05)
    z = draws("threshold", (gates.network.n_edges,), np.float64)
    np.testing.assert_allclose(gates.built().parameters["gate"], gates.parameters["gate"] - 0.05 * z, rtol=1e-12)
    system = made("diodes", threshold_offset=0.05)
    z = draws("threshold", (system.network.n_edges,), np.float64)
    x, g, is_diode = encoded(system), system.parameters["conductance"], system.network.diode
    v, drop = system.states(x), np.where(is_diode, np.maximum(0.05 * z, 0), 0.0)
    assert (drop[is_diode] > 0).any()
    i, j = system.network.edges.T
    w = v[:, i] - v[:, j]
    reverse = np.where(is_diode, 1e-2, 1.0)
    flow, net = g * (reverse * w + (1 - reverse) * np.maximum(w - drop, 0)), np.zeros(v.shape)
    for e, (a, b) in enumerate(zip(i, j, strict=True)):
        net[:, a] += flow[:, e]
        net[:, b] -= flow[:, e]
    free = np.setdiff1d(np.arange(system.network.n_nodes), system.source_nodes)
    assert np.abs(net[:, free]).max() < 1e-6 * np.abs(flow).max()
    assert (system.network.drop == 0).all()  # of the model
    relaxed = system.relax(x, target=system.targets(np.arange(6) % 3), nudges=(0.5,), hold=True)
    over = [np.maximum(phase[:, i] - phase[:, j] - drop, 0) ** 2 for phase in relaxed.phases]
    plain = [(phase[:, i] - phase[:, j]) ** 2 for phase in relaxed.phases]
    felt = (reverse * (plain[1] - plain[0]) + (1 - reverse) * (over[1] - over[0])).sum(axis=0) / 2
    np.testing.assert_allclose(system.contrast(relaxed, 0, 1)["conductance"], felt, rtol=1e-6, atol=1e-12)


def test_rules_see_states_as_they_are_measured() -> None:
    """What is compared of two phases has the noise of both, each of its own, and the same for any split of the batch."""
    for name in ("hopfield", "hopfield-conv", "drn", "spring-network", "oscillators", "transistor-network"):
        rms, nudge, n = SYSTEMS[name][2], SYSTEMS[name][3], 40
        quiet, system = made(name), made(name, measurement_noise=rms)
        inputs, target = encoded(system, n), system.targets(np.arange(n) % 3)

        def found(which: Any, rows: slice, inputs: Any = inputs, target: Any = target, nudge: float = nudge) -> dict[str, np.ndarray]:
            relaxed = which.relax(inputs[rows], target=target[rows], nudges=(nudge,), key=NOISE, sample=rows.start)
            return {of: dense(d).astype(np.float64) for of, d in which.contrast(relaxed, 0, 1).items()}

        whole, one, two = (found(system, rows) for rows in (slice(0, n), slice(0, 15), slice(15, n)))
        for of, values in whole.items():
            size = np.abs(values).max()
            np.testing.assert_allclose(one[of] + two[of], values, atol=2e-4 * size + 1e-12, err_msg=f"{name} {of}")
        clean = found(quiet, slice(0, n))
        assert any(np.abs(whole[of] - clean[of]).max() > 1e-3 * np.abs(clean[of]).max() for of in whole)


@pytest.mark.parametrize("name", ["hopfield", "drn"])
def test_the_noise_of_measured_states_is_as_large_as_said(name: str) -> None:
    """A bias compares its unit's states of two phases that are the same but for noise: sqrt(2 samples) times the rms."""
    system, n = made(name, measurement_noise=0.01), 900
    relaxed = system.relax(encoded(system, n), target=system.targets(np.arange(n) % 3), nudges=(1e-7,), key=NOISE)
    found = np.array([dense(system.contrast(relaxed, 0, 1)[of]) for of in ("b1",)]).ravel()
    states = [relaxed.seen(p)[0] - relaxed.states[0] for p in (0, 1)]
    assert [s.std() for s in states] == pytest.approx([0.01, 0.01], rel=0.05)
    assert abs(np.corrcoef(states[0].ravel(), states[1].ravel())[0, 1]) < 0.06
    np.testing.assert_allclose(found, (states[0] - states[1]).sum(axis=0), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", ["hopfield", "hopfield-conv", "drn", "oscillators", "transistor-network", "diodes", "spring-network"])
def test_what_rules_see_of_the_built_device_is_the_same_everywhere(backend, name: str) -> None:
    """On every backend what the CPU finds with everything wrong at once, populations included."""
    found = []
    for device in ("cpu", backend.device):
        system = made(name, device, **all_wrong(name))
        inputs, target = encoded(system, 5), system.targets(np.arange(5) % 3)
        relaxed = system.relax(inputs, target=target, nudges=(SYSTEMS[name][3],), key=NOISE)
        many = system.forward_population(inputs, {of: p[None] for of, p in system.parameters.items()}, NOISE, first=2)
        parts = {of: dense(d) for of, d in system.contrast(relaxed, 0, 1).items()} | {"outputs": many}
        found.append({of: values if device == "cpu" else backend.numpy(values) for of, values in parts.items()})
    for of, values in found[0].items():
        np.testing.assert_allclose(found[1][of], values, rtol=1e-3, atol=1e-3 * np.abs(values).max(), err_msg=of)


def test_what_goes_backwards_is_measured_with_noise(backend) -> None:
    """Both drops of an edge, of the pass forwards and of that backwards."""
    for name in ("resistor-network", "spring-network"):
        quiet, system = (made(name, backend.device, **({"measurement_noise": rms} if rms else {})) for rms in (0.0, 1e-4))
        inputs, cotangent = encoded(system), backend.array(np.full((6, 3), 1e-3))
        (_, record), (_, other) = (s.forward_reading(inputs, NOISE) for s in (quiet, system))
        clean, noisy = (backend.numpy(next(iter(s.backward(cotangent, r, NOISE).values()))) for s, r in ((quiet, record), (system, other)))
        again = backend.numpy(next(iter(system.backward(cotangent, other, NOISE).values())))
        assert (again == noisy).all()
        assert np.abs(noisy - clean).max() > 1e-3 * np.abs(clean).max()


def test_stuck_parts_stay() -> None:
    """However they are written."""
    system = made("resistor-network", stuck_low=0.2, stuck_high=0.1)
    before = system.built().parameters["conductance"].copy()
    inputs, labels = encoded(system), np.array([0, 1, 2, 0, 1, 2])
    for _ in range(3):
        written(CoupledLearning(0.05), system, inputs, labels, Adam(3e-4), 3e-4)
    after = system.built().parameters["conductance"]
    stuck = (before == np.float32(system.smallest)) | (before == np.float32(system.largest))
    assert stuck.mean() == pytest.approx(0.3, abs=0.1)
    assert (after[stuck] == before[stuck]).all()
    assert (after[~stuck] != before[~stuck]).any()
    with pytest.raises(ValueError, match="fractions of the same edges"):
        EdgeImperfections(stuck_low=0.6, stuck_high=0.6)


def test_a_cut_network_keeps_its_parts() -> None:
    from pnnkern.systems.resistor_network import damaged

    whole = made("resistor-network", mismatch=0.3, stuck_low=0.1)
    cut = damaged(whole, 0.2, random.key(1))
    worth = {tuple(e): g for e, g in zip(whole.network.edges.tolist(), whole.built().parameters["conductance"].tolist(), strict=True)}
    assert [worth[tuple(e)] for e in cut.network.edges.tolist()] == cut.built().parameters["conductance"].tolist()


# --------------------------------------------------------------------------------------------------------------------- learning
@pytest.mark.parametrize("name", ["resistor-network", "hopfield", "spring-network"])
def test_physics_aware_goes_back_from_what_was_measured(name: str) -> None:
    system = made(name, **all_wrong(name))
    inputs, labels = encoded(system), np.array([0, 1, 2, 0, 1, 2])
    got, metrics = mean_step(PhysicsAware("mse"), system, inputs, labels, NOISE)
    clean = SYSTEMS[name][0]()
    loss = losses.make(clean, "mse")
    measured = system.forward(inputs, NOISE)
    found, cotangent = loss(measured, labels)
    expected = clean.vjp(cotangent, clean.forward_saving(inputs)[1])
    for of, gradient in expected.items():
        np.testing.assert_allclose(got[of], dense(gradient) / 6, rtol=1e-5, atol=1e-9)
    assert metrics["loss"] == pytest.approx(float(found) / 6, rel=1e-5)


def error_of(system: Any, inputs: Any, labels: np.ndarray) -> float:
    out = system.forward(inputs)
    return float(((out - system.targets(labels)) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize(
    ("name", "options", "rules", "optimizer", "steps"),
    [
        ("resistor-network", {"hinge": False}, [CoupledLearning(0.01, "centred"), EquilibriumPropagation(1e-5)], Adam(1e-4), 150),
        (
            "hopfield", {"dtype": "float64", "sweeps": 8, "nudged_sweeps": 8},
            [CoupledLearning(0.1, "centred"), EquilibriumPropagation(0.1)], SGD(0.1), 150,
        ),
    ],
)  # fmt: skip
def test_local_rules_keep_what_deployment_loses(name: str, options: dict[str, Any], rules: list[Any], optimizer: Any, steps: int) -> None:
    """Parameters of exact gradients of the model lose on the built device; trained in place by what it measures, it learns all the same."""
    make, kind, *_ = SYSTEMS[name]
    wrong = kind(mismatch=0.3)
    inputs, labels = encoded(make(**options), 3), np.array([0, 1, 2])

    def trained(rule: Any, **how: Any) -> Any:
        system, opt = make(**options, **how), type(optimizer)(optimizer.lr)
        for _ in range(steps):
            written(rule, system, inputs, labels, opt, opt.lr)
        return system

    model = trained(InSilico("mse"))
    deployed = make(**options, imperfections=wrong, parameters=model.parameters)
    lost = error_of(deployed, inputs, labels)
    assert lost > 3 * error_of(model, inputs, labels)
    for rule in rules:
        assert error_of(trained(rule, imperfections=wrong), inputs, labels) < lost / 3


@pytest.mark.parametrize(
    ("slopes", "message"),
    [
        ([np.ones(6)], "slopes must be of each of the 2 layers"),
        ([np.ones(6), np.zeros(3)], "slopes of units must be positive and finite"),
        ([np.ones(6), np.ones(2)], r"slopes\[1\] must be \(3,\)"),
        ([np.ones(6), np.full(3, np.nan)], "slopes of units must be positive and finite"),
    ],
)
def test_slopes_that_are_none(slopes: list[np.ndarray], message: str) -> None:
    from pnnkern.networks import drn, hopfield

    for name, physics in (("hopfield", hopfield), ("drn", drn)):
        system = SYSTEMS[name][0]()
        with pytest.raises(ValueError, match=message):
            physics.relax(encoded(system), system.weights, system.biases, slopes=slopes, tolerance=0)


def test_steep_outputs_bear_smaller_nudges() -> None:
    """The bound of a nudge is where an output's own term in the energy is used up: at 1 over the largest slope."""
    from pnnkern.networks import hopfield

    system = SYSTEMS["hopfield"][0]()
    x, slopes, target = encoded(system), [np.ones(6), np.array([1.0, 2.0, 1.0])], np.zeros((6, 3))
    hopfield.phases(x, system.weights, system.biases, slopes=slopes, nudges=(-0.49,), target=target, sweeps=5, tolerance=0)
    with pytest.raises(ValueError, match=r"nudges must lie above -0\.5"):
        hopfield.phases(x, system.weights, system.biases, slopes=slopes, nudges=(-0.51,), target=target, sweeps=5, tolerance=0)
