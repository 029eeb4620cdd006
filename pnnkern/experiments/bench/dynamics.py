"""ODEs: a chain of driven Duffing oscillators beside scipy's solver, one trajectory after another."""

import time
from typing import Any

import numpy as np
import scipy.integrate

from ... import _array
from ..._own import ScalarFunction
from ...dynamics import Couplings, Law, integrate
from ._timing import Row, environment, interleaved, row, with_ratios

DT, K, GAMMA, ALPHA = 0.05, 0.5, 0.1, 0.3


def law() -> Law:
    """q'' = -gamma q' - k q - alpha q^3 + coupled + gain drive."""
    text = "coupled - gamma * v - k * q - alpha * q * q * q + gain * drive"
    return Law({"q": "v", "v": ScalarFunction(
        lambda q, v, coupled, drive, k, gain, gamma, alpha: coupled - gamma * v - k * q - alpha * q * q * q + gain * drive,
        constants={"gamma": GAMMA, "alpha": ALPHA}, cuda=text,
    )})  # fmt: skip


def chain(device: str, seconds: float, batch: int = 1000, n: int = 16, steps: int = 512, tried: int = 4) -> list[Row]:
    """`tried` trajectories of scipy's stand for the batch. Errors are largest differences from its DOP853 in one of them."""
    xp, frequency = _array.device_namespace(device), np.linspace(0.6, 1.8, batch)
    gain, stiffness = np.linspace(1, -1, n), np.linspace(0.8, 2, n)
    drive = np.sin(DT * np.arange(steps + 1) * frequency[:, None])[:, :, None]
    ours = {"parameters": np.stack([stiffness + 2 * K, gain]), "drive": drive, "weights": np.full(n - 1, K)}
    given: dict[str, Any] = {name: xp.asarray(x, np.float32) for name, x in ours.items()}
    given["couplings"] = Couplings(np.stack([np.arange(n - 1), np.arange(1, n)], 1), n)
    of, start, last = law(), xp.zeros((batch, 2, n), np.float32), steps * DT

    def rates(t: float, y: np.ndarray, w: float) -> np.ndarray:
        q, v = y[:n], y[n:]
        coupled = np.zeros(n)
        coupled[1:] += K * q[:-1]
        coupled[:-1] += K * q[1:]
        return np.concatenate([v, coupled - GAMMA * v - (stiffness + 2 * K) * q - ALPHA * q**3 + gain * np.sin(w * t)])

    def solved(s: int, method: str, rtol: float, atol: float) -> np.ndarray:
        more: Any = {"t_eval": (last,), "rtol": rtol, "atol": atol, "args": (frequency[s],)}
        y: np.ndarray = scipy.integrate.solve_ivp(rates, (0, last), np.zeros(2 * n), method, **more).y
        return y[:, 0].reshape(2, n)

    found = _array.to_numpy(integrate(of, start, DT, steps, every=steps, **given))[:, 0]
    right, begin = solved(0, "DOP853", 1e-10, 1e-12), time.process_time()
    theirs = [solved(s, "RK45", 1e-3, 1e-6) for s in np.linspace(0, batch - 1, tried, dtype=int)]
    each = 1e3 * (time.process_time() - begin) / tried
    ms = interleaved({"pnnkern": lambda: integrate(of, start, DT, steps, every=steps, **given)}, device, seconds)["pnnkern"]
    work, stages = f"{batch} chains of {n} oscillators, {steps} steps of RK4, float32", 4.0 * steps * batch * n
    sizes = 4.0 * batch * (steps + 4 * n), 30 * stages, device
    return with_ratios([row("Duffing chain", work, "pnnkern", ms, *sizes, error=float(np.abs(found[0] - right).max())),
                        row("Duffing chain", work, f"scipy RK45, {tried} of {batch}", each * batch, *sizes,
                            error=float(np.abs(theirs[0] - right).max()))])  # fmt: skip


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    with environment(PNNKERN_NUM_THREADS="1"):
        return chain(device, budget / 2)
