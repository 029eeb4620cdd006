"""The rule of axes of this room (see `pnnkern.optics`): NumPy's, with one sentence for what does not broadcast."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


def leading(lead: Shape, of: str, planes: dict[str, Shape], pairs: dict[str, Shape] | None = None) -> None:
    """Raise ValueError, with the shape that fits, if what is given per plane does not broadcast with `lead`, the leading axes `of` something.

    planes, pairs : the shapes by name, those of pairs without their last axis of two.
    """
    for shapes, last in ((planes, ()), (pairs or {}, (2,))):
        for name, shape in shapes.items():
            try:
                lead = np.broadcast_shapes(lead, shape)
            except ValueError:
                right = _left_aligned(shape, lead)
                hint = f", so one for each of its first {_axes(shape)} has shape {(*right, *last)}" if right else ""
                raise ValueError(
                    f"{name} of shape {(*shape, *last)} does not broadcast with the leading axes {lead} of {of}: axes are matched from the "
                    f"last{' but that of the pair' if last else ''}{hint}"
                ) from None


def joined(field: Shape, shape: Shape) -> Shape:
    """The shape that the two broadcast to."""
    return field if shape == field[len(field) - len(shape) :] else np.broadcast_shapes(field, shape)


def whole(field: Shape, name: str, shape: Shape) -> Shape:
    """`joined`, for a field and something given per pixel. Raises ValueError with the shape that fits."""
    try:
        if len(shape) < 2:
            raise ValueError
        return joined(field, shape)
    except ValueError:
        right = _left_aligned(shape[:-2], field[:-2]) if shape[-2:] == field[-2:] else None
        hint = f", so one for each of the field's first {_axes(shape[:-2])} has shape {(*right, *shape[-2:])}" if right else ""
        raise ValueError(
            f"{name} of shape {shape} does not broadcast with a field of shape {field}: it must end in (ny, nx) = {field[-2:]}, or ones, "
            f"and axes are matched from the last{hint}"
        ) from None


def _left_aligned(shape: Shape, lead: Shape) -> Shape | None:
    """The shape that fits, of something whose axes are the first ones of `lead`; None if they are not."""
    first = lead[: len(shape)]
    fits = 0 < len(shape) < len(lead) and all(n in (1, m) for n, m in zip(shape, first, strict=True))
    return (*shape, *(1,) * (len(lead) - len(shape))) if fits else None


def _axes(shape: Shape) -> str:
    return "axis" if len(shape) == 1 else f"{len(shape)} axes"


@dataclass(frozen=True)
class Pieces:
    """Planes with leading axes `lead` that go through masks with leading axes `masks` (as many, each 1 or as long), in pieces.

    In each piece planes lie as (outer, masks, inner): the masks differ along adjacent axes only. One piece holds everything, unless the
    masks differ along axes with one between along which they do not.
    """

    lead: Shape
    masks: Shape

    @classmethod
    def of(cls, lead: Shape, masks: Shape) -> "Pieces":
        return cls(lead, (*(1,) * (len(lead) - len(masks)), *masks))

    def _span(self) -> tuple[int, int]:
        """The last adjacent axes along which masks differ: first, one past the last."""
        stop = max((i + 1 for i, n in enumerate(self.masks) if n > 1), default=0)
        start = stop
        while start and (self.masks[start - 1] > 1 or self.lead[start - 1] == 1):
            start -= 1
        return start, stop

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...], tuple[int, int, int]]]:
        """(index of the planes, index of the masks, (outer, masks, inner)) of each piece."""
        start, stop = self._span()
        outer = math.prod(n for n, m in zip(self.lead[:start], self.masks[:start], strict=True) if m == 1)
        sizes = outer, math.prod(self.masks[start:stop]), math.prod(self.lead[stop:])
        for at in np.ndindex(self.masks[:start]):
            yield tuple(i if n > 1 else slice(None) for i, n in zip(at, self.masks[:start], strict=True)), at, sizes
