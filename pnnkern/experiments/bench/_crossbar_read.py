"""Reading crossbars beside what users write today: converters around a product, and noise of cells drawn anew in each read."""

import functools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...crossbar import ADC, DAC, Chain, GaussianNoise, LognormalNoise, Reader
from ._timing import PEERS, Row, installed, interleaved, row, with_ratios

FULL, G_MAX, SIGMA, NOISE = 0.2, 25e-6, 0.05, 0.005  # noise of outputs, of their range
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
    memory = {name: {} if name.startswith("aihwkit") else _mib(run, device) for name, run in contenders.items()}  # torch has its own
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


def _lightning(V: np.ndarray, G: np.ndarray, full: float) -> Callable[..., np.ndarray]:
    """The same chain, ranges and number of levels as ours by aihwkit-lightning on the CPU, where it needs no GPU: `forward(noisy)`. Its
    output noise is that of training, without the derivatives."""
    import contextlib
    import io

    import torch

    with contextlib.redirect_stdout(io.StringIO()):  # it says that there is no Triton
        from aihwkit_lightning.nn import AnalogLinear
        from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig

    torch.set_num_threads(1)
    config, span = TorchInferenceRPUConfig(), FULL * float(G.max())
    config.forward.inp_res, config.forward.out_res = 2**7 - 2, 2**9 - 2
    config.forward.out_bound, config.forward.out_noise = full / span, NOISE * full / span
    inputs = config.pre_post.input_range
    inputs.enable, inputs.fast_mode, inputs.init_value, inputs.init_from_data = True, True, FULL, 0
    layer, x = AnalogLinear(*G.shape, bias=False, rpu_config=config), torch.as_tensor(V)
    layer.set_weights_and_biases(torch.as_tensor(np.ascontiguousarray(G.T)), None)

    def forward(noisy: bool = True) -> np.ndarray:
        layer.train(noisy)
        with torch.no_grad():
            out: np.ndarray = layer(x).numpy()
        return out

    return forward


def forward_chain(device: str, seconds: float, batch: int = 256, n: int = 512) -> list[Row]:
    """7-bit inputs, product, output noise, 9-bit outputs."""
    xp = _array.device_namespace(device)
    V, G = _problem(xp, batch, n)
    key, full = random.key(1), 1.5e-4
    reader = Reader(G, Chain(dac=DAC(7, FULL), adc=ADC(9, full), output_noise=full * NOISE))
    generator = (np.random.Generator(np.random.PCG64(1)) if device == "cpu" else xp.random.default_rng(1)).standard_normal
    low, high = np.float32(FULL / 63), np.float32(full / 255)

    def plain() -> Any:
        v = xp.clip(xp.rint(V / low), -63, 63) * low
        current = v @ G + np.float32(full * NOISE) * generator((batch, n), dtype=np.float32)
        return xp.clip(xp.rint(current / high), -255, 255) * high

    contenders: dict[str, Callable[..., Any]] = {
        "pnnkern": lambda: reader(V, key=key), "bare product": lambda: V @ G, "element-wise chain": plain, **_aihwkit(batch, n, V)
    }  # fmt: skip
    lightning = device == "cpu" and installed("aihwkit_lightning", "torch")
    if lightning:
        contenders["aihwkit-lightning"] = _lightning(V, G, full)
    moved, flops = 4.0 * (2 * batch * n + n * n), 2.0 * batch * n * n + _FLOPS_NORMAL * batch * n
    absent = {
        name: PEERS.replace("pnnkern[bench]", name) for name in ("aihwkit", "aihwkit-lightning") if name not in contenders
    }
    rows = _rows("forward chain", f"{n} x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds, absent)
    for peer in rows if lightning else ():
        if peer["name"] == "aihwkit-lightning":  # what it reads without noise, beside ours
            quiet = Reader(G, Chain(dac=DAC(7, FULL), adc=ADC(9, full)))(V)
            peer["error"] = float(np.linalg.norm(contenders["aihwkit-lightning"](False) - quiet) / np.linalg.norm(quiet))
    return rows


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


def precisions(device: str, seconds: float, batch: int = 32, n: int = 256) -> list[Row]:
    """The product at the size of a training step, 785 inputs, as it is and by factors rounded to tf32 and bf16, which a CPU only imitates;
    how far it is from float64."""
    xp = _array.device_namespace(device)
    rng = np.random.default_rng(0)
    V, G = rng.uniform(-FULL, FULL, (batch, 785)).astype(np.float32), rng.uniform(0, G_MAX, (785, n)).astype(np.float32)
    exact, on = V.astype(float) @ G, (xp.asarray(V), xp.asarray(G))
    contenders: dict[str, Callable[[], Any]] = {
        f"pnnkern, {name or 'float32'}": functools.partial(Reader(on[1], Chain(precision=name)), on[0]) for name in (None, "tf32", "bf16")
    }
    contenders["bare product"] = lambda: on[0] @ on[1]
    moved, flops = 4.0 * (batch * (785 + n) + 785 * n), 2.0 * batch * 785 * n
    rows = _rows("precision of a read", f"785 x {n}, batch {batch}, float32", contenders, moved, flops, device, seconds)
    for one in rows:
        off = _array.to_numpy(contenders[one["name"]]()) - exact
        one["error"] = float(np.linalg.norm(off) / np.linalg.norm(exact))
    return rows


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    cases = (forward_chain, precisions, fresh_noise, pcm_noise, by_cell)
    return [r for case in cases for r in case(device, budget / len(cases))]
