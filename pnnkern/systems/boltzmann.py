"""A restricted Boltzmann machine that classifies, as a trainable system: binary hidden units between the inputs and one unit of C classes.

E(x, h, y) = - a x - b1 h - b2 y - x W1 h - h W2 y, with h of 0 and 1, y one-hot; at temperature 1 states follow exp(-E). Inputs held, the
machine draws h and y in turn; what comes out is the logarithm of how often it is in each class. Nothing held, it dreams: contrastive
divergence trains it on inputs and labels together. Its twin sums over all h and y exactly. Larochelle and Bengio, ICML 2008.

Parameters: "W1" (inputs, hidden), "W2" (hidden, classes), "a" (inputs,), "b1" (hidden,), "b2" (classes,); all pure numbers.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import _array, _dense, random
from .._array import Array, Key, Numbers, Real, Sample
from .._declared import Positive, Range, Turns, check
from .._errors import NudgeError
from .._functions import logistic, negative_log_softmax
from .._gate import accepts_any, record
from .._updates import Derivative, Factors
from ..networks import boltzmann, oscillator
from ..networks.boltzmann import one_hot_sample
from ..networks.ising import layer_contrast, pair_contrast
from ._encoding import Encoding, check_parameters, one_hot
from ._imperfect import on_the_built
from ._layers import OneHiddenLayer, OneSize, check_dtype
from ._samples import on_device
from .protocols import looped_population
from .system import Quantity, States, Target
from .writers import InPlace


@record
@dataclass(frozen=True)
class Ensemble:
    """What was drawn in one phase: classes (draws, batch, classes), one-hot, and the chances of the hidden units given each, (draws, batch,
    hidden), which stand for the units with less noise. chance : (batch, classes), the mean chance of each class given the hidden units.
    """

    classes: Array
    hidden: Array
    chance: Array


@record
@dataclass(frozen=True)
class Ensembles(States):
    """Output (batch, classes), and of each phase what was drawn in it, `Ensemble`."""

    inputs: Real


@accepts_any
@dataclass(kw_only=True)
class BoltzmannMachine(OneHiddenLayer):
    """A machine that learns: `Relaxing`, `Generative`, `Measurable` and `Modelled`. Outputs are logarithms of chances.

    Inputs are grey values in [0, 1] that count as chances. Drawing is random, from an even start: all but the twin needs a key.

    Nudges add beta |y - target|^2 / 2 to E, fields on the classes for one-hot targets; held outputs are held whole. Against the free phase
    held classes give the exact gradient of -log P(y | x), in the mean over draws: contrastive learning is maximum likelihood here.
    """

    hidden: OneSize = (256,)  # units of the hidden layer
    scale: Positive = 0.1  # weights start normal, with a standard deviation of scale / sqrt(nodes below)
    sweeps: Turns = 10  # draws that are averaged over
    settle: Annotated[int, Range(ge=0, le=100_000)] = 5  # and draws before these that are not

    kind: ClassVar[str] = "boltzmann"
    recipe: ClassVar[str] = "boltzmann-digits"
    device_samples: ClassVar[bool] = True
    has_energy: ClassVar[bool] = True  # a free one: of distributions
    nudged_by_reading: ClassVar[bool] = False  # nudges are fields

    def __post_init__(self) -> None:
        check(self)
        if self.outputs == 1:
            raise ValueError("of one class unit alone the chance is always 1: two classes need two, outputs = 2")
        check_dtype(self.dtype)
        xp, (hidden, classes) = _array.device_namespace(self.device), self.sizes
        shapes = {"W1": (self.inputs, hidden), "W2": (hidden, classes), "a": (self.inputs,), "b1": (hidden,), "b2": (classes,)}
        if not self.parameters:
            random.require_key(self.key, "the weights that a Boltzmann machine begins with are random")
            for name, shape in shapes.items():
                self.parameters[name] = xp.zeros(shape, self.dtype)
                if len(shape) == 2:
                    draws = random.normal(
                        random.fold_in(self.key, name), (1, int(np.prod(shape))), dtype=self.dtype, like=self.parameters[name]
                    )
                    self.parameters[name] = (self.scale / np.sqrt(shape[0]) * draws).astype(self.dtype).reshape(shape)
        check_parameters(self.parameters, shapes, self.dtype)
        first, second = self.two_rates()
        if len(self.rates):
            for name, rate in (("W1", first), ("a", first), ("b1", first), ("W2", second), ("b2", second)):
                self.writers.setdefault(name, InPlace(rate=rate))

    @property
    def natural_loss(self) -> Target:
        return Target("cross-entropy", scale=1.0, real=False)

    @property
    def natural_nudge(self) -> float:
        """A field that turns classes over: the noise of what is drawn is divided by it."""
        return 4.0

    @property
    def natural_step(self) -> float:
        """What is felt above the noise of what is drawn."""
        return 0.1

    @property
    def natural_hold(self) -> float:
        """1: outputs are held at their targets or not at all."""
        return 1.0

    # ----------------------------------------------------------------------------------------------------------------- physics
    @property
    def encoding(self) -> Encoding:
        """What `encode` does."""
        return Encoding(self.inputs, self.dtype, gain=self.gain)

    def encode(self, images: Numbers) -> Array:
        """Images (batch, ...), uint8 or in [0, 1], as inputs (batch, n): uint8 as fractions of 255, times the gain."""
        return self.encoding.of(images, self.device)

    def targets(self, labels: Numbers) -> Array:
        """One-hot labels, (batch, classes)."""
        return one_hot(labels, self.outputs, 1, 0, self.device, self.dtype)

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """(batch, classes): the logarithm of the mean chance of each class over the draws of the built machine, as it is measured."""
        return self.relax(inputs, key=key, sample=sample).output

    @property
    def feature_count(self) -> int:
        """Hidden units."""
        return self.sizes[0]

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Mean chances of the hidden units over the draws, (batch, hidden)."""
        return self.relax(inputs, key=key, sample=sample).phases[0].hidden.mean(axis=0)

    forward_population = looped_population(forward)

    @on_the_built
    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
              sample: Sample = 0) -> Ensembles:  # fmt: skip
        """The free ensemble and the nudged ones; with `hold` classes are held at the targets, and beta must be 1."""
        key = random.require_key(key, "draws are random")
        if target is None and nudges:
            raise ValueError("nudges need a target")
        if target is not None and target.shape != (len(inputs), self.sizes[1]):
            raise ValueError(f"target must be {(len(inputs), self.sizes[1])}, got shape {target.shape}")
        if hold and any(b != 1 for b in nudges):
            raise NudgeError(f"classes are held at their targets or not at all: beta must be 1, as in contrastive learning, got {nudges}")
        sample = on_device(sample, inputs)
        p = self.parameters
        drive = oscillator.drive(inputs, p["W1"], p["b1"], p["b1"][:0])
        free = self._drawn(drive, None, random.fold_in(key, "free"), sample)
        phases = [free]
        one_hot_target: Any = target
        for n, beta in enumerate(nudges):
            if hold:
                hidden = logistic(drive + _dense.layer(one_hot_target, p["W2"].T))
                phases.append(Ensemble(one_hot_target[None], hidden[None], one_hot_target))
            else:
                phases.append(self._drawn(drive, beta * one_hot_target, random.fold_in(key, n), sample))
        return Ensembles(_array.namespace(inputs).log(free.chance), phases, inputs)

    def _drawn(self, drive: Array, field: Any, key: Any, sample: Any) -> Ensemble:
        """Draw hidden units and classes in turn, classes with an extra field."""
        p = self.parameters
        return Ensemble(*boltzmann.class_chain(drive, p["W2"], p["b2"], field, sweeps=self.sweeps, settle=self.settle, key=key, sample=sample))

    def contrast(self, relaxed: Ensembles, a: int, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, mean over the draws, a sum over the batch: of the built machine."""
        one, two = relaxed.phases[a], relaxed.phases[b]
        moved = two.hidden.mean(axis=0) - one.hidden.mean(axis=0)
        before, after = ([u.reshape(-1, u.shape[-1]) for u in (phase.hidden, phase.classes)] for phase in (one, two))
        second = pair_contrast(before, after, (1 / len(one.classes), 1 / len(two.classes)))
        # of inputs that are held, and of biases, means have less noise than what was drawn
        return {
            "W1": Factors(relaxed.inputs, moved, -1.0), "b1": -moved.sum(axis=0), "W2": second, "b2": (one.chance - two.chance).sum(axis=0)
        }  # fmt: skip

    # -------------------------------------------------------------------------------------------------------------- generative
    def undecided(self, count: int, key: Key) -> tuple[Array, Array]:
        """Where persistent chains start: inputs (count, n) of 0 and 1, times the gain, and one-hot classes (count, classes), drawn evenly."""
        key = random.require_key(key, "where chains start is random")
        xp = _array.namespace(self.parameters["W1"])
        even = xp.full((count, self.inputs), 0.5, self.dtype)
        inputs = self.gain * random.bernoulli(random.fold_in(key, "inputs"), even).astype(self.dtype)
        return inputs, one_hot_sample(xp.full((count, self.outputs), 1 / self.outputs, self.dtype), random.fold_in(key, "classes"), 0)

    def dream(self, inputs: Real, target: Real, *, steps: int, key: Key, sample: Sample = 0) -> tuple[Array, Array]:
        """Inputs and classes after `steps` of drawing all units, nothing held, from these: (batch, n) of 0 and 1, one-hot (batch, classes)."""
        key = random.require_key(key, "draws are random")
        p = self.built().parameters
        weights, biases = ([p[name] for name in names] for names in (("W1", "W2"), ("a", "b1", "b2")))
        v, y = boltzmann.drawn(
            (inputs, target), weights, biases, steps=steps, key=key, sample=on_device(sample, inputs), gain=self.gain
        )
        return v, y

    def joint_contrast(self, data: tuple[Numbers, Numbers], model: tuple[Numbers, Numbers]) -> dict[str, Derivative]:
        """dE/dparameter of (inputs, classes) of the data, a sum, less as many times the model's mean.

        Hidden units count by their chances in the built machine.
        """
        device, layers = self.built(), []
        for name, (v, y) in (("model", model), ("data", data)):
            for part, values, count in (("inputs", v, self.inputs), ("classes", y, self.sizes[1])):
                if not _array.is_array(values) or values.dtype != self.dtype:
                    raise TypeError(f"{part} of the {name} must be {self.dtype}, got {getattr(values, 'dtype', type(values).__name__)}")
                if values.ndim != 2 or values.shape[1] != count:
                    raise ValueError(f"{part} of the {name} must be (samples, {count}), got shape {values.shape}")
            layers.append((v, device._hidden(v, y), y))
        (first, second), (a, b1, b2) = layer_contrast(layers[0], layers[1], (len(data[0]) / max(1, len(model[0])), 1.0))
        return {"W1": first, "W2": second, "a": a, "b1": b1, "b2": b2}

    def _hidden(self, v: Array, y: Array) -> Array:
        p = self.parameters
        return logistic(v @ p["W1"] + p["b1"] + y @ p["W2"].T)

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """log P(y | x) (batch, classes), exactly: hidden units summed over, class by class. And the record for `vjp`."""
        p, xp = self.parameters, _array.namespace(inputs)
        drive = inputs @ p["W1"] + p["b1"]
        scores = xp.stack([b + xp.logaddexp(0.0, drive + w).sum(axis=1) for b, w in zip(p["b2"], p["W2"].T, strict=True)], axis=1)
        out = (-negative_log_softmax(scores)[0]).astype(inputs.dtype)
        return out, (inputs, drive, out)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """Exact gradients for a cotangent (batch, classes) of log P(y | x)."""
        inputs, drive, out = record
        xp, p = _array.namespace(drive), self.parameters
        g = (cotangent - xp.exp(out) * cotangent.sum(axis=1, keepdims=True)).astype(drive.dtype)
        below, columns = xp.zeros_like(drive), []
        for c, w in enumerate(p["W2"].T):
            share = g[:, c : c + 1] * logistic(drive + w)
            below += share
            columns.append(share.sum(axis=0))
        return {"W1": Factors(inputs, below), "b1": below.sum(axis=0), "W2": xp.stack(columns, axis=1), "b2": g.sum(axis=0)}

    # ------------------------------------------------------------------------------------------------------ for other programs
    def exports(self) -> dict[str, Quantity]:
        return super().exports() | {"a": Quantity("biases of the inputs")}


__all__ = ["BoltzmannMachine", "Ensemble", "Ensembles"]
