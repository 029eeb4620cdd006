"""Steps on a GPU: captured or not, they come to the same bits, and to those of steps on the host."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern import random
from pnnkern._capture import Captured, CaptureError
from pnnkern._updates import Gradient
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.tables import Training
from pnnkern.learning import SGD, SPSA, Adam, HardwareAware, InSilico, PhysicsAware, SquareError, shaken
from pnnkern.learning.rule import Rule
from pnnkern.systems import CrossbarNetwork
from pnnkern.systems.crossbar_network import Arrays
from pnnkern.systems.writers import InPlace, Pulses, Rheostats, Stepped

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import gpu_steps

N = 3  # features, and outputs


class Scales:
    """outputs = inputs * w, one by one: a digital twin without a product of matrices, which cannot be captured."""

    device_samples, outputs, measured = True, N, "signed"

    def __init__(self, xp: Any, noisy: bool = False) -> None:
        self.xp, self.noisy, self.writers, self.memory = xp, noisy, {}, {}
        self.made: Any = None
        self.parameters = {"w": xp.asarray(np.linspace(0.2, 0.9, N))}

    def encode(self, samples: Any) -> Any:
        return self.xp.asarray(samples) / 255.0

    def touch(self) -> None:
        self.made = None

    def forward(self, inputs: Any, key: Any = None, sample: Any = 0) -> Any:
        if self.made is None:  # kept of the parameters until they are written
            self.made = self.parameters["w"] * 1.0
        out = inputs * self.made
        return out + 0.01 * random.normal(key, out.shape, sample=sample, dtype=np.float64, like=out) if self.noisy else out

    def forward_saving(self, inputs: Any) -> tuple[Any, Any]:
        return self.forward(inputs), inputs

    def vjp(self, cotangent: Any, record: Any) -> dict[str, Any]:
        return {"w": (cotangent * record).sum(axis=0)}


class Kept(Rule):
    """Goes down the mean of the gradients so far, which it keeps in its state; a second one on the host if asked to."""

    def __init__(self, on_host: bool = False, waits: bool = False) -> None:
        object.__setattr__(self, "on_host", on_host)
        object.__setattr__(self, "waits", waits)

    needs = ()

    def fitted(self, system: Any, batch: Any = None) -> "Kept":
        return self

    def init(self, system: Any, key: Any = None) -> dict[str, Any]:
        return {"mean": system.xp.zeros(N), "count": np.zeros(1)} if self.on_host else {"mean": system.xp.zeros(N)}

    def step(self, system: Any, state: dict[str, Any], batch: Any, key: Any = None) -> Any:
        outputs, record = system.forward(batch.inputs, key, batch.index), batch.inputs
        loss, cotangent = SquareError()(outputs, batch.labels)
        mean = 0.5 * state["mean"] + system.vjp(cotangent, record)["w"]
        if self.waits:
            float(loss)
        new = {"mean": mean} | ({"count": state["count"] + 1} if self.on_host else {})
        return {"w": Gradient(mean)}, new, {"loss": loss, "rating": (batch.index * 1.0).sum()}


@dataclasses.dataclass(frozen=True)
class Drawn(Rule):
    """Gradients with noise by the key of the step, and those of it that `how` says."""

    how: str = "normal"

    needs = ()

    def fitted(self, system: Any, batch: Any = None) -> "Drawn":
        return self

    def step(self, system: Any, state: dict[str, Any], batch: Any, key: Any = None) -> Any:
        w = system.parameters["w"]
        loss, cotangent = SquareError()(system.forward(batch.inputs, key, batch.index), batch.labels)
        own = random.fold_in(random.fold_in(key, "noise"), 3)
        noise = self.drawn(w, random.require_key(own, "noise is random")) + random.normal(key, (1, N), dtype=np.float64, like=w)[0]
        return {"w": Gradient(system.vjp(cotangent, batch.inputs)["w"] + 0.1 * noise)}, state, {"loss": loss, "rating": loss}

    def drawn(self, w: Any, key: Any) -> Any:
        if self.how == "host":
            random.normal(key, (1, N))
        elif self.how == "words":
            random.key_words(key, "cells")
        elif self.how == "looked at":
            key.sum()
        elif self.how == "deep":
            for n in range(7):
                key = random.fold_in(key, n)
        elif self.how == "permutation":
            return random.permutation(key, N, like=w) * 0.1
        elif self.how == "bernoulli":
            return random.bernoulli(key, (w - w + 0.4)[None])[0] * 1.0
        elif self.how == "poisson":
            return random.poisson(key, (w - w + 4.0)[None])[0] * 0.1
        elif self.how == "words32":
            return random.words(key, (1, N), like=w)[0] * 1e-10
        elif self.how == "shaken":
            return shaken(w, 0.3, key)
        return random.uniform(key, (1, N), dtype=np.float64, like=w)[0]


def dataset() -> Dataset:
    rng = np.random.default_rng(3)
    images = rng.integers(1, 256, (31, N)).astype(np.uint8)
    return Dataset("toy", "here", images[:22], np.arange(22) % N, images[22:], np.arange(9) % N)


def trainer(xp: Any, graph: Any = "auto", optimizer: Any = None, rule: Any = None, system: Any = None, **training: Any) -> Trainer:
    settings = Training(**({"epochs": 3, "batch": 4, "lr": 0.1, "optimizer": "sgd"} | training))
    chosen = InSilico(SquareError()) if rule is None else rule
    return Trainer(system or Scales(xp), chosen, optimizer or Adam(settings.lr), dataset(), settings, graph=graph)


def run(made: Trainer, steps: int = 18) -> dict[str, np.ndarray]:
    for _ in range(steps):
        made.advance()
    return made.saved()


def same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)


HOW = [
    {}, {"optimizer": SGD(0.1, momentum=0.5)}, {"schedule": "halve", "halve_every": 1}, {"schedule": "cosine"}, {"rule": Kept()}, {"batch": 22},
    {"batch": 40},
]  # fmt: skip


@pytest.mark.parametrize("how", HOW, ids=lambda how: "-".join(how) or "plain")
def test_captured_steps_are_those_one_by_one(cupy, how) -> None:
    def optimizer() -> Any:
        return SGD(0.1, momentum=0.5) if "optimizer" in how else Adam(0.1)

    found = {graph: run(trainer(cupy, graph, **how | {"optimizer": optimizer()})) for graph in ("on", "off")}
    same(found["on"], found["off"])
    host = run(trainer(np, **how | {"optimizer": optimizer()}))
    for name, value in host.items():
        np.testing.assert_allclose(found["off"][name], value, rtol=1e-12, err_msg=name)


def test_a_captured_step_is_one_launch(cupy) -> None:
    made = trainer(cupy, "on")
    run(made, 4)
    assert made.way == "steps captured as a CUDA graph"
    with strict_cupy.counted() as events:
        made.advance()
    assert strict_cupy.totals(events) == {"launches": 1, "operations": 0, "syncs": 0, "copies": 0}
    with strict_cupy.counted() as events:
        made.advance()  # the last two samples of the epoch, which are no whole batch
    assert strict_cupy.totals(events)["launches"] > 1


@pytest.mark.parametrize("schedule", [{"schedule": "cosine"}, {"schedule": "halve", "halve_every": 1}], ids=lambda how: how["schedule"])
@pytest.mark.parametrize("writer", ["array", "row", "pulsed", "counted", "stepped", "rheostats"])
def test_writers_have_the_rate_of_the_step(cupy, writer: str, schedule: dict[str, Any]) -> None:
    """It lies in the GPU's memory, so that one graph is right for all steps."""

    def made(graph: str, **schedule: Any) -> Trainer:
        if writer in ("array", "pulsed", "counted"):
            how = Pulses(writer="ideal" if writer == "array" else "pulsed", pulses=5)
            system: Any = CrossbarNetwork(inputs=N, hidden=(5,), outputs=N, key=random.key(3), device="cuda", writing=how)
            if writer == "array":
                system.writers |= dict.fromkeys(system.parameters, InPlace(-0.3, 0.3, rate=0.5))
            return trainer(cupy, graph, system=system, rule=SPSA(c=0.01) if writer == "counted" else InSilico(scale=2.0), **schedule)
        system, key = Scales(cupy), random.key(3)
        own = {"row": InPlace(0.0, 0.8), "stepped": Stepped(0.01, 0.0, 1.0, key), "rheostats": Rheostats(0.01, 0.1, 1.0, key)}
        system.writers["w"] = own[writer]
        return trainer(cupy, graph, SGD(0.1), system=system, **schedule)

    one = run(made("on", **schedule))
    same(one, run(made("off", **schedule)))
    assert any((one[name] != value).any() for name, value in run(made("on")).items() if name.startswith("parameters/"))


