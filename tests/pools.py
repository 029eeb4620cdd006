"""A script: the same work in a process that uses its threads, and then in its children or in four threads at once.

python pools.py WAY prints "equal" where all results are, and else the names of those that are not. WAY is a start method of multiprocessing,
a back end of joblib after "joblib-", "torch" (a DataLoader whose workers are forked), "host" (kernels by the host runner) or "threads".
"""

import hashlib
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import pnnkern as pnn
from pnnkern import _launch

TASKS = 4
FIELD = np.random.default_rng(0).normal(size=(4, 256, 256)).astype(np.complex64)  # 2 MiB: joblib hands it over as a mapped file


def results(seed: int, field: np.ndarray = FIELD) -> dict[str, np.ndarray]:
    """A large call of every kind that uses threads: Numba's, ours over fields, and those of BLAS."""
    rng, key = np.random.default_rng(seed), pnn.random.key(seed)
    field, large = np.roll(field, seed), rng.normal(size=(256, 300)).astype(np.float32)
    volts, conductance = np.abs(large), rng.uniform(1e-6, 2e-5, (300, 64)).astype(np.float32)
    edges = np.array([(i, j) for i in range(40) for j in range(i + 1, 40)])
    network = pnn.networks.ResistorNetwork(edges, 40)
    sources = rng.normal(size=(256, 2)).astype(np.float32)
    adam, trained = pnn.learning.Adam(), {"x": large.copy()}
    adam.apply(trained, {"x": large})
    return {
        "draws": pnn.random.normal(key, (256, 2000)),
        "fields": pnn.optics.propagate(field, distance=1e-2, wavelength=1e-6, pitch=8e-6),
        "blas": large @ large.T,
        "read": pnn.crossbar.read(volts, conductance, noise=pnn.crossbar.GaussianNoise(relative=0.02), dac=pnn.crossbar.DAC(8), key=key),
        "pulses": pnn.crossbar.pulse_update(conductance * 0, volts, volts[:, :64], device="ecram", lr=0.01, key=key),
        "resistors": network.solve(rng.uniform(1, 2, len(edges)), nodes=[0, 3], voltages=sources),
        "adam": trained["x"],
    }  # fmt: skip


def work(seed: int, field: np.ndarray = FIELD) -> dict[str, str]:
    """`results`, each as a digest of its bits."""
    return {name: hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest() for name, x in results(seed, field).items()}


def drawn(seed: int) -> dict[str, str]:
    """A kernel by the host runner on threads of its own."""
    with _launch.host(threads=2):
        return {"draws": hashlib.sha256(pnn.random.normal(pnn.random.key(seed), (64, 500)).tobytes()).hexdigest()}


class Data:
    """What torch's DataLoader asks of a data set."""

    def __len__(self) -> int:
        return TASKS

    def __getitem__(self, index: int) -> dict[str, str]:
        return work(index)


def elsewhere(way: str) -> list[dict[str, str]]:
    """The work of all tasks, the way that is named."""
    if way == "threads":
        with ThreadPoolExecutor(TASKS) as threads:
            return list(threads.map(work, range(TASKS)))
    if way == "torch":
        from torch.utils.data import DataLoader

        loader: Any = DataLoader(Data(), batch_size=None, num_workers=2, multiprocessing_context="fork")  # type: ignore[arg-type]
        return list(loader)
    if way.startswith("joblib-"):
        import joblib

        return joblib.Parallel(n_jobs=2, backend=way.removeprefix("joblib-"))(joblib.delayed(work)(i, FIELD) for i in range(TASKS))
    with multiprocessing.get_context("fork" if way == "host" else way).Pool(2) as pool:
        return pool.map(drawn if way == "host" else work, range(TASKS))


if __name__ == "__main__":
    way = sys.argv[1]
    if way == "threads":  # all first calls at once
        there = elsewhere(way)
    here = [(drawn if way == "host" else work)(i) for i in range(TASKS)]
    if way != "threads":
        there = elsewhere(way)
    print(*[f"{name} {i}" for i in range(TASKS) for name in here[i] if here[i][name] != there[i][name]] or ["equal"])
