"""Training steps whose samples live on the GPU that works on them: nothing is copied there, and nothing waited for.

Where all of a step follows from what lies in the GPU's memory it is captured as a CUDA graph, and each further step is one launch of it. A
step that asks for a value is not; nor one that asks for a library that cannot be captured, or draws by its key on the host.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _array
from .._capture import Captured, CaptureError, Counter, counting
from ..learning.optimizers import count_up
from ..learning.rule import Batch, State
from ..systems import writers
from ..systems._encoding import ENCODED, encoding_of
from .feed import Progress

if TYPE_CHECKING:
    from .loop import Trainer

WARM = 3  # steps before one is captured: kernels are loaded then, tables made, moments there


class DeviceSteps:
    """A trainer's steps on a GPU. `refused` says why they are not captured, once that has come out."""

    def __init__(self, trainer: "Trainer", slots: int) -> None:
        self.trainer, self.refused = trainer, ""
        self.progress = Progress(trainer.training_feed, trainer.steps_per_epoch, slots, trainer.key_of_steps)
        self.encoding = None if trainer.rule.encodes or self.progress.samples.dtype not in ENCODED else encoding_of(trainer.system)
        self.forget()

    def forget(self) -> None:
        """The trainer has gone back to another state, in other arrays."""
        self._epoch, self._done = -1, 0  # steps that were not captured
        self._graph: Captured[None] | None = None
        self._counters: dict[str, Counter] = {}  # of samples that writers count, by their names in the system's memory
        self._counted = False  # whether these stand where the memory does

    def step(self) -> int:
        """Do one; of how many samples it was."""
        t = self.trainer
        epoch, number = divmod(t.step, t.steps_per_epoch)
        seen = number * t.training.batch
        count = min(t.training.batch, len(self.progress.order) - seen)
        if epoch != self._epoch:
            self._begin(epoch, seen, number)
        graph = self._fitting() if count == t.training.batch else None
        if graph is None:
            state = self._work(count, t.key_of(t.step))
            if self._graph is None:
                t.state = state
            else:
                self._keep(state)
            self._done += 1
            self._counted = False
            return count
        self._count_on()
        graph.launch()
        if "step" in t.optimizer.state:
            count_up(t.optimizer.state)
        writers.touched(t.system)
        return count

    @property
    def way(self) -> str:
        """Whether steps are captured, in words; nothing as long as that has not come out."""
        return f"steps one by one ({self.refused})" if self.refused else "steps captured as a CUDA graph" if self._graph else ""

    def read(self, count: int) -> np.ndarray:
        """Losses and ratings (2, count), sums over a batch, of the last steps."""
        return self.progress.read(self.trainer.step - self._epoch * self.trainer.steps_per_epoch, count)

    # ---------------------------------------------------------------------------------------------------------------- the work
    def _begin(self, epoch: int, seen: int, number: int) -> None:
        """Let the GPU know what is known of all steps of an epoch."""
        t, first = self.trainer, epoch * self.trainer.steps_per_epoch
        t.read()
        known = getattr(t.optimizer, "known", lambda step, lr: (lr, 1.0, 1.0))
        self.progress.begin(
            t.order_of(epoch), [known(step + 1, t.rate(step)) for step in range(first, first + t.steps_per_epoch)], seen, number, first
        )
        self._epoch = epoch

    def _work(self, count: int, key: Any) -> State:
        """What a step asks of the GPU, and the state after it."""
        t = self.trainer
        batch = self._next(count)
        updates, state, found = t.rule.step(t.system, t.state, batch, key)
        writers.apply(t.system, updates, t.optimizer, t.rate(t.step), count)
        self.progress.advance(count, found["loss"], found["rating"])
        return state

    def _next(self, count: int) -> Batch:
        """The next samples, encoded as they are gathered where the system's inputs are no more than that."""
        t = self.trainer
        if self.encoding is None:
            return t.batch_of(*self.progress.take(count))
        inputs, labels, index, targets = self.progress.take_encoded(count, self.encoding)
        return Batch(inputs, labels, index, None, t.chunk, t.communicator, targets)

    def _keep(self, state: State) -> None:
        """Put what a rule keeps where a graph looks for it. Raises `CaptureError` for what is on the host."""
        for name, array in state.items():
            place: Any = self.trainer.state.get(name)
            if array is not place:
                if not (_array.is_on_gpu(place) and _array.is_on_gpu(array)):
                    raise CaptureError(f"the rule keeps {name} on the host")
                place[...] = array

    def _count_on(self) -> None:
        """Have the counters where the memory is, and the memory where they will be after a launch."""
        for name, counter in self._counters.items():
            memory = self.trainer.system.memory
            if not self._counted:
                counter.now.set(memory[name])
            memory[name] = memory[name] + counter.taken
        self._counted = True

    # ------------------------------------------------------------------------------------------------------------------ capture
    def _fitting(self) -> Captured[None] | None:
        """The graph of a whole batch, captured if that is due; None where steps are not, or not yet."""
        t = self.trainer
        if t.graph == "off" or self.refused or self._done < WARM:
            return None
        if self._graph is None:
            try:
                self._graph = self._captured()
            except CaptureError as error:
                if t.graph == "on":
                    raise
                self._graph, self.refused = None, str(error)
        return self._graph

    def _captured(self) -> Captured[None]:
        """One step, captured. Raises `CaptureError` where it depends on more than lies in the GPU's memory."""
        t = self.trainer
        self._refuse()
        counters = (t.optimizer.state, getattr(t.system, "memory", {}))
        before = [dict(counter) for counter in counters]
        writers.touched(t.system)  # what is kept of parameters is made within each step
        t.optimizer.now = self.progress.now
        xp = _array.namespace(self.progress.order)
        self._counters, self._counted = {name: Counter(xp) for name in counters[1] if writers.is_count(name)}, False

        try:
            with counting(self._counters):
                graph = Captured(lambda: self._keep(self._work(t.training.batch, self.progress.keys.of_step())))
            memory, known = counters[1], before[1]
            if memory.keys() != known.keys() or any(memory[name] is not known[name] for name in memory):
                raise CaptureError("what writes the parameters counts on the host")
            self.progress.keys.begin(t.step)
            return graph
        finally:
            t.optimizer.now = None
            writers.touched(t.system)  # what was made during the capture has no values until a graph is launched
            for counter, known in zip(counters, before, strict=True):
                counter.clear()
                counter.update(known)

    def _refuse(self) -> None:
        """Raise `CaptureError` for what is known to change at each step on the host."""
        t = self.trainer
        for name, writer in getattr(t.system, "writers", {}).items():
            if not isinstance(writer, writers.CAPTURED):
                raise CaptureError(f"{name} is written by {type(writer).__name__}, which counts on the host")
        if not hasattr(t.optimizer, "now"):
            raise CaptureError(f"{type(t.optimizer).__name__} does not take the learning rate from the GPU's memory (attribute now)")
        if t.communicator.size > 1:
            raise CaptureError(f"{t.communicator.size} ranks add their shares by way of the host")


__all__ = ["DeviceSteps"]
