"""Light behind a lens in many planes, streamed to HDF5: ``python scripts/focal_scan.py OUT.h5 [--small]``, 8 GiB of fields in some minutes.

A plane wave through a round lens of 100 mm; the complex amplitude at 1000 distances about the focus on 1024 x 1024 samples, of which memory
holds one plane at a time. Ended with Ctrl-C or by whatever else, the same command goes on where it was. Prints where the light is brightest,
and how far that is from the focal length; `pnnkern inspect OUT.h5` says what is in the file.
"""

import argparse
import time
from pathlib import Path

import h5py
import numpy as np

import pnnkern as pnn
from pnnkern import optics
from pnnkern.experiments.results import partial

WAVELENGTH, PITCH, FOCAL, RADIUS = 532e-9, 8e-6, 100e-3, 2e-3  # metres
PLANES, SIDE = 1000, 1024


def scan(out: Path, planes: int = PLANES, side: int = SIDE) -> None:
    """Fields (planes, side, side) from 0.8 to 1.2 focal lengths behind the lens, complex64."""
    distances = np.linspace(0.8, 1.2, planes) * FOCAL
    radius = min(RADIUS, 0.45 * side * PITCH)
    wave = optics.plane_wave((side, side), wavelength=WAVELENGTH, pitch=PITCH, dtype=np.complex64)
    field = optics.lens(wave, focal_length=FOCAL, wavelength=WAVELENGTH, pitch=PITCH)
    field *= optics.circular_aperture((side, side), radius=radius, pitch=PITCH).astype(np.float32)
    across = (np.arange(side) - (side - 1) / 2) * PITCH
    about = {"focal_length": FOCAL, "wavelength": WAVELENGTH, "radius": radius, "planes": planes, "side": side}
    with pnn.results(out, about=about, resume=partial(out).exists()) as file:
        for number in range(file.rows(), planes):
            there = optics.propagate(field, distance=distances[number], wavelength=WAVELENGTH, pitch=PITCH)
            places = {"z": (distances[number : number + 1], "m"), "y": (across, "m"), "x": (across, "m")}
            file.append("field", there[None], axes=("z", "y", "x"), coordinates=places, about="amplitude, of the light before the lens")


def brightest(out: Path) -> float:
    """The distance (metres) at which the light in the middle is brightest, read plane by plane."""
    with h5py.File(out) as file:
        middle = file["field"].shape[1] // 2
        powers = [float((np.abs(plane[middle - 1 : middle + 1, middle - 1 : middle + 1]) ** 2).sum()) for plane in file["field"]]
        return float(file["z"][int(np.argmax(powers))])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--small", action="store_true", help="41 planes of 128 x 128 samples")
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    scan(asked.out, *((41, 128) if asked.small else ()))
    seconds, size = time.monotonic() - began, asked.out.stat().st_size
    found = brightest(asked.out)
    print(f"brightest at {1e3 * found:.2f} mm, {abs(found / FOCAL - 1):.1%} from the focal length; {size / 1e6:.1f} MB in {seconds:.0f} s")


if __name__ == "__main__":
    main()
