"""`kind = "d2nn"`: a diffractive network of phase masks; how a recipe describes it, what a report shows and what can be exported."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ... import _array
from .. import registry, tables

if TYPE_CHECKING:  # imported where they are used: a recipe is checked without loading kernels or matplotlib
    from ...systems.d2nn import D2NN
    from ..plots import Picture

TERAHERTZ_WAVELENGTH = 299_792_458 / 0.4e12  # m


@registry.system("d2nn")
class D2NNTable(tables.System):
    """[system] of a diffractive network; defaults are the published terahertz geometry. Lengths in metres, sizes in neurons."""

    kind: Literal["d2nn"] = "d2nn"
    layers: int = Field(5, ge=1, le=1000)
    size: tables.Count = 200  # neurons per side of a mask
    pitch: float = Field(0.4e-3, gt=0)
    wavelength: float = Field(TERAHERTZ_WAVELENGTH, gt=0)
    spacing: float = Field(30e-3)  # between planes
    pad: float = Field(2.0, ge=1)  # side of the padded grid over that of the mask
    method: Literal["auto", "angular_spectrum", "fresnel", "rayleigh_sommerfeld"] = "auto"  # of propagation between the planes
    band_limit: bool = True  # for a method other than auto: drop what the window or the pitch cannot sample
    oversample: tables.Count = 1  # samples of the field per neuron and axis
    detectors: Literal["single", "differential"] = "single"
    detector_size: tables.Count = 20
    input_size: tables.Count = 112  # the longer side of the image
    classes: tables.Count = 10
    start: Literal["uniform", "pi"] = "uniform"  # phases before training: uniform in [0, 2 pi), or pi everywhere
    store: Literal["fields", "recompute"] = "fields"  # keep the fields for the backward pass, or compute them again
    # of the network that was built, of which the one above is the digital twin; zero is perfect
    misalignment: float = Field(0.0, ge=0)  # rms lateral shift of each mask, metres
    levels: int = Field(0, ge=0, le=tables.MOST)  # phase levels of a mask; 0 is continuous
    height_error: float = Field(0.0, ge=0)  # rms error of the printed height, metres
    index: float = Field(1.7227, gt=1)  # refractive index of the print

    @classmethod
    def made(cls) -> type:
        from ...systems.d2nn import D2NN

        return D2NN

    def build(self, *, key: Any, device: str, dtype: str, chunk: int, classes: int) -> "D2NN":
        from ... import random
        from ...systems.d2nn import D2NN, Geometry, Imperfections

        if classes != self.classes:
            raise ValueError(
                f"the data have {classes} classes and the network detectors for {self.classes}: set system.classes={classes}"
            )
        faults = {"misalignment", "levels", "height_error", "index"}
        geometry = Geometry(**self.model_dump(exclude={"kind", "start", "store", *faults}))
        built = Imperfections(**self.model_dump(include=faults)) if self.misalignment or self.levels or self.height_error else None
        return D2NN(
            geometry, dtype=dtype, store=self.store, chunk=chunk, key=key if self.start == "uniform" else None, device=device,
            imperfections=built, build_key=random.fold_in(key, "built"),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------------ the trained one
    def pictures(self, trainer: Any, scores: np.ndarray) -> "list[Picture]":
        from . import _d2nn_pictures as draw

        system, data = trainer.system, trainer.dataset
        shown = draw.examples(scores, data.test_labels)
        inputs, labels, read = system.encode(data.test_images[shown]), data.test_labels[shown], scores[shown].argmax(axis=1)
        fields = [_array.to_numpy(u) for u in system.fields(inputs)]
        powers = _array.to_numpy(system.forward(inputs)).astype(np.float64)
        return [
            draw.masks(self, _array.to_numpy(system.parameters["phase"])),
            draw.fields(self, fields, system.regions.boxes, labels, read),
            draw.energies(self, fields[0], powers, labels, read),
            draw.mean_scores(self, scores, data.test_labels),
        ]

    def checks(self, trainer: Any, chosen: np.ndarray) -> tables.Checks:
        system, data = trainer.system, trainer.dataset
        finer = 3 * self.oversample
        variants = [
            (
                f"as trained: window {self.pad:g} times the mask, {_samples(self.oversample)}",
                system,
                "the headline's physics, on these images",
            ),
            ("window 3 times the mask", system.variant(pad=3), "less light wraps around the edge of the computed window"),
            (_samples(finer), system.variant(oversample=finer), "each neuron a flat square, the light resolved inside it"),
        ]
        labels = data.test_labels[chosen]
        read = [_read(variant, trainer.rule, data.test_images[chosen]) for _, variant, _ in variants]
        rows = [
            {"what": what, "accuracy": float((got == labels).mean()), "same": float((got == read[0]).mean()), "note": note}
            for (what, _, note), got in zip(variants, read, strict=True)
        ]
        for row in rows[1:]:
            row["note"] = f"{row['note']}; {row['same']:.1%} of the images are read as in the first row"
        ratio = self.pitch / self.wavelength
        caption = (
            f"The same masks, the same {len(chosen)} test images, one thing changed at a time. One sample per {ratio:.2g}-wavelength "
            "neuron is the published point-neuron model and not converged physics: the last row shows how much depends on it."
        )
        return tables.Checks("How far the physics is converged", caption, rows)

    def exports(self) -> dict[str, tables.Quantity]:
        return {
            "phase": tables.Quantity("phases of the masks (layers, y, x), radians in [0, 2 pi)", "rad"),
            "height": tables.Quantity(
                "thickness of the printed masks (layers, y, x), metres, for material of refractive index --index in air", "m"
            ),
        }

    def export(self, what: str, parameters: dict[str, np.ndarray], index: float | None = None) -> np.ndarray:
        phase = np.mod(parameters["phase"].astype(np.float64), 2 * np.pi)
        phase[phase >= 2 * np.pi] = 0  # what is a rounding error below 0
        if what == "phase":
            return phase
        if what == "height":
            return phase / (2 * np.pi) * self._full_height(index)
        return super().export(what, parameters, index)

    def facts(self, what: str, index: float | None = None) -> dict[str, Any]:
        return {
            "pitch": self.pitch, "wavelength": self.wavelength, "index": self.index if index is None else index, "length_unit": "m",
            "full_scale": self._full_height(index) if what == "height" else 2 * np.pi,
        }  # fmt: skip

    def _full_height(self, index: float | None) -> float:
        """The thickness of material that makes a phase of 2 pi, metres."""
        index = self.index if index is None else index
        if not 1 < index < np.inf:
            raise ValueError(f"a height needs a material of refractive index above 1, got {index:g}")
        return self.wavelength / (index - 1)


def _samples(k: int) -> str:
    return "one sample per neuron" if k == 1 else f"{k} x {k} samples per neuron"


def _read(system: Any, rule: Any, images: np.ndarray, piece: int = 16) -> np.ndarray:
    """Classes (n,) that the system reads in images, a few at a time: finer sampling needs much more memory than training did."""
    pieces = (images[i : i + piece] for i in range(0, len(images), piece))
    scores = [_array.to_numpy(rule.loss.scores(system.forward(system.encode(images)))) for images in pieces]
    return np.concatenate(scores).argmax(axis=1)
