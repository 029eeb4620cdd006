"""Layered networks in recipes: they build, learn the digits better than guessing, draw and export their weights."""

import csv
import io

import numpy as np
import pytest

from pnnkern import random
from pnnkern.experiments import data, loop, recipe
from pnnkern.learning import SGD


def built(name: str, *changes: str) -> tuple:
    found = recipe.find(name, changes)
    system = found.system.build(key=random.key(1), device="cpu", dtype="float32", chunk=64, classes=10)
    return found, system, found.rule.build(found.system, random.key(2))


RECIPES = "drn-mnist", "drn-xs-mnist", "drn-2h-mnist", "drn-3h-mnist", "hopfield-mnist", "oim-mnist", "ep-digits", "ising-digits"


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_build(name: str) -> None:
    found, system, rule = built(name)
    assert system.sizes[-1] == 10
    assert type(system) is found.system.made()
    assert rule.strength > 0
    assert set(found.system.exports()) == set(system.parameters)


@pytest.mark.parametrize(
    "changes",
    [
        ("ep-digits",), ("ising-digits",), ("drn-mnist", "system.hidden=[60]", "system.inputs=64", "system.gain=30", "rule.strength=0.3"),
        ("oim-mnist", "system.hidden=[40]", "system.inputs=64", "system.steps=20", "training.lr=0.2"),
    ],
)  # fmt: skip
def test_digits_are_learned(changes: tuple) -> None:
    found, system, rule = built(*changes)
    least = 0.5 if changes[0] == "ising-digits" else 0.75
    few = {"batch": 4 if changes[0] == "drn-mnist" else 16, "epochs": 2}
    trainer = loop.Trainer(system, rule, SGD(0.0), data.load("digits"), found.training.model_copy(update=few))
    for _ in range(trainer.steps):
        trainer.advance()
    loss, accuracy = trainer.evaluate()
    assert accuracy > least
    assert np.isfinite(loss)
    pictures = found.system.pictures(trainer, trainer.test_scores())
    assert pictures[0].name == "weights"
    w = found.system.signed_weights(system.parameters)
    largest = np.abs(w[:, np.argsort(-np.linalg.norm(w, axis=0))[:24]]).max()
    rows = list(csv.reader(io.StringIO(pictures[0].tables[""].decode())))
    assert max(abs(float(cell)) for row in rows[1:] for cell in row[1:]) == pytest.approx(largest, rel=1e-6)
    assert found.system.export("W1", system.parameters, 1.0) is system.parameters["W1"]
    with pytest.raises(ValueError, match="nothing called 'phase'"):
        found.system.export("phase", system.parameters, 1.0)


def test_spins_have_their_own_targets() -> None:
    with pytest.raises(ValueError, match="the targets of spins are 1 and -1"):
        built("ising-digits", "system.low=0")


def test_published_rates_of_each_layer() -> None:
    """Of three hidden layers: Scellier 2024's code, weights 0.005, 0.02, 0.08, 0.005, and a tenth of that for the biases."""
    found, system, rule = built("drn-3h-mnist")
    rates = {name: found.training.lr * writer.rate for name, writer in system.writers.items()}
    for l, rate in enumerate((0.005, 0.02, 0.08, 0.005), 1):
        assert rates[f"W{l}"] == pytest.approx(rate)
        assert rates[f"b{l}"] == pytest.approx(rate / 10)
    assert (system.gain, system.sweeps, rule.strength) == (4000.0, 6, 2.0)


def test_decay_of_the_rate() -> None:
    training = built("drn-mnist")[0].training
    assert loop.rate(training, 0, 100) == 0.006
    assert loop.rate(training, 250, 100) == pytest.approx(0.006 * 0.99**2)
