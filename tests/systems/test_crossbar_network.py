"""A multilayer network on crossbars: its twin against plain expressions, its arrays against what they are made of."""

from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern._errors import FaultError
from pnnkern.crossbar import ADC, DAC, BitSerial, Chain, Crossbar, GaussianNoise, Wires
from pnnkern.experiments import recipe, run
from pnnkern.learning import SGD
from pnnkern.systems import CrossbarNetwork, protocols, writers

KEY = pnn.random.key(4)


def network(**options: Any) -> CrossbarNetwork:
    return CrossbarNetwork((6, 5, 4, 3), **({"key": KEY, "dtype": "float64"} | options))


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (8, 2, 3)).astype(np.uint8)


def plain(x: np.ndarray, weights: list[np.ndarray], f: Any) -> np.ndarray:
    for w in weights[:-1]:
        x = f(x @ w[:-1] + w[-1])
    return x @ weights[-1][:-1] + weights[-1][-1]


@pytest.mark.parametrize(("name", "f"), [
    ("tanh", np.tanh), ("relu", lambda a: np.maximum(a, 0)), ("sigmoid", lambda a: 1 / (1 + np.exp(-a))),
])  # fmt: skip
def test_twin_and_its_derivative(name: str, f: Any, images: np.ndarray) -> None:
    system = network(activation=name)
    inputs = system.encode(images)
    np.testing.assert_allclose(inputs, images.reshape(8, 6) / 255)
    outputs, record = system.forward_saving(inputs)
    weights = [system.parameters[f"w{l}"] for l in range(3)]
    assert [w.shape for w in weights] == [(7, 5), (6, 4), (5, 3)]
    np.testing.assert_allclose(outputs, plain(inputs, weights, f), rtol=1e-12)
    g = np.random.default_rng(1).normal(size=outputs.shape)
    updates = system.vjp(g, record)
    for l, w in enumerate(weights):
        expected = np.empty_like(w)
        for i in np.ndindex(w.shape):
            sides = []
            for h in (1e-6, -1e-6):
                w[i] += h
                sides.append((g * plain(inputs, weights, f)).sum())
                w[i] -= h
            expected[i] = (sides[0] - sides[1]) / 2e-6
        np.testing.assert_allclose(protocols.dense(updates[f"w{l}"]), expected, rtol=1e-6, atol=1e-8)
    assert [h.shape for h in system.hidden_outputs(record)] == [(8, 5), (8, 4)]


def test_population_is_one_network_for_each_member(images: np.ndarray) -> None:
    system = network()
    inputs, w0 = system.encode(images), system.parameters["w0"].copy()
    outputs = system.forward_population(inputs, {"w0": np.stack([w0, 2 * w0])})
    np.testing.assert_array_equal(outputs[0], system.forward(inputs))
    np.testing.assert_array_equal(outputs[1], network(parameters=system.parameters | {"w0": 2 * w0}).forward(inputs))
    np.testing.assert_array_equal(system.parameters["w0"], w0)


# -------------------------------------------------------------------------------------------------------------------- hardware
PCM = Crossbar(device="pcm", chain=Chain(noise=GaussianNoise(device="pcm"), dac=DAC(8, 0.2), adc=ADC(8, "calibrated")))


def small(**options: Any) -> CrossbarNetwork:
    return CrossbarNetwork((6, 5, 3), key=KEY, **options)


@pytest.fixture
def inputs(rng: np.random.Generator) -> np.ndarray:
    return rng.random((9, 6), np.float32)


def test_ideal_arrays_are_the_twin(backend: Any, inputs: np.ndarray) -> None:
    system = small(hardware=Crossbar(), device=backend.device)
    there = backend.array(inputs)
    np.testing.assert_allclose(
        backend.numpy(system.forward(there)), backend.numpy(system.forward_saving(there)[0]), rtol=2e-5, atol=2e-6
    )


GATES = BitSerial(14, 1, 0.2, signed=False)


