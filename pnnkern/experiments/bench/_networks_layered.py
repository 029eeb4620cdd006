"""Layered networks and oscillators: gradients by equilibrium propagation and forces, beside the forms that public code is written in."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...learning import SGD, Batch, EquilibriumPropagation
from ...networks import drn, hopfield, oscillator
from ...systems import DRN, writers
from ._timing import PEERS, Row, interleaved, row, sync_of, torch_on_one_thread, with_ratios

Sizes = tuple[int, int, int]


def _digits(batch: int, pixels: int = 784) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels like MNIST's: a fifth of the pixels are not black."""
    rng = np.random.default_rng(0)
    images = rng.random((batch, pixels), np.float32) * (rng.random((batch, pixels)) < 0.2)
    return images.astype(np.float32), rng.integers(0, 10, batch)


def naive_drn_gradient(xp: Any, x: Any, y: Any, weights: list[Any], beta: float, sweeps: int) -> list[Any]:
    """Centred estimate as it is usually written: every sweep multiplies by all weights, squares of voltage drops (batch, in, out).

    xp : NumPy, CuPy or torch.
    """
    last = len(weights) - 1

    def relaxed(nudge: float, start: list[Any] | None) -> list[Any]:
        states = [xp.zeros((len(x), w.shape[1]), dtype=x.dtype) for w in weights] if start is None else list(start)
        for _ in range(sweeps):
            for l in (*range(0, last + 1, 2), *range(1, last + 1, 2)):
                below = x if l == 0 else states[l - 1]
                pull, total = below @ weights[l], weights[l].sum(axis=0)
                if l < last:
                    pull, total = pull + states[l + 1] @ weights[l + 1].T, total + weights[l + 1].sum(axis=1)
                    v, k = pull / total, drn.excitatory(pull.shape[1])
                    states[l] = xp.concatenate([v[:, :k].clip(0, None), v[:, k:].clip(None, 0)], axis=1)
                else:
                    states[l] = (pull + nudge * y) / (total + nudge)
        return states

    free = relaxed(0.0, None)
    ends = [[x, *relaxed(b, free)] for b in (-beta, beta)]

    def power(below: Any, above: Any) -> Any:
        drop = below[:, :, None] - above[:, None, :]
        power = 0.5 * drop**2
        return power.mean(axis=0)

    powers = [[power(s[l], s[l + 1]) for l in range(last + 1)] for s in ends]
    return [(b - a) / (2 * beta) for a, b in zip(*powers, strict=True)]


def drn_gradient(device: str, seconds: float, batch: int = 128, sizes: Sizes = (784, 1024, 10)) -> list[Row]:
    """Full centred gradient of DRN-1H at the published gain and sweeps; errors against float64 of the same."""
    xp = _array.device_namespace(device)
    images, labels = _digits(batch, sizes[0])
    weights = drn.initial((2 * sizes[0], *sizes[1:]), random.key(1), like=xp.empty(0, np.float32))
    x, y = drn.encode(xp.asarray(images), 480.0), xp.asarray(np.eye(sizes[2], dtype=np.float32)[labels])
    how: dict[str, Any] = {"nudges": (-1.0, 1.0), "sweeps": 4, "tolerance": 0}
    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: drn.gradient(x, y, weights, **how)[0],
        "(batch, in, out) tensors": lambda: naive_drn_gradient(xp, x, y, weights, 1.0, 4),
    }
    torch = torch_on_one_thread() if device == "cpu" else None
    if torch is not None:  # what public code is written in
        tx, ty, tw = torch.from_numpy(x), torch.from_numpy(y), [torch.from_numpy(w) for w in weights]
        contenders["the same in torch"] = lambda: [g.numpy() for g in naive_drn_gradient(torch, tx, ty, tw, 1.0, 4)]
    wide = [w.astype(np.float64) for w in weights]
    reference = _array.to_numpy(drn.gradient(x.astype(np.float64), y.astype(np.float64), wide, **how)[0][0])
    times = interleaved(contenders, device, seconds, rounds=5)
    n0, n1, n2 = 2 * sizes[0], *sizes[1:]
    flops = 2 * batch * (2 * n0 * n1 + 3 * 4 * 2 * n1 * n2)
    rows = []
    for name, run in contenders.items():
        got = _array.to_numpy(run()[0])
        error = float(np.linalg.norm(got - reference) / np.linalg.norm(reference))
        rows.append(row("DRN gradient", f"{n0}-{n1}-{n2}, batch {batch}, 3 x 4 sweeps", name, times[name], 8.0 * n0 * n1, flops, device,
                        first_layer_error=error))  # fmt: skip
    return with_ratios(rows, {} if torch is not None or device != "cpu" else {"torch": PEERS})


