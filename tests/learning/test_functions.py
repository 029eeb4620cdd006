"""Every rule wraps public functions, and what is public in `learning` is reached by a rule: rules say themselves which, and by which keys."""

import inspect
import re
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pnnkern
from pnnkern import learning, networks, random
from pnnkern._updates import dense
from pnnkern.experiments import recipe, show, tables
from pnnkern.learning import (
    SGD,
    AdjointLearning,
    Batch,
    ContrastiveLearning,
    CoupledLearning,
    HardwareAware,
    InSilico,
    PhysicsAware,
    one_step,
)
from pnnkern.systems import ResistorCircuit, writers

KEY = random.key(5)
RULES = {kind: cls for kind, cls in recipe.kinds("rule").items() if not cls.__name__.startswith("_")}

# What no rule calls: who does.
OTHERS = {
    "learning.one_step": "the first step of any rule, for scripts",
    "networks.potentiometer_step": "system.by_sign",
}


def reached() -> dict[str, list[str]]:
    """Public functions, and the rules that name them."""
    found: dict[str, list[str]] = {}
    for kind, cls in RULES.items():
        for name in cls.functions:
            found.setdefault(name, []).append(kind)
    return found


def thing(name: str) -> Any:
    return reduce(getattr, name.split("."), pnnkern)


@pytest.mark.parametrize("kind", sorted(RULES))
def test_rules_name_public_functions(kind: str) -> None:
    assert RULES[kind].functions
    for name, where in RULES[kind].functions.items():
        assert callable(thing(name)), name
        module = reduce(getattr, name.split(".")[:-1], pnnkern)
        assert name.rpartition(".")[2] in module.__all__, name
        known = set(recipe.kinds("system")) | {"resistor-network"}
        for word in re.findall(r"[a-z0-9]+-network\b", where):
            assert word in known, (name, word)
        for table, key in re.findall(r"\b(rule|system|training)\.(\w+)", where):
            models = {"rule": [show._models("rule")[kind]], "system": list(show._models("system").values()), "training": [tables.Training]}
            assert any(key in model.model_fields for model in models[table]), (name, key)


def test_public_functions_are_reached() -> None:
    public = {f"learning.{name}" for name in learning.__all__ if inspect.isfunction(getattr(learning, name))}
    public |= {f"learning.boltzmann.{name}" for name in learning.boltzmann.__all__} - {"learning.boltzmann.exact_gradient"}  # a truth for tests
    public |= {f"networks.{name}" for name in networks.__all__ if inspect.isfunction(getattr(networks, name))}
    assert len(public) > 25
    assert not public - set(reached()) - set(OTHERS)
    assert not set(OTHERS) & set(reached())
    assert not set(OTHERS) - public


def test_show_and_the_reference_say_them() -> None:
    page = show.page(show.collect("coupled-learning"), 120)
    told = page[page.index("as functions") :]
    assert re.search(r"pnnkern\.learning\.misclassified +rule\.samples='misclassified'", told)
    reference = (Path(__file__).resolve().parents[2] / "docs" / "reference.md").read_text()
    assert all(f"`pnnkern.{name}`" in reference for name in reached())


# ------------------------------------------------------------------------------------------- rules are their functions, to the bit
def circuit(**how: Any) -> ResistorCircuit:
    return ResistorCircuit(**{"nodes": 20, "features": 2, "outputs": 3, "spread": 0.3, "hinge": False, "key": KEY, "dtype": "float64"} | how)