def test_a_graph_is_captured_once_whatever_the_rate(cupy) -> None:
    system = Scales(cupy)
    system.writers["w"] = InPlace(0.0, 0.8)
    made = trainer(cupy, "on", system=system, schedule="cosine")
    run(made, 4)
    graph = made._device._graph
    run(made, 4)
    assert made._device._graph is graph is not None


def test_a_run_goes_on_from_any_step(cupy) -> None:
    """Restored in the midst of an epoch, between captured steps: into the same trainer, and into a new one."""
    whole = run(trainer(cupy, "on"))
    for cut in (2, 4, 5):
        first = trainer(cupy, "on")
        state = run(first, cut)
        run(first, 1)
        for made in (first, trainer(cupy, "on")):
            made.restore(state)
            same(run(made, 18 - cut), whole)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"rule": Kept(on_host=True)}, "the rule keeps count on the host"),
        ({"rule": Kept(waits=True)}, "the host waits for a value"),
        ({"rule": Drawn("host")}, "random numbers are drawn on the host by the key of each step"),
        ({"rule": Drawn("words")}, "drawn by a kernel that takes the key of each step from the host"),
        ({"rule": Drawn("looked at")}, "has no attribute 'sum'"),
        ({"rule": Drawn("deep")}, "folds its key to more than 128 keys, or more than 7 times"),
    ],
    ids=["state", "wait", "host", "words", "looked", "deep"],
)
def test_what_cannot_be_captured(cupy, how, why) -> None:
    """"on" says why; "auto" does steps one by one, and keeps the reason."""
    found = {}
    for graph in ("on", "auto", "off"):
        made = trainer(cupy, graph, **how)
        if graph == "on":
            with pytest.raises(CaptureError, match=why):
                run(made, 6)
            continue
        found[graph] = run(made)
        assert (why in made.way) == (graph == "auto")
    same(found["auto"], found["off"])


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("optimizer", [Adam(0.02), SGD(0.05, momentum=0.5)], ids=["adam", "sgd"])
def test_a_network_of_perfect_arrays(cupy, activation: Any, optimizer: Any) -> None:
    """Products, activations, gradients, limits: all in the graph."""
    found = {}
    for graph in ("on", "off"):
        system = CrossbarNetwork(inputs=N, hidden=(5, 4), outputs=N, activation=activation, weight_max=0.3, key=random.key(3), device="cuda")
        made = trainer(cupy, graph, system=system, optimizer=dataclasses.replace(optimizer, state={}), rule=InSilico(scale=2.0))
        found[graph] = run(made)
    assert abs(found["on"]["parameters/w0"]).max() <= np.float32(0.3)
    same(found["on"], found["off"])


