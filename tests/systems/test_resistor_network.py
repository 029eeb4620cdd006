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
