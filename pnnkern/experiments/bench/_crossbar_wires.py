"""Crossbars with wires: the whole effective conductance, its gradient, a batch behind it, and one read, beside what others do.

Cells uniform between 10 and 100 kohm, 1 ohm a segment, float64, one thread. Errors are the largest deviation from our float64 result, as
a fraction of the largest entry. Peers that take seconds are timed once, between rounds of ours.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array, random
from ...crossbar import WireFields, effective_conductance, effective_conductance_vjp, solve_currents, wire_noise
from ._timing import Row, environment, installed, interleaved, row, with_ratios

R = 1.0
FLOPS = 56.0  # n^3 of them for T of n x n cells
DAMPED = "damped fixed point (as CrossSim does it)"
SIZES = (128, 256, 512, 1024)


def cells(n: int) -> np.ndarray:
    return np.random.default_rng(n).uniform(1e-5, 1e-4, (n, n))


# ----------------------------------------------------------------------------------------------------------------------- peers
def damped_fixed_point(
    V: np.ndarray, G: np.ndarray, r: float, tolerance: float = 1e-3, rounds: int = 100
) -> tuple[np.ndarray, int]:
    """Currents of one read V (n_in,), and the number of iterations: cell voltages follow the drops that their own currents cause.

    dv <- dv + gamma (V - drops - dv), to `tolerance` of the largest input. Where `rounds` iterations are not enough, or it diverges, it
    starts again with 0.98 gamma; below 0.01 it gives up (FloatingPointError). It needs gamma < 2 / (1 + g r (2 n / pi)^2).
    """
    start, gamma, total = np.repeat(V[:, None], G.shape[1], 1), 1.0, 0
    while gamma > 0.01:
        dv = start.copy()
        for _ in range(rounds):
            current = G * dv
            down, along = np.cumsum(current, 0), np.cumsum(current[:, ::-1], 1)[:, ::-1]
            drop = np.cumsum((r * down)[::-1], 0)[::-1] + np.cumsum(r * along, 1)
            error = start - drop - dv
            worst = np.abs(error).max()
            total += 1
            if worst < tolerance * np.abs(V).max():
                return down[-1], total
            if not worst < 1e6:
                break
            dv += gamma * error
        gamma *= 0.98
    raise FloatingPointError("the damped fixed point does not converge")


def nodal(G: np.ndarray, r: float) -> tuple[Any, np.ndarray, np.ndarray]:
    """Kirchhoff's law for all nodes as a sparse matrix; the word nodes (n_in, n_out) and the bit nodes."""
    import scipy.sparse as sp

    M, N = G.shape
    w = np.arange(M * N).reshape(M, N)
    u = w + M * N
    a = np.concatenate([w[:, :-1].ravel(), u[:-1].ravel(), w.ravel()])
    b = np.concatenate([w[:, 1:].ravel(), u[1:].ravel(), u.ravel()])
    g = np.concatenate([np.full((M, N - 1), 1 / r).ravel(), np.full((M - 1, N), 1 / r).ravel(), G.ravel()])
    ground = np.zeros(2 * M * N)
    ground[w[:, 0]] += 1 / r
    ground[u[-1]] += 1 / r
    i, j = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    return (sp.coo_matrix((np.concatenate([g, g, -g, -g]), (i, j))) + sp.diags(ground)).tocsc(), w, u


