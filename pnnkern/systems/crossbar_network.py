"""A multilayer network on crossbars: each layer is an array of conductances that multiplies, with digital electronics between them.

Layer l reads ``a = (x, 1) W_l`` on its array, whose last row is driven at full scale for the bias, and hands f(a) on. The digital twin
is this in exact arithmetic; `forward` and `measure` go through the arrays as they were built, programmed and have aged.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from .. import _array, _constants, _declared, _dense, crossbar, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import shaped
from .._declared import MOST, Count, CountOrNone, Described, Length, NotNegative, Positive, Range, Share, check
from .._functions import logistic
from .._gate import accepts_any
from .._updates import Derivative, Factors
from ..crossbar import ADC, DAC, BitSerial, Chain, Crossbar, DifferentialPair, GaussianNoise, Layer, OffsetColumn, Wires
from . import protocols
from ._encoding import Encoding, check_parameters
from ._layers import check_dtype
from ._samples import on_device
from .system import Quantity, System, Target
from .writers import Pulses

# f, and f' written by f's own value, as what a cotangent is multiplied by
ACTIVATIONS = {
    "tanh": (lambda xp, a: xp.tanh(a), lambda h: 1 - h * h),
    "relu": (lambda xp, a: xp.maximum(a, 0), lambda h: h > 0),
    "sigmoid": (lambda xp, a: logistic(a), lambda h: h * (1 - h)),
}
Compensation = Literal["none", "global", "column"]


@dataclass(frozen=True, kw_only=True)
class Arrays(Described):
    """How arrays are built, and read when the network is measured. Zero bits, noise and ohms mean: perfect."""

    device: str = ""  # a name in pnnkern.crossbar.DEVICES, programmed with the weights; "": ideal
    mapping: Literal["one-sided", "two-sided", "offset"] = "one-sided"  # pairs of cells for a weight, or a column to subtract
    tile_rows: Count = 512  # inputs of one array at most
    tile_columns: Annotated[int, Range(ge=2, le=MOST)] = 512  # columns of one array at most
    dac_bits: CountOrNone = 0  # of the inputs; 0: exact
    adc_bits: CountOrNone = 0  # of the outputs; 0: exact
    read_noise: bool = False  # of the device, fresh in each read
    cell_noise: Share = 0.0  # fresh in each read, relative to the conductance
    wires: NotNegative = 0.0  # [ohm] of a segment of wire between two cells
    # interleaved: pairs are rows of one array and meet on its bit lines; gated: inputs open rows bit by bit (see pnnkern.crossbar.wires)
    topology: Literal["lines", "interleaved", "gated", "gated-interleaved"] = "lines"
    stuck_low: Share = 0.0  # fraction of cells that stay at the lowest conductance
    stuck_high: Share = 0.0  # fraction of cells that stay at the highest conductance

    def __post_init__(self) -> None:
        check(self)
        if self.topology.endswith("interleaved") and self.mapping == "offset":
            raise ValueError(
                f"system.topology={self.topology!r} has rows of G+ and of G-: set system.mapping to one-sided or two-sided"
            )
        if self.topology.startswith("gated") and not self.dac_bits:
            raise ValueError(f"system.topology={self.topology!r} sends inputs bit by bit: set system.dac_bits")

    @property
    def perfect(self) -> bool:
        """Whether they multiply exactly, however weights are mapped to them."""
        return all(getattr(self, name) == value for name, value in PERFECT.items())

    def crossbar(self) -> Crossbar | None:
        """The description of one array; None if it is perfect."""
        if self.perfect:
            return None
        noise = None
        if self.read_noise or self.cell_noise:
            noise = GaussianNoise(relative=self.cell_noise, device=self.device or None if self.read_noise else None)
        lies = self.wires or self.topology != "lines"
        chain = Chain(
            wires=Wires(self.wires, self.wires, topology=self.topology) if lies else None, noise=noise, dac=self._dac(),
            adc=ADC(self.adc_bits, "calibrated") if self.adc_bits else None,
        )  # fmt: skip
        weights = OffsetColumn() if self.mapping == "offset" else DifferentialPair(one_sided=self.mapping == "one-sided")
        return Crossbar(
            weights=weights, device=self.device or "ideal", tile=(self.tile_rows, self.tile_columns), stuck_low=self.stuck_low,
            stuck_high=self.stuck_high, chain=chain,
        )  # fmt: skip

    def _dac(self) -> DAC | BitSerial | None:
        if not self.dac_bits:
            return None
        return BitSerial(self.dac_bits, 1, 0.2, signed=False) if self.topology.startswith("gated") else DAC(self.dac_bits, 0.2)


# what perfect arrays are like
PERFECT = {key.name: key.default for key in _declared.keys(Arrays) if key.name not in ("mapping", "tile_rows", "tile_columns")}


@accepts_any
@dataclass(kw_only=True)
class CrossbarNetwork(System):
    """Arrays of weights {"w0": (n_0 + 1, n_1), "w1": ...}; the last row of each is for the bias.

    Outputs are linear.

    Parameters
    ----------
    hardware : Crossbar | None
        How the arrays are built, in the place of `arrays`, for what those cannot say. Where they are perfect the network is its own twin.
    reference : Array | None
        Inputs (batch, n_0), by which ADC ranges are calibrated and drift is compensated, from the currents that they gave just after
        programming and give now, each read twice; see `calibrate`.

    Notes
    -----
    key : of `pnnkern.random`; draws the weights to start from, normal with variance 1 / n_in within `weight_max`, and makes the devices.

    An array is programmed when it is first read, and anew when its weights have changed (see `System`).
    """

    inputs: Count = 784  # values of a sample
    hidden: Annotated[Sequence[Count], Length(0, 100)] = (256,)  # nodes of the hidden layers
    outputs: Count = 10  # of the last array: a run has as many as its data have classes, or targets
    activation: Literal["tanh", "relu", "sigmoid"] = "tanh"  # of the hidden layers
    weight_max: Positive = 1.0  # where no pulsed device bounds the weights
    arrays: Arrays = field(default_factory=Arrays)
    time: NotNegative = 0.0  # [s] since programming, at which the network is measured
    compensation: Compensation = "none"  # of the drift, by one factor for each array or for each column
    writing: Pulses = field(default_factory=Pulses)
    hardware: Crossbar | None = None
    reference: Array | None = None
    dtype: str = "float32"

    kind: ClassVar[str] = "crossbar"
    recipe: ClassVar[str] = "crossbar-digits"
    device_samples: ClassVar[bool] = True
    drawn_by: ClassVar[str] = "crossbar"
    exact: ClassVar[Mapping[str, Any]] = {"writer": "ideal", **PERFECT}

    def __post_init__(self) -> None:
        check(self)
        check_dtype(self.dtype)
        if self.hardware is not None and not self.arrays.perfect:
            raise ValueError("arrays are built as arrays=Arrays(...) or as hardware=crossbar.Crossbar(...) says: give one of them")
        self.crossbar = self.arrays.crossbar() if self.hardware is None else self.hardware
        dac = None if self.crossbar is None else self.crossbar.chain.dac
        if dac is not None and not dac.signed and self.activation == "tanh" and self.hidden:
            raise ValueError(
                "tanh sends negative inputs to the next array, whose unsigned DAC takes inputs of 0 or more: set system.activation to relu or "
                "sigmoid"
            )
        like = _array.device_namespace(self.device).empty(0, self.dtype)
        for l, shape in enumerate(self.shapes):
            name = f"w{l}"
            if name not in self.parameters:
                random.require_key(self.key, "the weights to start from are random")
                draws = random.normal(random.fold_in(self.key, name), (1, shape[0] * shape[1]), dtype=self.dtype, like=like)
                start = (draws.reshape(shape) / np.sqrt(shape[0])).clip(-self.weight_max, self.weight_max)
                self.parameters[name] = start.astype(self.dtype)
            check_parameters(self.parameters, {name: shape}, self.dtype)
        self.writing.give(self, [name for name in self.parameters if name not in self.writers])

    @property
    def natural_loss(self) -> Target:
        return Target("cross-entropy", scale=10.0)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of each layer, the inputs first."""
        return (self.inputs, *self.hidden, self.outputs)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of each array of weights."""
        return [(a + 1, b) for a, b in zip(self.sizes[:-1], self.sizes[1:], strict=True)]

    @property
    def stages(self) -> int:
        """Arrays, each with the activation behind it: stages that can be run one by one."""
        return len(self.sizes) - 1

    @property
    def feature_count(self) -> int:
        """Nodes of the last hidden layer; where there is none, outputs."""
        return self.sizes[-2] if self.hidden else self.outputs

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Of the weights that no writer keeps in the range of its devices."""
        return {name: (-self.weight_max, self.weight_max) for name in self.parameters if name not in self.writers}

    # ---------------------------------------------------------------------------------------------------------------- physics
    @property
    def encoding(self) -> Encoding:
        """What `encode` does."""
        return Encoding(self.inputs, self.dtype)

    def encode(self, images: Numbers) -> Array:
        """Images or features (batch, ...), uint8 or in [0, 1], as inputs (batch, n_0) in [0, 1]."""
        return self.encoding.of(images, self.device)

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass through the arrays: (batch, n_0) -> (batch, outputs)."""
        return self.measure(inputs, key, sample)[0]

    @protocols.population_runs(f"{protocols.ONE_PASS} through perfect arrays, {protocols.LOOPED} through others")
    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """The passes of a population of weights, (members, batch, outputs): of perfect arrays at once, of others one member after another."""
        if self.hardware is not None:
            return protocols.population(self, inputs, parameters, key, sample, first=first)
        with protocols.stacked(self, parameters, first):
            return self.forward_saving(inputs)[0]

    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """The twin's outputs, and its record: the weights and what entered each array."""
        return self._pass(inputs)

    def measure(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """What the arrays gave, and the record for the twin's derivative at the activations that were measured."""
        if self.crossbar is None:
            return self.forward_saving(inputs)
        return self._pass(inputs, self._reading(key, on_device(sample, inputs)))

    def stage(self, stage: int, inputs: Real, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """What one array gives for inputs (batch, nodes), behind the activation; and what entered it, to derive the twin at what came out."""
        shaped("inputs", inputs, "batch", self.sizes[stage])
        entered, w, last = _with_bias(inputs), self.parameters[f"w{stage}"], stage == self.stages - 1
        if self.crossbar is None:
            out = _dense.layer(entered, w, "" if last else self.activation, ones=False)
        else:
            a = self._reading(key, on_device(sample, inputs))(stage, entered, w)
            out = a if last else ACTIVATIONS[self.activation][0](_array.namespace(a), a)
        return out, (entered, out)

    def stage_vjp(self, stage: int, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradient of one array for a cotangent of what came out behind the activation."""
        entered, out = record
        if stage < self.stages - 1:
            cotangent = _dense.sloped(cotangent, self.activation, out)
        return {f"w{stage}": Factors(entered, cotangent)}

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Activations of the last hidden layer, as the arrays gave them; where there is none, outputs."""
        for l in range(max(1, len(self.hidden))):
            inputs, _ = self.stage(l, inputs, key, sample)
        return inputs

    def forward_reading(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """What the arrays gave, and the record for `backward`: a crossbar is read inside where its layers meet."""
        return self.measure(inputs, key, sample)

    def backward(self, cotangent: Real, record: Any, key: Key | None = None, sample: Sample = 0) -> dict[str, Derivative]:
        """Errors driven into the columns and read at the rows of the arrays as they are, by drivers and converters without error.

        Reciprocity holds for the wires too: what reaches a row from a column is what reached that column from the row.

        Raises
        ------
        ValueError
            For gated arrays, whose rows carry no current.
        """
        if self.crossbar is not None and self.crossbar.chain.gated:
            raise ValueError(
                f"arrays of topology {self.crossbar.chain.topology!r} cannot be read at their rows, which only open cells: errors need "
                "'lines' or 'interleaved' to go back through"
            )
        if self.crossbar is None:
            return self.vjp(cotangent, record)
        xp, (weights, _) = _array.namespace(cotangent), record
        rows = on_device(sample, cotangent)

        def below(l: int, error: Array, entered: Array) -> Array:
            layer, factor = self._ready(l, weights[l])
            driven = error if factor is None else (error * factor).astype(error.dtype)
            own = None if key is None else random.fold_in(key, l)
            out: Array = layer.vjp(xp.ascontiguousarray(driven), entered, key=own, sample=rows, wrt="x")
            return out

        return self._back(cotangent, record, below)

    def exports(self) -> dict[str, Quantity]:
        return {f"w{l}": Quantity(f"weights of array {l + 1} (inputs and bias, outputs), no unit") for l in range(len(self.shapes))}

    # ----------------------------------------------------------------------------------------------------------------- arrays
    def calibrate(self, inputs: Real) -> None:
        """Take these inputs as the reference for ADC ranges and drift compensation: a few hundred training samples, say."""
        self.reference = inputs
        self._made.clear()

    def aged(self, time: float, compensation: Compensation = "none") -> "CrossbarNetwork":
        """The same arrays, read `time` seconds after they were programmed."""
        return dataclasses.replace(self, time=time, compensation=compensation, parameters=dict(self.parameters))

    def costs(self) -> dict[str, float]:
        return {} if self.crossbar is None else self.estimate()

    def estimate(self, technology: Any = None) -> dict[str, float]:
        """Energy, latency and area of one inference, arrays one after another: the sums of `crossbar.estimate`.

        Parameters
        ----------
        technology
            The costs (`crossbar.Technology`); its defaults have their sources.

        Returns
        -------
        dict[str, float]
            {"energy_per_inference_j", "latency_s", "area_m2", "operations_per_joule"}. An estimate of the arrays and their converters only; the
            electronics of f are not in it.
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
        if self.crossbar is None:
            raise ValueError("the arrays of this network are perfect: it has no conductances; give hardware=crossbar.Crossbar(...)")
        chain = self.crossbar.chain
        if isinstance(chain.noise, GaussianNoise) and chain.noise.device is not None:
            chain = dataclasses.replace(chain, noise=dataclasses.replace(chain.noise, time=0.0))
        return dataclasses.replace(self.crossbar, chain=chain)

    def _reading(self, key: Any, sample: Any) -> Any:
        """``read(l, x, w)``: x @ w as array l does it."""
        if self.crossbar is None:
            return lambda l, x, w: _dense.layer(x, w)
        return lambda l, x, w: self._read(l, x, w, key, sample)

    def _read(self, l: int, x: Array, w: Array, key: Any, sample: Any) -> Array:
        """x @ w as built array l does it."""
        layer, factor = self._ready(l, w)
        y: Array = layer(x, key=None if key is None else random.fold_in(key, l), sample=sample)
        return y if factor is None else (y * factor).astype(y.dtype)

    def _ready(self, l: int, w: Array) -> tuple[Layer, Array | None]:
        """Array l as it can be read, and the factor for its drift."""
        return self._kept(l, w, lambda: self._prepared(l))

    def _prepared(self, l: int) -> tuple[Layer, Array | None]:
        """Array l ready to be read, and the factor that compensates its drift."""
        hardware, state = self._hardware(), self._programmed(l)
        adc = hardware.chain.adc
        calibrated = adc is not None and isinstance(adc.range, str) and adc.range == "calibrated"
        probe: Array = self._entering(l) if calibrated or self.compensation != "none" else None
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

    def _pass(self, inputs: Real, read: Any = None) -> tuple[Array, Any]:
        """Outputs, and the record: weights, and what entered each array. ``read(l, x, w)``: x @ w as array l does it; None: exactly."""
        if inputs.ndim < 2 or inputs.shape[-1] != self.sizes[0]:
            raise ValueError(f"inputs must be (batch, {self.sizes[0]}), got shape {inputs.shape}")
        xp, (f, _) = _array.namespace(inputs), ACTIVATIONS[self.activation]
        weights = [self.parameters[f"w{l}"] for l in range(len(self.shapes))]
        entered, out = [], _with_bias(inputs)
        for l, w in enumerate(weights):
            entered.append(out)
            last = l == len(weights) - 1
            if read is None:
                out = _dense.layer(out, w, "" if last else self.activation)
            else:
                a = read(l, out, w)
                out = a if last else _with_bias(f(xp, a))
        return out, (weights, entered)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradients of all weights, as outer products of what entered an array and the error at its columns."""
        return self._back(cotangent, record)

    def _back(self, cotangent: Real, record: Any, below: Any = None) -> dict[str, Derivative]:
        """Gradients of all weights; ``below(l, error, entered)`` is what array l sends to its rows, the bias's last; None: exactly."""
        weights, entered = record
        shaped("cotangent", cotangent, len(entered[0]), self.outputs)
        updates, error = {}, cotangent
        for l in reversed(range(len(weights))):
            updates[f"w{l}"] = Factors(entered[l], error)
            if l and below is None:
                error = _dense.below(error, weights[l], self.activation, entered[l])
            elif l:
                error = below(l, error, entered[l])[:, :-1] * ACTIVATIONS[self.activation][1](entered[l][:, :-1])
        return updates

    def hidden_outputs(self, record: Any) -> list[Array]:
        """Activations (batch, nodes) of the hidden layers."""
        return [x[:, :-1] for x in record[1][1:]]

    def layer_vjp(self, layer: int, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Gradient of one array for a cotangent of its activation, or of the outputs for the last one."""
        entered = record[1]
        return self.stage_vjp(layer, cotangent, (entered[layer], entered[layer + 1][:, :-1] if layer < self.stages - 1 else None))


def _with_bias(x: Array) -> Array:
    """What enters an array (..., nodes + 1): the last row, of the bias, at full scale."""
    xp, shape = _array.namespace(x), (*x.shape[:-1], 1)
    if xp is np:  # what a GPU writes anew in a launch costs nothing here
        return np.concatenate([x, np.ones(shape, x.dtype)], axis=-1)
    return xp.concatenate([x, xp.broadcast_to(_constants.constant(np.ones(1), x.dtype, x), shape)], axis=-1)


__all__ = ["ACTIVATIONS", "Arrays", "CrossbarNetwork"]
