"""One training step of every recipe, built without the libraries of the command line.

The recipe's own file says what is built; tests/test_gpu_check.py holds the result against what the command line builds from it.
"""

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import pnnkern
from pnnkern import _declared, learning, random, systems
from pnnkern.experiments import data, loop

RECIPES = Path(pnnkern.__file__).resolve().parent / "experiments/recipes"
TRAINING = {"epochs": 5, "batch": 50, "seed": 0, "optimizer": "adam", "lr": 0.05, "momentum": 0.0, "schedule": "constant"}
FEATURES = {"iris": (4, 3), "vowel": (10, 11), "digits": (64, 10)}  # values and classes of what a user would have to fetch
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
        table["rule"] |= {"beta": 0.1} if table["system"]["kind"] == "drn" else {}  # a nudge that so few conductances bear
        table["system"] |= own | {key: table["system"][key][:layers] for key in ("rates", "bias_rates") if key in table["system"]}
    return table


def trainer(name: str, device: str, *, batch: int | None = None, small: bool = False, graph: Any = "off", steps: int = 4) -> loop.Trainer:
    """The recipe's system, rule and optimiser on `device`, with samples for so many steps an epoch; `advance` does one.

    graph : "auto" or "on", to let steps be captured.
    """
    table = recipe(name, batch=batch, small=small)
    samples = dataset(table, steps)
    training: Any = SimpleNamespace(**table["training"])
    system = build(table, samples.classes, device, random.fold_in(random.key(training.seed), loop.PARAMETERS), chunk=max(64, batch or 0))
    loop.calibrate(system, samples)
    optimizer = learning.Adam(training.lr) if training.optimizer == "adam" else learning.SGD(training.lr, training.momentum)
    return loop.Trainer(system, rule(table), optimizer, samples, training, graph=graph)


def dataset(table: dict[str, Any], steps: int = 4) -> data.Dataset:
    """Samples for so many steps: images that come with the package for all images of their size, random values for features that would be read
    from elsewhere; tasks that are made as they are."""
    wanted, count = table["data"], steps * table["training"]["batch"]
    if wanted["name"].partition(":")[0] in data.tasks.TASKS:
        return data.load(wanted["name"])
    if wanted["name"] in FEATURES:
        features, classes = FEATURES[wanted["name"]]
        values = np.random.default_rng(0).random((max(count, 16), features))
        labels = np.arange(len(values)) % classes
        return data.Dataset(wanted["name"], "random", values, labels, values, labels)
    return data.load().only(wanted.get("classes", ())).pooled(wanted.get("pool", 1)).head(count)


# ----------------------------------------------------------------------------------------------------------- systems and rules
def build(table: dict[str, Any], outputs: int, device: str, key: Any, chunk: int = 64) -> Any:
    """The system of a recipe's tables, for so many outputs."""
    own, dtype = dict(table["system"]), table.get("compute", {}).get("dtype", "float32")
    kind: Any = systems.kinds.classes()[own.pop("kind")]
    return kind.build(own, key=key, device=device, dtype=dtype, chunk=chunk, outputs=outputs)


def rule(table: dict[str, Any]) -> Any:
    """The rule of a recipe's tables."""
    own = dict(table["rule"])
    return _declared.made(learning.kinds.classes()[own.pop("kind")], own)
