"""Transistors and diodes as trainable systems: XOR and a nonlinear curve by local rules; with diodes, gradients."""

from pathlib import Path

import numpy as np
import pytest
from steps import mean_step, written

from pnnkern import ScalarFunction, cli, random
from pnnkern._declared import keys
from pnnkern._errors import ConvergenceError, NudgeError
from pnnkern._updates import gradients
from pnnkern.learning import Adam, CoupledLearning, EquilibriumPropagation, InSilico, SquareError
from pnnkern.learning.metrics import metrics
from pnnkern.networks import DiodeNetwork, ElementNetwork, ResistorNetwork, TransistorNetwork, graphs
from pnnkern.systems import writers
from pnnkern.systems.nonlinear_network import NonlinearCircuit

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64), np.array([0, 1, 1, 0])


def transistors(side: int = 4, features: int = 2, seed: int = 0, **more: object) -> NonlinearCircuit:
    edges = graphs.lattice(side, side, periodic=True)
    return NonlinearCircuit(edges=edges, n_nodes=side * side, features=features, outputs=1, key=random.key(seed), **more)  # type: ignore[arg-type]


def test_xor_is_learned_by_transistors() -> None:
    """No linear network can: f(0,0) + f(1,1) = f(0,1) + f(1,0) there."""
    system, adam, rule = transistors(seed=1), Adam(0.02), CoupledLearning(0.5, "positive")
    inputs = system.encode(XOR[0])
    for _ in range(600):
        out = system.forward(inputs)[:, 0]
        if ((out > 0.015) == (XOR[1] == 1)).all() and np.abs(out).min() > 0.015:
            break
        written(rule, system, inputs, XOR[1], adam, 0.02)
    out = system.forward(inputs)[:, 0]
    assert ((out > 0) == (XOR[1] == 1)).all()
    assert np.abs(out).min() > 0.015
    assert system.parameters["gate"].min() >= 0.8


def test_a_curve_is_learned_by_transistors() -> None:
    """Nonlinear regression: a parabola, far better than the best straight line."""
    system = transistors(4, 1, seed=0, hinge=False)
    x = np.linspace(0, 1, 9)[:, None]
    target = 0.02 * (1 / 3 - 4 * (x - 0.5) ** 2)
    line = np.polyval(np.polyfit(x[:, 0], target[:, 0], 1), x)
    inputs, adam = system.encode(x), Adam(0.02)
    for step in range(600):
        relaxed = system.relax(inputs, target=target, nudges=(0.5,), hold=True)
        updates = gradients({name: 2 * value for name, value in system.contrast(relaxed, 0, 1).items()})
        writers.apply(system, updates, adam, 0.02 * (1 - step / 600), len(x))
    error = np.sqrt(((system.forward(inputs) - target) ** 2).mean())
    assert error < 0.25 * np.sqrt(((line - target) ** 2).mean())


def test_diodes_follow_the_gradient(backend, rng: np.random.Generator) -> None:
    edges = graphs.disordered(14, 5.0, random.key(2))
    net = DiodeNetwork(edges, 14, diode=np.arange(len(edges)) % 2 == 0, reverse=0.05, drop=0.05)
    how = {"volts": 1.0, "high": 0.1, "low": -0.1, "hinge": False, "start_low": 0.5, "start_high": 2.0, "smallest": 1e-3, "largest": 10.0}
    system = NonlinearCircuit(network=net, features=3, outputs=2, relaxation=1.0, key=random.key(1), device=backend.device, **how)
    assert system.has_energy
    x, labels = rng.random((3, 3)), np.array([0, 1, 1])
    updates, metrics = mean_step(EquilibriumPropagation(1e-3), system, system.encode(x), labels)
    k, inputs = (backend.numpy(v) for v in (system.parameters["conductance"], system.encode(x)))

    def loss(values: np.ndarray) -> float:
        v = net.solve(values, system.source_nodes, inputs)[:, system.target_nodes]
        return float((((v[:, :2] - v[:, 2:]) - np.where(labels[:, None] == [0, 1], 0.1, -0.1)) ** 2).sum(axis=1).mean() / 2)

    assert float(metrics["loss"]) == pytest.approx(loss(k))
    numeric = np.array([(loss(k + h) - loss(k - h)) / 2e-5 for h in 1e-5 * np.eye(len(k))])
    assert np.linalg.norm(backend.numpy(updates["conductance"]) - numeric) < 1e-3 * np.linalg.norm(numeric)


