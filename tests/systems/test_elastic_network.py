"""Springs as a trainable system: gradients by nudges, allostery by coupled learning, held targets, refusals."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from steps import mean_step, written

from pnnkern import load, random
from pnnkern._declared import keys
from pnnkern._errors import ConvergenceError, NudgeError
from pnnkern._updates import dense, gradients
from pnnkern.cli import main
from pnnkern.learning import (
    SGD,
    Adam,
    AdjointLearning,
    AgnosticEP,
    Batch,
    CoupledLearning,
    EquilibriumPropagation,
    HardwareAware,
    InSilico,
    PhysicsAware,
    SquareError,
    allosteric_learning_update,
    one_step,
)
from pnnkern.learning.equilibrium import contrasted
from pnnkern.networks import ElasticNetwork, graphs
from pnnkern.systems import writers
from pnnkern.systems.elastic_network import SpringNetwork


def springs(features: int = 2, outputs: int = 2, n: int = 10, **more: Any) -> SpringNetwork:
    edges, x = graphs.delaunay(n, random.key(3))
    given = {"complement": False, "high": 0.02, "low": -0.02, "hinge": False, "key": random.key(1)} | more
    return SpringNetwork(edges=edges, positions=x, features=features, outputs=outputs, **given)


def test_nudges_give_the_gradient(rng: np.random.Generator) -> None:
    system, labels = springs(learn_rest=True), np.array([0, 1, 1])
    for name, p in system.parameters.items():
        p *= rng.uniform(*((0.7, 1.3) if name == "stiffness" else (0.97, 1.03)), len(p))
    inputs, parameters = system.encode(rng.random((3, 2))), system.parameters
    updates, metrics = mean_step(EquilibriumPropagation(1e-3), system, inputs, labels)
    target = np.where(labels[:, None] == [0, 1], 0.02, -0.02)

    def loss() -> float:
        return float(((system.forward(inputs) - target) ** 2).sum(axis=1).mean() / 2)

    assert np.array_equal(system.targets(labels), target)
    assert float(metrics["loss"]) == pytest.approx(loss())
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


@pytest.mark.parametrize("nudge", [0.5, -0.2])
def test_nudged_it_rests_where_energy_and_cost_are_least(nudge: float, rng: np.random.Generator) -> None:
    """Springs pull a free node nowhere, and an output by what the cost's derivative asks for, however large the nudge."""
    system = springs(hinge=True)
    system.parameters["stiffness"] *= rng.uniform(0.7, 1.3, system.network.n_edges)
    inputs, target = system.encode(rng.random((3, 2))), system.targets(np.array([0, 1, 1]))
    relaxed = system.relax(inputs, target=target, nudges=(nudge,))
    k, l, x = system.parameters["stiffness"], system.network.lengths(system.positions[None])[0], relaxed.phases[1]
    force = np.zeros_like(x)
    for (i, j), stiff, rest in zip(system.network.edges, k, l, strict=True):
        w = x[:, i] - x[:, j]
        r = np.linalg.norm(w, axis=1)[:, None]
        force[:, i] += stiff * (r - rest) * w / r
        force[:, j] -= stiff * (r - rest) * w / r
    held = np.append(system.source_nodes, system.anchor_nodes)
    beyond = np.where(target > 0, relaxed.output > target, relaxed.output < target)  # of the hinge: these are left alone
    output = x[:, system.target_nodes, 0] - system.positions[system.target_nodes, 0]
    force[:, system.target_nodes, 0] += nudge * ~beyond * (output - target)
    assert np.abs(np.delete(force, held, axis=1)).max() < 1e-9
    assert not beyond.all()
    assert np.abs(output - relaxed.output).max() > 1e-4


