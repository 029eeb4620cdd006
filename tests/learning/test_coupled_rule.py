"""What coupled learning can do beside, as a rule: power, rails, samples, positions of potentiometers, and dynamics; from a recipe too."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern._errors import CapabilityError
from pnnkern._updates import Set, dense
from pnnkern.experiments import recipe
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.run import assemble
from pnnkern.learning import (
    AdjointLearning,
    Batch,
    ContrastiveDivergence,
    CoupledDynamics,
    CoupledLearning,
    EquilibriumPropagation,
    FrequencyPropagation,
    coupled,
    elastic_learning_update,
    one_step,
)
from pnnkern.learning.boltzmann import contrastive_divergence
from pnnkern.networks import DiodeNetwork, graphs, potentiometer_step
from pnnkern.systems import BoltzmannMachine, Hopfield, NonlinearCircuit, ResistorCircuit, SpringNetwork
from pnnkern.systems._imperfect import EdgeImperfections
from pnnkern.systems.writers import Potentiometers, Rheostats

KEY = random.key(5)
MORE: list[dict[str, Any]] = [{"power": 0.02}, {"overclamp": True}, {"samples": "misclassified"},
                              {"power": 0.02, "overclamp": True, "samples": "misclassified"}]  # fmt: skip


def circuit(**how: Any) -> ResistorCircuit:
    return ResistorCircuit(**{"nodes": 20, "features": 2, "spread": 0.3, "hinge": False, "key": KEY, "dtype": "float64"} | how)


def data(rng: np.random.Generator, system: Any, n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    return system.encode(rng.random((n, 2))), np.arange(n) % system.outputs


def trainer(name: str, *sets: str) -> Trainer:
    return assemble(recipe.find(name, ("control.linear=false", "control.exact=false", *sets)), Path("unused")).trainer


@pytest.mark.parametrize("more", [*MORE, {"variant": "negative"}, {"variant": "centred", "power": 0.02}])
@pytest.mark.parametrize("outputs", [1, 3])
def test_rule_is_the_function(more: dict[str, Any], outputs: int, rng: np.random.Generator) -> None:
    """To the last bits, in whole batches and in shards."""
    system = circuit(outputs=outputs)
    x, labels = data(rng, system)
    labels = np.arange(9) % 2 if outputs == 1 else labels
    own, y = dict(more), system.targets(labels)
    if own.pop("samples", "all") == "misclassified":
        own["weights"] = coupled.misclassified(system.forward(x), system.targets(np.arange(max(2, outputs))), labels)
        assert 0 < own["weights"].sum() < 9
    if own.pop("overclamp", False):
        own["overclamp"] = (0.0, system.volts)
    wanted = coupled.coupled_learning_update(
        system.network, system.parameters["conductance"], system.source_nodes, x, system.target_nodes, y, eta=0.05, **own
    )
    for chunk in (0, 4):
        updates, _ = one_step(CoupledLearning(0.05, **more), system, Batch(x, labels, chunk=chunk))
        np.testing.assert_allclose(dense(updates["conductance"]) / 9, wanted, rtol=1e-12, atol=1e-13 * abs(wanted).max())


@pytest.mark.parametrize(
    ("rule", "function", "how"),
    [(EquilibriumPropagation(2e-5, v), coupled.nudged_learning_update, {"beta": 2e-5, "variant": v}) for v in coupled.ENDS]
    + [(AdjointLearning(), coupled.adjoint_learning_update, {}),
       (FrequencyPropagation(1e-3), coupled.frequency_propagation_update, {"gamma": 1e-3})],
)  # fmt: skip
def test_other_rules_are_their_functions(rule: Any, function: Any, how: dict[str, Any], rng: np.random.Generator) -> None:
    system = circuit()
    x, labels = data(rng, system)
    wanted = function(*system.resistors(x), system.targets(labels), **how)
    updates, _ = one_step(rule, system, Batch(x, labels))
    np.testing.assert_allclose(dense(updates["conductance"]) / 9, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


def test_springs_are_their_function(rng: np.random.Generator) -> None:
    system = SpringNetwork(nodes=20, features=2, outputs=2, hinge=False, learn_rest=True, key=KEY, tolerance=1e-13)
    x, labels = data(rng, system)
    free = system.states(x)
    held, target = np.concatenate([system.source_nodes, system.anchor_nodes]), free[:, system.target_nodes].copy()
    target[:, :, 0] = system.positions[system.target_nodes, 0] + system.targets(labels)
    wanted = elastic_learning_update(
        system.network, system.parameters["stiffness"], system.parameters["rest"], held, free[:, held], system.target_nodes, target,
        system.positions, eta=0.05, tolerance=1e-13,
    )  # fmt: skip
    updates, _ = one_step(CoupledLearning(0.05), system, Batch(x, labels))
    for name, value in zip(("stiffness", "rest"), wanted, strict=True):
        np.testing.assert_allclose(dense(updates[name]) / 9, value, rtol=1e-9, atol=1e-9 * abs(value).max())


@pytest.mark.parametrize("persistent", [False, True])
def test_contrastive_divergence_is_its_function(persistent: bool, rng: np.random.Generator) -> None:
    """Of a machine whose hidden units do not see its classes."""
    machine = BoltzmannMachine(inputs=6, hidden=[4], outputs=2, key=KEY, dtype="float64")
    machine.parameters["W2"][...] = 0.0
    x, labels = rng.random((9, 6)), np.arange(9) % 2
    rule, key = ContrastiveDivergence(steps=3, persistent=persistent, chains=5), random.key(7)
    state = rule.init(machine, random.key(8))
    updates, later, _ = rule.step(machine, state, Batch(x, labels), key)
    p = machine.parameters
    wanted, chains = contrastive_divergence(
        x, p["W1"], p["a"], p["b1"], steps=3, chains=state.get("chains.inputs"), key=random.fold_in(key, "dream"),
        sample=np.arange(5 if persistent else 9),
    )  # fmt: skip
    assert not persistent or np.array_equal(later["chains.inputs"], chains)
    for name, of in (("W1", "W"), ("a", "a"), ("b1", "b")):
        np.testing.assert_allclose(dense(updates[name]) / 9, dense(wanted[of]), atol=1e-13)


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("kind", ["transistors", "diodes"])
def test_nonlinear_circuits_do_the_same(kind: str, more: dict[str, Any], rng: np.random.Generator) -> None:
    """From two whole states of each sample; squares subtracted, of forward voltages at diodes."""
    edges, n = graphs.lattice(4, 4, periodic=True), 16
    net = DiodeNetwork(edges, n, drop=0.01) if kind == "diodes" else None
    system = NonlinearCircuit(features=2, outputs=2, hinge=False, edges=edges, n_nodes=n, network=net, key=KEY, tolerance=1e-13)
    x, labels = data(rng, system)
    free = system.states(x)
    error = system.targets(labels) - system.read(free)
    weights, pull, low = np.ones(9), error, -system.volts
    if more.get("samples"):
        weights = (system.read(free).argmax(axis=1) != labels).astype(float)
        assert 0 < weights.sum() < 9
    total = weights.sum()
    if more.get("overclamp"):
        pull, weights = np.where(error > 0, -low, low) - system.read(free), weights * abs(error).mean(axis=1)
    step = 0.05 / 2 * np.concatenate([pull, -pull], axis=1)
    held = system._settle(np.concatenate([x, free[:, system.target_nodes] + step], axis=1), start=free,
                          held=np.concatenate([system.source_nodes, system.target_nodes]))  # fmt: skip

    def felt(v: np.ndarray) -> np.ndarray:
        w = v[:, edges[:, 0]] - v[:, edges[:, 1]]
        return w**2 / 2 if net is None else (net.reverse * w**2 + (1 - net.reverse) * (w - net.drop).clip(0) ** 2) / 2

    wanted = weights @ (felt(held) - (1 - more.get("power", 0.0)) * felt(free)) / 0.05 / total
    updates, _ = one_step(CoupledLearning(0.05, **more), system, Batch(x, labels))
    np.testing.assert_allclose(dense(updates[system.name]) / 9, wanted, atol=1e-8 * abs(wanted).max())


@pytest.mark.parametrize("name", ["coupled-iris", "coupled-iris-transistors"])
@pytest.mark.parametrize("sets", ["rule.power=0.001", "rule.overclamp=true", "rule.samples=misclassified"])
def test_recipes_learn(name: str, sets: str) -> None:
    one = trainer(name, sets, "system.nodes=36")
    before = one.evaluate()[0]
    for _ in range(20):
        one.advance()
    assert one.evaluate()[0] < 0.8 * before


def test_power_saves_power(rng: np.random.Generator) -> None:
    """After as many steps, the network that goes down its power as well takes less."""
    taken = []
    for power in (0.0, 0.01):
        one = trainer("coupled-iris", f"rule.power={power}", "system.nodes=30")
        for _ in range(30):
            one.advance()
        system, x = one.system, one.system.encode(one.dataset.train_images[:20])
        taken.append(system.network.power(system.parameters["conductance"], system.states(x)).mean())
    assert taken[1] < 0.8 * taken[0]


def test_what_others_cannot_is_refused(rng: np.random.Generator) -> None:
    machine = Hopfield(inputs=4, hidden=[3], outputs=2, key=KEY)
    for more, words in zip(MORE, ("power", "overclamp", "samples", "power and rule.overclamp and rule.samples"), strict=True):
        with pytest.raises(CapabilityError, match=rf"coupled-learning with rule\.{words} needs samples that can count differently"):
            CoupledLearning(0.5, **more).init(machine)
    system = circuit()
    with pytest.raises(ValueError, match=r"rule.samples='misclassified' needs labels that are classes"):
        one_step(CoupledLearning(samples="misclassified"), system, Batch(data(rng, system)[0], rng.random((9, 3))))


# --------------------------------------------------------------------------------------------------------------- potentiometers
def test_positions_by_sign_are_the_function() -> None:
    """A recipe's network of potentiometers moves as `potentiometer_step` says; its loss falls; the exact control has none."""
    one = trainer("coupled-iris", "system.ohms=20", "system.by_sign=true", "system.nodes=20")
    system, k = one.system, one.system.parameters["conductance"].copy()
    assert isinstance(system.writers["conductance"], Rheostats)
    at = one.batch(0)
    batch = Batch(system.encode(one.dataset.train_images[at]), one.dataset.train_labels[at])
    update = dense(one_step(one.rule, system, batch)[0]["conductance"])
    before = one.evaluate()[0]
    one.advance()
    low, high = (1 / g for g in reversed(system.bounds["conductance"]))
    assert np.array_equal(system.parameters["conductance"], potentiometer_step(k, update, ohms=20.0, low=low, high=high))
    assert len(np.unique(np.rint(1 / system.parameters["conductance"] - 1 / k))) > 1
    for _ in range(10):
        one.advance()
    assert one.evaluate()[0] < before
    assert type(system).exact["ohms"] == 0.0


