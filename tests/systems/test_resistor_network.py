"""A network of resistors as a trainable system: rules that know nothing of it give its gradients; it learns, and learns again when cut."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from steps import mean_step, written

import pnnkern as pnn
from pnnkern import cli, random
from pnnkern._declared import keys
from pnnkern._errors import FaultError, NudgeError
from pnnkern._updates import gradients
from pnnkern.experiments import data, recipe
from pnnkern.experiments.run import build
from pnnkern.learning import SGD, SPSA, Adam, CoupledLearning, EquilibriumPropagation, InSilico, SquareError, coupled
from pnnkern.networks import ResistorNetwork, graphs
from pnnkern.systems import EdgeImperfections, ResistorCircuit, writers
from pnnkern.systems.resistor_network import damaged


def circuit(n: int = 30, features: int = 4, outputs: int = 3, **more: object) -> ResistorCircuit:
    edges = graphs.disordered(n, 6.0, random.key(1))
    given = {"dtype": "float64", "spread": 0.3, "high": 0.6, "low": 0.4, "hinge": False, "key": random.key(2)} | more
    return ResistorCircuit(edges=edges, n_nodes=n, features=features, outputs=outputs, **given)  # type: ignore[arg-type]


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
    got, _ = mean_step(InSilico(SquareError(0.6, 0.4)), system, inputs, labels)
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
    exact = mean_step(InSilico(SquareError(0.6, 0.4)), system, inputs, labels)[0]["conductance"]
    for variant, slope in (("centred", 2), ("positive", 1)):
        errors = []
        for beta in (1e-5, 5e-6):
            got = mean_step(EquilibriumPropagation(beta, variant), system, inputs, labels)[0]["conductance"]
            errors.append(np.linalg.norm(backend.numpy(got - exact)) / np.linalg.norm(backend.numpy(exact)))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(slope, abs=0.1)
        assert errors[1] < 0.02


@pytest.mark.parametrize("mismatch", [0.0, 0.2])
def test_a_network_is_factorised_again_only_when_its_conductances_were_written(
    mismatch: float, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for what was built and, where that is another network, once for its model; what comes out is of the conductances as they are."""
    system = circuit(imperfections=EdgeImperfections(mismatch=mismatch))
    made, response = [], ResistorNetwork.response
    monkeypatch.setattr(ResistorNetwork, "response", lambda *args, **how: made.append(1) or response(*args, **how))
    networks, x = 1 + bool(mismatch), batch(rng, system)[0]

    def passes() -> np.ndarray:
        for run in (system.forward, system.states, system.forward_saving, system.forward_reading, system.relax):
            run(x)
        return system.forward(x)

    before = passes()
    assert len(made) == networks
    system.parameters["conductance"][:5] *= 2  # by hand
    after = passes()
    assert len(made) == 2 * networks
    writers.apply(system, gradients({"conductance": np.ones_like(system.parameters["conductance"])}), SGD(), 1e-4)
    assert not np.array_equal(passes(), after)
    assert len(made) == 3 * networks
    assert not np.array_equal(after, before)
    monkeypatch.undo()
    other = circuit(imperfections=EdgeImperfections(mismatch=mismatch), parameters=dict(system.parameters))
    np.testing.assert_array_equal(passes(), other.forward(x))


def test_a_forgotten_touch_is_a_fault_on_a_gpu(cupy: Any, rng: np.random.Generator) -> None:
    system = circuit(device="cuda")
    x = cupy.asarray(rng.uniform(size=(7, len(system.source_nodes))))
    before = system.forward(x).get()
    system.parameters["conductance"][0] *= 2
    system.touch()
    assert not np.array_equal(system.forward(x).get(), before)
    system.forward(x)
    pnn.check()
    system.parameters["conductance"][0] *= 2
    system.forward(x)
    with pytest.raises(FaultError, match=r"changed in place .* call its touch\(\)"):
        pnn.check()


def test_values_that_are_no_numbers_are_not_taken_for_changed(backend) -> None:
    """A run that has diverged is told so, not that a `touch` was forgotten; and -0.0 is another value than 0.0."""
    system, made = circuit(device=backend.device), []
    p = system.parameters["conductance"]
    p[0] = np.nan
    p[1] = 0.0
    for _ in range(3):
        system._kept("one", p, lambda: made.append(1))
    pnn.check()
    assert len(made) == 1
    p[1] = -0.0
    system.touch()
    system._kept("one", p, lambda: made.append(1))
    assert len(made) == 2


