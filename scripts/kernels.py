"""What follows from prototypes and comments of kernels: python scripts/kernels.py [--check] writes pnnkern/kernels*.h and docs/kernels.md.

The headers declare the kernels of each room for nvcc, NVRTC and the host runner, and their arguments as structures for programs in C and C++
that launch by the driver API.
"""

import argparse
import itertools
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

from pnnkern import _kernels, _sources  # noqa: E402
from pnnkern._kernels import Argument, Kernel  # noqa: E402

INCLUDE = HERE / "kernels" / "include" / "pnnkern"
PAGE = HERE / "docs" / "kernels.md"
WIDTH = 140
COMPLEX = {"pnn::complex<float>": "pnn_complex64", "pnn::complex<double>": "pnn_complex128"}
HEAD = """# Kernels

Every CUDA kernel, by the file that it is in: what it computes, what it moves, how it is launched, which faults it writes, and its arguments
in order. Written by `python scripts/kernels.py` from the prototypes and the comments above them; `pnnkern info --kernels --json` says the
same, and [docs/cpp.md](cpp.md) how they are called from C and C++. Registers and warps: [docs/kernel-sheet.md](kernel-sheet.md).

What holds for all: arrays are dense, in C order, in the memory of one device. Sizes come first, results last. A pointer may be null only
where it says so. Nothing is allocated, and nothing waits. The suffix is the type: f32, f64, c64 and c128 (complex), u8, u32. Types are those
of the first suffix. Units are SI; where there is none, quantities are relative or the unit is the caller's."""


# --------------------------------------------------------------------------------------------------------------------- headers
def headers() -> dict[str, str]:
    """Text of each header, by its name: one of each room, and kernels.h, which includes them and declares what belongs to none."""
    known = _kernels.get_kernels().values()
    rooms = sorted({kernel.room for kernel in known} - {""})
    made = {f"kernels_{room}.h": _header(f"kernels_{room}.h", f"Kernels of {room}", (), [k for k in known if k.room == room]) for room in rooms}
    rest = [kernel for kernel in known if not kernel.room]
    return made | {"kernels.h": _header("kernels.h", "All kernels", [f"kernels_{room}.h" for room in rooms], rest)}


def _header(name: str, what: str, includes: Iterable[str], kernels: Sequence[Kernel]) -> str:
    guard = f"PNN_{name.upper().replace('.', '_')}"
    parts = [
        f"/* {what}: their arguments, for the driver API, and their declarations, for nvcc, NVRTC and the host runner.\n"
        "   Written by `python scripts/kernels.py`. What they compute, and shapes: docs/kernels.md, and the comments in the .cu files. */",
        f"#ifndef {guard}\n#define {guard}\n" + "".join(f'#include "pnnkern/{file}"\n' for file in ("kernel_types.h", *includes)),
    ]
    for stem, group in itertools.groupby(kernels, lambda kernel: kernel.stem):
        own = list(group)
        parts.append(f"/* ---- {stem}.cu */\n" + "\n".join(map(_arguments, own)))
    declared = "\n".join(map(_declaration, kernels))
    parts.append(f"#if defined(__CUDACC__) || defined(__CUDA_HOST_EMULATION__)\n{declared}\n#endif\n\n#endif")
    return "\n\n".join(parts) + "\n"


def _arguments(kernel: Kernel) -> str:
    """The structure of a kernel's arguments, and the function that points at each."""
    fields = "\n".join(map(_field, kernel.arguments))
    struct, count = f"struct {kernel.name}_arguments", len(kernel.arguments)
    points = _filled([f"pointers[{i}] = (void*)&a->{a.name};" for i, a in enumerate(kernel.arguments)], "    ", " ")
    return (
        f"{struct} {{\n{fields}\n}};\nstatic inline void {kernel.name}_pointers({struct}* a, void* pointers[{count}]) {{\n{points}\n}}"
    )


def _field(a: Argument) -> str:
    told = " ".join(a.told)
    return f"    {_plain(a.type)} {a.name};{f' /* {told} */' * bool(told)}"


def _declaration(kernel: Kernel) -> str:
    parameters = [f"{a.type} {a.name}" for a in kernel.arguments]
    return _filled([f'extern "C" __global__ void {kernel.name}({parameters[0]}', *parameters[1:]], "", ", ", "    ") + ");"


def _plain(c: str) -> str:
    for cxx, name in COMPLEX.items():
        c = c.replace(cxx, name)
    return c


def _filled(parts: Sequence[str], indent: str, between: str, hanging: str | None = None) -> str:
    """The parts one after another, in lines of `WIDTH`."""
    lines = [indent + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(between) + len(part) > WIDTH:
            lines[-1] += between.rstrip()
            lines.append((indent if hanging is None else hanging) + part)
        else:
            lines[-1] += between + part
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------------------ page
def page() -> str:
    """The page, Markdown."""
    parts = [HEAD]
    for stem in _sources.stems():
        parts.append(f"## {stem}\n\n{_text(_kernels.about(stem).text)}".rstrip())
        groups: dict[str, list[Kernel]] = {}
        for kernel in _kernels.in_file(stem).values():
            groups.setdefault(kernel.bare, []).append(kernel)
        parts += [_part(group) for group in groups.values()]
    return "\n\n".join(parts) + "\n"


def _part(group: Sequence[Kernel]) -> str:
    """A kernel in its types: what it does, and its arguments."""
    first = group[0]
    names = ", ".join(f"`{kernel.name}`" for kernel in group)
    lines = [f"### {first.bare.removeprefix('pnn_')}\n\n{names}\n\n{_text(first.about)}"]
    told = [f"{what}: {_text(said)}" for what, said in (("Bytes", first.bytes), ("Launch", first.launch), ("Faults", first.faults)) if said]
    lines += ["\n".join(f"- {line}" for line in told)] if told else []
    rows = [_row(group, i) for i in range(len(first.arguments))]
    return "\n\n".join([*lines, _table(("argument", "type", "shape", "unit", "what it is"), rows)])


def _row(group: Sequence[Kernel], index: int) -> tuple[str, ...]:
    a: Argument = group[0].arguments[index]
    return f"`{a.name}`", f"`{a.type}`", _text(a.shape), _text(a.unit), _text(a.about)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _text(said: str) -> str:
    """As Markdown takes it: formulas keep their signs, and what stands in backticks is code."""
    parts = re.split(r"(`[^`]*`)", said)
    return "".join(part if part.startswith("`") else re.sub(r"([|*_<>\[\]])", r"\\\1", part) for part in parts)


def files() -> dict[Path, str]:
    """All that is written, by its place."""
    return {INCLUDE / name: text for name, text in headers().items()} | {PAGE: page()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a file is not up to date")
    check = parser.parse_args().check
    for path, text in files().items():
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            sys.exit(f"{path.relative_to(HERE)} is out of date: python scripts/kernels.py")
        if not check:
            path.write_text(text, encoding="utf-8")
