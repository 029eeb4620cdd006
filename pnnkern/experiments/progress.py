"""What a run shows while it works: a bar on a terminal, a plain line now and then in a log."""

import sys
import time
from types import TracebackType
from typing import Any, Protocol

from . import files, units
from .loop import Trainer

LOG_EVERY = 15.0  # seconds between lines in a log
BAR_EVERY = 0.25  # and between movements of a bar: what is shown has to be read, which a GPU must be waited for


class Watcher(Protocol):
    """Told of every step and evaluation."""

    def __enter__(self) -> "Watcher": ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    def __call__(self, trainer: Trainer) -> None: ...


def watcher(quiet: bool = False) -> Watcher:
    """The watcher for this process's standard error: a bar on a terminal, lines otherwise, nothing if `quiet`."""
    if quiet:
        return _Silent()
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Silent:
    def __enter__(self) -> "_Silent":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __call__(self, trainer: Trainer) -> None:
        pass


class _Pace:
    """Samples per second over the last half minute or so, and recent loss and accuracy, `every` so many seconds."""

    def __init__(self, every: float) -> None:
        self.every, self.next, self.evaluations = every, 0.0, 0
        self.marks: list[tuple[float, int]] = []  # (time, step)

    def due(self, trainer: Trainer) -> bool:
        """Whether to show something: at first, from time to time, and after an evaluation."""
        now, evaluations = time.monotonic(), len(trainer.evaluations)
        if now < self.next and evaluations == self.evaluations:
            return False
        self.next, self.evaluations = now + self.every, evaluations
        return True

    def read(self, trainer: Trainer) -> str:
        """A description of where training stands, with the speed and the time left as soon as they are known."""
        self.marks.append((time.monotonic(), trainer.step))
        while len(self.marks) > 2 and self.marks[-1][0] - self.marks[0][0] > 30:
            del self.marks[0]
        (t0, s0), (t1, s1) = self.marks[0], self.marks[-1]
        speed = (s1 - s0) / (t1 - t0) if s1 > s0 else 0.0
        last = min(len(trainer.losses), max(1, trainer.steps_per_epoch // 10), 100)
        loss, accuracy = (sum(x[-last:]) / last if last else 0.0 for x in (trainer.losses, trainer.accuracies))
        done = f"epoch {min(trainer.step // trainer.steps_per_epoch + 1, trainer.training.epochs)}/{trainer.training.epochs}"
        text = f"{done}  loss {loss:.4f}  accuracy {units.percent(accuracy, 1):>7}"
        if trainer.evaluations:
            text += f"  test {units.percent(trainer.evaluations[-1][1])}"
        if speed:
            text += f"  {speed * trainer.training.batch:.0f} samples/s  {units.duration((trainer.steps - trainer.step) / speed)} left"
        return text


class _Lines(_Silent):
    def __init__(self) -> None:
        self.pace = _Pace(LOG_EVERY)

    def __call__(self, trainer: Trainer) -> None:
        if self.pace.due(trainer):
            files.say(f"step {trainer.step}/{trainer.steps}  {self.pace.read(trainer)}")


class _Bar(_Silent):
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.pace = _Pace(BAR_EVERY)
        columns: tuple[Any, ...] = (
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.description}", markup=False),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
        self.task = self.bar.add_task("starting", total=None)

    def __enter__(self) -> "_Bar":
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.stop()

    def __call__(self, trainer: Trainer) -> None:
        if self.pace.due(trainer):
            self.bar.update(self.task, total=trainer.steps, completed=trainer.step, description=self.pace.read(trainer))
