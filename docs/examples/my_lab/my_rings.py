"""A bank of microring resonators: inputs on wavelengths of their own, and a ring for each input and output that weighs it."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pnnkern import random
from pnnkern.systems import System, Target
from pnnkern.systems.fields import Count, NotNegative, check
from pnnkern.systems.protocols import looped_population


@dataclass(kw_only=True)
class RingBank(System):
    """Outputs are differences of two photodetectors, behind drop and through ports: ``y_j = sum_i x_i (T_drop - T_thru)_ij``.

    A ring that is detuned by d from its wavelength drops ``T_drop = 1 / (1 + d^2)`` and lets ``1 - T_drop`` through, so that a weight goes from
    1 on resonance to -1 far from it. Parameter: `detuning` (inputs, outputs), d, in half widths of a resonance. No losses, no crosstalk.
    """

    inputs: Count = 4  # values of a sample, one wavelength each
    outputs: Count = 3  # pairs of photodetectors
    noise: NotNegative = 0.0  # rms of the noise of an output, of which 1 is an input of 1 on resonance

    kind: ClassVar[str] = "ring-bank"

    def __post_init__(self) -> None:
        check(self)
        if "detuning" not in self.parameters:
            draws = random.uniform(random.require_key(self.key, "detunings are random at first"), (1, self.inputs * self.outputs))
            self.parameters["detuning"] = (2 * draws.reshape(self.inputs, self.outputs)).astype(np.float32)

    @property
    def natural_loss(self) -> Target:
        return Target("cross-entropy", scale=10.0)

    @property
    def natural_step(self) -> float:
        """Half widths, of a detuning."""
        return 0.05

    def encode(self, images: Any) -> np.ndarray:
        """Powers of the wavelengths, (batch, inputs), in [0, 1]."""
        return np.asarray(images, np.float32).reshape(len(images), -1)

    def forward(self, inputs: Any, key: Any = None, sample: Any = 0) -> np.ndarray:
        out = self.forward_saving(inputs)[0]
        if self.noise:
            out = out + self.noise * random.normal(random.require_key(key, "detectors are noisy"), out.shape, sample=sample)
        return out

    forward_population = looped_population(forward)

    # a twin with a derivative: for rules that need a model
    def forward_saving(self, inputs: Any) -> tuple[np.ndarray, Any]:
        drop = 1 / (1 + self.parameters["detuning"] ** 2)
        return inputs @ (2 * drop - 1), (inputs, drop)

    def vjp(self, cotangent: Any, record: Any) -> dict[str, np.ndarray]:
        inputs, drop = record
        slope = -4 * self.parameters["detuning"] * drop**2  # of a weight
        return {"detuning": (inputs.T @ cotangent) * slope}