def test_coupled_learning_is_the_update_of_the_network(rng: np.random.Generator) -> None:
    system = circuit()
    inputs, labels = batch(rng, system)
    got, metrics = mean_step(CoupledLearning(0.05, "positive"), system, inputs, labels)
    expected = coupled.coupled_learning_update(
        system.network, system.parameters["conductance"], system.source_nodes, inputs, system.target_nodes, system.targets(labels), eta=0.05
    )
    assert np.allclose(got["conductance"], expected, atol=1e-12)
    assert set(metrics) == {"loss", "rating"}


def test_hinge_leaves_good_outputs_alone(rng: np.random.Generator) -> None:
    """The same gradient as the loss with a hinge; nothing at all where every output is beyond its target."""
    system = circuit(hinge=True, high=0.52, low=0.5)
    inputs, labels = batch(rng, system, 31)
    exact = mean_step(InSilico(SquareError(0.52, 0.5, hinge=True)), system, inputs, labels)[0]["conductance"]
    got = mean_step(EquilibriumPropagation(1e-7), system, inputs, labels)[0]["conductance"]
    assert np.linalg.norm(got - exact) < 1e-3 * np.linalg.norm(exact)
    plain = mean_step(InSilico(SquareError(0.52, 0.5)), system, inputs, labels)[0]["conductance"]
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
        updates, _ = mean_step(SPSA(SquareError(0.6, 0.4), c=1e-5), system, inputs, labels, random.key(1))
        assert updates["conductance"].shape == (system.network.n_edges,)


def trained(system: ResistorCircuit, found: data.Dataset, epochs: int) -> float:
    """Test accuracy after coupled learning."""
    rule, adam = CoupledLearning(0.01, "positive"), Adam(3e-4)
    for epoch in range(epochs):
        for piece in np.array_split(np.random.default_rng(epoch).permutation(len(found.train_labels)), 3):
            written(rule, system, system.encode(found.train_images[piece]), found.train_labels[piece], adam, 3e-4)
    scores = system.forward(system.encode(found.test_images))
    return float((scores.argmax(axis=1) == found.test_labels).mean())


def test_iris_is_learned_and_learned_again_after_damage() -> None:
    found = data.load("iris")
    edges = graphs.disordered(60, 8.0, random.key(0))
    system = ResistorCircuit(edges=edges, n_nodes=60, dtype="float64", key=random.key(0))
    assert trained(system, found, 150) > 0.9
    hurt = damaged(system, 0.3, random.key(5))
    assert hurt.network.n_edges == round(0.7 * system.network.n_edges)
    before = (hurt.forward(hurt.encode(found.test_images)).argmax(axis=1) == found.test_labels).mean()
    after = trained(hurt, found, 100)
    assert before < 0.9
    assert after > 0.9


def test_the_graph_that_is_drawn_goes_with_the_system() -> None:
    """Cut, it keeps its nodes, positions and the conductances of the edges that are left, by those of the first."""
    system = ResistorCircuit(graph="delaunay", nodes=30, spread=0.3, dtype="float64", key=random.key(4))
    hurt = damaged(system, 0.2, random.key(5))
    assert np.array_equal(hurt.source_nodes, system.source_nodes)
    assert hurt.positions is system.positions
    first = {tuple(e): k for e, k in zip(system.network.edges.tolist(), system.parameters["conductance"], strict=True)}
    assert [first[tuple(e)] for e in hurt.network.edges.tolist()] == hurt.parameters["conductance"].tolist()
    assert hurt.network.n_edges == round(0.8 * system.network.n_edges)


def test_digital_potentiometers_learn_iris() -> None:
    """Conductances that only move in whole steps, written by a device writer: the rule does not know."""
    found = data.load("iris")
    edges = graphs.disordered(60, 8.0, random.key(0))
    writer = writers.Stepped(5e-5, 1e-4, 1.2e-2, random.key(3))
    system = ResistorCircuit(edges=edges, n_nodes=60, dtype="float64", key=random.key(0), writers={"conductance": writer})
    rule, inputs = CoupledLearning(0.01, "positive"), system.encode(found.train_images)
    for _ in range(200):
        updates, _ = mean_step(rule, system, inputs, found.train_labels)
        size = np.abs(updates["conductance"]).mean()
        writers.apply(system, gradients(updates), None, 1e-4 / size)
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
    system = ResistorCircuit(
        edges=edges, n_nodes=n, features=2, high=0.55, low=0.45, hinge=hinge, dtype="float64", key=random.key(5), device=backend.device
    )
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
    updates, metrics = mean_step(CoupledLearning(0.3, variant), system, inputs, backend.array(labels))
    np.testing.assert_allclose(backend.numpy(updates["conductance"]), expected, atol=1e-10 * np.abs(expected).max())
    assert float(metrics["loss"]) == pytest.approx((error**2).sum() / 8)


