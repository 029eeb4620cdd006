"""Physics-aware training: measure forward, go back through the digital twin.

The loss and its cotangent are those of the measured outputs; the twin's vjp, taken at what was measured on the way, carries it to the
parameters. Works as long as the estimate is less than 90 degrees off the gradient. Wright, Onodera et al., Nature 601, 549 (2022).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Layered, Measurable, Modelled, Update, require
from .judged import Metrics, judged


@accepts_any
@dataclass(frozen=True)
class PhysicsAware:
    """The rule: one physical pass, then the twin's derivative at what was measured."""

    loss: Any
    needs: ClassVar[tuple[type, ...]] = (Measurable, Modelled)
    passes: ClassVar[int] = 1

    def step(
        self, system: Any, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Estimated gradients {name: update} of the mean loss over the batch (inputs, labels), and metrics {"loss", "accuracy"}."""
        require(system, "physics-aware training", *self.needs)
        if isinstance(system, Layered):
            outputs, record = system.measure(batch[0], key, sample)
        else:
            outputs, record = system.forward(batch[0], key, sample), system.forward_saving(batch[0])[1]
        cotangent, metrics = judged(self.loss, outputs, batch[1])
        return system.vjp(cotangent, record), metrics
