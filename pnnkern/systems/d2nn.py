"""Diffractive deep neural network: light through trained phase masks onto detectors.

Lin et al., Science 361, 1004 (2018): five phase masks of 200 x 200 neurons of 0.4 mm, 30 mm apart, at 0.4 THz. Each neuron is one
sample of the field (the published point-neuron model); at 0.53 wavelengths per neuron that is not converged physics, and
`variant(oversample=3)` tells how much it matters.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from .. import _array, _constants, _launch, _parallel, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import shaped, warn
from .._declared import Count, CountOrNone, Described, Range, check, made
from .._errors import UnitWarning
from .._gate import accepts_any
from .._updates import Derivative
from ..optics import chain, detectors
from ..optics.detectors import Regions
from ..optics.propagation import Propagator
from . import _photodetectors, protocols
from ._encoding import Encoding, check_parameters, shares
from ._layers import check_dtype
from .system import Quantity, System, Target

TERAHERTZ_WAVELENGTH = 299_792_458 / 0.4e12  # of the published geometry, m

Metres = Annotated[float, Range(gt=0, le=1e9)]
Deviation = Annotated[float, Range(ge=0, le=1e9)]


@dataclass(frozen=True, kw_only=True)
class Geometry(Described):
    """The apparatus; defaults are the published terahertz geometry. Planes are masks, and those of the source and of the detectors."""

    layers: Annotated[int, Range(ge=1, le=1000)] = 5  # phase masks
    size: Count = 200  # neurons per side of a mask
    pitch: Metres = 0.4e-3  # [m] side of a neuron
    wavelength: Metres = TERAHERTZ_WAVELENGTH  # [m] of the light, in vacuum
    spacing: Annotated[float, Range(ge=-1e15, le=1e15)] = 30e-3  # [m] between planes
    pad: Annotated[float, Range(ge=1)] = 2.0  # side of the padded grid over that of the mask
    method: Literal["auto", "angular_spectrum", "fresnel", "rayleigh_sommerfeld"] = "auto"  # of propagation between the planes
    band_limit: bool = True  # for a method other than auto: drop what the window or the pitch cannot sample
    oversample: Count = 1  # samples of the field per neuron and axis
    detectors: Literal["single", "differential"] = "single"  # one for each class, or a pair of which the difference counts
    detector_size: Count = 20  # neurons per side of a detector
    input_size: Count = 112  # neurons along the longer side of the image
    outputs: Count = 10  # classes that the detectors tell apart

    given: ClassVar[frozenset[str]] = frozenset({"outputs"})  # a run has as many as its data

    def __post_init__(self) -> None:
        check(self)
        if self.input_size > self.size:
            raise ValueError(f"input_size must not exceed size = {self.size}, got {self.input_size}")
        for name in ("pitch", "wavelength", "spacing"):
            if 0 < abs(value := getattr(self, name)) < 1e-15:
                raise ValueError(f"{name} must be a length of 1e-15 metres or more, got {value:g}")
        ratio = self.pitch / self.wavelength
        if 200 < ratio <= 1000:  # above that the propagation warns
            warn(
                f"pitch / wavelength = {ratio:.3g}: so wide a neuron hardly diffracts; both are in metres (0.4 mm is 0.4e-3)",
                UnitWarning,
            )

    def scaled(self, size: int) -> "Geometry":
        """The same in another size: input, detectors and spacing in proportion, neurons as they are, so that light spreads as far over a mask.

        Parameters
        ----------
        size : int
            Neurons per side of a mask.
        """
        other = dataclasses.replace(self, size=size, input_size=1)  # which is checked
        share = size / self.size
        parts = {name: max(1, round(getattr(self, name) * share)) for name in ("input_size", "detector_size")}
        return dataclasses.replace(other, spacing=self.spacing * share, **parts)

    @property
    def samples(self) -> int:
        """Samples of the field per side."""
        return self.size * self.oversample

    def regions(self) -> Regions:
        """Squares in rows about the centre; differential: all positive ones, then all negative ones."""
        count = self.outputs * (2 if self.detectors == "differential" else 1)
        rows = _rows(count)
        k = self.oversample
        pitch_y, pitch_x = self.size // (len(rows) + 1), self.size // (max(rows) + 1)
        spacing = (min(pitch_y, round(0.22 * self.size)), min(pitch_x, round(0.22 * self.size)))
        return Regions.rows((self.samples, self.samples), rows, self.detector_size * k, (spacing[0] * k, spacing[1] * k))


def _rows(count: int) -> tuple[int, ...]:
    """Detectors per row: 3-4-3 for ten, 5-5-5-5 for twenty, else as square as it goes."""
    if count == 10:
        return (3, 4, 3)
    rows = round(count**0.5)
    return tuple(count // rows + (1 if i < count % rows else 0) for i in range(rows))


@dataclass(frozen=True, kw_only=True)
class Imperfections(Described):
    """How the network that was built differs from its design; zero is perfect."""

    misalignment: Deviation = 0.0  # [m] rms lateral shift of each mask
    levels: CountOrNone = 0  # phase levels of a mask; 0 is continuous
    height_error: Deviation = 0.0  # [m] rms error of the printed height
    index: Annotated[float, Range(gt=1)] = 1.7227  # refractive index of the print; VeroBlackPlus RGD875 at 0.4 THz, Lin et al. 2018

    def __post_init__(self) -> None:
        check(self)

    @property
    def perfect(self) -> bool:
        """Whether it was built as designed."""
        return not (self.misalignment or self.levels or self.height_error)


NOT_FINITE = _launch.fault(81, "the phases or fields of a diffractive network must be finite")


def _finite(values: Array, what: str) -> None:
    """Raise ValueError for NaN and infinite values, on a GPU at `pnnkern.check()`."""
    _launch.flag(~_array.namespace(values).isfinite(values).all(), NOT_FINITE, lambda: f"{what} must be finite, and has NaN or infinite values")


@functools.lru_cache(32)
def _shares(pixels: int, canvas: int, input_size: int, size: int, oversample: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """The parts of the samples along an axis that each pixel covers, (samples, pixels), and the pixels, first and end, of each sample."""
    around, inner = (size - input_size) * oversample // 2, input_size * oversample
    out = np.zeros((size * oversample, pixels), dtype)
    out[around : around + inner] = shares(pixels, canvas, input_size).repeat(oversample, axis=0)
    some = out != 0
    first, count = some.argmax(axis=1), some.sum(axis=1)
    return out, np.stack([first, first + count], axis=1).astype(np.int32)


def _part_of(name: tuple[Any, ...]) -> np.ndarray:
    return _shares(*name)[0]


@accepts_any
@dataclass(kw_only=True)
class D2NN(System):
    """A diffractive network. Its one parameter is `phase` (layers, size, size), radians.

    Parameters
    ----------
    store : Literal['fields', 'half', 'recompute']
        "half" keeps fields as pairs of 16-bit floats, and changes gradients by 2e-4: see `pnnkern.optics.chain.forward`. key : of
        `pnnkern.random`; draws phases, and the errors of the network that was built. With `imperfections`, `forward`, `measure` and
        `forward_population` are passes through the built one, and this is its digital twin.
    between : Literal['field', 'photodetector']
        "photodetector" detects the light in front of every mask but the first and sends it on anew, with an amplitude that the intensity
        drives: see `pnnkern.systems._photodetectors`. Layers are stages then, with real outputs between them.
    dtype : str
        Of the parameters, float32 or float64; fields are complex of the same precision.
    chunk : Count
        Most samples worked on at a time; pieces of a batch are equal.
    shifts : tuple[tuple[float, float], ...] | None
        (y, x) of each plane after the first, metres off the axis of the one before; None: aligned.
    """

    geometry: Geometry = field(default_factory=Geometry)
    start: Literal["uniform", "pi"] = "uniform"  # phases before training: uniform in [0, 2 pi), or pi everywhere
    store: Literal["fields", "half", "recompute"] = "fields"  # for the backward pass: fields, as 16-bit floats, or computed again
    between: Literal["field", "photodetector"] = "field"  # masks: the light itself, or detectors whose signals drive the light that goes on
    feature_grid: Count = 16  # cells per side of the detector plane whose powers a fitted read-out takes; at most one per neuron
    imperfections: Imperfections = field(default_factory=Imperfections)
    dtype: str = "float32"
    chunk: Count = 64
    shifts: tuple[tuple[float, float], ...] | None = None

    kind: ClassVar[str] = "d2nn"
    recipe: ClassVar[str] = "d2nn-digits"
    device_samples: ClassVar[bool] = True
    measured: ClassVar[Literal["powers", "signed"]] = "powers"
    drawn_by: ClassVar[str] = "d2nn"

    def __post_init__(self) -> None:
        check(self)
        check_dtype(self.dtype)
        if not self.imperfections.perfect:
            random.require_key(self.key, "imperfections are random")
        if self.store == "half" and self.between == "photodetector":
            raise ValueError("store='half' is for light that goes from mask to mask: with between='photodetector' take 'fields' or 'recompute'")
        xp = _array.device_namespace(self.device)
        g = self.geometry
        shape = (g.layers, g.size, g.size)
        if "phase" not in self.parameters:
            if self.start == "pi":
                self.parameters["phase"] = xp.full(shape, np.pi, self.dtype)
            else:
                random.require_key(self.key, "the phases that a diffractive network begins with are random")
                draws = random.uniform(self.key, (1, int(np.prod(shape))), like=xp.empty(0, np.float32))
                self.parameters["phase"] = (2 * np.pi * draws.reshape(shape)).astype(self.dtype)
        phase = self.parameters["phase"]
        check_parameters(self.parameters, {"phase": shape}, self.dtype)
        _finite(phase, "phase")
        self.regions = g.regions()
        side, pitch = g.samples, g.pitch / g.oversample
        shifts = self.shifts or ((0.0, 0.0),) * (g.layers + 1)
        self.propagators = [
            Propagator(
                (side, side),
                pitch=pitch,
                wavelength=g.wavelength,
                distance=g.spacing,
                pad=g.pad,
                band_limit=g.band_limit,
                method=g.method,
                shift=s,
            )
            for s in shifts
        ]

    @classmethod
    def build(cls, values: Mapping[str, Any], *, outputs: int = 10, **given: Any) -> "D2NN":
        """The network with these values of its keys, for so many classes; other arguments and errors as of `System.build`."""
        return super().build(values, geometry=made(Geometry, values, outputs=outputs), **given)

    @property
    def natural_step(self) -> float:
        """Radians, of a phase."""
        return 0.05

    @property
    def natural_loss(self) -> Target:
        return Target("differential" if self.geometry.detectors == "differential" else "cross-entropy", scale=10.0)

    @property
    def unmet(self) -> Mapping[str, str]:
        if self.between == "field":
            return {"Staged": "system.between='photodetector': light between masks cannot be measured and sent on"}
        return {"Reciprocal": "system.between='field': light that was detected does not go back"}

    @property
    def outputs(self) -> int:
        """Classes that it tells apart."""
        return self.geometry.outputs

    @property
    def stages(self) -> int:
        """Masks, each with the way behind it."""
        return self.geometry.layers

    @property
    def feature_count(self) -> int:
        """Cells of the detector plane."""
        return len(self._cells)

    @functools.cached_property
    def _cells(self) -> Regions:
        """The whole detector plane in squares, as equal as they can be."""
        side = self.geometry.samples
        count = min(self.feature_grid, self.geometry.size)
        ends = [side * n // count for n in range(count + 1)]
        lines = list(itertools.pairwise(ends))
        return Regions((side, side), [(*y, *x) for y in lines for x in lines])

    # ---------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Numbers) -> Array:
        """Images (batch, h, w), uint8 or floating in [0, 1], as the amplitude of the incoming field (batch, samples, samples), centred.

        The longer side takes `input_size` neurons, the shorter one as many as keep the image's shape. Each neuron has the mean of the image
        over its own area: a pixel becomes a square of neurons, or a neuron averages over pixels, in part where they overlap in part.

        Raises
        ------
        TypeError, ValueError
            For anything else.
        """
        images = images if _array.is_array(images) else np.asarray(images)
        if images.ndim != 3 or 0 in images.shape[1:]:
            raise ValueError(f"images must be (batch, height, width), got shape {images.shape}")
        batch, *shape = images.shape
        values = Encoding(math.prod(shape), self.dtype).of(images, self.device)
        g, xp = self.geometry, _array.namespace(values)
        name = tuple((pixels, max(shape), g.input_size, g.size, g.oversample, self.dtype) for pixels in shape)
        rows, columns = (_constants.made(("shares", *one), functools.partial(_part_of, one), values) for one in name)
        reach = _constants.made(("reach", *name), lambda: np.concatenate([_shares(*one)[1] for one in name]), values)
        out = xp.empty((batch, g.samples, g.samples), np.result_type(self.dtype, np.complex64))
        if batch:
            _launch.launch(
                "learning/samples", "spread", out.dtype, batch, g.samples, *shape, rows, columns, reach, values, out, threads=out.size
            )
        return out

    def masks(self) -> Array:
        """Transmissions exp(i phase) on the samples (layers, samples, samples)."""
        return self._transmission(self.parameters["phase"])

    def _transmission(self, phase: Array) -> Array:
        """exp(i phase) on the samples, for phases (..., size, size)."""
        k = self.geometry.oversample
        return chain.phasor(phase if k == 1 else phase.repeat(k, axis=-2).repeat(k, axis=-1))

    def forward(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass: fields (batch, samples, samples) -> detector powers (batch, detectors). Noise-free: `key` is not needed."""
        return self._read(inputs, self.regions)

    def read_features(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """Powers on the cells of a grid over the detector plane, (batch, cells)."""
        return self._read(inputs, self._cells)

    def _read(self, inputs: Array, regions: Regions) -> Array:
        """Powers of a pass through the built network."""
        built = self.built()
        masks = built.masks()

        def one(u: Array) -> Array:
            out = chain.forward(u, masks, built.propagators)[0] if self.between == "field" else _photodetectors.along(built, u, masks)[-1].out
            return detectors.powers(out, regions)

        return self._pieces(inputs, one)

    @protocols.population_runs(f"{protocols.ONE_PASS} of fields, {protocols.LOOPED} with photodetectors")
    def forward_population(
        self, inputs: Numbers, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """The passes of a population of masks {"phase": (members, layers, size, size)}, through the built network with each of them:
        (members, batch, detectors). `chunk` fields are worked on at a time, some samples of some members."""
        if self.between == "photodetector":
            return protocols.population(self, inputs, parameters, key, sample, first=first)
        members, inputs, built = protocols.members(self, parameters), self._incoming(inputs), self.built()
        protocols.numbered(members, first)
        xp, batch = _array.namespace(inputs), len(inputs)
        out = xp.empty((members, batch, len(self.regions)), self.dtype)
        samples = max(1, min(batch, math.isqrt(self.chunk)))  # their way to the first mask is gone once for all members of a piece
        for some in _parallel.pieces(members, self.chunk // samples):
            printed = self._printed(parameters["phase"][some], self._build_key, self.imperfections)
            masks = self._transmission(xp.ascontiguousarray(printed.swapaxes(0, 1)))
            for piece in _parallel.pieces(batch, samples):
                out[some, piece] = detectors.powers(chain.forward(inputs[piece], masks, built.propagators)[0], self.regions)
        return out

    def measure(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """Powers of one physical pass, and the twin's record: fields inside the network cannot be measured, what detectors see can."""
        if self.between == "photodetector":
            return self._along(inputs, lambda l, x: self.stage(l, x, key, sample))
        twin, record = self.forward_saving(inputs)
        return (twin if self.imperfections.perfect else self.forward(inputs, key, sample)), record

    def stage(self, stage: int, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """Behind one mask of the built network, intensities on the neurons (batch, size, size), or the detectors' powers behind the last one.

        Parameters
        ----------
        inputs : Array
            Fields for the first mask, intensities for the others, whose scale does not matter. The record is the twin's.
        """
        out, at = self._twin_stage(stage, inputs)
        if not self.imperfections.perfect:
            out, _ = self.built()._twin_stage(stage, inputs)
        return out, at

    def stage_vjp(self, stage: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradient of one mask, zero for the others, for a cotangent of what `stage` gave."""
        return self._of_masks({stage: _photodetectors.derived(self, stage, cotangent, record)[0]})

    def _twin_stage(self, stage: int, inputs: Array) -> tuple[Array, Any]:
        mask = self._transmission(self.parameters["phase"][stage])
        at = _photodetectors.passed(self, stage, inputs if stage else self._incoming(inputs), mask)
        out = _photodetectors.measured(self, stage, at.out)
        return out, at if self.store == "fields" else dataclasses.replace(at, out=None)

    def _along(self, inputs: Array, stage: Any) -> tuple[Array, Any]:
        """Powers behind all stages, and what was between them and the records of all."""
        between, records = [inputs], []
        for l in range(self.stages):
            out, at = stage(l, between[-1])
            between.append(out)
            records.append(at)
        return between[-1], (between[1:-1], records)

    def _of_masks(self, gradients: dict[int, Array]) -> dict[str, Derivative]:
        """Gradients of some masks on the samples as that of the parameter."""
        xp, side = _array.namespace(*gradients.values()), self.geometry.samples
        total = xp.zeros((self.stages, side, side), np.float64)
        for l, gradient in gradients.items():
            total[l] = gradient
        return {"phase": self._on_neurons(total)}

    def forward_reading(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """Powers of a pass through the built network, and the fields at its masks."""
        built = self.built()
        powers, record = built.forward_saving(inputs)
        return powers, (built, record)

    def backward(self, cotangent: Real, record: Any, key: Key | None = None, sample: Sample = 0) -> dict[str, Derivative]:
        """Light sent back from the detectors of the built network: at each mask ``Im(conj(forward) backward)``, summed over the batch.

        Masks with phase levels count as if their phases were continuous.
        """
        built, fields = record
        gradients: dict[str, Derivative] = built.vjp(cotangent, fields)
        return gradients

    def forward_saving(self, inputs: Numbers) -> tuple[Array, Any]:
        """Powers, and what `vjp` needs to go back: [masks, (incoming, outgoing, fields after each mask) per chunk].

        With photodetectors: intensities between the stages, and the record of each.
        """
        if self.between == "photodetector":
            return self._along(inputs, self._twin_stage)
        masks = self.masks()
        kept: list[Any] = []

        def one(u: Array) -> Array:
            store: Literal["full", "half"] = "half" if self.store == "half" else "full"
            out, saved = chain.forward(u, masks, self.propagators, save=self.store != "recompute", store=store)
            kept.append((u, out, saved) if saved is not None else (u, None, None))
            return detectors.powers(out, self.regions)

        return self._pieces(inputs, one), (masks, kept)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradient of the phases for a cotangent (batch, detectors) of the powers, a sum over the batch; `record` from `forward_saving`."""
        if self.between == "photodetector":
            found = {}
            for l in reversed(range(self.stages)):
                found[l], cotangent = _photodetectors.derived(self, l, cotangent, record[1][l], to_inputs=True)
            return self._of_masks(found)
        masks, kept = record
        xp = _array.namespace(masks)
        total = xp.zeros(masks.shape, np.float64)
        batch, first = sum(len(u) for u, _, _ in kept), 0
        shaped("cotangent", cotangent, batch, len(self.regions))
        for u, out, saved in kept:
            if saved is None:
                out, saved = chain.forward(u, masks, self.propagators, save=True)
            g = detectors.powers_vjp(cotangent[first : first + len(u)], out, self.regions)
            chain.phase_adjoint(g, saved, masks, self.propagators, gradient=total)
            first += len(u)
        return {"phase": self._on_neurons(total)}

    def hidden_outputs(self, record: Any) -> list[Array]:
        """Fields (batch, samples, samples) right after every mask but the last; with photodetectors what these saw, (batch, size, size)."""
        if self.between == "photodetector":
            return list(record[0])
        masks, kept = record
        saved = [self._saved(u, fields, masks) for u, _, fields in kept]
        return [_array.namespace(masks).concatenate([fields[l] for fields in saved]) for l in range(len(masks) - 1)]

    def layer_vjp(self, layer: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradient of one mask alone, zero for the others: for a cotangent of the field after it, or of the powers for the last one.

        With photodetectors it is of what they see behind it.
        """
        if self.between == "photodetector":
            return self.stage_vjp(layer, cotangent, record[1][layer])
        masks, kept = record
        xp = _array.namespace(masks)
        total = xp.zeros(masks.shape, np.float64)
        batch, first = sum(len(u) for u, _, _ in kept), 0
        plane = (len(self.regions),) if layer == len(masks) - 1 else masks.shape[1:]
        shaped("cotangent", cotangent, batch, *plane)
        for u, out, fields in kept:
            piece = cotangent[first : first + len(u)]
            saved = self._saved(u, fields, masks)
            if layer == len(masks) - 1:
                if out is None:
                    out = self.propagators[-1](saved[layer])
                g = detectors.powers_vjp(piece, out, self.regions)
                chain.phase_adjoint(g, saved[layer:], masks[layer:], self.propagators[layer:], gradient=total[layer:])
            else:
                total[layer] += (piece * saved[layer].conj()).imag.sum(axis=0, dtype=np.float64)
            first += len(u)
        return {"phase": self._on_neurons(total)}

    def _saved(self, inputs: Array, fields: Array | chain.Halves | None, masks: Array) -> Array:
        """Fields after each mask: those that were kept, or computed again."""
        if isinstance(fields, chain.Halves):
            return fields.full()
        return chain.forward(inputs, masks, self.propagators, save=True)[1] if fields is None else fields

    def _on_neurons(self, gradient: Array) -> Array:
        """A gradient on the samples (layers, samples, samples), summed over those of each neuron."""
        k, size = self.geometry.oversample, self.geometry.size
        if k > 1:
            gradient = gradient.reshape(-1, size, k, size, k).sum(axis=(2, 4))
        return gradient.astype(self.dtype)

    def _incoming(self, inputs: Array) -> Array:
        """Fields (batch, samples, samples), if they are; NaN in them shows in the powers, which `detectors.powers` refuses."""
        side = self.geometry.samples
        if not _array.is_array(inputs) or inputs.dtype.kind != "c" or inputs.ndim != 3 or inputs.shape[1:] != (side, side):
            got = f"{inputs.dtype} {inputs.shape}" if _array.is_array(inputs) else type(inputs).__name__
            raise ValueError(f"inputs must be complex (batch, {side}, {side}), as `encode` makes them of images, got {got}")
        return inputs

    def _pieces(self, inputs: Array, function: Any) -> Array:
        inputs = self._incoming(inputs)
        pieces = [function(inputs[piece]) for piece in _parallel.pieces(len(inputs), self.chunk)]
        return pieces[0] if len(pieces) == 1 else _array.namespace(inputs).concatenate(pieces)

    def fields(self, inputs: Numbers) -> list[Array]:
        """Fields along the network: incoming, right after each mask, and on the detectors."""
        if self.between == "photodetector":
            stages = _photodetectors.along(self, self._incoming(inputs), self.masks())
            saved: Any = [at.entered * at.mask for at in stages]
            out = stages[-1].out
        else:
            out, saved = chain.forward(self._incoming(inputs), self.masks(), self.propagators, save=True)
        _finite(out, "the field on the detectors")
        return [inputs, *saved, out]

    # --------------------------------------------------------------------------------------------------------------- variants
    def variant(self, **changes: Any) -> "D2NN":
        """The same masks in another geometry (`pad=3`, `oversample=3`, ...)."""
        geometry = dataclasses.replace(self.geometry, **changes)
        return dataclasses.replace(self, geometry=geometry, parameters=dict(self.parameters))

    def built(self) -> "D2NN":
        """The network that was built: this one, or with `imperfections` its misbuilt copy."""
        return self if self.imperfections.perfect else self.perturbed(self._build_key, self.imperfections)

    @property
    def _build_key(self) -> Any:
        """What the errors of the built network are drawn with; None where there are none."""
        return None if self.imperfections.perfect else random.fold_in(self.key, "built")

    def perturbed(self, key: Key, imperfections: Imperfections) -> "D2NN":
        """The misbuilt network of which this one is the design; `key` draws its errors."""
        p, g = imperfections, self.geometry
        shifts = None
        if p.misalignment:
            # positions of the masks; light going from one to the next sees the difference, the source and detectors stay put
            at = p.misalignment * random.normal(random.fold_in(key, 2), (1, 2 * g.layers)).astype(np.float64).reshape(-1, 2)
            path = np.concatenate([np.zeros((1, 2)), at, np.zeros((1, 2))])
            shifts = tuple((float(dy), float(dx)) for dy, dx in np.diff(path, axis=0))
        printed = self._printed(self.parameters["phase"], key, p)
        built = dataclasses.replace(self, parameters={"phase": printed}, shifts=shifts, imperfections=Imperfections())
        built.regions = self.regions  # which have been brought to the device
        return built

    def _printed(self, phase: Array, key: Any, p: Imperfections) -> Array:
        """Phases (..., layers, size, size) as they are in the misbuilt network; every member of a population has the same errors."""
        if p.perfect:
            return phase
        phase = phase.astype(np.float64)
        xp = _array.namespace(phase)
        if p.levels:
            step = 2 * np.pi / p.levels
            phase = xp.rint(xp.mod(phase, 2 * np.pi) / step) * step
        if p.height_error:
            shape = phase.shape[-3:]
            draws = random.normal(random.fold_in(key, 1), (1, math.prod(shape)), like=phase).reshape(shape)
            phase = phase + 2 * np.pi * (p.index - 1) / self.geometry.wavelength * p.height_error * draws.astype(np.float64)
        return phase.astype(self.dtype)

    # ---------------------------------------------------------------------------------------------------------------- exports
    def exports(self) -> dict[str, Quantity]:
        about = "thickness of the printed masks (layers, y, x), metres, for material of refractive index --index in air"
        return {"phase": Quantity("phases of the masks (layers, y, x), radians in [0, 2 pi)", "rad"), "height": Quantity(about, "m")}

    def export(self, what: str, index: float | None = None) -> np.ndarray:
        phase = np.mod(super().export("phase" if what == "height" else what), 2 * np.pi)
        phase[phase >= 2 * np.pi] = 0  # what is a rounding error below 0
        return phase if what == "phase" else phase / (2 * np.pi) * self.full_height(index)

    def facts(self, what: str, index: float | None = None) -> dict[str, Any]:
        g = self.geometry
        return {
            "pitch": g.pitch, "wavelength": g.wavelength, "index": self.imperfections.index if index is None else index, "length_unit": "m",
            "full_scale": self.full_height(index) if what == "height" else 2 * np.pi,
        }  # fmt: skip

    def full_height(self, index: float | None = None) -> float:
        """The thickness of material of a refractive index, by default that of the print, that makes a phase of 2 pi, metres."""
        index = self.imperfections.index if index is None else index
        if not 1 < index < np.inf:
            raise ValueError(f"a height needs a material of refractive index above 1, got {index:g}")
        return self.geometry.wavelength / (index - 1)


__all__ = ["D2NN", "TERAHERTZ_WAVELENGTH", "Geometry", "Imperfections"]
