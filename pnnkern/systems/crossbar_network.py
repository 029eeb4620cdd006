"""A multilayer network on crossbars: each layer is an array of conductances that multiplies, with digital electronics between them.

Layer l reads ``a = (x, 1) W_l`` on its array, whose last row is driven at full scale for the bias, and hands f(a) on. The digital twin
is this in exact arithmetic; `forward` and `measure` go through the arrays as they were built, programmed and have aged.
"""

import dataclasses
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _launch, crossbar, random
from .._array import Array, Real
from .._checks import shaped
from .._gate import accepts_any
from ..crossbar import Crossbar, GaussianNoise, Layer
from . import protocols
from ._encoding import fitting, flat
from ._samples import on_device
from ._typed import check_types
from .protocols import OuterProduct

# f, and f' written by f's own value
ACTIVATIONS = {
    "tanh": (lambda xp, a: xp.tanh(a), lambda h: 1 - h * h),
    "relu": (lambda xp, a: xp.maximum(a, 0), lambda h: (h > 0).astype(h.dtype)),
    "sigmoid": (lambda xp, a: 1 / (1 + xp.exp(-a)), lambda h: h * (1 - h)),
}
COMPENSATIONS = ("none", "global", "column")
CHANGED = _launch.fault(
    31, "weights of a crossbar network were changed in place while its arrays held the old ones: call its touch() after such a change"
)


@dataclass(frozen=True)
class _Programmed:
    """The weights that an array was programmed with, the writes until then, their mark as it was then, and what reads the array."""

    weights: Array
    writes: int
    mark: Any
    ready: tuple[Layer, Array | None]


