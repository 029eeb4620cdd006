"""What moves arrays from the GPU of one rank to that of another, without the host: beside `_mpi`, by explicit choice.

Neither has been measured on GPUs yet.
"""

from typing import Any

import numpy as np

from . import _array
from ._packing import laid_out, places


class CudaAware:
    """Arrays of GPUs given to an MPI that knows of them."""

    def exchange(self, ranks: Any, arrays: list[list[Any]], sizes: list[int]) -> list[Any]:
        from mpi4py import MPI

        outgoing, incoming, own, firsts = _staged(ranks.rank, arrays, sizes)
        _array.cupy().cuda.get_current_stream().synchronize()  # MPI knows nothing of streams
        out, into = (MPI.memory.fromaddress(array.data.ptr, array.nbytes) for array in (outgoing, incoming))
        ranks.wait(ranks.world.Ialltoallv([out, *own, MPI.BYTE], [into, sizes, firsts, MPI.BYTE]))
        return [incoming[a : a + size] for a, size in zip(firsts, sizes, strict=True)]

    def allreduce(self, ranks: Any, array: Any) -> Any:
        """The sum over the ranks of an array, contiguous."""
        from mpi4py import MPI

        own = _real(array)
        out = _array.cupy().empty_like(own)
        kind = MPI.FLOAT if own.dtype == np.float32 else MPI.DOUBLE
        _array.cupy().cuda.get_current_stream().synchronize()
        sent, into = (MPI.memory.fromaddress(each.data.ptr, each.nbytes) for each in (own, out))
        ranks.wait(ranks.world.Iallreduce([sent, own.size, kind], [into, own.size, kind]))
        return out.view(array.dtype)


class Nccl:
    """Arrays of GPUs by NCCL, from card to card; one GPU for each rank."""

    def __init__(self, world: Any) -> None:
        from cupy.cuda import nccl

        token = np.array(nccl.get_unique_id(), np.int8)
        world.Bcast(token)  # rank 0's
        self._nccl, self._ranks = nccl, nccl.NcclCommunicator(world.size, tuple(token.tolist()), world.rank)

    def exchange(self, ranks: Any, arrays: list[list[Any]], sizes: list[int]) -> list[Any]:
        outgoing, incoming, own, firsts = _staged(ranks.rank, arrays, sizes)
        stream = _array.cupy().cuda.get_current_stream()
        self._nccl.groupStart()
        for rank in range(ranks.size):
            if own[0][rank]:
                self._ranks.send(outgoing.data.ptr + own[1][rank], own[0][rank], self._nccl.NCCL_UINT8, rank, stream.ptr)
            if sizes[rank]:
                self._ranks.recv(incoming.data.ptr + firsts[rank], sizes[rank], self._nccl.NCCL_UINT8, rank, stream.ptr)
        self._nccl.groupEnd()
        return [incoming[a : a + size] for a, size in zip(firsts, sizes, strict=True)]

    def allreduce(self, ranks: Any, array: Any) -> Any:
        """The sum over the ranks of an array, contiguous; on the current stream."""
        own, nccl = _real(array), self._nccl
        out = _array.cupy().empty_like(own)
        kind = nccl.NCCL_FLOAT32 if own.dtype == np.float32 else nccl.NCCL_FLOAT64
        stream = _array.cupy().cuda.get_current_stream()
        self._ranks.allReduce(own.data.ptr, out.data.ptr, own.size, kind, nccl.NCCL_SUM, stream.ptr)
        return out.view(array.dtype)


def _real(array: Any) -> Any:
    """An array as its real numbers. Raises TypeError where these are neither in single nor in double precision."""
    if array.dtype.kind not in "fc" or array.real.dtype not in (np.float32, np.float64):
        raise TypeError(f"sums over ranks are of numbers in single or double precision, got {array.dtype}")
    return array.view(array.real.dtype)


def _staged(rank: int, arrays: list[list[Any]], sizes: list[int]) -> tuple[Any, Any, tuple[list[int], list[int]], list[int]]:
    """Bytes to send on the GPU, room for those to come, (bytes, begins) by rank of what is sent, and begins of what comes."""
    xp = _array.cupy()
    own = [0 if r == rank else places(some)[1] for r, some in enumerate(arrays)]
    sizes[rank] = 0
    begins, firsts = ([end - size for end, size in zip(np.cumsum(all_).tolist(), all_, strict=True)] for all_ in (own, sizes))
    outgoing, incoming = xp.zeros(sum(own), np.uint8), xp.empty(sum(sizes), np.uint8)
    for some, size, begin in zip(arrays, own, begins, strict=True):
        if size:
            laid_out(some, outgoing[begin : begin + size])
    return outgoing, incoming, (own, begins), firsts
