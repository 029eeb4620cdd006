"""A network of resistors as a trainable system: rules that know nothing of it give its gradients; it learns, and learns again when cut."""

import numpy as np
import pytest

from pnnkern import random
from pnnkern.experiments import data, recipe
from pnnkern.learning import SPSA, Adam, CoupledLearning, EquilibriumPropagation, InSilico, SquareError, coupled
from pnnkern.networks import graphs
from pnnkern.systems import ResistorCircuit, writers
from pnnkern.systems.resistor_network import damaged


def circuit(n: int = 30, features: int = 4, outputs: int = 3, **more: object) -> ResistorCircuit:
    edges = graphs.disordered(n, 6.0, random.key(1))
    given = {"dtype": "float64", "spread": 0.3, "key": random.key(2)} | more
    return ResistorCircuit(edges, n, features, outputs, **given)  # type: ignore[arg-type]


def batch(rng: np.random.Generator, system: ResistorCircuit, samples: int = 7) -> tuple:
    labels = rng.integers(0, system.outputs, samples)
    return system.encode(rng.random((samples, system.features))), labels


def test_outputs_are_averages_of_the_sources(rng: np.random.Generator) -> None:
    system = circuit()
    x = rng.random((5, 4))
    inputs = system.encode(x)
    assert inputs.shape == (5, 10)
    assert np.allclose(inputs[:, :4] + inputs[:, 4:8], 1.0)
    assert (inputs[:, 8:] == [0.0, 1.0]).all()
    v = system.forward(inputs)
    direct = system.network.solve(system.parameters["conductance"], system.source_nodes, inputs)
    assert np.allclose(v, direct[:, system.target_nodes], atol=1e-10)
    assert np.allclose(system.states(inputs), direct, atol=1e-10)
    assert np.allclose(circuit(complement=False).encode(np.full((1, 4), 255, np.uint8)), [[1, 1, 1, 1, 0, 1]])


def test_twin_is_the_gradient(rng: np.random.Generator) -> None:
    system = circuit()
    inputs, labels = batch(rng, system)
    got, _ = InSilico(SquareError(0.6, 0.4)).step(system, (inputs, labels))
    k = system.parameters["conductance"]

    def loss(values: np.ndarray) -> float:
        v = system.network.solve(values, system.source_nodes, inputs)[:, system.target_nodes]
        return float(((v - np.where(labels[:, None] == np.arange(3), 0.6, 0.4)) ** 2).sum(axis=1).mean() / 2)

    for e in (0, 17, 50):
        h = 1e-6 * np.eye(len(k))[e]
        assert got["conductance"][e] == pytest.approx((loss(k + h) - loss(k - h)) / 2e-6, rel=1e-5)


def test_equilibrium_propagation_is_the_gradient(backend, rng: np.random.Generator) -> None:
    """Slope 2 in beta for centred nudges, 1 one-sided; by a rule that does not know the system."""
    system = circuit(device=backend.device)
    inputs, labels = batch(rng, system)
    exact = InSilico(SquareError(0.6, 0.4)).step(system, (inputs, labels))[0]["conductance"]
    for variant, slope in (("centred", 2), ("positive", 1)):
        errors = []
        for beta in (1e-5, 5e-6):
            got = EquilibriumPropagation(beta, variant).step(system, (inputs, labels))[0]["conductance"]
            errors.append(np.linalg.norm(backend.numpy(got - exact)) / np.linalg.norm(backend.numpy(exact)))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(slope, abs=0.1)
        assert errors[1] < 0.02


def test_coupled_learning_is_the_update_of_the_network(rng: np.random.Generator) -> None:
    system = circuit()
    inputs, labels = batch(rng, system)
    got, metrics = CoupledLearning(0.05, "positive", SquareError(0.6, 0.4)).step(system, (inputs, labels))
    expected = coupled.coupled_learning_update(
        system.network, system.parameters["conductance"], system.source_nodes, inputs, system.target_nodes, system.targets(labels), eta=0.05
    )
    assert np.allclose(-got["conductance"], expected, atol=1e-12)
    assert set(metrics) == {"loss", "accuracy"}


