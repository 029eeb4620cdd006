"""
A phase mask that draws with light
==================================

A spatial light modulator of 256 x 256 pixels of 8 micrometres, 633 nm, its picture 0.1 m behind it. Two ways to the phases: alternating
projections (Gerchberg and Saxton, Optik 35, 237 (1972)), and descent down the derivative of the squared error of the intensity, by
`propagate_vjp` and Adam. Printed is how much of the light goes where it should, and the error of the picture's intensity, rms as a share of
its rms. ``--full`` is a modulator of 1024 x 1024.

Full size: 26 seconds of one core. Projections bring 91.5 % of the light into the picture, with an error of 25 %; descent then 88.4 %, with
an error of 5.0 %.
"""

import argparse
from pathlib import Path

import numpy as np

from pnnkern import optics
from pnnkern.experiments.plots import figure, png
from pnnkern.learning import Adam

PITCH, WAVELENGTH, DISTANCE, STEPS, RATE = 8e-6, 633e-9, 0.1, 60, 0.1  # metres; steps of each way; radians


def target(size: int) -> np.ndarray:
    """Intensities (size, size) of a ring and a bar, with as much power as a plane wave of unit amplitude."""
    y, x = np.mgrid[:size, :size] - size // 2
    r = np.hypot(y, x) / size
    wanted = (np.abs(r - 0.25) < 0.03) | ((np.abs(y) < 0.02 * size) & (np.abs(x) < 0.12 * size))
    return wanted * (wanted.size / wanted.sum())


def error(light: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """(share of the light that goes where it should, error of the intensity with the power that is there)."""
    intensity = np.abs(light) ** 2
    scale = (intensity * wanted).sum() / (wanted**2).sum()
    share = intensity[wanted > 0].sum() / wanted.size
    return float(share), float(np.sqrt(((intensity - scale * wanted) ** 2).mean() / ((scale * wanted) ** 2).mean()))


def main(out: str, size: int) -> None:
    there = optics.Propagator((size, size), distance=DISTANCE, wavelength=WAVELENGTH, pitch=PITCH)
    back = optics.Propagator((size, size), distance=-DISTANCE, wavelength=WAVELENGTH, pitch=PITCH)
    wanted, start = target(size), np.random.default_rng(0).uniform(0, 0.1, (size, size))

    projected = start.copy()
    for _ in range(STEPS):
        light = there(np.exp(1j * projected))
        projected = np.angle(back(np.sqrt(wanted) * np.exp(1j * np.angle(light))))

    descended, adam = {"phase": projected.copy()}, Adam(RATE)
    for _ in range(STEPS):
        field = np.exp(1j * descended["phase"])
        light = there(field)
        intensity = np.abs(light) ** 2
        cotangent = 4 * (intensity - wanted) * light / size**2  # of the mean of (|u|^2 - target)^2: g = dL/dRe + i dL/dIm
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="phase_retrieval.png", help="the picture")
    parser.add_argument("--size", type=int, default=256, help="pixels on a side")
    parser.add_argument("--full", dest="size", action="store_const", const=1024, help="the large simulation: 1024 pixels on a side")
    main(**vars(parser.parse_args()))
