"""Layered networks in recipes: what they declare; they build, learn the digits better than guessing, draw and export their weights."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from pnnkern import _declared, random
from pnnkern.experiments import data, loop, pictures, recipe, run
from pnnkern.experiments.recipe import RecipeError
from pnnkern.learning import SGD
from pnnkern.systems import DRN, BoltzmannMachine, ConvolutionalHopfield, Hopfield, IsingMachine, System, Target

KEY = random.key(1)


def built(name: str, *changes: str) -> tuple:
    found = recipe.find(name, changes)
    return found, run.build(found, 10), _declared.made(found.rule.of, found.rule.values())


# ------------------------------------------------------------------------------------------------------------ what they declare
WRONG = {
    "mismatch": 0.0, "gain_mismatch": 0.0, "input_offset": 0.0, "output_offset": 0.0, "measurement_noise": 0.0, "bias_offset": 0.0,
    "dead": 0.0,
}  # fmt: skip
LAYERS = WRONG | {"gain": 1.0, "scale": 1.0, "rates": (), "hidden": (1024,), "inputs": 784}
SLOPES = {"slope_mismatch": 0.0}
TARGETS = {"high": 1.0, "low": 0.0}
UNITS = {"activation": "hard-sigmoid", "readout": "state", "sweeps": 15, "nudged_sweeps": 15, "bias_rates": ()}
PULSES = {
    "writer": "ideal", "pulsed_device": "gokmen-vlasov", "pulses": 31, "transfer_every": 1, "transfer_lines": 1, "transfer_lr": 0.1,
}  # fmt: skip
KEYS: dict[type[System], dict[str, Any]] = {
    Hopfield: LAYERS | SLOPES | TARGETS | UNITS | PULSES | {"scale": 0.7, "feedback": "tied"},
    DRN: LAYERS | SLOPES | TARGETS | {"gain": 480.0, "sweeps": 4, "bias_rates": ()},
    ConvolutionalHopfield: WRONG | SLOPES | {"gain": 1.0, "scale": 1.0, "rates": ()} | TARGETS | UNITS | {
        "maps": (32, 64), "channels": 1, "height": 28, "width": 28, "side": 3, "pool": "mean",
    },
    BoltzmannMachine: LAYERS | {"hidden": (256,), "scale": 0.1, "sweeps": 10, "settle": 5},
    IsingMachine: LAYERS | {"hidden": (120,), "copies": 4, "sweeps": 100, "reads": 1, "reverse": 0.5, "limit": 1.0},
}  # fmt: skip
SMALL: dict[type[System], dict[str, Any]] = {cls: {"inputs": 4, "hidden": (3,), "outputs": 2, "key": KEY} for cls in KEYS} | {
    ConvolutionalHopfield: {"maps": (2,), "height": 4, "width": 4, "outputs": 2, "key": KEY}
}


@pytest.mark.parametrize("cls", KEYS)
def test_keys_and_their_defaults(cls: type[System]) -> None:
    assert {key.name: key.default for key in _declared.keys(cls)} == KEYS[cls]
    assert all(key.about for key in _declared.keys(cls))


@pytest.mark.parametrize(
    ("cls", "changes", "wanted"),
    [
        (Hopfield, {}, Target()), (Hopfield, {"high": 0.9, "low": 0.1}, Target(high=0.9, low=0.1)),
        (Hopfield, {"readout": "softmax"}, Target("cross-entropy", scale=1.0, real=False)),
        (ConvolutionalHopfield, {"readout": "softmax"}, Target("cross-entropy", scale=1.0, real=False)),
        (DRN, {"high": 0.5, "low": -0.5}, Target(high=0.5, low=-0.5)),
        (BoltzmannMachine, {}, Target("cross-entropy", scale=1.0, real=False)), (IsingMachine, {}, Target(high=1.0, low=-1.0)),
    ],
)  # fmt: skip
def test_what_they_are_trained_towards(cls: Any, changes: dict[str, Any], wanted: Target) -> None:
    system = cls(**SMALL[cls], **changes)
    assert system.natural_loss == wanted
    if wanted.loss == "mse":
        np.testing.assert_allclose(system.targets(np.array([1])), [[wanted.low, wanted.high]], rtol=1e-7)


@pytest.mark.parametrize("cls", KEYS)
def test_what_they_export(cls: Any) -> None:
    system = cls(**SMALL[cls])
    assert set(system.exports()) == set(system.parameters)
    units = {"W": "S", "b": "A"} if cls is DRN else {}
    for name, what in system.exports().items():
        assert what.unit == units.get(name[0], "1")
        values = system.export(name)
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, system.parameters[name])
    assert system.output_unit == ("V" if cls is DRN else "1")
    with pytest.raises(ValueError, match="nothing called 'phase'"):
        system.export("phase")


def test_what_the_parts_of_a_resistive_network_are() -> None:
    exports = DRN(**SMALL[DRN]).exports()
    assert exports["W2"].about == "conductances between layers 1 and 2"
    assert exports["b1"].about == "current sources of layer 1"
    assert Hopfield(feedback="separate", **SMALL[Hopfield]).exports()["V2"].about == "weights from layer 2 down to layer 1"


@pytest.mark.parametrize(
    ("cls", "changes", "message"),
    [
        (Hopfield, {"gain": 0.0}, "^gain of Hopfield must be a finite number > 0, got 0.0$"),
        (Hopfield, {"hidden": (3,) * 101}, "^hidden of Hopfield must be 0 to 100 values, got"),
        (Hopfield, {"hidden": (), "feedback": "separate"}, "^a feedback of its own needs a hidden layer to act on$"),
        (Hopfield, {"pulses": 32}, "^pulses of Pulses must be a finite number >= 1 and <= 31, got 32$"),
        (Hopfield, {"rates": (1.0,)}, "^rates must be one number for each of the 2 layers, got 1$"),
        (DRN, {"sweeps": 0}, "^sweeps of DRN must be a finite number >= 1 and <= 100000, got 0$"),
        (DRN, {"hidden": (3, 0)}, "^hidden of DRN must be values that are each a finite number >= 1"),
        (ConvolutionalHopfield, {"pool": "min"}, "^pool of ConvolutionalHopfield must be one of 'mean', 'max', got 'min'$"),
        (BoltzmannMachine, {"settle": -1}, "^settle of BoltzmannMachine must be a finite number >= 0 and <= 100000, got -1$"),
        (BoltzmannMachine, {"rates": (1.0,)}, "^rates must be two numbers, of W1 and of W2, got 1$"),
        (IsingMachine, {"reverse": 1.0}, "^reverse of IsingMachine must be a finite number >= 0 and < 1, got 1.0$"),
        (IsingMachine, {"hidden": (3, 3)}, r"^hidden of IsingMachine must be 1 values, got \(3, 3\)$"),
    ],
)
def test_bounds_are_the_same_in_python_as_in_recipes(cls: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _declared.made(cls, changes, **{name: value for name, value in SMALL[cls].items() if name not in changes})


@pytest.mark.parametrize("key", ["high", "low"])
@pytest.mark.parametrize("name", ["ising-digits", "boltzmann-digits"])
def test_spins_and_classes_have_their_own_targets(name: str, key: str) -> None:
    with pytest.raises(RecipeError, match=f"unknown key 'system.{key}'"):
        recipe.find(name, [f"system.{key}=1"])


# ------------------------------------------------------------------------------------------------------------------ in recipes
RECIPES = "drn-mnist", "drn-xs-mnist", "drn-2h-mnist", "drn-3h-mnist", "hopfield-mnist", "oim-mnist", "ep-digits", "ising-digits"


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_build(name: str) -> None:
    found, system, rule = built(name)
    assert system.sizes[-1] == 10
    assert type(system) is found.system.of
    assert rule.beta > 0
    assert set(system.exports()) == set(system.parameters)


@pytest.mark.parametrize(
    "changes",
    [
        ("ep-digits",), ("ising-digits",), ("drn-mnist", "system.hidden=[60]", "system.inputs=64", "system.gain=30", "rule.beta=0.3"),
        ("oim-mnist", "system.hidden=[40]", "system.inputs=64", "system.steps=20", "training.lr=0.1"),
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
    drawn = pictures.pictures(trainer, trainer.test_scores())
    assert drawn[0].name == "weights"
    w = system.signed_weights()
    largest = np.abs(w[:, np.argsort(-np.linalg.norm(w, axis=0))[:24]]).max()
    rows = list(csv.reader(io.StringIO(drawn[0].tables[""].decode())))
    assert max(abs(float(cell)) for row in rows[1:] for cell in row[1:]) == pytest.approx(largest, rel=1e-6)
    np.testing.assert_array_equal(system.export("W1", 1.0), system.parameters["W1"])


def test_signed_weights_of_conductances() -> None:
    """What a value of a sample does to a node, by both of its voltages: the slope of the current into it where nothing else moves."""
    system = DRN(**SMALL[DRN])
    voltages = system.encode(np.eye(4))
    np.testing.assert_allclose(voltages @ system.parameters["W1"], 480.0 * system.signed_weights(), rtol=1e-6)
    assert voltages.shape == (4, 8)


def test_published_rates_of_each_layer() -> None:
    """Of three hidden layers: Scellier 2024's code, weights 0.005, 0.02, 0.08, 0.005, and a tenth of that for the biases."""
    found, system, rule = built("drn-3h-mnist")
    rates = {name: found.training.lr * writer.rate for name, writer in system.writers.items()}
    for l, rate in enumerate((0.005, 0.02, 0.08, 0.005), 1):
        assert rates[f"W{l}"] == pytest.approx(rate)
        assert rates[f"b{l}"] == pytest.approx(rate / 10)
    assert (system.gain, system.sweeps, rule.beta) == (4000.0, 6, 2.0)


def test_decay_of_the_rate() -> None:
    training = built("drn-mnist")[0].training
    assert loop.rate(training, 0, 100) == 0.006
    assert loop.rate(training, 250, 100) == pytest.approx(0.006 * 0.99**2)