def test_hinge_leaves_good_outputs_alone(rng: np.random.Generator) -> None:
    """The same gradient as the loss with a hinge; nothing at all where every output is beyond its target."""
    system = circuit(hinge=True, high=0.52, low=0.5)
    inputs, labels = batch(rng, system, 31)
    exact = InSilico(SquareError(0.52, 0.5, hinge=True)).step(system, (inputs, labels))[0]["conductance"]
    got = EquilibriumPropagation(1e-7).step(system, (inputs, labels))[0]["conductance"]
    assert np.linalg.norm(got - exact) < 1e-3 * np.linalg.norm(exact)
    plain = InSilico(SquareError(0.52, 0.5)).step(system, (inputs, labels))[0]["conductance"]
    assert np.linalg.norm(got - plain) > 0.1 * np.linalg.norm(plain)


def test_population_of_networks(backend, rng: np.random.Generator) -> None:
    """Many small networks in one kernel agree with one after another; a rule by perturbation runs on it."""
    system = circuit()
    inputs, labels = batch(rng, system)
    members = rng.uniform(5e-4, 2e-3, (3, system.network.n_edges))
    got = backend.numpy(system.forward_population(backend.array(inputs), {"conductance": backend.array(members)}))
    for m in range(3):
        v = system.network.solve(members[m], system.source_nodes, inputs)
        assert np.allclose(got[m], v[:, system.target_nodes], atol=1e-10)
    if backend.name == "cpu":
        updates, _ = SPSA(SquareError(0.6, 0.4), 1e-5).step(system, (inputs, labels), key=random.key(1))
        assert updates["conductance"].shape == (system.network.n_edges,)


def trained(system: ResistorCircuit, found: data.Dataset, epochs: int) -> float:
    """Test accuracy after coupled learning."""
    rule, adam = CoupledLearning(0.01, "positive"), Adam(3e-4)
    for epoch in range(epochs):
        for piece in np.array_split(np.random.default_rng(epoch).permutation(len(found.train_labels)), 3):
            updates, _ = rule.step(system, (system.encode(found.train_images[piece]), found.train_labels[piece]))
            writers.apply(system, updates, adam, 3e-4)
    scores = system.forward(system.encode(found.test_images))
    return float((scores.argmax(axis=1) == found.test_labels).mean())


def test_iris_is_learned_and_learned_again_after_damage() -> None:
    found = data.load("iris")
    edges = graphs.disordered(60, 8.0, random.key(0))
    system = ResistorCircuit(edges, 60, 4, 3, hinge=True, high=0.52, low=0.48, dtype="float64", key=random.key(0))
    assert trained(system, found, 150) > 0.9
    hurt = damaged(system, 0.3, random.key(5))
    assert hurt.network.n_edges == round(0.7 * system.network.n_edges)
    before = (hurt.forward(hurt.encode(found.test_images)).argmax(axis=1) == found.test_labels).mean()
    after = trained(hurt, found, 100)
    assert before < 0.9
    assert after > 0.9


def test_digital_potentiometers_learn_iris() -> None:
    """Conductances that only move in whole steps, written by a device writer: the rule does not know."""
    found = data.load("iris")
    edges = graphs.disordered(60, 8.0, random.key(0))
    writer = writers.Stepped(5e-5, 1e-4, 1.2e-2, random.key(3))
    system = ResistorCircuit(edges, 60, 4, 3, hinge=True, high=0.52, low=0.48, dtype="float64", key=random.key(0),
                             writers={"conductance": writer})  # fmt: skip
    rule, inputs = CoupledLearning(0.01, "positive"), system.encode(found.train_images)
    for _ in range(200):
        updates, _ = rule.step(system, (inputs, found.train_labels))
        size = np.abs(updates["conductance"]).mean()
        writers.apply(system, updates, None, 1e-4 / size)
    steps = system.parameters["conductance"] / 5e-5
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    scores = system.forward(system.encode(found.test_images))
    assert (scores.argmax(axis=1) == found.test_labels).mean() > 0.85


