"""Run unmodified CUDA C++ kernels on the CPU: one fiber per CUDA thread, real barriers, shuffles, shared memory and atomics.

A test backend, not a fast one. `load(source, name).launch(kernel, grid, block, args)` has the call shape of a GPU launch. Builds:
"fast" (blocks over OS threads), "checked" (one OS thread, shared memory poisoned), "asan" (AddressSanitizer and UBSan; Python must
have been started with the libraries preloaded, see `preload`), "race" (reports data races), "count" (race plus bytes moved).
"""

import ctypes
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import _cache

_HERE = Path(__file__).resolve().parent
ORDERS = {"ascending": 0, "descending": 1, "shuffled": 2}

# -fno-gnu-unique: statics of templates and inline functions would be shared by all loaded modules.  -fno-weak: else a __shared__
# array in a template and one in a plain function claim the same section in different ways.
_COMMON = ("-std=c++17", "-fPIC", "-fno-gnu-unique", "-ffp-contract=off", "-Wall", "-Wno-unknown-pragmas", "-Wno-unused-function",
           "-Wno-unused-variable")  # fmt: skip
_SINGLE = ("-DCUDA_HOST_ST", "-fno-weak")
BUILDS = {
    "fast": ("-O2", "-march=native", "-pthread", "-mtls-dialect=gnu2"),
    "checked": ("-O2", "-g1", *_SINGLE),
    "asan": ("-O1", "-g1", *_SINGLE, "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer",
             "-fsanitize-sections=cuda_shared"),
    "race": ("-O1", "-g1", *_SINGLE, "-fsanitize=thread"),
    "count": ("-O1", "-g1", *_SINGLE, "-fsanitize=thread", "-DCUDA_HOST_COUNT"),
}  # fmt: skip
_KERNEL = re.compile(
    r"__global__\s+(?:void\s+)?(?:__launch_bounds__\s*\([^()]*\)\s*)?(?:void\s+)?(?:__launch_bounds__\s*\([^()]*\)\s*)?(\w+)\s*\(([^()]*)\)"
)
_DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?([\w:<> ]+?)\s+(\w+)\s*\[\s*\]\s*;")


class HostError(RuntimeError):
    """The host runner could not compile or run a kernel, or found a fault in it."""


@functools.cache
def compiler() -> str:
    """The C++ compiler, `CXX` or g++, and its version; raises `HostError` when there is none."""
    path = shutil.which(os.environ.get("CXX", "g++"))
    if path is None:
        raise HostError("the host runner needs g++ to run CUDA kernels on the CPU: install it (apt-get install g++) or set CXX")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    return f"{path} {version}"