@pytest.mark.parametrize("kind", ["transistors", "diodes", "rails", "elements"])
def test_twin_has_the_exact_gradient(backend, rng: np.random.Generator, kind: str) -> None:
    """Against central differences, where the network is not reciprocal and where nodes rest at rails too."""
    edges, n = graphs.disordered(14, 6.0, random.key(4)), 14
    if kind == "transistors":
        net: TransistorNetwork | DiodeNetwork | ElementNetwork = TransistorNetwork(edges, n)
        start, step = {}, 1e-4
    else:
        rails = {"lower": np.where(np.arange(n) % 3 == 0, 0.15, -np.inf), "upper": np.where(np.arange(n) % 3 == 1, 0.25, np.inf)}
        net = DiodeNetwork(edges, n, diode=np.arange(len(edges)) % 4 == 0, reverse=1e-3, **(rails if kind == "rails" else {}))
        if kind == "elements":
            law = ScalarFunction(lambda w: 0.1 * np.sinh(10 * w), cuda="0.1 * sinh(10 * w)", cuda_slope="cosh(10 * w)")
            net = ElementNetwork(edges, n, law, element=np.arange(len(edges)) % 4 == 0)
        start, step = {"start_low": 1e-3, "start_high": 2e-3, "smallest": 1e-4, "largest": 1e-2, "volts": 0.4}, 1e-7
    nodes = {"source_nodes": [2, 4, 6, 8], "target_nodes": [5, 7, 11, 12]}
    system = NonlinearCircuit(network=net, features=2, outputs=2, hinge=False, tolerance=1e-13, key=random.key(3), **start, **nodes)
    labels, x, loss = np.array([0, 1, 1]), system.encode(rng.random((3, 2))), SquareError(0.02, -0.02)
    p = system.parameters[system.name]
    truth = np.empty(len(p))
    for e in range(len(p)):
        values, kept = [], p[e]
        for sign in (1, -1):
            p[e] = kept + sign * step
            values.append(loss(system.forward(x), labels)[0])
        p[e], truth[e] = kept, (values[0] - values[1]) / (2 * step * len(x))
    if kind == "rails":
        v = system.forward_saving(x)[1]
        assert ((v == net.lower) | (v == net.upper)).any()
    system.parameters[system.name] = backend.array(p)
    updates, metrics = mean_step(InSilico(loss), system, backend.array(x), labels)
    np.testing.assert_allclose(backend.numpy(updates[system.name]), truth, rtol=1e-4, atol=1e-5 * np.abs(truth).max())
    assert float(metrics["loss"]) == pytest.approx(float(loss(system.forward(backend.array(x)), labels)[0]) / len(x))


def test_one_output_tells_two_classes_apart() -> None:
    """Loss and accuracy of a single output, as its targets say: class 1 is high."""
    loss, outputs, labels = SquareError(0.02, -0.02), np.array([[0.02], [-0.02], [0.01], [0.005]]), np.array([1, 0, 0, 1])
    assert loss(outputs, labels)[0] == pytest.approx((0.03**2 + 0.015**2) / 2)
    assert metrics(loss, outputs, labels)["rating"] == 3
    np.testing.assert_array_equal(transistors().targets(labels), [[0.02], [-0.02], [-0.02], [0.02]])
    np.testing.assert_allclose(transistors().targets(np.array([[0.25], [1.0]])), [[-0.01], [0.02]])


