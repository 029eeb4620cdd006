"""The model of many GPUs: its bytes are those that ranks exchange, its sums are worked out by hand, and it says what it assumes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import rank_cells

from pnnkern import communicator
from pnnkern.cli import main
from pnnkern.experiments import scaling
from pnnkern.experiments.recipe import RecipeError
from pnnkern.experiments.scaling import Step, Traffic

LARGE = Traffic(parts=((np.zeros(100_000, np.float32), np.zeros((), np.float64)),), rows=0.0)  # 400 kB in pieces, 8 bytes whole


def test_the_bytes_and_seconds_of_an_exchange() -> None:
    """Eight GPUs: 7/8 of the array to others twice, the number to seven; 5 collectives of three doublings and seven others."""
    sent, seconds = scaling.exchange(LARGE, 8, 10, "nccl")
    assert sent == 2 * 400_000 * 7 / 8 + 8 * 7
    assert seconds == pytest.approx(5 * (3 * 5e-6 + 7 * 0.5e-6) + sent / 300e9)
    assert scaling.exchange(LARGE, 8, 10, "mpi")[1] == pytest.approx(seconds + 2 * sent / 25e9 + 3 * sent / 5e9)


def test_what_leaves_a_node_is_slower() -> None:
    sent, seconds = scaling.exchange(LARGE, 16, 10, "nccl")
    assert seconds == pytest.approx(5 * (4 * 5e-6 + 15 * 0.5e-6) + sent * (7 / 15 / 300e9 + 8 / 15 / 40e9))


def test_factors_grow_with_the_samples() -> None:
    rows = Traffic(parts=((np.zeros(()),),), rows=100.0)
    assert scaling.exchange(rows, 8, 20, "nccl")[0] == (8 + 100 * 20) * 7


def test_the_least_batch_is_the_least() -> None:
    step = Step(1e-3, 50, 0, "")
    for ranks in scaling.GPUS:
        found = scaling.least_batch(LARGE, step, ranks, "nccl")
        assert found is not None
        least = math.ceil(4 * scaling.exchange(LARGE, ranks, 1, "nccl")[1] / (1e-3 / 50))  # 80 %: four times as long at work as in exchange
        assert found == least
    hopeless = Traffic(parts=((np.zeros(()),),), rows=1e9)
    assert scaling.least_batch(hopeless, step, 8, "nccl") is None
    assert scaling.least_batch(LARGE, Step(1e-3, 50, 10**6, ""), 8, "nccl") == 1, "the host needs longer to launch than the GPU to work"


@pytest.mark.parametrize(("cell", "pieces"), [("d2nn", True), ("in-silico", False), ("pulsed", False), ("pepg", False), ("spsa", False)])
def test_what_is_counted_is_what_ranks_send(cell: str, pieces: bool) -> None:
    """By the step of two ranks, of which the second has no samples: what it is sent, but for words on the arrays."""
    chosen = rank_cells.cells()[cell]
    moved = scaling.traffic(chosen)
    assert bool(moved.split(2)[0]) == pieces
    sizes: list[int] = []

    class First:
        rank, size, exact, doing, agreed = 0, 2, True, "", None

        def exchange(self, parts: list[object]) -> list[object]:
            sizes.append(_bytes(parts[1]))
            return [parts[0], {"shares": {}, "layouts": []} if isinstance(parts[0], dict) else parts[0]]

    made = rank_cells.trainer(chosen)
    batch = made.batch_of(*made.training_feed.take(made.batch(0)[: scaling.SAMPLES]))
    made.rule.step(made.system, made.state, type(batch)(batch.samples, batch.labels, batch.index, batch.encode, 4, First()), made.key_of(0))
    shards = 1  # of two, the first rank's own
    large, whole, _ = moved.split(2)
    assert sum(sizes) == shards * (large / 2 + whole) + large / 2 + moved.rows * scaling.SAMPLES / 2


def _bytes(part: object) -> int:
    if isinstance(part, dict):
        return sum(_bytes(value) for key, value in part.items() if key != "layouts")
    if isinstance(part, list | tuple):
        return sum(map(_bytes, part))
    if isinstance(part, communicator.Factors):
        return int(part.first.nbytes + part.second.nbytes)
    return int(np.asarray(getattr(part, "value", part)).nbytes)


def test_populations_send_numbers_only() -> None:
    """Every rank draws the signs itself: a loss and a rating for each member."""
    for rule, members in (("spsa", 2), ("pepg", 16)):
        moved = scaling.traffic(rank_cells.of_rule(rule))
        assert [part.shape for parts in moved.parts for part in parts] == [(members,)] * 2
        assert moved.rows == 0


def test_a_rule_that_ranks_do_not_share_does_not_scale() -> None:
    with pytest.raises(RecipeError, match=r"rule\.kind='continual-ep' .* more ranks do not make a step faster"):
        scaling.traffic(rank_cells.of_rule("continual-ep"))


def test_the_command_says_what_it_assumes(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["info", "--scaling", "coupled-iris"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out.startswith("A model, nothing measured: coupled-iris")
    assert "?" in out, "how long a step takes is not known"
    assert "give it by --step-time" in out
    assert main([*command, "--step-time", "1e-3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["gpus"] for row in found["rows"]] == [8, 16, 32, 64, 128, 256, 512, 1024]
    assert any("InfiniBand" in line or "other nodes" in line for line in found["assumptions"])
    assert all(row["nccl batch"] >= 1 for row in found["rows"])
    for wrong in ("nan", "0", "-1"):
        assert main([*command, "--step-time", wrong]) == 2
        assert "step-time" in capsys.readouterr().err


def test_a_prediction_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a checkout, of the batch that it was made for; an installed package has no records."""
    from pnnkern.experiments import recipe

    files = scaling.importlib.resources.files
    checkout = Path(__file__).resolve().parents[2] / "data"
    monkeypatch.setattr(scaling.importlib.resources, "files", lambda name: checkout if name == "pnnkern.data" else files(name))
    step = scaling.step_of(recipe.find("crossbar-digits"), None)
    assert step is not None
    assert "predicted" in step.source
    assert step.of(64) == pytest.approx(2 * step.seconds)
    assert scaling.step_of(recipe.find("crossbar-digits", ["training.batch=7"]), None) is None
    assert scaling.step_of(recipe.find("coupled-iris"), None) is None
