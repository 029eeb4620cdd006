"""Sums over fixed shards in the order of the samples: one rank, two and three threads come to the same bits, with every rule."""

import functools
import operator
import threading
from typing import Any

import numpy as np
import public_calls
import pytest
import rank_cells
import strict_cupy
from toy_system import TwoLayers, clouds

from pnnkern import _launch, _packing, communicator, random
from pnnkern._errors import DataError, PnnError
from pnnkern._updates import Factors, Gradient, Move
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


def of_ranks(size: int, work: Any, exact: bool = True) -> list[Any]:
    """What `work(rank, communicator)` gives for each of so many ranks, which are threads."""
    found: list[Any] = [None] * size
    with communicator.threads(size, exact) as ranks:

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


# ----------------------------------------------------------------------------------------------------- pieces, layouts and packages
def shares(count: int) -> dict[int, Any]:
    """Large and small, in the orders of C and of Fortran, and with axes in neither."""
    rng = np.random.default_rng(3)

    def share() -> dict[str, Any]:
        return {
            "c": rng.normal(size=(7, 5)), "f": np.asfortranarray(rng.normal(size=(5, 7))), "t": rng.normal(size=(3, 4, 5)).transpose(1, 2, 0),
            "g": Gradient(rng.normal(size=(8, 3)).T.astype(np.float32), 0.5), "few": rng.normal(size=3), "one": np.float32(rng.normal()),
            "plain": float(rng.normal()), "rows": (Factors(rng.normal(size=(2, 3)), rng.normal(size=(2, 4))), Move(rng.normal(size=40))),
        }  # fmt: skip

    return {number: share() for number in range(count)}


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in leaves(value)]
    if isinstance(tree, tuple | list):
        return [leaf for value in tree for leaf in leaves(value)]
    if isinstance(tree, Factors):
        return [tree.first, tree.second, tree.scale]
    return [tree.value] if isinstance(tree, Gradient | Move) else [tree]


def assert_alike(found: Any, wanted: Any) -> None:
    """To the bit, in type, and in the order of axes in memory, by which products round."""
    for one, two in zip(leaves(found), leaves(wanted), strict=True):
        assert type(one) is type(two)
        np.testing.assert_array_equal(one, two)
        if isinstance(two, np.ndarray):
            assert (one.dtype, one.strides if one.size else ()) == (two.dtype, two.strides if two.size else ())