def test_held_outputs_are_where_they_should_be(rng: np.random.Generator) -> None:
    system = transistors(hinge=False)
    inputs = system.encode(rng.random((3, 2)))
    target = np.full((3, 1), 0.03)
    relaxed = system.relax(inputs, target=target, nudges=(0.5,), hold=True)
    held = relaxed.phases[1][:, system.target_nodes]
    free = relaxed.phases[0][:, system.target_nodes]
    assert np.allclose(held[:, :1] - held[:, 1:], relaxed.output + 0.5 * (target - relaxed.output))
    assert np.allclose(held.sum(axis=1), free.sum(axis=1))
    assert system.forward_population(inputs, {"gate": system.parameters["gate"][None]}).shape == (1, 3, 1)
    assert not system.has_energy


def test_nudges_stay_below_what_the_outputs_give_way_by() -> None:
    """Two outputs' nodes that hang on their own resistors, 3 S and 1 S: a current moves their difference by 1/3 + 1 V/A. The bound is 3/4 S."""
    edges = [[0, 3], [1, 3], [0, 4], [0, 2], [1, 2]]
    nodes = {"features": 1, "outputs": 1, "source_nodes": [2, 0, 1], "target_nodes": [3, 4]}
    how = {"volts": 1.0, "high": 0.3, "low": 0.1, "hinge": False, "smallest": 0.1, "largest": 5.0, "tolerance": 1e-12}
    system = NonlinearCircuit(
        network=DiodeNetwork(edges, 5, diode=np.zeros(5, bool)), parameters={"conductance": [1, 2, 1, 1, 1]}, **nodes, **how
    )
    inputs, target = system.encode(np.array([[0.2], [0.7]])), np.array([[0.1], [0.9]])
    free = 2 / 3  # of the supply, whatever the feature
    np.testing.assert_allclose(system.forward(inputs), free)
    for beta in (0.74, -0.74):
        moved = system.relax(inputs, target=target, nudges=(beta,))
        np.testing.assert_allclose(system.read(moved.phases[1]), free + 4 / 3 * beta * (target - free), atol=1e-9)
    for beta in (0.77, -50.0):
        with pytest.raises(NudgeError, match=rf"a nudge of {beta:g} siemens .*: .beta. must stay below 0.7[345]\d* siemens here"):
            system.relax(inputs, target=target, nudges=(beta,))
    system.relax(inputs, target=np.full((2, 1), free), nudges=(50.0,))  # towards where they are nothing pulls


