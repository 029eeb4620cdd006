"""Springs as a trainable system: gradients by nudges, allostery by coupled learning, held targets, refusals."""

from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern.learning import EquilibriumPropagation, SquareError
from pnnkern.learning.equilibrium import contrasted
from pnnkern.networks import graphs
from pnnkern.systems import writers
from pnnkern.systems.elastic_network import SpringNetwork


def springs(features: int = 2, outputs: int = 2, n: int = 10, **more: Any) -> SpringNetwork:
    edges, x = graphs.delaunay(n, random.key(3))
    return SpringNetwork(edges, x, features, outputs, **({"key": random.key(1)} | more))


def test_nudges_give_the_gradient(rng: np.random.Generator) -> None:
    system, labels = springs(learn_rest=True), np.array([0, 1, 1])
    for name, p in system.parameters.items():
        p *= rng.uniform(*((0.7, 1.3) if name == "stiffness" else (0.97, 1.03)), len(p))
    inputs, parameters = system.encode(rng.random((3, 2))), system.parameters
    updates, metrics = EquilibriumPropagation(1e-3, loss=SquareError(0.02, -0.02)).step(system, (inputs, labels))
    target = np.where(labels[:, None] == [0, 1], 0.02, -0.02)

    def loss() -> float:
        return float(((system.forward(inputs) - target) ** 2).sum(axis=1).mean() / 2)

    assert np.array_equal(system.targets(labels), target)
    assert metrics["loss"] == pytest.approx(loss())
    assert set(updates) == set(parameters)
    for name, p in parameters.items():
        numeric = np.zeros_like(p)
        for e in range(len(p)):
            value = p[e]
            p[e] = value + 1e-4
            above = loss()
            p[e] = value - 1e-4
            numeric[e] = (above - loss()) / 2e-4
            p[e] = value
        assert np.linalg.norm(updates[name] - numeric) < 1e-3 * np.linalg.norm(numeric), name


def test_allostery_by_coupled_learning() -> None:
    """A source that is pulled moves a target; held targets lie where they should, and each of 30 steps brings it nearer."""
    system = springs(1, 1, n=14)
    inputs = system.encode(np.ones((1, 1)))
    want = system.forward(inputs) * 1.5
    errors = []
    for _ in range(30):
        updates, relaxed = contrasted(system, inputs, want, (0.0, 0.1), hold=True)
        errors.append(float(np.abs(relaxed.output - want).max()))
        held = relaxed.phases[1][:, system.target_nodes, 0] - system.positions[system.target_nodes, 0]
        assert np.allclose(held, relaxed.output + 0.1 * (want - relaxed.output))
        size = float(np.abs(updates["stiffness"]).max())
        writers.apply(system, {"stiffness": updates["stiffness"]}, _Plain(), 0.05 / size)
    assert errors[1] < errors[0]
    assert min(errors) < 0.5 * errors[0]


class _Plain:
    def apply(self, parameters: dict[str, Any], updates: dict[str, Any], lr: float) -> None:
        for name, update in updates.items():
            parameters[name] -= lr * update


def test_table_builds() -> None:
    from pnnkern.experiments.systems.spring_network import SpringNetworkTable

    table = SpringNetworkTable()
    system = table.build(key=random.key(0), device="cpu", dtype="float32", chunk=1, classes=3)
    assert table.made() is type(system)
    assert system.forward(system.encode(np.full((2, 4), 0.5))).shape == (2, 3)
    assert table.export("stiffness", system.parameters, 1.0).shape == (system.network.n_edges,)
    assert system.forward_population(np.zeros((1, 4)), {"stiffness": system.parameters["stiffness"][None]}).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: springs(9), "sources, targets and anchors need 13 nodes, the network has 10"),
        (lambda: springs(key=None), "which needs a key"),
        (lambda: springs(low=0.03), "the target of a sample's class must be the higher one"),
        (lambda: springs(start=1e3), "limits must be positive stiffnesses around start = 1000 N/m"),
        (lambda: springs(parameters={"stiffness": np.ones(3)}), "parameters must hold 'stiffness'"),
        (lambda: springs().encode(np.ones((1, 3))), "each sample must have 2 values, got 3"),
        (lambda: springs().relax(np.zeros((1, 2)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
        (lambda: springs().relax(np.zeros((1, 2)), target=np.zeros((1, 3))), r"target must be \(1, 2\), got shape \(1, 3\)"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
