"""The training loop: data -> system x rule -> updates -> optimiser -> metrics, step by step and repeatable to the bit.

What happens at a step follows from the seed and the step's number alone, so a run may stop and go on anywhere. On a GPU no step waits for
the one before: losses and accuracies stay there until they are looked at.
"""

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import _array, _launch, random
from .._array import Array
from .._errors import DataError, PnnError
from ..communicator import Communicator, any_of, gather, here, same, shared_out
from ..learning.metrics import accuracy, ratings
from ..learning.rule import Batch, State
from ..systems import writers
from .data import Dataset
from .device_steps import DeviceSteps
from .feed import Feed
from .pieces import Rows

if TYPE_CHECKING:  # the loop itself needs no pydantic
    from .tables import Training

# What a seed's key is folded with: parameters, epoch orders and noise draw from different streams.
PARAMETERS, ORDER, NOISE, MEASUREMENT, RULE = range(5)
CALIBRATION = 64  # training samples that a system is calibrated by
READ_EVERY = 256  # steps whose losses may wait on a GPU: how far training goes on after a loss that is no number


class TrainingError(PnnError, ArithmeticError):
    """Training cannot go on: the loss is no longer a number."""


class Stopped(BaseException):
    """A stop was asked for and this piece of work was dropped; the state is that of the last whole step.

    Like `KeyboardInterrupt` no `Exception`, which libraries catch: a signal handler raises it in the midst of them.
    """


def stream(seed: int, purpose: int) -> Any:
    """The key of one purpose (`PARAMETERS`, `ORDER`, ...) of a run's seed."""
    return random.fold_in(random.key(seed), purpose)


def calibrate(system: Any, dataset: Dataset) -> None:
    """Let a system that is calibrated see the first training samples: the same ones wherever, and by however many, it is worked with."""
    if hasattr(system, "calibrate"):
        system.calibrate(system.encode(dataset.train_images[:CALIBRATION]))