@pytest.mark.parametrize("how", ["uniform", "permutation", "bernoulli", "poisson", "words32", "shaken"])
def test_a_step_that_draws_by_its_key(cupy, how: str) -> None:
    """Whole epochs, the last batch of each being done by itself; from steps in the midst of it; with noise by the numbers of the samples."""

    def made(xp: Any, graph: str) -> Trainer:
        return trainer(xp, graph, SGD(0.1), Drawn(how), Scales(xp, noisy=True))

    whole = run(made(cupy, "on"))
    same(whole, run(made(cupy, "off")))
    np.testing.assert_allclose(whole["parameters/w"], run(made(np, "off"))["parameters/w"], rtol=1e-12)
    for cut in (2, 4, 5):
        first = made(cupy, "on")
        state = run(first, cut)
        for again in (first, made(cupy, "on")):
            again.restore(state)
            same(run(again, 18 - cut), whole)


@pytest.mark.parametrize("rule", [PhysicsAware(scale=2.0), SPSA(c=0.01)], ids=["physics-aware", "spsa"])
@pytest.mark.parametrize(
    "arrays",
    [
        {"cell_noise": 0.05},
        {"device": "pcm", "read_noise": True, "dac_bits": 6, "adc_bits": 6},
        {"cell_noise": 0.02, "mapping": "offset", "tile_rows": 2, "adc_bits": 6},
    ],
    ids=["cells", "pcm", "tiles"],
)
def test_arrays_with_noise_of_each_read(cupy, arrays: dict[str, Any], rule: Any) -> None:
    """The noise is by the key of the step, which kernels find in the GPU's memory: as drawn one by one, to the bit."""
    found = {}
    for graph in ("on", "off"):
        built = Arrays(**arrays)
        system = CrossbarNetwork(inputs=N, hidden=(5,), outputs=N, activation="relu", key=random.key(3), device="cuda", arrays=built)
        system.calibrate(cupy.asarray(np.linspace(0, 1, 4 * N, dtype=np.float32).reshape(4, N)))
        found[graph] = run(trainer(cupy, graph, system=system, rule=rule))
    same(found["on"], found["off"])