def test_nudges_without_an_equilibrium_are_refused(rng: np.random.Generator) -> None:
    """Just below the bound that the message names there is one; just above, the free state is no minimum any more."""
    system = springs(outputs=1)
    inputs = system.encode(rng.random((2, 2)))
    target = system.forward(inputs)
    with pytest.raises(ValueError, match=r"a nudge of -30 N/m leaves the outputs of sample 0 without an equilibrium: .beta. must") as said:
        system.relax(inputs, target=target, nudges=(-30.0,))
    bound = float(str(said.value).split("below ")[1].split()[0])
    system.relax(inputs[:1], target=target[:1], nudges=(-0.99 * bound,))
    with pytest.raises(ValueError, match="without an equilibrium"):
        system.relax(inputs[:1], target=target[:1], nudges=(-1.01 * bound,))
    system.relax(inputs, target=target, nudges=(30.0,))  # pulled, it always has one


def cross(soft: float) -> SpringNetwork:
    """An output in the middle of four springs of 1 m, unstressed: 1 N/m left (to the source) and right, `soft` N/m above and below."""
    nodes = {"anchors": 3, "source_nodes": [0], "target_nodes": [1], "anchor_nodes": [2, 3, 4]}
    system = SpringNetwork(
        edges=[[0, 1], [1, 2], [1, 3], [1, 4]], positions=[[-1.0, 0], [0, 0], [1, 0], [0, 1], [0, -1]], features=1, outputs=1,
        complement=False, hinge=False, high=0.02, low=-0.02, **nodes,
    )  # fmt: skip
    system.parameters["stiffness"][2:] = soft
    return system


def along(x: float, soft: float) -> tuple[float, float]:
    """The pull back (N) of the cross's output at (x, 0), and the stiffness there across, d2E/dy2 (N/m), both by hand."""
    r = np.hypot(x, 1)
    across = (1 - 1 / (1 + x)) + (1 - 1 / (1 - x)) + 2 * soft * (1 - 1 / r + 1 / r**3)
    return 2 * x + 2 * soft * x * (1 - 1 / r), across


def test_a_nudge_is_refused_where_the_free_state_is_unstable() -> None:
    """Pushed with 2.1 N/m, more than its springs hold it by, 2 N/m, the output would come to rest far away, in a minimum of its own."""
    system, beta, soft = cross(1.0), 2.1, 1.0
    x = scipy.optimize.brentq(lambda x: along(x, soft)[0] - beta * (x + 0.001), 0.1, 0.9)  # where the push is balanced again
    assert x > 0.2
    assert along(x, soft)[1] > 0
    assert (along(x + 1e-6, soft)[0] - along(x - 1e-6, soft)[0]) / 2e-6 > beta
    with pytest.raises(NudgeError, match=r"sample 0 without an equilibrium: .beta. must stay below 2 N/m there"):
        system.relax(np.zeros((1, 1)), target=np.array([[-0.001]]), nudges=(-beta,))


def test_a_nudge_is_refused_where_it_ends_on_a_saddle() -> None:
    """Pushed by 0.5 N/m from a target far away, the output moves along the axis to where the springs left and right, one of them pressed,
    drive it aside: from the axis it could go either way.
    """
    beta, soft, target = 0.5, 0.05, -0.9
    x = scipy.optimize.brentq(lambda x: along(x, soft)[0] - beta * (x - target), 0.0, 0.9)
    assert along(x, soft)[1] < 0 < along(0.0, soft)[1]
    system = cross(soft)
    with pytest.raises(NudgeError, match=r"a nudge of -0.5 N/m moves the outputs of sample 0 to where no equilibrium is stable: make \|beta\|"):
        system.relax(np.zeros((1, 1)), target=np.array([[target]]), nudges=(-beta,))
    nearer = system.relax(np.zeros((1, 1)), target=np.array([[target / 9]]), nudges=(-beta,))  # and not where it moves but little
    moved = float(nearer.phases[1][0, 1, 0])
    assert along(moved, soft)[0] == pytest.approx(beta * (moved - target / 9), abs=1e-9)


