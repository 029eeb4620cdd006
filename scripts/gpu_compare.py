"""The rows of `gpu_check.sh --check` that hold a GPU against the CPU beside it: kernels, training steps, other libraries' arrays, streams.

Run by gpu_check.py, as ``gpu_compare.py [--small] ROW ...``; rows "memcheck ..." and "racecheck ..." under compute-sanitizer.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import gpu_clock
import gpu_record
import gpu_steps
import numpy as np
from gpu_clock import Row, cupy

from pnnkern import _array, _launch, crossbar, optics, random
from pnnkern._sources import prototypes
from pnnkern.optics import Propagator

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/kernels"))
import sanitized

# Of the 2-norm: what a parameter's movement in a step may differ by. Sums are in another order on a GPU, and Adam divides by gradients.
LIMITS = {"float32": 1e-3, "float64": 1e-5}
CALL = 2e-5  # and the result of a call


class Different(AssertionError):
    """The GPU's result is not the CPU's."""


def distance(a: np.ndarray, b: np.ndarray, size: float | None = None) -> float:
    """Of two arrays, relative to the norm of the second or to `size`; infinite for arrays of another kind, or integers that differ."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.dtype.kind not in "fc":
        return 0.0 if np.array_equal(a, b) else float("inf")
    scale = float(np.linalg.norm(b.ravel().astype(np.complex128))) if size is None else size
    apart = float(np.linalg.norm((a.astype(np.complex128) - b).ravel()))
    return apart / scale if scale else float("inf") if apart else 0.0


# --------------------------------------------------------------------------------------------------------------- kernels by rooms
@contextlib.contextmanager
def borrowed() -> Iterator[None]:
    """NumPy arrays take the device branch, and each of its kernels runs on the GPU, on copies of the very sizes; not on the host runner."""
    real = _launch.launch

    def launch(stem: str, verb: str, dtype: Any, *args: Any, **how: Any) -> None:
        there = {id(a): cupy().asarray(a) for a in args if isinstance(a, np.ndarray)}
        real(stem, verb, dtype, *(there.get(id(a), a) for a in args), **how)
        kernel = next(p for name, p in prototypes(stem).items() if name.startswith(f"pnn_{stem.rpartition('/')[2]}_{verb}_"))
        for parameter, a in zip(kernel.given, args, strict=True):
            if parameter.pointer and not parameter.const and a is not None:
                a[...] = there[id(a)].get()
        _launch.check()

    with _launch.host(), mock.patch.object(_launch, "launch", launch):
        yield


def kernels(room: str, *, apart: bool = False) -> Callable[[], Row]:
    """A row for all kernels of a room, in small calls on which every loop goes round. apart : memory of each array by itself, which is what
    compute-sanitizer sees the ends of."""

    def row() -> Row:
        if apart:
            cupy().cuda.set_allocator(None)
        calls = importlib.import_module(f"sanitized.{room}").CALLS
        expected = {call.__name__: list(call()) for call in calls}
        with borrowed(), sanitized.tight():
            found = {call.__name__: list(call()) for call in calls}
        errors = {name: max(map(distance, found[name], expected[name])) for name in found}
        return evaluated(errors, CALL)

    return row


# --------------------------------------------------------------------------------------------------------------- training steps
def step(recipe: str) -> Callable[[], Row]:
    """A row for one training step of a recipe, from the parameters to all that it leaves behind."""

    def row() -> Row:
        trainers = [gpu_steps.trainer(recipe, device, small=gpu_clock.SMALL) for device in ("cpu", "cuda")]
        starts = [{name: array.copy() for name, array in trainer.saved().items()} for trainer in trainers]
        for trainer in trainers:
            trainer.advance()
        cpu, gpu = (trainer.saved() for trainer in trainers)
        errors = {f"start of {name}": distance(starts[1][name], array) for name, array in starts[0].items()}
        for name, array in cpu.items():
            learned = name.startswith("parameters/")
            moved = float(np.linalg.norm((array.astype(float) - starts[0][name]).ravel())) if learned else None
            errors[name] = distance(gpu[name], array, moved)
        wide = all(p.dtype == np.float64 for p in trainers[0].system.parameters.values())
        return evaluated(errors, LIMITS["float64" if wide else "float32"])

    return row


