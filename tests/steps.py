"""The first step of a rule as means over its samples, which is what a closed form or a difference of losses gives."""

from typing import Any

import numpy as np

from pnnkern._updates import dense
from pnnkern.learning import Batch, one_step


def mean_step(rule: Any, system: Any, inputs: Any, labels: Any, key: Any = None) -> tuple[dict[str, Any], dict[str, float]]:
    """Gradients by parameter, and {"loss", "rating"}, of a batch that is encoded already."""
    updates, metrics = one_step(rule, system, Batch(inputs, labels), key)
    count = len(labels)
    return {name: dense(update) / count for name, update in updates.items()}, {name: float(m) / count for name, m in metrics.items()}


def written(rule: Any, system: Any, inputs: Any, labels: Any, optimizer: Any, lr: float, key: Any = None) -> dict[str, float]:
    """Carry out one step, and its metrics."""
    from pnnkern.systems import writers

    updates, metrics = one_step(rule, system, Batch(inputs, labels), key)
    writers.apply(system, updates, optimizer, lr, len(labels))
    return {name: float(m) / len(labels) for name, m in metrics.items()}


def far(found: dict[str, Any], exact: dict[str, Any]) -> float:
    """Relative distance of two sets of gradients."""
    a, b = (np.concatenate([dense(u[name]).ravel() for name in exact]) for u in (found, exact))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))
