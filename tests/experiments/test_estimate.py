"""What a run will take, told before it begins."""

from typing import Any

import pytest
from sweeps import IRIS

from pnnkern.experiments import advance, estimate, run, sweep

FORTY = IRIS.replace('"training.epochs" = 2', '"training.epochs" = 40\n"control.linear" = false\n"control.exact" = false')


def test_an_estimate_is_what_its_steps_and_tests_take(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that each step and each try-out moves on: the first of each, which compiles, is told apart from the rest."""
    (point,) = sweep.points(written(FORTY))
    now, taken = [0.0], iter([100.0, 2.0, 9.0, 2.0, 1.0, 2.0])
    assemble = run.assemble

    def timed(*args: Any, **kwargs: Any) -> Any:
        made = assemble(*args, **kwargs)
        step, try_out = made.trainer.advance, made.trainer.try_out
        now[0] += 30.0

        def advance_() -> None:
            step()
            now[0] += next(taken)

        def try_out_() -> Any:
            now[0] += 5.0
            return try_out()

        made.trainer.advance, made.trainer.try_out = advance_, try_out_
        trainers.append(made.trainer)
        return made

    trainers: list[Any] = []
    monkeypatch.setattr(run, "assemble", timed)
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: now[0])
    found = estimate.of_run(point.folder)
    (trainer,) = trainers
    tests = -(-len(trainer.dataset.test_labels) // trainer.training.batch)
    assert found["step"] == 2.0
    assert found["start"] == 135.0
    assert found["seconds"] == 135.0 + trainer.steps * 2.0 + 40 * tests * 5.0


def test_an_estimate_is_of_the_right_size(written: Any) -> None:
    """In a process of its own: what it takes of memory is that of a Python with our packages."""
    folder = written(FORTY)
    (point,) = sweep.points(folder)
    found = estimate.of_sweep(folder, point)
    assert 0 < found["step"] < found["seconds"]
    assert 0 < found["start"] < found["seconds"]
    assert 2**26 < found["bytes"] < 2**32
    assert advance.advance(point.folder, quiet=True).code == 0  # nothing of it is in the way