def test_hardware_aware_training_is_one_launch(cupy) -> None:
    found = {}
    for graph in ("on", "off"):
        system = CrossbarNetwork(inputs=N, hidden=(5,), outputs=N, activation="relu", key=random.key(3), device="cuda")
        made = trainer(cupy, graph, system=system, rule=HardwareAware(noise=0.2, scale=2.0), schedule="cosine")
        found[graph] = run(made)
        with strict_cupy.counted() as events:
            made.advance()
        assert (strict_cupy.totals(events)["launches"] == 1) == (graph == "on")
    same(found["on"], found["off"])


def test_transfers_cannot_be_captured(cupy) -> None:
    how = Pulses(writer="tiki-taka-v1", pulses=5)
    system = CrossbarNetwork(inputs=N, hidden=(), outputs=N, key=random.key(3), device="cuda", writing=how)
    with pytest.raises(CaptureError, match="w0 is written by Transferred, which counts on the host"):
        run(trainer(cupy, "on", system=system, rule=InSilico(scale=2.0)), 6)


@pytest.mark.parametrize("writer", ["pulsed", "counted", "stepped", "rheostats"])
def test_parameters_that_are_written_at_random(cupy, writer: str) -> None:
    """By the number of the sample, which goes on in the GPU's memory, across steps that are done one by one, and from the midst of a run."""

    def made(graph: str) -> Trainer:
        if writer in ("pulsed", "counted"):
            how = Pulses(writer="pulsed", pulses=5)
            system: Any = CrossbarNetwork(inputs=N, hidden=(5,), outputs=N, key=random.key(3), device="cuda", writing=how)
            return trainer(cupy, graph, system=system, rule=InSilico(scale=2.0) if writer == "pulsed" else SPSA(c=0.01))
        system = Scales(cupy)
        own = Stepped(0.01, 0.0, 1.0, random.key(3)) if writer == "stepped" else Rheostats(0.01, 0.1, 1.0, random.key(3))
        system.writers["w"] = own
        return trainer(cupy, graph, SGD(0.1), system=system)

    whole = run(made("on"))
    same(whole, run(made("off")))
    assert any(name.endswith(".samples") and value[0] > 18 for name, value in whole.items()) or writer != "pulsed"
    for cut in (4, 5):
        first = made("on")
        state = run(first, cut)
        for again in (first, made("on")):
            again.restore(state)
            same(run(again, 18 - cut), whole)


