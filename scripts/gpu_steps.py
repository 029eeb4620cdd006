"""One training step of every recipe, built without the libraries of the command line.

The recipe's own file says what is built; tests/test_gpu_steps.py holds the result against what the command line builds from it.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import pnnkern
from pnnkern import _declared, learning, random, systems
from pnnkern.crossbar import ADC, DAC, Chain, Crossbar, DifferentialPair, GaussianNoise, TikiTaka
from pnnkern.experiments import data, loop
from pnnkern.systems import d2nn, writers

RECIPES = Path(pnnkern.__file__).resolve().parent / "experiments/recipes"
TRAINING = {"epochs": 5, "batch": 50, "seed": 0, "optimizer": "adam", "lr": 0.05, "momentum": 0.0, "schedule": "constant"}
CLASSES = {"iris": 3, "vowel": 11}
# Tables of small systems that launch the same kernels, for machines without a GPU: these settings take the place of the recipe's.
SMALL: dict[str, dict[str, Any]] = {
    "d2nn": {"layers": 2, "size": 16, "pad": 16.0, "detector_size": 2, "input_size": 8},
    "drn": {"hidden": [12]}, "hopfield": {"hidden": [12]}, "hopfield-conv": {"maps": [3], "sweeps": 3, "nudged_sweeps": 3},
    "crossbar": {"hidden": [9]}, "oscillators": {"hidden": [11], "steps": 6, "nudged_steps": 4}, "ising": {"hidden": [10], "sweeps": 6},
    "boltzmann": {"hidden": [12], "sweeps": 3, "settle": 1},
}  # fmt: skip


def names() -> list[str]:
    """The recipes there are."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def recipe(name: str, *, batch: int | None = None, small: bool = False) -> dict[str, Any]:
    """The recipe's tables; `small`: of a system that a CPU runs the kernels of, and two samples."""
    table = tomllib.loads((RECIPES / f"{name}.toml").read_text())
    table["training"] = TRAINING | table["training"]
    if batch is not None:
        table["training"]["batch"] = batch
    if small:
        table["training"]["batch"] = min(2, table["training"]["batch"])
        own = SMALL.get(table["system"]["kind"], {})
        layers = len(own.get("hidden", own.get("maps", ()))) + 1
        table["rule"] |= {"strength": 0.1} if table["system"]["kind"] == "drn" else {}  # a nudge that so few conductances bear
        table["system"] |= own | {key: table["system"][key][:layers] for key in ("rates", "bias_rates") if key in table["system"]}
    return table


def trainer(name: str, device: str, *, batch: int | None = None, small: bool = False) -> loop.Trainer:
    """The recipe's system, rule and optimiser on `device`, with samples for four steps; `advance` does one."""
    table = recipe(name, batch=batch, small=small)
    samples = dataset(table)
    training: Any = SimpleNamespace(**table["training"])
    system = build(table, samples.classes, device, random.fold_in(random.key(training.seed), loop.PARAMETERS), chunk=max(64, batch or 0))
    if hasattr(system, "calibrate"):
        system.calibrate(system.encode(samples.train_images[:64]))
    optimizer = learning.Adam(training.lr) if training.optimizer == "adam" else learning.SGD(training.lr, training.momentum)
    return loop.Trainer(system, rule(table, system), optimizer, samples, training)


def dataset(table: dict[str, Any]) -> data.Dataset:
    """Samples for four steps: images that come with the package for all images of their size, random values for features that would be read
    from elsewhere; tasks that are made as they are."""
    wanted, count = table["data"], 4 * table["training"]["batch"]
    if wanted["name"].partition(":")[0] in data.tasks.TASKS:
        return data.load(wanted["name"])
    if ("features" in table["system"] and wanted["name"] != "mnist-small") or wanted["name"] == "digits":
        values = np.random.default_rng(0).random((max(count, 16), table["system"].get("features", 64)))
        labels = np.arange(len(values)) % CLASSES.get(wanted["name"], 10)
        return data.Dataset(wanted["name"], "random", values, labels, values, labels)
    return data.load().only(wanted.get("classes", ())).pooled(wanted.get("pool", 1)).head(count)


# --------------------------------------------------------------------------------------------------------------------- systems
def build(table: dict[str, Any], classes: int, device: str, key: Any, chunk: int = 64) -> Any:
    """The system of a recipe's tables."""
    own = dict(table["system"])
    where = {"dtype": table.get("compute", {}).get("dtype", "float32"), "device": device, "key": key}
    built: Any = BUILD[own.pop("kind")](own, classes, where, chunk)
    return built


def _d2nn(own: dict[str, Any], classes: int, where: dict[str, Any], chunk: int) -> Any:
    if own.pop("start", "uniform") == "pi":
        where |= {"key": None}
    return systems.D2NN(d2nn.Geometry(**own, classes=classes), chunk=chunk, **where)


