"""In-silico training: exact gradients of a digital twin by its hand-written adjoint.

theta* = argmin E[ L(f_m(x, theta), y) ], then written to hardware once. Lin et al., Science 361, 1004 (2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Key, Numbers
from .._gate import accepts_any
from .._updates import Derivative, gradients
from ..systems.protocols import Modelled
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def in_silico_gradient(system: Modelled, inputs: Numbers, labels: Numbers, loss: Any) -> tuple[dict[str, Derivative], Metrics]:
    """dL/dparameter of the digital twin, sums over the batch, by its hand-written adjoint; and the metrics of its outputs.

    Parameters
    ----------
    inputs : Array
        (batch, ...) as the system encodes them.
    labels, loss
        As in `pnnkern.learning.losses`.
    """
    outputs, record = system.forward_saving(inputs)
    cotangent, found = loss_and_metrics(loss, outputs, labels)
    return system.vjp(cotangent, record), found


@accepts_any
@dataclass(frozen=True)
class InSilico(Supervised):
    """The rule: exact gradient of `loss` on the system's twin. No physical pass is needed."""

    kind: ClassVar[str] = "in-silico"
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0
    functions: ClassVar[Mapping[str, str]] = {"learning.in_silico_gradient": ""}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            found, metrics = in_silico_gradient(system, part.inputs, part.labels, self.loss_on(system))
            return gradients(found), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics
