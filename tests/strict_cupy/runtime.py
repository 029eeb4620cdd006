"""Devices: two GPUs that are not alike."""

import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from . import order
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
        self.streams: dict[int, list[Any]] = {}  # that were entered, for each device
        self.capture: list[Any] | None = None  # what a stream was asked for since its capture began
        self.captured: Any = None  # that stream
        self.broken = False  # whether it was asked for what cannot be captured
        self.allocator: Any = None  # the pool that arrays are made in; None: the common one
        self.pools: list[Any] = []  # of arrays made during the capture


current = _Current()


def reset() -> None:
    """Device 0 and the null streams are current, and nothing runs."""
    current.device = 0
    current.streams.clear()
    current.capture = current.captured = current.allocator = None
    current.broken = False
    order.reset()


# ------------------------------------------------------------------------------------------------------------------ runtime
class CUDARuntimeError(RuntimeError):
    pass


def getDevice() -> int:
    return current.device


def setDevice(device: int) -> None:
    current.device = Device(device).id


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
    order.finish({key: n for key, n in order.issued.items() if key[0] == getDevice()})


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
        self._before.append(current.device)
        current.device = self.id
        return self

    def __exit__(self, *error: object) -> None:
        current.device = self._before.pop()

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<strict device {self.id}>"  # not the name of a real one: caches by name keep them apart

    def use(self) -> None:
        current.device = self.id

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
