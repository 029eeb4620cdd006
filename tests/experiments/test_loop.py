"""The loop against a system small enough to be written twice: squared projections trained by plain gradient descent."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import strict_cupy

from pnnkern.experiments import loop, progress
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.loop import Stopped, Trainer, TrainingError, train
from pnnkern.experiments.tables import Training
from pnnkern.learning import SGD, Adam, CrossEntropy, InSilico

CLASSES, PIXELS = 3, 12


class Projections:
    """Powers p = (x W)^2 of images x: a digital twin with its adjoint, on NumPy or a stand-in for CuPy."""

    def __init__(self, xp: Any = np) -> None:
        self.xp = xp
        self.parameters = {"weights": xp.asarray(np.random.default_rng(5).standard_normal((PIXELS, CLASSES)))}

    def encode(self, images: np.ndarray) -> np.ndarray:
        return self.xp.asarray(images).reshape(len(images), -1) / 255.0

    def forward(self, inputs: np.ndarray, key: Any = None, sample: Any = 0) -> np.ndarray:
        return (inputs @ self.parameters["weights"]) ** 2

    def forward_saving(self, inputs: np.ndarray) -> tuple[np.ndarray, Any]:
        return self.forward(inputs), inputs

    def vjp(self, cotangent: np.ndarray, record: Any) -> dict[str, np.ndarray]:
        return {"weights": record.T @ (2 * cotangent * (record @ self.parameters["weights"]))}


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(3)
    images = rng.integers(1, 256, (31, 4, 3)).astype(np.uint8)
    labels = np.arange(31) % CLASSES
    return Dataset("toy", "here", images[:20], labels[:20], images[20:], labels[20:])


@pytest.fixture
def make(dataset: Dataset) -> Callable[..., Trainer]:
    def made(optimizer: Any = None, xp: Any = np, **training: Any) -> Trainer:
        settings = Training(**({"epochs": 3, "batch": 8, "lr": 0.1, "optimizer": "sgd"} | training))
        return Trainer(Projections(xp), InSilico(CrossEntropy()), optimizer or SGD(lr=settings.lr), dataset, settings)

    return made


def no_stop() -> bool:
    return False


def test_training_is_gradient_descent(make: Callable[..., Trainer], dataset: Dataset) -> None:
    """Against the same descent written out, with its gradient by central differences."""
    trainer = make()
    saves: list[int] = []
    assert train(trainer, save=lambda: saves.append(trainer.step), stop=no_stop, seconds=0)
    assert trainer.step == 9
    assert saves == [9]

    def loss(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        p = (x.reshape(len(x), -1) / 255.0 @ w) ** 2
        s = 10 * p / p.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y])), s

    order, w = make(), Projections().parameters["weights"]
    for step in range(9):
        chosen = order.batch(step)
        x, y = dataset.train_images[chosen], dataset.train_labels[chosen]
        value, scores = loss(w, x, y)
        assert trainer.losses[step] == pytest.approx(value, rel=1e-6)
        assert trainer.accuracies[step] == np.mean(scores.argmax(axis=1) == y)
        gradient = np.zeros_like(w)
        for i, j in np.ndindex(w.shape):
            up, down = w.copy(), w.copy()
            up[i, j] += 1e-6
            down[i, j] -= 1e-6
            gradient[i, j] = (loss(up, x, y)[0] - loss(down, x, y)[0]) / 2e-6
        w = w - 0.1 * gradient
        if step % 3 == 2:
            value, scores = loss(w, dataset.test_images, dataset.test_labels)
            assert trainer.evaluations[step // 3][0] == pytest.approx(value, rel=1e-5)
            assert trainer.evaluations[step // 3][1] == np.mean(scores.argmax(axis=1) == dataset.test_labels)
    np.testing.assert_allclose(trainer.system.parameters["weights"], w, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(trainer.test_scores(), loss(w, dataset.test_images, dataset.test_labels)[1], rtol=1e-4)


def test_epochs_walk_through_all_images_in_new_orders(make: Callable[..., Trainer]) -> None:
    def epoch(trainer: Trainer, n: int) -> np.ndarray:
        return np.concatenate([trainer.batch(step) for step in range(3 * n, 3 * n + 3)])

    first = make()
    orders = [epoch(first, n) for n in range(4)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(20))
    assert len({order.tobytes() for order in orders}) == 4
    np.testing.assert_array_equal(epoch(make(), 2), orders[2])  # from the epoch's number alone
    assert not np.array_equal(epoch(make(seed=1), 0), orders[0])


def test_rates() -> None:
    halve = Training(lr=0.8, schedule="halve", halve_every=2, epochs=6)
    assert [loop.rate(halve, step, 10) for step in (0, 19, 20, 39, 40, 59)] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    cosine = Training(lr=0.8, schedule="cosine", epochs=4)
    assert [loop.rate(cosine, step, 10) for step in (0, 20, 40)] == pytest.approx([0.8, 0.4, 0.0])
    assert loop.rate(cosine, 10, 10) == pytest.approx(0.4 * (1 + math.cos(math.pi / 4)))
    assert loop.rate(Training(lr=0.8), 1000, 10) == 0.8


@pytest.mark.parametrize("optimizer", [lambda: Adam(lr=0.1), lambda: SGD(lr=0.1, momentum=0.9)])
def test_stopping_anywhere_changes_nothing(make: Callable[..., Trainer], optimizer: Callable[[], Any]) -> None:
    whole = make(optimizer(), schedule="cosine")
    train(whole, save=lambda: None, stop=no_stop)
    final = whole.saved()
    for at in range(1, 14):
        calls, saved = 0, {}

        def stop(at: int = at) -> bool:
            nonlocal calls
            calls += 1
            return calls > at

        first = make(optimizer(), schedule="cosine")
        assert not train(first, save=lambda first=first, saved=saved: saved.update(first.saved()), stop=stop)  # type: ignore[misc]
        second = make(optimizer(), schedule="cosine")
        second.restore(saved)
        assert second.step == int(saved["progress/step"])
        assert train(second, save=lambda: None, stop=no_stop)
        again = second.saved()
        assert again.keys() == final.keys()
        for name in final:
            assert again[name].tobytes() == final[name].tobytes(), (at, name)


def test_an_evaluation_that_is_stopped_is_made_again(make: Callable[..., Trainer]) -> None:
    trainer = make()
    with pytest.raises(Stopped):
        trainer.evaluate(lambda: True)
    assert trainer.evaluations == []
    calls = 0

    def stop() -> bool:  # the fifth question is asked between the two pieces of the first evaluation
        nonlocal calls
        calls += 1
        return calls == 5

    assert not train(trainer, save=lambda: None, stop=stop)
    assert (trainer.step, trainer.evaluations) == (3, [])
    assert train(trainer, save=lambda: None, stop=no_stop)
    assert len(trainer.evaluations) == 3


def test_checkpoints_by_steps_and_by_time(make: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, saves = make(), []
    train(trainer, save=lambda: saves.append(trainer.step), stop=no_stop, seconds=0, steps=2)
    assert saves == [2, 4, 6, 8, 9]
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(loop.time, "monotonic", clock)
    trainer, saves = make(), []
    train(trainer, save=lambda: saves.append(trainer.step), stop=no_stop, seconds=3)
    assert saves[0] == 3
    assert saves[-1] == 9


def test_a_loss_that_is_no_number_ends_the_run(make: Callable[..., Trainer]) -> None:
    trainer = make()
    trainer.advance()
    trainer.system.parameters["weights"][:] = np.nan
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1: lower training.lr"):
        trainer.advance()
    assert trainer.step == 1


def test_a_state_of_another_shape_is_refused(make: Callable[..., Trainer]) -> None:
    state = make().saved()
    state["parameters/weights"] = state["parameters/weights"][:5]
    with pytest.raises(ValueError, match=r"the checkpoint has weights as float64 \(5, 3\), the system as float64 \(12, 3\)"):
        make().restore(state)


def test_the_rule_gets_keys_by_step_and_samples_by_global_index(make: Callable[..., Trainer]) -> None:
    trainer, given = make(), []
    step = trainer.rule.step

    class Recording(type(trainer.rule)):  # type: ignore[misc]
        def step(self, system: Any, state: Any, batch: Any, key: Any = None) -> Any:
            given.append((np.array(key), np.array(batch.index)))
            return step(system, state, batch, key)

    trainer.rule = Recording(trainer.rule.loss)
    train(trainer, save=lambda: None, stop=no_stop)
    assert len({key.tobytes() for key, _ in given}) == 9
    np.testing.assert_array_equal(np.sort(np.concatenate([sample for _, sample in given[:3]])), np.arange(20))
    assert given[0][1].dtype == np.int64


# ------------------------------------------------------------------------------------------------------------------- on a GPU
@pytest.fixture
def events(cupy: Any) -> Iterator[Any]:
    """What happens on the stand-in's device."""
    with strict_cupy.counted() as events:
        yield events


