"""Optics: the angular spectrum and a D2NN training step, beside what users write today.

One thread. All contenders of a case are timed in turn, round after round, so that a noisy machine hits them alike; medians and their
ratios count. Errors are relative 2-norms to complex128.
"""

import functools
import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _array
from ...learning import Adam, Batch, InSilico, one_step
from ...optics import Propagator, _layer, chain, fraunhofer, propagate
from ...systems import D2NN, writers
from . import _optics_peers
from ._timing import PEERS, Row, environment, installed, interleaved, row, torch_on_one_thread, with_ratios

VISIBLE: dict[str, Any] = {"wavelength": 633e-9, "pitch": 8e-6}  # metres


def angular_spectrum(device: str, seconds: float, batch: int = 32, n: int = 256, dtype: str = "complex64") -> list[Row]:
    """`batch` fields n x n, padded to 2n: visible light, 8 um pixels, 2 cm for n = 256, where every library takes the angular spectrum."""
    xp = _array.device_namespace(device)
    rng = np.random.default_rng(0)
    exact = rng.standard_normal((batch, n, n)) + 1j * rng.standard_normal((batch, n, n))
    u = xp.asarray(exact.astype(dtype))
    distance = 0.02 * n / 256
    plan = Propagator((n, n), distance=distance, **VISIBLE)
    reference = _reference(plan, _array.to_numpy(u))
    side = plan.grid.window[0]
    h = plan.transfer(u).full[0]
    contenders: dict[str, Callable[[], Any]] = {}
    if device == "cpu":
        import scipy.fft

        for engine in _engines():
            contenders[f"pnnkern ({engine})"] = functools.partial(_with_engine, engine, lambda: plan(u))
        contenders |= _optics_peers.propagations(u, distance, VISIBLE["wavelength"], VISIBLE["pitch"])
        contenders["scipy.fft, whole batch"] = lambda: scipy.fft.ifft2(scipy.fft.fft2(u, (side, side)) * h)[:, :n, :n]
    else:
        contenders["pnnkern"] = lambda: plan(u)
        contenders["CuPy, plain"] = lambda: xp.fft.ifft2(xp.fft.fft2(u, (side, side)) * h)[:, :n, :n]
    torch = torch_on_one_thread()
    if torch is not None and (device == "cpu" or torch.cuda.is_available()):
        tu, th = torch.as_tensor(_array.to_numpy(u)).to(device), torch.as_tensor(_array.to_numpy(h)).to(device)
        contenders["torch, plain"] = lambda: torch.fft.ifft2(torch.fft.fft2(tu, (side, side)) * th)[:, :n, :n]
    times = interleaved(contenders, device, seconds)
    # floor: read and write every field once; arithmetic of the pruned transforms, 5 P log2 P per line of P points, four passes
    bytes_moved = 2 * u.nbytes
    flops = batch * (2 * n + 2 * side) * 5 * side * np.log2(side)
    rows = []
    for name, run in contenders.items():
        got = run()
        got = _array.to_numpy(got.cpu().numpy() if hasattr(got, "cpu") else got)
        error = float(np.linalg.norm(got - reference) / np.linalg.norm(reference))
        work = f"{batch} x {n}^2 padded to {side}^2, {dtype}"
        rows.append(row("angular spectrum", work, name, times[name], bytes_moved, flops, device, error=error))
    return with_ratios(rows, _absent() | (_optics_peers.absent() if device == "cpu" else {}))


def far_field(device: str, seconds: float, batch: int = 32, n: int = 512) -> list[Row]:
    """The Fraunhofer far field of `batch` fields, beside the FFT in it."""
    xp, rng = _array.device_namespace(device), np.random.default_rng(0)
    u = xp.asarray((rng.standard_normal((batch, n, n)) + 1j * rng.standard_normal((batch, n, n))).astype(np.complex64))
    fft = _array.scipy_fft(u)
    contenders = {"pnnkern": lambda: fraunhofer(u, distance=1.0, **VISIBLE), "the FFT alone": lambda: fft.fft2(u)}
    times = interleaved(contenders, device, seconds)
    flops = batch * 2 * n * 5 * n * np.log2(n)
    return with_ratios([row("far field", f"{batch} x {n}^2, complex64", name, ms, 2 * u.nbytes, flops, device) for name, ms in times.items()])