def test_twin_and_the_rules_that_use_it(backend, rng: np.random.Generator) -> None:
    """The derivative through the equilibrium against central differences; rules that need a twin take it."""
    plain = springs(learn_rest=True)
    for p in plain.parameters.values():
        p *= rng.uniform(0.95, 1.05, len(p))  # so that springs are under stress at rest
    parameters = {name: backend.array(p.copy()) for name, p in plain.parameters.items()}
    system = springs(learn_rest=True, parameters=parameters, device=backend.device)
    x, c = rng.random((3, 2)), rng.standard_normal((3, 2))
    inputs = system.encode(x)
    outputs, record = system.forward_saving(inputs)
    assert np.array_equal(backend.numpy(outputs), backend.numpy(system.forward(inputs)))
    got = system.vjp(backend.array(c), record)
    for name, p in plain.parameters.items():
        numeric = np.zeros_like(p)
        for e in range(len(p)):
            value = p[e]
            p[e] = value + 1e-5
            above = (c * plain.forward(plain.encode(x))).sum()
            p[e] = value - 1e-5
            numeric[e] = (above - (c * plain.forward(plain.encode(x))).sum()) / 2e-5
            p[e] = value
        assert np.abs(backend.numpy(got[name]) - numeric).max() < 1e-5 * np.abs(numeric).max(), name
    loss = SquareError(0.02, -0.02)
    system.parameters["stiffness"][0] = system.smallest  # which noise must not bring below zero
    for rule in (InSilico(loss), PhysicsAware(loss), HardwareAware(loss)):
        updates, _ = mean_step(rule, system, inputs, np.array([0, 1, 1]), random.key(0))
        assert {name: u.shape for name, u in updates.items()} == {name: p.shape for name, p in system.parameters.items()}
    system.parameters["stiffness"][0] = 1.0
    batch = (inputs, np.array([0, 1, 1]))
    exact = {name: backend.numpy(u) for name, u in mean_step(InSilico(loss), system, *batch)[0].items()}
    before = {name: backend.numpy(p).copy() for name, p in system.parameters.items()}
    led = one_step(AgnosticEP(1e-3, 1e-6), system, Batch(*batch))[0]
    found = [mean_step(rule, system, *batch)[0] for rule in (EquilibriumPropagation(1e-3), AdjointLearning(loss))]
    for updates in (*found, {name: (before[name] - backend.numpy(led[name].value)) / 1e-6 for name in exact}):
        for name, update in updates.items():
            assert np.linalg.norm(backend.numpy(update) - exact[name]) < 2e-3 * np.linalg.norm(exact[name]), name
            assert np.array_equal(backend.numpy(system.parameters[name]), before[name])


def test_shares_of_equilibria_of_different_springs(rng: np.random.Generator) -> None:
    """Against the definition, with other stiffnesses and rest lengths in the second."""
    system, found, shares = springs(learn_rest=True), [], []
    for _ in range(2):
        for p in system.parameters.values():
            p *= rng.uniform(0.9, 1.1, len(p))
        relaxed = system.relax(system.encode(rng.random((3, 2))))
        (i, j), x, (k, l) = system.network.edges.T, relaxed.phases[0], system.parameters.values()
        stretched = np.linalg.norm(x[:, i] - x[:, j], axis=2) - l
        found.append(relaxed)
        shares.append({"stiffness": (stretched**2 / 2).sum(axis=0), "rest": (-k * stretched).sum(axis=0)})
    between = system.contrast_between(found[0], 0, found[1], 0)
    for name, update in between.items():
        assert np.allclose(update, shares[1][name] - shares[0][name], atol=1e-12), name


# ---------------------------------------------------------------------------------------------------------- distances of pairs
def pairs(**more: Any) -> SpringNetwork:
    """Two pairs of nodes, the first joined by a spring, the second not."""
    edges, _ = graphs.delaunay(14, random.key(3))
    near = {tuple(sorted(edge)) for edge in edges.tolist()}
    a, b = edges[20]
    c, d = next((i, j) for i in range(14) for j in range(i) if not {i, j} & {a, b, 0, 1, 2} and (j, i) not in near)
    others = [n for n in range(14) if n not in (a, b, c, d)]
    given = {"target_nodes": [a, b, c, d], "source_nodes": others[:2], "anchor_nodes": others[2:4], "reads": "distances"} | more
    return springs(n=14, **given)