def waits(events: Any) -> list[str]:
    """Where the device was waited for, and forget it."""
    found = strict_cupy.places(events, "syncs")
    events.clear()
    return found


def with_tables(trainer: Trainer, events: Any) -> Trainer:
    """After an epoch, in which what is kept on a GPU is made and waited for."""
    for _ in range(trainer.steps_per_epoch):
        trainer.advance()
    events.clear()
    return trainer


def test_no_step_waits_for_the_one_before(make: Callable[..., Trainer], cupy: Any, events: Any) -> None:
    on_cpu, on_gpu = make(), make(xp=cupy)
    for step in range(8):
        on_cpu.advance()
        on_gpu.advance()
        if step == 2:
            events.clear()  # in the first epoch tables are made, and waited for
    assert waits(events) == []
    assert on_gpu.losses == pytest.approx(on_cpu.losses, rel=1e-12)
    assert on_gpu.accuracies == on_cpu.accuracies
    assert len(waits(events)) == 1  # for all of them at once
    assert {type(value) for value in (*on_gpu.losses, *on_gpu.accuracies)} == {float}


def test_images_and_labels_are_copied_once_a_step(make: Callable[..., Trainer], cupy: Any, events: Any) -> None:
    trainer = with_tables(make(xp=cupy), events)
    trainer.advance()
    assert strict_cupy.totals(events)["copies"] == 2


