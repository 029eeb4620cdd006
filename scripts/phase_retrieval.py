"""A phase mask that draws a picture with light: ``python scripts/phase_retrieval.py OUT.png [STEPS]``, seconds.

A spatial light modulator of 256 x 256 pixels of 8 micrometres, 633 nm, its picture 0.1 m behind it. Two ways to the phases: alternating
projections (Gerchberg and Saxton, Optik 35, 237 (1972)), and descent down the derivative of the squared error of the intensity, by
`propagate_vjp` and Adam. Prints how much of the light goes where it should, and the error of the picture's intensity, rms as a share of its
rms.
"""

import sys
from pathlib import Path

import numpy as np

from pnnkern import optics
from pnnkern.experiments.plots import figure, png
from pnnkern.learning import Adam

SIZE, PITCH, WAVELENGTH, DISTANCE, RATE = 256, 8e-6, 633e-9, 0.1, 0.1


def target() -> np.ndarray:
    """Intensities (SIZE, SIZE) of a ring and a bar, with as much power as a plane wave of unit amplitude."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    r = np.hypot(y, x) / SIZE
    wanted = (np.abs(r - 0.25) < 0.03) | ((np.abs(y) < 0.02 * SIZE) & (np.abs(x) < 0.12 * SIZE))
    return wanted * (wanted.size / wanted.sum())


def error(light: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """(share of the light that goes where it should, error of the intensity with the power that is there)."""
    intensity = np.abs(light) ** 2
    scale = (intensity * wanted).sum() / (wanted**2).sum()
    share = intensity[wanted > 0].sum() / SIZE**2
    return float(share), float(np.sqrt(((intensity - scale * wanted) ** 2).mean() / ((scale * wanted) ** 2).mean()))


def main(out: str, steps: int = 60) -> None:
    there = optics.Propagator((SIZE, SIZE), distance=DISTANCE, wavelength=WAVELENGTH, pitch=PITCH)
    back = optics.Propagator((SIZE, SIZE), distance=-DISTANCE, wavelength=WAVELENGTH, pitch=PITCH)
    wanted, start = target(), np.random.default_rng(0).uniform(0, 0.1, (SIZE, SIZE))

    projected = start.copy()
    for _ in range(steps):
        light = there(np.exp(1j * projected))
        projected = np.angle(back(np.sqrt(wanted) * np.exp(1j * np.angle(light))))

    descended, adam = {"phase": projected.copy()}, Adam(RATE)
    for _ in range(steps):
        field = np.exp(1j * descended["phase"])
        light = there(field)
        intensity = np.abs(light) ** 2
        cotangent = 4 * (intensity - wanted) * light / SIZE**2  # of the mean of (|u|^2 - target)^2: g = dL/dRe + i dL/dIm
        slope = optics.phase_mask_vjp(there.vjp(cotangent, field), np.ones_like(field), descended["phase"], wrt=("phase",))
        adam.apply(descended, {"phase": slope})

    with figure(1, 4, size=(9.4, 2.6)) as (drawn, axes):
        pictures = [("wanted", wanted)]
        for name, phase in (("projections", projected), ("then descent", descended["phase"])):
            light = there(np.exp(1j * phase))
            share, off = error(light, wanted)
            print(f"{name}: {100 * share:.1f} % of the light in the picture, error of its intensity {100 * off:.1f} %")
            pictures.append((f"{name}: {100 * share:.0f} % of the light", np.abs(light) ** 2))
        for axis, (title, shown) in zip(axes, pictures, strict=False):
            axis.imshow(shown, cmap="magma", vmin=0, vmax=1.2 * wanted.max())
            axis.set(title=title, xticks=[], yticks=[])
        axes[3].imshow(descended["phase"] % (2 * np.pi), cmap="twilight")
        axes[3].set(title="its mask", xticks=[], yticks=[])
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
