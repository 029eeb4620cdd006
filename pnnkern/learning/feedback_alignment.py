"""Direct feedback alignment: the output's error reaches every layer through a fixed random matrix of its own.

delta_l = (B_l e) f'(a_l), and each layer turns its delta into its own gradient; the last layer's is exact. Nokland, Direct feedback
alignment provides learning in deep neural networks, NeurIPS 2016. Not a gradient of the loss: it works as far as the layers align.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array
from .._checks import shaped
from .._gate import accepts_any
from ..systems.protocols import Layered, Update, dense, require
from .judged import Metrics, judged


@accepts_any
@dataclass
class DirectFeedback:
    """The rule. key : of `pnnkern.random`; makes the matrices B_l: normal with variance 1 / outputs, complex where the layer is."""

    loss: Any
    key: Any
    needs: ClassVar[tuple[type, ...]] = (Layered,)
    passes: ClassVar[int] = 1
    _matrices: dict[tuple[Any, ...], Array] = field(default_factory=dict, repr=False)

    def step(
        self, system: Layered, batch: tuple[Array, Array], key: Any = None, sample: Any = 0
    ) -> tuple[dict[str, Update], Metrics]:
        """Updates {name: update} for the batch (inputs, labels), and metrics {"loss", "accuracy"}."""
        require(system, "direct feedback alignment", *self.needs)
        outputs, record = system.measure(batch[0], key, sample)
        error, metrics = judged(self.loss, outputs, batch[1])
        hidden = system.hidden(record)
        updates = dict(system.layer_vjp(len(hidden), error, record))
        for l, state in enumerate(hidden):
            delta = (error @ self.matrix(l, error, state)).reshape(state.shape).astype(state.dtype, copy=False)
            for name, update in system.layer_vjp(l, delta, record).items():
                updates[name] = dense(update) + dense(updates[name]) if name in updates else update
        return updates, metrics

    def matrix(self, layer: int, error: Array, state: Array) -> Array:
        """B_l (outputs, nodes of the layer), for an error (batch, outputs) and a state (batch, ...)."""
        shaped("error", error, None, None)
        if state.ndim < 2:
            raise ValueError(f"state must be (batch, ...) of a layer, got shape {state.shape}")
        shape = error.shape[1], int(np.prod(state.shape[1:]))
        which = layer, shape, state.dtype.name
        if which not in self._matrices:
            parts = 2 if state.dtype.kind == "c" else 1
            draws = random.normal(random.fold_in(self.key, layer), (shape[0], parts * shape[1]), like=state) / np.sqrt(parts * shape[0])
            draws = draws.astype(state.real.dtype)
            self._matrices[which] = _array.contiguous(draws).view(state.dtype) if parts == 2 else draws
        return self._matrices[which]