def data(rng: np.random.Generator, system: Any, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    return system.encode(rng.random((n, 2))), np.arange(n) % 3


@pytest.mark.parametrize("step", [0.0, 1e-5])
def test_a_written_update_is_the_step_in_place(step: float, rng: np.random.Generator) -> None:
    system = circuit(writing=writers.Potentiometers(step=step, by_sign=True))
    x, labels = data(rng, system)
    k = system.parameters["conductance"].copy()
    learning.coupled_learning_step(*system.resistors(x)[:1], k, *system.resistors(x)[2:], system.targets(labels), rate=1e-4, eta=0.05,
                                   step=step, limits=system.bounds["conductance"])  # fmt: skip
    before = system.parameters["conductance"].copy()
    updates, _ = one_step(CoupledLearning(0.05), system, Batch(x, labels))
    writers.apply(system, updates, SGD(1e-4), 1e-4, len(labels))
    assert abs(k - before).max() > 0
    np.testing.assert_allclose(system.parameters["conductance"], k, rtol=1e-12)


def test_contrastive_learning_holds_outputs_fully(rng: np.random.Generator) -> None:
    system = circuit()
    x, labels = data(rng, system)
    wanted = learning.coupled_learning_update(*system.resistors(x), system.targets(labels), eta=1.0)
    updates, _ = one_step(ContrastiveLearning(), system, Batch(x, labels))
    np.testing.assert_allclose(dense(updates["conductance"]) / 9, wanted, rtol=1e-12, atol=1e-13 * abs(wanted).max())


def test_gradients_by_a_twin_and_by_the_device(rng: np.random.Generator) -> None:
    """Of a network whose meters are off: against differences of the twin's loss, and of the device's."""
    from pnnkern.systems._imperfect import EdgeImperfections

    system = circuit(imperfections=EdgeImperfections(output_offset=0.02))
    x, labels = data(rng, system)
    loss = learning.SquareError(system.natural_loss.high, system.natural_loss.low)
    p = system.parameters["conductance"]

    def slopes(outputs: Any) -> np.ndarray:
        found = []
        for e in range(len(p)):
            kept, values = p[e], []
            for sign in (1, -1):
                p[e] = kept + sign * 1e-8
                values.append(loss(outputs(), labels)[0])
            p[e] = kept
            found.append((values[0] - values[1]) / 2e-8)
        return np.array(found)

    of_twin, of_device = slopes(lambda: system.forward_saving(x)[0]), slopes(lambda: system.forward(x))
    assert np.linalg.norm(of_twin - of_device) > 0.05 * np.linalg.norm(of_device)
    cases = ((learning.in_silico_gradient, InSilico, of_twin), (learning.physics_aware_gradient, PhysicsAware, of_device),
             (learning.adjoint_gradient, AdjointLearning, of_device))  # fmt: skip
    for function, rule, truth in cases:
        found, metrics = function(system, x, labels, loss)
        np.testing.assert_allclose(dense(found["conductance"]), truth, atol=2e-6 * abs(truth).max())
        updates, same = one_step(rule(loss), system, Batch(x, labels))
        assert np.array_equal(dense(updates["conductance"]), dense(found["conductance"]))
        assert metrics == same


def test_shaken_parameters(rng: np.random.Generator) -> None:
    w = np.full(20_000, 0.5)
    w[0] = -2.0
    noisy = learning.shaken(w, 0.1, KEY)
    assert noisy[1:].mean() == pytest.approx(0.5, abs=5 * 0.2 / np.sqrt(20_000))
    assert noisy[1:].std() == pytest.approx(0.2, rel=0.03)
    assert learning.shaken(w, 0.1, KEY, 0.4, 0.6)[1:].min() == 0.4
    one_sided = learning.shaken(w, 0.1, KEY, low=0.4)[1:]
    assert one_sided.min() == 0.4
    assert np.array_equal(one_sided > 0.6, noisy[1:] > 0.6)
    system = circuit()
    x, labels = data(rng, system)
    updates, _ = one_step(HardwareAware(noise=0.1), system, Batch(x, labels), KEY)
    kept = system.parameters["conductance"].copy()
    system.parameters["conductance"][...] = learning.shaken(kept, 0.1, random.fold_in(KEY, "conductance"), *system.bounds["conductance"])
    found, _ = learning.in_silico_gradient(system, x, labels, HardwareAware().loss_on(system))
    np.testing.assert_allclose(dense(updates["conductance"]), dense(found["conductance"]), rtol=1e-12)