def test_recipes_build() -> None:
    for name in ("coupled-iris", "coupled-digits"):
        told = recipe.find(name)
        made = build(told, 3)
        assert isinstance(made, ResistorCircuit)
        assert made.network.n_nodes == told.system.values()["nodes"]
        assert made.outputs == 3


def test_what_it_declares() -> None:
    """Keys and defaults of a recipe, its targets, and what it exports."""
    assert {key.name: key.default for key in keys(ResistorCircuit)} == {
        "graph": "disordered", "nodes": 60, "degree": 8.0, "file": "", "features": 4, "complement": True, "volts": 1.0, "high": 0.52,
        "low": 0.48, "hinge": True, "start": 1e-3, "spread": 0.0, "smallest": 1e-5, "largest": 1e-1, "step": 0.0, "ohms": 0.0, "by_sign": False,
        "mismatch": 0.0, "gain_mismatch": 0.0, "input_offset": 0.0, "output_offset": 0.0,
        "measurement_noise": 0.0, "stuck_low": 0.0, "stuck_high": 0.0,
    }  # fmt: skip
    system = circuit(volts=5.0, hinge=True)
    loss = system.natural_loss
    assert (loss.loss, loss.high, loss.low, loss.hinge) == ("mse", 3.0, 2.0, True)
    assert np.array_equal(system.targets(np.array([1])), [[2.0, 3.0, 2.0]])
    assert system.exports()["conductance"].unit == system.output_unit.replace("V", "S") == "S"
    assert system.export("conductance").shape == (90,)
    one = circuit(outputs=1)  # tells class 1 from class 0
    assert np.array_equal(one.targets(np.array([1, 0])), [[0.6], [0.4]])
    with pytest.raises(ValueError, match=r"spread of ResistorCircuit must be a finite number >= 0 and < 1, got 1.5"):
        circuit(spread=1.5)


def test_pictures() -> None:
    from pnnkern.experiments.pictures import circuits as draw

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