@pytest.mark.parametrize("pieces", [1, 30, 4096])
@pytest.mark.parametrize("count", [2, 7])
def test_pieces_come_to_the_same_arrays(pieces: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three ranks, of which with two shares one has nothing."""
    monkeypatch.setattr(communicator, "PIECES", pieces)
    every = shares(count)
    wanted = communicator.total(communicator.SERIAL, every)
    for found in of_ranks(3, lambda rank, comm: communicator.total(comm, {n: every[n] for n in communicator.shared_out(comm, count)})):
        assert_alike(found, wanted)


def test_large_arrays_are_sent_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4 shares by 4 ranks each rank gets a quarter of each, and then the sums of the other quarters: twice an array, not four times."""
    monkeypatch.setattr(communicator, "PIECES", 100)
    got: list[int] = []

    def work(rank: int, comm: Any) -> Any:
        exchange = comm.exchange

        def counted(parts: Any) -> Any:
            found = exchange(parts)
            got.append(sum(leaf.size for part in found for leaf in leaves(part.get("shares", {}) if isinstance(part, dict) else part)))
            return found

        comm.exchange = counted
        return communicator.total(comm, {rank: np.full(1000, float(rank))})

    for found in of_ranks(4, work):
        np.testing.assert_array_equal(found, np.full(1000, 6.0))
    assert sorted(got) == [1000] * 8


@pytest.mark.parametrize("pieces", [1, 30, 4096])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_inexact_sums_are_those_of_an_allreduce(pieces: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of small integers, whose sums are exact in any order: large arrays go by it, once each, also of a rank that has no share."""
    monkeypatch.setattr(communicator, "PIECES", pieces)
    every = {n: rounded(share) for n, share in shares(count).items()}
    large = [leaf for leaf in communicator._leaves(every[0]) if communicator.in_pieces(leaf, 3)]
    given: list[list[int]] = []

    def work(rank: int, comm: Any) -> Any:
        allreduce = comm.allreduce

        def noted(arrays: Any) -> Any:
            given.append([array.size for array in arrays])
            return allreduce(arrays)

        comm.allreduce = noted
        return communicator.total(comm, {n: every[n] for n in communicator.shared_out(comm, count)})

    wanted = communicator.total(communicator.SERIAL, every)
    for found in of_ranks(3, work, exact=False):
        assert_alike(found, wanted)
    assert given == ([[leaf.size for leaf in large]] * 3 if large else [])


def rounded(share: Any) -> Any:
    """A share with all its numbers rounded to integers of at most some hundreds."""

    def of(part: Any) -> Any:
        near = np.rint(50 * part)
        return near.astype(part.dtype) if isinstance(part, np.ndarray) else type(part)(near)

    return communicator._mapped(of, share)


def test_what_is_packed_comes_out_as_it_was() -> None:
    value = {
        "tree": shares(2), "words": ["a", None, True, 3, -0.0, float("inf"), "ü"], "nothing": (), "empty": np.empty((0, 3), np.float32),
        "bits": np.array([True, False]), "complex": np.arange(6, dtype=np.complex64).reshape(2, 3).T, "zero": np.array(2.5),
        "set": communicator.Set(np.ones(2)),
    }  # fmt: skip
    package = _packing.pack(value)
    room = np.zeros(_packing.places(package.arrays)[1], np.uint8)
    _packing.laid_out(package.arrays, room)
    found = _packing.unpack(package.description, room)
    assert_alike({k: v for k, v in found.items() if k != "set"}, {k: v for k, v in value.items() if k != "set"})
    assert found["set"].value.tolist() == [1, 1]
    assert {1} == {leaf.base is not None for leaf in leaves(found["tree"]) if isinstance(leaf, np.ndarray)}, "views of the bytes, no copies"
    with pytest.raises(TypeError, match="a set cannot be sent to another rank"):
        _packing.pack({1})


def test_ranks_that_have_come_apart_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At an evaluation, which they share: each does some of the pieces, and all have the result of one."""
    monkeypatch.setattr(public_calls, "paused", True)
    alone, *trainers = registered("in-silico", 4)
    seen: list[int] = []

    def work(rank: int, comm: Any) -> Any:
        made = trainers[rank]
        made.communicator = comm
        predict = type(made.rule).predict
        object.__setattr__(made.rule, "predict", lambda *given: (seen.append(rank), predict(made.rule, *given))[1])
        result = made.evaluate()
        if rank == 1:
            made.system.parameters[min(made.system.parameters)][:1] += 1e-9
        return result, outcome(made.evaluate)

    found = of_ranks(3, work)
    assert [one for one, _ in found] == [alone.evaluate()] * 3
    assert len(seen) == 2 * alone._test_pieces
    for rank, (_, failed) in enumerate(found):
        assert failed[0] == "RankError"
        assert failed[1].startswith("rank 1 has other parameters than rank 0")
        assert failed[2] == (rank > 0)


# ------------------------------------------------------------------------------------------------------------------- agreement
def outcome(function: Any) -> Any:
    try:
        return function()
    except PnnError as error:
        return type(error).__name__, str(error), error.said


def test_an_error_of_one_is_an_error_of_all_and_said_once() -> None:
    """Where the others next exchange anything, a sum or a word; or at the end."""

    def work(rank: int, comm: Any, at: int, following: Any) -> Any:
        def task() -> None:
            with communicator.together(comm):
                if rank == at:
                    raise DataError("no such file")
                following(comm)

        return outcome(task)

    others = [lambda comm: None, lambda comm: communicator.total(comm, {comm.rank: 1.0}), lambda comm: communicator.any_of(comm, [True])]
    for following in others:
        found = of_ranks(3, lambda rank, comm, f=following: work(rank, comm, 1, f))
        assert found == [("RankError", "rank 1 of 3: no such file", rank > 0) for rank in range(3)]
        found = of_ranks(3, lambda rank, comm, f=following: work(rank, comm, 0, f))
        assert found == [("DataError" if rank == 0 else "RankError", "no such file", rank > 0) for rank in range(3)]


def test_an_error_of_all_keeps_its_kind_and_is_said_once() -> None:
    def work(rank: int, comm: Any) -> Any:
        def task() -> None:
            with communicator.together(comm):
                raise DataError("no such file")

        return outcome(task)

    assert of_ranks(3, work) == [("DataError", "no such file", rank > 0) for rank in range(3)]


def test_what_rank_0_does_alone_is_known_to_all() -> None:
    calls: list[int] = []

    def work(rank: int, comm: Any) -> Any:
        def function() -> dict[str, Any]:
            calls.append(rank)
            return {"state": np.arange(3), "warning": None}

        return communicator.alone(comm, function)

    assert [(found["state"].tolist(), found["warning"]) for found in of_ranks(3, work)] == [([0, 1, 2], None)] * 3
    assert calls == [0]


def test_all_have_the_same_or_it_is_said_who_has_not() -> None:
    def work(rank: int, comm: Any, values: list[Any]) -> Any:
        return outcome(lambda: communicator.same(comm, "another number than rank 0", values[rank]))

    assert of_ranks(3, lambda rank, comm: work(rank, comm, [1, 1, 1])) == [None] * 3
    found = of_ranks(3, lambda rank, comm: work(rank, comm, [1, 1, 2]))
    assert found == [("RankError", "rank 2 has another number than rank 0", rank > 0) for rank in range(3)]


def test_flags_are_raised_by_any() -> None:
    assert of_ranks(3, lambda rank, comm: communicator.any_of(comm, [rank == 2, False])) == [[True, False]] * 3
    assert communicator.any_of(communicator.SERIAL, [False, True]) == [False, True]


@pytest.mark.parametrize(("count", "size"), [(4, 2), (5, 3), (2, 4), (1, 3)])
def test_ranks_share_neighbours(count: int, size: int) -> None:
    with communicator.threads(size) as ranks:
        assert [n for comm in ranks for n in communicator.shared_out(comm, count)] == list(range(count))
        assert max(len(communicator.shared_out(comm, count)) for comm in ranks) == -(-count // size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 3, 8, 9, 20])
def test_shares_on_a_gpu_are_added_in_their_order(
    cupy: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, dtype: Any, count: int
) -> None:
    """With the bits of one addition after another; of arrays and of single values, and of zeros with a sign. One block goes on to all."""
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 1)
    shares = [(rng.normal(size=(7, 131)) * 10.0 ** rng.integers(-8, 8, (7, 131))).astype(dtype) for _ in range(count)]
    for share in shares:
        share[0] = -0.0
    wanted = functools.reduce(operator.add, shares)
    values = {n: {"sum": cupy.asarray(share), "one": (cupy.asarray(share)[3, 5],)} for n, share in enumerate(shares)}
    with strict_cupy.counted() as events:
        found = communicator.total(communicator.SERIAL, values)
    np.testing.assert_array_equal(found["sum"].get().view(np.uint8), wanted.view(np.uint8))
    assert found["one"][0].get() == wanted[3, 5]
    launches, operations = (0, 2) if count == 2 else (2 * -(-(count - 1) // 7), 0)
    assert strict_cupy.totals(events) == {"launches": launches, "operations": operations, "syncs": 0, "copies": 0}
