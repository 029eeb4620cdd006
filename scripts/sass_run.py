"""Runs the machine code of a kernel, one block at a time, in NumPy: what a launch really executes, without a GPU.

All threads of a block go on together until they part; of those that have parted, the ones furthest back in the code go first. Instructions are
those that the kernels of the sheet of steps have; any other one is an error. What comes out: the values, the instructions of each warp in
their order, and for those on memory how many sectors of 32 bytes, or passes over the banks of shared memory, they took.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sass

BASE = 0x10_0000_0000  # where the arguments lie
WINDOW = 0x7000  # upper half of the addresses of shared memory, where a kernel speaks of all memory alike
FIRST_SHARED = 1024  # below it is the driver's own
PARAMETERS = 0x210  # where they begin in bank 0 of constants, from sm_90
SECTOR, BANKS, LANES = 32, 32, 32

Values = Any  # an array of a value for each thread
Get = Callable[[Any], Values]
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
class _Group:
    """Threads at one place: numbers of theirs, or all."""

    idx: Any  # slice(None) or numbers
    warps: Any  # of each warp whether it is among them; None: all


class Block:
    """A block while it runs."""

    def __init__(self, code: "Code", memory: Memory, grid: tuple[int, ...], block: tuple[int, ...], at: tuple[int, ...], shared: int) -> None:
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
                group = _Group(idx, None if warps.all() else warps)
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


# ----------------------------------------------------------------------------------------------------------------------- operands
NUMBER = re.compile(r"[-+]?(0x[0-9a-f]+|\d+(\.\d+)?(e[-+]?\d+)?)$")
REGISTER = re.compile(r"(U?R)(\d+|Z)$")
PREDICATE = re.compile(r"!?(U?P)(\d|T)$")


def split(operands: str) -> list[str]:
    return [o.strip().replace(".reuse", "") for o in re.sub(r"\(\*.*?\*\)", "", operands).split(",") if o.strip()]


def is_predicate(token: str) -> bool:
    return PREDICATE.match(token) is not None


def bank(b: Block, token: str, idx: Any) -> tuple[bytes, Any]:
    """Bytes of a bank of constants, and where in it: a number, or one for each thread."""
    number, inside = re.fullmatch(r"c\[(0x\w+)\]\[(.+)\]", token).groups()  # type: ignore[union-attr]
    offset: Any = 0
    for part in re.findall(r"[-+]?[^-+]+", inside):
        named = REGISTER.match(part.lstrip("+"))
        offset = offset + (int(part, 16) if not named else register(b, named)[idx].astype(I64))
    return b.constants[int(number, 16)], offset


def register(b: Block, match: Any, plus: int = 0) -> Any:
    if match[2] == "Z":
        return b.R[255]
    return (b.R if match[1] == "R" else b.UR)[int(match[2]) + plus]


def constant(b: Block, token: str, idx: Any, width: int) -> Any:
    data, offset = bank(b, token, idx)
    kind = U32 if width == 4 else U64
    if np.ndim(offset) == 0:
        return np.full(b.T, np.frombuffer(data, kind, 1, offset)[0])[idx]
    return np.frombuffer(data + b"\0" * (-len(data) % 4), U32)[offset >> 2]


def whole(token: str) -> Get:
    """32 bits as they are, whole numbers."""
    if match := REGISTER.fullmatch(token):
        return lambda b, i: register(b, match)[i]
    if token.startswith("c["):
        return lambda b, i: constant(b, token, i, 4)
    if NUMBER.match(token):
        value = int(token, 16) if "0x" in token else int(token) if "." not in token else int(F32(token).view(U32))
        filled = U32(value & 0xFFFFFFFF)
        return lambda b, i: np.full(b.threads[i].shape, filled)
    if token.startswith("-"):
        inner = whole(token[1:])
        return lambda b, i: U32(0) - inner(b, i)
    if token.startswith("~"):
        inner = whole(token[1:])
        return lambda b, i: ~inner(b, i)
    if token.startswith("|"):
        inner = whole(token.strip("|"))
        return lambda b, i: np.abs(inner(b, i).view(I32)).view(U32)
    raise Unknown(f"operand {token}")


def addend(token: str) -> Get:
    """As an addend of 64 bits: of a negative one its complement and one, so that carries are right."""
    if token.startswith("-") and REGISTER.fullmatch(token[1:]):
        inner = whole(token[1:])
        return lambda b, i: (~inner(b, i)).astype(U64) + U64(1)
    inner = whole(token)
    return lambda b, i: inner(b, i).astype(U64)


def pair(token: str) -> Get:
    """64 bits, whole numbers."""
    if match := REGISTER.fullmatch(token):
        return lambda b, i: (
            register(b, match)[i].astype(U64) | (register(b, match, 1)[i].astype(U64) << U64(32) if match[2] != "Z" else U64(0))
        )
    if token.startswith("c["):
        return lambda b, i: constant(b, token, i, 8)
    inner = whole(token)
    return lambda b, i: inner(b, i).view(I32).astype(I64).view(U64)


def signed(get: Get, bits: int) -> Get:
    return (lambda b, i: get(b, i).view(I32)) if bits == 32 else (lambda b, i: get(b, i).view(I64))


def real(token: str, double: bool = False) -> Get:
    kind = F64 if double else F32
    if token.startswith(("-", "+")) and not NUMBER.match(token) and "INF" not in token and "QNAN" not in token:
        inner = real(token[1:], double)
        return lambda b, i: -inner(b, i)
    if token.startswith("|"):
        inner = real(token.strip("|"), double)
        return lambda b, i: np.abs(inner(b, i))
    if REGISTER.fullmatch(token) or token.startswith("c["):
        raw = pair(token) if double else whole(token)
        return lambda b, i: np.ascontiguousarray(raw(b, i)).view(kind)
    value = kind({"+INF": np.inf, "-INF": -np.inf, "+QNAN": np.nan, "-QNAN": np.nan, "INF": np.inf}.get(token) or token)
    return lambda b, i: np.full(b.threads[i].shape, value)


def truth(token: str) -> Get:
    match = PREDICATE.fullmatch(token)
    if match is None:
        raise Unknown(f"predicate {token}")
    number = 7 if match[2] == "T" else int(match[2])
    name, inverted = match[1], token.startswith("!")
    return lambda b, i: (b.P if name == "P" else b.UP)[number][i] ^ inverted


Put = Callable[[Block, Any, Values], None]


def target(token: str) -> Put:
    """Where a result of 32 bits goes."""
    match = REGISTER.fullmatch(token)
    if match is None:
        raise Unknown(f"result {token}")
    if match[2] == "Z":
        return lambda b, i, v: None

    def put(b: Block, i: Any, v: Values) -> None:
        register(b, match)[i] = v if v.dtype == U32 else v.view(U32) if v.dtype.itemsize == 4 else v.astype(U32)

    return put


def target_pair(token: str) -> Put:
    match = REGISTER.fullmatch(token)
    if match is None:
        raise Unknown(f"result {token}")
    if match[2] == "Z":
        return lambda b, i, v: None

    def put(b: Block, i: Any, v: Values) -> None:
        bits = np.ascontiguousarray(v).view(U64)
        register(b, match)[i] = bits.astype(U32)
        register(b, match, 1)[i] = (bits >> U64(32)).astype(U32)

    return put


def target_truth(token: str) -> Put:
    match = PREDICATE.fullmatch(token)
    if match is None:
        raise Unknown(f"result {token}")
    if match[2] == "T":
        return lambda b, i, v: None
    number, name = int(match[2]), match[1]

    def put(b: Block, i: Any, v: Values) -> None:
        (b.P if name == "P" else b.UP)[number][i] = v

    return put


# -------------------------------------------------------------------------------------------------------------------- instructions
def leading(tokens: list[str]) -> tuple[str, list[str], list[str], list[str]]:
    """Result, predicates behind it, operands, predicates at the end."""
    first, rest = tokens[0], tokens[1:]
    out: list[str] = []
    while rest and is_predicate(rest[0]):
        out.append(rest.pop(0))
    carried: list[str] = []
    while rest and is_predicate(rest[-1]):
        carried.insert(0, rest.pop())
    return first, out, rest, carried


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "LT": np.less, "LE": np.less_equal, "GT": np.greater, "GE": np.greater_equal, "EQ": np.equal, "NE": np.not_equal,
    "LTU": lambda a, b: ~(a >= b), "LEU": lambda a, b: ~(a > b), "GTU": lambda a, b: ~(a <= b), "GEU": lambda a, b: ~(a < b),
    "NEU": lambda a, b: a != b, "EQU": lambda a, b: (a == b) | np.isnan(a) | np.isnan(b),
    "NAN": lambda a, b: np.isnan(a) | np.isnan(b), "NUM": lambda a, b: ~(np.isnan(a) | np.isnan(b)),
    "MAX": np.greater_equal, "MIN": np.less_equal,
}  # fmt: skip
MIX: dict[str, Callable[[Any, Any], Any]] = {"AND": np.logical_and, "OR": np.logical_or, "XOR": np.logical_xor}


def _set(name: str, tokens: list[str], get: Callable[[str], Get]) -> Callable[[Block, Any], None]:
    """ISETP, FSETP, DSETP."""
    parts = name.split(".")
    compare, mix = COMPARE[parts[1]], MIX[next(p for p in parts if p in MIX)]
    first, second = target_truth(tokens[0]), target_truth(tokens[1])
    a, b_, with_ = get(tokens[2]), get(tokens[3]), truth(tokens[4])
    low = truth(tokens[5]) if "EX" in parts else None
    if not parts[0].endswith(("FSETP", "DSETP")) and "U32" not in parts:
        a, b_ = signed(a, 32), signed(b_, 32)

    def run(b: Block, i: Any) -> None:
        x, y, also = a(b, i), b_(b, i), with_(b, i)
        found = compare(x, y)
        if low is not None:
            under, same = low(b, i), x == y
            strict = {"GE": "GT", "LE": "LT"}.get(parts[1], parts[1])
            found = (~same | under) if strict == "NE" else (same & under) if strict == "EQ" else COMPARE[strict](x, y) | (same & under)
        other = mix(~found, also)
        first(b, i, mix(found, also))
        second(b, i, other)

    return run


def _add3(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    to, out, given, carried = leading(tokens)
    extended = ".X" in name
    gets = [(addend if not extended else lambda t: (lambda g: (lambda b, i: g(b, i).astype(U64)))(whole(t)))(t) for t in given]
    carries = [truth(p) for p in carried] if extended else []
    put, outs = target(to), [target_truth(p) for p in out]

    def run(b: Block, i: Any) -> None:
        total = gets[0](b, i)
        for get in gets[1:]:
            total = total + get(b, i)
        for carry in carries:
            total = total + carry(b, i)
        put(b, i, total.astype(U32))
        for n, o in enumerate(outs):
            o(b, i, (total >> U64(32)) > n)

    return run


def _imad(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    to, out, given, carried = leading(tokens)
    kinds = name.split(".")[1:]
    if "WIDE" in kinds or "HI" in kinds:
        one, two, three = whole(given[0]), whole(given[1]), pair(given[2])
        put = target_pair(to) if "WIDE" in kinds else target(to)
        outs, carries = [target_truth(p) for p in out], [truth(p) for p in carried] if "X" in kinds else []
        unsigned = "U32" in kinds

        def wide(b: Block, i: Any) -> None:
            x, y = one(b, i), two(b, i)
            if unsigned:
                product = x.astype(U64) * y.astype(U64)
            else:
                product = (x.view(I32).astype(I64) * y.view(I32).astype(I64)).view(U64)
            total = product + three(b, i)
            over = total < product
            for carry in carries:
                total = total + carry(b, i).astype(U64)
            put(b, i, total if "WIDE" in kinds else (total >> U64(32)).astype(U32))
            for o in outs:
                o(b, i, over)

        return wide
    one, two, three = whole(given[0]), whole(given[1]), whole(given[2])
    put = target(to)
    if "X" not in kinds:
        return lambda b, i: put(b, i, one(b, i) * two(b, i) + three(b, i))
    outs, carries = [target_truth(p) for p in out], [truth(p) for p in carried]

    def extended(b: Block, i: Any) -> None:
        total = (one(b, i) * two(b, i)).astype(U64) + three(b, i).astype(U64)
        for carry in carries:
            total = total + carry(b, i)
        put(b, i, total.astype(U32))
        for o in outs:
            o(b, i, (total >> U64(32)) > 0)

    return extended


def _lea(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    to, out, given, carried = leading(tokens)
    kinds = name.split(".")[1:]
    shift = int(given[-1], 16)
    put, outs = target(to), [target_truth(p) for p in out]
    carries = [truth(p) for p in carried] if "X" in kinds else []
    minus = given[0].startswith("-")
    base, plus = whole(given[0].lstrip("-")), addend(given[1])
    upper = whole(given[2]) if len(given) == 4 else None
    if minus and "HI" in kinds:
        raise Unknown(name)

    def run(b: Block, i: Any) -> None:
        low = base(b, i)
        if "HI" not in kinds:
            moved = (low << U32(shift)).astype(U64)
            if minus:
                moved = (~moved & FULL) + U64(1)
        else:
            if "SX32" in kinds:
                both = low.view(I32).astype(I64).view(U64)
            else:
                both = low.astype(U64) | (upper(b, i).astype(U64) << U64(32) if upper else U64(0))
            moved = ((both << U64(shift)) >> U64(32)) & FULL
        total = moved + plus(b, i)
        for carry in carries:
            total = total + carry(b, i)
        put(b, i, total.astype(U32))
        for o in outs:
            o(b, i, (total >> U64(32)) > 0)

    return run


def _lop3(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    out = [tokens.pop(0)] if is_predicate(tokens[0]) else []
    put, gets, table = target(tokens[0]), [whole(t) for t in tokens[1:4]], int(tokens[4], 16)
    outs = [target_truth(p) for p in out]

    def run(b: Block, i: Any) -> None:
        x, y, z = (get(b, i) for get in gets)
        if table == 0xC0:
            found = x & y
        elif table == 0xFC:
            found = x | y
        elif table == 0x3C:
            found = x ^ y
        else:
            found = np.zeros_like(x)
            for n in range(8):
                if table >> n & 1:
                    found = found | ((x if n & 4 else ~x) & (y if n & 2 else ~y) & (z if n & 1 else ~z))
        put(b, i, found)
        for o in outs:
            o(b, i, found != 0)

    return run


def _plop3(tokens: list[str]) -> Callable[[Block, Any], None]:
    first, second = target_truth(tokens[0]), target_truth(tokens[1])
    gets, tables = [truth(t) for t in tokens[2:5]], [int(t, 16) for t in tokens[5:7]]

    def run(b: Block, i: Any) -> None:
        x, y, z = (get(b, i) for get in gets)
        row = x * 4 + y * 2 + z * 1
        first(b, i, (tables[0] >> row & 1).astype(bool))
        second(b, i, (tables[1] >> row & 1).astype(bool))

    return run


def _shf(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    kinds = name.split(".")[1:]
    put, low, by, high = target(tokens[0]), whole(tokens[1]), whole(tokens[2]), whole(tokens[3])
    left, is_signed, upper = kinds[0] == "L", any(k.startswith("S") for k in kinds), "HI" in kinds
    most = 63 if any(k.endswith("64") for k in kinds) else 32

    def run(b: Block, i: Any) -> None:
        value = low(b, i).astype(U64) | high(b, i).astype(U64) << U64(32)
        n = by(b, i).astype(U64)
        n = n & U64(31) if "W" in kinds else np.minimum(n, U64(most))
        if left:
            value = value << n
        elif is_signed:
            value = (value.view(I64) >> n.view(I64)).view(U64)
        else:
            value = value >> n
        put(b, i, (value >> U64(32)).astype(U32) if upper else value.astype(U32))

    return run


def _shfl(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    kind = name.split(".")[1]
    inside, to, what, by, clamp = target_truth(tokens[0]), target(tokens[1]), whole(tokens[2]), whole(tokens[3]), whole(tokens[4])

    def run(b: Block, i: Any) -> None:
        lane = (b.threads[i] % LANES).astype(I64)
        c, n = clamp(b, i).astype(I64), by(b, i).astype(I64)
        segment = c >> 8 & 31
        last = (lane & segment) | (c & 31 & ~segment)
        if kind == "BFLY":
            source, fine = lane ^ n, (lane ^ n) <= last
        elif kind == "DOWN":
            source, fine = lane + n, lane + n <= last
        elif kind == "UP":
            source, fine = lane - n, lane - n >= last
        else:
            source = (lane & segment) | (n & 31 & ~segment)
            fine = source <= last
        source = np.where(fine, source, lane)
        every = np.zeros(b.T, U32)
        every[i] = what(b, i)
        to(b, i, every[b.threads[i] - lane + source])
        inside(b, i, fine)

    return run


def _convert(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    """Between kinds of numbers: F2F, F2I, I2F, I2FP, FRND, F2FP."""
    kinds = name.split(".")
    kind, rest = kinds[0], kinds[1:]
    if kind == "F2FP":
        put, high, low = target(tokens[0]), real(tokens[1]), real(tokens[2])
        return lambda b, i: put(
            b, i, high(b, i).astype(np.float16).view(np.uint16).astype(U32) << U32(16) | low(b, i).astype(np.float16).view(np.uint16)
        )
    if kind == "F2F":
        given = real(tokens[1], rest[1] == "F64")
        put = target_pair(tokens[0]) if rest[0] == "F64" else target(tokens[0])
        return lambda b, i: put(b, i, given(b, i).astype(F64 if rest[0] == "F64" else F32))
    if kind == "FRND":
        double = "F64" in rest
        given, put = real(tokens[1], double), (target_pair if double else target)(tokens[0])
        way = np.trunc if "TRUNC" in rest else np.floor if "FLOOR" in rest else np.ceil if "CEIL" in rest else np.rint
        return lambda b, i: put(b, i, way(given(b, i)))
    if kind == "F2I":
        double, wide, unsigned = "F64" in rest, "S64" in rest or "U64" in rest, "U32" in rest or "U64" in rest
        given, put = real(tokens[1], double), (target_pair if wide else target)(tokens[0])
        way = np.trunc if "TRUNC" in rest else np.floor if "FLOOR" in rest else np.ceil if "CEIL" in rest else np.rint
        bits = 64 if wide else 32
        low, high = (0.0, 2.0**bits) if unsigned else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1))
        to = {(True, True): U64, (True, False): I64, (False, True): U32, (False, False): I32}[wide, unsigned]

        def integer(b: Block, i: Any) -> None:
            x = way(np.nan_to_num(given(b, i).astype(F64)))
            found = np.clip(x, low, np.nextafter(high, 0)).astype(to)
            put(b, i, found if wide else found.view(U32))

        return integer
    double = "F64" in rest
    wide, unsigned = "S64" in rest or "U64" in rest, any(k.startswith("U") for k in rest)
    raw = pair(tokens[1]) if wide else whole(tokens[1])
    put = (target_pair if double else target)(tokens[0])
    narrow = next((int(k[1:]) for k in rest if k in ("U8", "S8", "U16", "S16")), 32)

    def floating(b: Block, i: Any) -> None:
        x = raw(b, i)
        if narrow < 32:
            x = x & U32((1 << narrow) - 1)
        x = x if unsigned else x.view(I64 if wide else I32)
        found = x.astype(F64 if double else F32)
        if "RP" in rest:
            found = np.where(found.astype(F64) < x.astype(F64), np.nextafter(found, F32(np.inf)), found)
        put(b, i, found)

    return floating


def _prmt(tokens: list[str]) -> Callable[[Block, Any], None]:
    put, low, select, high = target(tokens[0]), whole(tokens[1]), whole(tokens[2]), whole(tokens[3])

    def run(b: Block, i: Any) -> None:
        both, which = low(b, i).astype(U64) | high(b, i).astype(U64) << U64(32), select(b, i).astype(U64)
        found = np.zeros_like(both)
        for n in range(4):
            nibble = which >> U64(4 * n) & U64(15)
            byte = both >> (nibble & U64(7)) * U64(8) & U64(255)
            sign = np.where(byte & U64(128), U64(255), U64(0))
            found |= np.where(nibble & U64(8), sign, byte) << U64(8 * n)
        put(b, i, found.astype(U32))

    return run


def _mufu(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    kind = name.split(".")[1]
    put = target(tokens[0])
    if kind.endswith("64H"):
        high = whole(tokens[1])

        def upper(b: Block, i: Any) -> None:
            x = (high(b, i).astype(U64) << U64(32)).view(F64)
            found = 1 / x if kind == "RCP64H" else 1 / np.sqrt(x)
            put(b, i, (found.view(U64) >> U64(32)).astype(U32))

        return upper
    given = real(tokens[1])
    function: Any = {
        "RCP": lambda x: 1 / x, "RSQ": lambda x: 1 / np.sqrt(x), "SQRT": np.sqrt, "EX2": np.exp2, "LG2": np.log2,
        "SIN": lambda x: np.sin(2 * np.pi * x), "COS": lambda x: np.cos(2 * np.pi * x), "TANH": np.tanh,
    }[kind]  # fmt: skip
    return lambda b, i: put(b, i, function(given(b, i)).astype(F32))


def _minmax(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    """FMNMX, VIMNMX, VIMNMX3, VIADDMNMX: the smaller where the predicate holds."""
    floating, plus = name.startswith("F"), name.startswith("VIADD")
    put, smaller = target(tokens[0]), truth(tokens[-1])
    gets = [real(t) if floating else whole(t) for t in tokens[1:-1]]
    both = {True: (np.minimum, np.maximum), False: (np.fmin, np.fmax)}["NAN" in name or not floating]

    def run(b: Block, i: Any) -> None:
        values = [get(b, i) for get in gets]
        if plus:
            values = [values[0] + values[1], values[2]]
        if not floating and "U32" not in name:
            values = [v.view(I32) for v in values]
        least = most = values[0]
        for v in values[1:]:
            least, most = both[0](least, v), both[1](most, v)
        put(b, i, np.where(smaller(b, i), least, most))

    return run


def _address(text: str) -> Callable[[Block, Any], Any]:
    """Addresses of `desc[UR8][R58.64+0x10]`, `[R73+UR4+0xc]` and the like; 32 bits: of shared or local memory."""
    inside = re.sub(r"desc\[UR\w+\]", "", text).strip("[]")
    wide = ".64" in inside
    gets: list[Get] = []
    for part in re.findall(r"[-+]?[^-+]+", inside):
        token = part.lstrip("+").replace(".64", "").replace(".U32", "")
        scaled = re.fullmatch(r"(\w+)\.X(\d+)", token)
        if scaled:
            inner, times = whole(scaled[1]), U32(scaled[2])
            gets.append(lambda b, i, inner=inner, times=times: inner(b, i) * times)
        elif wide and (".64" in part or not REGISTER.fullmatch(token)):
            gets.append(pair(token))
        elif wide:
            gets.append(lambda b, i, inner=whole(token): inner(b, i).astype(U64))
        else:
            gets.append(whole(token))

    def where(b: Block, i: Any) -> Any:
        total = gets[0](b, i)
        for get in gets[1:]:
            total = total + get(b, i)
        return total

    return where


def _memory(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    kind = name.split(".")[0]
    size = sass.width(name)
    if kind in ("LDG", "LD", "LDS", "LDL"):
        place, match = _address(tokens[1]), REGISTER.fullmatch(tokens[0])

        def load(b: Block, i: Any) -> None:
            if kind == "LDL":
                raw = b.local[b.threads[i][:, None], place(b, i).astype(I64)[:, None] + np.arange(size)]
                values = list(np.ascontiguousarray(raw).view(U32).T)
            else:
                values = b.load(i, place(b, i), size)
            if match and match[2] != "Z":
                for n, v in enumerate(values):
                    register(b, match, n)[i] = v if size >= 4 or ".S8" not in name else v.astype(np.int8).astype(I32).view(U32)

        return load
    place, given = _address(tokens[0]), tokens[1]
    match = REGISTER.fullmatch(given)
    if match is None:
        raise Unknown(f"{name} {tokens}")

    def store(b: Block, i: Any) -> None:
        values = [register(b, match, n if match[2] != "Z" else 0)[i] for n in range(max(1, size // 4))]
        if kind == "STL":
            raw = np.stack(values, 1).view(np.uint8).reshape(len(values[0]), -1)
            b.local[b.threads[i][:, None], place(b, i).astype(I64)[:, None] + np.arange(size)] = raw
        elif kind in ("REDG", "RED"):
            where, words, _ = b.where(i, place(b, i), 4, True)
            if "MAX" not in name:
                raise Unknown(name)
            np.maximum.at(words.view(I32), where >> 2, values[0].view(I32))
        else:
            b.store(i, place(b, i), size, values)

    return store


def _first(b: Block, i: Any, values: Any) -> tuple[Any, Any]:
    """Of each warp with threads `i` the first one's value, for all threads of that warp; and these threads."""
    threads = b.threads[i]
    warps, first = np.unique(threads // LANES, return_index=True)
    every = (warps[:, None] * LANES + np.arange(LANES)).reshape(-1)
    return every, np.repeat(np.asarray(values)[first], LANES)


def _warp_wide(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    """R2UR, REDUX, VOTEU, VOTE."""
    kind = name.split(".")[0]
    if kind == "R2UR":
        tokens = [t for t in tokens if not is_predicate(t)]
        to, given = target(tokens[0]), whole(tokens[1])

        def move(b: Block, i: Any) -> None:
            every, values = _first(b, i, given(b, i))
            to(b, every, values)

        return move
    if kind == "REDUX":
        to, given = target(tokens[0]), whole(tokens[1])
        way: Any = {"MAX": np.maximum, "MIN": np.minimum, "SUM": np.add}[next(k for k in name.split(".") if k in ("MAX", "MIN", "SUM"))]

        def reduce(b: Block, i: Any) -> None:
            values, threads = given(b, i), b.threads[i]
            values = values.view(I32) if ".S32" in name else values
            found = np.zeros(b.T, values.dtype)
            for warp in np.unique(threads // LANES):
                found[warp * LANES : (warp + 1) * LANES] = way.reduce(values[threads // LANES == warp])
            every, _ = _first(b, i, values)
            to(b, every, found[every].view(U32))

        return reduce
    out = target_truth(tokens[0]) if is_predicate(tokens[0]) else None
    rest = tokens if out is None else tokens[1:]
    to = target(rest[0]) if len(rest) > 1 else None
    if to is not None and out is None and len(rest) > 2:
        out, rest = target_truth(rest[1]), [rest[0], rest[2]]
    given = truth(rest[-1])

    def vote(b: Block, i: Any) -> None:
        values, threads = given(b, i), b.threads[i]
        held = np.zeros(b.T, bool)
        held[threads] = values
        by_warp = held.reshape(-1, LANES)
        there = np.zeros(b.T, bool)
        there[threads] = True
        every, _ = _first(b, i, values)
        word = (by_warp.astype(U32) << np.arange(LANES, dtype=U32)).sum(1).astype(U32)
        found = (by_warp | ~there.reshape(-1, LANES)).all(1) if ".ALL" in name else by_warp.any(1)
        if to is not None:
            to(b, every, word[every // LANES])
        if out is not None:
            out(b, every, found[every // LANES])

    return vote


def _half(token: str) -> Get:
    if ".H" not in token:
        return real(token)
    minus = token.startswith("-")
    inner, upper = whole(token.lstrip("-").partition(".")[0]), ".H1" in token
    return lambda b, i: (inner(b, i) >> U32(16 * upper)).astype(np.uint16).view(np.float16).astype(F32) * F32(-1 if minus else 1)


def _checked(a: Any, b: Any) -> Any:
    """Whether a division goes off the fast path (FCHK): an exponent near the ends."""
    low, high = 2.0**-100, 2.0**100
    x, y = np.abs(a.astype(F64)), np.abs(b.astype(F64))
    return ~((y > low) & (y < high) & ((x == 0) | (x > low)) & (x < high))


def plain(name: str, tokens: list[str]) -> Callable[[Block, Any], None]:
    """What an instruction does that goes on to the next one."""
    kind = name.split(".")[0]
    if kind in ("LDG", "LDS", "LDL", "LD", "STG", "STS", "STL", "ST", "REDG", "RED"):
        return _memory(name, tokens)
    if kind in ("R2UR", "REDUX", "VOTEU", "VOTE"):
        return _warp_wide(name, tokens)
    kind = {"UIADD3": "IADD3", "UIMAD": "IMAD", "UISETP": "ISETP", "ULEA": "LEA", "ULOP3": "LOP3", "USEL": "SEL", "USHF": "SHF", "UMOV": "MOV",
            "ULDC": "LDC", "UFLO": "FLO", "UPRMT": "PRMT", "S2UR": "S2R", "UPLOP3": "PLOP3", "UPOPC": "POPC"}.get(kind, kind)  # fmt: skip
    if kind in ("NOP", "YIELD", "WARPSYNC", "ENDCOLLECTIVE", "MEMBAR", "ERRBAR", "CCTL", "DEPBAR", "LDGDEPBAR"):
        return lambda b, i: None
    if kind in ("FADD", "FMUL", "FFMA", "DADD", "DMUL", "DFMA"):
        double = kind[0] == "D"
        put, gets = (target_pair if double else target)(tokens[0]), [real(t, double) for t in tokens[1:]]
        if kind.endswith("ADD"):
            return lambda b, i: put(b, i, gets[0](b, i) + gets[1](b, i))
        if kind.endswith("MUL"):
            return lambda b, i: put(b, i, gets[0](b, i) * gets[1](b, i))
        if double:
            return lambda b, i: put(b, i, (gets[0](b, i).astype(np.longdouble) * gets[1](b, i) + gets[2](b, i)).astype(F64))
        return lambda b, i: put(b, i, (gets[0](b, i).astype(F64) * gets[1](b, i) + gets[2](b, i)).astype(F32))
    if kind == "ISETP":
        return _set(name.removeprefix("U"), tokens, whole)
    if kind in ("FSETP", "DSETP"):
        return _set(name, tokens, lambda t: real(t, kind == "DSETP"))
    if kind in ("IADD3", "VIADD", "IADD"):
        return _add3(name, tokens)
    if kind == "IMAD":
        return _imad(name, tokens)
    if kind == "LEA":
        return _lea(name, tokens)
    if kind == "LOP3":
        return _lop3(name, tokens)
    if kind == "PLOP3":
        return _plop3(tokens)
    if kind == "SHF":
        return _shf(name, tokens)
    if kind == "SHFL":
        return _shfl(name, tokens)
    if kind in ("F2F", "F2I", "I2F", "I2FP", "FRND", "F2FP"):
        return _convert(name, tokens)
    if kind == "PRMT":
        return _prmt(tokens)
    if kind == "MUFU":
        return _mufu(name, tokens)
    if kind in ("FMNMX", "VIMNMX", "VIMNMX3", "VIADDMNMX"):
        return _minmax(name, tokens)
    if kind in ("SEL", "FSEL"):
        put, which = target(tokens[0]), truth(tokens[3])
        one, two = (real(t) if kind == "FSEL" else whole(t) for t in tokens[1:3])
        return lambda b, i: put(b, i, np.where(which(b, i), one(b, i), two(b, i)))
    if kind == "MOV":
        put, given = target(tokens[0]), whole(tokens[1])
        return lambda b, i: put(b, i, given(b, i))
    if kind == "LDC":
        wide = ".64" in name
        if ".U8" in name or ".U16" in name or ".128" in name:
            raise Unknown(name)
        put, given = (target_pair if wide else target)(tokens[0]), (pair if wide else whole)(tokens[1])
        return lambda b, i: put(b, i, given(b, i))
    if kind in ("S2R", "CS2R"):
        wide = kind == "CS2R" and ".32" not in name
        put = (target_pair if wide else target)(tokens[0])
        return lambda b, i: put(b, i, np.broadcast_to(np.asarray(b.special[tokens[1]]).astype(U64 if wide else U32), (b.T,))[i])
    if kind == "IABS":
        put, given = target(tokens[0]), whole(f"|{tokens[1]}|")
        return lambda b, i: put(b, i, given(b, i))
    if kind == "FLO":
        put, given = target(tokens[0]), whole(tokens[1])
        return lambda b, i: put(b, i, np.frexp(given(b, i).astype(F64))[1].astype(I64).astype(U32) - U32(1))
    if kind == "FCHK":
        put, one, two = target_truth(tokens[0]), real(tokens[1]), real(tokens[2])
        return lambda b, i: put(b, i, _checked(one(b, i), two(b, i)))
    if kind == "P2R":
        put, which = target(tokens[0]), int(tokens[3], 16)
        kept = whole(tokens[2])
        return lambda b, i: put(
            b, i, (kept(b, i) & ~U32(which)) | ((b.P[:, i].astype(U32) << np.arange(8, dtype=U32)[:, None]).sum(0).astype(U32) & U32(which))
        )
    if kind == "R2P":
        given, which = whole(tokens[1]), int(tokens[2], 16)

        def spread(b: Block, i: Any) -> None:
            word = given(b, i)
            for n in range(7):
                if which >> n & 1:
                    b.P[n][i] = (word >> U32(n) & U32(1)).astype(bool)

        return spread
    if name == "HFMA2.MMA" and tokens[1:3] == ["-RZ", "RZ"]:  # two halves are put into a register
        both = np.array([float(tokens[4]), float(tokens[3])], np.float16).view(U32)
        put = target(tokens[0])
        return lambda b, i: put(b, i, np.broadcast_to(both[0], b.threads[i].shape))
    if name == "HADD2.F32":
        put, gets = target(tokens[0]), [_half(t) for t in tokens[1:]]
        return lambda b, i: put(b, i, gets[0](b, i) + gets[1](b, i))
    raise Unknown(f"{name} {', '.join(tokens)}")


class Code:
    """The machine code of a kernel, ready to run."""

    def __init__(self, code: list[sass.Instruction], constants: dict[int, bytes] | None = None) -> None:
        self.code, self.constants = code, constants or {}
        self.number = {one.address: n for n, one in enumerate(code)}
        self.run = [self._made(n, one) for n, one in enumerate(code)]

    def _made(self, n: int, one: sass.Instruction) -> Callable[[Block, _Group], bool]:
        kind, tokens = one.name.split(".")[0], split(one.operands)
        guard = truth(one.guard[1:]) if one.guard and one.guard not in ("@PT", "@UPT") else None
        if kind in ("BRA", "EXIT", "CALL", "RET", "BRX", "BSSY", "BSYNC", "BAR", "BREAK"):
            return self._flow(n, one, kind, tokens, guard)
        uniform = tokens and tokens[0].startswith(("UR", "UP")) and kind not in ("R2UR", "REDUX", "VOTEU")
        try:
            what = plain(one.name, tokens)
        except (Unknown, KeyError, IndexError, ValueError, AttributeError) as error:
            message = f"{one.name} {one.operands}: {error}"

            def unknown(b: Block, group: _Group) -> bool:
                raise Unknown(message)

            return unknown

        def run(b: Block, group: _Group) -> bool:
            i = group.idx
            if uniform and group.warps is not None or uniform and not isinstance(i, slice):
                i = slice(None) if group.warps is None else np.repeat(group.warps, LANES).nonzero()[0]
            if guard is not None:
                holds = guard(b, i)
                if not holds.all():
                    if not holds.any():
                        return True
                    i = b.threads[i][holds]
            what(b, i)
            return True

        return run

    def _flow(self, n: int, one: sass.Instruction, kind: str, tokens: list[str], guard: Get | None) -> Callable[[Block, _Group], bool]:
        also = truth(tokens[0]) if kind == "BRA" and tokens and is_predicate(tokens[0]) else None
        k = int(tokens[0][1:]) if kind in ("BSSY", "BSYNC", "BREAK") else 0
        to = self.number.get(one.target, -1) if one.target is not None else -1
        match = REGISTER.match(tokens[0].split()[0]) if kind in ("RET", "BRX") else None
        extra = re.search(r"(-?0x[0-9a-f]+)$", tokens[0]) if kind == "BRX" else None
        plus = one.address + 16 + int(extra[1], 16) if extra else 0

        def run(b: Block, group: _Group) -> bool:
            i = group.idx
            if one.name == "BRA.DIV":
                return True
            if guard is not None or also is not None:
                holds = guard(b, i) if guard is not None else np.ones(len(b.threads[i]), bool)
                if also is not None:
                    holds = holds & also(b, i)
                if not holds.any():
                    return True
                if not holds.all():
                    threads = b.threads[i]
                    b.put(n + 1, threads[~holds])
                    i = threads[holds]
                    self._go(b, n, kind, i, to, k, match, plus, one)
                    return False
            return self._go(b, n, kind, i, to, k, match, plus, one)

        return run

    def _go(self, b: Block, n: int, kind: str, i: Any, to: int, k: int, match: Any, plus: int, one: sass.Instruction) -> bool:
        """Goes on to the next instruction where it says so; else the threads are put where they go."""
        if kind in ("BRA", "CALL"):
            if to < 0:
                raise Unknown(f"{one.name} {one.operands}")
            b.put(to, i)
        elif kind == "EXIT":
            b.leave(i)
        elif kind in ("RET", "BRX"):
            places, threads = register(b, match)[i].astype(I64) + plus, b.threads[i]
            for place in np.unique(places):
                b.put(self.number[int(place)], threads[places == place])
        elif kind == "BSSY":
            threads = b.threads[i]
            there = np.zeros(b.warps, bool)
            there[threads // LANES] = True
            b.joins[k][np.repeat(there, LANES)] = False
            b.joins[k][threads] = True
            b.put(n + 1, i)
        elif kind == "BREAK":
            b.joins[k][i] = False
            b.put(n + 1, i)
            b.meet(k)
        elif kind == "BSYNC":
            b.joined[k][i], b.join_at[k][i] = True, n
            b.meet(k)
        elif kind == "BAR":
            b.waiting[i], b.barrier_at[i] = True, n
            b.release()
        return False
