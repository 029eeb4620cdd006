"""Random numbers: draws per second beside NumPy's generators, on one thread."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ._timing import PEERS, Row, environment, installed, interleaved, row, torch_on_one_thread, with_ratios

# flops and bytes of a draw: 10 rounds of two 32 x 32 bit products for four words, then polynomials
_FLOPS = {"uniform": 14, "normal": 40, "poisson": 60}


def _case(device: str, seconds: float, kind: str, count: int) -> list[Row]:
    """`count` draws of one kind in one row of 2^20 elements per sample."""
    xp = _array.device_namespace(device)
    key, like, shape = random.key(1), xp.empty(0, np.float32), (count >> 20, 1 << 20)
    generator = np.random.Generator(np.random.PCG64(1))
    mean: Any = xp.full(shape, 40.0, np.float32) if kind == "poisson" else None
    ours: dict[str, Callable[[], Any]] = {
        "uniform": lambda: random.uniform(key, shape, like=like),
        "normal": lambda: random.normal(key, shape, like=like),
        "poisson": lambda: random.poisson(key, mean, shape),
    }
    contenders = {"pnnkern": ours[kind]}
    if device == "cpu":
        peer: dict[str, Callable[[], Any]] = {
            "uniform": lambda: generator.random(shape, np.float32),
            "normal": lambda: generator.standard_normal(shape, np.float32),
            "poisson": lambda: generator.poisson(40.0, shape),
        }
        contenders["NumPy PCG64"] = peer[kind]
    else:
        contenders["CuPy"] = {
            "uniform": lambda: xp.random.random(shape, np.float32),
            "normal": lambda: xp.random.standard_normal(shape, np.float32),
            "poisson": lambda: xp.random.poisson(40.0, shape),
        }[kind]
    torch = torch_on_one_thread()
    if torch is not None and kind != "poisson" and (device == "cpu" or torch.cuda.is_available()):
        contenders["torch"] = lambda: (torch.rand if kind == "uniform" else torch.randn)(shape, device=device)
    times = interleaved(contenders, device, seconds)
    work = f"{count >> 20} x 2^20 {'int32, mean 40' if kind == 'poisson' else 'float32'}"
    rows = [
        row(f"random {kind}", work, name, ms, 4.0 * count, _FLOPS[kind] * float(count), device, m_s=count / ms / 1e3)
        for name, ms in times.items()
    ]
    return with_ratios(rows, {} if installed("torch") or kind == "poisson" else {"torch": PEERS})


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    count = 1 << (22 if device == "cpu" else 27)
    with environment(PNNKERN_NUM_THREADS="1"):
        return [r for kind in ("normal", "uniform", "poisson") for r in _case(device, budget / 3, kind, count)]