def test_positions_by_size_come_to_the_update_in_the_mean(rng: np.random.Generator) -> None:
    k, g, memory = np.full(4000, 1e-3), rng.normal(size=4000), {}
    writer, moved = Rheostats(50.0, 1e-5, 1e-1, KEY), np.full(4000, 1e-3)
    started = np.array([1e-6, 1e-3, 2.0])
    writer.start("conductance", started, memory)
    np.testing.assert_array_equal(started, [1e-5, 1e-3, 1e-1])
    writer.write("conductance", moved, g, 2e-5, memory)
    positions = (1 / moved - 1 / k) / 50.0
    np.testing.assert_allclose(positions, np.rint(positions), atol=1e-9)
    wanted = (1 / (k - 2e-5 * g) - 1 / k) / 50.0
    assert abs((positions - wanted).mean()) < 5 * 0.5 / np.sqrt(4000)
    assert np.corrcoef(positions, wanted)[0, 1] > 0.5
    writer.write("conductance", moved, np.full(4000, 1e9), 1.0, memory)
    np.testing.assert_allclose(moved, 1e-5)


def test_positions_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="give step or ohms, got step=1e-05 and ohms=10"):
        Potentiometers(step=1e-5, ohms=10.0)
    with pytest.raises(ValueError, match="ohms are steps of resistances, and this system learns gate: give step"):
        NonlinearCircuit(features=2, outputs=2, nodes=16, key=KEY, writing=Potentiometers(ohms=10.0))


