"""Diffractive deep neural network: light through trained phase masks onto detectors.

Lin et al., Science 361, 1004 (2018): five phase masks of 200 x 200 neurons of 0.4 mm, 30 mm apart, at 0.4 THz. Each neuron is one
sample of the field (the published point-neuron model); at 0.53 wavelengths per neuron that is not converged physics, and
`variant(oversample=3)` tells how much it matters.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, _parallel, random
from .._array import Array, Real
from .._checks import shaped, warn
from .._errors import UnitWarning
from .._gate import accepts_any
from ..optics import chain, detectors
from ..optics._checks import positive
from ..optics.detectors import Regions
from ..optics.propagation import Propagator
from . import protocols
from ._encoding import fitting, fractions, given, shares
from ._typed import check_types

TERAHERTZ_WAVELENGTH = 299_792_458 / 0.4e12  # of the published geometry, m


@dataclass(frozen=True)
class Geometry:
    """The apparatus. Lengths in metres; `size` neurons per side, `spacing` between planes (also source and detector planes)."""

    layers: int = 5
    size: int = 200
    pitch: float = 0.4e-3
    wavelength: float = TERAHERTZ_WAVELENGTH
    spacing: float = 30e-3
    pad: float = 2
    method: str = "auto"  # as in `optics.propagate`
    band_limit: bool = True
    oversample: int = 1  # samples of the field per neuron and axis
    detectors: str = "single"  # or "differential": a positive and a negative square per class
    detector_size: int = 20  # neurons
    input_size: int = 112  # neurons: the longer side of the image
    classes: int = 10

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("layers", "size", "oversample", "detector_size", "input_size", "classes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.detectors not in ("single", "differential"):
            raise ValueError(f"detectors must be 'single' or 'differential', got {self.detectors!r}")
        if self.input_size > self.size:
            raise ValueError(f"input_size must not exceed size = {self.size}, got {self.input_size}")
        for name, longest in (("pitch", 1e9), ("wavelength", 1e9), ("spacing", 1e15)):
            value = getattr(self, name)
            if not 1e-15 <= abs(value) <= longest and not (name == "spacing" and value == 0):
                raise ValueError(f"{name} must be a length from 1e-15 to {longest:g} metres, got {value:g}")
        ratio = positive("pitch", self.pitch) / positive("wavelength", self.wavelength)
        if 200 < ratio <= 1000:  # above that the propagation warns
            warn(
                f"pitch / wavelength = {ratio:.3g}: so wide a neuron hardly diffracts; both are in metres (0.4 mm is 0.4e-3)",
                UnitWarning,
            )

    @property
    def samples(self) -> int:
        """Samples of the field per side."""
        return self.size * self.oversample

    def regions(self) -> Regions:
        """Squares in rows about the centre; differential: all positive ones, then all negative ones."""
        count = self.classes * (2 if self.detectors == "differential" else 1)
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


@dataclass(frozen=True)
class Imperfections:
    """How a built network differs from its design. All lengths in neurons or metres as named; zero is perfect.

    misalignment : rms lateral shift of each layer, metres. levels : phase levels of the masks (0 is continuous).
    height_error : rms error of the printed height, metres; `index` is the material's refractive index.
    """

    misalignment: float = 0.0
    levels: int = 0
    height_error: float = 0.0
    index: float = 1.7227  # VeroBlackPlus RGD875 at 0.4 THz, Lin et al. 2018

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("misalignment", "height_error"):
            if not 0 <= getattr(self, name) <= 1e9:
                raise ValueError(f"{name} must be a length from 0 to 1e+09 metres, got {getattr(self, name):g}")


NOT_FINITE = _launch.fault(81, "the phases or fields of a diffractive network must be finite")


def _finite(values: Array, what: str) -> None:
    """Raise ValueError for NaN and infinite values, on a GPU at `pnnkern.check()`."""
    _launch.flag(~_array.namespace(values).isfinite(values).all(), NOT_FINITE, lambda: f"{what} must be finite, and has NaN or infinite values")


@accepts_any
@dataclass
class D2NN:
    """A diffractive network. Its one parameter is `phase` (layers, size, size), radians.

    geometry : the apparatus. parameters : {"phase": ...}; given, or drawn uniformly in [0, 2 pi) with `key`, or pi everywhere.
    dtype : of the parameters, float32 or float64; fields are complex of the same precision.
    store : "fields" keeps the fields after each mask for the adjoint; "recompute" runs forward again and keeps nothing.
    chunk : most samples worked on at a time; pieces of a batch are equal.
    imperfections : of the network that was built, drawn with `build_key`; then `forward`, `measure` and `forward_population` are passes
        through the built one, and this is its digital twin. None: it was built as designed.
    """

    geometry: Geometry = field(default_factory=Geometry)
    parameters: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    store: str = "fields"
    chunk: int = 64
    key: Any = None
    device: str = "cpu"
    shifts: tuple[tuple[float, float], ...] | None = None
    imperfections: Imperfections | None = None
    build_key: Any = None

    def __post_init__(self) -> None:
        check_types(self)
        if self.store not in ("fields", "recompute"):
            raise ValueError(f"store must be 'fields' or 'recompute', got {self.store!r}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        if self.chunk < 1:
            raise ValueError(f"chunk must be at least 1, got {self.chunk}")
        if self.imperfections is not None and self.build_key is None:
            raise ValueError("imperfections are drawn at random, which needs a key: build_key=pnnkern.random.key(seed)")
        xp = _array.device_namespace(self.device)
        g = self.geometry
        shape = (g.layers, g.size, g.size)
        if "phase" not in self.parameters:
            if self.key is None:
                self.parameters = {"phase": xp.full(shape, np.pi, self.dtype)}
            else:
                draws = random.uniform(self.key, (1, int(np.prod(shape))), like=xp.empty(0, np.float32))
                self.parameters = {"phase": (2 * np.pi * draws.reshape(shape)).astype(self.dtype)}
        phase = self.parameters["phase"]
        fitting(self.parameters, {"phase": shape}, self.dtype)
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

    # ---------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images (batch, h, w), uint8 or floating in [0, 1], as the amplitude of the incoming field (batch, samples, samples), centred.

        The longer side takes `input_size` neurons, the shorter one as many as keep the image's shape. Each neuron has the mean of the image
        over its own area: a pixel becomes a square of neurons, or a neuron averages over pixels, in part where they overlap in part.
        Raises TypeError or ValueError for anything else.
        """
        images = _array.device_namespace(self.device).asarray(given(images))
        if images.ndim != 3 or 0 in images.shape[1:]:
            raise ValueError(f"images must be (batch, height, width), got shape {images.shape}")
        rows, columns = (self._shares(n, images) for n in images.shape[1:])
        with _parallel.blas_alone():
            amplitude: Array = rows @ fractions(images, self.dtype) @ columns.T
        return amplitude.astype(np.result_type(self.dtype, np.complex64))

    def _shares(self, pixels: int, images: Array) -> Array:
        """The parts of the samples along an axis that each pixel covers, (samples, pixels), on the device of the images."""
        g, canvas = self.geometry, max(images.shape[1:])

        def covered() -> np.ndarray:
            around = (g.samples - g.input_size * g.oversample) // 2
            out = np.zeros((g.samples, pixels), self.dtype)
            out[around : around + g.input_size * g.oversample] = shares(pixels, canvas, g.input_size).repeat(g.oversample, axis=0)
            return out

        return _constants.made(("shares", pixels, canvas, g.input_size, g.size, g.oversample, self.dtype), covered, images)

    def masks(self) -> Array:
        """Transmissions exp(i phase) on the samples (layers, samples, samples)."""
        return self._transmission(self.parameters["phase"])

    def _transmission(self, phase: Array) -> Array:
        """exp(i phase) on the samples, for phases (..., size, size)."""
        k = self.geometry.oversample
        return chain.phasor(phase if k == 1 else phase.repeat(k, axis=-2).repeat(k, axis=-1))

    def forward(self, inputs: Array, key: Any = None, sample: Any = 0) -> Array:
        """One pass: fields (batch, samples, samples) -> detector powers (batch, detectors). Noise-free: `key` is not needed."""
        built = self.built()
        masks = built.masks()
        return self._pieces(inputs, lambda u: detectors.powers(chain.forward(u, masks, built.propagators)[0], self.regions))

    def forward_population(
        self, inputs: Array, parameters: dict[str, Array], key: Any = None, sample: Any = 0, *, first: Any = 0
    ) -> Array:
        """The passes of a population of masks {"phase": (members, layers, size, size)}, through the built network with each of them:
        (members, batch, detectors). `chunk` fields are worked on at a time, some samples of some members."""
        members, inputs, built = protocols.members(self, parameters), self._incoming(inputs), self.built()
        protocols.numbered(members, first)
        xp, batch = _array.namespace(inputs), len(inputs)
        out = xp.empty((members, batch, len(self.regions)), self.dtype)
        samples = max(1, min(batch, math.isqrt(self.chunk)))  # their way to the first mask is gone once for all members of a piece
        for some in _parallel.pieces(members, self.chunk // samples):
            printed = self._printed(parameters["phase"][some], self.build_key, self.imperfections)
            masks = self._transmission(xp.ascontiguousarray(printed.swapaxes(0, 1)))
            for piece in _parallel.pieces(batch, samples):
                out[some, piece] = detectors.powers(chain.forward(inputs[piece], masks, built.propagators)[0], self.regions)
        return out

    def measure(self, inputs: Array, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """Powers of one physical pass, and the twin's record: fields inside the network cannot be measured."""
        twin, record = self.forward_saving(inputs)
        return (twin if self.imperfections is None else self.forward(inputs, key, sample)), record

    def forward_reading(self, inputs: Array, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """Powers of a pass through the built network, and the fields at its masks."""
        built = self.built()
        powers, record = built.forward_saving(inputs)
        return powers, (built, record)

    def backward(self, cotangent: Real, record: Any, key: Any = None, sample: Any = 0) -> dict[str, Array]:
        """Light sent back from the detectors of the built network: at each mask ``Im(conj(forward) backward)``, summed over the batch.

        Masks with phase levels count as if their phases were continuous.
        """
        built, fields = record
        gradients: dict[str, Array] = built.vjp(cotangent, fields)
        return gradients

    def forward_saving(self, inputs: Array) -> tuple[Array, Any]:
        """Powers, and what `vjp` needs to go back: [masks, (incoming, outgoing, fields after each mask) per chunk]."""
        masks = self.masks()
        kept: list[Any] = []

        def one(u: Array) -> Array:
            out, saved = chain.forward(u, masks, self.propagators, save=self.store == "fields")
            kept.append((u, out, saved) if saved is not None else (u, None, None))
            return detectors.powers(out, self.regions)

        return self._pieces(inputs, one), (masks, kept)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Array]:
        """Gradient of the phases for a cotangent (batch, detectors) of the powers; `record` from `forward_saving`."""
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

    def hidden(self, record: Any) -> list[Array]:
        """Fields (batch, samples, samples) right after every mask but the last."""
        masks, kept = record
        saved = [self._saved(u, fields, masks) for u, _, fields in kept]
        return [_array.namespace(masks).concatenate([fields[l] for fields in saved]) for l in range(len(masks) - 1)]

    def layer_vjp(self, layer: int, cotangent: Array, record: Any) -> dict[str, Array]:
        """Gradient of one mask alone, zero for the others: for a cotangent of the field after it, or of the powers for the last one."""
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

    def _saved(self, inputs: Array, fields: Array | None, masks: Array) -> Array:
        """Fields after each mask: those that were kept, or computed again."""
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

    def fields(self, inputs: Array) -> list[Array]:
        """Fields along the network: incoming, right after each mask, and on the detectors."""
        out, saved = chain.forward(self._incoming(inputs), self.masks(), self.propagators, save=True)
        _finite(out, "the field on the detectors")
        return [inputs, *(saved if saved is not None else ()), out]

    # --------------------------------------------------------------------------------------------------------------- variants
    def variant(self, **changes: Any) -> "D2NN":
        """The same masks in another geometry (`pad=3`, `oversample=3`, ...)."""
        geometry = dataclasses.replace(self.geometry, **changes)
        return dataclasses.replace(self, geometry=geometry, parameters=dict(self.parameters))

    def built(self) -> "D2NN":
        """The network that was built: this one, or with `imperfections` its misbuilt copy."""
        return self if self.imperfections is None else self.perturbed(self.build_key, self.imperfections)

    def perturbed(self, key: Any, imperfections: Imperfections) -> "D2NN":
        """The misbuilt network of which this one is the design; `key` draws its errors."""
        p, g = imperfections, self.geometry
        shifts = None
        if p.misalignment:
            # positions of the masks; light going from one to the next sees the difference, the source and detectors stay put
            at = p.misalignment * random.normal(random.fold_in(key, 2), (1, 2 * g.layers)).astype(np.float64).reshape(-1, 2)
            path = np.concatenate([np.zeros((1, 2)), at, np.zeros((1, 2))])
            shifts = tuple((float(dy), float(dx)) for dy, dx in np.diff(path, axis=0))
        printed = self._printed(self.parameters["phase"], key, p)
        built = dataclasses.replace(self, parameters={"phase": printed}, shifts=shifts, imperfections=None)
        built.regions = self.regions  # which have been brought to the device
        return built

    def _printed(self, phase: Array, key: Any, imperfections: Imperfections | None) -> Array:
        """Phases (..., layers, size, size) as they are in the misbuilt network; every member of a population has the same errors."""
        p = imperfections
        if p is None:
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
