"""Sums over fixed shards in the order of the samples: one rank, two and three threads come to the same bits, with every rule."""

import threading
from typing import Any

import numpy as np
import public_calls
import pytest
import rank_cells
from toy_system import TwoLayers, clouds

from pnnkern import communicator, random
from pnnkern._updates import Factors, Gradient
from pnnkern.learning import (
    PEPG,
    SPSA,
    Adam,
    AgnosticEP,
    Batch,
    CoupledLearning,
    DirectFeedback,
    EquilibriumPropagation,
    FittedReadout,
    ForwardForward,
    HardwareAware,
    InSilico,
    PhysicsAware,
)
from pnnkern.systems import ResistorCircuit, writers

KEY = random.key(4)
RULES = [
    InSilico(), PhysicsAware(), HardwareAware(), SPSA(c=0.01, directions=3), PEPG(pairs=3), FittedReadout(), ForwardForward(),
    EquilibriumPropagation(beta=1e-5), CoupledLearning(), AgnosticEP(beta=1e-5, rate=1e-9), DirectFeedback(),
]  # fmt: skip


def system(rule: Any) -> Any:
    if type(rule) in (EquilibriumPropagation, CoupledLearning, AgnosticEP):
        return ResistorCircuit(nodes=30, degree=6.0, features=6, outputs=3, key=KEY, dtype="float64")
    return Layers(noise=0.05)


class Layers(TwoLayers):
    """Layered too."""

    def measure(self, inputs: Any, key: Any = None, sample: Any = 0) -> tuple[Any, Any]:
        return self.forward(inputs, key, sample), self.forward_saving(inputs)[1]

    def hidden_outputs(self, record: Any) -> list[Any]:
        return [record[1]]

    def layer_vjp(self, layer: int, cotangent: Any, record: Any) -> dict[str, Any]:
        x, h = record
        return {"W2": h.T @ cotangent} if layer else {"W1": x.T @ (cotangent * (1 - h**2))}


def trained(rule: Any, comm: Any, chunk: int) -> dict[str, np.ndarray]:
    """Three steps on batches of 29 samples, of which the ranks share the shards."""
    x, y = clouds(29)
    made, optimizer = system(rule), Adam()
    state = rule.init(made, KEY)
    for step in range(3):
        batch = Batch(x, y, np.arange(29), made.encode, chunk, comm)
        updates, state, metrics = rule.step(made, state, batch, random.fold_in(KEY, step))
        writers.apply(made, updates, optimizer, 1e-3, len(y))
    return made.parameters | state | metrics


def of_ranks(size: int, work: Any) -> list[Any]:
    """What `work(rank, communicator)` gives for each of so many ranks, which are threads."""
    found: list[Any] = [None] * size
    with communicator.threads(size) as ranks:

        def carry_out(rank: int) -> None:
            found[rank] = work(rank, ranks[rank])

        workers = [threading.Thread(target=carry_out, args=(rank,)) for rank in range(size)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
    return found


def assert_all_are(alone: dict[str, Any], found: list[Any]) -> None:
    """To the bit."""
    for one in found:
        assert one is not None
        assert one.keys() == alone.keys()
        for name in alone:
            np.testing.assert_array_equal(one[name], alone[name], err_msg=name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_ranks_come_to_the_same_bits(rule: Any) -> None:
    alone = trained(rule, communicator.SERIAL, 8)
    for size in (2, 3):
        assert_all_are(alone, of_ranks(size, lambda rank, comm: trained(rule, comm, 8)))
    whole = trained(rule, communicator.SERIAL, 0)
    for name, value in whole.items():
        np.testing.assert_allclose(alone[name], value, rtol=1e-6, atol=1e-9)


# ------------------------------------------------------------------------------------------------- every rule, as recipes name them
WHOLE = ("continual-ep", "coupled-dynamics")  # where parts move after each nudged step, by all samples: each rank does all of it


def registered(rule: str, size: int) -> list[Any]:
    """Trainers of the rule on a small system, one for each rank, in shards of 8 samples."""
    return [rank_cells.trainer(rank_cells.of_rule(rule)) for _ in range(size)]


def test_there_is_a_small_system_for_every_rule() -> None:
    assert all(rank_cells.SYSTEM.values()), rank_cells.SYSTEM


@pytest.mark.parametrize("rule", rank_cells.SYSTEM)
def test_every_rule_comes_to_the_same_bits(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps by one rank, two and three, of shards of 8 samples; a shard is encoded by the rank whose it is, and by no other."""

    monkeypatch.setattr(public_calls, "paused", True)  # threads: which call comes first is chance

    def steps(trainer: Any, comm: Any, seen: list[int]) -> dict[str, Any]:
        encode = trainer.system.encode

        def noted(samples: Any) -> Any:
            seen.append(len(samples))
            return encode(samples)

        trainer.system.encode = noted
        trainer.communicator = comm
        for _ in range(3):
            trainer.advance()
        return trainer.saved()

    all_seen: list[int] = []
    alone = steps(registered(rule, 1)[0], communicator.SERIAL, all_seen)
    for size in (2, 3):
        trainers, seen = registered(rule, size), [list[int]() for _ in range(size)]
        assert_all_are(alone, of_ranks(size, lambda rank, comm, t=trainers, s=seen: steps(t[rank], comm, s[rank])))
        assert sum(map(sum, seen)) == sum(all_seen) * (size if rule in WHOLE else 1)


def test_shards_are_pieces_of_the_batch() -> None:
    x, y = clouds(10)
    batch = Batch(x, y, 100, None, 4)
    assert [len(part) for part in batch.shards] == [4, 4, 2]
    assert np.concatenate([part.index for part in batch.shards]).tolist() == list(range(100, 110))
    assert Batch(x, y).shards[0].inputs is x


def test_what_is_summed() -> None:
    parts = {0: {"a": np.ones(2), "w": Factors(np.ones((1, 2)), np.ones((1, 3))), "g": Gradient(np.ones(2))}, 1: None}
    parts[1] = {"a": np.full(2, 2.0), "w": Factors(np.full((2, 2), 2.0), np.ones((2, 3)), 0.5), "g": Gradient(np.ones(2))}
    found = communicator.total(communicator.SERIAL, parts)
    assert found["a"].tolist() == [3, 3]
    assert found["g"].value.tolist() == [2, 2]
    np.testing.assert_allclose(found["w"].dense(), np.full((2, 3), 3.0))


def test_the_order_is_that_of_the_shards() -> None:
    """1e16 + 1 + 1 is not 1e16 + (1 + 1) in float64: shares that come in another order are still added in theirs."""
    assert communicator.total(communicator.SERIAL, {2: 1.0, 0: 1e16, 1: 1.0}) == (1e16 + 1.0) + 1.0