@pytest.mark.parametrize("topology", ["lines", "interleaved", "gated", "gated-interleaved"])
def test_arrays_of_every_topology_are_the_twin(backend: Any, inputs: np.ndarray, topology: str) -> None:
    """Through perfect wires, with as many bits as do not show; errors go back through those whose rows carry current."""
    gates = topology.startswith("gated")
    chain = Chain(wires=Wires(0, 0, topology=topology), dac=GATES if gates else DAC(16), adc=ADC(20, "max"))
    system = small(hardware=Crossbar(tile=(8, 4), chain=chain), activation="relu", device=backend.device)
    there = backend.array(inputs)
    outputs, record = system.measure(there)
    np.testing.assert_allclose(backend.numpy(outputs), backend.numpy(system.forward_saving(there)[0]), atol=2e-3)
    assert np.abs(backend.numpy(outputs)).max() > 0.1
    g = backend.array(np.ones((9, 3), np.float32))
    if gates:
        with pytest.raises(ValueError, match=f"topology '{topology}' cannot be read at their rows"):
            system.backward(g, record)
        return
    for name, update in system.backward(g, record).items():
        np.testing.assert_allclose(
            backend.numpy(protocols.dense(update)), backend.numpy(protocols.dense(system.vjp(g, record)[name])), atol=1e-3
        )


def test_a_pass_is_what_its_arrays_do(inputs: np.ndarray) -> None:
    """Programmed with the network's key, calibrated on the reference, read with the key of the pass."""
    system = small(hardware=PCM)
    system.calibrate(inputs)
    read_key = pnn.random.key(77)
    x, twin_x = inputs, inputs
    for l in range(2):
        w = system.parameters[f"w{l}"]
        chip = [pnn.random.fold_in(pnn.random.fold_in(KEY, f"array {l}"), purpose) for purpose in ("program", "calibration")]
        enters, probe = (np.concatenate([v, np.ones((9, 1), np.float32)], axis=1) for v in (x, twin_x))
        state = crossbar.calibrate(probe, crossbar.program_weights(w, PCM, key=chip[0]), PCM, quantile=0.999, key=chip[1])
        y = crossbar.apply(enters, state, PCM, key=pnn.random.fold_in(read_key, l), sample=4)
        x, twin_x = np.tanh(y), np.tanh(probe @ w)
        np.testing.assert_array_equal(system.conductances(l), state["G"])
    np.testing.assert_array_equal(system.forward(inputs, read_key, 4), y)
    pnn.testing.check_split(lambda v, key, sample: system.forward(v, key, sample), inputs, key=read_key)
    outputs, record = system.measure(inputs, read_key, 4)
    np.testing.assert_array_equal(outputs, y)
    assert not np.array_equal(record[1][1], system.forward_saving(inputs)[1][1][1])  # measured activations, not the twin's
    with pytest.raises(ValueError, match="key"):
        system.forward(inputs)


def test_arrays_are_programmed_anew_when_weights_change(inputs: np.ndarray) -> None:
    system = small(hardware=Crossbar())
    before = system.forward(inputs)
    system.parameters["w1"] *= 2  # in place, as an optimiser does
    np.testing.assert_allclose(system.forward(inputs), 2 * before, rtol=1e-4, atol=1e-5)


def read_twice(system: CrossbarNetwork, x: Any) -> dict[str, int]:
    """What the second of two passes asks of a GPU."""
    for _ in range(2):
        with strict_cupy.counted() as events:
            system.forward(x, pnn.random.key(5), np.arange(len(x)))
    return strict_cupy.totals(events)


def test_passes_of_a_gpu_copy_no_weights(cupy: Any, inputs: np.ndarray) -> None:
    """Arrays stay programmed, and that is seen without waiting; after an update they are programmed anew, without waiting either."""
    system, here = small(hardware=PCM, device="cuda"), small(hardware=PCM)
    x, g = cupy.asarray(inputs), {name: np.full(p.shape, 0.5, p.dtype) for name, p in here.parameters.items()}
    for network, place in ((system, x), (here, inputs)):
        network.calibrate(place)
    again = read_twice(system, x)
    assert (again["syncs"], again["copies"]) == (0, 1)  # the numbers of the samples
    writers.apply(here, g, SGD(), 0.1)
    writers.apply(system, {name: cupy.asarray(u) for name, u in g.items()}, SGD(), 0.1)
    with strict_cupy.counted() as events:
        anew = system.forward(x, pnn.random.key(5), np.arange(len(x)))
    assert strict_cupy.totals(events)["syncs"] == 0
    assert sum(n for (kind, name, _), n in events.items() if kind == "launch" and "perturb" in name) == 2
    np.testing.assert_allclose(anew.get(), here.forward(inputs, pnn.random.key(5), np.arange(len(x))), rtol=1e-3, atol=2e-2)
    assert read_twice(system, x)["launches"] == again["launches"]
    pnn.check()


