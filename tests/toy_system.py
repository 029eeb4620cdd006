"""Two dense layers with tanh between, of which every derivative is written here: what rules are tried on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pnnkern import random
from pnnkern.systems.protocols import population


@dataclass
class TwoLayers:
    """x -> tanh(x W1) -> h W2. Measurable, Modelled, Layered, Staged and Featured; noise of the outputs by a key."""

    inputs: int = 6
    hidden: int = 8
    outputs: int = 3
    noise: float = 0.0
    seed: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    xp: Any = np

    stages = 2
    measured = "signed"

    def __post_init__(self) -> None:
        dice = np.random.default_rng(self.seed)
        shapes = {"W1": (self.inputs, self.hidden), "W2": (self.hidden, self.outputs)}
        for name, shape in shapes.items():
            self.parameters.setdefault(name, self.xp.asarray(dice.normal(size=shape) / np.sqrt(shape[0])))

    def encode(self, images: Any) -> Any:
        return self.xp.asarray(np.asarray(images, np.float64).reshape(len(images), -1))

    @property
    def feature_count(self) -> int:
        return self.hidden

    def read_features(self, inputs: Any, key: Any = None, sample: Any = 0) -> Any:
        return self.xp.tanh(inputs @ self.parameters["W1"])

    def forward(self, inputs: Any, key: Any = None, sample: Any = 0) -> Any:
        out = self.read_features(inputs) @ self.parameters["W2"]
        if self.noise:
            out = out + self.noise * random.normal(key, out.shape, sample=sample, dtype=np.float64, like=out)
        return out

    def forward_population(self, inputs: Any, parameters: dict[str, Any], key: Any = None, sample: Any = 0) -> Any:
        return population(self, inputs, parameters, key, sample)

    def forward_saving(self, inputs: Any) -> tuple[Any, Any]:
        h = self.read_features(inputs)
        return h @ self.parameters["W2"], (inputs, h)

    def vjp(self, cotangent: Any, record: Any) -> dict[str, Any]:
        x, h = record
        return {"W1": x.T @ ((cotangent @ self.parameters["W2"].T) * (1 - h**2)), "W2": h.T @ cotangent}

    def stage(self, stage: int, inputs: Any, key: Any = None, sample: Any = 0) -> tuple[Any, Any]:
        out = inputs @ self.parameters[f"W{stage + 1}"]
        out = out if stage else self.xp.tanh(out)
        return out, (inputs, out)

    def stage_vjp(self, stage: int, cotangent: Any, record: Any) -> dict[str, Any]:
        inputs, out = record
        return {f"W{stage + 1}": inputs.T @ (cotangent if stage else cotangent * (1 - out**2))}


def clouds(samples: int, inputs: int = 6, classes: int = 3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points in [0, 1] around one centre for each class, and their labels."""
    dice = np.random.default_rng(seed)
    labels = dice.integers(classes, size=samples)
    centres = np.random.default_rng(99).uniform(0.2, 0.8, (classes, inputs))
    return (centres[labels] + 0.06 * dice.normal(size=(samples, inputs))).clip(0, 1), labels
