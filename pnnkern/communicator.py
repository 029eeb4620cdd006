"""The one door through which sums over samples, members and directions go: shares are added in the order of their numbers.

A batch is cut into fixed shards. Each rank works on some of them, all ranks get all shares, and each adds them in the order of the shards, so
that 1, 2 or more ranks come to the same bits. Here there is one rank, and threads to try it with.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from ._updates import Factors, Gradient, Move, Set, added


class Communicator(Protocol):
    """rank : which of the `size` that take part this is."""

    rank: int
    size: int

    def gather(self, own: Mapping[int, Any]) -> Mapping[int, Any]:
        """The shares of all ranks by their numbers, for the own ones."""


class Serial:
    """One rank, which has all shares."""

    rank, size = 0, 1

    def gather(self, own: Mapping[int, Any]) -> Mapping[int, Any]:
        return own


SERIAL = Serial()


class _Thread:
    """One of the ranks of `threads`."""

    def __init__(self, rank: int, size: int, board: list[Mapping[int, Any]], barrier: threading.Barrier) -> None:
        self.rank, self.size, self._board, self._barrier = rank, size, board, barrier

    def gather(self, own: Mapping[int, Any]) -> Mapping[int, Any]:
        self._board[self.rank] = own
        self._barrier.wait()
        every = {number: share for part in self._board for number, share in part.items()}
        self._barrier.wait()  # before anybody writes the next
        return every


@contextmanager
def threads(size: int) -> Iterator[list[Communicator]]:
    """Communicators of ranks that are threads of this process, each to be used by one of them."""
    board: list[Mapping[int, Any]] = [{}] * size
    barrier = threading.Barrier(size)
    yield [_Thread(rank, size, board, barrier) for rank in range(size)]
    barrier.abort()


def total(communicator: Communicator, own: Mapping[int, Any]) -> Any:
    """The sum of the shares of all ranks, added in the order of their numbers: arrays, numbers and updates, in dictionaries and tuples."""
    shares = communicator.gather(own)
    numbers = sorted(shares)
    out = shares[numbers[0]]
    for number in numbers[1:]:
        out = _plus(out, shares[number])
    return out


def _plus(one: Any, two: Any) -> Any:
    if isinstance(one, dict):
        return {name: _plus(value, two[name]) for name, value in one.items()}
    if isinstance(one, tuple | list):
        return type(one)(_plus(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, Gradient | Factors | Move | Set):
        return added(one, two)
    return one + two


__all__ = ["SERIAL", "Communicator", "Serial", "threads", "total"]
