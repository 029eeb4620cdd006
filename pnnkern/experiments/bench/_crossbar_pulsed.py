"""Crossbars: a training step with pulsed update, beside IBM's aihwkit and exact gradients. One thread.

Two loads, because coincidences take time: errors of a mean squared error, which hardly fire, and errors 256 times as large.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, crossbar, random
from ._timing import Row, environment, installed, interleaved, row, torch_on_one_thread, with_ratios

SIDE, BATCH, RATE = 512, 256, 0.05
LOADS = {"mean squared error": 1.0, "errors x 256": 256.0}
ABSENT = "not installed: a virtual environment with aihwkit 1.1.0 and the torch it was built for, 2.10"


def _case(device: str, seconds: float, load: str) -> list[Row]:
    xp = _array.device_namespace(device)
    rng = np.random.default_rng(0)
    cells, key = crossbar.ConstantStep(), random.key(1)
    w = crossbar.clip_weights(xp.asarray(rng.uniform(-0.1, 0.1, (SIDE, SIDE)).astype(np.float32)), device=cells, key=key)
    x = xp.asarray(rng.uniform(-1, 1, (BATCH, SIDE)).astype(np.float32))
    target = xp.asarray(rng.standard_normal((BATCH, SIDE)).astype(np.float32))
    d = np.float32(LOADS[load] * 2 / (BATCH * SIDE)) * (x @ w - target)
    numbers = itertools.count(0, BATCH)

    def update() -> Any:
        return crossbar.pulse_update(w, x, d, device=cells, lr=RATE, key=key, sample=next(numbers))

    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: (x @ w, d @ w.T, update()),
        "pnnkern, update alone": update,
        "one plain GEMM": lambda: x @ w,
        "exact gradient": lambda: (x @ w, d @ w.T, w - np.float32(RATE) * (x.T @ d)),
        **(_aihwkit(x, d, w) if device == "cpu" else {}),
    }
    times = interleaved(contenders, device, seconds)
    # the least: two matrix products, every weight read and written once, and what goes in and out
    product, weights, lines = 2.0 * BATCH * SIDE * SIDE, 8.0 * SIDE * SIDE, 4.0 * BATCH * SIDE
    least = {
        "one plain GEMM": (weights / 2 + 2 * lines, product),
        "exact gradient": (weights + 4 * lines, 3 * product),
        "pnnkern, update alone": (weights + 2 * lines, 0.0),
    }
    work = f"{SIDE} x {SIDE}, batch {BATCH}, constant steps, {load}"
    rows = [
        row("pulsed training step", work, name, ms, *least.get(name, (weights + 4 * lines, 2 * product)), device,
            gemms=ms / times["one plain GEMM"])
        for name, ms in times.items()
    ]  # fmt: skip
    return with_ratios(rows, {} if installed("aihwkit") else {"aihwkit": ABSENT})


def _aihwkit(x: np.ndarray, d: np.ndarray, w: np.ndarray) -> dict[str, Callable[[], Any]]:
    """The same step on aihwkit's tile: with its default converters and noise, and with an ideal forward and backward pass as ours."""
    torch = torch_on_one_thread()
    if torch is None or not installed("aihwkit"):
        return {}
    from aihwkit.nn import AnalogLinear
    from aihwkit.optim import AnalogSGD
    from aihwkit.simulator.configs import SingleRPUConfig
    from aihwkit.simulator.configs.devices import ConstantStepDevice

    inputs, errors = torch.as_tensor(x), torch.as_tensor(d)

    def contender(ideal: bool) -> Callable[[], None]:
        config = SingleRPUConfig(device=ConstantStepDevice())
        config.forward.is_perfect = config.backward.is_perfect = ideal
        layer = AnalogLinear(SIDE, SIDE, bias=False, rpu_config=config)
        layer.set_weights(torch.as_tensor(w.T.copy()))
        optimizer = AnalogSGD(layer.parameters(), lr=RATE)
        optimizer.regroup_param_groups(layer)

        def step() -> None:
            optimizer.zero_grad()
            layer(inputs.clone().requires_grad_(True)).backward(errors)
            optimizer.step()

        return step

    return {"aihwkit": contender(False), "aihwkit, ideal reads": contender(True)}


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    with environment(PNNKERN_NUM_THREADS="1"):
        return [r for load in LOADS for r in _case(device, budget / len(LOADS), load)]
