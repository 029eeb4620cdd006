"""Kernel sources: where they are, what their prototypes say, and their text with all headers written out.

A kernel's prototype in its `.cu` file is the only description of its arguments.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import LaunchError

_TYPES = {
    "float": "float32", "double": "float64", "long long": "int64", "unsigned long long": "uint64", "int": "int32", "unsigned": "uint32",
    "unsigned int": "uint32", "short": "int16", "unsigned short": "uint16", "signed char": "int8", "unsigned char": "uint8",
    "pnn::complex<float>": "complex64", "pnn::complex<double>": "complex128",
}  # fmt: skip
SUFFIX = {
    "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "int64": "i64", "uint64": "u64", "int32": "i32",
    "uint32": "u32", "int16": "i16", "uint16": "u16", "int8": "i8", "uint8": "u8",
}  # fmt: skip
_PROTOTYPE = re.compile(
    r'extern\s+"C"\s+__global__\s+(?:void\s+)?(?:__launch_bounds__\s*\([^()]*\)\s*)?(?:void\s+)?(pnn_\w+)\s*\(([^()]*)\)',
    re.DOTALL,
)
_PARAMETER = re.compile(r"^(const\s+)?(.+?)\s*(\*)?\s*(?:__restrict__\s+)?(\w+)$", re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"(pnnkern/[^"]+)"')


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: `pointer` to (or a scalar of) `dtype`; `const` data are only read."""

    name: str
    dtype: np.dtype[Any]
    pointer: bool
    const: bool


@dataclass(frozen=True)
class Prototype:
    """A kernel's name, its parameters in order, and the stem of the files that hold it ("optics/mask")."""

    name: str
    stem: str
    parameters: tuple[Parameter, ...]

    @property
    def has_fault(self) -> bool:
        """True if the kernel ends with `int* fault`, the word in which it flags values it cannot work with."""
        last = self.parameters[-1] if self.parameters else None
        return last is not None and last.name == "fault" and last.pointer and last.dtype == np.int32

    @property
    def given(self) -> tuple[Parameter, ...]:
        """The parameters that a caller gives: all but the fault word."""
        return self.parameters[:-1] if self.has_fault else self.parameters


def kernel_folder() -> Path:
    """The folder of kernel sources, in an installed package or a checkout."""
    from . import kernels

    return Path(kernels.__file__).resolve().parent


def include_folder() -> Path:
    """The folder that holds `pnnkern/*.cuh`."""
    return kernel_folder() / "include"


@functools.cache
def flatten(stem: str, own: str = "") -> str:
    """Source of `<stem>.cu` with every `#include "pnnkern/..."` written out, with `#line` marks.

    own : the functions of a user, which stand where pnnkern/own.cuh is included, instead of the default ones in it.
    Compiled code is kept by the text it was made from: with headers behind `-I`, an edited header would be served stale code.
    """
    seen: set[Path] = set()

    def expand(path: Path) -> Iterator[str]:
        text = path.read_text()
        if path.name == "own.cuh":
            text = text.replace("// PNN_OWN_FUNCTIONS", own)
            yield from ["#define PNN_OWN"] * bool(own)
        yield f'#line 1 "{path.relative_to(kernel_folder()).as_posix()}"'
        for number, line in enumerate(text.splitlines(), 1):
            include = _INCLUDE.match(line)
            if include:
                header = include_folder() / include.group(1)
                if header not in seen:
                    seen.add(header)
                    yield from expand(header)
                yield f'#line {number + 1} "{path.relative_to(kernel_folder()).as_posix()}"'
            elif line.strip() != "#pragma once":
                yield line

    return "\n".join(expand(kernel_folder() / f"{stem}.cu")) + "\n"


@functools.cache
def prototypes(stem: str) -> dict[str, Prototype]:
    """Every `extern "C" __global__` kernel in `<stem>.cu`, by name."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", (kernel_folder() / f"{stem}.cu").read_text(), flags=re.DOTALL)
    found = {}
    for name, parameters in _PROTOTYPE.findall(text):
        parsed = [parameter(name, p) for p in parameters.split(",")] if parameters.strip() else []
        found[name] = Prototype(name, stem, tuple(parsed))
    return found


def parameter(kernel: str, text: str) -> Parameter:
    """One parameter as it stands in the prototype of `kernel`. Raises `LaunchError` for a type that no argument has."""
    match = _PARAMETER.match(" ".join(text.split()))
    base = match.group(2).strip() if match else ""
    if match is None or base not in _TYPES:
        raise LaunchError(
            f"{kernel}: cannot read the parameter `{text.strip()}`; types are {', '.join(_TYPES)} and pointers to them"
        )
    return Parameter(match.group(4), np.dtype(_TYPES[base]), match.group(3) is not None, match.group(1) is not None)


def stems() -> list[str]:
    """The stems of all kernel files: "optics/mask", ..."""
    folder = kernel_folder()
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.glob("**/*.cu"))


def kernels() -> dict[str, Prototype]:
    """Every kernel there is, by name."""
    return {name: prototype for stem in stems() for name, prototype in prototypes(stem).items()}