def superlu(V: np.ndarray, G: np.ndarray, r: float) -> np.ndarray:
    """Currents (reads, n_out) by SciPy's SuperLU with the ordering that suits it best; one factorisation for all reads."""
    import scipy.sparse.linalg as sla

    A, w, u = nodal(G, r)
    lu = sla.splu(A, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
    b = np.zeros((A.shape[0], len(V)))
    b[w[:, 0]] = V.T / r
    return lu.solve(b)[u[-1]].T / r


def badcrossbar(V: np.ndarray, G: np.ndarray, r: float) -> np.ndarray:
    """Currents (reads, n_out) by badcrossbar."""
    import logging

    import badcrossbar as peer

    logging.disable(logging.CRITICAL)
    try:
        solution = peer.compute(V.T, 1 / G, r, node_voltages=False, all_currents=False)
    finally:
        logging.disable(logging.NOTSET)
    return np.asarray(solution.currents.output)


# ----------------------------------------------------------------------------------------------------------------------- cases
def _timed(
    ours: dict[str, Callable[[], Any]], slow: dict[str, Callable[[], Any]], device: str, seconds: float
) -> tuple[dict, dict]:
    """Milliseconds and results; `slow` ones run once, between two runs of ours."""
    times = interleaved(ours, device, seconds / 2)
    results = {name: run() for name, run in ours.items()}
    for name, run in slow.items():
        start = time.process_time()
        results[name] = run()
        times[name] = 1e3 * (time.process_time() - start)
    if slow:
        again = interleaved(ours, device, seconds / 2)
        times.update({name: (times[name] + ms) / 2 for name, ms in again.items()})
    return times, results


def _rows(case: str, work: str, times: dict, results: dict, truth: Any, moved: float, flops: float, device: str) -> list[Row]:
    rows = []
    for name, ms in times.items():
        got = results[name]
        error = None if got is None else float(np.abs(_array.to_numpy(got) - truth).max() / np.abs(truth).max())
        rows.append(row(case, work, name, ms, moved, flops, device, error=error))
    return rows


def _absent() -> dict[str, str]:
    return (
        {}
        if installed("badcrossbar")
        else {"badcrossbar": "not installed: pip install badcrossbar (it needs the headers of cairo)"}
    )


def effective(device: str, seconds: float, n: int, slow: bool) -> list[Row]:
    """T of n x n cells: exact currents for all inputs. `slow`: with the peers."""
    exact = cells(n)
    G = _array.device_namespace(device).asarray(exact)
    single = G.astype(np.float32)
    ours: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: effective_conductance(G, wires=R),
        "pnnkern, float32": lambda: effective_conductance(single, wires=R),
    }
    peers: dict[str, Callable[[], Any]] = {}
    if slow and device == "cpu":
        peers["SuperLU"] = lambda: superlu(np.eye(n), exact, R)
        if installed("badcrossbar"):
            peers["badcrossbar"] = lambda: badcrossbar(np.eye(n), exact, R)
    times, results = _timed(ours, peers, device, seconds)
    truth = _array.to_numpy(effective_conductance(G, wires=R))
    rows = _rows(
        "effective conductance", f"{n} x {n}, {R:g} ohm", times, results, truth, 2.0 * exact.nbytes, FLOPS * n**3, device
    )
    return with_ratios(rows, _absent() if slow else {})


def gradient(device: str, seconds: float, n: int) -> list[Row]:
    """dL/dG of all cells, T included; nobody else has it. Beside T alone."""
    G = _array.device_namespace(device).asarray(cells(n))
    g = _array.device_namespace(device).asarray(np.random.default_rng(1).standard_normal((n, n)))
    ours: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: effective_conductance_vjp(g, G, wires=R),
        "T alone": lambda: effective_conductance(G, wires=R),
    }
    times = interleaved(ours, device, seconds)
    work, moved = f"dL/dG of {n} x {n} cells", 3.0 * G.nbytes
    rows = [row("gradient through wires", work, name, ms, moved, (3 if name == "pnnkern" else 1) * FLOPS * n**3, device)
            for name, ms in times.items()]  # fmt: skip
    return with_ratios(rows)


def batch(device: str, seconds: float, n: int, reads: int = 256) -> list[Row]:
    """Further reads once T is there, beside a solve for each."""
    exact = cells(n)
    V = np.random.default_rng(2).uniform(0, 0.2, (reads, n))
    xp = _array.device_namespace(device)
    T, on = effective_conductance(xp.asarray(exact), wires=R), xp.asarray(V)
    slow: dict[str, Callable[[], Any]] = {}
    if device == "cpu" and installed("badcrossbar"):
        slow["badcrossbar"] = lambda: badcrossbar(V, exact, R)
    times, results = _timed({"pnnkern": lambda: on @ T}, slow, device, seconds)
    moved = 8.0 * (n * n + 2 * reads * n)
    work = f"{reads} reads of {n} x {n}, T known"
    return with_ratios(
        _rows("reads through wires", work, times, results, _array.to_numpy(on @ T), moved, 2.0 * reads * n * n, device), _absent()
    )


