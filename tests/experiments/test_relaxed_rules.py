"""Rules for systems that relax, as a recipe names them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern.experiments import recipe
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.run import assemble
from pnnkern.systems import protocols


def trainer(kind: str, rule: dict[str, Any], lr: float = 0.05, **system: Any) -> Trainer:
    """A small system of this kind and a rule, by their words in a recipe."""
    iris = kind == "resistor-network"
    system = ({"nodes": 20} if iris else {"hidden": [12], "inputs": 64}) | system
    return assemble(
        recipe.read(
            {"data": {"name": "iris"} if iris else {"name": "digits", "train": 32, "test": 20}, "system": {"kind": kind} | system,
             "rule": rule, "compute": {"dtype": "float64"}, "training": {"batch": 16, "lr": lr, "optimizer": "sgd", "epochs": 1}}
        ), Path("unused"),
    ).trainer  # fmt: skip


def batch_of(one: Trainer) -> Any:
    at = one.batch(0)
    return one.system.encode(one.dataset.train_images[at]), one.dataset.train_labels[at]


@pytest.mark.parametrize(("kind", "lr"), [("hopfield", 0.05), ("drn", 1e-6), ("resistor-network", 1e-4)])
def test_contrastive_learning_clamps_fully(kind: str, lr: float) -> None:
    """It is coupled learning at eta = 1 against the free state, judged by the targets of the system; and it learns."""
    one = trainer(kind, {"kind": "contrastive-learning"}, lr)
    other = trainer(kind, {"kind": "coupled-learning", "strength": 1.0, "variant": "positive"}, lr)
    assert one.rule == other.rule
    updates, wanted = (t.rule.step(t.system, batch_of(t))[0] for t in (one, other))
    for name, update in wanted.items():
        np.testing.assert_array_equal(protocols.dense(updates[name]), protocols.dense(update))
    before = one.evaluate()[0]
    for _ in range(4):
        one.advance()
    assert one.evaluate()[0] < before
