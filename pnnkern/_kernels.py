"""What is known of every kernel: its prototype, and what the comments above it and at the head of its file say of its arguments.

A comment is text, and then lines of three kinds, which go on where the next ones are indented:

    // Bytes: what it moves.                     Launch: the grid and block that it takes. Faults: codes that it writes.
    // name, name : (shape) [unit] what it is    p0 .. p7 stands for all of them; shape in C order; both where there are any

What the head of a file says holds for all its kernels that say nothing else. A kernel without a comment is another type of the one above it
that has the same name up to the type.
"""

import functools
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import _sources

_C = {dtype: c for c, dtype in _sources._TYPES.items() if c != "unsigned int"}
_ITEM = re.compile(r"(?P<tag>Bytes|Launch|Faults): (?P<told>.*)|(?P<names>\w+(?: \.\. \w+)?(?:, \w+(?: \.\. \w+)?)*) : (?P<said>.*)")
# -ffp-contract=off: an fma only where a kernel says so, as the bits are promised; no warnings of pragmas that are for GPUs
HOST_FLAGS = ("-std=c++17", "-ffp-contract=off", "-pthread", "-Wno-unknown-pragmas", "-Wno-unused-function", "-Wno-unused-variable")
_FAULT = "one word on the device: the largest code of what was wrong, else as it was"


@dataclass(frozen=True)
class Argument:
    """One argument: `type` as in C++, `dtype` as in NumPy, `shape` of what a pointer points at, in C order, SI `unit`, and what it is."""

    name: str
    type: str
    dtype: str
    pointer: bool
    const: bool
    shape: str
    unit: str
    about: str

    @property
    def told(self) -> list[str]:
        """Shape and unit as they stand in the comments, those that there are."""
        return [f"({self.shape})"] * bool(self.shape) + [f"[{self.unit}]"] * bool(self.unit)


@dataclass(frozen=True)
class Kernel:
    """One `extern "C" __global__` kernel: `file`, where it is, `stem`, its name among the kernels' files ("optics/mask"), what it computes
    and moves, how it is launched, which faults it writes, and its arguments in order."""

    name: str
    stem: str
    file: str
    about: str
    bytes: str
    launch: str
    faults: str
    arguments: tuple[Argument, ...]

    @property
    def room(self) -> str:
        """The room that it belongs to: "optics"; "" for what belongs to none."""
        return self.stem.rpartition("/")[0]

    @property
    def bare(self) -> str:
        """The name without its type: "pnn_mask_phasor"."""
        return self.name.rpartition("_")[0]


@dataclass
class Comment:
    """A comment, taken apart: its text, `Bytes`, `Launch` and `Faults`, and (shape, unit, what it is) of arguments."""

    text: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, tuple[str, str, str]] = field(default_factory=dict)


def comment(lines: Sequence[str]) -> Comment:
    """The comment of these lines, which begin with `//`."""
    items: list[list[str]] = [[]]
    for line in (line.strip().removeprefix("//").removeprefix(" ") for line in lines):
        if _ITEM.match(line):
            items.append([line])
        elif line.startswith("  ") and len(items) > 1:
            items[-1].append(line.strip())
        else:
            items[0].append(line)
    found = Comment(" ".join(" ".join(items[0]).split()))
    for match in (_ITEM.match(" ".join(item)) for item in items[1:]):
        assert match is not None  # the first line of an item is one
        if match["tag"]:
            found.tags[match["tag"]] = match["told"]
        else:
            told = _told(match["said"])
            found.arguments |= dict.fromkeys(_names(match["names"]), told)
    return found


def _names(text: str) -> list[str]:
    """The names of `a, b0 .. b7`."""
    names = []
    for part in text.split(", "):
        first, _, last = part.partition(" .. ")
        if last:
            bare = first.rstrip("0123456789")
            names += [f"{bare}{n}" for n in range(int(first[len(bare) :]), int(last[len(bare) :]) + 1)]
        else:
            names.append(first)
    return names