def test_distances_are_read_and_learned(rng: np.random.Generator) -> None:
    """Outputs by hand; their derivative by differences; nudges, and the network run backwards, give the gradient."""
    system, labels = pairs(learn_rest=True, tolerance=1e-13), np.array([0, 1, 1])
    for p in system.parameters.values():
        p *= rng.uniform(0.97, 1.03, len(p))
    inputs, (a, b, c, d) = system.encode(rng.random((3, 2))), system.target_nodes
    x, x0 = system.states(inputs), system.positions
    by_hand = [[np.hypot(*(x[s, i] - x[s, j])) - np.hypot(*(x0[i] - x0[j])) for i, j in ((a, b), (c, d))] for s in range(3)]
    np.testing.assert_allclose(system.forward(inputs), by_hand, atol=1e-15)
    loss = SquareError(0.02, -0.02)
    found = {}
    for name, p in system.parameters.items():
        found[name] = np.zeros_like(p)
        for e in range(len(p)):
            kept, values = p[e], []
            for sign in (1, -1):
                p[e] = kept + sign * 1e-6
                values.append(float(loss(system.forward(inputs), labels)[0]))
            p[e] = kept
            found[name][e] = (values[0] - values[1]) / 2e-6
    for rule, tolerance in ((InSilico(), 1e-5), (AdjointLearning(), 1e-3), (EquilibriumPropagation(1e-5, "positive"), 1e-3)):
        updates, _ = one_step(rule, system, Batch(inputs, labels))
        for name, truth in found.items():
            np.testing.assert_allclose(dense(updates[name]), truth, atol=tolerance * abs(truth).max())


def test_distances_are_learned_as_the_function_says(rng: np.random.Generator) -> None:
    """Pairs without a spring of their own, which the function asks for."""
    system = pairs(learn_rest=True, tolerance=1e-13)
    c, d = system.target_nodes[2:]
    system = pairs(outputs=1, target_nodes=[c, d], learn_rest=True, tolerance=1e-13)
    inputs, n = system.encode(rng.random((1, 2))), system.network.n_edges
    held = np.concatenate([system.source_nodes, system.anchor_nodes])
    at = system.positions[None, held].copy()
    at[:, :2, 0] += inputs
    apart = np.hypot(*(system.positions[c] - system.positions[d]))
    by_stiffness, by_rest, distance = allosteric_learning_update(
        ElasticNetwork(np.concatenate([system.network.edges, [[c, d]]]), 14), np.append(system.parameters["stiffness"], 0.0),
        np.append(system.parameters["rest"], apart), held, at, [n], np.array([apart + 0.02]), system.positions, beta=1e-3, tolerance=1e-13,
    )  # fmt: skip
    updates, _ = one_step(EquilibriumPropagation(1e-3, "positive"), system, Batch(inputs, np.array([1])))
    assert float(system.forward(inputs)[0, 0]) == pytest.approx(float(distance[0, 0]) - apart, abs=1e-12)
    np.testing.assert_allclose(dense(updates["stiffness"]), by_stiffness[:n], rtol=1e-7, atol=1e-9 * abs(by_stiffness).max())
    np.testing.assert_allclose(dense(updates["rest"]), by_rest[:n], rtol=1e-7, atol=1e-9 * abs(by_rest).max())


def test_distances_that_are_far_enough_are_left_alone(rng: np.random.Generator) -> None:
    """With the hinge: at a pair without a spring of its own, and where nothing pulls, nothing learns."""
    rule, far = EquilibriumPropagation(1e-3, "positive"), {"high": -0.05, "low": -0.1}  # any distance is beyond both
    system = pairs(hinge=True, **far)
    updates, _ = one_step(rule, system, Batch(system.encode(rng.random((2, 2))), np.array([0, 0])))
    assert np.isfinite(dense(updates["stiffness"])).all()
    moved = []
    for hinge in (True, False):
        one = pairs(hinge=hinge, outputs=1, target_nodes=system.target_nodes[2:], **far)
        updates, _ = one_step(rule, one, Batch(one.encode(np.full((1, 2), 0.5)), np.array([1])))
        moved.append(abs(dense(updates["stiffness"])).max())
    assert moved[0] < 1e-9 < 1e-5 < moved[1]
    with pytest.raises(ValueError, match=r"low=-2 m asks the nodes of a pair that are 0\.\d+ m apart to come closer than to one place"):
        pairs(high=0.1, low=-2.0)


