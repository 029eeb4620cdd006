"""Holomorphic equilibrium propagation: gradients by nudges of finite size, on a circle in the complex plane.

Laborieux and Zenke, Holomorphic equilibrium propagation computes exact gradients through finite size oscillations, NeurIPS 2022,
arXiv:2209.00530.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Holomorphic, Relaxing, Update, require
from .judged import Metrics, judged
from .losses import SquareError


@accepts_any
@dataclass(frozen=True)
class HolomorphicEP:
    """The rule. radius : |beta|, the size of all nudges. points : N on the circle; the error is of order radius^N.

    loss : what outputs are judged by; the cost that is nudged with is the system's, |output - target|^2 / 2 unless it says so.
    """

    radius: float = 0.2
    points: int = 6
    loss: Any = field(default_factory=SquareError)
    needs: ClassVar[tuple[type, ...]] = (Relaxing, Holomorphic)

    def __post_init__(self) -> None:
        if not 0 < self.radius < 1:
            raise ValueError(f"radius must lie between 0 and 1, got {self.radius!r}")
        if self.points < 2:
            raise ValueError(f"points must be at least 2, got {self.points!r}")

    @property
    def passes(self) -> int:
        """Relaxations per sample and step: the free one and those of the circle, though conjugate nudges are computed once."""
        return 1 + self.points

    def step(self, system: Any, batch: tuple[Array, Array], key: Any = None, sample: Any = 0) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"} of the free outputs."""
        require(system, "holomorphic equilibrium propagation", *self.needs)
        inputs, labels = batch
        updates = system.holomorphic_contrast(inputs, system.targets(labels), radius=self.radius, points=self.points)
        return updates, judged(self.loss, system.relax(inputs, key=key, sample=sample).output, labels)[1]


__all__ = ["HolomorphicEP"]