def test_other_arrays_in_the_place_of_weights_are_programmed(cupy: Any, inputs: np.ndarray) -> None:
    system, x = small(hardware=Crossbar(), device="cuda"), cupy.asarray(inputs)
    before, w1 = system.forward(x).get(), system.parameters["w1"]
    system.parameters["w1"] = 2 * w1
    np.testing.assert_allclose(system.forward(x).get(), 2 * before, rtol=1e-4, atol=1e-5)
    with protocols.replaced(system, {"w1": 3 * w1}):
        np.testing.assert_allclose(system.forward(x).get(), 3 * before, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(system.forward(x).get(), 2 * before, rtol=1e-4, atol=1e-5)
    pnn.check()


@pytest.mark.parametrize("change", ["one", "all", "swap"])
def test_weights_changed_by_hand_on_a_gpu(cupy: Any, inputs: np.ndarray, change: str) -> None:
    """Either the network is told, or the next check says what was forgotten."""
    system, x = small(hardware=Crossbar(), device="cuda"), cupy.asarray(inputs)

    def by_hand() -> None:
        w = system.parameters["w1"]
        if change == "one":
            w[2, 1] += np.float32(1e-3)
        elif change == "all":
            w *= 2
        else:
            w[:2] = w[1::-1].copy()

    before = system.forward(x).get()
    by_hand()
    system.touch()
    assert not np.array_equal(system.forward(x).get(), before)
    pnn.check()
    by_hand()
    system.forward(x)
    with pytest.raises(FaultError, match=r"changed in place .* call its touch\(\)"):
        pnn.check()


def test_a_restored_run_reads_restored_weights(cupy: Any, tmp_path: Any) -> None:
    chosen = recipe.find("crossbar-digits", ["compute.device=cuda", "system.hidden=[4]", "data.pool=7", "system.inputs=16"])
    trainer = run.assemble(chosen, tmp_path).trainer
    system, x = trainer.system, trainer.system.encode(trainer.dataset.test_images[:3])
    saved, before = trainer.saved(), system.forward(x, pnn.random.key(1)).get()
    writers.apply(system, {name: cupy.ones_like(p) for name, p in system.parameters.items()}, SGD(), 0.1)
    assert not np.array_equal(system.forward(x, pnn.random.key(1)).get(), before)
    trainer.restore(saved)
    np.testing.assert_array_equal(system.forward(x, pnn.random.key(1)).get(), before)
    pnn.check()


def test_weights_beyond_the_range_are_named_at_the_next_check(cupy: Any, inputs: np.ndarray) -> None:
    system = small(hardware=Crossbar(w_max=0.01), device="cuda")
    system.forward(cupy.asarray(inputs))
    with pytest.raises(FaultError, match=r"weights must lie within w_max|the device's range"):
        pnn.check()


TINY = ("system.hidden=[4]", "data.pool=7", "system.inputs=16", "training.epochs=1", "data.train=64", "data.test=16")


@pytest.mark.parametrize("topology", ["interleaved", "gated", "gated-interleaved"])
@pytest.mark.parametrize("wires", [0.0, 5.0])
def test_recipes_of_every_topology(topology: str, wires: float, tmp_path: Any) -> None:
    """The flagship on other wires: trained, read as its arrays are, checked as they age, priced."""
    chosen = recipe.find("crossbar-digits", [f"system.topology={topology}", f"system.wires={wires}", *TINY])
    trainer = run.assemble(chosen, tmp_path).trainer
    hardware = trainer.system.hardware
    assert hardware.chain.wires == Wires(wires, wires, topology=topology)
    assert chosen.system.ideal().hardware() is None
    trainer.advance()
    assert np.isfinite(trainer.evaluate()).all()
    rows = chosen.system.checks(trainer, np.arange(8)).rows
    assert f"{topology} wires" in rows[1]["note"]
    assert chosen.system.estimates(trainer.system)["energy_per_inference_j"] > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["topology=interleaved", "mapping=offset"], "has rows of G. and of G-: set system.mapping to one-sided or two-sided"),
        (["topology=gated-interleaved", "mapping=offset"], "set system.mapping to one-sided or two-sided"),
        (["topology=gated", "dac_bits=0"], "sends inputs bit by bit: set system.dac_bits"),
        (["topology=gated", "activation=tanh"], "takes inputs of 0 or more: set system.activation to relu or sigmoid"),
    ],
)
def test_recipes_that_mean_nothing(changes: list[str], message: str) -> None:
    chosen = recipe.find("crossbar-digits", [f"system.{change}" for change in changes])
    with pytest.raises(ValueError, match=message):
        chosen.system.build(key=KEY, device="cpu", dtype="float32", chunk=8, classes=10)


