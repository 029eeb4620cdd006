"""In-silico training: exact gradients of a digital twin by its hand-written adjoint.

theta* = argmin E[ L(f_m(x, theta), y) ], then written to hardware once. Lin et al., Science 361, 1004 (2018).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Modelled
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
@dataclass(frozen=True)
class InSilico(Supervised):
    """The rule: exact gradient of `loss` on the system's twin. No physical pass is needed."""

    kind: ClassVar[str] = "in-silico"
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            outputs, record = system.forward_saving(part.inputs)
            cotangent, metrics = loss_and_metrics(self.loss_on(system), outputs, part.labels)
            return gradients(system.vjp(cotangent, record)), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics
