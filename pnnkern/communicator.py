"""The one door through which sums over samples, members and directions go: shares are added in the order of their numbers.

A batch is cut into fixed shards. Each rank works on some of them, and the shares of all are added in the order of the shards, so that 1, 2 or
more ranks come to the same bits. Large arrays are added piece by piece: each rank adds one piece of all shares, and gives it to the others.

Here there is one rank, and threads to try it with; `_mpi` has the processes of MPI. A process takes part in one communicator at a time, `here`.
"""

import contextlib
import functools
import math
import operator
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np

from . import _array, _launch
from ._array import Array
from ._errors import PnnError
from ._layout import Layout
from ._updates import Factors, Gradient, Move, Set, added

T = TypeVar("T")
PIECES = 16384  # elements that all ranks together are sent of an array, from which on it is added in pieces, one by each rank
_FAILED = "failed"  # the one word of a rank that cannot go on


class Communicator(Protocol):
    """What ranks exchange by.

    Parameters
    ----------
    rank : int
        Which of the `size` that take part this is.
    exact : bool
        Whether sums are the same on any number of ranks.
    doing : str
        What the rank is at, for messages.
    agreed : BaseException | None
        The error that all ranks have, once they have told each other of it.
    """

    rank: int
    size: int
    exact: bool
    doing: str
    agreed: BaseException | None

    def exchange(self, parts: Sequence[Any]) -> Sequence[Any]:
        """What each rank has for this one, by rank;

        Parameters
        ----------
        parts : Sequence[Any]
            What this one has for each. To be called by all ranks.

        Notes
        -----
        Arrays, numbers, words, updates and None, in dictionaries, tuples and lists.
        """

    def allreduce(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The sum over the ranks of each array, new ones, the same on all ranks; in the order that a library chooses.

        Parameters
        ----------
        arrays : Sequence[Any]
            Contiguous, of floating-point or complex numbers or integers; as many, as large and of the same types on all ranks.
        """


class Serial:
    """One rank, which has all shares."""

    rank, size, exact = 0, 1, True
    doing = ""
    agreed: BaseException | None = None

    def exchange(self, parts: Sequence[Any]) -> Sequence[Any]:
        return parts

    def allreduce(self, arrays: Sequence[Any]) -> Sequence[Any]:
        return arrays


SERIAL: Communicator = Serial()
_here: ContextVar[Communicator] = ContextVar("communicator", default=SERIAL)


def here() -> Communicator:
    """What this process takes part in; `SERIAL` where it is alone."""
    return _here.get()


@contextlib.contextmanager
def entered(communicator: Communicator) -> Iterator[Communicator]:
    """Inside, this is the communicator `here`."""
    token = _here.set(communicator)
    try:
        yield communicator
    finally:
        _here.reset(token)


class _Thread:
    """One of the ranks of `threads`."""

    doing = ""

    def __init__(self, rank: int, size: int, board: list[Sequence[Any]], barrier: threading.Barrier, exact: bool) -> None:
        self.rank, self.size, self._board, self._barrier, self.exact = rank, size, board, barrier, exact
        self.agreed: BaseException | None = None

    def exchange(self, parts: Sequence[Any]) -> Sequence[Any]:
        self._board[self.rank] = parts
        self._barrier.wait()
        found = [board[self.rank] for board in self._board]
        self._barrier.wait()  # before anybody writes the next
        return found

    def allreduce(self, arrays: Sequence[Any]) -> Sequence[Any]:
        return [sum(theirs[1:], theirs[0]) for theirs in zip(*self.exchange([arrays] * self.size), strict=True)]


@contextlib.contextmanager
def threads(size: int, exact: bool = True) -> Iterator[list[Communicator]]:
    """Communicators of ranks that are threads of this process, each to be used by one of them."""
    board: list[Sequence[Any]] = [()] * size
    barrier = threading.Barrier(size)
    yield [_Thread(rank, size, board, barrier, exact) for rank in range(size)]
    barrier.abort()


# ------------------------------------------------------------------------------------------------------------------------ sums
def shared_out(communicator: Communicator, count: int) -> range:
    """The numbers of the shards, of `count`, that this rank works on: neighbours, so that ranks come in the order of the shards."""
    return range(count * communicator.rank // communicator.size, count * (communicator.rank + 1) // communicator.size)


def gather(communicator: Communicator, own: Mapping[int, Any]) -> dict[int, Any]:
    """The shares of all ranks by their numbers, for the own ones."""
    return {number: share for part in _exchanged(communicator, [own] * communicator.size) for number, share in part.items()}


def total(communicator: Communicator, own: Mapping[int, Any]) -> Any:
    """The sum of the shares of all ranks, added in the order of their numbers: arrays, numbers and updates, in dictionaries and tuples.

    Where sums need not be exact a rank adds its own shares first, and large arrays of these sums are added as the library of the ranks does.
    """
    if communicator.size == 1:
        return _in_order(own)
    if not communicator.exact:
        return _reduced(communicator, {min(own): _in_order(own)} if own else {})
    ranks = range(communicator.size)
    layouts = [_layouts(own[min(own)], communicator.size)] if own else []
    parts = [{"shares": {n: _cut(share, r, communicator.size) for n, share in own.items()}, "layouts": layouts} for r in ranks]
    found = sorted((part for part in _exchanged(communicator, parts) if part["shares"]), key=lambda part: min(part["shares"]))
    summed = _in_order({number: share for part in found for number, share in part["shares"].items()})
    whole: list[Layout | None] = found[0]["layouts"][0]
    if not any(whole):
        return summed
    pieces = [piece for piece, layout in zip(_leaves(summed), whole, strict=True) if layout]
    joined = zip(*_exchanged(communicator, [pieces] * communicator.size), strict=True)
    return _restored(summed, whole, (_array.namespace(some[0]).concatenate(some) for some in joined))


def _reduced(communicator: Communicator, own: Mapping[int, Any]) -> Any:
    """The sum of one share, or none, of each rank: of its large arrays by an allreduce, of the rest in the order of the ranks."""
    size = communicator.size
    small = {n: _mapped(lambda array: array.reshape(-1)[:0] if in_pieces(array, size) else array, share) for n, share in own.items()}
    layouts = [_layouts(share, size) for share in own.values()]
    found = [part for part in _exchanged(communicator, [{"shares": small, "layouts": layouts}] * size) if part["shares"]]
    summed = _in_order({number: share for part in found for number, share in part["shares"].items()})
    whole: list[Layout | None] = found[0]["layouts"][0]
    if not any(whole):
        return summed
    if own:
        mine = [array.reshape(-1) for share in own.values() for array in _leaves(share) if in_pieces(array, size)]
    else:  # more ranks than shards
        empty = ((array, layout) for array, layout in zip(_leaves(summed), whole, strict=True) if layout)
        mine = [_array.namespace(array).zeros(math.prod(layout.shape), array.dtype) for array, layout in empty]
    return _restored(summed, whole, iter(communicator.allreduce(mine)))


def _in_order(shares: Mapping[int, Any]) -> Any:
    return added_up(*(shares[number] for number in sorted(shares)))


def added_up(one: Any, *others: Any) -> Any:
    """The sum of these shares, one after another."""
    if isinstance(one, dict):
        return {name: added_up(value, *(other[name] for other in others)) for name, value in one.items()}
    if isinstance(one, tuple | list):
        return type(one)(added_up(*parts) for parts in zip(one, *others, strict=True))
    if isinstance(one, Gradient | Factors | Move | Set):
        return functools.reduce(added, others, one)
    if len(others) > 1 and all(_array.is_on_gpu(a) and (a.shape, a.dtype) == (one.shape, one.dtype) for a in (one, *others)):
        return _on_gpu(list(map(_array.contiguous, (one, *others))))
    return functools.reduce(operator.add, others, one)


def _on_gpu(shares: list[Array]) -> Array:
    """The same of arrays on a GPU, eight in a launch."""
    if shares[0].dtype not in (np.float32, np.float64):
        return functools.reduce(operator.add, shares)
    while len(shares) > 1:
        some, out = shares[:8], _array.namespace(shares[0]).empty(shares[0].shape, shares[0].dtype)
        _launch.launch("learning/shares", "add", out.dtype, out.size, *some, *[None] * (8 - len(some)), out, threads=out.size)
        shares = [out, *shares[8:]]
    return shares[0]


def _layouts(share: Any, size: int) -> list[Layout | None]:
    """How each array of a share lies in memory, None for one that is added whole."""
    return [Layout.of(array) if in_pieces(array, size) else None for array in _leaves(share)]


def _cut(share: Any, rank: int, size: int) -> Any:
    """A share with the piece of a rank in the place of each large array."""

    def piece(array: Any) -> Any:
        if not in_pieces(array, size):
            return array
        flat = array.reshape(-1)
        return flat[flat.size * rank // size : flat.size * (rank + 1) // size]

    return _mapped(piece, share)


def _leaves(share: Any) -> list[Any]:
    """The arrays and numbers of a share in the order in which they are met, without those of factors."""
    found: list[Any] = []
    _mapped(found.append, share)
    return found


def _restored(share: Any, layouts: Sequence[Layout | None], flat: Iterator[Any]) -> Any:
    """A share with each large array, of its elements in C order, in the place of its piece."""
    layout_of = iter(layouts)

    def put(array: Any) -> Any:
        layout = next(layout_of)
        return array if layout is None else layout.restored(next(flat))

    return _mapped(put, share)


def in_pieces(array: Any, size: int) -> bool:
    """Whether so many ranks add this part of their shares piece by piece."""
    return _array.is_array(array) and array.size * size >= PIECES


def _mapped(function: Callable[[Any], Any], share: Any) -> Any:
    """A share with what a function makes of each of its arrays and numbers. Factors stay: their rows are samples, which are not added."""
    if isinstance(share, dict):
        return {name: _mapped(function, value) for name, value in share.items()}
    if isinstance(share, tuple | list):
        return type(share)(_mapped(function, value) for value in share)
    if isinstance(share, Gradient):
        return Gradient(function(share.value), share.scale)
    if isinstance(share, Move | Set):
        return type(share)(function(share.value))
    return share if isinstance(share, Factors) else function(share)


# ------------------------------------------------------------------------------------------------------------------- agreement
class RankError(PnnError, RuntimeError):
    """What went wrong on another rank."""


def any_of(communicator: Communicator, flags: Sequence[bool]) -> list[bool]:
    """Each flag: whether any rank has raised it."""
    if communicator.size == 1:
        return list(flags)
    every = _exchanged(communicator, [list(map(bool, flags))] * communicator.size)
    return [any(flag) for flag in zip(*every, strict=True)]


@contextlib.contextmanager
def together(communicator: Communicator) -> Iterator[None]:
    """What goes wrong in here on one rank, by a `PnnError`, is an error on all of them, which rank 0 says; where they next exchange anything,
    or at the end of this. Anything else that goes wrong is for whoever ends the job."""
    own: PnnError | None = None
    try:
        yield
    except PnnError as error:
        if communicator.size == 1 or error is communicator.agreed:
            raise
        own = error
    if communicator.size > 1:
        every = communicator.exchange([None if own is None else {_FAILED: str(own)}] * communicator.size)
        _refuse_failed(communicator, every, own)


def alone(communicator: Communicator, function: Callable[[], T]) -> T:
    """What a function gives that rank 0 alone calls, on all ranks. Its `PnnError` is an error on all."""
    if communicator.size == 1:
        return function()
    with together(communicator):
        made = function() if communicator.rank == 0 else None
    found: T = _exchanged(communicator, [made] * communicator.size)[0]
    return found


def same(communicator: Communicator, what: str, value: Any) -> None:
    """Raise `RankError`, on all ranks, where one has another value than rank 0; what : the value is, and what to do, for the message."""
    every = _exchanged(communicator, [value] * communicator.size)
    others = [rank for rank, theirs in enumerate(every) if theirs != every[0]]
    if others:
        raise _agreed(communicator, RankError(f"rank {others[0]} has {what}"))


def _exchanged(communicator: Communicator, parts: Sequence[Any]) -> Sequence[Any]:
    """What each rank has for this one, unless one says that it failed. Raises `RankError` then."""
    every = communicator.exchange(parts)
    _refuse_failed(communicator, every)
    return every


def _refuse_failed(communicator: Communicator, every: Sequence[Any], own: PnnError | None = None) -> None:
    failed = {rank: part[_FAILED] for rank, part in enumerate(every) if isinstance(part, dict) and _FAILED in part}
    if not failed:
        return
    rank = min(failed)
    if own is not None and rank == 0 and str(own) == failed[0]:  # that of all, or of this one
        raise _agreed(communicator, own)
    where = "" if rank == 0 else f"rank {rank} of {communicator.size}: "
    raise _agreed(communicator, RankError(f"{where}{failed[rank]}")) from own


def _agreed(communicator: Communicator, error: PnnError) -> PnnError:
    """An error that all ranks know of, and rank 0 says."""
    error.said = communicator.rank > 0
    communicator.agreed = error
    return error


__all__ = [
    "SERIAL", "Communicator", "RankError", "Serial", "alone", "any_of", "entered", "gather", "here", "same", "shared_out", "threads",
    "together", "total",
]  # fmt: skip
