"""A sheet of all kernels, from their machine code: python scripts/kernel_sheet.py [--check] [--kernel PATTERN] [--architecture sm_90]

Compiles every entry point by NVRTC and takes it apart by nvdisasm, both from their wheels (pip install pnnkern[check]), no GPU needed, and says
of each kernel how many registers a thread has, whether any spill, how many warps fit on a multiprocessor, how wide its global accesses are,
and what slow instructions it has. Without arguments it writes data/benchmarks/kernel-sheet.json and docs/kernel-sheet.md. --check writes
nothing and ends with exit code 1 where a kernel is worse than on that sheet. With a PATTERN it prints these kernels, with their loops.
"""

import argparse
import fnmatch
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "scripts")]

import cubins  # noqa: E402
import sass  # noqa: E402

from pnnkern import _compile, _launch, _sources  # noqa: E402
from pnnkern.experiments import warm  # noqa: E402

SHEET = HERE / "data" / "benchmarks" / "kernel-sheet.json"
PAGE = HERE / "docs" / "kernel-sheet.md"
FIRST = "sm_90"  # of which there are all problem sizes and all numbers; of the others one size


@dataclass(frozen=True)
class Multiprocessor:
    """What one has for its blocks. CUDA C++ Programming Guide, table of technical specifications per compute capability."""

    warps: int
    blocks: int
    shared: int  # bytes
    registers: int = 65536


CARDS = {
    "sm_80": Multiprocessor(64, 32, 164 << 10),
    "sm_90": Multiprocessor(64, 32, 228 << 10),
    "sm_100": Multiprocessor(64, 32, 228 << 10),
    "sm_120": Multiprocessor(48, 24, 100 << 10),
}
RESERVED = 1024  # bytes of shared memory that the driver keeps for itself in every block; cubins count them where a kernel has any

# Numbers of a kernel that are not to grow, and why.
WORSE = {
    "registers": "registers",
    "stack": "bytes of stack: spills and local arrays",
    "local": "accesses to local memory",
    "double": "instructions in double precision, of a kernel in single precision",
    "calls": "calls of subroutines: divisions and roots off the fast path, 64-bit integer division",
    "narrow": "global accesses of less than 16 bytes",
    "shared": "bytes of static shared memory",
}


