"""Runs the machine code of a kernel (`sass_code.Code`), one block at a time, in NumPy: what a launch really executes, without a GPU.

All threads of a block go on together until they part; of those that have parted, the ones furthest back in the code go first. What comes out:
the values, the instructions of each warp in their order, and for those on memory how many sectors of 32 bytes, or passes over the banks of
shared memory, they took.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

BASE = 0x10_0000_0000  # where the arguments lie
WINDOW = 0x7000  # upper half of the addresses of shared memory, where a kernel speaks of all memory alike
FIRST_SHARED = 1024  # below it is the driver's own
PARAMETERS = 0x210  # where they begin in bank 0 of constants, from sm_90
SECTOR, BANKS, LANES = 32, 32, 32

U32, U64, I32, I64, F32, F64 = np.uint32, np.uint64, np.int32, np.int64, np.float32, np.float64
FULL = U64(0xFFFFFFFF)


class Unknown(ValueError):
    """An instruction that is not known here."""


@dataclass
class Trace:
    """What a block executed.

    steps : (index of the instruction, warps that it was issued to). memory : {number of the step: (first, second)}, of each warp: sectors
    asked for and those of them that the block had not loaded before; of shared memory passes over the banks, and zeros.
    loaded, stored : bytes of distinct sectors of global memory.
    """

    warps: int
    steps: list[tuple[int, Any]] = field(default_factory=list)
    memory: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    loaded: int = 0
    stored: int = 0

    @property
    def instructions(self) -> int:
        """Of all warps."""
        return sum(self.warps if warps is None else int(warps.sum()) for _, warps in self.steps)

    def of_warps(self) -> list[Any]:
        """Of each warp rows (instruction, first, second) in the order in which it executed them."""
        count = len(self.steps)
        rows = np.zeros((count, 3), np.int32)
        rows[:, 0] = [index for index, _ in self.steps]
        taken = np.ones((count, self.warps), bool)
        for number, (_, warps) in enumerate(self.steps):
            if warps is not None:
                taken[number] = warps
        numbers = np.fromiter(self.memory, np.int64, len(self.memory))
        first, second = (np.zeros((count, self.warps), np.int32) for _ in range(2))
        if len(numbers):
            first[numbers], second[numbers] = (np.array([pair[i] for pair in self.memory.values()]) for i in range(2))
        made = []
        for warp in range(self.warps):
            rows[:, 1], rows[:, 2] = first[:, warp], second[:, warp]
            made.append(rows[taken[:, warp]])
        return made


class Memory:
    """The arguments of a launch: arrays at addresses of their own, copied."""

    def __init__(self, arguments: list[Any]) -> None:
        """arguments : arrays, None, and NumPy scalars, in the order of the parameters."""
        arrays = {id(a): a for a in arguments if isinstance(a, np.ndarray)}
        self.places: dict[int, int] = {}
        size = 0
        for name, a in arrays.items():
            self.places[name] = size
            size += -(-a.nbytes // 256) * 256
        self.bytes = np.zeros(size + 256, np.uint8)
        for name, a in arrays.items():
            self.bytes[self.places[name] :][: a.nbytes] = np.ascontiguousarray(a).reshape(-1).view(np.uint8)
        self.words = self.bytes.view(U32)
        self.parameters = b""
        for a in arguments:
            value = np.uint64(0 if a is None else BASE + self.places[id(a)]) if a is None or isinstance(a, np.ndarray) else a
            self.parameters += b"\0" * (-len(self.parameters) % value.itemsize) + value.tobytes()

    def value(self, a: Any) -> Any:
        """An argument's array as it is now."""
        return self.bytes[self.places[id(a)] :][: a.nbytes].view(a.dtype).reshape(a.shape)


@dataclass
class Group:
    """Threads at one place: numbers of theirs, or all."""

    idx: Any  # slice(None) or numbers
    warps: Any  # of each warp whether it is among them; None: all