# --------------------------------------------------------------------------------------------------------------------- dynamics
def test_dynamics_go_on_where_they_were(rng: np.random.Generator) -> None:
    """Two batches of unequal size, by the rule and by the function: voltages stay from one to the next, sample by sample."""
    system, rule = circuit(), CoupledDynamics(0.1, rate=1e4, capacitance=1e-9, dt=1e-8, steps=7)
    x, labels = data(rng, system)
    net, k, sources, _, targets = system.resistors(x)
    how = {"eta": 0.1, "rate": 1e4, "capacitance": 1e-9, "dt": 1e-8, "steps": 7, "limits": system.bounds["conductance"]}
    y, state, start = system.targets(labels), rule.init(system), k.copy()
    one, first = coupled.coupled_dynamics(net, k, sources, x[:5], targets, y[:5], **how)
    updates, state, _ = rule.step(system, state, Batch(x[:5], labels[:5]))
    assert isinstance(updates["conductance"], Set)
    np.testing.assert_allclose(updates["conductance"].value, one, rtol=1e-14)
    assert np.array_equal(system.parameters["conductance"], start)  # which the loop writes
    system.parameters["conductance"][...] = one
    two, second = coupled.coupled_dynamics(net, one, sources, x[6:], targets, y[6:], states=[v[:3] for v in first], **how)
    updates, state, _ = rule.step(system, state, Batch(x[6:], labels[6:]))
    np.testing.assert_allclose(updates["conductance"].value, two, rtol=1e-14)
    assert abs(two - one).max() > 0
    for name, before, after in zip(("free", "clamped"), first, second, strict=True):
        np.testing.assert_array_equal(state[name], np.concatenate([after, before[3:]]))


