"""In which order the axes of an array lie in memory: products round by it, so that what goes through another process must come back in it."""

from dataclasses import dataclass

from . import _array
from ._array import Array


@dataclass(frozen=True)
class Layout:
    """shape : of the array. axes : its axes from the slowest to the fastest in memory."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    @classmethod
    def of(cls, array: Array) -> "Layout":
        """Of an array; one that is contiguous in C order has its axes in theirs."""
        axes = tuple(range(array.ndim))
        if not array.flags.c_contiguous:
            axes = tuple(sorted(axes, key=lambda axis: -abs(array.strides[axis])))
        return cls(tuple(array.shape), axes)

    @property
    def plain(self) -> bool:
        """Whether it is that of C."""
        return self.axes == tuple(range(len(self.axes)))

    def packed(self, array: Array) -> Array:
        """The array's elements in the order of memory, contiguous."""
        return _array.contiguous(array if self.plain else array.transpose(self.axes))

    def restored(self, flat: Array) -> Array:
        """The array of its elements in C order, with the axes as they lay."""
        array = flat.reshape(self.shape)
        return array if self.plain else self.unpacked(self.packed(array))

    def unpacked(self, packed: Array) -> Array:
        """The array that was `packed`."""
        if self.plain:
            return packed.reshape(self.shape)
        back = sorted(range(len(self.axes)), key=lambda i: self.axes[i])
        return packed.reshape([self.shape[axis] for axis in self.axes]).transpose(back)
