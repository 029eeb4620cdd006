"""Hostile data files, recipes and --set values: each is refused in one line, or right, within bounds of time and memory.

    python scripts/fuzz_inputs.py --cases 25000 --record data/benchmarks/fuzz-inputs.json
    python scripts/fuzz_inputs.py --target hdf5,npy,inspect --cases 3000 --record data/benchmarks/fuzz-large.json
    python scripts/fuzz_inputs.py --target npz,idx --seed 7 --cases 1000

Every case follows from the seed and its number alone (--only N repeats one). Data files are made sound, then changed in one of the ways that
are listed in the record: what is read must be what was meant by an expression of its own here, and what is not sound must be refused.
Recipes that are taken must hold the values that they were given; systems that are built from them do a step and an evaluation.
"""

import argparse
import contextlib
import functools
import gzip
import io
import json
import math
import os
import platform
import random
import resource
import shlex
import signal
import struct
import sys
import tempfile
import time
import tomllib
import traceback
import typing
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pnnkern._errors import PnnError
from pnnkern.experiments import _hdf5, checkpoint, contents, controls, data, derived, machine, recipe, results, run
from pnnkern.experiments import text as texts
from pnnkern.experiments.idx import read_idx
from pnnkern.experiments.loop import TrainingError

SECONDS, MEMORY, LONGEST = 10.0, 1 << 30, 1200  # at work on a case; bytes beyond what the process has; characters of a message
WAITING = 12  # times as many seconds by the clock: a case may wait for other processes, but not for a pipe
Arrays = tuple[np.ndarray, ...]


class Late(BaseException):
    """A case did not end in its time."""


@dataclass
class Case:
    """What was done, a function that reads it, and what is right: a test of its result, or None for what must be refused."""

    what: str
    read: Callable[[], Any]
    right: Callable[[Any], bool] | None


# ------------------------------------------------------------------------------------------------------------------------ bounds
@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """A late case is interrupted, and one that takes too much memory gets a MemoryError."""

    def late(*_: object) -> None:
        raise Late

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, SECONDS), (signal.SIGALRM, signal.ITIMER_REAL, WAITING * SECONDS))
    before, handlers = resource.getrlimit(resource.RLIMIT_DATA), [signal.signal(number, late) for number, _, _ in timers]
    held = int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + MEMORY, before[1]))
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, handlers, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def outcome(case: Case) -> str:
    """"right", "refused", or what is wrong."""
    began = time.process_time()
    try:
        with bounded():
            result = case.read()
    except PnnError as error:
        message = str(error)
        if "\n" in message or not 10 < len(message) < LONGEST:
            return f"its message is no line: {message[:300]!r}"
        found = "refused"
    except (Exception, Late) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
    else:
        if case.right is None:
            return "taken, and should be refused"
        if not case.right(result):
            return "taken, and is not what was given"
        found = "right"
    took = time.process_time() - began
    return found if took < SECONDS else f"took {took:.1f} s"