def test_what_waits_is_read_from_time_to_time(
    make: Callable[..., Trainer], cupy: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_EVERY", 4)
    trainer, read = with_tables(make(xp=cupy), events), []
    for step in range(3, 12):
        trainer.advance()
        read += [step] * len(waits(events))
    assert read == [3, 7, 11]


def test_an_evaluation_reads_once(make: Callable[..., Trainer], cupy: Any, events: Any) -> None:
    on_cpu, on_gpu = make(), make(xp=cupy)
    assert on_gpu.evaluate() == pytest.approx(on_cpu.evaluate(), rel=1e-12)
    assert len(waits(events)) == 1
    np.testing.assert_allclose(on_gpu.test_scores(), on_cpu.test_scores(), rtol=1e-12)
    assert len(waits(events)) == 1


@pytest.mark.parametrize("look", [Trainer.saved, Trainer.evaluate, lambda trainer: trainer.losses, lambda trainer: trainer.accuracies])
def test_a_loss_that_is_no_number_is_found_when_it_is_read(make: Callable[..., Trainer], cupy: Any, look: Callable[..., Any]) -> None:
    trainer = make(xp=cupy)
    trainer.advance()
    trainer.system.parameters["weights"][...] = np.nan
    for _ in range(2):
        trainer.advance()
    for _ in range(2):  # it is not forgotten by looking
        with pytest.raises(TrainingError, match=r"the loss is nan at step 1: lower training.lr"):
            look(trainer)


def test_a_state_that_is_no_number_is_never_saved(make: Callable[..., Trainer], cupy: Any) -> None:
    trainer, saved = make(xp=cupy), []

    def spoil(trainer: Trainer) -> None:
        if trainer.step == 2:
            trainer.system.parameters["weights"][...] = np.nan

    with pytest.raises(TrainingError, match="at step 2"):
        train(trainer, save=lambda: saved.append(trainer.saved()), stop=no_stop, seconds=0, steps=4, watch=spoil)
    assert saved == []


def test_parameters_that_are_no_numbers_are_not_saved(make: Callable[..., Trainer]) -> None:
    trainer = make()
    trainer.advance()
    trainer.system.parameters["weights"][3, 1] = np.inf
    with pytest.raises(TrainingError, match="weights has NaN or infinite values after step 0"):
        trainer.saved()


# --------------------------------------------------------------------------------------------------------------- what is shown
@pytest.mark.parametrize("bar", [False, True])
def test_only_what_is_shown_is_read(
    make: Callable[..., Trainer], cupy: Any, events: Any, bar: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    trainer, read = with_tables(make(xp=cupy, epochs=4), events), []
    trainer.read()
    waits(events)
    every = progress.BAR_EVERY if bar else progress.LOG_EVERY
    shown = progress._Bar() if bar else progress._Lines()
    for pause in (0.5, 0.6, 0.6, 0.2, 0.2):  # shown at first, and as soon as it was so long ago
        now += pause * every
        trainer.advance()
        shown(trainer)
        read.append(len(waits(events)))
    assert read == [1, 0, 1, 0, 0]
    trainer.evaluations.append((0.5, 0.75))
    trainer.advance()
    shown(trainer)
    assert len(waits(events)) == 1
    if not bar:
        lines = capsys.readouterr().err.splitlines()
        assert [line.split()[1] for line in lines] == ["4/12", "6/12", "9/12"]
        assert "samples/s" in lines[1]
        assert "test 75.00 %" in lines[2]
