"""Clocks on a GPU: whole calls undisturbed, kernels by events, and what the card itself can do."""

import contextlib
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from pnnkern import _array, _compile, _launch

Row = dict[str, Any]
Step = Callable[[], Any]
SMALL = False  # sizes that the stand-in for CuPy manages, to try the rows themselves
REPEATS = 1000  # of calls whose cost on the host is measured
EMPTY = 'extern "C" __global__ void pnn_nothing(int n) {}'


@functools.cache
def cupy() -> Any:
    return _array.cupy()


def wait() -> None:
    cupy().cuda.Device().synchronize()


# ------------------------------------------------------------------------------------------------------------- clocks and events
def on_gpu(step: Step, count: int) -> tuple[float, float]:
    """Milliseconds of each of `count` calls in a row: on the GPU by events, and of Python until the last call has returned."""
    xp = cupy()
    first, last = xp.cuda.Event(), xp.cuda.Event()
    wait()
    began = time.perf_counter()
    first.record()
    for _ in range(count):
        step()
    last.record()
    host = time.perf_counter() - began
    last.synchronize()
    return xp.cuda.get_elapsed_time(first, last) / count, 1e3 * host / count


def timed(step: Step, seconds: float) -> Row:
    """Undisturbed. wall_ms : median of calls that are waited for. row_ms, host_ms : of calls one after another, all and Python's share."""
    for _ in range(3 if not SMALL else 1):
        step()
    wait()
    walls: list[float] = []
    end = time.perf_counter() + seconds / 2
    while len(walls) < (3 if not SMALL else 1) or (len(walls) < 50 and time.perf_counter() < end):
        began = time.perf_counter()
        step()
        wait()
        walls.append(1e3 * (time.perf_counter() - began))
    wall = statistics.median(walls)
    in_a_row, host = on_gpu(step, max(2, min(50, int(250 * seconds / wall))))
    return {"wall_ms": wall, "best_ms": min(walls), "calls": len(walls), "row_ms": in_a_row, "host_ms": host}


@contextlib.contextmanager
def events() -> Iterator[list[tuple[str, Any, Any, int]]]:
    """Events around every launch of our kernels: (kernel, before, after, bytes of its arguments, each once)."""
    xp, seen, real = cupy(), list[tuple[str, Any, Any, int]](), _launch._OnGPU.__call__

    def marked(self: Any, args: tuple[Any, ...], *how: Any) -> None:
        before, after = xp.cuda.Event(), xp.cuda.Event()
        before.record()
        real(self, args, *how)
        after.record()
        seen.append((self.kernel.name, before, after, sum(a.nbytes for a in args if _array.is_array(a))))

    with mock.patch.object(_launch._OnGPU, "__call__", marked):
        yield seen


def by_kernel(step: Step) -> Row:
    """Each kernel's GPU time in one call beside the time that its bytes take at the measured copy rate; events add 2 to 3 us a launch."""
    with events() as seen:
        step()
        wait()
    kernels: dict[str, dict[str, float]] = {}
    for name, before, after, size in seen:
        entry = kernels.setdefault(name, {"launches": 0, "gpu_us": 0.0, "bytes": 0})
        entry["launches"] += 1
        entry["gpu_us"] += 1e3 * cupy().cuda.get_elapsed_time(before, after)
        entry["bytes"] += size
    for entry in kernels.values():
        entry["floor_us"] = 1e6 * entry["bytes"] / copy_rate()
    total = sum(entry["gpu_us"] for entry in kernels.values()) / 1e3
    return {"launches": len(seen), "own_kernels_ms": total, "kernels": dict(sorted(kernels.items(), key=lambda k: -k[1]["gpu_us"]))}


def measured(step: Step, seconds: float) -> Row:
    """Undisturbed, then once with events."""
    return timed(step, seconds) | by_kernel(step)


def profiled(step: Step) -> Row:
    """All that the GPU does in one call, CuPy's kernels and copies too, as torch's profiler sees it; the 20 that take longest."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.init()
    step()
    wait()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step()
        wait()
    found = [(e.key[:80], e.count, e.self_device_time_total) for e in seen.key_averages() if e.self_device_time_total]
    largest = sorted(found, key=lambda e: -e[2])[:20]
    return {"gpu_ms": sum(us for _, _, us in found) / 1e3, "launches": sum(count for _, count, _ in found),
            "all": {key: {"count": count, "gpu_us": us} for key, count, us in largest}}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------- the card
@functools.cache
def copy_rate(megabytes: int = 512) -> float:
    """Bytes read and written per second by a copy on the device."""
    xp = cupy()
    source = xp.ones(megabytes << 18 if not SMALL else 1 << 10, np.float32)
    to = xp.empty_like(source)
    on_gpu(lambda: xp.copyto(to, source), 2)
    return float(2e3 * source.nbytes / on_gpu(lambda: xp.copyto(to, source), 10)[0])


def card(seconds: float) -> Row:
    """Copy rates in memory and in the cache, and what the smallest things cost: microseconds of Python, and of the GPU one after another."""
    xp = cupy()
    repeats = REPEATS if not SMALL else 3
    x, z, page = xp.zeros(256, np.float32), xp.zeros(256, np.complex64), np.zeros((50, 28, 28), np.uint8)
    number = xp.zeros((), np.float32)
    architecture = f"sm_{xp.cuda.Device().compute_capability}"
    nothing = xp.RawModule(path=str(_compile.compiled(xp.cuda.nvrtc, EMPTY, "nothing.cu", architecture, {}))).get_function("pnn_nothing")
    calls: dict[str, Step] = {
        "pnnkern launch": lambda: _launch.launch("optics/mask", "phasor", np.float32, 256, x, z, threads=256),
        "empty kernel": lambda: nothing((1,), (32,), (np.int32(0),)),
        "CuPy operation": lambda: xp.add(x, x),
        "event": lambda: xp.cuda.Event().record(),
        "copy of a batch of images to the GPU": lambda: xp.asarray(page),
        "number read from the GPU": lambda: float(number),
    }
    costs: dict[str, dict[str, float]] = {}
    for name, call in calls.items():
        call()
        gpu, host = on_gpu(call, repeats)
        costs[name] = {"host_us": 1e3 * host, "gpu_us": 1e3 * gpu}
    return {"copy_bytes_per_s": copy_rate(), "cache_copy_bytes_per_s": copy_rate(8), "costs": costs}
