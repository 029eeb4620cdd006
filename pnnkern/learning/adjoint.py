"""Adjoint learning: the device runs backwards by itself, and each part multiplies what went through it both ways.

Reciprocal physics is its own adjoint. Light sent back from the detectors meets the masks of the device as it was built: Hughes et al.,
Optica 5, 864 (2018). Voltages driven into an array's columns give errors at its rows. Error currents driven into the outputs of a network
of resistors make the drops that multiply those of the forward pass. No digital twin is asked, so what it does not know does no harm.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Reciprocal
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
@dataclass(frozen=True)
class AdjointLearning(Supervised):
    """The rule: one pass forward, one back, both through the device and read inside. The gradient of the loss of the device itself."""

    kind: ClassVar[str] = "adjoint-learning"
    needs: ClassVar[tuple[type, ...]] = (Reciprocal,)
    passes: ClassVar[int] = 2

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            outputs, record = system.forward_reading(part.inputs, key, part.index)
            cotangent, metrics = loss_and_metrics(self.loss_on(system), outputs, part.labels)
            return gradients(system.backward(cotangent, record, key, part.index)), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics


__all__ = ["AdjointLearning"]