# recipes whose steps are captured as a graph; those of the second line draw by the keys of the steps
CAPTURED = (
    "d2nn-mnist", "drn-mnist", "drn-2h-mnist", "hopfield-mnist", "oim-mnist", "ep-conv-digits",
    "crossbar-digits", "crossbar-digits-pulsed", "ff-d2nn-digits", "ising-digits", "boltzmann-digits",
)  # fmt: skip
STEPS = 8  # of two epochs, the first three of them one by one


def captured(recipe: str) -> Callable[[], Row]:
    """A row for steps that are launches of a graph: they must leave the same bits behind as steps one by one."""

    def row() -> Row:
        states: list[dict[str, np.ndarray]] = []
        for graph in ("on", "off"):
            trainer = gpu_steps.trainer(recipe, "cuda", small=gpu_clock.SMALL, graph=graph)
            for _ in range(STEPS):
                trainer.advance()
            states.append(trainer.saved())
        return evaluated({name: 0.0 if np.array_equal(states[0][name], array) else np.inf for name, array in states[1].items()}, 0.0)

    return row


def evaluated(errors: dict[str, float], limit: float) -> Row:
    """The row, or `Different` with the worst error."""
    wrong = {name: error for name, error in errors.items() if not error <= limit}
    if wrong:
        raise Different(f"{len(wrong)} of {len(errors)} beyond {limit:g}: " + ", ".join(f"{n} {e:.1e}" for n, e in wrong.items()))
    return {"errors": {name: error for name, error in errors.items() if error}, "compared": len(errors)}


# ------------------------------------------------------------------------------------------------------- other libraries, streams
N = 200  # pixels a side, of fields that go in and come out


def calls() -> dict[str, tuple[Callable[..., Any], list[np.ndarray]]]:
    """Public functions of several rooms, and what they are called with."""
    rng, n = np.random.default_rng(0), N if not gpu_clock.SMALL else 12
    field = (rng.standard_normal((3, n, n)) + 1j * rng.standard_normal((3, n, n))).astype(np.complex64)
    phase, key = rng.uniform(0, 6, (n, n)).astype(np.float32), random.key(3)
    V, G = rng.uniform(0, 0.2, (5, n)).astype(np.float32), rng.uniform(1e-6, 1e-4, (n, n)).astype(np.float32)
    light: Any = {"distance": 1e-2, "wavelength": 6e-7, "pitch": 8e-6}
    noise: Any = {"noise": crossbar.GaussianNoise(relative=0.02), "key": key, "sample": 0}
    return {
        "phase_mask": (optics.phase_mask, [field, phase]), "propagate": (lambda u: optics.propagate(u, **light), [field]),
        "intensity": (optics.intensity, [field]), "read": (lambda v, g: crossbar.read(v, g, **noise), [V, G]),
        "effective_conductance": (lambda g: crossbar.effective_conductance(g, wires=1.0), [G[:9, :8]]),
        "normal": (lambda like: random.normal(key, (3, 1000), like=like), [V]), "poisson": (lambda m: random.poisson(key, m), [1e3 * V]),
    }  # fmt: skip


class Torch:
    """Tensors that a busy side stream has yet to write."""

    def __init__(self) -> None:
        import torch

        self.torch, self.stream = torch, torch.cuda.Stream()
        self.zeros = torch.zeros((4096, 4096) if not gpu_clock.SMALL else (4, 4), device="cuda")
        torch.cuda.synchronize()

    def current(self) -> Any:
        return self.torch.cuda.stream(self.stream)

    def send(self, a: np.ndarray) -> Any:
        late = self.zeros
        for _ in range(10):
            late = late @ late
        return self.torch.as_tensor(a).to("cuda", non_blocking=True) + late[0, 0]

    def receive(self, y: Any) -> np.ndarray:
        found: np.ndarray = (y + 0).cpu().numpy()
        return found