def new_distance(device: str, seconds: float, n: int = 512) -> list[Row]:
    """One field n x n complex64 to a new distance at every call, near (transfer function) and far (impulse response): plan and transforms,
    beside the transfer function and the transforms of NumPy and SciPy."""
    near, far = (_to_new_distances(case, z * n / 256, device, seconds / 2, n) for case, z in (("near", 0.01), ("far", 0.3)))
    return near + far


def _to_new_distances(case: str, start: float, device: str, seconds: float, n: int) -> list[Row]:
    import scipy.fft

    rng = np.random.default_rng(0)
    u = (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))).astype(np.complex64)
    distances = (start * (1 + 1e-5 * step) for step in itertools.count())

    def plain() -> np.ndarray:
        f = np.fft.fftfreq(2 * n, VISIBLE["pitch"])
        fz = np.sqrt(np.maximum(VISIBLE["wavelength"] ** -2 - f[:, None] ** 2 - f**2, 0))
        h = np.exp(2j * np.pi * next(distances) * fz).astype(np.complex64)
        out: np.ndarray = scipy.fft.ifft2(scipy.fft.fft2(u, h.shape) * h)[:n, :n]
        return out

    contenders: dict[str, Callable[[], Any]] = {
        f"pnnkern ({engine})": functools.partial(_with_engine, engine, lambda: propagate(u, distance=next(distances), **VISIBLE))
        for engine in _engines()
    }
    times = interleaved(contenders | {"NumPy and scipy.fft": plain}, device, seconds)
    flops = (2 * n + 4 * n) * 5 * 2 * n * np.log2(2 * n)
    work = f"1 x {n}^2 padded to {2 * n}^2, complex64"
    return with_ratios([row(f"a new distance, {case}", work, name, ms, 2 * u.nbytes, flops, device) for name, ms in times.items()])


def layer_chain(device: str, seconds: float, batch: int = 256, n: int = 200, layers: int = 5) -> list[Row]:
    """`layers` phase masks between free spaces of the published geometry, forward: the fused kernels beside one library call after another.

    The floor counts the bytes that two kernels per layer move: their spectra once in and once out (`_layer.traffic`).
    """
    xp = _array.device_namespace(device)
    rng = np.random.default_rng(0)
    u = xp.asarray((rng.standard_normal((batch, n, n)) + 1j * rng.standard_normal((batch, n, n))).astype(np.complex64))
    masks = xp.asarray(np.exp(2j * np.pi * rng.random((layers, n, n))).astype(np.complex64))
    plan = Propagator((n, n), pitch=0.4e-3, wavelength=0.75e-3, distance=30e-3)
    side, h = plan.grid.window[0], plan.transfer(u).full[0]

    def plain() -> Any:
        v = xp.fft.ifft2(xp.fft.fft2(u, (side, side)) * h)[:, :n, :n]
        for mask in masks:
            v = xp.fft.ifft2(xp.fft.fft2(v * mask, (side, side)) * h)[:, :n, :n]
        return v

    contenders = {"pnnkern": lambda: chain.forward(u, masks, [plan] * (layers + 1))[0], "CuPy, plain": plain}
    torch = torch_on_one_thread()
    if torch is not None and torch.cuda.is_available():
        tu, tm, th = (torch.as_tensor(_array.to_numpy(x)).to(device) for x in (u, masks, h))

        def torch_plain() -> Any:
            v = torch.fft.ifft2(torch.fft.fft2(tu, (side, side)) * th)[:, :n, :n]
            for mask in tm:
                v = torch.fft.ifft2(torch.fft.fft2(v * mask, (side, side)) * th)[:, :n, :n]
            return v

        contenders["torch, plain"] = torch_plain
    times = interleaved(contenders, device, seconds)
    reference = _array.to_numpy(u[:2])
    for mask in [*_array.to_numpy(masks), None]:
        reference = _reference(plan, reference)
        reference = reference if mask is None else reference * mask
    moved = _layer.traffic(batch, n, side, layers)
    flops = batch * (layers + 1) * (2 * n + 2 * side) * 5 * side * np.log2(side)
    rows = []
    for name, run in contenders.items():
        got = run()[:2]
        got = _array.to_numpy(got.cpu().numpy() if hasattr(got, "cpu") else got)
        error = float(np.linalg.norm(got - reference) / np.linalg.norm(reference))
        work = f"{batch} x {n}^2 padded to {side}^2, {layers} masks, complex64, {moved / batch / n**2:.0f} bytes per pixel"
        rows.append(row("layer chain", work, name, times[name], moved, flops, device, error=error))
    return with_ratios(rows, _absent())


