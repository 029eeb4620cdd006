"""Direct feedback alignment: the output's error reaches every layer through a fixed random matrix of its own.

delta_l = (B_l e) f'(a_l), and each layer turns its delta into its own gradient; the last layer's is exact. Nokland, Direct feedback
alignment provides learning in deep neural networks, NeurIPS 2016. Not a gradient of the loss: it works as far as the layers align.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers
from .._checks import shaped
from .._gate import accepts_any
from .._updates import gradients, joined
from ..systems.protocols import Layered
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
def feedback_matrix(key: Key, layer: int, outputs: int, state: Numbers) -> Array:
    """B_l (outputs, nodes of the layer), for a state (batch, ...) of it: normal with variance 1 / outputs, complex where the state is."""
    if state.ndim < 2:
        raise ValueError(f"state must be (batch, ...) of a layer, got shape {state.shape}")
    nodes, parts = int(np.prod(state.shape[1:])), 2 if state.dtype.kind == "c" else 1
    draws = random.normal(random.fold_in(key, layer), (outputs, parts * nodes), like=state) / np.sqrt(parts * outputs)
    draws = draws.astype(state.real.dtype)
    return _array.contiguous(draws).view(state.dtype) if parts == 2 else draws


@accepts_any
@dataclass(frozen=True)
class DirectFeedback(Supervised):
    """The rule. Its state is the key of the matrices B_l, which are made from it when they are first needed."""

    kind: ClassVar[str] = "direct-feedback"
    functions: ClassVar[Mapping[str, str]] = {"learning.feedback_matrix": "of each layer; the layer's own derivative carries it on"}
    needs: ClassVar[tuple[type, ...]] = (Layered,)
    _matrices: dict[tuple[Any, ...], Array] = field(default_factory=dict, repr=False, compare=False)

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        return {"key": random.require_key(key, "the feedback matrices are random")}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            outputs, record = system.measure(part.inputs, key, part.index)
            error, metrics = loss_and_metrics(self.loss_on(system), outputs, part.labels)
            hidden = system.hidden_outputs(record)
            found = system.layer_vjp(len(hidden), error, record)
            for l, values in enumerate(hidden):
                delta = (error @ self._matrix(state["key"], l, error, values)).reshape(values.shape).astype(values.dtype, copy=False)
                found = joined(found, system.layer_vjp(l, delta, record))
            return gradients(found), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics

    def _matrix(self, key: Any, layer: int, error: Array, values: Array) -> Array:
        shaped("error", error, None, None)
        which = (*_array.to_numpy(key).tolist(), layer, error.shape[1], values.shape[1:], values.dtype.name, _array.namespace(values).__name__)
        if which not in self._matrices:
            self._matrices[which] = feedback_matrix(key, layer, error.shape[1], values)
        return self._matrices[which]
