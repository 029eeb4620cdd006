"""Ranks that are processes of MPI, through mpi4py. Importing this starts MPI.

An exchange is one collective of small blocks, with whatever fits into them, and a second one for what does not. They are begun without waiting
and then asked for, at first at once and then now and then, so that signals are heard and a rank that does not come is noticed.
"""

import socket
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from . import _array
from ._packing import Packed, laid_out, pack, places, unpack

BLOCK = 1024  # bytes that each rank gives each other at once
_WORDS = 4  # at the head of a block: bytes of the description, of arrays, of arrays on GPUs, and whether anything did not fit
SPIN = 2e-4  # [s] for which others are waited for awake


class WaitError(Exception):
    """Other ranks did not come: no `PnnError`, which the ranks would tell each other of."""


class Processes:
    """The processes of MPI that were started together.

    patience : [s] for which another one is waited for. exact : whether sums are the same on any number of ranks. gpu : what moves arrays from
    GPU to GPU: `exchange(ranks, outgoing, sizes)`, `allreduce(ranks, array)`; None: they go by way of the host.
    """

    def __init__(self, patience: float, exact: bool = True, gpu: Any = None) -> None:
        self.world = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self.world.Get_rank(), self.world.Get_size()
        self.patience, self.exact, self.gpu = patience, exact, gpu
        self.doing, self.agreed = "the beginning", None

    def exchange(self, parts: Sequence[Any]) -> Sequence[Any]:
        packed: dict[int, Packed] = {}  # what all get once
        for rank, part in enumerate(parts):
            if rank != self.rank and id(part) not in packed:
                packed[id(part)] = pack(part, self.gpu is not None)
        mine = [Packed() if rank == self.rank else packed[id(part)] for rank, part in enumerate(parts)]
        sizes = [places(one.arrays)[1] for one in mine]
        on_gpu = [places(one.on_gpu)[1] for one in mine]
        room = BLOCK - 8 * _WORDS
        fits = [_aligned(len(one.description)) + size <= room for one, size in zip(mine, sizes, strict=True)]
        more = not all(fits) or any(on_gpu)
        blocks = np.zeros((self.size, BLOCK), np.uint8)
        for block, one, size, gpu, small in zip(blocks, mine, sizes, on_gpu, fits, strict=True):
            block[: 8 * _WORDS].view(np.int64)[:] = len(one.description), size, gpu, more
            if small:
                _write(one, block[8 * _WORDS :])
        got = np.empty_like(blocks)
        self.wait(self.world.Ialltoall(blocks, got))
        heads = [block[: 8 * _WORDS].view(np.int64).tolist() for block in got]
        bodies = [block[8 * _WORDS :] for block in got]
        gpus: Sequence[Any] = [None] * self.size
        if any(head[3] for head in heads):
            own = [0 if small else _aligned(len(one.description)) + size for one, size, small in zip(mine, sizes, fits, strict=True)]
            whole = [_aligned(head[0]) + head[1] for head in heads]
            bodies = self._large(mine, own, bodies, [0 if size <= room else size for size in whole])
            if self.gpu is not None:
                gpus = self.gpu.exchange(self, [one.on_gpu for one in mine], [head[2] for head in heads])
        found = []
        for rank, (head, body, gpu) in enumerate(zip(heads, bodies, gpus, strict=True)):
            at = _aligned(head[0])
            found.append(parts[rank] if rank == self.rank else unpack(body[: head[0]].tobytes(), body[at : at + head[1]], gpu))
        return found

    def _large(self, mine: list[Any], own: list[int], bodies: list[np.ndarray], sizes: list[int]) -> list[np.ndarray]:
        """What did not fit into blocks, in the place of what was in them; own, sizes : bytes to and from each rank, 0: it did fit."""
        begins: dict[int, int] = {}
        length = 0
        for one, size in zip(mine, own, strict=True):
            if size and id(one) not in begins:
                begins[id(one)] = length
                length += size
        outgoing = np.zeros(length, np.uint8)
        for one, size in zip(mine, own, strict=True):
            if size:
                _write(one, outgoing[begins[id(one)] : begins[id(one)] + size])
        ends = np.cumsum(sizes).tolist()
        incoming = np.empty(ends[-1], np.uint8)
        firsts = [end - size for end, size in zip(ends, sizes, strict=True)]
        send = [outgoing, own, [begins.get(id(one), 0) for one in mine], "B"]
        self.wait(self.world.Ialltoallv(send, [incoming, sizes, firsts, "B"]))
        return [incoming[a : a + size] if size else body for a, size, body in zip(firsts, sizes, bodies, strict=True)]

    def allreduce(self, arrays: Sequence[Any]) -> Sequence[Any]:
        return [self._sum(array) for array in arrays]

    def _sum(self, array: Any) -> Any:
        """Of all ranks, in the order that MPI, or NCCL, adds in: the same on all of them."""
        on_gpu = _array.is_on_gpu(array)
        if on_gpu and self.gpu is not None:
            return self.gpu.allreduce(self, array)
        own = np.ascontiguousarray(_array.to_numpy(array))
        out = np.empty_like(own)
        self.wait(self.world.Iallreduce(own, out))
        return _array.cupy().asarray(out) if on_gpu else out

    def wait(self, request: Any) -> None:
        """Until a collective is through. Raises `WaitError` after `patience` seconds."""
        began = time.monotonic()
        while not request.Test():
            waited = time.monotonic() - began
            if waited > self.patience:
                raise WaitError(
                    f"waited {waited:.4g} s for another rank, on {socket.gethostname()}, at {self.doing}: it hangs, or its node does "
                    f"(compute.patience is the limit)"
                )
            if waited > SPIN:
                time.sleep(min(1e-3, waited / 10))

    def end(self, code: int) -> None:
        """End all processes, whatever they are at."""
        self.world.Abort(code)


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


def _write(one: Any, into: np.ndarray) -> None:
    """A description and the arrays behind it."""
    into[: len(one.description)] = np.frombuffer(one.description, np.uint8)
    laid_out(one.arrays, into[_aligned(len(one.description)) :])
