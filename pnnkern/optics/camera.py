"""What a detector makes of the light that falls on it: shot noise, read noise, a full well, a converter of some bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Sample
from .._checks import wrt_names
from .._gate import accepts_any
from . import _checks


@dataclass(frozen=True)
class Camera:
    """A detector's readout. What is None or zero is ideal; ``Camera()`` returns the light as it is.

    Parameters
    ----------
    photons : float | None
        Detected photons (photoelectrons, the quantum efficiency included) per unit of the light that is given, which makes the shot noise: a
        power of 2 gives a Poisson number of mean 2 photons. None: no shot noise, and the unit of the three numbers below is that of the light.
    read_noise : float
        Standard deviation of the Gaussian noise of each reading, electrons.
    full_well : float | None
        Electrons at which a pixel saturates. Readings are clipped there.
    bits : int | None
        Of the analogue-digital converter, whose 2^bits levels span 0 to `full_well` evenly; lower readings give 0, so that read noise on a dark
        pixel is rectified. Needs `full_well`.

    Raises
    ------
    ValueError
        For numbers out of range.

    Notes
    -----
    EMVA Standard 1288, linear camera model.
    """

    photons: float | None = None
    read_noise: float = 0.0
    full_well: float | None = None
    bits: int | None = None

    def __post_init__(self) -> None:
        for name in ("photons", "full_well"):
            value = getattr(self, name)
            if value is not None:
                _checks.positive(name, value, "electrons" if name == "full_well" else "photons per unit of light")
        noise = _checks.numbers("read_noise", self.read_noise)
        if noise.shape != () or not np.isfinite(noise) or noise < 0:
            raise ValueError(f"read_noise must be finite and not negative (electrons), got {self.read_noise!r}")
        if self.bits is not None:
            if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 1 <= self.bits <= 24:
                raise ValueError(f"bits must be an integer from 1 to 24, got {self.bits!r}")
            if self.full_well is None:
                raise ValueError(f"bits = {self.bits} needs full_well: the levels of the converter span 0 to full_well")

    @property
    def noisy(self) -> bool:
        """True if readings differ from one to the next."""
        return self.photons is not None or self.read_noise > 0


@accepts_any
def detect(light: Numbers, camera: Camera, *, key: Key | None = None, sample: Sample = 0) -> Array:
    """One reading of the light: Poisson numbers of photons, plus read noise, clipped, digitised; in the unit of `light` again.

    Parameters
    ----------
    light : Array
        (samples, ...) float32 or float64, not negative: powers (samples, detectors), intensities (samples, ny, nx), or either of fields with
        more leading axes, (samples, colours, detectors).
    key
        Of `pnnkern.random`; needed for noise. One key serves one reading of one set of samples.
    sample
        The global index of row 0, or an int64 array with one for each row. A row's noise depends on the key, its index and the place in the row
        only: any split of a batch gives the same.

    Returns
    -------
    Array
        A new array like `light`.

    Raises
    ------
    TypeError
        For light that is not real.
    ValueError
        For noise without a key, and, with shot noise, for light that is negative, NaN, or brighter than 2e9 photons (on a GPU: at
        `pnnkern.check()`).
    """
    light, _, signal = _drawn(light, camera, key, sample)
    if camera.full_well is not None:
        signal = signal.clip(None if camera.bits is None else 0, camera.full_well)
    if camera.bits is not None and camera.full_well is not None:
        step = camera.full_well / (2**camera.bits - 1)
        signal = _array.namespace(signal).rint(signal / step) * step
    if camera.photons is not None:
        return signal / camera.photons
    return _array.copied(signal) if signal is light else signal  # the reading is the caller's, to write to


@accepts_any
def detect_vjp(cotangent: Numbers, light: Numbers, camera: Camera, *, key: Key | None = None, sample: Sample = 0, shot: str = "pathwise",
               wrt: str | Sequence[str] = ("light",)) -> Array:  # fmt: skip
    """The derivative of `detect`, for the very noise that it drew from the same `key` and `sample`.

    Parameters
    ----------
    cotangent : Array
        Like the result of `detect`.
    shot : str
        How the photon number n follows its mean m. "pathwise": n = m + sqrt(m) eps with eps held, so dn/dm = 1 + (n - m) / 2m: for any loss up
        to second order in n its mean over the noise is the derivative of the mean loss. "mean": dn/dm = 1, which has less variance, but does
        not see that noise grows with the light.

    Returns
    -------
    Array
        An array like `light`.

    Notes
    -----
    Other arguments as there.

    The converter is passed straight through, where the reading is not clipped; read noise does not depend on the light.

    Raises as `detect`.
    """
    wrt_names(wrt, ("light",))
    if shot not in ("pathwise", "mean"):
        raise ValueError(f"shot must be 'pathwise' or 'mean', got {shot!r}")
    light, counts, signal = _drawn(light, camera, key, sample)
    cotangent = _checks.like("cotangent", cotangent, "the reading", light.shape, light.dtype)
    xp = _array.namespace(light)
    slope = xp.ones_like(light)
    if counts is not None and camera.photons is not None and shot == "pathwise":
        mean = light * camera.photons
        slope = xp.where(mean > 0, 0.5 + 0.5 * counts / xp.where(mean > 0, mean, 1), slope)
    if camera.full_well is not None:
        inside = signal <= camera.full_well
        slope = xp.where(inside & (signal >= 0) if camera.bits is not None else inside, slope, 0)
    return cotangent * slope.astype(light.dtype, copy=False)


def _drawn(light: Any, camera: Camera, key: Any, sample: Any) -> tuple[Array, Array | None, Array]:
    """The light, contiguous; the photon numbers, if they are drawn; and the reading before it is clipped, in electrons."""
    light = _array.contiguous(_checks.real("light", light))
    if light.ndim < 1:
        raise ValueError("light must have a first axis of samples, got shape ()")
    if camera.noisy:
        key = random.require_key(key, f"{camera} has noise")
    counts, signal = None, light
    if camera.photons is not None:
        counts = random.poisson(random.fold_in(key, "shot noise"), light * camera.photons, sample=sample).astype(light.dtype)
        signal = counts
    if camera.read_noise:
        draws = random.normal(random.fold_in(key, "read noise"), light.shape, sample=sample, dtype=light.dtype, like=light)
        signal = signal + camera.read_noise * draws
    return light, counts, signal