def test_allostery_from_its_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--set", "training.epochs=60", "--set", "control.exact=false", "--set", "control.linear=false")
    assert main(["run", "springs-allostery", "--out", str(tmp_path / "a"), "--quiet", *own]) == 0
    done = load(tmp_path / "a")
    untrained = done.evaluations[0][0]
    assert done.metrics["test_loss"] < 1e-3 * untrained
    assert main(["report", str(tmp_path / "a")]) == 0
    capsys.readouterr()
    for sets, line in (
        (["rule.variant=centred"], "can only pull them to their distances: set rule.variant='positive'"),
        (["rule.kind=coupled-learning", "rule.variant=positive"], "distances of pairs of nodes cannot be held: set rule.kind="),
    ):
        words = [word for key in sets for word in ("--set", key)]
        assert main(["run", "springs-allostery", "--out", str(tmp_path / "b" / sets[0]), *own, *words]) == 2
        assert line in capsys.readouterr().err


def test_no_derivative_on_a_saddle() -> None:
    """A node on the line between two springs that are too long for it could go either way."""
    nodes = {"anchors": 1, "source_nodes": [0], "target_nodes": [1], "anchor_nodes": [2]}
    system = SpringNetwork(
        edges=[[0, 1], [1, 2]], positions=[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], features=1, outputs=1, complement=False, **nodes
    )
    outputs, record = system.forward_saving(np.array([[0.1]]))
    assert outputs[0, 0] == pytest.approx(0.05)
    with pytest.raises(ConvergenceError, match="sample 0 of 1 rests on a saddle"):
        system.vjp(np.ones((1, 1)), record)


def test_complement_goes_back_when_the_feature_goes_forth() -> None:
    system = springs(complement=True, stroke=0.1)
    assert np.allclose(system.encode(np.array([[0.25, 1.0]])), [[0.025, 0.1, 0.075, 0.0]])
    assert len(system.source_nodes) == system.entrances == 4
    x = system.states(system.encode(np.array([[0.25, 1.0]])))[0]
    assert np.allclose((x - system.positions)[system.source_nodes], [[0.025, 0], [0.1, 0], [0.075, 0], [0, 0]])
    assert np.array_equal(x[system.anchor_nodes], system.positions[system.anchor_nodes])


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
        writers.apply(system, gradients({"stiffness": updates["stiffness"]}), SGD(), 0.05 / size)
    assert errors[1] < errors[0]
    assert min(errors) < 0.5 * errors[0]


@pytest.mark.parametrize("rule", [EquilibriumPropagation(0.05, "positive"), CoupledLearning(0.1)])
def test_xor_is_learned_by_springs(rule: Any) -> None:
    """Springs that turn are not linear. A linear network cannot: f(0,0) + f(1,1) = f(0,1) + f(1,0) there."""
    inputs, labels, high, low, steps = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0]), 0.055, 0.045, 300
    system = springs(n=30, complement=True, hinge=True, stroke=0.2, high=high, low=low, key=random.key(3))
    x, adam = system.encode(inputs), Adam(0.1)

    def differences() -> np.ndarray:
        out = system.forward(x)
        return np.asarray((out[:, 1] - out[:, 0]) * np.where(labels == 1, 1, -1))

    assert (differences() < 0).any()
    for step in range(steps):
        written(rule, system, x, labels, adam, 0.05 * (1 + np.cos(np.pi * step / steps)))
    assert differences().min() > 0.5 * (high - low)


