"""
Modulators in visible light
===========================

Three modulators of 8 micrometre pixels in a row, from a millimetre to a metre apart. For each distance the propagator chooses its method
(``method="auto"``) and says why. Drawn on the left: how much of the light comes to the next modulator and how much goes past it, for a plane
wave behind blocks of pixels with random phases, each block of 1 and of 4, at 532 and 633 nm. Right: networks that were trained with each
distance at 633 nm, their test accuracy and the share of the light that ends on the detectors. Where `auto` changes its method is a line.
Modulators have 1080 pixels and more; here 64 x 64 of them are used, and 256 x 256 with ``--full``.

Too near, a pixel does not reach its neighbours; too far, the light is past the next modulator. Accuracy knows nothing of a camera's noise:
where a thousandth of the light is left, look at the lower curve. The full size was not run for this page.
"""

import argparse
from pathlib import Path

import numpy as np

import pnnkern as pnn
from pnnkern import optics, systems
from pnnkern.experiments import controls, data
from pnnkern.experiments.plots import BLUE, INK, MUTED, ORANGE, figure, png
from pnnkern.systems.d2nn import Geometry

PITCH, WAVELENGTHS, LAYERS, EPOCHS = 8e-6, (532e-9, 633e-9), 3, 1  # metres
DISTANCES = (1e-3, 3e-3, 6e-3, 1e-2, 2e-2, 4e-2, 0.1, 0.3, 1.0)  # metres, between planes


def passed_on(size: int, wavelength: float, block: int) -> np.ndarray:
    """Shares of the light (distances,) that come to the next modulator, behind random phases in blocks of pixels."""
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (size // block, size // block)).repeat(block, axis=0).repeat(block, axis=1)
    plan = optics.Propagator((size, size), distance=np.array(DISTANCES), wavelength=wavelength, pitch=PITCH)
    return np.asarray(plan.losses(np.exp(1j * phases)).window)


def trained(size: int, distance: float, digits: data.Dataset) -> tuple[float, float, optics.Propagator]:
    """(test accuracy, share of the light that ends on the detectors, how light goes from one modulator to the next)."""
    geometry = Geometry(layers=LAYERS, size=size, pitch=PITCH, wavelength=WAVELENGTHS[1], spacing=distance, detector_size=size // 10,
                        input_size=size * 14 // 25)  # fmt: skip
    network = systems.D2NN(geometry=geometry, start="pi")
    run = pnn.train(network, "in-silico", digits, epochs=EPOCHS, batch=32, lr=0.05, schedule="cosine", quiet=True)
    light = network.encode(digits.test_images[:100])
    shares = network.forward(light).sum(axis=1) / (np.abs(light) ** 2).sum(axis=(1, 2))
    return run.metrics["test_accuracy"], float(shares.mean()), network.propagators[0]


def main(out: str, size: int) -> None:
    digits = data.load("mnist-small")
    linear = controls.linear(digits)["test_accuracy"]
    found = [trained(size, distance, digits) for distance in DISTANCES]
    for distance, (accuracy, share, plan) in zip(DISTANCES, found, strict=True):
        print(f"{1e3 * distance:g} mm: test accuracy {accuracy:.1%}, {share:.2%} of the light on the detectors; {plan.why}")
    far = [distance for distance, (_, _, plan) in zip(DISTANCES, found, strict=True) if plan.method != "angular_spectrum"]
    with figure(1, 2, size=(9.4, 3.3)) as (drawn, (left, right)):
        mm = 1e3 * np.array(DISTANCES)
        for wavelength, colour in zip(WAVELENGTHS, (BLUE, ORANGE), strict=True):
            for block, style in ((4, "o-"), (1, "s--")):
                label = f"{1e9 * wavelength:.0f} nm, blocks of {block}"
                left.semilogx(mm, 100 * passed_on(size, wavelength, block), style, color=colour, markersize=3, label=label)
        left.set(ylabel="light at the next modulator (%)", ylim=(-2, 102))
        right.semilogx(mm, [100 * accuracy for accuracy, _, _ in found], "o-", color=BLUE, markersize=3, label="test accuracy")
        right.semilogx(mm, [100 * share for _, share, _ in found], "s-", color=ORANGE, markersize=3, label="light on the detectors")
        right.axhline(100 * linear, color=INK, linestyle="--", linewidth=0.9, label="linear classifier")
        right.set(ylabel="share (%)", ylim=(-2, 102))
        for axis in (left, right):
            if far:
                change = 1e3 * np.sqrt(far[0] * DISTANCES[DISTANCES.index(far[0]) - 1])
                axis.axvline(change, color=MUTED, linestyle=":", linewidth=0.9)
                axis.annotate("angular spectrum ", (change, 1.01), ha="right", xycoords=axis.get_xaxis_transform(), color=MUTED, fontsize=8)
                axis.annotate(" Rayleigh-Sommerfeld", (change, 1.01), xycoords=axis.get_xaxis_transform(), color=MUTED, fontsize=8)
            axis.set(xlabel="between two modulators (mm)")
            axis.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
            axis.legend(loc="center right" if axis is right else "lower left")
        picture = png(drawn)
    Path(out).write_bytes(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="slm.png", help="the picture")
    parser.add_argument("--size", type=int, default=64, help="pixels on a side")
    parser.add_argument("--full", dest="size", action="store_const", const=256, help="the large simulation: 256 pixels on a side")
    main(**vars(parser.parse_args()))