class Block:
    """A block while it runs."""

    def __init__(
        self, code: Any, memory: Memory, grid: tuple[int, ...], block: tuple[int, ...], at: tuple[int, ...], shared: int
    ) -> None:
        self.code, self.memory = code, memory
        grid, block, at = ((*x, 1, 1)[:3] if x is not at else (*x, 0, 0)[:3] for x in (grid, block, at))
        self.count = int(np.prod(block))
        self.warps = -(-self.count // LANES)
        T = self.T = self.warps * LANES
        self.R, self.UR = np.zeros((256, T), U32), np.zeros((64, T), U32)
        self.P, self.UP = np.zeros((8, T), bool), np.zeros((8, T), bool)
        self.P[7] = self.UP[7] = True
        self.threads = np.arange(T)
        self.warp = self.threads // LANES
        self.alive = self.threads < self.count
        self.shared = np.zeros((FIRST_SHARED + shared + 64) // 4 * 4, np.uint8)
        self.shared_words = self.shared.view(U32)
        self.local = np.zeros((T, 4096), np.uint8)
        i = self.threads
        self.special = {
            "SR_TID.X": i % block[0], "SR_TID.Y": i // block[0] % block[1], "SR_TID.Z": i // block[0] // block[1], "SR_LANEID": i % LANES,
            "SR_CTAID.X": at[0], "SR_CTAID.Y": at[1], "SR_CTAID.Z": at[2], "SR_CgaCtaId": 0, "SR_SWINHI": WINDOW, "SRZ": 0,
        }  # fmt: skip
        bank = bytearray(PARAMETERS)
        bank[:24] = np.array([*block, *grid], U32).tobytes()
        self.constants = {0: bytes(bank) + memory.parameters + b"\0" * 64, **code.constants}
        self.trace = Trace(self.warps)
        self.loaded = np.zeros(len(memory.bytes) // SECTOR + 1, bool)
        self.stored = np.zeros_like(self.loaded)
        self.joins = [np.zeros(T, bool) for _ in range(16)]  # who takes part in a barrier of divergence,
        self.joined = [np.zeros(T, bool) for _ in range(16)]  # and who waits there
        self.join_at = [np.zeros(T, I64) for _ in range(16)]
        self.waiting = np.zeros(T, bool)  # at the block's barrier
        self.barrier_at = np.zeros(T, I64)
        self.groups: dict[int, Any] = {}
        self.barriers = 0

    # ------------------------------------------------------------------------------------------------------------ threads part and meet
    def put(self, place: int, idx: Any) -> None:
        """Threads go on at an instruction, with those that are there already."""
        mask = self.groups.get(place)
        if mask is None:
            mask = self.groups[place] = np.zeros(self.T, bool)
        mask[idx] = True

    def run(self, limit: int = 3_000_000) -> Trace:
        self.put(0, self.alive.nonzero()[0])
        steps, code = self.trace.steps, self.code
        with np.errstate(all="ignore"):
            while self.groups:
                place = min(self.groups)
                mask = self.groups.pop(place)
                idx: Any = slice(None) if mask.all() else mask.nonzero()[0]
                warps = mask.reshape(-1, LANES).any(1)
                group = Group(idx, None if warps.all() else warps)
                while True:
                    steps.append((place, group.warps))
                    if len(steps) > limit:
                        raise Unknown(f"more than {limit} steps")
                    goes_on = code.run[place](self, group)
                    if not goes_on:
                        break
                    place += 1
                    if self.groups and place >= min(self.groups):
                        self.put(place, group.idx)
                        break
        if self.waiting.any() or any(j.any() for j in self.joined):
            raise Unknown("threads wait for others that never come")
        self.trace.loaded, self.trace.stored = (SECTOR * int(a.sum()) for a in (self.loaded, self.stored))
        return self.trace

    def leave(self, idx: Any) -> None:
        self.alive[idx] = False
        for k in range(16):
            if self.joined[k].any():
                self.meet(k)
        self.release()

    def meet(self, k: int) -> None:
        """Those go on whose whole warp has come."""
        here, need = self.joined[k], self.joins[k] & self.alive
        done = (~need | here).reshape(-1, LANES).all(1)[self.warp] & here
        if done.any():
            here[done] = False
            for place in np.unique(self.join_at[k][done]):
                self.put(int(place) + 1, done & (self.join_at[k] == place))

    def release(self) -> None:
        if self.waiting.any() and not (self.alive & ~self.waiting).any():
            for place in np.unique(self.barrier_at[self.waiting]):
                self.put(int(place) + 1, self.waiting & (self.barrier_at == place))
            self.waiting[:] = False
            self.barriers += 1

    # ------------------------------------------------------------------------------------------------------------------------- memory
    def note(self, idx: Any, place: Any, stored: bool) -> None:
        """Sectors of global memory at byte numbers `place`, of each warp."""
        keys = _distinct(self.warp[idx].astype(I64) << 40 | (place >> 5))
        sectors = keys & ((1 << 40) - 1)
        warp = keys >> 40
        seen = self.stored if stored else self.loaded
        fresh = ~seen[sectors]
        seen[sectors] = True
        counted = np.bincount(warp, minlength=self.warps), np.bincount(warp[fresh], minlength=self.warps)
        self.trace.memory[len(self.trace.steps) - 1] = counted

    def note_shared(self, idx: Any, place: Any, width: int) -> None:
        """Passes over the banks at byte numbers `place`: 128 bytes each at best, of wider accesses a half or a quarter of a warp at a time."""
        words = max(1, width // 4)
        part = self.warp[idx].astype(I64) * words + (self.threads[idx] % LANES) * words // LANES
        word = (place >> 2)[:, None] + np.arange(words)
        keys = _distinct((part[:, None] << 32 | word).reshape(-1))
        bank = (keys >> 32) * BANKS + (keys & (BANKS - 1))
        most = np.bincount(bank, minlength=self.warps * words * BANKS).reshape(self.warps, words, BANKS).max(2).sum(1)
        self.trace.memory[len(self.trace.steps) - 1] = most, np.zeros_like(most)

    def load(self, idx: Any, address: Any, width: int) -> list[Any]:
        place, words, space = self.where(idx, address, width, False)
        if width < 4:
            raw = space[place].astype(U32)
            return [raw if width == 1 else raw | space[place + 1].astype(U32) << U32(8)]
        return [words[(place >> 2) + i] for i in range(width // 4)]

    def store(self, idx: Any, address: Any, width: int, values: list[Any]) -> None:
        place, words, space = self.where(idx, address, width, True)
        if width < 4:
            for i in range(width):
                space[place + i] = (values[0] >> U32(8 * i)).astype(np.uint8)
        else:
            for i in range(width // 4):
                words[(place >> 2) + i] = values[i]

    def where(self, idx: Any, address: Any, width: int, stored: bool) -> tuple[Any, Any, Any]:
        """Byte numbers, and the memory in words and bytes. Threads of a launch use shared or global memory, not both in one instruction."""
        if address.dtype == U32 or (len(address) and int(address[0]) >> 32 == WINDOW):
            place = (address.astype(U64) & FULL).astype(I64)
            self.note_shared(idx, place, width)
            words, space = self.shared_words, self.shared
        else:
            place = address.astype(I64) - BASE
            words, space = self.memory.words, self.memory.bytes
            if len(place) and (place.min() < 0 or place.max() + width > len(space)):
                raise Unknown("an address outside of the arguments")
            self.note(idx, place, stored)
        return place, words, space


def _distinct(keys: Any) -> Any:
    """Sorted, each once."""
    keys.sort()
    kept = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=kept[1:])
    return keys[kept]
