"""What a training step launches on a GPU, worked out without one: python scripts/step_sheet.py [--check] [RECIPE ...]

Steps of recipes at their full size run on the stand-in for CuPy (tests/strict_cupy), where kernels are checked and do not run. Of each
kernel the sheet says how often it is launched, in how many blocks of how many threads, how many warps a multiprocessor has room for, how
many of an H100's multiprocessors get a block, how many bytes its arguments have, and how long these would take at the rate of memory, which
is a floor: what is computed is not in it. Without a RECIPE it writes data/benchmarks/step-sheet.json and docs/step-sheet.md; --check
writes nothing and ends with exit code 1 where they are of other steps.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "scripts"), str(HERE / "tests")]

import gpu_steps  # noqa: E402
import kernel_sheet  # noqa: E402
import numpy as np  # noqa: E402
import strict_cupy  # noqa: E402

SHEET = HERE / "data" / "benchmarks" / "step-sheet.json"
PAGE = HERE / "docs" / "step-sheet.md"
RECIPES = ("d2nn-mnist", "drn-mnist", "drn-2h-mnist", "hopfield-mnist", "oim-mnist", "crossbar-digits")
RATES = {"H100": 3.35e12, "H200": 4.8e12}  # bytes a second of their memory, by their data sheets (SXM)
MULTIPROCESSORS = 132  # of both
WARM = 3  # steps before the one that is looked at: tables are on the device then

Launch = tuple[str, tuple[int, ...], tuple[int, ...], int, int]  # kernel, grid, block, dynamic shared memory, bytes of its arguments


def launches(recipe: str) -> tuple[list[Launch], dict[str, int]]:
    """The launches of one training step, in their order, and totals of launches, operations of CuPy, waits and copies."""
    found: list[Launch] = []
    kernel = strict_cupy.launch.RawKernel
    call = kernel.__call__

    def noted(self: Any, grid: Any, block: Any, args: Any, *, shared_mem: int = 0, stream: Any = None) -> None:
        arrays = {id(a): a.nbytes for a in args if isinstance(a, strict_cupy.array.ndarray)}
        found.append((self.name, tuple(grid), tuple(block), shared_mem, sum(arrays.values())))
        call(self, grid, block, args, shared_mem=shared_mem, stream=stream)

    with strict_cupy.installed(), strict_cupy.dry():
        trainer = gpu_steps.trainer(recipe, "cuda")
        for _ in range(WARM):
            trainer.advance()
        kernel.__call__ = noted
        try:
            with strict_cupy.counted() as events:
                trainer.advance()
        finally:
            kernel.__call__ = call
    return found, strict_cupy.totals(events)


def rows(found: list[Launch]) -> list[dict[str, Any]]:
    """Launches that are alike, together, in the order of their first."""
    static = json.loads(kernel_sheet.SHEET.read_text())["kernels"]
    card = kernel_sheet.CARDS["sm_90"]
    counted: dict[Launch, int] = {}
    for one in found:
        counted[one] = counted.get(one, 0) + 1
    made = []
    for (kernel, grid, block, shared, size), times in counted.items():
        variants = [row for name, row in static.items() if name.split()[0] == kernel]
        registers, own = (max(row[key] for row in variants) for key in ("registers", "shared"))
        blocks, threads = int(np.prod(grid)), int(np.prod(block))
        made.append(
            {
                "kernel": kernel, "launches": times, "blocks": blocks, "threads": threads, "dynamic shared": shared,
                "warps": kernel_sheet.occupancy(registers, threads, own + shared, card),
                "multiprocessors": min(blocks, MULTIPROCESSORS), "bytes": size,
            }
        )  # fmt: skip
    return made


def step(recipe: str) -> dict[str, Any]:
    """The sheet of a recipe's step."""
    found, totals = launches(recipe)
    return {"batch": gpu_steps.recipe(recipe)["training"]["batch"], **totals, "rows": rows(found)}


# -------------------------------------------------------------------------------------------------------------------- the page
HEAD = """# Training steps on a GPU

What one training step of some recipes launches at its full size, worked out on the stand-in for CuPy, without a GPU: nothing here is measured.
Written by `python scripts/step_sheet.py`, and compared by a test.

- **warps** that fit on a multiprocessor of an H100, of 64, by the kernel's registers ([kernel-sheet.md](kernel-sheet.md)) and its shared
  memory; **multiprocessors** that get a block, of {multiprocessors}.
- **bytes** of all arrays that a launch is given, each once, and how long these take at {rates}:
  a floor, for what is computed is not in it; what lies in the cache is faster.
- **operations** are CuPy's own kernels and products, each a launch as well; **waits** of the host, **copies** from it."""


def page(recorded: dict[str, Any]) -> str:
    rates = " and ".join(f"{rate / 1e12:g} TB/s ({card})" for card, rate in RATES.items())
    parts = [HEAD.format(multiprocessors=MULTIPROCESSORS, rates=rates)]
    for recipe, found in recorded.items():
        whole = sum(row["launches"] * row["bytes"] for row in found["rows"])
        told = f"Batch {found['batch']}: {found['launches']} launches, {found['operations']} operations, {found['syncs']} waits, "
        told += f"{found['copies']} copies; {_size(whole)} of arguments, {_times(whole)}."
        columns = ("kernel", "launches", "blocks", "threads", "dynamic shared", "warps", "multiprocessors", "bytes", *RATES)
        lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
        for row in found["rows"]:
            cells = [f"`{row['kernel']}`", *(str(row[name]) for name in columns[1:7]), _size(row["bytes"])]
            cells += [_time(row["bytes"] / rate) for rate in RATES.values()]
            lines.append(f"| {' | '.join(cells)} |")
        parts.append(f"## {recipe}\n\n{told}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{_short(count / size, 3)} {unit}"
    return f"{count} B"


def _time(seconds: float) -> str:
    return f"{_short(1e6 * seconds, 2)} µs" if seconds >= 1e-8 else "below 0.01 µs"


def _short(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):g}"


def _times(count: int) -> str:
    return " and ".join(f"{_time(count / rate)} ({card})" for card, rate in RATES.items())


# -------------------------------------------------------------------------------------------------------------------- command
def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where the sheet is of other steps")
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="print these")
    given = parser.parse_args(arguments)
    unknown = set(given.recipes) - set(gpu_steps.names())
    if unknown:
        print(f"step_sheet: no recipe is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    found = {recipe: step(recipe) for recipe in given.recipes or RECIPES}
    if given.recipes:
        print(page(found).partition("\n\n## ")[2])
    elif given.check:
        return found != json.loads(SHEET.read_text())
    else:
        SHEET.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))
        print(f"{len(found)} steps in {SHEET.relative_to(HERE)} and {PAGE.relative_to(HERE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