def test_nudges_beyond_the_bound(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An output between 2 mS and 3 mS to the rails is no longer held when it is pushed with 5 mS. Exit code 2."""
    edges, nodes = [[0, 3], [1, 3], [0, 2], [1, 2]], {"source_nodes": [2, 0, 1], "target_nodes": [3]}
    k = {"parameters": {"conductance": [2e-3, 3e-3, 1e-3, 1e-3]}}
    system = ResistorCircuit(edges=edges, n_nodes=4, features=1, outputs=1, complement=False, dtype="float64", **nodes, **k)
    inputs, target = system.encode(np.array([[0.5]])), np.array([[0.4]])  # the hinge does not leave it alone
    near = system.relax(inputs, target=target, nudges=(-4e-3,))
    v = near.voltages(1)[0, 3]
    assert 3e-3 * (v - 1) + 2e-3 * v - 4e-3 * (v - 0.4) == pytest.approx(0, abs=1e-15)
    for nudge in (-5.01e-3, -1.0):
        with pytest.raises(NudgeError, match=rf"a nudge of {nudge:g} siemens leaves the outputs without .*: .beta. must stay below 0.005$"):
            system.relax(inputs, target=target, nudges=(nudge,))
    rule = ["--set", "rule.kind=equilibrium-propagation", "--set", "rule.beta=0.01", "--set", "control.linear=false"]
    assert cli.main(["run", "coupled-iris", "--out", str(tmp_path / "run"), "--quiet", *rule]) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert "|beta| must stay below 0.00" in said


# ------------------------------------------------------------------------------------------------------- a graph from a file
RING = 8  # nodes of a ring with chords, and the conductances that the file gives, siemens


@pytest.fixture
def ring(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A file, its edges from 0, and its conductances."""
    edges = np.array([[i, (i + 1) % RING] for i in range(RING)] + [[0, 4], [1, 5], [2, 6], [3, 7]])
    k = np.random.default_rng(0).uniform(1e-4, 1e-2, len(edges))
    rows = "".join(f"{a + 1},{b + 1},{g!r}\n" for (a, b), g in zip(edges, k.tolist(), strict=True))
    (tmp_path / "ring.csv").write_text(f"source,target,weight\n{rows}")
    return tmp_path / "ring.csv", edges, k


def test_a_file_gives_its_conductances(ring: tuple[Path, np.ndarray, np.ndarray], rng: np.random.Generator) -> None:
    """Outputs are those of its own Laplacian, and damage keeps what is left of it."""
    file, edges, k = ring
    how = {"features": 1, "outputs": 2, "nodes": RING, "degree": 3.0, "dtype": "float64", "key": random.key(1)}
    system = ResistorCircuit(graph="file", file=str(file), **how)  # type: ignore[arg-type]
    assert system.parameters["conductance"].tolist() == k.tolist()
    laplacian = np.zeros((RING, RING))
    for (a, b), g in zip(edges, k, strict=True):
        laplacian[[a, b], [a, b]] += g
        laplacian[[a, b], [b, a]] -= g
    held, inputs = system.source_nodes, system.encode(rng.random((3, 1)))
    free = np.setdiff1d(np.arange(RING), held)
    v = np.zeros((3, RING))
    v[:, held] = inputs
    v[:, free] = np.linalg.solve(laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, held)] @ inputs.T).T
    np.testing.assert_allclose(system.forward(inputs), v[:, system.target_nodes], atol=1e-12)
    hurt = damaged(system, 0.2, random.key(2))
    assert set(hurt.parameters["conductance"].tolist()) < set(k.tolist())
    bare = file.with_name("bare.txt")
    np.savetxt(bare, edges, fmt="%d")
    assert (ResistorCircuit(graph="file", file=str(bare), start=2e-3, **how).parameters["conductance"] == 2e-3).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"nodes": 9}, "nodes=9 contradicts the edge list .*, which has 8 nodes: leave it at its default, 60"),
        ({"degree": 4.0}, "degree=4 contradicts the edge list .*, which says who is joined: leave it at its default, 8"),
        ({"start": 2e-3}, "start=0.002 contradicts the edge list .*, which says which conductances there are: leave it at its default, 0.001"),
        ({"spread": 0.1}, "spread=0.1 contradicts the edge list"),
        ({"largest": 5e-3}, r"must lie within smallest .. largest = 1e-05 .. 0.005 siemens, they are 0.000\d+ .. 0.00\d+"),
        ({"graph": "lattice"}, "graph='file' and file, a path, need each other, got graph='lattice' and file="),
        ({"file": ""}, "graph='file' and file, a path, need each other"),
    ],
)
def test_keys_that_contradict_a_file(ring: tuple[Path, np.ndarray, np.ndarray], how: dict[str, object], message: str, tmp_path: Path,
                                     capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """In Python, and on the command line in one line with exit code 2."""
    given = {"graph": "file", "file": str(ring[0]), "features": 1} | how
    with pytest.raises(ValueError, match=message):
        ResistorCircuit(key=random.key(0), outputs=2, **given)  # type: ignore[arg-type]
    settings = [part for name, value in given.items() for part in ("--set", f"system.{name}={value}")]
    iris = ["--set", "data.name=xor", "--set", "control.linear=false"]
    assert cli.main(["run", "coupled-iris", "--out", str(tmp_path / "run"), *iris, *settings]) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert re.search(message, said)


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuit(8), "10 sources and 3 targets need 13 nodes, the network has 8"),
        (lambda: circuit(high=0.4, low=0.6), "the target of a sample's class must be the higher one, got low=0.6 and high=0.4"),
        (lambda: circuit(high=1.5), "high of ResistorCircuit must be a finite number > 0 and <= 1"),
        (lambda: circuit(start=1.0), r"edges must start within smallest .. largest = 1e-05 .. 0.1, got 1"),
        (lambda: circuit(key=None, spread=0.0), "drawn at random, which needs a key"),
        (lambda: circuit(parameters={"conductance": np.ones(3)}), r"conductance must be float64 \(90,\), got float64 \(3,\)"),
        (lambda: circuit().encode(np.ones((2, 5))), "each sample must have 4 values, got 5"),
        (lambda: circuit().relax(np.ones((1, 10)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
        (lambda: circuit().relax(np.ones((1, 10)), target=np.ones((1, 3)), nudges=(-1.0,)), "without an equilibrium"),
        (lambda: ResistorCircuit(edges=[[0, 1]]), "edges and n_nodes, how many nodes these join, must be given together"),
        (lambda: ResistorCircuit(), "the graph is drawn at random, which needs a key"),
        (lambda: circuit(source_nodes=[1, 2], target_nodes=[3, 4, 5]), "there must be 10 source_nodes and 3 target_nodes, got 2 and 3"),
        (lambda: damaged(circuit(), 1.0, random.key(0)), r"fraction must lie in \[0, 1\)"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