def _reference(plan: Propagator, u: np.ndarray) -> np.ndarray:
    """complex128, by numpy.fft on the whole window."""
    (ny, nx), window = plan.shape, plan.grid.window
    h = plan.transfer(np.empty(0, np.complex128)).full[0]
    return np.stack([np.fft.ifft2(np.fft.fft2(one.astype(np.complex128), window) * h)[:ny, :nx] for one in u])


def _engines() -> list[str]:
    """What transforms on a CPU: ours, and the libraries that are installed."""
    return [name for name, package in (("lanes", "numba"), ("fftw", "pyfftw"), ("mkl", "mkl_fft"), ("scipy", "scipy")) if installed(package)]


def _with_engine(engine: str, run: Callable[[], Any]) -> Any:
    with environment(PNNKERN_FFT=engine):
        return run()


def _absent() -> dict[str, str]:
    return {name: PEERS for name in ("torch",) if not installed(name)}


def d2nn_contenders(device: str, batch: int) -> dict[str, Callable[[], Any]]:
    """One training step of the published geometry (5 layers 200 x 200, padded to 400, cross-entropy, Adam), ours and torch's."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (batch, 28, 28)).astype(np.uint8), rng.integers(0, 10, batch)
    xp = _array.device_namespace(device)
    phase = rng.uniform(0, 2 * np.pi, (5, 200, 200)).astype(np.float32)
    system = D2NN(parameters={"phase": xp.asarray(phase)}, device=device)
    inputs, rule, adam = system.encode(images), InSilico(), Adam(1e-3)

    def ours() -> None:
        gradients, _ = one_step(rule, system, Batch(inputs, labels))
        writers.apply(system, gradients, adam, 1e-3, count=batch)

    contenders: dict[str, Callable[[], Any]] = {}
    if device == "cpu":
        for engine in _engines():
            contenders[f"pnnkern ({engine})"] = functools.partial(_with_engine, engine, ours)
    else:
        contenders["pnnkern"] = ours
    torch = torch_on_one_thread()
    if torch is not None and (device == "cpu" or torch.cuda.is_available()):
        contenders["torch autograd"] = _torch_step(torch, system, inputs, labels, device)
    return contenders


def d2nn_step(device: str, seconds: float, batch: int = 32) -> list[Row]:
    """Time of forward, backward and Adam update."""
    contenders = d2nn_contenders(device, batch)
    times = interleaved(contenders, device, seconds, rounds=5)
    n, side, layers = 200, 400, 5
    # 6 propagations forward, 5 back; fields kept once and read once per layer
    flops = batch * 11 * (2 * n + 2 * side) * 5 * side * np.log2(side)
    bytes_moved = batch * n * n * 8 * (2 * layers + 2)
    work = f"batch {batch}, 5 x 200^2 padded to 400^2, forward + backward + Adam"
    rows = [row("D2NN step", work, name, ms, bytes_moved, flops, device) for name, ms in times.items()]
    return with_ratios(rows, _absent())


def d2nn_gradient(batch: int = 4) -> list[Row]:
    """The gradient of the phases in float64 beside torch's, as a relative 2-norm of the difference; nothing without torch."""
    torch = torch_on_one_thread()
    if torch is None:
        return []
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (batch, 28, 28)).astype(np.uint8), rng.integers(0, 10, batch)
    system = D2NN(parameters={"phase": rng.uniform(0, 2 * np.pi, (5, 200, 200))}, dtype="float64")
    inputs = system.encode(images)
    theirs = _torch_step(torch, system, inputs, labels, "cpu")().numpy()
    rows: list[Row] = []
    for engine in _engines():
        ours = _with_engine(engine, lambda: one_step(InSilico(), system, Batch(inputs, labels)))[0]["phase"].value / batch
        error = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
        rows.append({"case": "D2NN gradient beside torch's", "work": f"float64, batch {batch}", "name": f"pnnkern ({engine})",
                     "error": error, "device": "cpu"})  # fmt: skip
    return rows


