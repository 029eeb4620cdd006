"""What relaxed networks give back: how far they have settled, and a free state with what nudges move."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from .._checks import plain, shaped
from .._gate import record


@record
@dataclass(frozen=True, kw_only=True)
class Relaxed:
    """How far something has settled: `left`, a number or an array of them on its device, and the `limit` below which it has. Looking waits
    for a GPU."""

    left: Any
    limit: float

    @property
    def residual(self) -> float:
        """What was left in the end, relative to the largest there is: the last step, or a force. Of many, the largest."""
        return float(most(self.left))

    @property
    def converged(self) -> bool:
        """Whether the residual is within the tolerance."""
        return self.residual <= self.limit


@record
@dataclass(frozen=True, kw_only=True)
class Settled:
    """How far each sample has settled. Looking waits for a GPU.

    left : (batch,), what is left of each, relative. taken : (batch,) or a number, of steps. limit : what may be left.
    """

    left: Array
    taken: Any
    limit: float

    @cached_property
    def residual(self) -> np.ndarray:
        """What is left of each sample, (batch,), relative to the largest there is."""
        return _array.to_numpy(self.left)

    @property
    def steps(self) -> int:
        """Of the sample that took most."""
        return int(self.taken.max() if self.taken.size else 0) if np.ndim(self.taken) else int(self.taken)

    @property
    def converged(self) -> bool:
        """Whether every residual is within the tolerance."""
        return bool((self.residual <= self.limit).all())


@record
@dataclass(frozen=True)
class Phases(Relaxed):
    """A free state, and how far nudges move it: ``states[l] + moved[l][p]`` is the state of phase p + 1, and phase 0 is the free one.

    Parameters
    ----------
    inputs
        (batch, n_0), clamped; None where nothing is.
    states : list[Array]
        (batch, n) of the layers after the input, or of all units at once.
    moved : list[Array]
        (phases, batch, n) of them.
    output : Array
        (batch, outputs), what is read of the free state. residual, converged : of all phases.
    """

    inputs: Any
    states: list[Array]
    moved: list[Array]
    output: Array

    def between(self, a: int, b: int) -> tuple[list[Array], list[Array]]:
        """Means of phases a and b, and differences, phase b less a, of each of `states`."""
        return self._between(*self._arrays()[1:], a, b)

    def numbered(self, a: int, b: int) -> tuple[list[Array], list[Array]]:
        """`states` and `moved`, once there are phases a and b of them."""
        _, states, moved = self._arrays()
        self._refuse_others(moved, a, b)
        return states, moved

    def pairs(self, a: int, b: int) -> list[tuple[Array, Array | None, Array, Array]]:
        """For each array of weights: mean and difference (phase b less a) of the states below, then above. The input has no difference."""
        inputs, states, moved = self._arrays()
        if inputs is None:
            raise ValueError("these phases have no inputs, below which there would be weights")
        means, changes = self._between(states, moved, a, b)
        return list(zip([inputs, *means[:-1]], [None, *changes[:-1]], means, changes, strict=True))

    @staticmethod
    def _between(states: list[Array], moved: list[Array], a: int, b: int) -> tuple[list[Array], list[Array]]:
        Phases._refuse_others(moved, a, b)
        xp = _array.namespace(*states)
        first, second = ([xp.zeros_like(s) if p == 0 else m[p - 1] for s, m in zip(states, moved, strict=True)] for p in (a, b))
        means = [s + (x + y) / 2 for s, x, y in zip(states, first, second, strict=True)]
        return means, [y - x for x, y in zip(first, second, strict=True)]

    @staticmethod
    def _refuse_others(moved: list[Array], a: int, b: int) -> None:
        count = len(moved[0])
        for phase in (a, b):
            if not 0 <= phase <= count:
                raise ValueError(f"phases are numbered 0 (free) to {count}, got {phase}")

    def _arrays(self) -> tuple[Any, list[Array], list[Array]]:
        """Inputs, states and how they moved. Raises ValueError or TypeError where they do not fit each other."""
        layers = len(self.states)
        if not layers or len(self.moved) != layers:
            raise ValueError(f"there must be as many arrays of moved as of states, one or more, got {len(self.moved)} and {layers}")
        clamped = [] if self.inputs is None else [self.inputs]
        found = plain("what phases hold", [self.output, *self.states, *self.moved, *clamped])
        states, moved, inputs = found[1 : layers + 1], found[layers + 1 : 2 * layers + 1], found[-1] if clamped else None
        below = states[0] if inputs is None else inputs
        if below.ndim < 2 or not moved[0].ndim:
            name = "states" if inputs is None else "inputs"
            raise ValueError(f"{name} must be (batch, n) and moved (phases, batch, n), got shapes {below.shape} and {moved[0].shape}")
        for l, (s, m) in enumerate(zip(states, moved, strict=True)):
            if s.ndim < 2 or len(s) != len(below):
                raise ValueError(f"states[{l}] must be ({len(below)}, n) like the inputs, got shape {s.shape}")
            shaped(f"moved[{l}]", m, len(moved[0]), *s.shape)
        return inputs, states, moved

    def beside(self, a: int, other: "Phases", b: int) -> "Phases":
        """Phase a of these as the free one, and phase b of `other` as phase 1: of the same inputs, while weights may differ."""
        first, second = ([s if p == 0 else s + m[p - 1] for s, m in zip(r.states, r.moved, strict=True)] for r, p in ((self, a), (other, b)))
        moved = [(y - x)[None] for x, y in zip(first, second, strict=True)]
        left, limit = worst(self.left, other.left), min(self.limit, other.limit)
        return Phases(self.inputs, first, moved, self.output, left=left, limit=limit)


def most(left: Any) -> Any:
    """The largest of what was left, a number or () on its device; NaN if one is, 0 of none."""
    return left if not np.ndim(left) else left.max() if left.size else 0.0


def worst(a: Any, b: Any) -> Any:
    """The larger of what was left in two relaxations, each on a device or not; NaN if one is."""
    return _array.namespace(a, b).maximum(most(a), most(b))


def check_failure(on_failure: str) -> None:
    """Raise ValueError for what is nothing to do with samples that do not settle: "check" leaves those of a GPU to `pnnkern.check()`."""
    if on_failure not in ("raise", "check", "flag"):
        raise ValueError(f"on_failure must be 'raise', 'check' or 'flag', got {on_failure!r}")