def write(path: Path, content: bytes | bytearray) -> None:
    """A new file: file systems see one that is written over onto the disk at once, which takes longer than a case."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


# --------------------------------------------------------------------------------------------------------------------------- npz
NUMBERS = (0, 1, -1, 2, 3, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**400)
DTYPES = ("|O", "|V8", "<U5", "|S3", "<M8[s]", "<c16", "|b1", "<U0", "|V0", "|V2147483647", "<f3", "", "u1,u1", "(1000000,)u1", "\N{SNOWMAN}")
DESCRIPTIONS = ("[('a', '<i4')]", "[('a', '|O')]", "('|u1', (1000000000,))", "None", "1", "{}", "[]", "'<f8'.x", "'|u1' * 9",
                "__import__('os')")  # fmt: skip
SHAPES = ("()", "(-1,)", "(-2, -3)", "(99999999999, 1)", "((1, 2), 3)", "(1.5,)", "(True, 4)", "4", "None", "('4',)", "(0,)", "(0, 0, 0)",
          f"({2**62}, 0)", f"({10**30}, 0)", f"({'1, ' * 70})", "(" * 3000, f"({10**400},)", "(4, ", "[4, 2]")  # fmt: skip


def sets(dice: random.Random) -> Arrays:
    """A sound data set of a few samples, of a dtype that is taken."""
    n, m, classes = dice.randint(4, 9), dice.randint(2, 5), dice.randint(2, 3)
    shape = dice.choice([(3, 5), (4, 4), (6,), (1,), (1, 1)])
    kind, values = dice.choice(["u1", "<f4", ">f4", "f8", ">f8", "f2"]), np.random.default_rng(dice.getrandbits(32))
    x = [(values.integers(0, 256, (k, *shape)) if kind == "u1" else values.random((k, *shape))).astype(kind) for k in (n, m)]
    if dice.random() < 0.2:
        y = [values.random((k, 2)).astype(dice.choice(["f4", ">f8"])) for k in (n, m)]
    else:
        y = [(np.arange(k) % classes).astype(dice.choice(["u1", "i8", ">i4", "<u2", ">u8"])) for k in (n, m)]
    return x[0], y[0], x[1], y[1]


def sound(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> bool:
    """What the documentation asks of a data set."""
    for images, labels in ((x, y), (x_test, y_test)):
        fits = images.ndim in (2, 3) and images.size and (images.dtype == np.uint8 or images.dtype.kind == "f")
        if not fits or (images.dtype.kind == "f" and not ((images >= 0) & (images <= 1)).all()):
            return False
        real = labels.ndim == 2 and labels.dtype.kind == "f" and labels.size and bool(((labels >= 0) & (labels <= 1)).all())
        if len(labels) != len(images) or not (real or (labels.ndim == 1 and labels.dtype.kind in "iu")):
            return False
    if y.shape[1:] != y_test.shape[1:] or x.shape[1:] != x_test.shape[1:]:
        return False
    seen = {int(c) for c in y} if y.ndim == 1 else set()
    return y.ndim == 2 or (seen == set(range(len(seen))) and {int(c) for c in y_test} <= set(range(max(seen) + 1)))


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0), **changes: str) -> bytes:
    """An array as .npy, its header written by hand; `changes` take the place of a value, "text" of the whole header."""
    fields = {"descr": repr(array.dtype.str), "fortran_order": "False", "shape": repr(array.shape)} | changes
    text = changes.get("text") or "{" + "".join(f"'{name}': {value}, " for name, value in fields.items()) + "}\n"
    header = text.encode("latin1" if version < (3, 0) else "utf8", "replace")
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(header) % 65536) + header + array.tobytes()


def archive(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytearray:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as file:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in members:
            file.writestr(name, content)
    return bytearray(buffer.getvalue())


def same(arrays: Arrays) -> Callable[[Any], bool]:
    """The values that were written, whatever their order of bytes."""
    return lambda got: all(
        np.array_equal(a, b) for a, b in zip((got.train_images, got.train_labels, got.test_images, got.test_labels), arrays, strict=True)
    )


def npz_case(dice: random.Random, folder: Path) -> Case:
    path, arrays = folder / "case.npz", list(sets(dice))
    what = dice.choice(["sound", "values", "shape", "dtype", "header", "members", "directory", "damage", "rubbish"])
    bodies, k, right = [npy(a) for a in arrays], dice.randrange(4), None
    names, method = [f"{key}.npy" for key in data.NPZ_KEYS], dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    if what == "sound":
        right, version = same(tuple(arrays)), dice.choice([(1, 0), (2, 0)])
        fortran = dice.random() < 0.5
        bodies = [npy(a.T, version, fortran_order="True", shape=repr(a.shape)) if fortran else npy(a, version) for a in arrays]
    elif what == "values":
        arrays[k] = _other_values(dice, arrays[k])
        bodies, right = [npy(a) for a in arrays], same(tuple(arrays)) if sound(*arrays) else None
    elif what == "shape":
        text = dice.choice([*SHAPES, repr(tuple(dice.choice(NUMBERS) for _ in range(dice.randint(1, 4))))])
        bodies[k] = npy(arrays[k], shape=text)
        right = same(tuple(arrays)) if text == repr(arrays[k].shape) else None
    elif what == "dtype":
        bodies[k] = npy(arrays[k], descr=dice.choice([*map(repr, DTYPES), *DESCRIPTIONS]))
    elif what == "header":
        text = dice.choice(["", "{}", "(" * 9000, "[" * 9999, "{'descr': '|u1'}", "x" * 60000, "{'a': " * 2000, "-" * 9000, "\0", "9" * 9000])
        bodies[k] = dice.choice([
            npy(arrays[k], text=text + "\n"), npy(arrays[k], fortran_order=dice.choice(["1", "None", "'True'", "[]"])),
            npy(arrays[k], (3, 0), descr=repr("[('\N{SNOWMAN}', 'u1')]")), npy(arrays[k], (dice.randint(3, 255), 9)),
            bodies[k][: dice.randint(0, 70)], b"\x93NUMPY\2\0" + struct.pack("<I", dice.choice([2**32 - 1, 2**31, 0, 10001])) + bodies[k][10:],
        ])  # fmt: skip
    elif what == "members":
        right = same(tuple(arrays))
        change = dice.randrange(6)
        if change == 0:
            del names[k], bodies[k]
        elif change == 1:
            names, bodies = [*names, names[k]], [*bodies, bodies[dice.randrange(4)]]
        elif change == 2:
            names[k] = dice.choice(["../", "/", "C:\\", "\x1b[2J", "a" * 60000, ""]) + names[k]
        elif change == 3:
            names[k] = names[k].removesuffix(".npy")
        elif change == 4:
            method = dice.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        else:
            names, bodies = [*names, "../../evil.npy", "z" * 9000], [*bodies, b"pickle", b""]
        whole = len(set(names)) == len(names) and {f"{key}.npy" for key in data.NPZ_KEYS} <= set(names)
        right = right if whole and method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else None
    content = archive(list(zip(names, bodies, strict=True)), method)
    if what == "directory":  # a number in the directory, or at its end, is another one
        places = [i for i in range(len(content) - 46) if content[i : i + 4] == b"PK\1\2"]
        end = content.rfind(b"PK\5\6")
        place, size = dice.choice([(dice.choice(places) + o, s) for o, s in ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (42, 4))]
                                  + [(end + o, s) for o, s in ((8, 2), (10, 2), (12, 4), (16, 4), (20, 2))])  # fmt: skip
        content[place : place + size] = (abs(dice.choice(NUMBERS)) % 256**size).to_bytes(size, "little")
    elif what == "damage":
        content = damaged(dice, content)
    elif what == "rubbish":
        content = bytearray(dice.choice([b"", b"PK\5\6" + bytes(18), b"\x80\4\x95", dice.randbytes(300), b"PK\3\4" + dice.randbytes(300)]))
    write(path, content)
    return Case(what, lambda: data.load(path=path), same(tuple(arrays)) if what in ("directory", "damage") else right)


def _other_values(dice: random.Random, array: np.ndarray) -> np.ndarray:
    out: np.ndarray = array.astype(array.dtype.newbyteorder("="))
    change = dice.randrange(7)
    if change == 0 and out.dtype.kind in "iu":
        limits = np.iinfo(out.dtype)
        out.flat[dice.randrange(out.size)] = dice.choice([limits.max, limits.min, min(limits.max, 2**31), 5])
    elif change == 0:
        out.flat[dice.randrange(out.size)] = dice.choice([np.nan, np.inf, -np.inf, -1e-3, 1.001, 6e4])
    elif change == 1:
        out = np.full_like(out, dice.choice([0, 1]))
    elif change == 2:
        out = out.reshape(-1)[: dice.randint(0, 3)]
    elif change == 3:
        out = out.reshape(*out.shape, 1)
    elif change == 4:
        out = out.astype(dice.choice([bool, complex, np.int8, "f4", "f8", np.longdouble, "U5", "m8[s]"]))
    elif change == 5:
        out = out[:, :0] if out.ndim > 1 else out[:0]
    else:
        out = out.reshape(())[()] if out.size == 1 else out[..., None, None]
    return np.asarray(out)


def damaged(dice: random.Random, content: bytearray) -> bytearray:
    """Some bytes are others, missing, doubled or zero."""
    for _ in range(dice.choice([1, 1, 1, 3])):
        at, size = dice.randrange(max(1, len(content))), dice.choice([1, 1, 2, 8, 64, 512])
        change = dice.randrange(5)
        if change == 0 and content:
            content[at] ^= 1 << dice.randrange(8)
        elif change == 1:
            content = content[:at]
        elif change == 2:
            content[at : at + size] = bytes(len(content[at : at + size]))
        elif change == 3:
            content[at:at] = content[max(0, at - size) : at]
        else:
            content[at : at + size] = dice.randbytes(dice.choice([size, 1]))
    return content


# --------------------------------------------------------------------------------------------------------------------------- IDX
def idx_truth(content: bytes) -> np.ndarray | None:
    """The array that unpacked bytes are by the format's description, if they are one of unsigned bytes."""
    if content[:3] != b"\0\0\x08" or len(content) < 4 or not 1 <= content[3] <= 4 or len(content) < 4 + 4 * content[3]:
        return None
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    body = content[4 + 4 * content[3] :]
    return np.array(list(body), np.uint8).reshape(shape) if len(body) == math.prod(shape) else None