# ------------------------------------------------------------------------------------------------------------------- the numbers
def occupancy(registers: int, threads: int, shared: int, card: Multiprocessor) -> int:
    """Warps of blocks of so many threads that fit on a multiprocessor. Registers are given out by the warp, 256 at a time."""
    warps = -(-threads // 32)
    each = -(-max(registers, 1) * 32 // 256) * 256
    by_registers = card.registers // each // warps
    by_shared = card.shared // (shared + RESERVED)
    return warps * min(by_registers, by_shared, card.blocks, card.warps // warps)


def single(kernel: str) -> bool:
    """Whether a kernel is in single precision, or works with integers."""
    return not kernel.endswith(("_f64", "_c128"))


def row(kernel: str, used: dict[str, int], code: list[sass.Instruction], card: Multiprocessor) -> dict[str, Any]:
    """What the sheet says of a kernel."""
    found = sass.counts(code)
    threads, shared = used["threads"] or _launch.BLOCK, max(0, used["shared"] - RESERVED)
    widths = {name: n for name, n in sorted(found.items()) if name.startswith(("load", "store"))}
    return {
        "registers": used["registers"], "stack": used["stack"], "shared": shared, "threads": threads,
        "warps": occupancy(used["registers"], threads, shared, card), "instructions": found["instructions"],
        "double": found.get("double", 0) if single(kernel) else 0, "calls": found.get("calls", 0), "local": found.get("local", 0),
        "barriers": found.get("barriers", 0), "atomics": found.get("atomics", 0), "global": widths,
        "narrow": sum(n for name, n in widths.items() if int(name.split()[1]) < 16),
    }  # fmt: skip


def variants(stem: str, architecture: str) -> list[dict[str, int]]:
    """The macros that a file is compiled with: all problem sizes for the first architecture, one for the others."""
    listed = warm.variants(stem)
    return listed if architecture == FIRST else listed[:1]


def label(kernel: str, defines: dict[str, int]) -> str:
    return kernel + "".join(f" {k}={v}" for k, v in defines.items())


def of_file(work: tuple[str, str, dict[str, int]]) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """Rows, and loops as (depth, own instructions), of all kernels of a file, for an architecture and macros."""
    stem, architecture, defines = work
    path = _compile.cubin(cubins.Binding(13), stem, architecture, defines)
    used, code = cubins.resources(path.read_bytes()), sass.disassembled(path)
    return {
        label(kernel, defines): (
            row(kernel, used[kernel], code[kernel], CARDS[architecture]), [(loop.depth, loop.own) for loop in sass.loops(code[kernel])]
        )
        for kernel in _sources.prototypes(stem)
    }  # fmt: skip


def sheet(architecture: str, stems: list[str] | None = None) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """Rows and loops of all kernels, by name and macros."""
    work = [(stem, architecture, defines) for stem in stems or _sources.stems() for defines in variants(stem, architecture)]
    found: dict[str, tuple[dict[str, Any], list[Any]]] = {}
    with ProcessPoolExecutor() as pool:
        for rows in pool.map(of_file, work):
            found |= rows
    return dict(sorted(found.items()))


def worse(now: dict[str, dict[str, Any]], recorded: dict[str, dict[str, Any]]) -> list[str]:
    """Lines on kernels that came, went, or have more of what is not to grow."""
    lines = [f"{kernel} is not on the sheet" for kernel in now if kernel not in recorded]
    lines += [f"{kernel} is on the sheet, and there is none" for kernel in recorded if kernel not in now]
    for kernel in now.keys() & recorded.keys():
        for name, about in WORSE.items():
            before, after = recorded[kernel][name], now[kernel][name]
            if after > before:
                lines.append(f"{kernel}: {after} {about}; {before} on the sheet")
    return sorted(lines)


# -------------------------------------------------------------------------------------------------------------------- the page
HEAD = """# Kernels

What the machine code of every CUDA kernel says, compiled for {architecture} by NVRTC {version} and taken apart by nvdisasm, without a GPU.
Written by `python scripts/kernel_sheet.py`, and compared by a test: numbers only go down. With `--kernel 'pnn_draws_*'` the script prints
the loops of some kernels, too, and how many instructions each has.

- **registers** of a thread; **stack** in bytes: spills and local arrays; **shared**: static shared memory in bytes, beside the caller's.
- **warps** that fit on a multiprocessor, of {warps}, in blocks of so many **threads**: those that the kernel is bound to, else {block}.
- **global** loads and stores by the bytes that a thread moves at once: 16 are as wide as it gets before sm_100.
- **double**: double-precision instructions of a kernel in single precision. **calls**: of subroutines, which are divisions and roots off
  the fast path and 64-bit integer divisions. **barriers** and **atomics** as they stand in the code, not as often as they are met.
"""


def page(recorded: dict[str, Any]) -> str:
    """The sheet as a page, Markdown: one table for each file; of several problem sizes the smallest and the largest number."""
    parts = [HEAD.format(architecture=FIRST, version=recorded["nvrtc"], warps=CARDS[FIRST].warps, block=_launch.BLOCK)]
    for stem in _sources.stems():
        head = "| kernel | registers | stack | shared | threads | warps | instructions | global | double | calls | barriers | atomics |"
        lines = [head, "|" + " --- |" * 12]
        for kernel in sorted(_sources.prototypes(stem)):
            rows = [r for name, r in recorded["kernels"].items() if name.split()[0] == kernel]
            names = ("registers", "stack", "shared", "threads", "warps", "instructions", "global", "double", "calls", "barriers", "atomics")
            lines.append(f"| `{kernel}` | {' | '.join(_span([r[name] for r in rows]) for name in names)} |")
        parts.append(f"## {stem}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _span(values: list[Any]) -> str:
    if isinstance(values[0], dict):
        names = sorted({name for value in values for name in value}, key=lambda name: (name.split()[0], int(name.split()[1])))
        return ", ".join(f"{_span([value.get(name, 0) for value in values])} x {name}" for name in names)
    return str(values[0]) if min(values) == max(values) else f"{min(values)} .. {max(values)}"


# -------------------------------------------------------------------------------------------------------------------- command
def record() -> dict[str, Any]:
    """The sheet as it is recorded: of the first architecture every number, of the others registers, stack and warps."""
    rows = {name: row for name, (row, _) in sheet(FIRST).items()}
    others = {
        architecture: {name: {key: row[key] for key in ("registers", "stack", "warps")} for name, (row, _) in sheet(architecture).items()}
        for architecture in CARDS
        if architecture != FIRST
    }
    version = ".".join(map(str, cubins.Binding(13).getVersion()))
    return {"command": "python scripts/kernel_sheet.py", "nvrtc": version, "architecture": FIRST, "kernels": rows, "others": others}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a kernel is worse than on the sheet")
    parser.add_argument("--kernel", metavar="PATTERN", help="print the kernels that match, with their loops")
    parser.add_argument("--architecture", choices=sorted(CARDS), default=FIRST)
    given = parser.parse_args(arguments)
    if cubins.library(13) is None or sass.tool() is None:
        print("kernel_sheet: NVRTC or nvdisasm is missing: pip install 'pnnkern[check]'", file=sys.stderr)
        return 2
    if given.kernel:
        stems = [stem for stem in _sources.stems() if fnmatch.filter(_sources.prototypes(stem), given.kernel)]
        if not stems:
            print(f"kernel_sheet: no kernel is called {given.kernel}", file=sys.stderr)
            return 2
        for name, (found, spans) in sheet(given.architecture, stems).items():
            if fnmatch.fnmatch(name.split()[0], given.kernel):
                told = ", ".join(f"{key} {_span([value])}" for key, value in found.items() if value and key != "narrow")
                print(f"{name}: {told}")
                for depth, own in spans:
                    print(f"    {'  ' * depth}loop of {own} instructions")
        return 0
    if given.check:
        lines = worse({name: row for name, (row, _) in sheet(FIRST).items()}, json.loads(SHEET.read_text())["kernels"])
        print("\n".join(lines) or "no kernel is worse than on the sheet")
        return bool(lines)
    found = record()
    SHEET.write_text(_json(found))
    PAGE.write_text(page(found))
    print(f"{len(found['kernels'])} kernels in {SHEET.relative_to(HERE)} and {PAGE.relative_to(HERE)}")
    return 0


def _json(found: dict[str, Any]) -> str:
    """One line for each kernel."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in found["kernels"].items())
    others = ",\n".join(f" {json.dumps(a)}: {{\n" + ",\n".join(f"  {json.dumps(n)}: {json.dumps(r)}" for n, r in rows.items()) + "\n }"
                        for a, rows in found["others"].items())  # fmt: skip
    head = "".join(f"{json.dumps(key)}: {json.dumps(found[key])},\n" for key in ("command", "nvrtc", "architecture"))
    return "{" + head + '"kernels": {\n' + rows + '\n},\n"others": {\n' + others + "\n}}\n"


if __name__ == "__main__":
    sys.exit(main())