def test_misbuilt_networks_learn_by_what_was_built(rng: np.random.Generator) -> None:
    """Rules and functions see the built conductances, sources as they are, and outputs as they are read; parameters move as far as those."""
    system = circuit(imperfections=EdgeImperfections(mismatch=0.2, input_offset=0.01, output_offset=0.01, gain_mismatch=0.02))
    x, labels = data(rng, system)
    net, k, sources, volts, targets = system.resistors(x)
    assert abs(k / system.parameters["conductance"] - 1).std() > 0.05
    start, y = k.copy(), system.targets(labels)
    error = y - system.forward(x)
    inside = net.solve(k, sources, volts)[:, targets]
    wanted = coupled.coupled_learning_update(net, k, sources, volts, targets, inside + error, eta=0.05, power=0.01, rails=(-9.0, 9.0))
    updates, _ = one_step(CoupledLearning(0.05, power=0.01), system, Batch(x, labels))
    np.testing.assert_allclose(dense(updates["conductance"]) / 9, wanted, rtol=1e-9, atol=1e-12 * abs(wanted).max())
    led, _ = coupled.coupled_dynamics(
        net, k, sources, volts, targets, y, eta=0.1, rate=1e4, capacitance=1e-9, dt=1e-8, steps=7, limits=(1e-9, 1.0),
        errors=lambda target, output: target - system._read(output),
    )  # fmt: skip
    updates, _ = one_step(CoupledDynamics(0.1, rate=1e4, dt=1e-8, steps=7), system, Batch(x, labels))
    assert abs(led - start).max() > 0
    np.testing.assert_allclose(updates["conductance"].value - system.parameters["conductance"], led - start, atol=1e-15)


def test_dynamics_keep_to_the_hinge(rng: np.random.Generator) -> None:
    """Where all outputs are beyond their targets nothing is pulled, and nothing learns."""
    system = circuit(hinge=True, outputs=1, high=0.501, low=0.499)
    x, _ = data(rng, system)
    labels = (system.forward(x)[:, 0] > 0.5).astype(int)
    right = abs(system.forward(x)[:, 0] - 0.5) > 0.002
    updates, _ = one_step(CoupledDynamics(), system, Batch(x[right], labels[right]))
    np.testing.assert_allclose(updates["conductance"].value, system.parameters["conductance"], rtol=1e-9)


def test_dynamics_learn_from_a_recipe_and_resume() -> None:
    one, other = (trainer("coupled-iris", "rule.kind=coupled-dynamics", "system.nodes=30") for _ in range(2))
    before = one.evaluate()[0]
    for _ in range(2):
        one.advance()
    other.restore(one.saved())
    for _ in range(12):
        one.advance()
        other.advance()
    assert one.evaluate()[0] < 0.8 * before
    assert np.array_equal(one.system.parameters["conductance"], other.system.parameters["conductance"])
    with pytest.raises(CapabilityError, match=r"coupled-dynamics needs .*a network of resistors on a graph"):
        CoupledDynamics().init(Hopfield(inputs=4, hidden=[3], outputs=2, key=KEY))


def test_amplitudes_beyond_the_first_order_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On transistors; the bound that is named is where a static current gamma (target - output) moves an output as far as its error."""
    from pnnkern.cli import main
    from pnnkern.experiments import recipe
    from pnnkern.experiments.run import assemble

    own = ("rule.kind=frequency-propagation", "control.linear=false", "control.exact=false", "training.epochs=1", "compute.threads=1")

    def tried(gamma: float) -> int:
        words = [word for setting in (*own, f"rule.gamma={gamma}") for word in ("--set", setting)]
        return main(["run", "coupled-iris-transistors", "--out", str(tmp_path / f"{gamma}"), "--quiet", *words])

    assert tried(1.0) == 2
    line = capsys.readouterr().err
    assert "gamma = 1 siemens drives outputs further than they are off their targets: it must stay below " in line
    bound = float(line.split("below ")[1].split()[0])
    trainer = assemble(recipe.find("coupled-iris-transistors", [*own, f"rule.gamma={bound}"]), tmp_path).trainer
    system, batch = trainer.system, trainer.batch_of(*trainer.training_feed.take(trainer.batch(0)))
    free = system.read(system.driver()(batch.inputs, np.zeros((len(batch), system.outputs))))
    error = system.errors(free, system.targets(batch.labels))
    moved = system.read(system.driver()(batch.inputs, bound * error)) - free
    ratio = (moved**2).sum(axis=1) ** 0.5 / (error**2).sum(axis=1) ** 0.5
    assert np.nanmax(ratio) == pytest.approx(1, rel=0.05)
    trainer.rule = replace(trainer.rule, gamma=0.9 * bound)
    trainer.advance()
    linear = assemble(recipe.find("coupled-iris", [*own, "rule.gamma=1.0"]), tmp_path).trainer
    linear.advance()  # exact whatever gamma