def idx_case(dice: random.Random, folder: Path) -> Case:
    shape = dice.choice([(7,), (3, 1, 1), (2, 5, 4), (1, 2, 2, 2), (300,)])
    plain = bytearray(struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + dice.randbytes(math.prod(shape)))
    what = dice.choice(["sound", "sizes", "magic", "damage", "damaged gzip", "bomb", "members", "rubbish"])
    packed = dice.random() < 0.5 or what in ("damaged gzip", "bomb", "members")
    if what == "sizes":
        struct.pack_into(">I", plain, 4 + 4 * dice.randrange(len(shape)), abs(dice.choice(NUMBERS)) % 2**32)
    elif what == "magic":
        plain[dice.randrange(4)] = dice.randrange(256)
    elif what == "damage":
        plain = damaged(dice, plain)
    elif what == "rubbish":
        plain = bytearray(dice.randbytes(dice.choice([0, 1, 3, 4, 9, 99])))
    elif what == "bomb":  # much more than the header says, or than any file holds
        if dice.random() < 0.5:
            plain += bytes(dice.choice([1, 70_000, 3_000_000]))
        else:
            plain[4:8] = struct.pack(">I", dice.choice([2**32 - 1, 2**28, 2**31]))
    content = bytearray(gzip.compress(plain, 1) if packed else plain)
    if what == "members":
        content += dice.choice([gzip.compress(b""), gzip.compress(b"more"), b"\0" * 9, b"rubbish", gzip.compress(b"")[:9]])
    elif what == "damaged gzip":
        content = damaged(dice, content)
    path = folder / ("case.gz" if packed else "case")
    write(path, content)
    truth = plain
    if packed and what in ("members", "damaged gzip"):
        try:
            truth = bytearray(gzip.decompress(content))
        except (OSError, EOFError, zipfile.zlib.error):  # type: ignore[attr-defined]
            truth = bytearray()
    array = idx_truth(bytes(truth))
    return Case(what, lambda: read_idx(path), None if array is None else lambda got: np.array_equal(got, array))