def test_arrays_age_and_are_compensated(rng: np.random.Generator) -> None:
    """Without spread of its exponent an array drifts as a whole, by (t / t0 + 1)^-nu, and one factor undoes it."""
    even = crossbar.PCM(programming=(0.0,), exponent_mean=(0.0, 0.06, 0.0, 1.0), exponent_std=(0.0, 0.0, 0.0, 1.0))
    system = CrossbarNetwork((6, 3), key=KEY, hardware=Crossbar(device=even))
    x = rng.random((50, 6), np.float32)
    new = system.forward(x)
    old = system.aged(86400.0).forward(x)
    np.testing.assert_allclose(old, new * (86400 / 20 + 1) ** -0.06, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="reference inputs"):
        system.aged(86400.0, "global").forward(x)
    system.calibrate(x[:20])
    for compensation in ("global", "column"):
        np.testing.assert_allclose(system.aged(86400.0, compensation).forward(x), new, rtol=1e-4, atol=1e-6)
    real = CrossbarNetwork((40, 30, 3), key=KEY, hardware=Crossbar(device="pcm"), reference=rng.random((64, 40), np.float32))
    x = rng.random((50, 40), np.float32)
    exact = real.forward_saving(x)[0]
    errors = [np.abs(real.aged(3e7, c).forward(x) - exact).mean() for c in ("none", "global")]
    assert errors[1] < 0.7 * errors[0]


def test_estimate_is_that_of_its_arrays() -> None:
    system = CrossbarNetwork((6, 5, 3), key=KEY, hardware=PCM)
    states = [crossbar.program_weights(system.parameters[f"w{l}"], PCM, key=system._chip(l, "program")) for l in range(2)]
    parts = [crossbar.estimate(PCM, shape, state=state) for shape, state in zip([(7, 5), (6, 3)], states, strict=True)]
    found = system.estimate()
    assert found["energy_per_inference_j"] == pytest.approx(parts[0]["energy_total_j"] + parts[1]["energy_total_j"])
    assert found["latency_s"] == pytest.approx(parts[0]["latency_s"] + parts[1]["latency_s"])
    assert found["area_m2"] == pytest.approx(parts[0]["area_total_m2"] + parts[1]["area_total_m2"])
    assert found["operations_per_joule"] == pytest.approx(2 * (35 + 18) / found["energy_per_inference_j"])


def test_bad_input(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="each sample must have 6 values, got 8"):
        network().encode(np.zeros((2, 8)))
    for options, message in [
        ({"activation": "step"}, "activation must be one of tanh, relu, sigmoid"),
        ({"compensation": "some"}, "compensation must be one of none, global, column"),
        ({"key": None}, "needs a key"),
        ({"weight_max": 0.0}, "weight_max must be positive"),
        ({"hardware": Crossbar(chain=Chain(dac=DAC(8, signed=False)))}, "tanh sends negative inputs to the next array"),
        ({"parameters": {"w0": np.zeros((2, 2))}}, r"w0 must be float64 \(7, 5\)"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            network(**options)
    with pytest.raises(ValueError, match="it has no conductances"):
        network().conductances(0)
    with pytest.raises(ValueError, match="two layers or more"):
        CrossbarNetwork((4,), key=KEY)
