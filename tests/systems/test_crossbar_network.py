"""A multilayer network on crossbars: its twin against plain expressions, its arrays against what they are made of."""

from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _declared as declared
from pnnkern import crossbar
from pnnkern._errors import FaultError
from pnnkern._updates import Factors, dense
from pnnkern.crossbar import ADC, DAC, BitSerial, Chain, Crossbar, DifferentialPair, GaussianNoise, OffsetColumn, Wires
from pnnkern.experiments import pictures, recipe, run
from pnnkern.learning import SGD, InSilico, Logits
from pnnkern.systems import CrossbarNetwork, Gradient, Pulses, protocols, writers
from pnnkern.systems.crossbar_network import Arrays

KEY = pnn.random.key(4)


def network(**options: Any) -> CrossbarNetwork:
    return CrossbarNetwork(inputs=6, hidden=(5, 4), outputs=3, **({"key": KEY, "dtype": "float64"} | options))


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
        np.testing.assert_allclose(dense(updates[f"w{l}"]), expected, rtol=1e-6, atol=1e-8)
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
    return CrossbarNetwork(inputs=6, hidden=[5], outputs=3, key=KEY, **options)


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
            backend.numpy(dense(update)), backend.numpy(dense(system.vjp(g, record)[name])), atol=1e-3
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
    writers.apply(here, {name: Gradient(u) for name, u in g.items()}, SGD(), 0.1)
    writers.apply(system, {name: Gradient(cupy.asarray(u)) for name, u in g.items()}, SGD(), 0.1)
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
    writers.apply(system, {name: Gradient(cupy.ones_like(p)) for name, p in system.parameters.items()}, SGD(), 0.1)
    assert not np.array_equal(system.forward(x, pnn.random.key(1)).get(), before)
    trainer.restore(saved)
    np.testing.assert_array_equal(system.forward(x, pnn.random.key(1)).get(), before)
    pnn.check()


def test_weights_beyond_the_range_are_named_at_the_next_check(cupy: Any, inputs: np.ndarray) -> None:
    system = small(hardware=Crossbar(w_max=0.01), device="cuda")
    system.forward(cupy.asarray(inputs))
    with pytest.raises(FaultError, match=r"weights must lie within w_max|the device's range"):
        pnn.check()


TINY = (
    "system.hidden=[4]", "system.dac_bits=3", "data.pool=7", "system.inputs=16", "training.epochs=1", "training.batch=8", "data.train=64",
    "data.test=8",
)  # fmt: skip


@pytest.mark.parametrize("topology", ["interleaved", "gated", "gated-interleaved"])
@pytest.mark.parametrize("wires", [0.0, 5.0])
def test_recipes_of_every_topology(topology: str, wires: float, tmp_path: Any) -> None:
    """The flagship on other wires: trained, read as its arrays are, checked as they age, priced."""
    chosen = recipe.find("crossbar-digits", [f"system.topology={topology}", f"system.wires={wires}", *TINY])
    trainer = run.assemble(chosen, tmp_path).trainer
    assert trainer.system.crossbar.chain.wires == Wires(wires, wires, topology=topology)
    perfect = chosen.system.model_copy(update=dict(CrossbarNetwork.exact)).values()
    assert declared.made(CrossbarNetwork, perfect, key=KEY).crossbar is None
    trainer.advance()
    assert np.isfinite(trainer.evaluate()).all()
    rows = pictures.checks(trainer, np.arange(8)).rows
    assert f"{topology} wires" in rows[1]["note"]
    assert trainer.system.costs()["energy_per_inference_j"] > 0


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
        run.build(chosen, 10)


def test_arrays_age_and_are_compensated(rng: np.random.Generator) -> None:
    """Without spread of its exponent an array drifts as a whole, by (t / t0 + 1)^-nu, and one factor undoes it."""
    even = crossbar.PCM(programming=(0.0,), exponent_mean=(0.0, 0.06, 0.0, 1.0), exponent_std=(0.0, 0.0, 0.0, 1.0))
    system = CrossbarNetwork(inputs=6, hidden=(), outputs=3, key=KEY, hardware=Crossbar(device=even))
    x = rng.random((50, 6), np.float32)
    new = system.forward(x)
    old = system.aged(86400.0).forward(x)
    np.testing.assert_allclose(old, new * (86400 / 20 + 1) ** -0.06, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="reference inputs"):
        system.aged(86400.0, "global").forward(x)
    system.calibrate(x[:20])
    for compensation in ("global", "column"):
        np.testing.assert_allclose(system.aged(86400.0, compensation).forward(x), new, rtol=1e-4, atol=1e-6)
    real = CrossbarNetwork(
        inputs=40, hidden=(30,), outputs=3, key=KEY, hardware=Crossbar(device="pcm"), reference=rng.random((64, 40), np.float32)
    )
    x = rng.random((50, 40), np.float32)
    exact = real.forward_saving(x)[0]
    errors = [np.abs(real.aged(3e7, c).forward(x) - exact).mean() for c in ("none", "global")]
    assert errors[1] < 0.7 * errors[0]


