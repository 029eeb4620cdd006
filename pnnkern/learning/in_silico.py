"""In-silico training: exact gradients of a digital twin by its hand-written adjoint.

theta* = argmin E[ L(f_m(x, theta), y) ], then written to hardware once. Lin et al., Science 361, 1004 (2018).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array
from .._gate import accepts_any
from ..systems.protocols import Modelled, Update, require
from .judged import Metrics, judged


@accepts_any
@dataclass(frozen=True)
class InSilico:
    """The rule: exact gradient of `loss` on the system's twin. No physical pass is needed."""

    loss: Any
    needs: ClassVar[tuple[type, ...]] = (Modelled,)
    passes: ClassVar[int] = 0

    def step(
        self, system: Modelled, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Gradients {name: update} of the mean loss over the batch (inputs, labels), and metrics {"loss", "accuracy"}."""
        require(system, "in-silico training", *self.needs)
        outputs, record = system.forward_saving(batch[0])
        cotangent, metrics = judged(self.loss, outputs, batch[1])
        return system.vjp(cotangent, record), metrics