class Jax:
    """JAX arrays that its own stream has yet to write."""

    def __init__(self) -> None:
        import jax.numpy

        self.numpy = jax.numpy
        self.zeros = jax.numpy.zeros((4096, 4096) if not gpu_clock.SMALL else (4, 4))

    def current(self) -> Any:
        return contextlib.nullcontext()

    def send(self, a: np.ndarray) -> Any:
        late = self.zeros
        for _ in range(10):
            late = late @ late
        return self.numpy.asarray(a) + late[0, 0]

    def receive(self, y: Any) -> np.ndarray:
        return np.asarray(y + 0)


class Numba:
    """Numba's device arrays, which a busy side stream has yet to write."""

    def __init__(self) -> None:
        from numba import cuda

        self.cuda, self.stream = cuda, cuda.stream()
        self.page = np.zeros((1 << 28) if not gpu_clock.SMALL else 16, np.uint8)

    def current(self) -> Any:
        return contextlib.nullcontext()

    def send(self, a: np.ndarray) -> Any:
        self.busy = self.cuda.to_device(self.page, stream=self.stream)
        return self.cuda.to_device(a, stream=self.stream)

    def receive(self, y: Any) -> np.ndarray:
        found: np.ndarray = y.copy_to_host()
        return found


def foreign(library: Callable[[], Any]) -> Callable[[], Row]:
    """A row for arrays of another library: in and out on its stream, five times with other values, against the CPU's results."""

    def row() -> Row:
        there, errors = library(), dict[str, float]()
        for name, (call, given) in calls().items():
            for i in range(5):
                values = [(1 + i) * a for a in given]
                with there.current():
                    arrays = [there.send(a) for a in values]
                    y = call(*arrays)
                    if type(y) is not type(arrays[0]):
                        raise Different(f"{name} gave {type(y)} for {type(arrays[0])}")
                    found = there.receive(y)
                errors[f"{name} {i}"] = distance(found, call(*values))
        _launch.check()
        return evaluated(errors, CALL)

    return row


def two_streams() -> Row:
    """Tables that one stream makes and another needs at once; fields of windows that nothing else has."""
    xp, errors = cupy(), dict[str, float]()
    for n in (61, 67, 71, 73) if not gpu_clock.SMALL else (7,):
        rng = np.random.default_rng(n)
        u = (rng.standard_normal((20, n, n)) + 1j * rng.standard_normal((20, n, n))).astype(np.complex64)
        there = xp.asarray(u)
        gpu_clock.wait()
        plan, found = Propagator((n, n), pitch=8e-6, wavelength=6e-7, distance=1e-2), []
        streams = [xp.cuda.Stream(non_blocking=True) for _ in range(3)]
        for stream in streams:
            with stream:
                found.append(plan(there))
        gpu_clock.wait()
        errors |= {f"{n}, stream {i}": distance(_array.to_numpy(y), plan(u)) for i, y in enumerate(found)}
    return evaluated(errors, CALL)


ROWS: dict[str, Callable[[], Row]] = {
    **{f"kernels {room}": kernels(room) for room in sanitized.ROOMS}, **{f"step {name}": step(name) for name in gpu_steps.names()},
    **{f"captured {name}": captured(name) for name in CAPTURED},
    "torch": foreign(Torch), "jax": foreign(Jax), "numba": foreign(Numba), "two streams": two_streams,
    **{f"{tool} {room}": kernels(room, apart=True) for tool in ("memcheck", "racecheck") for room in sanitized.ROOMS},
}  # fmt: skip


def main() -> int:
    chosen = gpu_record.arguments("rows that compare a GPU with the CPU").parse_args()
    if chosen.list:
        return gpu_record.tell(ROWS)
    gpu_clock.SMALL = chosen.small
    return gpu_record.serve(ROWS, chosen.rows)


if __name__ == "__main__":
    sys.exit(main())
