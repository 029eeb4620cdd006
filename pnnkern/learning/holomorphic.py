"""Holomorphic equilibrium propagation: gradients by nudges of finite size, on a circle in the complex plane.

Laborieux and Zenke, Holomorphic equilibrium propagation computes exact gradients through finite size oscillations, NeurIPS 2022,
arXiv:2209.00530.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from .._array import Key
from .._declared import Range
from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Holomorphic, Relaxing
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
@dataclass(frozen=True)
class HolomorphicEP(Rule):
    """The rule. The cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so."""

    radius: Annotated[float, Range(gt=0, lt=1)] = 0.2  # |beta|, the size of all nudges
    points: Annotated[int, Range(ge=2, le=100_000)] = 6  # on the circle; the error is of order radius^points

    kind: ClassVar[str] = "holomorphic-ep"
    functions: ClassVar[Mapping[str, str]] = {
        "networks.hopfield.holomorphic_contrast": "hopfield", "networks.convolutional.holomorphic_contrast": "hopfield-conv",
    }  # fmt: skip
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Holomorphic)

    @property
    def passes(self) -> int:
        """Relaxations per sample and step: the free one and those of the circle, though conjugate nudges are computed once."""
        return 1 + self.points

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            found = system.holomorphic_contrast(part.inputs, part.targets(system), radius=self.radius, points=self.points)
            output = system.relax(part.inputs, key=key, sample=part.index).output
            return gradients(found), metrics(self.loss_on(system), output, part.labels)

        updates, measured = batch.sum(share)
        return updates, state, measured


__all__ = ["HolomorphicEP"]
