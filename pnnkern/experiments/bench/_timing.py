"""What the benchmarks share: contenders take turns, medians and ratios count, and every time stands beside its floor."""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ... import _array

Row = dict[str, Any]

# Peak rates the floors are drawn from, bytes/s and flop/s (float32): one AVX-512 core at 3 GHz without fused operations, 10 GB/s;
# H200 data sheet and copy rate.
PEAKS = {"cpu": (10e9, 96e9), "cuda": (4.3e12, 67e12)}


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Environment variables, for a while."""
    before = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for k, v in before.items():
            if v is None:
                del os.environ[k]
            else:
                os.environ[k] = v


def installed(*names: str) -> bool:
    """True if these packages can be imported."""
    return all(importlib.util.find_spec(n) is not None for n in names)


def torch_on_one_thread() -> Any:
    """The torch module, or None if it is not installed."""
    if not installed("torch"):
        return None
    import torch

    torch.set_num_threads(1)
    return torch


def sync_of(device: str) -> Callable[[], None] | None:
    """What waits for the device; None on the CPU, where nothing has to."""
    return None if device == "cpu" else _array.cupy().cuda.Device().synchronize


def interleaved(contenders: dict[str, Callable[[], Any]], device: str, seconds: float, rounds: int = 9) -> dict[str, float]:
    """Median milliseconds of each contender, all taking turns, after one untimed round; at least three rounds.

    In another order each round, as what one leaves (caches, memory in small pages) is what the next one finds. On a CPU it is this process's
    own time that counts, not the neighbours'.
    """
    sync = sync_of(device) or (lambda: None)
    clock = time.process_time if device == "cpu" else time.perf_counter
    for run in contenders.values():
        run()
    sync()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    end, rng = time.perf_counter() + seconds, np.random.default_rng(0)
    for i in range(rounds):
        if i >= 3 and time.perf_counter() > end:
            break
        for name in rng.permutation(list(contenders)):
            start = clock()
            contenders[name]()
            sync()
            times[name].append(1e3 * (clock() - start))
    return {name: float(np.median(t)) for name, t in times.items()}


def row(case: str, work: str, name: str, ms: float, bytes_moved: float, flops: float, device: str, **more: Any) -> Row:
    """A timed row with its floor: the longer of moving the bytes and doing the arithmetic at `PEAKS`."""
    bandwidth, rate = PEAKS[device]
    floor = float(1e3 * max(bytes_moved / bandwidth, flops / rate))
    return {"case": case, "work": work, "name": name, "ms": ms, "floor_ms": floor, "of_floor": floor / ms, "bytes": bytes_moved,
            "flops": flops, "device": device, **more}  # fmt: skip


def with_ratios(rows: list[Row], absent: dict[str, str] | None = None, figure: str = "ms") -> list[Row]:
    """The rows of one case, each peer's figure divided by ours; absent peers {name: why} are named as absent."""
    ours = [r for r in rows if r["name"].startswith("pnnkern")]
    for r in rows:
        if r not in ours:
            r["ratios"] = {o["name"]: r[figure] / o[figure] for o in ours}
    same = {k: rows[0][k] for k in ("case", "work", "device")}
    return rows + [{**same, "name": name, "absent": why} for name, why in (absent or {}).items()]


PEERS = "not installed: pip install pnnkern[bench]"