@pytest.mark.parametrize("recipe", ["ising-digits", "boltzmann-digits", "ff-digits", "pepg-iris"])
def test_recipes_that_draw(cupy, recipe: str) -> None:
    """Spins, chains of units and classes, wrong labels, populations: of small systems of the recipes, to the same bits."""
    found = {}
    for graph in ("on", "off"):
        made = gpu_steps.trainer(recipe, "cuda", small=True, graph=graph)
        found[graph] = run(made, 7)
        assert (made.way == "steps captured as a CUDA graph") == (graph == "on")
    same(found["on"], found["off"])


@pytest.mark.parametrize(("recipe", "system", "rule"), [
    ("springs-iris", {}, {}), ("springs-allostery", {}, {}), ("coupled-iris-transistors", {}, {}), ("transistor-xor", {}, {}),
    ("coupled-iris", {}, {}), ("springs-iris", {"mismatch": 0.05, "rest_mismatch": 0.02, "measurement_noise": 1e-4}, {}),
    ("springs-iris", {}, {"kind": "equilibrium-propagation", "variant": "centred"}), ("springs-iris", {}, {"kind": "in-silico"}),
    ("coupled-iris", {"mismatch": 0.05}, {}), ("coupled-iris", {}, {"kind": "equilibrium-propagation", "variant": "positive"}),
    ("coupled-iris", {}, {"kind": "in-silico"}),
])  # fmt: skip
def test_networks_that_settle_by_a_tolerance(cupy, recipe: str, system: Any, rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of threads decides when its sample rests: a step is one launch, and comes to the same bits."""
    table = gpu_steps.recipe(recipe, batch=3 if "iris" in recipe else None)
    changed = table | {"system": table["system"] | system, "rule": rule or table["rule"]}
    monkeypatch.setattr(gpu_steps, "recipe", lambda name, **how: changed)
    found = {}
    for graph in ("on", "off"):
        made = gpu_steps.trainer(recipe, "cuda", graph=graph)
        found[graph] = run(made, 7)
        assert (made.way == "steps captured as a CUDA graph") == (graph == "on")
    same(found["on"], found["off"])
    assert any((value != np.asarray(value).flat[0]).any() for name, value in found["on"].items() if name.startswith("parameters/"))


# ------------------------------------------------------------------------------------------------------------------ the stand-in
def test_what_is_captured_runs_when_it_is_launched(cupy) -> None:
    x, y = cupy.asarray(np.arange(4.0)), cupy.zeros(4)
    twice = Captured(lambda: x * 2)
    added = Captured(lambda: cupy.add(x, y, out=y))
    assert np.isnan(twice.result.get()).all()
    assert not y.get().any()
    for n in range(1, 4):
        x[...] = float(n)
        twice.launch()
        added.launch()
        np.testing.assert_array_equal(twice.result.get(), 2 * np.full(4, n))
        np.testing.assert_array_equal(y.get(), np.full(4, n * (n + 1) / 2))


def no_room() -> None:
    raise MemoryError("no room for 8 bytes")


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda xp, x: float(x[0]), "waits for a value"),
        (lambda xp, x: x + xp.asarray(np.ones(4)), "a copy from the host"),
        (lambda xp, x: x @ x, "cuBLAS"),
        (lambda xp, x: x[x > 1], "mask"),
        (lambda xp, x: xp.cuda.get_current_stream().synchronize(), "waited for"),
        (lambda xp, x: no_room(), "no room for 8 bytes"),
    ],
    ids=["value", "copy", "product", "mask", "stream", "memory"],
)
def test_what_cuda_does_not_capture(cupy, work, why) -> None:
    x = cupy.asarray(np.arange(4.0))
    with pytest.raises(CaptureError, match=why):
        Captured(lambda: work(cupy, x))
    assert Captured(lambda: x + 1).result is not None  # and the next one is as good as ever