def test_the_recipe_learns_and_draws(tmp_path: Path) -> None:
    """Sixty epochs of iris, from outputs that know nothing of the classes; then its report."""
    from pnnkern.experiments import recipe, report, run

    short = recipe.find("springs-iris", ("training.epochs=60", "control.exact=false", "control.linear=false"))
    done = run.start(short, tmp_path / "run", quiet=True)
    assert done.summary["metrics"]["test_accuracy"] > 0.9
    page = report.write(done)
    for name in ("network", "stiffnesses", "readings"):
        assert (page.parent / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    system = done.trainer.system
    assert short.system.of is type(system)
    assert system.export("stiffness").shape == (system.network.n_edges,)
    population = {"stiffness": np.stack([system.parameters["stiffness"], np.ones(system.network.n_edges)])}
    assert system.forward_population(system.encode(np.full((2, 4), 0.5)), population).shape == (2, 2, 3)


def test_what_it_declares() -> None:
    """Keys and defaults of a recipe, its targets, and what it exports."""
    table = {key.name: key.default for key in keys(SpringNetwork)}
    own = {"probe": 1e-5, "tolerance": 1e-10}
    assert table == own | {
        "nodes": 60, "features": 4, "complement": True, "anchors": 2, "reads": "displacements", "stroke": 0.05, "high": 0.015, "low": 0.005,
        "hinge": True, "start": 1.0, "smallest": 1e-2, "largest": 1e2, "learn_rest": False,
        "mismatch": 0.0, "gain_mismatch": 0.0, "input_offset": 0.0, "output_offset": 0.0,
        "measurement_noise": 0.0, "stuck_low": 0.0, "stuck_high": 0.0, "rest_mismatch": 0.0,
    }  # fmt: skip
    system = springs(learn_rest=True)
    loss = system.natural_loss
    assert (loss.loss, loss.high, loss.low, loss.hinge) == ("mse", 0.02, -0.02, False)
    assert {name: what.unit for name, what in system.exports().items()} == {"stiffness": "N/m", "rest": "m"}
    assert "rest" not in springs().exports()
    assert np.array_equal(system.export("rest"), system.parameters["rest"])
    assert np.array_equal(springs(outputs=1).targets(np.array([1, 0])), [[0.02], [-0.02]])  # tells class 1 from class 0
    again = dataclasses.replace(SpringNetwork(nodes=20, key=random.key(2)), stroke=0.1)
    assert again.network.n_nodes == 20
    with pytest.raises(ValueError, match="stroke of SpringNetwork must be a finite number > 0, got -1"):
        springs(stroke=-1.0)


def test_strains_at_a_distance_are_drawn() -> None:
    from pnnkern.experiments.pictures import springs as draw

    edges, x = graphs.triangular(3, 3)
    k, pairs, strains = np.ones(len(edges)), np.array([[0, 1], [7, 8]]), np.array([[0.1, 0.0], [0.0, -0.1]])
    picture = draw.allostery(edges, k, x, np.stack([x, 1.1 * x]), pairs, pairs, strains, strains, np.ones((5, 2)))
    assert picture.png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: springs(9), "9 sources, 2 targets and 2 anchors need 13 nodes, the network has 10"),
        (lambda: springs(key=None), "which needs a key"),
        (lambda: springs(low=0.03), "the target of a sample's class must be the higher one"),
        (lambda: springs(start=1e3), r"edges must start within smallest .. largest = 0.01 .. 100, got 1000"),
        (lambda: SpringNetwork(edges=[[0, 1]]), "edges and positions, where the nodes are, must be given together"),
        (lambda: springs(parameters={"stiffness": np.ones(3)}), r"stiffness must be float64 \(22,\), got float64 \(3,\)"),
        (lambda: springs().encode(np.ones((1, 3))), "each sample must have 2 values, got 3"),
        (lambda: springs().relax(np.zeros((1, 2)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
        (lambda: springs().relax(np.zeros((1, 2)), target=np.zeros((1, 3))), r"target must be \(1, 2\), got shape \(1, 3\)"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
