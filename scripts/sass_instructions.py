"""What instructions of machine code do (sass_run.py), of those that go on to the next one: as far as the kernels of the sheet have them."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import sass
from sass_operands import (
    REGISTER,
    Get,
    addend,
    is_predicate,
    pair,
    real,
    register,
    signed,
    target,
    target_pair,
    target_truth,
    truth,
    whole,
)  # fmt: skip
from sass_run import F32, F64, FULL, I32, I64, LANES, U32, U64, Block, Unknown

Run = Callable[[Block, Any], None]  # of a block and its threads, by their numbers or as a slice


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


def _set(name: str, tokens: list[str], get: Callable[[str], Get]) -> Run:
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
            found = (
                (~same | under)
                if strict == "NE"
                else (same & under)
                if strict == "EQ"
                else COMPARE[strict](x, y) | (same & under)
            )
        other = mix(~found, also)
        first(b, i, mix(found, also))
        second(b, i, other)

    return run


def _add3(name: str, tokens: list[str]) -> Run:
    to, out, given, carried = leading(tokens)
    extended = ".X" in name
    gets = [(addend if not extended else lambda t: (lambda g: lambda b, i: g(b, i).astype(U64))(whole(t)))(t) for t in given]
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


def _imad(name: str, tokens: list[str]) -> Run:
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


def _lea(name: str, tokens: list[str]) -> Run:
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


def _lop3(name: str, tokens: list[str]) -> Run:
    out = [tokens.pop(0)] if is_predicate(tokens[0]) else []
    put, gets, table = target(tokens[0]), [whole(t) for t in tokens[1:4]], int(tokens[4], 16)
    outs, more = [target_truth(p) for p in out], truth(tokens[5]) if len(tokens) > 5 else None
    if "PAND" in name:
        raise Unknown(f"{name} is not known")

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
        for o in outs:  # or what was found of the lower half
            o(b, i, found != 0 if more is None else (found != 0) | more(b, i))

    return run


def _plop3(tokens: list[str]) -> Run:
    first, second = target_truth(tokens[0]), target_truth(tokens[1])
    gets, tables = [truth(t) for t in tokens[2:5]], [int(t, 16) for t in tokens[5:7]]

    def run(b: Block, i: Any) -> None:
        x, y, z = (get(b, i) for get in gets)
        row = x * 4 + y * 2 + z * 1
        first(b, i, (tables[0] >> row & 1).astype(bool))
        second(b, i, (tables[1] >> row & 1).astype(bool))

    return run


def _shf(name: str, tokens: list[str]) -> Run:
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


def _shfl(name: str, tokens: list[str]) -> Run:
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


def _convert(name: str, tokens: list[str]) -> Run:
    """Between kinds of numbers: F2F, F2I, I2F, I2FP, FRND, F2FP."""
    kinds = name.split(".")
    kind, rest = kinds[0], kinds[1:]
    if kind == "F2FP":
        put, high, low = target(tokens[0]), real(tokens[1]), real(tokens[2])
        return lambda b, i: put(
            b,
            i,
            high(b, i).astype(np.float16).view(np.uint16).astype(U32) << U32(16) | low(b, i).astype(np.float16).view(np.uint16),
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


def _prmt(tokens: list[str]) -> Run:
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


def _mufu(name: str, tokens: list[str]) -> Run:
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


def _one_or_none(name: str, tokens: list[str]) -> Run:
    """FSET: 1 where a comparison holds, else 0."""
    parts = name.split(".")
    compare, mix = COMPARE[next(p for p in parts if p in COMPARE)], MIX[next(p for p in parts if p in MIX)]
    put, x, y, with_ = target(tokens[0]), real(tokens[1]), real(tokens[2]), truth(tokens[3])
    if "BF" not in parts:
        raise Unknown(f"{name} {', '.join(tokens)}")
    return lambda b, i: put(b, i, mix(compare(x(b, i), y(b, i)), with_(b, i)).astype(F32))


def _minmax(name: str, tokens: list[str]) -> Run:
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
            narrow = whole(token)
            gets.append(lambda b, i, narrow=narrow: narrow(b, i).astype(U64))
        else:
            gets.append(whole(token))

    def where(b: Block, i: Any) -> Any:
        total = gets[0](b, i)
        for get in gets[1:]:
            total = total + get(b, i)
        return total

    return where


def _memory(name: str, tokens: list[str]) -> Run:
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


def _warp_wide(name: str, tokens: list[str]) -> Run:
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
        way: Any = {"MAX": np.maximum, "MIN": np.minimum, "SUM": np.add}[
            next(k for k in name.split(".") if k in ("MAX", "MIN", "SUM"))
        ]

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


def _dmma(name: str, tokens: list[str]) -> Run:
    """d += a b of whole warps, in double precision: mma.sync.m8n8k4 of PTX says which numbers a lane has."""
    if not name.startswith("DMMA.8x8x4"):
        raise Unknown(name)

    def second(token: str) -> str:
        match = REGISTER.fullmatch(token)
        if match is None:
            raise Unknown(f"operand {token}")
        return token if match[2] == "Z" else f"{match[1]}{int(match[2]) + 2}"

    puts = [target_pair(t) for t in (tokens[0], second(tokens[0]))]
    left, right, *sums = (real(t, True) for t in (tokens[1], tokens[2], tokens[3], second(tokens[3])))

    def run(b: Block, i: Any) -> None:
        a = left(b, i).reshape(-1, 8, 4)  # lane 4 g + t: a[g][t]
        columns = right(b, i).reshape(-1, 8, 4)  # b[t][g]
        product = np.einsum("wgt,wnt->wgn", a, columns).reshape(-1, 2)
        for put, before, found in zip(puts, sums, product.T, strict=True):
            put(b, i, before(b, i) + found)

    return run


def plain(name: str, tokens: list[str]) -> Run:
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
    if kind == "DMMA":
        return _dmma(name, tokens)
    if kind == "ISETP":
        return _set(name.removeprefix("U"), tokens, whole)
    if kind in ("FSETP", "DSETP"):
        return _set(name, tokens, lambda t: real(t, kind == "DSETP"))
    if kind == "FSET":
        return _one_or_none(name, tokens)
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
            b,
            i,
            (kept(b, i) & ~U32(which))
            | ((b.P[:, i].astype(U32) << np.arange(8, dtype=U32)[:, None]).sum(0).astype(U32) & U32(which)),
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