@functools.cache
def _native() -> str:
    """What `-march=native` means here: the cache may be in a home folder that other processors share."""
    asked = [compiler().partition(" ")[0], "-march=native", "-Q", "--help=target"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def preload() -> str:
    """What LD_PRELOAD must be for a Python process that uses the "asan" build (with ASAN_OPTIONS=detect_leaks=0)."""
    path = compiler().partition(" ")[0]
    names = ("libasan.so", "libubsan.so")
    return ":".join(
        subprocess.run([path, f"-print-file-name={n}"], capture_output=True, text=True, check=True).stdout.strip() for n in names
    )


def _parameters(text: str) -> list[str]:
    return [p.strip() for p in " ".join(text.split()).split(",") if p.strip()]


def _wrapped(source: str, name: str) -> tuple[str, dict[str, list[str]]]:
    """The source as g++ takes it, with an exported launcher for each kernel; and each kernel's parameters."""
    bare = re.sub(r"//[^\n]*", "", source)
    bare = _DYNAMIC.sub(r"DYN_SHARED(\1, \2);", bare)
    found = {name: _parameters(parameters) for name, parameters in _KERNEL.findall(bare)}
    exports = "".join(f"CUDA_HOST_EXPORT({name})\n" for name in found)
    return f'#include "cuda_host.h"\n#line 1 "{name}"\n{bare}\n{exports}', found


def load(source: str, name: str, *, defines: Mapping[str, object] | None = None, build: str = "fast") -> "Module":
    """Compile the flattened source of a `.cu` file (or find it compiled) and load it.

    name : for messages. defines : macros. build : one of `BUILDS`. Raises `HostError` with the compiler's words.
    """
    if build not in BUILDS:
        raise HostError(f"unknown build {build!r}: it is one of {', '.join(BUILDS)}")
    text, found = _wrapped(source, name)
    flags = [*_COMMON, *BUILDS[build], *(f"-D{k}={v}" for k, v in (defines or {}).items())]
    headers = [header.read_bytes() for header in sorted(_HERE.glob("*.h"))]
    kept = f"{Path(name).stem}-{build}-{_cache.key(text, flags, compiler(), _native(), headers)}.so"
    return Module(_cache.kept("host", kept, lambda: _compile(text, name, flags)), name, build, found)


def _compile(text: str, name: str, flags: list[str]) -> bytes:
    gxx = compiler().partition(" ")[0]
    # The race hooks are our own: compile with -fsanitize=thread, link without, and no libtsan is needed.
    link = [f for f in flags if f != "-fsanitize=thread"]
    try:
        with tempfile.TemporaryDirectory(prefix="pnnkern-") as folder:
            source, compiled, linked = (Path(folder, Path(name).stem).with_suffix(s) for s in (".cpp", ".o", ".so"))
            source.write_text(text)
            for command in (
                [gxx, *flags, f"-I{_HERE}", "-c", str(source), "-o", str(compiled)],
                [gxx, *link, "-shared", str(compiled), "-o", str(linked), "-ldl"],
            ):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise HostError(f"{name} does not compile for the host runner:\n{done.stderr[:4000]}")
            if "-DCUDA_HOST_ST" in flags:
                _check_shared(linked, name)
            return linked.read_bytes()
    except OSError as error:
        raise HostError(f"{name} cannot be compiled in {tempfile.gettempdir()} ({error.strerror}): set TMPDIR") from error


_STRAY = re.compile(r"^\S+ .{7} \.(?:bss|data)\S*\s+\S+\s+(?!cuda_host::)(\S.*\)::(\w+))$", re.MULTILINE)


def _check_shared(library: Path, name: str) -> None:
    """g++ drops the section of a static array in a function template: it would not be poisoned, and count as global in race checks."""
    if shutil.which("objdump") is None:
        return
    table = subprocess.run(["objdump", "-t", "-C", str(library)], capture_output=True, text=True, check=False).stdout
    stray = _STRAY.search(table)
    if stray:
        raise HostError(
            f"{name}: the shared array {stray[2]} is declared in a template ({stray[1]:.120}): declare it in the kernel and pass it on"
        )


_SIZES = {"long long": 8, "unsigned long long": 8, "double": 8, "int": 4, "unsigned": 4, "unsigned int": 4, "float": 4,
          "short": 2, "unsigned short": 2, "char": 1, "signed char": 1, "unsigned char": 1}  # fmt: skip


def _size(parameter: str) -> int | None:
    """Bytes of a parameter; None for a type that is not known here."""
    if "*" in parameter:
        return 8
    return _SIZES.get(parameter.removeprefix("const ").rpartition(" ")[0].strip())


class Module:
    """The kernels of one compiled file."""

    def __init__(self, library: Path, name: str, build: str, parameters: dict[str, list[str]]) -> None:
        self.name, self.build, self.parameters = name, build, parameters
        try:
            self._lib = ctypes.CDLL(str(library))
        except OSError as error:
            raise HostError(f"{name}: the compiled kernels cannot be loaded: {error}") from error
        self._lib.cuda_host_message.restype = ctypes.c_char_p

    def launch(
        self, name: str, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], shared: int = 0, *,
        order: str = "ascending", seed: int = 0, threads: int = 1,
    ) -> None:  # fmt: skip
        """Run kernel `name` over `grid` and `block` (1 to 3 numbers each).

        args : NumPy arrays (passed as pointers), NumPy scalars (passed by value), None (a null pointer).
        order : in which threads run between barriers: "ascending", "descending", "shuffled" (by `seed`).
        Raises `HostError` for a wrong argument, a bad launch, a divergent barrier, a deadlock, or (race build) a data race.
        """
        pointers = self._pointers(name, args)
        if order not in ORDERS:
            raise HostError(f"unknown order {order!r}: it is one of {', '.join(ORDERS)}")
        self._lib.cuda_host_config(ORDERS[order], ctypes.c_uint64(seed), threads, 1, 1)
        values = (ctypes.c_void_p * max(1, len(pointers)))(*[ctypes.cast(ctypes.byref(p), ctypes.c_void_p) for p in pointers])
        sizes = [ctypes.c_uint(n) for n in (*grid, 1, 1)[:3] + (*block, 1, 1)[:3]]
        if getattr(self._lib, f"launch_{name}")(*sizes, ctypes.c_size_t(shared), values):
            raise HostError(f"{name}: {self._lib.cuda_host_message().decode()}")

    def _pointers(self, name: str, args: Sequence[Any]) -> list[Any]:
        expected = self.parameters.get(name)
        if expected is None:
            raise HostError(f"{self.name} has no kernel {name}; it has {', '.join(self.parameters)}")
        if len(args) != len(expected):
            raise HostError(f"{name} takes {len(expected)} arguments ({', '.join(expected)}), got {len(args)}")
        held: list[Any] = []
        for i, (parameter, a) in enumerate(zip(expected, args, strict=True)):
            size = _size(parameter)
            got = 8 if a is None or isinstance(a, np.ndarray) else a.nbytes if isinstance(a, np.generic) else None
            if got is None:
                raise HostError(
                    f"{name}: argument {i} ({parameter}) must be a NumPy array, NumPy scalar or None, got {type(a).__name__}"
                )
            if size is not None and (got != size or ("*" in parameter) != (a is None or isinstance(a, np.ndarray))):
                raise HostError(
                    f"{name}: argument {i} ({parameter}) takes {size} bytes{' of address' * ('*' in parameter)}, got {a!r:.60}"
                )
            if a is None:
                held.append(ctypes.c_void_p(0))
            elif isinstance(a, np.ndarray):
                held.append(ctypes.c_void_p(a.ctypes.data))
            else:
                held.append((ctypes.c_char * a.nbytes).from_buffer_copy(a.tobytes()))
        return held

    def watch(self, arrays: Sequence[np.ndarray]) -> None:
        """In the "count" build: count the traffic to these arrays (16 at most) from now on."""
        for i, a in enumerate(arrays):
            self._lib.cuda_host_watch(i, ctypes.c_void_p(a.ctypes.data), ctypes.c_size_t(a.nbytes))

    def counts(self, arrays: int) -> np.ndarray:
        """(arrays, 4): bytes read, bytes written, and both in whole 32-byte sectors per warp instruction."""
        out = np.empty((arrays, 4), np.int64)
        for i in range(arrays):
            self._lib.cuda_host_counts(i, out[i].ctypes.data_as(ctypes.POINTER(ctypes.c_longlong)))
        return out