# -------------------------------------------------------------------------------------------------------------------------- TOML
VALUES = ("nan", "-inf", "1e400", "0x" + "f" * 5000, "9" * 5000, "1" + "0" * 400, "-1", "0", "1979-05-27T07:32:00Z", "07:32:00", "[]", "{}",
          "true", "'x'", '""', '"\\u0000"', '"\\ud800"', "[[[[[[[[[[[1]]]]]]]]]]]", "{a={b={c=1}}}", "[" * 2000, "{a=" * 2000, "'''\n'''",
          '"' + "y" * 9000 + '"', "[1, 'a', {}]", "\N{SNOWMAN}", "1_000", "+1", "0b1", "1.", "'../../x'", "")  # fmt: skip


def toml_case(dice: random.Random, folder: Path) -> Case:
    source = Path(recipe.__file__).parent / "recipes" / f"{dice.choice(recipe.names())}.toml"
    text, path = source.read_text(), folder / "case.toml"
    lines = text.splitlines()
    keys = [i for i, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    what = dice.choice(["value", "value", "line", "key", "table", "damage", "long", "encoding"])
    i = dice.choice(keys)
    if what == "value":
        lines[i] = f"{lines[i].partition('=')[0]}= {dice.choice(VALUES)}"
    elif what == "line":
        other = dice.choice([lines[i], "[[system]]", "[a.b]", "x", "[", "=", "a.b.c = 1", "kind = 1", "[data]"])
        lines.insert(dice.randrange(len(lines)), other)
    elif what == "key":
        lines[i] = dice.choice(["a." * dice.choice([1, 9, 500, 2000]), "'", '"\\u0000"', " ", "[", "é", "recipe."]) + lines[i]
    elif what == "table":
        heads = [n for n, line in enumerate(lines) if line.startswith("[")]
        lines[dice.choice(heads)] = dice.choice(["[x]", "[[data]]", "[system.kind]", "[system]", "", f"[{'a.' * 1000}b]", "[training.lr]"])
    elif what == "long":
        lines += dice.choice([["# " + "x" * 10**6], ["[[a]]"] * 9000, [f"[a{n}]" for n in range(9000)], ["summary = '" + "x" * 40000 + "'"]])
    content = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if what == "damage":
        content = damaged(dice, content)
    elif what == "encoding":
        marked = b"\xef\xbb\xbf" + content
        content = bytearray(dice.choice([marked, text.encode("utf-16"), b"\xff" + content, content + b"\0", content + b"\x1b[2J"]))
    write(path, content)
    return Case(what, lambda: recipe.find(str(path)), lambda got: _as_written(got, content))


def _as_written(got: recipe.Recipe, content: bytes) -> bool:
    """Every value of the text is in the recipe, and the recipe survives being written."""
    table = dict(recipe.leaves(got.table()))
    written = dict(recipe.leaves(tomllib.loads(content.decode("utf-8-sig"))))
    return all(table[key] == value for key, value in written.items() if value != {}) and recipe.loads(got.dumps(), "x", where="x") == got


# ------------------------------------------------------------------------------------------------------------------------- --set
SMALL: dict[str, list[str]] = {  # of each kind of system
    "d2nn": ["layers=2", "size=16", "detector_size=2", "input_size=8"], "crossbar": ["hidden=[5]", "inputs=64"],
    "hopfield-conv": ["maps=[3]", "height=8", "width=8", "sweeps=3", "nudged_sweeps=3", "rates=[]", "bias_rates=[]"],
    "resistor-network": ["nodes=20", "features=4", "graph='disordered'", "degree=6"], "transistor-network": ["nodes=16", "features=4"],
    "spring-network": ["nodes=30", "features=4"],
}  # fmt: skip
LAYERED = ["hidden=[5]", "inputs=64", "rates=[]"]
WORDS = ("''", "x", "/", "/dev/zero", "/dev/stdin", "~nobody/x", "a" * 5000, '"\\u0000"', "../..", "\udcff", "\N{SNOWMAN}", "xor", "iris",
         "curve", "allostery:4x8", "allostery:99999x99999", "wine", "digits", "in-silico", "d2nn")  # fmt: skip
WHOLE = ("0", "1", "2", "3", "7", "40", str(2**24), str(2**31), "1000000000", str(10**12), str(2**63 - 1), str(2**63), str(10**400))
REAL = ("0.0", "1.0", "0.5", "2.0", "-1.0", "1e-9", "1e-300", "5e-324", "1e9", "1e30", "1e300", "1.7e308", "3", "1e400")


def samples(folder: Path) -> None:
    """Pictures and features to learn from."""
    values = np.random.default_rng(0)
    for name, shape in (("pictures", (8, 8)), ("features", (4,))):
        x, y = values.random((24, *shape)), np.arange(24) % 3
        np.savez(folder / name, x_train=x[:18], y_train=y[:18], x_test=x[18:], y_test=y[18:])


def set_case(dice: random.Random, folder: Path) -> Case:
    name = dice.choice(recipe.names())
    kind = recipe.find(name).system.kind
    small = [f"system.{setting}" for setting in SMALL.get(kind, LAYERED)]
    file = folder / ("features.npz" if kind.endswith("network") else "pictures.npz")
    base = [f"data.path={file}", "data.name=mnist-small", "data.classes=[]", "data.pool=1", "data.train=0", "data.test=0", "data.validation=0",
            "training.batch=8", "control.iterations=5", "compute.threads=1", *small]  # fmt: skip
    changes = dict(_change(dice, kind, recipe.find(name).rule.kind) for _ in range(dice.choice([1, 1, 2])))
    tables = [key.strip().partition(".")[0] for key in changes]
    if len(set(tables)) < len(tables):  # the second may undo the first
        changes.popitem()
    what = "build" if dice.random() < 0.5 else "read"
    overrides = [*base, *(f"{key}={value}" for key, value in changes.items())]

    def read() -> recipe.Recipe:
        found = recipe.find(name, overrides)
        if what == "build":
            with _environment(), np.errstate(all="ignore"), contextlib.suppress(TrainingError):
                built = run.assemble(found, folder / "run")
                if found.control.linear:
                    controls.linear(built.trainer.dataset, found.control.iterations)
                with run._room(built):
                    built.trainer.advance()
                    built.trainer.evaluate()
                    built.trainer.saved()
        return found

    return Case(what, read, lambda got: _holds(got, changes))


def _holds(got: recipe.Recipe, changes: dict[str, str]) -> bool:
    """The values that were set, as TOML or as words, are those of the recipe."""
    table = dict(recipe.leaves(got.table()))
    for key, text in changes.items():
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        if value != {} and table.get(key.strip()) != value:
            return False
    return True


def _change(dice: random.Random, kind: str, rule: str) -> tuple[str, str]:
    """A key and a value in text: of the key's type, at an edge or beyond it, or of another type."""
    models = {"system": derived.table(recipe.kinds("system")[kind]), "rule": derived.table(recipe.kinds("rule")[rule])} | recipe.FIXED
    table = dice.choice([*models, "system", "system", "rule", "training"])
    name, field = dice.choice(list(models[table].model_fields.items()))
    if dice.random() < 0.1:
        key = dice.choice(["recipe", "summary", table, "x", "a." * 99 + "b", f"{table}.{name}.x", f" {table}.{name} ", ".", "\udcff"])
        return key, dice.choice(VALUES)
    if name == "kind":
        return f"{table}.kind", dice.choice([*recipe.kinds(table), *VALUES])
    hints = str(field.annotation)
    own = WHOLE if "int" in hints else REAL if "float" in hints else ("true", "false") if "bool" in hints else WORDS
    options = [str(o) for o in typing.get_args(field.annotation)] if "Literal" in hints else []
    values = [*(f"[{', '.join(dice.choice(own) for _ in range(dice.randint(0, 3)))}]" for _ in range(9))] if "list" in hints else options or own
    return f"{table}.{name}", dice.choice(values if dice.random() < 0.75 else VALUES + WORDS)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Threads that a recipe asks for are for it alone."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# ---------------------------------------------------------------------------------------------------------------------------- all
# -------------------------------------------------------------------------------------------------- files that are read in pieces
def forked(path: Path, file: Any, error: type[PnnError], keys: Any = ()) -> Any:
    """As `_hdf5.ask`, by a fork of this process, which takes a hundredth of the time."""
    read, write_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            for number in (signal.SIGALRM, signal.SIGPROF):
                signal.signal(number, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, _hdf5.PATIENCE)
            held = int(Path("/proc/self/status").read_text().partition("VmSize:")[2].split()[0]) * 1024
            resource.setrlimit(resource.RLIMIT_AS, (held + (512 << 20),) * 2)
            try:
                said = json.dumps([_hdf5.answer(path, file.fileno(), keys)])
            except _hdf5.ODD as fault:
                said = json.dumps(f"HDF5 says: {' '.join(str(fault).split())[:300]}")
            os.set_blocking(write_end, True)
            with open(write_end, "w") as pipe:
                pipe.write(said)
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    found = json.loads(answer) if answer else "the process that did has ended"
    if isinstance(found, str):
        raise error(f"{path} cannot be read: {texts.plain(found)}")
    return found[0]


def _samples_of(got: Any) -> Arrays:
    images = (x[np.arange(len(x))] for x in (got.train_images, got.test_images))
    train, test = images
    return train, got.train_labels, test, got.test_labels


def _same_in_pieces(arrays: Arrays) -> Callable[[Any], bool]:
    return lambda got: all(np.array_equal(a, b) for a, b in zip(_samples_of(got), arrays, strict=True))


def _sound_in_pieces(got: Any) -> bool:
    """Where damage cannot be seen, as HDF5 and .npy keep no digests, what is taken is still a data set."""
    return sound(*_samples_of(got))


def _stored(dice: random.Random, file: h5py.File, key: str, array: np.ndarray) -> None:
    """A data set, in one of the ways in which it may lie."""
    if dice.random() < 0.4 or not array.size:
        file.create_dataset(key, data=array)
        return
    how: dict[str, Any] = {"chunks": tuple(dice.randint(1, n) for n in array.shape), "shuffle": dice.random() < 0.5}
    file.create_dataset(key, data=array, compression=dice.choice([None, "gzip"]), maxshape=(None, *array.shape[1:]), **how)


def _strange(dice: random.Random, file: h5py.File, key: str, arrays: Arrays) -> Callable[[Any], bool] | None:
    """Put something else in a data set's place; what is right then. What was never written is zeros, which may be samples."""
    array = file[key][()]
    del file[key]
    change = dice.randrange(10)
    if change == 0:
        file[key] = dice.choice([h5py.SoftLink("/x_train"), h5py.ExternalLink("/etc/passwd", "/x"), h5py.SoftLink(f"/{key}")])
    elif change == 1:
        file.create_group(key)
    elif change == 2:
        others: list[dict[str, Any]] = [{"compression": "lzf"}, {"fletcher32": True}]
        packed = dice.choice([*others, {"scaleoffset": 0}] if array.dtype.kind in "iu" else others)
        file.create_dataset(key, data=array, chunks=array.shape, **packed)
    elif change == 3:
        file.create_dataset(key, (dice.choice(NUMBERS[:-2]) % 2**60 + 3, *array.shape[1:]), array.dtype, chunks=(3, *array.shape[1:]))
        return _sound_in_pieces
    elif change == 4:
        file[key] = dice.choice([["a"] * len(array), np.zeros(len(array), [("a", "i4")]), h5py.Empty("f4"), np.bytes_(b"x")])
    elif change == 5:
        file.create_dataset(key, array.shape, array.dtype, external=[("/etc/passwd", 0, 2**20)])
    elif change == 6:
        large = (1 << dice.choice([20, 25, 28]), *array.shape[1:])
        file.create_dataset(key, array.shape, array.dtype, maxshape=(None, *array.shape[1:]), chunks=large)
        return _sound_in_pieces
    elif change == 7:
        source = h5py.VirtualSource("/etc/passwd", "x", shape=array.shape)
        layout = h5py.VirtualLayout(array.shape, array.dtype)
        layout[...] = source
        file.create_virtual_dataset(key, layout)
    elif change == 8:
        file.create_dataset(key, (2, 2), h5py.vlen_dtype(np.uint8))
    else:
        file.create_dataset(key, data=array, fillvalue=array.flat[0], chunks=array.shape)
        return _same_in_pieces(arrays)
    return None


def hdf5_case(dice: random.Random, folder: Path) -> Case:
    path, arrays = folder / "case.h5", list(sets(dice))
    what = dice.choice(["sound", "values", "structure", "damage", "damage", "cut", "rubbish"])
    right, k = _same_in_pieces(tuple(arrays)), dice.randrange(4)
    if what == "values":
        arrays[k] = _other_values(dice, arrays[k])
        if arrays[k].dtype.kind not in "biufc":
            arrays[k] = np.zeros(3, complex)
        right = _same_in_pieces(tuple(arrays)) if sound(*arrays) else None  # type: ignore[assignment]
    buffer = io.BytesIO()
    libver = dice.choice(["earliest", "latest"])
    with h5py.File(buffer, "w", libver=libver, userblock_size=dice.choice([0, 0, 512])) as file:
        for key, array in zip(data.NPZ_KEYS, arrays, strict=True):
            _stored(dice, file, key, array)
        if what == "structure":
            right = _strange(dice, file, data.NPZ_KEYS[k], tuple(arrays))  # type: ignore[assignment]
    content = bytearray(buffer.getbuffer())
    if what == "damage":
        content, right = damaged(dice, content), _sound_in_pieces
    elif what == "cut":
        content, right = content[: dice.randrange(len(content))], _sound_in_pieces
    elif what == "rubbish":
        content, right = _hdf5.SIGNATURE + dice.randbytes(dice.choice([0, 40, 500])), None  # type: ignore[assignment]
    write(path, content)
    return Case(what, lambda: data.load(path=path), right)


def npy_case(dice: random.Random, folder: Path) -> Case:
    path, arrays, k = folder / "case", list(sets(dice)), dice.randrange(4)
    path.mkdir(exist_ok=True)
    what = dice.choice(["sound", "values", "shape", "dtype", "damage", "missing", "fortran"])
    right: Callable[[Any], bool] | None = _same_in_pieces(tuple(arrays))
    if what == "values":
        arrays[k] = _other_values(dice, arrays[k])
        right = _same_in_pieces(tuple(arrays)) if sound(*arrays) else None
    bodies = [npy(array, dice.choice([(1, 0), (2, 0)])) for array in arrays]
    if what == "shape":
        shape = dice.choice(SHAPES)
        bodies[k], right = npy(arrays[k], shape=shape), right if shape == repr(arrays[k].shape) else None
    elif what == "dtype":
        bodies[k], right = npy(arrays[k], descr=dice.choice([*map(repr, DTYPES), *DESCRIPTIONS])), None
    elif what == "damage":
        bodies[k], right = bytes(damaged(dice, bytearray(bodies[k]))), _sound_in_pieces
    elif what == "fortran":
        bodies[k] = npy(arrays[k].T, fortran_order="True", shape=repr(arrays[k].shape))
        right = right if arrays[k].ndim == 1 else None
    for key, body in zip(data.NPZ_KEYS, bodies, strict=True):
        write(path / f"{key}.npy", body)
    if what == "missing":
        gone = path / f"{data.NPZ_KEYS[k]}.npy"
        gone.unlink()
        right = None
        change = dice.randrange(4)
        if change == 0:
            gone.symlink_to(gone)
        elif change == 1:
            gone.symlink_to("/dev/zero")
        elif change == 2:
            gone.symlink_to(path)
    return Case(what, lambda: data.load(path=path), right)


@functools.cache
def _result_file() -> bytes:
    """A file of results."""
    with tempfile.TemporaryDirectory() as folder:
        with results.results(Path(folder) / "a.h5", about={"what": "fuzz"}) as out:
            for first in range(0, 9, 3):
                some = np.arange(first, first + 3)[:, None] * np.ones((3, 4), np.complex64)
                out.append("field", some, axes=("n", "x"), unit="V/m", coordinates={"x": (np.arange(4.0), "m")})
        return (Path(folder) / "a.h5").read_bytes()


def inspect_case(dice: random.Random, folder: Path) -> Case:
    kind = dice.choice(["results", "checkpoint", "hdf5", "npz", "npy"])
    path, arrays = folder / f"case{'.npz' if kind == 'npz' else ''}", sets(dice)
    names = set(data.NPZ_KEYS)
    if kind == "results":
        content, names = bytearray(_result_file()), {"field", "n", "x"}
    elif kind == "checkpoint":
        state = {f"parameters/{key}": array for key, array in zip(data.NPZ_KEYS, arrays, strict=True)}
        content, names = bytearray(checkpoint._encode(state, {"config": {"recipe": "fuzz"}})), set(state)
    elif kind == "hdf5":
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for key, array in zip(data.NPZ_KEYS, arrays, strict=True):
                _stored(dice, file, key, array)
                file[key].attrs[dice.choice(["units", "title", "\x1b[2J"])] = dice.choice(["m", "\x1b[2J\n", 3.0, [1, 2], np.zeros(5000)])
        content = bytearray(buffer.getbuffer())
    elif kind == "npz":
        content = archive([(f"{key}.npy", npy(array)) for key, array in zip(data.NPZ_KEYS, arrays, strict=True)])
    else:
        content, names = bytearray(npy(arrays[0])), {"case"}
    whole = dice.random() < 0.15
    if not whole:
        content = damaged(dice, content)
    write(path, content)

    def right(got: tuple[dict[str, Any], str]) -> bool:
        found, page = got
        shown = all(texts.plain(line) == line for line in page.split("\n"))
        return shown and bool(json.dumps(found)) and (not whole or {array["name"] for array in found["arrays"]} == names)

    def look() -> tuple[dict[str, Any], str]:
        found = contents.look(path)
        return found, texts.lines(contents.page(found))

    return Case(f"{kind}, {'sound' if whole else 'damage'}", look, right)


TARGETS = {"npz": npz_case, "idx": idx_case, "toml": toml_case, "set": set_case, "hdf5": hdf5_case, "npy": npy_case, "inspect": inspect_case}


def fuzz(target: str, numbers: range, seed: int, folder: Path) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes of the cases of a target by what was done, and a line for each that is wrong."""
    samples(folder)
    _hdf5.ask, before, _hdf5.PATIENCE = forked, (_hdf5.ask, _hdf5.PATIENCE), 3.0
    try:
        return _fuzz(target, numbers, seed, folder)
    finally:
        _hdf5.ask, _hdf5.PATIENCE = before


def _fuzz(target: str, numbers: range, seed: int, folder: Path) -> tuple[dict[str, Counter[str]], list[str]]:
    counts: dict[str, Counter[str]] = {}
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in numbers:
            case = TARGETS[target](random.Random(f"{target} {seed} {number}"), folder)
            found = outcome(case)
            counts.setdefault(case.what, Counter())[found if found in ("right", "refused") else "wrong"] += 1
            if found not in ("right", "refused"):
                wrong.append(f"{target} {number} ({case.what}): {found}")
                print(wrong[-1], file=sys.stderr, flush=True)
    return counts, wrong


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 if a case is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--target", default=",".join(TARGETS), help="some of npz,idx,toml,set,hdf5,npy,inspect")
    parser.add_argument("--cases", type=int, default=1000, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="this case alone")
    parser.add_argument("--record", type=Path, help="write the counts there, as JSON")
    asked = parser.parse_args(arguments)
    numbers = range(asked.cases) if asked.only is None else range(asked.only, asked.only + 1)
    record: dict[str, Any] = {}
    wrong: list[str] = []
    for target in asked.target.split(","):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            counts, lines = fuzz(target, numbers, asked.seed, Path(folder))
        total = sum(counts.values(), Counter())
        record[target] = {
            "cases": len(numbers),
            **{found: total[found] for found in ("refused", "right", "wrong")},
            "seconds": round(time.monotonic() - began, 1),
            "by_change": {what: dict(sorted(count.items())) for what, count in sorted(counts.items())},
        }
        wrong += lines
        print(target, json.dumps({k: v for k, v in record[target].items() if k != "by_change"}), flush=True)
        if asked.record:  # after each target, so that a long run that is stopped has left what it found
            about = {
                "what": "hostile data files, recipes and --set values: refused in one line, or right",
                "bounds": f"{SECONDS:g} s of work and {MEMORY >> 30} GiB for a case",
                "command": shlex.join(["python", f"scripts/{Path(sys.argv[0]).name}", *arguments]),
                "date": time.strftime("%Y-%m-%d"),
                "machine": f"{machine.processor()}, {platform.system()}",
                "environment": checkpoint.versions(),
                "cases": sum(r["cases"] for r in record.values()),
                "wrong": wrong,
            }
            asked.record.write_text(json.dumps(about | {"targets": record}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
