"""Reading crossbars beside what users write today: converters around a product, and noise of cells drawn anew in each read."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...crossbar import ADC, DAC, Chain, GaussianNoise, LognormalNoise, Reader
from ._timing import PEERS, Row, installed, interleaved, row, with_ratios

FULL, G_MAX, SIGMA = 0.2, 25e-6, 0.05
# of a normal drawn for an output, and of one drawn for a cell with its part in the sum
_FLOPS_NORMAL, _FLOPS_CELL = 40.0, 44.0


def _problem(xp: Any, batch: int, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    V = rng.uniform(-FULL, FULL, (batch, n)).astype(np.float32)
    return xp.asarray(V), xp.asarray(rng.uniform(0, G_MAX, (n, n)).astype(np.float32))


def _mib(run: Callable[[], Any], device: str) -> dict[str, float]:
    """Largest memory taken while it runs, on the CPU."""
    if device != "cpu":
        return {}
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"mib": peak / 2**20}


def _rows(case: str, work: str, contenders: dict[str, Callable[[], Any]], bytes_moved: float, flops: float, device: str, seconds: float,
          absent: dict[str, str] | None = None) -> list[Row]:  # fmt: skip
    times = interleaved(contenders, device, seconds)
    memory = {name: _mib(run, device) for name, run in contenders.items()}
    rows = [row(case, work, name, ms, bytes_moved, flops, device, **memory[name]) for name, ms in times.items()]
    return with_ratios(rows, absent)


def _aihwkit(batch: int, n: int, V: Any) -> dict[str, Callable[[], Any]]:
    """The forward pass of aihwkit's default CPU tile (7-bit DAC, 9-bit ADC, output noise), if that is installed."""
    if not installed("aihwkit", "torch"):
        return {}
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import SingleRPUConfig

    torch.set_num_threads(1)
    layer = AnalogLinear(n, n, bias=False, rpu_config=SingleRPUConfig())
    x = torch.as_tensor(_array.to_numpy(V)) / FULL

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    return {"aihwkit": forward}


def forward_chain(device: str, seconds: float, batch: int = 256, n: int = 512) -> list[Row]:
    """7-bit inputs, product, output noise, 9-bit outputs."""
    xp = _array.device_namespace(device)
    V, G = _problem(xp, batch, n)
    key, full = random.key(1), 1.5e-4
    reader = Reader(G, Chain(dac=DAC(7, FULL), adc=ADC(9, full), output_noise=full * 0.005))
    generator = (np.random.Generator(np.random.PCG64(1)) if device == "cpu" else xp.random.default_rng(1)).standard_normal
    low, high = np.float32(FULL / 63), np.float32(full / 255)

    def plain() -> Any:
        v = xp.clip(xp.rint(V / low), -63, 63) * low
        current = v @ G + np.float32(full * 0.005) * generator((batch, n), dtype=np.float32)
        return xp.clip(xp.rint(current / high), -255, 255) * high

    contenders = {
        "pnnkern": lambda: reader(V, key=key), "bare product": lambda: V @ G, "element-wise chain": plain, **_aihwkit(batch, n, V)
    }  # fmt: skip
    moved, flops = 4.0 * (2 * batch * n + n * n), 2.0 * batch * n * n + _FLOPS_NORMAL * batch * n
    absent = {} if "aihwkit" in contenders else {"aihwkit": PEERS.replace("pnnkern[bench]", "aihwkit")}
    return _rows("forward chain", f"{n} x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds, absent)


def fresh_noise(device: str, seconds: float, batch: int = 256, n: int = 512) -> list[Row]:
    """Cell noise of 5 %, drawn anew in each read; beside the products that it needs at least."""
    xp = _array.device_namespace(device)
    V, G = _problem(xp, batch, n)
    key, S2 = random.key(1), (SIGMA * G) ** 2
    reader = Reader(G, Chain(noise=GaussianNoise(relative=SIGMA)))
    contenders = {"pnnkern": lambda: reader(V, key=key), "two bare products": lambda: (V @ G, V @ S2)}
    moved, flops = 4.0 * (2 * batch * n + 2 * n * n), 4.0 * batch * n * n + _FLOPS_NORMAL * batch * n
    return _rows("fresh cell noise", f"{n} x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds)


def pcm_noise(device: str, seconds: float, batch: int = 256, n: int = 512) -> list[Row]:
    """1/f noise of phase-change memory: one draw for a batch, during which it hardly changes; or as if it were new for each sample."""
    xp = _array.device_namespace(device)
    V, G = _problem(xp, batch, n)
    key = random.key(1)
    chain = {"dac": DAC(7, FULL), "adc": ADC(9, 1.5e-4), "output_noise": 7.5e-7}
    without, fresh, frozen = (
        Reader(G, Chain(noise=noise, **chain))  # type: ignore[arg-type]
        for noise in (None, "pcm", GaussianNoise(device="pcm", frozen=True))
    )
    contenders = {
        "pnnkern, fresh": lambda: fresh(V, key=key),
        "pnnkern, frozen": lambda: frozen(V, key=key),
        "the chain without it": lambda: without(V, key=key),
    }
    moved, flops = 4.0 * (2 * batch * n + 2 * n * n), 4.0 * batch * n * n + _FLOPS_NORMAL * batch * n
    absent = {"aihwkit": PEERS.replace("pnnkern[bench]", "aihwkit")} if not installed("aihwkit") else {}
    return _rows("PCM read noise", f"{n} x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds, absent)


def by_cell(device: str, seconds: float, batch: int = 8, n: int = 512) -> list[Row]:
    """Noise that needs a draw for each cell and sample, on the fly; and the whole tensor of draws, as other simulators hold it."""
    xp = _array.device_namespace(device)
    V, G = _problem(xp, batch, n)
    key = random.key(1)
    by_output, lognormal = Reader(G, Chain(noise=GaussianNoise(relative=SIGMA))), Reader(G, Chain(noise=LognormalNoise(SIGMA)))
    clipped = Reader(G, Chain(noise=GaussianNoise(relative=SIGMA, clipped=True)))
    draw = (np.random.Generator(np.random.PCG64(1)) if device == "cpu" else xp.random.default_rng(1)).standard_normal

    def materialised() -> Any:
        g = G * (1 + np.float32(SIGMA) * draw((batch, n, n), dtype=np.float32))
        return xp.matmul(V[:, None, :], g)[:, 0]

    contenders = {
        "pnnkern, by output": lambda: by_output(V, key=key), "pnnkern, clipped": lambda: clipped(V, key=key),
        "pnnkern, lognormal": lambda: lognormal(V, key=key), "materialised tensor": materialised,
    }  # fmt: skip
    moved, flops = 4.0 * (2 * batch * n + 2 * n * n), _FLOPS_CELL * batch * n * n
    return _rows("noise by cell", f"{n} x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    cases = (forward_chain, fresh_noise, pcm_noise, by_cell)
    return [r for case in cases for r in case(device, budget / len(cases))]
