"""Other libraries of optics: the propagation of a batch of fields by the angular spectrum on a window of twice the side, each as its
documentation says. On the CPU, with torch on one thread.

svetlanna and torchoptics work out their transfer functions in the precision of the field, which costs them five digits in complex64; in
complex128 all give the same field. torchoptics and svetlanna make theirs anew, or its exponential, in every call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._timing import PEERS, installed, torch_on_one_thread

LIBRARIES = {"svetlanna": ("svetlanna", "torch"), "torchoptics": ("torchoptics", "torch"), "hcipy": ("hcipy",)}


def absent() -> dict[str, str]:
    """Why those that are not installed have no row."""
    return {name: PEERS for name, needed in LIBRARIES.items() if not installed(*needed)}


def propagations(u: np.ndarray, distance: float, wavelength: float, pitch: float) -> dict[str, Callable[[], np.ndarray]]:
    """What propagates the fields u (batch, n, n) in each library that is installed. Lengths in metres."""
    made = {"svetlanna": _svetlanna, "torchoptics": _torchoptics, "hcipy": _hcipy}
    return {name: made[name](u, distance, wavelength, pitch) for name in LIBRARIES if name not in absent()}


def _svetlanna(u: np.ndarray, distance: float, wavelength: float, pitch: float) -> Callable[[], np.ndarray]:
    import svetlanna

    torch = torch_on_one_thread()
    n, field = u.shape[-1], svetlanna.Wavefront(torch.as_tensor(u))
    with _precision(torch.get_default_dtype, torch.set_default_dtype, field.real.dtype):
        line = (torch.arange(n) - n // 2) * pitch
        space = svetlanna.elements.FreeSpace(
            svetlanna.SimulationParameters({"x": line, "y": line, "wavelength": wavelength}), distance, "zpASM"
        )

    def propagate() -> np.ndarray:
        with torch.no_grad():
            out: np.ndarray = space(field).numpy()
        return out

    return propagate


def _torchoptics(u: np.ndarray, distance: float, wavelength: float, pitch: float) -> Callable[[], np.ndarray]:
    import torchoptics

    torch = torch_on_one_thread()
    values, side = torch.as_tensor(u), u.shape[-1] // 2
    precision = torchoptics.config.get_default_dtype, torchoptics.config.set_default_dtype, values.real.dtype
    with _precision(*precision):
        field = torchoptics.Field(values, wavelength=wavelength, spacing=pitch)

    def propagate() -> np.ndarray:
        with torch.no_grad(), _precision(*precision):
            out: np.ndarray = field.propagate_to_z(distance, propagation_method="ASM", asm_pad=(side, side)).data.numpy()
        return out

    return propagate


def _hcipy(u: np.ndarray, distance: float, wavelength: float, pitch: float) -> Callable[[], np.ndarray]:
    import hcipy

    n = u.shape[-1]
    grid = hcipy.make_uniform_grid((n, n), (n * pitch, n * pitch))
    space = hcipy.AngularSpectrumPropagator(grid, distance, num_oversampling=1)  # samples of the transfer function, no means over them
    field = hcipy.Wavefront(hcipy.Field(u.reshape(len(u), -1), grid), wavelength)

    def propagate() -> np.ndarray:
        out: np.ndarray = np.asarray(space.forward(field).electric_field).reshape(u.shape)
        return out

    return propagate


@contextmanager
def _precision(get: Callable[[], Any], put: Callable[[Any], None], dtype: Any) -> Iterator[None]:
    """A library's default precision, for a while."""
    before = get()
    put(dtype)
    try:
        yield
    finally:
        put(before)