def one_read(device: str, seconds: float, n: int, slow: bool) -> list[Row]:
    """One read of conductances that no one has seen before."""
    exact = cells(n)
    V = np.random.default_rng(3).uniform(0, 0.2, (1, n))
    xp = _array.device_namespace(device)
    G, on = xp.asarray(exact), xp.asarray(V)
    ours: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: solve_currents(on, G, wires=R),
        "pnnkern, to 1e-3": lambda: solve_currents(on, G, wires=R, tolerance=1e-3),
    }
    peers: dict[str, Callable[[], Any]] = {}
    if slow and device == "cpu":
        peers["SuperLU"] = lambda: superlu(V, exact, R)
        peers[DAMPED] = lambda: damped_fixed_point(V[0], exact, R)[0][None]
        if installed("badcrossbar"):
            peers["badcrossbar"] = lambda: badcrossbar(V, exact, R)
    times, results = _timed(ours, peers, device, seconds)
    truth = V @ _array.to_numpy(effective_conductance(G, wires=R))
    # floor: reads the cells and the factors and writes a field, for one pair of sweeps
    rows = _rows("one read", f"{n} x {n}, {R:g} ohm", times, results, truth, 8.0 * 10 * n * n, 12.0 * n * n, device)
    return with_ratios(rows, _absent())


def noisy_reads(device: str, seconds: float, n: int, reads: int = 16) -> list[Row]:
    """Reads with fresh noise of 5 % in every cell: to first order, beside a new T for each noisy array. Errors: of the noise itself."""
    xp = _array.device_namespace(device)
    G, V = xp.asarray(cells(n)), xp.asarray(np.random.default_rng(4).uniform(0, 0.2, (reads, n)))
    key, sigma = random.key(1), 0.05 * G
    fields = WireFields(G, wires=R)
    drawn = G + sigma * random.normal(key, (reads, n * n), dtype=np.float64, like=G).reshape(reads, n, n)
    still = V @ effective_conductance(G, wires=R)
    ours: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: wire_noise(V, G, sigma, wires=R, key=key, fields=fields),
        "pnnkern, fields new": lambda: wire_noise(V, G, sigma, wires=R, key=key),
        "T for each read": lambda: xp.einsum("bi,bij->bj", V, effective_conductance(drawn.clip(0, None), wires=R)) - still,
    }
    times = interleaved(ours, device, seconds, rounds=5)
    results = {name: run() for name, run in ours.items()}
    truth = _array.to_numpy(results["T for each read"])
    # floor: two products, and the fields once
    flops, moved = 2.0 * reads * n * n * 2 * n, 8.0 * 2 * n**3
    work = f"{reads} reads of {n} x {n}, 5 % in every cell"
    return with_ratios(_rows("noisy reads through wires", work, times, results, truth, moved, flops, device))


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device. Peers take about 20 s at 256 x 256: under 15 s leaves them out there, and 60 s add 1024 x 1024."""
    full = budget >= 15.0
    sizes = SIZES if budget >= 60.0 else SIZES[:3] if full else SIZES[:2]
    with environment(PNNKERN_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"):
        rows: list[Row] = []
        for n in sizes:
            rows += effective(device, budget / 20, n, slow=n == 128 or (full and n == 256))
        for n in sizes[:3]:
            rows += gradient(device, budget / 30, n)
        rows += noisy_reads(device, budget / 30, 128 if full else 64)
        rows += batch(device, budget / 30, 256 if full else 128)
        return rows + one_read(device, budget / 30, 256 if full else 64, slow=True)