def test_nudges_that_transistors_cannot_take(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The bound that is named is one: just below it the outputs stay short of their targets, just above they do not. Exit code 2."""
    system = transistors(seed=1)
    inputs, target = system.encode(XOR[0]), system.targets(XOR[1])
    with pytest.raises(NudgeError, match=r"a nudge of -0.01 siemens drives outputs .*: .beta. must stay below") as said:
        system.relax(inputs, target=target, nudges=(-0.01,))
    bound = float(str(said.value).split("below ")[1].split()[0])
    assert 1e-4 < bound < 1e-2
    near = system.relax(inputs, target=target, nudges=(-0.99 * bound,))
    error = system.errors(near.output, target)
    assert (np.abs(system.read(near.phases[1]) - near.output) <= np.abs(error) + 1e-6).all()
    with pytest.raises(NudgeError, match="drives outputs"):
        system.relax(inputs, target=target, nudges=(-1.03 * bound,))
    rule = ["--set", "rule.kind=equilibrium-propagation", "--set", "rule.beta=0.5", "--set", "control.linear=false"]
    assert cli.main(["run", "transistor-xor", "--out", str(tmp_path / "run"), "--quiet", *rule]) == 2
    text = capfd.readouterr().err
    assert len(text.splitlines()) == 1
    assert "|beta| must stay below" in text


def test_recipe_builds_and_draws() -> None:
    from pnnkern.experiments import recipe
    from pnnkern.experiments.pictures import circuits as draw
    from pnnkern.experiments.run import build

    system = build(recipe.find("coupled-iris-transistors"), 3)
    assert isinstance(system, NonlinearCircuit)
    assert system.network.n_edges == 144
    states = system.states(system.encode(np.full((1, 4), 0.5)))
    assert draw.network(system, np.ones(144), states, [("class 0, read as 1", False, 0)]).png.startswith(b"\x89PNG")
    assert system.export("gate").shape == (144,)


def test_what_it_declares() -> None:
    """Keys and defaults of a recipe, its targets, and what it exports."""
    own = {"relaxation": 1.5, "tolerance": 1e-9}
    assert {key.name: key.default for key in keys(NonlinearCircuit)} == own | {
        "graph": "lattice", "nodes": 36, "degree": 6.0, "features": 4, "volts": 0.45, "high": 0.02, "low": -0.02, "hinge": True,
        "smallest": 0.8, "largest": 5.0, "start_low": 1.2, "start_high": 2.5, "step": 0.0, "ohms": 0.0, "by_sign": False,
        "mismatch": 0.0, "gain_mismatch": 0.0, "input_offset": 0.0, "output_offset": 0.0,
        "measurement_noise": 0.0, "stuck_low": 0.0, "stuck_high": 0.0, "threshold_offset": 0.0,
    }  # fmt: skip
    system = transistors()
    loss = system.natural_loss
    assert (loss.loss, loss.high, loss.low, loss.hinge) == ("mse", 0.02, -0.02, True)
    assert {name: what.unit for name, what in system.exports().items()} == {"gate": "V"}
    at_zero = np.zeros((1, system.network.n_edges))
    np.testing.assert_allclose(system.conducting(), system.network._currents(system.parameters["gate"], at_zero, at_zero)[1][0])
    with pytest.raises(ValueError, match="relaxation of NonlinearCircuit must be a finite number > 0 and < 2, got 2"):
        transistors(relaxation=2.0)
    with pytest.raises(TypeError, match="network must be a TransistorNetwork, a DiodeNetwork or an ElementNetwork, got ResistorNetwork"):
        NonlinearCircuit(network=ResistorNetwork([[0, 1]], 2))


def test_modes_of_an_error() -> None:
    """a + b x + c (x^2 - 2/3) at -1, 0, 1 has parts |a|, |b| sqrt(2/3) and |c| sqrt(2)/3, whose squares add up to the mean square."""
    from pnnkern.experiments.pictures import circuits as draw

    x = np.array([-1.0, 0.0, 1.0])
    error = np.stack([3 - 2 * x, 0.5 * (x**2 - 2 / 3)])
    wanted = np.array([[3, 2 * np.sqrt(2 / 3), 0], [0, 0, 0.5 * np.sqrt(2) / 3]])
    assert np.allclose(draw.parts(x, error), wanted, atol=1e-12)
    assert np.allclose((draw.parts(x, error) ** 2).sum(axis=1), (error**2).mean(axis=1))
    outputs = np.stack([error, 0.5 * error])  # two runs, two times
    assert draw.modes(x, np.zeros(3), outputs, np.array([0, 5])).png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transistors(3, 8), "10 sources and 2 targets need 12 nodes, the network has 9"),
        (lambda: transistors(low=0.03), "the target of a sample's class must be the higher one"),
        (lambda: NonlinearCircuit(network=TransistorNetwork(graphs.lattice(3, 3), 9), features=2, outputs=1), "which needs a key"),
        (lambda: transistors().encode(np.ones((1, 3))), "each sample must have 2 values, got 3"),
        (lambda: transistors().relax(np.zeros((1, 4)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
        (lambda: transistors(parameters={"gate": np.ones(3)}), r"gate must be float64 \(32,\), got float64 \(3,\)"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_what_does_not_settle_is_no_answer() -> None:
    system = transistors(tolerance=1e-40)
    for ask in (system.forward, system.states, system.relax):
        with pytest.raises(ConvergenceError, match="the network has not converged"):
            ask(system.encode(XOR[0][:1]))


def test_a_target_of_another_shape_is_refused() -> None:
    system = transistors()
    inputs = system.encode(XOR[0])
    for target in (np.zeros((1, 1)), np.zeros((4, 3))):  # the first would spread over all samples
        with pytest.raises(ValueError, match=r"target must be \(4, 1\), got shape"):
            system.relax(inputs, target=target, nudges=(0.1,))