@pytest.mark.parametrize("hinge", [False, True])
@pytest.mark.parametrize(("variant", "ends"), [("centred", (-0.3, 0.3)), ("positive", (0.0, 0.3)), ("negative", (-0.3, 0.0))])
def test_coupled_learning_holds_the_outputs_on_both_sides(backend, variant: str, ends: tuple[float, float], hinge: bool,
                                                          rng: np.random.Generator) -> None:  # fmt: skip
    """Each edge's dv^2 / 2 of two relaxations, the outputs held at o + b (t - o) in each, solved here densely from Kirchhoff's laws."""
    edges, n = graphs.disordered(14, 5.0, random.key(2)), 14
    system = ResistorCircuit(edges, n, 2, 3, high=0.55, low=0.45, hinge=hinge, dtype="float64", key=random.key(5), device=backend.device)
    k = rng.uniform(3e-4, 2e-3, system.network.n_edges)
    system.parameters["conductance"] = backend.array(k)
    x, labels = rng.random((4, 2)), np.array([0, 1, 2, 1])
    inputs = system.encode(backend.array(x))
    laplacian = np.zeros((n, n))
    for (i, j), g in zip(system.network.edges, k, strict=True):
        laplacian[[i, j, i, j], [i, j, j, i]] += g * np.array([1, 1, -1, -1])

    def settled(nodes: np.ndarray, volts: np.ndarray) -> np.ndarray:
        v, free = np.empty((4, n)), np.setdiff1d(np.arange(n), nodes)
        v[:, nodes] = volts
        v[:, free] = -np.linalg.solve(laplacian[np.ix_(free, free)], laplacian[np.ix_(free, nodes)] @ volts.T).T
        return v

    sources, outputs = (np.asarray(nodes) for nodes in (system.source_nodes, system.target_nodes))
    given = np.concatenate([x, 1 - x, np.zeros((4, 1)), np.ones((4, 1))], axis=1)  # features, their complements, the rails at 1 V
    read = settled(sources, given)[:, outputs]
    target = np.where(labels[:, None] == np.arange(3), 0.55, 0.45)
    error = target - read
    if hinge:
        error[np.where(target > 0.5, read > target, read < target)] = 0
        assert (error == 0).any()
    low, high = (settled(np.append(sources, outputs), np.concatenate([given, read + b * error], axis=1)) for b in ends)
    i, j = system.network.edges.T
    drops = [(v[:, i] - v[:, j]) ** 2 / 2 for v in (low, high)]
    expected = (drops[1] - drops[0]).mean(axis=0) / (ends[1] - ends[0])
    rule = CoupledLearning(0.3, variant, SquareError(0.55, 0.45, hinge))
    updates, metrics = rule.step(system, (inputs, backend.array(labels)))
    np.testing.assert_allclose(backend.numpy(updates["conductance"]), expected, atol=1e-10 * np.abs(expected).max())
    assert float(metrics["loss"]) == pytest.approx((error**2).sum() / 8)


def test_recipes_build() -> None:
    for name in ("coupled-iris", "coupled-digits"):
        system = recipe.find(name).system
        made = system.build(key=random.key(0), device="cpu", dtype="float64", chunk=1, classes=3)
        assert made.network.n_nodes == system.nodes  # type: ignore[attr-defined]
        assert made.outputs == 3


def test_pictures() -> None:
    from pnnkern.experiments.systems import _network_pictures as draw

    system = circuit()
    k, rng = system.parameters["conductance"], np.random.default_rng(0)
    scores, labels = rng.random((9, 3)), np.arange(9) % 3
    shown = draw.examples(scores, labels, SquareError())
    states = system.states(system.encode(rng.random((len(shown), 4))))
    made = [
        draw.network(system, k, states, draw.titles(scores[shown], labels[shown], SquareError())),
        draw.conductances(k, 1e-3, (1e-5, 1e-1)),
        draw.readings(scores, labels, 0.6, 0.4),
    ]
    assert all(picture.png.startswith(b"\x89PNG") for picture in made)
    assert "30 nodes" in made[0].caption


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuit(8), "10 sources and 3 outputs need 13 nodes, the network has 8"),
        (lambda: circuit(high=0.4, low=0.6), "targets must lie between the rails, 0 <= low < high <= 1"),
        (lambda: circuit(start=1.0), "limits must be positive conductances around start"),
        (lambda: circuit(key=None, spread=0.0), "drawn at random, which needs a key"),
        (lambda: circuit(parameters={"conductance": np.ones(3)}), r"conductance must be float64 \(90,\), got float64 \(3,\)"),
        (lambda: circuit().encode(np.ones((2, 5))), "each sample must have 4 values, got 5"),
        (lambda: circuit().relax(np.ones((1, 10)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
        (lambda: circuit().relax(np.ones((1, 10)), target=np.ones((1, 3)), nudges=(-1.0,)), "without an equilibrium"),
        (lambda: damaged(circuit(), 1.0, random.key(0)), r"fraction must lie in \[0, 1\)"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