def _told(text: str) -> tuple[str, str, str]:
    """Shape, unit and the rest of `(shape) [unit] rest`."""
    shape = unit = ""
    if text.startswith("("):
        depth = end = 0
        for end, letter in enumerate(text):  # noqa: B007 (where it stopped)
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if not depth:
                break
        shape, text = text[1:end], text[end + 1 :].lstrip()
    if text.startswith("["):
        unit, _, text = text[1:].partition("]")
    return shape, unit, text.strip()


def _above(lines: Sequence[str], end: int) -> Sequence[str]:
    """The lines of the comment that ends before line `end`."""
    start = end
    while start and lines[start - 1].lstrip().startswith("//"):
        start -= 1
    return lines[start:end]


@functools.cache
def in_file(stem: str) -> dict[str, Kernel]:
    """The kernels of `<stem>.cu`, by name, in their order."""
    path = _sources.kernel_folder() / f"{stem}.cu"
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    head = about(stem)
    said: dict[str, Comment] = {}
    found = {}
    for match in _sources._PROTOTYPE.finditer(text):
        prototype = _sources.prototypes(stem)[match[1]]
        bare = prototype.name.rpartition("_")[0]
        own = _above(lines, text.count("\n", 0, match.start()))
        if own or bare not in said:
            said[bare] = comment(own)
        known = said[bare]
        tags = head.tags | known.tags
        told = {"fault": ("1", "", _FAULT)} | head.arguments | known.arguments
        arguments = tuple(_argument(p, *told.get(p.name, ("", "", ""))) for p in prototype.parameters)
        moved, launch, faults = (tags.get(tag, "") for tag in ("Bytes", "Launch", "Faults"))
        found[prototype.name] = Kernel(prototype.name, stem, str(path), known.text, moved, launch, faults, arguments)
    return found


def _argument(p: _sources.Parameter, shape: str, unit: str, said: str) -> Argument:
    c = f"{'const ' * p.const}{_C[p.dtype.name]}{'*' * p.pointer}"
    return Argument(p.name, c, p.dtype.name, p.pointer, p.const, shape, unit, said)


@functools.cache
def about(stem: str) -> Comment:
    """What the head of `<stem>.cu` says."""
    lines = (_sources.kernel_folder() / f"{stem}.cu").read_text(encoding="utf-8").splitlines()
    return comment(lines[: next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))])


def get_kernels() -> dict[str, Kernel]:
    """Every CUDA kernel there is, by name: what it computes, its arguments with types, shapes and units, and the file that it is in.

    Read from the sources, where `include_folder` and the kernels' files lie; nothing is compiled or loaded.
    """
    return {name: kernel for stem in _sources.stems() for name, kernel in in_file(stem).items()}


def records() -> list[dict[str, Any]]:
    """All kernels as what JSON takes."""
    return [asdict(kernel) for kernel in get_kernels().values()]


def listing() -> str:
    """All kernels for people: name, file, what it computes, and a line for each argument."""
    lines: list[str] = []
    for kernel in get_kernels().values():
        lines += [f"{kernel.name}    {kernel.stem}.cu", f"    {kernel.about}"]
        told = {"Bytes": kernel.bytes, "Launch": kernel.launch, "Faults": kernel.faults}
        lines += [f"    {what}: {said}" for what, said in told.items() if said]
        for a in kernel.arguments:
            lines.append(f"        {a.type} {a.name}: {' '.join([*a.told, a.about])}")
    return "\n".join(lines)


def flags() -> str:
    """The compiler's flags with which the headers are found, as a shell takes them."""
    return shlex.join([f"-I{_sources.include_folder()}"])


def host_flags() -> str:
    """g++'s flags for a file that includes cuda_host.h and then kernels (`#include "optics/mask.cu"`), to run them on the CPU."""
    folder = _sources.kernel_folder()
    return shlex.join([f"-I{folder / 'include'}", "-isystem", str(folder / "host"), "-iquote", str(folder), *HOST_FLAGS])


def cmake_folder() -> Path:
    """The folder of pnnkernConfig.cmake."""
    return Path(__file__).resolve().parent / "cmake"