def test_estimate_is_that_of_its_arrays() -> None:
    system = small(hardware=PCM)
    states = [crossbar.program_weights(system.parameters[f"w{l}"], PCM, key=system._chip(l, "program")) for l in range(2)]
    parts = [crossbar.estimate(PCM, shape, state=state) for shape, state in zip([(7, 5), (6, 3)], states, strict=True)]
    found = system.costs()
    assert found == system.estimate()
    assert small().costs() == {}
    assert found["energy_per_inference_j"] == pytest.approx(parts[0]["energy_total_j"] + parts[1]["energy_total_j"])
    assert found["latency_s"] == pytest.approx(parts[0]["latency_s"] + parts[1]["latency_s"])
    assert found["area_m2"] == pytest.approx(parts[0]["area_total_m2"] + parts[1]["area_total_m2"])
    assert found["operations_per_joule"] == pytest.approx(2 * (35 + 18) / found["energy_per_inference_j"])


def test_bad_input(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="each sample must have 6 values, got 8"):
        network().encode(np.zeros((2, 8)))
    for options, message in [
        ({"activation": "step"}, "^activation of CrossbarNetwork must be one of 'tanh', 'relu', 'sigmoid', got 'step'$"),
        ({"compensation": "some"}, "^compensation of CrossbarNetwork must be one of 'none', 'global', 'column', got 'some'$"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"time": -1.0}, "^time of CrossbarNetwork must be a finite number >= 0, got -1.0$"),
        ({"hardware": Crossbar(), "arrays": Arrays(dac_bits=4)}, "arrays=Arrays.* or as hardware=crossbar.Crossbar.* says: give one of them"),
        ({"key": None}, "needs a key"),
        ({"weight_max": 0.0}, "^weight_max of CrossbarNetwork must be a finite number > 0, got 0.0$"),
        ({"hardware": Crossbar(chain=Chain(dac=DAC(8, signed=False)))}, "tanh sends negative inputs to the next array"),
        ({"parameters": {"w0": np.zeros((2, 2))}}, r"w0 must be float64 \(7, 5\)"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            network(**options)
    with pytest.raises(ValueError, match="it has no conductances"):
        network().conductances(0)
    with pytest.raises(ValueError, match=r"^outputs of CrossbarNetwork must be a finite number >= 1 and <= 16777216, got 0$"):
        CrossbarNetwork(outputs=0, key=KEY)
    with pytest.raises(ValueError, match=r"^hidden of CrossbarNetwork must be values that are each a finite number >= 1"):
        CrossbarNetwork(hidden=(5, 0), key=KEY)


# ----------------------------------------------------------------------------------------------------------------- description
def test_keys_of_a_recipe() -> None:
    """As they have been since there are recipes of crossbars."""
    assert {key.name: key.default for key in declared.keys(CrossbarNetwork)} == {
        "inputs": 784, "hidden": (256,), "activation": "tanh", "weight_max": 1.0, "device": "", "mapping": "one-sided",
        "tile_rows": 512, "tile_columns": 512, "dac_bits": 0, "adc_bits": 0, "read_noise": False, "cell_noise": 0.0, "wires": 0.0,
        "topology": "lines", "stuck_low": 0.0, "stuck_high": 0.0, "time": 0.0, "compensation": "none", "writer": "ideal",
        "pulsed_device": "gokmen-vlasov", "pulses": 31, "transfer_every": 1, "transfer_lines": 1, "transfer_lr": 0.1,
    }  # fmt: skip
    assert {key.name: key.unit for key in declared.keys(CrossbarNetwork) if key.unit} == {"wires": "ohm", "time": "s"}


def test_what_reports_and_rules_ask() -> None:
    system = small()
    loss = InSilico().loss_on(system)
    assert (type(loss), loss.scale) == (Logits, 10.0)
    assert list(system.exports()) == list(system.parameters) == ["w0", "w1"]
    assert all(quantity.unit == "1" for quantity in system.exports().values())
    np.testing.assert_array_equal(system.export("w1"), system.parameters["w1"].astype(np.float64))
    with pytest.raises(ValueError, match="a system of kind 'crossbar' has nothing called 'w2' to export"):
        system.export("w2")


PHYSICAL = [
    (Arrays(device="pcm"), Crossbar(weights=DifferentialPair(one_sided=True), device="pcm")),
    (
        Arrays(dac_bits=6, adc_bits=7, mapping="two-sided"),
        Crossbar(weights=DifferentialPair(one_sided=False), chain=Chain(dac=DAC(6, 0.2), adc=ADC(7, "calibrated"))),
    ),
    (
        Arrays(device="pcm", read_noise=True, cell_noise=0.1, mapping="offset", tile_rows=8, tile_columns=4),
        Crossbar(weights=OffsetColumn(), device="pcm", tile=(8, 4), chain=Chain(noise=GaussianNoise(relative=0.1, device="pcm"))),
    ),
    (
        Arrays(wires=2.0, stuck_low=0.25, stuck_high=0.5),
        Crossbar(
            weights=DifferentialPair(one_sided=True), stuck_low=0.25, stuck_high=0.5, chain=Chain(wires=Wires(2.0, 2.0, topology="lines"))
        ),
    ),
    (
        Arrays(topology="gated-interleaved", dac_bits=5),
        Crossbar(
            weights=DifferentialPair(one_sided=True),
            chain=Chain(wires=Wires(0.0, 0.0, topology="gated-interleaved"), dac=BitSerial(5, 1, 0.2, signed=False)),
        ),
    ),
]


@pytest.mark.parametrize(("arrays", "hardware"), PHYSICAL)
def test_arrays_in_plain_numbers(arrays: Arrays, hardware: Crossbar) -> None:
    assert small(arrays=arrays, activation="relu").crossbar == hardware


def test_perfect_arrays_are_none_however_weights_are_mapped() -> None:
    assert small(arrays=Arrays(mapping="offset", tile_rows=3, tile_columns=7)).crossbar is None
    assert set(CrossbarNetwork.exact) == {
        "writer", "device", "dac_bits", "adc_bits", "read_noise", "cell_noise", "wires", "topology", "stuck_low", "stuck_high",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cell_noise": 1.5}, "^cell_noise of Arrays must be a finite number >= 0 and <= 1, got 1.5$"),
        ({"tile_columns": 1}, "^tile_columns of Arrays must be a finite number >= 2 and <= 16777216, got 1$"),
        ({"mapping": "both"}, "^mapping of Arrays must be one of 'one-sided', 'two-sided', 'offset', got 'both'$"),
        ({"topology": "gated"}, "sends inputs bit by bit: set system.dac_bits"),
    ],
)
def test_arrays_that_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Arrays(**wrong)