def _refuse_no_number(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise TrainingError(f"the loss is {loss} at step {step}: lower training.lr, or look for NaN in the data")


def rate(training: "Training", step: int, steps_per_epoch: int) -> float:
    """The learning rate at `step` (from 0)."""
    if training.schedule == "halve":
        return training.lr * 0.5 ** (step // steps_per_epoch // training.halve_every)
    if training.schedule == "decay":
        return training.lr * training.decay ** (step // steps_per_epoch)
    if training.schedule == "cosine":  # from lr to 0 over the whole run, Loshchilov and Hutter, ICLR 2017, without restarts
        return training.lr * 0.5 * (1 + math.cos(math.pi * step / (steps_per_epoch * training.epochs)))
    return training.lr


@dataclass
class Trainer:
    """A system, a rule and an optimiser at work on a data set; `step` batches of it are done.

    losses, accuracies : of each step's batch; looking at them waits for a GPU. evaluations : after each epoch, (test loss, test accuracy).
    For real targets "accuracy" is 1 less the rms error relative to their range.
    """

    system: Any
    rule: Any
    optimizer: Any
    dataset: Dataset
    training: "Training"
    step: int = 0
    state: State = field(default_factory=dict)  # of the rule, from `rule.init`
    chunk: int = 0  # samples of a shard; 0: a batch is one
    communicator: Communicator = field(default_factory=here)
    graph: Literal["auto", "on", "off"] = "auto"  # whether steps on a GPU are captured; "on": not to be is an error
    given: dict[str, np.ndarray] = field(default_factory=dict)  # fields of the system that a script gave, kept with the run
    evaluations: list[tuple[float, float]] = field(default_factory=list)
    _losses: list[float] = field(default_factory=list)
    _accuracies: list[float] = field(default_factory=list)
    _pending: list[tuple[Array, Array, int]] = field(default_factory=list)  # sums of losses and ratings, not yet read, and of how many
    _device: DeviceSteps | None = None  # where samples live on the GPU; what is pending lies there, too
    _order: tuple[int, np.ndarray] | None = None

    def __post_init__(self) -> None:
        key, data = stream(self.training.seed, RULE), self.dataset
        begun, self.state = bool(self.state), self.state or self.rule.init(self.system, key)  # which refuses what cannot be
        self.training_feed = Feed(data.train_images, data.train_labels, self.system)
        self._test = Feed(data.test_images, data.test_labels, self.system)
        self._device = None if self.training_feed.there is None else DeviceSteps(self, READ_EVERY)
        self.rule = self.rule.fitted(self.system, self.batch_of(*self.training_feed.piece(slice(self.training.batch)), 0))
        if not begun:
            self._refuse_at_once()
            everything = self.batch_of(*self.training_feed.piece(slice(None)), 0)
            self.state = self.rule.prepare(self.system, self.state, everything, random.fold_in(key, "prepare"))

    def _refuse_at_once(self) -> None:
        """Raise `DataError` for a rule that looks at all training samples together, where they are not in memory."""
        if isinstance(self.dataset.train_images, Rows) and getattr(self.rule, "targets", "one-hot") != "one-hot":
            way = "set rule.targets='one-hot', or give them as .npz"
            raise DataError(f"the rule looks at all samples of {self.dataset.source} together, and they are read in pieces: {way}")

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.dataset.train_labels) // self.training.batch)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.steps_per_epoch * self.training.epochs

    @property
    def way(self) -> str:
        """How steps are done on a GPU, in words; nothing on a CPU."""
        return "" if self._device is None else self._device.way

    @property
    def passes(self) -> int:
        """Physical passes of single samples that training took so far, by what the rule says of itself."""
        return int(self.rule.passes * (self.step // self.steps_per_epoch * len(self.dataset.train_labels) + self._seen))

    @property
    def _seen(self) -> int:
        """Samples of this epoch so far."""
        return min(self.step % self.steps_per_epoch * self.training.batch, len(self.dataset.train_labels))

    @property
    def losses(self) -> list[float]:
        self.read()
        return self._losses

    @property
    def accuracies(self) -> list[float]:
        self.read()
        return self._accuracies

    @property
    def finished(self) -> bool:
        return self.step >= self.steps and len(self.evaluations) >= self.training.epochs

    # ---------------------------------------------------------------------------------------------------------------- the work
    def batch(self, step: int) -> np.ndarray:
        """Indices (batch,) int64 of the training images of a step: each epoch walks through all of them in an order of its own."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return self.order_of(epoch)[position * self.training.batch : (position + 1) * self.training.batch]

    def order_of(self, epoch: int) -> np.ndarray:
        """The order (n,) int64 of all training images in an epoch."""
        if self._order is None or self._order[0] != epoch:
            key = random.fold_in(stream(self.training.seed, ORDER), epoch)
            self._order = epoch, np.asarray(random.permutation(key, len(self.dataset.train_labels)), np.int64)
        return self._order[1]

    def advance(self) -> None:
        """Do one step.

        Raises `TrainingError` for a loss that is no number: on the CPU before anything is written, on a GPU when it is read, which is after
        `READ_EVERY` steps at the latest, and before the state is.
        """
        if self._device is None:
            self._step_from_host()
        else:
            count = self._device.step()
            self._pending.append((None, None, count))
        self.step += 1
        if len(self._pending) >= READ_EVERY:
            self.read()

    def rate(self, step: int) -> float:
        """The learning rate at a step."""
        return rate(self.training, step, self.steps_per_epoch)

    def key_of(self, step: int) -> Any:
        """The key of a step, of which it draws what is random."""
        return random.fold_in(self.key_of_steps, step)

    @property
    def key_of_steps(self) -> Any:
        """The key whose purposes are the steps."""
        return stream(self.training.seed, NOISE)

    def _step_from_host(self) -> None:
        count = len(batch := self.batch_of(*self.training_feed.take(self.batch(self.step))))
        updates, state, metrics = self.rule.step(self.system, self.state, batch, self.key_of(self.step))
        if _array.namespace(metrics["loss"]) is np:
            _refuse_no_number(metrics["loss"], self.step)
        writers.apply(self.system, updates, self.optimizer, self.rate(self.step), count)
        self.state = state
        self._pending.append((metrics["loss"], metrics["rating"], count))

    def batch_of(self, samples: Any, labels: Array, index: Any) -> Batch:
        """Samples as a rule takes them."""
        return Batch(samples, labels, index, self.system.encode, self.chunk, self.communicator)

    def read(self) -> None:
        """Read what is pending, all in one transfer. A loss that is no number stays pending: nothing that comes after it is ever saved."""
        if not self._pending:
            return
        losses, found, counts = zip(*self._pending, strict=True)
        if self._device is None:
            sums = _array.to_numpy(_array.namespace(*losses).stack([*losses, *found])).reshape(2, -1)
        else:
            sums = self._device.read(len(counts))
        means = sums / counts
        for step, loss in enumerate(means[0].tolist(), self.step - len(losses)):
            _refuse_no_number(loss, step)
        self._losses += means[0].tolist()
        self._accuracies += accuracy(means[1], self.dataset.real).tolist()
        self._pending.clear()

    def evaluate(self, stop: Callable[[], bool] = lambda: False) -> tuple[float, float]:
        """(loss, accuracy) on the test images, which ranks share; raises `Stopped` when `stop()` turns true on the way.

        Raises `RankError` for ranks whose parameters are no longer the same.
        """
        self.read()
        labels, loss, found, how = self._test.piece(slice(None))[1], 0.0, [], self.rule.loss_on(self.system)
        for value, rated in self._shared(lambda piece, scores: (how.value(scores, labels[piece]), ratings(how, scores, labels[piece])), stop):
            loss = loss + value
            found.append(rated)
        xp, real = _array.namespace(labels), self.dataset.real
        pair = xp.stack([loss / len(labels), accuracy(xp.concatenate(found).mean(), real)])
        loss, share = _array.to_numpy(pair).tolist()
        return loss, share

    def test_scores(self) -> np.ndarray:
        """Class scores (test images, classes)."""
        scores = [scores for _, scores in self._test_scores(lambda: False, range(self._test_pieces))]
        return _array.to_numpy(_array.namespace(*scores).concatenate(scores))

    def scores_of(self, system: Any, images: np.ndarray, index: np.ndarray, key: Any = None) -> np.ndarray:
        """Class scores (images, classes) that the rule gives on another make of the system, in the state that it is in.

        index : numbers of the images in the test set. key : of the measurement, by default the run's.
        """
        key = stream(self.training.seed, MEASUREMENT) if key is None else key
        batch = Batch(images, np.zeros(len(images), np.int64), index, system.encode)
        return _array.to_numpy(self.rule.predict(system, self.state, batch, key))

    def try_out(self) -> None:
        """One pass of the first test images, which changes nothing: what is made when first needed (plans of transforms) is there then."""
        next(self._test_scores(lambda: False, range(1)))

    @property
    def _test_pieces(self) -> int:
        return -(-len(self.dataset.test_labels) // self.training.batch)

    def _test_scores(self, stop: Callable[[], bool], numbers: range) -> Any:
        """(slice, scores) for pieces of the test images, by their numbers."""
        key, size = stream(self.training.seed, MEASUREMENT), self.training.batch
        for first in (number * size for number in numbers):
            if stop():
                raise Stopped
            piece = slice(first, first + size)
            batch = Batch(*self._test.piece(piece), first, self.system.encode, self.chunk)
            yield piece, self.rule.predict(self.system, self.state, batch, key)

    def _shared(self, function: Callable[[slice, Any], Any], stop: Callable[[], bool]) -> list[Any]:
        """What a function gives for the pieces of the test images and their scores, in order; each rank works on some of them."""
        ranks, own, stopped = self.communicator, {}, False
        numbers = shared_out(ranks, self._test_pieces)
        try:
            for number, (piece, scores) in zip(numbers, self._test_scores(stop, numbers), strict=True):
                own[number] = function(piece, scores)
        except Stopped:
            stopped = True
        if any_of(ranks, [stopped])[0]:
            raise Stopped
        if ranks.size > 1:
            sums = [zlib.crc32(_array.to_numpy(p).tobytes()) for p in self.system.parameters.values()]
            same(ranks, "other parameters than rank 0: what is not the same on all of them, machines or libraries?", sums)
        return [value for _, value in sorted(gather(ranks, own).items(), key=lambda item: item[0])]

    # --------------------------------------------------------------------------------------------------------------- the state
    def saved(self) -> dict[str, np.ndarray]:
        """Everything that decides how the run goes on, as NumPy arrays by name.

        Raises `TrainingError` where a loss is no number, or a parameter is none: such a state is no good to go on from.
        """
        _launch.check()
        self.read()
        parameters = {name: _array.to_numpy(array) for name, array in self.system.parameters.items()}
        for name, array in parameters.items():
            if not np.isfinite(array).all():
                raise TrainingError(f"{name} has NaN or infinite values after step {self.step - 1}: lower training.lr")
        state = {
            "progress/step": np.array(self.step, np.int64),
            "progress/loss": np.array(self.losses, np.float64),
            "progress/accuracy": np.array(self.accuracies, np.float64),
            "progress/evaluations": np.array(self.evaluations, np.float64).reshape(-1, 2),
        }
        state |= {f"parameters/{name}": array for name, array in parameters.items()}
        for kind, held in (("memory", getattr(self.system, "memory", {})), ("rule", self.state)):
            state |= {f"{kind}/{name}": _array.to_numpy(array) for name, array in held.items()}
        state |= {f"given/{name}": array for name, array in self.given.items()}
        return state | {f"optimizer/{name}": _array.to_numpy(array) for name, array in self.optimizer.state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to what was `saved`; arrays go to the device that their parameter lives on.

        Raises ValueError for one of another training. Kernels do not ask how long an array is, so each must be as it was written.
        """
        steps, evaluations = int(state["progress/step"]), len(state["progress/evaluations"])
        if steps not in range(evaluations * self.steps_per_epoch, (evaluations + 1) * self.steps_per_epoch + 1):
            raise ValueError(f"{steps} steps with {evaluations} evaluations are not of epochs of {self.steps_per_epoch} steps")
        memory, parameters = getattr(self.system, "memory", {}), self.system.parameters
        here = {"parameters": parameters, "memory": memory, "rule": self.state, "given": self.given}
        for path in (*(f"{kind}/{name}" for kind, held in here.items() for name in held), *state):
            if not path.startswith("progress/"):
                self._refuse_other(path, state[path])
        self.step = int(state["progress/step"])
        self._losses, self._accuracies = state["progress/loss"].tolist(), state["progress/accuracy"].tolist()
        self._pending.clear()
        if self._device is not None:
            self._device.forget()
        self.evaluations = [(float(a), float(b)) for a, b in state["progress/evaluations"]]
        for name, array in parameters.items():
            array[...] = _array.namespace(array).asarray(state[f"parameters/{name}"])
        writers.touched(self.system)
        for kind, held in (("optimizer", self.optimizer.state), ("memory", memory), ("rule", self.state)):
            before = dict(held)
            held.clear()
            for path, saved in state.items():
                if path.startswith(f"{kind}/"):
                    name = path.removeprefix(f"{kind}/")
                    # "phase.first" belongs to "phase", and lies where it does; counters stay with NumPy
                    like = before.get(name) if kind == "rule" else parameters.get(name.rpartition(".")[0])
                    counter = like is None or saved.size == 1
                    held[name] = saved.copy() if counter else _array.namespace(like).array(saved)

    def _refuse_other(self, path: str, saved: np.ndarray) -> None:
        """Raise ValueError for an array of a state that nothing of this training can be."""
        kind, _, name = path.partition("/")
        parameters, counter = self.system.parameters, path == "optimizer/step" or path.endswith(".samples")
        like = {
            "parameters": parameters.get(name),
            "memory": getattr(self.system, "memory", {}).get(name),
            "rule": self.state.get(name),
            "given": self.given.get(name),
            "optimizer": parameters.get(name.rpartition(".")[0]),
        }.get(kind)
        if counter:
            like = np.zeros(1, np.int64)
        if like is None:
            raise ValueError(f"the checkpoint has {path}, which is nothing of this training")
        grown = kind == "rule" and like.ndim == saved.ndim and not len(like)  # what a rule begins without rows, it adds rows to
        if saved.shape[grown:] != like.shape[grown:] or saved.dtype != like.dtype:
            raise ValueError(f"the checkpoint has {name} as {saved.dtype} {saved.shape}, the system as {like.dtype} {like.shape}")
        if kind == "given" and not np.array_equal(saved, like):
            raise ValueError(f"the checkpoint was made with another {name} of the system")
        if counter and not 0 <= saved[0] < 2**62:
            raise ValueError(f"the checkpoint counts {saved[0]} for {name}")


def train(
    trainer: Trainer, *, save: Callable[[], None], stop: Callable[[], bool], seconds: float = 60.0, steps: int = 0,
    watch: Callable[[Trainer], None] = lambda trainer: None,
) -> bool:  # fmt: skip
    """Run to the end, or until `stop()`; True when the end was reached.

    Ranks stop and save after the same step.

    save : called every `seconds` and every `steps` (0: not by that), when stopped, and at the end. watch : called after each step
    and evaluation.
    """
    saved_at, saved_step, ranks = time.monotonic(), trainer.step, trainer.communicator
    try:
        while True:
            if ranks.size > 1:
                ranks.doing = f"step {trainer.step}"
            if trainer.step == trainer.steps_per_epoch * (len(trainer.evaluations) + 1):
                trainer.evaluations.append(trainer.evaluate(stop))
                watch(trainer)
            stopping, late = any_of(ranks, (stop(), bool(seconds) and time.monotonic() - saved_at >= seconds))
            if stopping:
                raise Stopped
            if trainer.finished:
                break
            trainer.advance()
            watch(trainer)
            if late or (steps and trainer.step - saved_step >= steps):
                save()
                saved_at, saved_step = time.monotonic(), trainer.step
    except Stopped:
        pass
    save()
    return trainer.finished
