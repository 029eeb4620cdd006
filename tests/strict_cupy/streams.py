"""Streams and events, and the order that they bring into the work of a GPU."""

import itertools
import time
import warnings
from typing import Any, ClassVar

from . import capture, order
from .counting import note
from .runtime import CUDARuntimeError, current, getDevice, runtime


class Event:
    """A mark in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        if interprocess and not disable_timing:
            raise ValueError("Timing must be disabled for interprocess events")
        self._timed, self._time = not disable_timing, 0.0
        self._marks: order.Marks = {}

    @property
    def done(self) -> bool:
        return True

    def record(self, stream: "_BaseStream | None" = None) -> None:
        self._time, self._marks = time.perf_counter(), order.so_far(key_of(stream or get_current_stream()))

    def synchronize(self) -> None:
        note("sync", "event")
        order.finish(self._marks)


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two events that were recorded with their times."""
    for event in (start_event, end_event):
        if not event._timed or not event._time:
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    return (end_event._time - start_event._time) * 1e3


class _BaseStream:
    def __init__(self, ptr: int, device_id: int, blocking: bool = False) -> None:
        self.ptr, self.device_id, self._blocking = ptr, device_id, blocking

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BaseStream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return self.ptr

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.ptr

    def _device(self) -> int:
        if self.device_id not in (-1, getDevice()):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with the current device ({getDevice()})"
            )
        return getDevice()

    def __enter__(self) -> "_BaseStream":
        current.streams.setdefault(self._device(), []).append(self)
        return self

    def __exit__(self, *error: object) -> None:
        current.streams[getDevice()].pop()

    def use(self) -> "_BaseStream":
        current.streams[self._device()] = [self]
        return self

    @property
    def done(self) -> bool:
        return True

    @property
    def is_non_blocking(self) -> bool:
        return not self._blocking

    def begin_capture(self, mode: int | None = None) -> None:
        capture.begin(self)

    def end_capture(self) -> "capture.Graph":
        return capture.end(self)

    def is_capturing(self) -> bool:
        return current.captured is self

    def synchronize(self) -> None:
        capture.refuse("a stream is waited for")
        note("sync", "stream")
        order.finish(order.so_far(key_of(self)))

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        if not event._time:
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
        order.wait(key_of(self), event._marks)


class Stream(_BaseStream):
    null: ClassVar["Stream"]
    ptds: ClassVar["Stream"]
    _handles = itertools.count(1 << 20, 16)

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None) -> None:
        if null or ptds:
            super().__init__(0 if null else runtime.streamPerThread, -1, blocking=True)
        else:
            super().__init__(next(self._handles), getDevice(), blocking=not non_blocking)

    @classmethod
    def from_external(cls, obj: Any) -> "Stream":
        """A stream of another library, which has `__cuda_stream__`."""
        if not hasattr(obj, "__cuda_stream__"):
            raise TypeError(
                f"Object of type {type(obj).__name__} does not implement the CUDA stream protocol (__cuda_stream__ method)"
            )
        version, ptr = obj.__cuda_stream__()
        if version != 0 or not isinstance(ptr, int):
            raise TypeError("__cuda_stream__() must return (0, address)")
        stream = cls.__new__(cls)
        _BaseStream.__init__(stream, ptr, -1)
        stream._foreign = obj  # type: ignore[attr-defined]
        return stream


Stream.null, Stream.ptds = Stream(null=True), Stream(ptds=True)


class ExternalStream(_BaseStream):
    def __init__(self, ptr: int, device_id: int = -1) -> None:
        warnings.warn("cupy.cuda.ExternalStream is deprecated; use Stream.from_external", DeprecationWarning, stacklevel=2)
        super().__init__(ptr, device_id)


def get_current_stream(device_id: int = -1) -> _BaseStream:
    """The stream that work of this thread goes to."""
    entered = current.streams.get(getDevice() if device_id == -1 else device_id)
    return entered[-1] if entered else Stream.null


def key_of(stream: _BaseStream) -> order.Key:
    """A stream by its device and address."""
    key = (getDevice() if stream.device_id == -1 else stream.device_id), stream.ptr
    if stream._blocking and stream.ptr:
        order.blocking.add(key)
    return key
