"""A chain of systems: what one measures enters the next. Each stage has its own parameters, its own model and its own noise.

Physics-aware training of a chain goes back through every stage's model at what was measured before that stage, so that what the models
get wrong does not add up along the chain: Wright, Onodera et al., Nature 601, 549 (2022), supplementary section I.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import random
from .._array import Array, Key, Numbers, Sample
from .._gate import accepts_any
from .._updates import Derivative
from . import protocols
from ._encoding import Encoding, encoding_of
from .system import System, Target


@accepts_any
@dataclass(kw_only=True)
class Chain(System):
    """What `chain` makes: `Measurable` and `Featured`. Parameters are those of the stages, "0.w" that called w of the first."""

    parts: Sequence[System] = field(repr=False)

    def __post_init__(self) -> None:
        for l, part in enumerate(self.parts):
            for name, values in part.parameters.items():
                self.parameters.setdefault(f"{l}.{name}", values)

    @property
    def outputs(self) -> int:
        """Of the last stage."""
        return int(self.parts[-1].outputs)  # type: ignore[attr-defined]

    @property
    def device_samples(self) -> bool:  # type: ignore[override]
        """Whether the first stage encodes samples of its device."""
        return self.parts[0].device_samples

    @property
    def natural_loss(self) -> Target:
        return self.parts[-1].natural_loss

    @property
    def feature_count(self) -> int:
        return self.outputs

    @property
    def encoding(self) -> Encoding | None:
        """What `encode` does, if the first stage says that."""
        return encoding_of(self.parts[0])

    def encode(self, images: Numbers) -> Array:
        """By the first stage."""
        encoded: Array = self._part(0).encode(images)
        return encoded

    def forward(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass, each stage with noise of its own."""
        return self._measured(inputs, key, sample)[-1]

    def read_features(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """The outputs."""
        return self.forward(inputs, key, sample)

    forward_population = protocols.looped_population(forward)

    def _measured(self, inputs: Array, key: Any, sample: Any) -> list[Array]:
        """What goes into the first stage, and what is measured behind each."""
        values = [inputs]
        for l in range(len(self.parts)):
            own = None if key is None else random.fold_in(key, l)
            values.append(self._part(l).forward(values[-1], own, sample))
        return values

    def _part(self, stage: int) -> Any:
        """A stage, with the parameters that the chain has for it now."""
        part = self.parts[stage]
        for name in part.parameters:
            part.parameters[name] = self.parameters[f"{stage}.{name}"]
        return part


@accepts_any
@dataclass(kw_only=True)
class ModelledChain(Chain):
    """What `chain` makes of stages that all have a twin: `Modelled`, `Layered` and `Staged` too."""

    @property
    def stages(self) -> int:
        """How many there are."""
        return len(self.parts)

    def forward_saving(self, inputs: Numbers) -> tuple[Array, Any]:
        """A pass of the twins alone, and their records."""
        records = []
        for l in range(len(self.parts)):
            inputs, record = self._part(l).forward_saving(inputs)
            records.append(record)
        return inputs, (records, [])

    def measure(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """One physical pass, and the record of each twin at what was measured before its stage."""
        values = self._measured(inputs, key, sample)
        records = [self._part(l).forward_saving(value)[1] for l, value in enumerate(values[:-1])]
        return values[-1], (records, values[1:-1])

    def vjp(self, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradients by all parameters, stage after stage from the last one on."""
        found: dict[str, Derivative] = {}
        for l in reversed(range(len(self.parts))):
            by_parameter, cotangent = self._back(l, cotangent, record[0][l], needed=l > 0)
            found |= by_parameter
        return {name: found[name] for name in self.parameters}

    def hidden_outputs(self, record: Any) -> list[Array]:
        """What was measured between the stages."""
        values: list[Array] = record[1]
        return values

    def layer_vjp(self, layer: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradients of one stage alone."""
        return self._back(layer, cotangent, record[0][layer], needed=False)[0]

    def stage(self, stage: int, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> tuple[Array, Any]:
        """One pass of one stage alone."""
        own = None if key is None else random.fold_in(key, stage)
        out = self._part(stage).forward(inputs, own, sample)
        return out, self._part(stage).forward_saving(inputs)[1]

    def stage_vjp(self, stage: int, cotangent: Numbers, record: Any) -> dict[str, Derivative]:
        """Gradients of one stage alone."""
        return self._back(stage, cotangent, record, needed=False)[0]

    def _back(self, stage: int, cotangent: Array, record: Any, *, needed: bool) -> tuple[dict[str, Derivative], Any]:
        """Gradients of a stage's parameters, and by its inputs. Raises ValueError where these are needed and the twin does not give them."""
        part = self._part(stage)
        found, by_inputs = part.back(cotangent, record) if hasattr(part, "back") else (part.vjp(cotangent, record), None)
        if needed and by_inputs is None:
            raise ValueError(f"the twin of stage {stage} must give the gradient by its inputs too, as 'inputs': stages lie before it")
        return {f"{stage}.{name}": derivative for name, derivative in found.items()}, by_inputs


@accepts_any
def chain(stages: Sequence[System], *, example: Any = None) -> Chain:
    """A chain of systems, such as `from_callable` makes: what is measured behind one enters the next as it is.

    Where all have a twin the chain has one too: the derivative of each but the first must also give "inputs", the gradient by its inputs.

    Parameters
    ----------
    example
        Raw samples (batch, ...) to try all of it with.

    Raises
    ------
    ValueError
        For fewer than one stage.
    TypeError
        For one that cannot be measured.
    """
    parts = list(stages)
    if not parts:
        raise ValueError("a chain needs at least one stage")
    for l, part in enumerate(parts):
        if protocols.lacks(part, protocols.Measurable):
            raise TypeError(f"stage {l} of a chain must be a system that can be measured, got {type(part).__name__}")
    if len({id(part) for part in parts}) < len(parts):
        raise ValueError("one system cannot be two stages of a chain: make another with parameters of its own")
    modelled = all(not protocols.lacks(part, protocols.Modelled) for part in parts)
    made = (ModelledChain if modelled else Chain)(parts=parts)
    if example is not None:
        out, record = made.measure(made.encode(example)) if isinstance(made, ModelledChain) else (made.forward(made.encode(example)), None)
        if isinstance(made, ModelledChain):
            made.vjp(out, record)
    return made


__all__ = ["Chain", "ModelledChain", "chain"]
