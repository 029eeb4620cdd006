"""Springs and masses in steps and back, by all methods: teams of several threads, nodes beyond a team, samples beyond the grid."""

from collections.abc import Iterator

import numpy as np

from pnnkern import _launch

BATCH, N, STEPS, EVERY, SEGMENT, TEAM = 7, 11, 6, 2, 4, 8
TEAMS, GRID = 2, 2
STAGES = {0: 4, 1: 1, 2: 2}


def lists() -> tuple[np.ndarray, ...]:
    """A ring of which node 0 feels the last one, and so on: who is felt, and by whom."""
    offsets, edge = np.arange(N + 1, dtype=np.int32), np.arange(N, dtype=np.int32)
    before, behind = (edge - 1) % N, (edge + 1) % N
    return offsets, before.astype(np.int32), edge, offsets, behind.astype(np.int32), behind.astype(np.int32), np.stack([edge, before], 1)


def steps_and_back() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for real in (np.float32, np.float64):
        for method, times, inputs, coupled in ((0, STEPS + 1, 1, True), (1, 1, N, True), (2, STEPS + 1, N, False), (0, 1, 1, True)):

            def some(*shape: int, real: type = real) -> np.ndarray:
                return rng.uniform(0.2, 1, shape).astype(real)

            into = lists() if coupled else (None,) * 7
            noisy, sigma, edges = int(method == 2), some(2) if method == 2 else None, N if coupled else 0
            size = np.dtype(real).itemsize * N * TEAMS
            grid, block = (GRID,), (TEAM * TEAMS,)
            state, drive, parameters, weights = some(BATCH, 2, N), some(BATCH, times, inputs), some(1, N), some(edges)
            random = (noisy, sigma, 1, 2, None, 3, None, state)
            out, kept = np.empty((BATCH, STEPS // EVERY, 2, N), real), np.empty((BATCH, STEPS // SEGMENT, 2, N), real)
            for every, result in ((EVERY, out), (SEGMENT, kept)):
                _launch.launch(
                    "dynamics/ode", "solve", real, BATCH, N, STEPS, every, 5, method, TEAM, times, inputs, 0.1, np.ones(1, real), parameters,
                    weights, *into[:3], drive, *random, result, grid=grid, block=block, shared=8 * size,
                )  # fmt: skip
                yield result
            rows = TEAMS * GRID
            history = np.empty((rows, SEGMENT, STAGES[method], 2, N), real)
            sums = np.empty_like(state), np.zeros((rows, 1, N), real), np.zeros((rows, edges), real), np.zeros_like(drive)
            _launch.launch(
                "dynamics/adjoint", "back", real, BATCH, N, STEPS, EVERY, SEGMENT, 5, method, TEAM, times, inputs, 0.1, np.ones(1, real),
                parameters, weights, *into[:6], edges, 0, into[6], drive, *random, kept, some(*out.shape), history, *sums, grid=grid,
                block=block, shared=14 * size,
            )  # fmt: skip
            yield from (sums[0], sums[1].sum(axis=0), sums[2].sum(axis=0), sums[3])


CALLS = (steps_and_back,)