def _layers(kind: Callable[..., Any], hidden: list[int], **defaults: Any) -> Callable[..., Any]:
    """Builds a network of fully connected layers."""

    def build(own: dict[str, Any], classes: int, where: dict[str, Any], chunk: int) -> Any:
        if kind is systems.IsingMachine:
            where = {k: v for k, v in where.items() if k != "dtype"}
        settings = defaults | own
        return kind(sizes=(*settings.pop("hidden", hidden), classes), **settings, **where)

    return build


def _convolutional(own: dict[str, Any], classes: int, where: dict[str, Any], chunk: int) -> Any:
    image = (1, own.pop("height"), own.pop("width"))
    return systems.ConvolutionalHopfield(outputs=classes, image=image, **own, **where)


def _crossbar(own: dict[str, Any], classes: int, where: dict[str, Any], chunk: int) -> Any:
    sizes = (784, *own["hidden"], classes)
    dac, adc, device, writer = own.get("dac_bits"), own.get("adc_bits"), own.get("device"), own.get("writer", "")
    hardware = None
    if dac or adc or device:
        noise = GaussianNoise(relative=0.0, device=device) if own.get("read_noise") else None
        chain = Chain(noise=noise, dac=DAC(dac, 0.2) if dac else None, adc=ADC(adc, "calibrated") if adc else None)
        hardware = Crossbar(weights=DifferentialPair(one_sided=True), device=device or "ideal", tile=(512, 512), chain=chain)
    network = systems.CrossbarNetwork(sizes, activation=own.get("activation", "tanh"), hardware=hardware, **where)
    drawn, pulsed = random.fold_in(where["key"], "pulsed"), own.get("pulsed_device", "")
    for name in network.parameters if writer else ():
        by: Any = writers.Pulsed(pulsed, drawn, 31)
        if writer != "pulsed":
            settings = {"transfer_every": own["transfer_every"], "lines": own["transfer_lines"], "transfer_lr": own["transfer_lr"]}
            by = writers.Transferred(TikiTaka(writer.removeprefix("tiki-taka-"), fast=pulsed, slow=pulsed, pulses=31, **settings), drawn)
        by.start(name, network.parameters[name], network.memory)
        network.writers[name] = by
    return network


def _graph(kind: type, float64: bool = False) -> Callable[..., Any]:
    """A builder of networks on graphs, whose classes take the keys of a recipe as they are."""

    def build(own: dict[str, Any], classes: int, where: dict[str, Any], chunk: int) -> Any:
        return _declared.made(kind, own, outputs=classes, **{k: v for k, v in where.items() if not (float64 and k == "dtype")})

    return build


BUILD: dict[str, Callable[..., Any]] = {
    "d2nn": _d2nn, "drn": _layers(systems.DRN, [1024]), "hopfield": _layers(systems.Hopfield, [1024], scale=0.7, nudged_sweeps=15),
    "hopfield-conv": _convolutional, "crossbar": _crossbar, "oscillators": _layers(systems.OscillatorMachine, [500]),
    "ising": _layers(systems.IsingMachine, [120]), "boltzmann": _layers(systems.BoltzmannMachine, [256]),
    "resistor-network": _graph(systems.ResistorCircuit), "transistor-network": _graph(systems.NonlinearCircuit, float64=True),
    "spring-network": _graph(systems.SpringNetwork, float64=True),
}  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------------- rules
def rule(table: dict[str, Any], system: Any) -> Any:
    """The rule of a recipe's tables."""
    own = dict(table["rule"])
    kind, loss = own.pop("kind"), own.pop("loss", "cross-entropy")
    if kind in SUPERVISED:
        scale = own.pop("scale", 10.0)
        if table["system"]["kind"] != "d2nn":
            judge: Any = learning.Logits(scale)
        else:
            judge = (learning.Differential if loss == "differential" else learning.CrossEntropy)(scale)
        return SUPERVISED[kind](judge, **own)
    if table["system"]["kind"] == "boltzmann":
        judge = learning.Logits(1.0)
    else:
        volts = system.volts if table["system"]["kind"] == "resistor-network" else 1.0
        high, low = getattr(system, "high", 1.0), getattr(system, "low", -1.0)  # spins are 1 and -1
        judge = learning.SquareError(volts * high, volts * low, getattr(system, "hinge", False))
    if kind == "contrastive-learning":
        return learning.contrastive_learning(judge)
    made, variant = CONTRASTIVE[kind]
    return made(own["strength"], own.get("variant", variant), judge)


SUPERVISED = {"in-silico": learning.InSilico, "physics-aware": learning.PhysicsAware, "hardware-aware": learning.HardwareAware}
CONTRASTIVE = {
    "equilibrium-propagation": (learning.EquilibriumPropagation, "centred"),
    "coupled-learning": (learning.CoupledLearning, "positive"),
}