def _torch_step(torch: Any, system: D2NN, inputs: Any, labels: np.ndarray, device: str) -> Callable[[], Any]:
    """The same network as users write it: batched fft2, autograd, torch's Adam. A step returns the gradient of the phases."""
    n, side = 200, 400
    h = torch.as_tensor(_array.to_numpy(system.propagators[0].transfer(inputs).full[0])).to(device)
    phase = torch.tensor(_array.to_numpy(system.parameters["phase"]), device=device, requires_grad=True)
    u, y = torch.as_tensor(_array.to_numpy(inputs)).to(device), torch.as_tensor(labels).to(device)
    adam = torch.optim.Adam([phase], lr=1e-3)
    boxes = system.regions.boxes

    def step() -> Any:
        adam.zero_grad()
        v = torch.fft.ifft2(h * torch.fft.fft2(u, (side, side)))[:, :n, :n]
        for layer in phase:
            v = torch.fft.ifft2(h * torch.fft.fft2(v * torch.exp(1j * layer), (side, side)))[:, :n, :n]
        intensity = v.abs() ** 2
        powers = torch.stack([intensity[:, a:b, c:d].sum((1, 2)) for a, b, c, d in boxes], 1)
        torch.nn.functional.cross_entropy(10 * powers / powers.max(1, keepdim=True).values, y).backward()
        adam.step()
        return phase.grad

    return step


_MEMORY = """
import sys
from pathlib import Path
from pnnkern.experiments.bench import optics

def kib(field):
    return int(Path("/proc/self/status").read_text().split(field + ":")[1].split()[0])

step = optics.d2nn_contenders("cpu", 32)[sys.argv[1]]
optics.d2nn_contenders("cpu", 1)[sys.argv[1]]()
Path("/proc/self/clear_refs").write_text("5")  # VmHWM, the highest resident size, starts again from here
before = kib("VmRSS")
step()
print(kib("VmHWM") - before)
"""


def d2nn_memory() -> list[Row]:
    """Extra peak memory of one step at batch 32, each contender in a process of its own (compiled and warm from batch 1)."""
    rows: list[Row] = []
    for name in d2nn_contenders("cpu", 1):
        done = subprocess.run([sys.executable, "-c", _MEMORY, name], capture_output=True, text=True, check=True)
        mib = max(1.0, int(done.stdout) / 1024)
        rows.append({"case": "D2NN step, extra peak memory", "work": "batch 32", "name": name, "mib": mib, "device": "cpu"})
    return with_ratios(rows, figure="mib")


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds."""
    with environment(PNNKERN_NUM_THREADS="1"):
        if device == "cpu":
            part = budget / 5
            rows = [r for dtype in ("complex64", "complex128") for r in angular_spectrum(device, part, dtype=dtype)]
            rows += far_field(device, part) + new_distance(device, part) + d2nn_step(device, part)
            return rows + d2nn_memory() + d2nn_gradient()
        rows = angular_spectrum(device, budget / 4) + d2nn_step(device, budget / 4)
        return rows + [r for n in (200, 256) for r in layer_chain(device, budget / 4, n=n)]