@accepts_any
@dataclass
class CrossbarNetwork:
    """Arrays of weights {"w0": (n_0 + 1, n_1), "w1": ...}; the last row of each is for the bias.

    sizes : nodes of each layer, the inputs first. activation : of the hidden layers, one of `ACTIVATIONS`; outputs are linear.
    hardware : how the arrays are built; None: they are perfect, and the network is its own twin.
    time : seconds since programming at which it is read. compensation : of the drift: "none", or by one factor for each array ("global")
        or for each column ("column"), from the currents of `reference` then and now, each read twice.
    reference : inputs (batch, n_0), by which ADC ranges are calibrated and drift is compensated; see `calibrate`.
    weight_max : the weights' bound; they start normal with variance 1 / n_in, drawn with `key`, which also makes the devices.
    writers, memory : see `pnnkern.systems.writers`.

    An array is programmed when it is first read, and anew when its weights have changed: on a CPU that is seen by itself; on a GPU, where
    looking would mean waiting, `writers.apply` says so, and who changes weights in place otherwise calls `touch`. Forgotten, it
    is an error at the next `pnnkern.check()`.
    """

    sizes: tuple[int, ...]
    parameters: dict[str, Array] = field(default_factory=dict)
    activation: str = "tanh"
    weight_max: float = 1.0
    hardware: Crossbar | None = None
    time: float = 0.0
    compensation: str = "none"
    reference: Array | None = None
    key: Any = None
    dtype: str = "float32"
    device: str = "cpu"
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes must name two layers or more, each of one node or more, got {self.sizes}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")
        if self.compensation not in COMPENSATIONS:
            raise ValueError(f"compensation must be one of {', '.join(COMPENSATIONS)}, got {self.compensation!r}")
        dac = None if self.hardware is None else self.hardware.chain.dac
        if dac is not None and not dac.signed and self.activation == "tanh" and len(self.sizes) > 2:
            raise ValueError("tanh sends negative inputs to the next array, which an unsigned DAC cuts: use relu or sigmoid, or a signed DAC")
        self._arrays: dict[int, _Programmed] = {}
        self._writes = 0
        if not self.weight_max > 0:
            raise ValueError(f"weight_max must be positive, got {self.weight_max!r}")
        like = _array.device_namespace(self.device).empty(0, self.dtype)
        for l, shape in enumerate(self.shapes):
            name = f"w{l}"
            if name not in self.parameters:
                if self.key is None:
                    raise ValueError("the weights to start from are random, which needs a key: key=pnnkern.random.key(seed)")
                draws = random.normal(random.fold_in(self.key, name), (1, shape[0] * shape[1]), dtype=self.dtype, like=like)
                start = (draws.reshape(shape) / np.sqrt(shape[0])).clip(-self.weight_max, self.weight_max)
                self.parameters[name] = start.astype(self.dtype)
            fitting(self.parameters, {name: shape}, self.dtype)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of each array of weights."""
        return [(a + 1, b) for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True)]

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Of the weights that no writer keeps in the range of its devices."""
        return {name: (-self.weight_max, self.weight_max) for name in self.parameters if name not in self.writers}

    # ---------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images or features (batch, ...), uint8 or in [0, 1], as inputs (batch, n_0) in [0, 1]."""
        return flat(images, self.sizes[0], self.device, self.dtype)

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """One pass through the arrays: (batch, n_0) -> (batch, outputs)."""
        return self.measure(inputs, key, sample)[0]

    @protocols.population_runs(f"{protocols.ONE_PASS} through perfect arrays, {protocols.LOOPED} through others")
    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Any = None, sample: Any = 0, *, first: Any = 0
    ) -> Array:
        """The passes of a population of weights, (members, batch, outputs): of perfect arrays at once, of others one member after another."""
        if self.hardware is not None:
            return protocols.population(self, inputs, parameters, key, sample, first=first)
        with protocols.stacked(self, parameters, first):
            return self.forward_saving(inputs)[0]

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """The twin's outputs, and its record: the weights and what entered each array."""
        return self._pass(inputs, lambda l, x, w: x @ w)

    def measure(self, inputs: Real, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """What the arrays gave, and the record for the twin's derivative at the activations that were measured."""
        if self.hardware is None:
            return self.forward_saving(inputs)
        rows = on_device(sample, inputs)
        return self._pass(inputs, lambda l, x, w: self._read(l, x, w, key, rows))

    def forward_reading(self, inputs: Real, key: Any = None, sample: Any = 0) -> tuple[Array, Any]:
        """What the arrays gave, and the record for `backward`: a crossbar is read inside where its layers meet."""
        return self.measure(inputs, key, sample)

    def backward(self, cotangent: Real, record: Any, key: Any = None, sample: Any = 0) -> dict[str, OuterProduct]:
        """Errors driven into the columns and read at the rows of the arrays as they are, by drivers and converters without error.

        Reciprocity holds for the wires too: what reaches a row from a column is what reached that column from the row. Raises ValueError
        for gated arrays, whose rows carry no current.
        """
        if self.hardware is not None and self.hardware.chain.gated:
            raise ValueError(
                f"arrays of topology {self.hardware.chain.topology!r} cannot be read at their rows, which only open cells: errors need "
                "'lines' or 'interleaved' to go back through"
            )
        xp, (weights, _) = _array.namespace(cotangent), record
        rows = on_device(sample, cotangent)

        def below(l: int, error: Array, entered: Array) -> Array:
            if self.hardware is None:
                return error @ weights[l].T
            layer, factor = self._ready(l, weights[l])
            driven = error if factor is None else (error * factor).astype(error.dtype)
            own = None if key is None else random.fold_in(key, l)
            out: Array = layer.vjp(xp.ascontiguousarray(driven), entered, key=own, sample=rows, wrt="x")
            return out

        return self._back(cotangent, record, below)

    # ----------------------------------------------------------------------------------------------------------------- arrays
    def touch(self) -> None:
        """Say that weights were changed in place: arrays whose weights differ are programmed anew before they are next read."""
        self._writes += 1

    def calibrate(self, inputs: Real) -> None:
        """Take these inputs as the reference for ADC ranges and drift compensation: a few hundred training samples, say."""
        self.reference = inputs
        self._arrays.clear()

    def aged(self, time: float, compensation: str = "none") -> "CrossbarNetwork":
        """The same arrays, read `time` seconds after they were programmed."""
        return dataclasses.replace(self, time=time, compensation=compensation, parameters=dict(self.parameters))

    def estimate(self, technology: Any = None) -> dict[str, float]:
        """Energy, latency and area of one inference, arrays one after another: the sums of `crossbar.estimate`.

        technology : the costs (`crossbar.Technology`); its defaults have their sources. Returns {"energy_per_inference_j", "latency_s",
        "area_m2", "operations_per_joule"}. An estimate of the arrays and their converters only; the electronics of f are not in it.
        """
        parts = [
            crossbar.estimate(self._hardware(), shape, technology=technology, state=self._programmed(l)) for l, shape in enumerate(self.shapes)
        ]
        energy = sum(part["energy_total_j"] for part in parts)
        return {
            "energy_per_inference_j": energy, "latency_s": sum(part["latency_s"] for part in parts),
            "area_m2": sum(part["area_total_m2"] for part in parts),
            "operations_per_joule": sum(2.0 * a * b for a, b in self.shapes) / energy,
        }  # fmt: skip

    def conductances(self, layer: int) -> Array:
        """Of one array as it is now, siemens (arrays, n_in, columns): see `crossbar.conductances`."""
        return self._aged(layer, self._programmed(layer))["G"]

    def _hardware(self) -> Crossbar:
        """How the arrays are built; noise that grows with a device's age takes it from the state of the arrays."""
        if self.hardware is None:
            raise ValueError("the arrays of this network are perfect: it has no conductances; give hardware=crossbar.Crossbar(...)")
        chain = self.hardware.chain
        if isinstance(chain.noise, GaussianNoise) and chain.noise.device is not None:
            chain = dataclasses.replace(chain, noise=dataclasses.replace(chain.noise, time=0.0))
        return dataclasses.replace(self.hardware, chain=chain)

    def _read(self, l: int, x: Array, w: Array, key: Any, sample: Any) -> Array:
        """x @ w as array l does it."""
        layer, factor = self._ready(l, w)
        y: Array = layer(x, key=None if key is None else random.fold_in(key, l), sample=sample)
        return y if factor is None else (y * factor).astype(y.dtype)

    def _ready(self, l: int, w: Array) -> tuple[Layer, Array | None]:
        """Array l as it can be read, and the factor for its drift. It is programmed anew only when its weights have changed."""
        mark, known = _mark(w), self._arrays.get(l)
        if _array.namespace(w) is np:
            same = known is not None and bool(known.mark == mark)
        else:
            same = known is not None and known.weights is w and known.writes == self._writes
            if known is not None and same:
                _launch.flag(known.mark != mark, CHANGED)
        if known is None or not same:
            known = self._arrays[l] = _Programmed(w, self._writes, mark, self._prepared(l))
        return known.ready

    def _prepared(self, l: int) -> tuple[Layer, Array | None]:
        """Array l ready to be read, and the factor that compensates its drift."""
        hardware, state = self._hardware(), self._programmed(l)
        adc = hardware.chain.adc
        calibrated = adc is not None and isinstance(adc.range, str) and adc.range == "calibrated"
        probe = self._entering(l) if calibrated or self.compensation != "none" else None
        if calibrated:
            state = crossbar.calibrate(probe, state, hardware, quantile=0.999, key=self._chip(l, "calibration"))
        now = Layer(self._aged(l, state), hardware)
        if self.compensation == "none":
            return now, None
        xp = _array.namespace(probe)
        before, after = (
            xp.stack([which(probe, key=self._chip(l, f"compensation {name} {n}")) for n in range(2)])
            for name, which in (("before", Layer(state, hardware)), ("after", now))
        )
        return now, crossbar.drift_compensation(before, after, per_column=self.compensation == "column")

    def _programmed(self, l: int) -> dict[str, Array]:
        w = self.parameters[f"w{l}"]
        return crossbar.program_weights(w, self._hardware(), key=self._chip(l, "program"))

    def _aged(self, l: int, state: dict[str, Array]) -> dict[str, Array]:
        if not self.time:
            return state
        hardware = self._hardware()
        target = crossbar.conductances(self.parameters[f"w{l}"], hardware, w_max=state["w_max"])
        return crossbar.aged(state, hardware, time=self.time, key=self._chip(l, "drift"), target=target)

    def _chip(self, l: int, purpose: str) -> Any:
        return None if self.key is None else random.fold_in(random.fold_in(self.key, f"array {l}"), purpose)

    def _entering(self, l: int) -> Array:
        """What the reference sends into array l, by the twin."""
        if self.reference is None:
            raise ValueError("ADC ranges and drift compensation need reference inputs: network.calibrate(inputs)")
        return self.forward_saving(self.reference)[1][1][l]

    def _pass(self, inputs: Real, multiply: Any) -> tuple[Array, Any]:
        xp = _array.namespace(inputs)
        f, _ = ACTIVATIONS[self.activation]
        weights = [self.parameters[f"w{l}"] for l in range(len(self.shapes))]
        entered, x = [], inputs
        for l, w in enumerate(weights):
            entered.append(xp.concatenate([x, xp.ones((*x.shape[:-1], 1), x.dtype)], axis=-1))
            a = multiply(l, entered[l], w)
            x = f(xp, a)
        return a, (weights, entered)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, OuterProduct]:
        """Gradients of all weights, as outer products of what entered an array and the error at its columns."""
        return self._back(cotangent, record, lambda l, error, entered: error @ record[0][l].T)

    def _back(self, cotangent: Real, record: Any, below: Any) -> dict[str, OuterProduct]:
        """Gradients of all weights; ``below(l, error, entered)`` is the error that array l sends to its rows, the bias's last."""
        weights, entered = record
        shaped("cotangent", cotangent, len(entered[0]), self.sizes[-1])
        updates: dict[str, OuterProduct] = {}
        for l in reversed(range(len(weights))):
            updates |= self.layer_vjp(l, cotangent, record)
            if l:
                cotangent = below(l, updates[f"w{l}"].second, entered[l])[:, :-1]
        return updates

    def hidden(self, record: Any) -> list[Array]:
        """Activations (batch, nodes) of the hidden layers."""
        return [x[:, :-1] for x in record[1][1:]]

    def layer_vjp(self, layer: int, cotangent: Real, record: Any) -> dict[str, OuterProduct]:
        """Gradient of one array for a cotangent of its activation, or of the outputs for the last one."""
        weights, entered = record
        if layer < len(weights) - 1:
            cotangent = cotangent * ACTIVATIONS[self.activation][1](entered[layer + 1][:, :-1])
        return {f"w{layer}": OuterProduct(entered[layer], cotangent)}


def _mark(w: Array) -> Any:
    """A number that tells these weights from others: of all their bits and places. On a GPU it stays there."""
    w = _array.contiguous(w)
    if _array.namespace(w) is np:
        return zlib.crc32(w.data)
    words = w.reshape(-1).view(np.uint32)
    return (words * _array.namespace(w).arange(1, words.size + 1, dtype=np.uint64)).sum(dtype=np.uint64)
