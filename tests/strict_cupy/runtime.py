"""Devices, streams and events: two GPUs that are not alike."""

import itertools
import threading
import time
import warnings
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from .counting import note


@dataclass(frozen=True)
class Card:
    """What a GPU says of itself: bytes of memory, of shared memory per block at most, of cache."""

    name: str
    compute_capability: str
    shared_optin: int
    memory: int
    multiprocessors: int
    cache: int


CARDS = (
    Card("strict stand-in", "90", 227 << 10, 2 << 30, 132, 50 << 20),
    Card("strict stand-in of a small GPU", "75", 64 << 10, 1 << 30, 40, 4 << 20),
)
SHARED = 48 << 10  # bytes a block may have without asking for more, static and dynamic together


class _Current(threading.local):
    def __init__(self) -> None:
        self.device = 0
        self.streams: dict[int, list[_BaseStream]] = {}


_current = _Current()


def reset() -> None:
    """Device 0 and the null streams are current."""
    _current.device = 0
    _current.streams.clear()


# ------------------------------------------------------------------------------------------------------------------ runtime
class CUDARuntimeError(RuntimeError):
    pass


def getDevice() -> int:
    return _current.device


def setDevice(device: int) -> None:
    _current.device = Device(device).id


def getDeviceCount() -> int:
    return len(CARDS)


def getDeviceProperties(device: int) -> dict[str, Any]:
    card = CARDS[device]
    return {
        "name": card.name.encode(), "major": int(card.compute_capability[:-1]), "minor": int(card.compute_capability[-1]),
        "totalGlobalMem": card.memory, "multiProcessorCount": card.multiprocessors, "l2CacheSize": card.cache, "warpSize": 32,
        "sharedMemPerBlock": SHARED, "sharedMemPerBlockOptin": card.shared_optin, "maxThreadsPerBlock": 1024,
    }  # fmt: skip


def memGetInfo() -> tuple[int, int]:
    memory = CARDS[getDevice()].memory
    return memory // 2, memory


def deviceSynchronize() -> None:
    note("sync", "device")


def driverGetVersion() -> int:
    return 13000


def runtimeGetVersion() -> int:
    return 13000


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError, getDevice=getDevice, setDevice=setDevice, getDeviceCount=getDeviceCount, memGetInfo=memGetInfo,
    getDeviceProperties=getDeviceProperties, deviceSynchronize=deviceSynchronize, driverGetVersion=driverGetVersion,
    runtimeGetVersion=runtimeGetVersion, streamLegacy=1, streamPerThread=2,
)  # fmt: skip


class Device:
    """One GPU, current within `with`."""

    __module__ = "cupy.cuda.device"

    def __init__(self, device: "int | Device | None" = None) -> None:
        self.id = getDevice() if device is None else device.id if isinstance(device, Device) else int(device)
        if not 0 <= self.id < len(CARDS):
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self._before: list[int] = []

    def __enter__(self) -> "Device":
        self._before.append(_current.device)
        _current.device = self.id
        return self

    def __exit__(self, *error: object) -> None:
        _current.device = self._before.pop()

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<strict device {self.id}>"  # not the name of a real one: caches by name keep them apart

    def use(self) -> None:
        _current.device = self.id

    def synchronize(self) -> None:
        with self:
            deviceSynchronize()

    @property
    def compute_capability(self) -> str:
        return CARDS[self.id].compute_capability

    @property
    def mem_info(self) -> tuple[int, int]:
        with self:
            return memGetInfo()

    @property
    def attributes(self) -> dict[str, int]:
        card = CARDS[self.id]
        return {
            "MaxSharedMemoryPerBlock": SHARED, "MaxSharedMemoryPerBlockOptin": card.shared_optin, "ReservedSharedMemoryPerBlock": 1024,
            "MultiProcessorCount": card.multiprocessors, "L2CacheSize": card.cache, "MaxThreadsPerBlock": 1024, "WarpSize": 32,
            "ComputeCapabilityMajor": int(card.compute_capability[:-1]), "ComputeCapabilityMinor": int(card.compute_capability[-1]),
        }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------ streams
class Event:
    """A mark in a stream."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        if interprocess and not disable_timing:
            raise ValueError("Timing must be disabled for interprocess events")
        self._timed, self._time = not disable_timing, 0.0

    @property
    def done(self) -> bool:
        return True

    def record(self, stream: "_BaseStream | None" = None) -> None:
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        note("sync", "event")


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
        _current.streams.setdefault(self._device(), []).append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _current.streams[getDevice()].pop()

    def use(self) -> "_BaseStream":
        _current.streams[self._device()] = [self]
        return self

    @property
    def done(self) -> bool:
        return True

    @property
    def is_non_blocking(self) -> bool:
        return not self._blocking

    def synchronize(self) -> None:
        note("sync", "stream")

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        if not event._time:
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")


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
    entered = _current.streams.get(getDevice() if device_id == -1 else device_id)
    return entered[-1] if entered else Stream.null
