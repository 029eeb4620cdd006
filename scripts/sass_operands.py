"""Operands of machine code (sass_run.py): where their values come from, and where results go."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from sass_run import F32, F64, I32, I64, U32, U64, Block, Unknown

Values = Any  # an array of a value for each of some threads
Get = Callable[[Block, Any], Values]  # of a block, of threads by their numbers or as a slice
Put = Callable[[Block, Any, Values], None]
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
