"""Writers: what a physical device makes of a proposed update."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern._updates import added, dense, scaled
from pnnkern.crossbar import (
    ConstantStep,
    MixedPrecision,
    TikiTaka,
    clip_weights,
    device_cells,
    transfer_start,
    transfer_update,
    transfer_weights,
)
from pnnkern.experiments import recipe
from pnnkern.experiments.run import assemble
from pnnkern.learning import SGD
from pnnkern.systems import Factors, Gradient, Move, Set, writers

KEY = pnn.random.key(8)
CLEAN = ConstantStep(step=2e-4, step_dtod=0.0, noise=0.0, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0)


class Weights:
    def __init__(self, writer: Any, shape: tuple[int, ...] = (6, 4)) -> None:
        self.parameters = {"w": np.zeros(shape, np.float32), "free": np.zeros(3)}
        self.writers, self.memory = {"w": writer}, {}


def test_outer_products(rng: np.random.Generator) -> None:
    x, d = rng.normal(size=(9, 4)), rng.normal(size=(9, 5))
    update = Factors(x, d, -0.5)
    np.testing.assert_allclose(update.dense(), -0.5 * sum(np.outer(a, b) for a, b in zip(x, d, strict=True)), rtol=1e-12)
    np.testing.assert_allclose(dense(scaled(update, 3.0)), 3 * update.dense(), rtol=1e-12)


@pytest.mark.parametrize("factors", [True, False])
def test_pulses_do_what_was_asked_in_the_mean(factors: bool, rng: np.random.Generator) -> None:
    x, d = rng.normal(size=(40, 6)).astype(np.float32), rng.normal(size=(40, 4)).astype(np.float32)
    update = Factors(x, d, -1 / 40)
    system = Weights(writers.Pulsed(CLEAN, KEY))
    rounds, lr = 30, 0.02
    for _ in range(rounds):
        writers.apply(system, {"w": update if factors else Gradient(update.dense()), "free": Gradient(np.ones(3))}, SGD(), lr)
    expected = -lr * rounds * update.dense()
    assert np.abs(system.parameters["w"] - expected).max() < 0.12 * np.abs(expected).max()
    np.testing.assert_allclose(system.parameters["free"], -lr * rounds)
    steps = system.parameters["w"] / 2e-4
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-2)  # whole pulses only
    assert system.memory["w.samples"][0] == rounds * (40 if factors else 1)


def test_a_split_run_is_the_whole_one(rng: np.random.Generator) -> None:
    """The count of samples is all that a pulsed writer remembers: resumed from it, the same bits."""
    x, d = rng.normal(size=(5, 6)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    device = "reram-sb"
    whole, first = Weights(writers.Pulsed(device, KEY)), Weights(writers.Pulsed(device, KEY))
    for _ in range(4):
        writers.apply(whole, {"w": Factors(x, d)}, SGD(), 0.1)
    for _ in range(2):
        writers.apply(first, {"w": Factors(x, d)}, SGD(), 0.1)
    second = Weights(writers.Pulsed(device, KEY))
    second.parameters["w"][...] = first.parameters["w"]
    second.memory = dict(first.memory)
    for _ in range(2):
        writers.apply(second, {"w": Factors(x, d)}, SGD(), 0.1)
    assert np.array_equal(second.parameters["w"], whole.parameters["w"])
    inside = clip_weights(whole.parameters["w"], device=device, key=pnn.random.fold_in(KEY, "w"))
    assert np.array_equal(inside, whole.parameters["w"])


def test_potentiometers_move_in_steps_within_their_range() -> None:
    system = Weights(writers.Stepped(0.25, -0.5, 1.0, KEY))
    update = Gradient(np.full((6, 4), -0.1))
    seen = []
    for _ in range(200):
        before = system.parameters["w"].copy()
        writers.apply(system, {"w": update}, SGD(), 1.0)
        seen.append(((system.parameters["w"] - before) / 0.25).max())
        if system.parameters["w"].max() == 1.0:
            break
    assert set(seen) <= {0.0, 1.0}
    writers.apply(system, {"w": Gradient(np.full((6, 4), 30.0))}, SGD(), 1.0)
    assert (system.parameters["w"] == -0.5).all()
    total = Weights(writers.Stepped(0.25, -50.0, 100.0, KEY), (60, 40))
    writers.apply(total, {"w": Gradient(np.full((60, 40), -0.1))}, SGD(), 1.0)
    assert abs(total.parameters["w"].mean() - 0.1) < 5 * 0.25 * 0.5 / np.sqrt(2400)


def test_bounds_hold_after_the_optimiser() -> None:
    system = Weights(writers.Stepped(0.1, 0.0, 1.0, KEY))
    system.bounds = {"free": (-0.3, 0.2)}
    writers.apply(system, {"free": Gradient(np.array([1.0, -1.0, 0.1]))}, SGD(), 1.0)
    np.testing.assert_allclose(system.parameters["free"], [-0.3, 0.2, -0.1])


@pytest.mark.parametrize("rule", [TikiTaka("chopped", fast=CLEAN, slow=CLEAN, transfer_lr=5.0), MixedPrecision(CLEAN, transfer_every=5)])
def test_transfers_are_those_of_the_room(rule: Any, rng: np.random.Generator) -> None:
    """The writer keeps the rule's whole state in the system's memory, and the parameter is what a pass meets."""
    x, d = rng.normal(size=(20, 6)).astype(np.float32), rng.normal(size=(20, 4)).astype(np.float32)
    system = Weights(writers.Transferred(rule, KEY))
    wanted = np.full((6, 4), 0.05, np.float32)
    wanted[0, 0] = 5.0  # more than any of these devices holds
    system.parameters["w"][...] = wanted
    system.writers["w"].start("w", system.parameters["w"], system.memory)
    key = pnn.random.fold_in(KEY, "w")
    state = transfer_start(rule, (6, 4), key=key, weights=wanted)
    np.testing.assert_array_equal(system.parameters["w"], transfer_weights(rule, state))
    assert system.parameters["w"][0, 0] < 5.0
    for part in (slice(0, 10), slice(10, 20)):
        writers.apply(system, {"w": Factors(x[part], d[part], -0.5)}, SGD(), 0.04)
        scaled = replace(rule, transfer_lr=rule.transfer_lr * 0.04) if isinstance(rule, TikiTaka) else rule
        state = transfer_update(scaled, state, x[part], -d[part], lr=0.02, key=key)
    assert {f"w.{name}" for name in state} == set(system.memory)
    for name, array in state.items():
        np.testing.assert_array_equal(system.memory[f"w.{name}"], array)
    np.testing.assert_array_equal(system.parameters["w"], transfer_weights(rule, state))
    assert np.ptp(system.parameters["w"]) > 0
    with pytest.raises(TypeError, match="takes updates in factors"):
        writers.apply(system, {"w": Gradient(np.ones((6, 4)))}, SGD(), 0.1)


@pytest.mark.parametrize(
    ("kind", "rule"), [("hopfield", "equilibrium-propagation"), ("hopfield", "coupled-learning"), ("crossbar", "physics-aware")]
)
def test_one_rule_writes_on_any_pulsed_array(kind: str, rule: str) -> None:
    """A recipe's words alone put a local rule on pulsed devices: weights stay in their cells' range and move by whole steps."""
    chosen = recipe.read(
        {"data": {"name": "digits", "train": 32, "test": 20}, "system": {"kind": kind, "hidden": [6], "inputs": 64, "writer": "pulsed",
         "pulsed_device": "idealized"}, "rule": {"kind": rule}, "training": {"batch": 16, "lr": 0.3, "optimizer": "sgd", "epochs": 1}}
    )  # fmt: skip
    trainer = assemble(chosen, Path("unused")).trainer
    name = next(n for n in trainer.system.parameters if n.lower().startswith("w"))
    before = trainer.system.parameters[name].copy()
    cells = device_cells("idealized", before.shape, key=pnn.random.fold_in(trainer.system.writers[name].key, name))
    trainer.advance()
    after = trainer.system.parameters[name]
    assert (after != before).any()
    assert ((after >= cells["low"]) & (after <= cells["high"])).all()
    assert trainer.system.memory[f"{name}.samples"][0] > 0
    ideal = assemble(replace(chosen, system=chosen.system.model_copy(update=chosen.system.of.exact)), Path("unused")).trainer.system
    assert name not in ideal.writers or not isinstance(ideal.writers[name], writers.Pulsed)


def test_steps_by_sign() -> None:
    """One step against the sign of the gradient, whatever its size; none where it is zero, none beyond the range."""
    writer = writers.Stepped(0.25, -0.5, 1.0, KEY, by_sign=True)
    weights = np.array([0.0, 0.0, 0.0, 0.9, -0.4])
    writer.write("w", weights, np.array([1e-9, -7.0, 0.0, -1.0, 2.0]), 1e-6, {})
    np.testing.assert_allclose(weights, [-0.25, 0.25, 0.0, 1.0, -0.5])


def test_sums_are_divided_by_their_samples_once() -> None:
    """A sum over a batch with its count is a step by the mean, for the optimiser, for writers, and for shares that were added."""
    x, d = np.arange(20.0).reshape(5, 4), np.arange(15.0).reshape(5, 3)
    one, two = Factors(x[:2], d[:2], 0.5), Factors(x[2:], d[2:], 0.25)
    mean = (0.5 * x[:2].T @ d[:2] + 0.25 * x[2:].T @ d[2:]) / 5
    for writer in ({}, {"w": writers.InPlace()}, {"w": writers.InPlace(rate=1.0, low=-1e9)}):
        system = Weights(None, (4, 3))
        system.parameters["w"] = np.zeros((4, 3))
        system.writers = writer
        writers.apply(system, {"w": added(one, two)}, SGD(), 0.1, 5)
        np.testing.assert_allclose(system.parameters["w"], -0.1 * mean, rtol=1e-12)
    with pytest.raises(TypeError, match="a Factors and a Gradient of one parameter cannot be added"):
        added(one, Gradient(mean))


class Watching(SGD):
    """An optimiser that notes what it is given."""

    def apply(self, parameters: Any, gradients: Any, lr: float | None = None, scales: Any = None) -> None:
        self.seen = {**getattr(self, "seen", {}), **gradients}
        super().apply(parameters, gradients, lr, scales)


@pytest.mark.parametrize("update", [Move(np.full(3, 0.25)), Set(np.full(3, 0.25))])
def test_moves_and_sets_are_written_as_they_are_and_no_optimiser_sees_them(update: Any) -> None:
    system, optimizer = Weights(writers.InPlace(-0.1, 0.1), (3,)), Watching()
    system.parameters["free"][...] = 0.0
    writers.apply(system, {"free": update}, optimizer, 1e-3, 7)
    assert (system.parameters["free"] == 0.25).all()
    assert not hasattr(optimizer, "seen")
    system.writers["w"].move("w", system.parameters["w"], np.full(3, 0.25, np.float32), {})
    np.testing.assert_allclose(system.parameters["w"], 0.1)


def test_devices_move_as_far_as_they_can() -> None:
    pulsed = Weights(writers.Pulsed(CLEAN, KEY))
    writers.apply(pulsed, {"w": Move(np.full((6, 4), 0.02))}, SGD(), 1e-9)
    assert abs(pulsed.parameters["w"].mean() - 0.02) < 2e-4
    writers.apply(pulsed, {"w": Set(np.full((6, 4), -0.01, np.float32))}, SGD(), 1e-9)
    assert abs(pulsed.parameters["w"].mean() + 0.01) < 2e-4
    steps = Weights(writers.Stepped(0.25, -0.5, 1.0, KEY))
    writers.apply(steps, {"w": Set(np.full((6, 4), 0.5, np.float32))}, SGD(), 1e-9)
    assert (steps.parameters["w"] == 0.5).all()
    gathered = Weights(writers.Transferred(MixedPrecision(CLEAN), KEY))
    with pytest.raises(CapabilityError, match="w is written by MixedPrecision, which follows gradients and cannot be moved or set"):
        writers.apply(gathered, {"w": Move(np.ones((6, 4)))}, SGD(), 0.1)


def in_place(array: Any) -> Any:
    """A system whose two arrays and two rows are written in place, each at its own rate and within its own range, and one by an optimiser."""

    shapes = {"W1": (6, 4), "W2": (4, 3), "b1": (4,), "b2": (3,), "free": (3,)}
    own = {
        "W1": writers.InPlace(0.0, rate=0.5), "W2": writers.InPlace(0.9, 1.05, 3.0), "b1": writers.InPlace(rate=2.0),
        "b2": writers.InPlace(0.95, rate=0.1),
    }  # fmt: skip
    return SimpleNamespace(parameters={name: array(np.ones(shape, np.float32)) for name, shape in shapes.items()}, writers=own)


def test_what_moves_in_place_moves_in_one_launch(backend, rng: np.random.Generator) -> None:
    first, second = ([rng.normal(size=(5, n)).astype("f4") for n in part] for part in ((6, 4), (4, 3)))
    rows = {n: rng.normal(size=size).astype("f4") for n, size in (("b1", 4), ("b2", 3), ("free", 3))}
    system, on = in_place(backend.array), backend.array
    updates: Any = {f"W{l}": Factors(on(a), on(b), -0.3) for l, (a, b) in enumerate(zip(first, second, strict=True), 1)}
    updates |= {n: Gradient(on(row), 1.5) for n, row in rows.items()}
    writers.apply(system, updates, SGD(), 0.2, count=4)
    expected = {f"W{l}": 1 - 0.2 * rate * -0.3 / 4 * a.T @ b for l, a, b, rate in zip((1, 2), first, second, (0.5, 3.0), strict=True)}
    expected |= {n: 1 - 0.2 * rate * 1.5 / 4 * rows[n] for n, rate in (("b1", 2.0), ("b2", 0.1), ("free", 1.0))}
    expected |= {"W1": expected["W1"].clip(0), "W2": expected["W2"].clip(0.9, 1.05), "b2": expected["b2"].clip(0.95)}
    for name, value in expected.items():
        np.testing.assert_allclose(backend.numpy(system.parameters[name]), value, atol=1e-6)
    if backend.name == "strict":
        updates.pop("free")
        with strict_cupy.counted() as events:
            writers.apply(system, updates, SGD(), 0.2, count=4)
        assert strict_cupy.totals(events) == {"launches": 1, "operations": 0, "syncs": 0, "copies": 0}


def test_gradients_keep_their_scale_until_they_are_written() -> None:
    one, two = Gradient(np.array([1.0, 2.0]), 0.5), Gradient(np.array([4.0, 8.0]), 0.25)
    np.testing.assert_allclose(dense(one), [0.5, 1])
    np.testing.assert_allclose(dense(added(one, two)), [1.5, 3])
    assert added(one, one).scale == 0.5