def drn_epoch(device: str, seconds: float) -> list[Row]:
    """Training DRN-1H with batch 4, as published: time of a step with its update, and of an epoch of 60 000 digits."""
    net: Any = DRN(key=random.key(1), device=device)
    rule = EquilibriumPropagation(1.0)
    images, labels = _digits(400)
    pixels = (255 * images).astype(np.uint8)
    sync, clock = sync_of(device) or (lambda: None), time.process_time if device == "cpu" else time.perf_counter

    def step(i: int) -> None:
        batch = slice(4 * (i % 100), 4 * (i % 100) + 4)
        updates, _, _ = rule.step(net, {}, Batch(pixels[batch], labels[batch], encode=net.encode))
        writers.apply(net, updates, SGD(), 0.006, 4)

    step(0)
    sync()
    end, start, steps = time.perf_counter() + seconds, clock(), 0
    while steps < 50 or (steps < 2000 and time.perf_counter() < end):
        step(steps)
        steps += 1
    sync()
    ms = 1e3 * (clock() - start) / steps
    bytes_moved, flops = 3 * 4.0 * 1568 * 1024, 4 * 2 * (2 * 1568 * 1024 + 3 * 4 * 2 * 10240)
    return [row("DRN training step", "1568-1024-10, batch 4", "pnnkern", ms, bytes_moved, flops, device, seconds_per_epoch=15 * ms)]


def hopfield_gradient(device: str, seconds: float, batch: int = 128) -> list[Row]:
    """Centred gradient of a Hopfield network 784-1024-10, 3 x 15 sweeps, beside sweeps that multiply by all weights every time."""
    xp = _array.device_namespace(device)
    images, labels = _digits(batch)
    weights = hopfield.initial((784, 1024, 10), random.key(1), gain=0.7, like=xp.empty(0, np.float32))
    x, y = xp.asarray(images), xp.asarray(np.eye(10, dtype=np.float32)[labels])

    def settle(h: Any, o: Any, nudge: float) -> tuple[Any, Any]:
        for _ in range(15):
            h = xp.clip(x @ weights[0] + o @ weights[1].T, 0, 1)
            o = (h @ weights[1] + nudge * y) / (1 + nudge)
        return h, o

    def naive() -> Any:
        free = settle(xp.zeros((batch, 1024), np.float32), xp.zeros((batch, 10), np.float32), 0.0)
        (h1, o1), (h2, o2) = (settle(*free, nudge) for nudge in (-0.2, 0.2))
        return (x.T @ h1 - x.T @ h2) / 0.4 / batch, (h1.T @ o1 - h2.T @ o2) / 0.4 / batch

    contenders = {
        "pnnkern": lambda: hopfield.gradient(x, y, weights, nudges=(-0.2, 0.2), sweeps=15, tolerance=0)[0],
        "all weights every sweep": naive,
    }
    times = interleaved(contenders, device, seconds, rounds=5)
    flops = 2 * batch * (2 * 784 * 1024 + 45 * 2 * 10240)
    work = f"784-1024-10, batch {batch}, 3 x 15 sweeps"
    return with_ratios([row("Hopfield gradient", work, n, ms, 8.0 * 784 * 1024, flops, device) for n, ms in times.items()])


def xy_forces(device: str, seconds: float, batch: int = 128, nodes: int = 512) -> list[Row]:
    """Forces of all-to-all oscillators, beside the (batch, N, N) array of phase differences."""
    xp, rng = _array.device_namespace(device), np.random.default_rng(0)
    J = np.triu(rng.normal(size=(nodes, nodes)), 1) / np.sqrt(nodes)
    coupling, phase = xp.asarray((J + J.T).astype(np.float32)), xp.asarray(rng.uniform(-3, 3, (batch, nodes)).astype(np.float32))

    def naive() -> Any:
        difference = phase[:, :, None] - phase[:, None, :]
        sine = xp.sin(difference)
        pull = coupling * sine
        return -pull.sum(axis=2)

    contenders = {"pnnkern": lambda: oscillator.force(phase, coupling), "(batch, N, N) array": naive}
    torch = torch_on_one_thread() if device == "cpu" else None
    if torch is not None:  # what public code is written in: the energy, and autograd
        angles, J = torch.from_numpy(phase).requires_grad_(), torch.from_numpy(coupling)

        def by_autograd() -> Any:
            energy = -0.5 * (J * torch.cos(angles[:, :, None] - angles[:, None, :])).sum()
            return torch.autograd.grad(energy, angles)[0]

        contenders["torch autograd"] = by_autograd
    times = interleaved(contenders, device, seconds)
    flops, bytes_moved = 4.0 * batch * nodes**2, 4.0 * (nodes**2 + 2 * batch * nodes)
    got, expected = (_array.to_numpy(contenders[name]()).astype(np.float64) for name in list(contenders)[:2])
    error = float(np.linalg.norm(got - expected) / np.linalg.norm(expected))
    rows = [row("XY forces", f"batch {batch}, N = {nodes}", n, ms, bytes_moved, flops, device) for n, ms in times.items()]
    rows[0]["error"] = error
    return with_ratios(rows, {} if torch is not None or device != "cpu" else {"torch": PEERS})


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    part = budget / 4
    return drn_gradient(device, part) + drn_epoch(device, part) + hopfield_gradient(device, part) + xy_forces(device, part)