@pytest.mark.parametrize("writer", ["pulsed", "tiki-taka-v2", "mixed-precision"])
def test_copies_are_not_written_anew(writer: str, inputs: np.ndarray) -> None:
    """Other chips and other ages hold what training has led to: their devices, and what those remember, do not begin again."""
    system = small(writing=Pulses(writer=writer))
    assert set(system.writers) == {"w0", "w1"}
    for name, p in system.parameters.items():
        writers.apply(system, {name: Factors(np.ones((3, p.shape[0]), np.float32), np.ones((3, p.shape[1]), np.float32))}, SGD(), 0.05)
    kept = {name: values.copy() for name, values in (system.parameters | system.memory).items()}
    copy = system.aged(60.0)
    assert copy.writers == system.writers
    for name, values in (copy.parameters | copy.memory).items():
        np.testing.assert_array_equal(values, kept[name])
    with pytest.raises(ValueError, match=r"pulsed devices hold float32 weights: set compute.dtype=float32"):
        small(writing=Pulses(writer=writer), dtype="float64")


@pytest.mark.parametrize("shape", [(8,), (), (3, 7), (0,)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    """In one sentence, by every pass."""
    network = CrossbarNetwork(inputs=8, hidden=(5,), outputs=3, key=pnn.random.key(1))
    both = {name: np.stack([values, values]) for name, values in network.parameters.items()}
    passes = (network.forward, network.forward_saving, network.measure, lambda x: network.forward_population(x, both))
    for one in passes:
        with pytest.raises(ValueError, match=r"inputs must be \(batch, 8\), got shape "):
            one(np.ones(shape, np.float32))
