"""What a training step launches on a GPU, and how long that takes, worked out without one: python scripts/step_sheet.py [--check] [NAME ...]

Steps of recipes at their full size, and the wires of a crossbar, run on the stand-in for CuPy (tests/strict_cupy). Of each kernel the sheet
says how often it is launched, in how many blocks of how many threads, how many warps a multiprocessor has room for, how many of an H100's
multiprocessors get a block, how many bytes its arguments have; and, from its machine code (launch_times.py), how many instructions it
executes, what it moves, how long it takes, and what the limit is. Without a NAME it writes data/benchmarks/step-sheet.json and
docs/step-sheet.md; --check writes nothing and ends with exit code 1 where they are of other steps, or a launch of drn-mnist takes longer.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "scripts"), str(HERE / "tests")]

import gpu_steps  # noqa: E402
import kernel_sheet  # noqa: E402
import launch_times  # noqa: E402
import numpy as np  # noqa: E402
import sm_model  # noqa: E402
import strict_cupy  # noqa: E402

from pnnkern import crossbar  # noqa: E402

SHEET = HERE / "data" / "benchmarks" / "step-sheet.json"
PAGE = HERE / "docs" / "step-sheet.md"
RECIPES = ("d2nn-mnist", "drn-mnist", "drn-2h-mnist", "hopfield-mnist", "oim-mnist", "crossbar-digits", "ep-conv-digits")
WIRES = {"wires 256 x 256": False, "wires 256 x 256, derivative": True}
DRY = (
    "d2nn-mnist",
    "drn-2h-mnist",
)  # whose kernels do not run, for they would take long: what they execute hardly depends on the values
CHECKED = "drn-mnist"  # whose times a check makes anew
SAMPLES = 60_000  # of an epoch of MNIST
BARS = {"d2nn-mnist": 0.9, "drn-mnist": 0.5, "oim-mnist": 2.0, "wires 256 x 256": 0.3e-3}  # seconds: of an epoch, of a call
# Rows of `gpu_check.sh --measure`: a step or call, whose kernels have times of their own, and a captured step.
ROWS: dict[str, tuple[str, ...]] = {
    "d2nn-mnist": ("d2nn 50", "captured d2nn 50"), "drn-mnist": ("drn 4", "captured drn 4"),
    "drn-2h-mnist": ("drn-2h 4", "captured drn-2h 4"), "hopfield-mnist": ("captured hopfield 16",),
    "oim-mnist": ("oscillators 16", "captured oscillators 16"), "crossbar-digits": ("crossbar-digits 32",),
    "ep-conv-digits": ("captured ep-conv 16",), "wires 256 x 256": ("wires 256",),
    "wires 256 x 256, derivative": ("wires 256",),
}  # fmt: skip
CARDS = tuple(launch_times.RATES)
WARM = 3  # steps before the one that is looked at: tables are on the device then
PREDICTED = ("instructions", "moved", "cycles", "limit", *CARDS)  # of a row, and of a step its sums


TRACES: dict[launch_times.Asked, Any] = {}  # of launches of any step: those that are alike are run once


@dataclass
class Seen:
    """A step's launches in their order, what one of each kind executes, and where its arrays lie."""

    asked: list[launch_times.Asked] = field(default_factory=list)
    traces: dict[launch_times.Asked, Any] = field(default_factory=dict)
    places: set[tuple[int, int]] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Bytes of all arrays, each once."""
        total = end = 0
        for first, last in sorted(self.places):
            total += max(0, last - max(first, end))
            end = max(end, last)
        return total


def step_of(name: str) -> tuple[Callable[[], Any], int]:
    """What is looked at, once it is warm, and its batch. Within `strict_cupy.installed`."""
    if name not in WIRES:
        trainer = gpu_steps.trainer(name, "cuda")
        for _ in range(WARM):
            trainer.advance()
        return trainer.advance, int(gpu_steps.recipe(name)["training"]["batch"])
    G = strict_cupy.MODULES["cupy"].asarray(np.random.default_rng(0).uniform(1e-6, 1e-4, (256, 256)))

    def call() -> Any:
        return (
            crossbar.effective_conductance_vjp(G, G, wires=1.0) if WIRES[name] else crossbar.effective_conductance(G, wires=1.0)
        )

    with strict_cupy.dry():
        call()
    return call, 1


def seen(name: str, times: bool) -> tuple[Seen, dict[str, int], int]:
    """The launches of a step; totals of launches, operations of CuPy, waits and copies; the batch. times : run the machine code, too."""
    found = Seen()
    kernel = strict_cupy.launch.RawKernel
    call = kernel.__call__

    def noted(self: Any, grid: Any, block: Any, args: Any, *, shared_mem: int = 0, stream: Any = None) -> None:
        arrays = {id(a): a for a in args if isinstance(a, strict_cupy.array.ndarray)}
        size = sum(a.nbytes for a in arrays.values())
        one = launch_times.Asked(self.name, self.macros, tuple(grid), tuple(block), shared_mem, size)
        found.asked.append(one)
        for a in arrays.values():
            found.places.add((a._values.ctypes.data, a._values.ctypes.data + a.nbytes))
        if times:
            if one not in TRACES:
                values = [a._values if isinstance(a, strict_cupy.array.ndarray) else _plain(a) for a in args]
                TRACES[one] = launch_times.traces(one, values)
            found.traces[one] = TRACES[one]
        call(self, grid, block, args, shared_mem=shared_mem, stream=stream)

    with strict_cupy.installed(), strict_cupy.dry() if not times or name in DRY else contextlib.nullcontext():
        advance, batch = step_of(name)
        kernel.__call__ = noted
        try:
            with strict_cupy.counted() as events:
                advance()
        finally:
            kernel.__call__ = call
    return found, strict_cupy.totals(events), batch


def _plain(a: Any) -> Any:
    """A scalar or a null pointer as the machine code gets it."""
    return {int: np.int64, float: np.float64}[type(a)](a) if type(a) in (int, float) else a


def rows(found: Seen) -> list[dict[str, Any]]:
    """Launches that are alike, together, in the order of their first."""
    static = json.loads(kernel_sheet.SHEET.read_text())["kernels"]
    card = kernel_sheet.CARDS["sm_90"]
    counted: dict[launch_times.Asked, int] = {}
    for one in found.asked:
        counted[one] = counted.get(one, 0) + 1
    made = []
    for one, times in counted.items():
        variants = [row for name, row in static.items() if name.split()[0] == one.kernel]
        registers, own = (max(row[key] for row in variants) for key in ("registers", "shared"))
        blocks, threads = int(np.prod(one.grid)), int(np.prod(one.block))
        row = {
            "kernel": one.kernel, "launches": times, "blocks": blocks, "threads": threads, "dynamic shared": one.shared,
            "warps": kernel_sheet.occupancy(registers, threads, own + one.shared, card),
            "multiprocessors": min(blocks, launch_times.MULTIPROCESSORS), "bytes": one.size,
        }  # fmt: skip
        made.append(row | (launch_times.predicted(one, found.traces[one], found.size) if found.traces else {}))
    return made


def step(name: str, times: bool = True) -> dict[str, Any]:
    """The sheet of a step or call; without times only what is launched."""
    found, totals, batch = seen(name, times)
    made: dict[str, Any] = {"batch": batch, **totals, "rows": rows(found)}
    if times:
        cost = 1e6 * (launch_times.LAUNCH + launch_times.OPERATION) * totals["operations"]
        made |= {card: launch_times.rounded(cost + sum(row["launches"] * row[card] for row in made["rows"])) for card in CARDS}
    return made


def launched(found: dict[str, Any]) -> dict[str, Any]:
    """A step's sheet without predictions."""
    kept = {key: value for key, value in found.items() if key not in (*PREDICTED, "rows")}
    return kept | {"rows": [{key: value for key, value in row.items() if key not in PREDICTED} for row in found["rows"]]}


def worse(now: dict[str, Any], recorded: dict[str, Any]) -> list[str]:
    """Lines on launches of a step that execute more than on the sheet, or take longer."""
    lines = []
    for after, before in zip(now["rows"], recorded["rows"], strict=True):
        for name, unit in (("instructions", "instructions"), *((card, f"µs on an {card}") for card in CARDS)):
            if after[name] > before[name] * 1.005:  # rounded to three digits
                lines.append(f"{after['kernel']}: {after[name]:g} {unit}; {before[name]:g} on the sheet")
    return lines


# ------------------------------------------------------------------------------------------------------------------- measured
def records() -> list[dict[str, Any]]:
    """Those of `gpu_check.sh --measure` that lie under data/benchmarks, the latest last."""
    return [json.loads(path.read_text()) for path in sorted(SHEET.parent.glob("gpu-*-measure.json"))]


def measured(name: str) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """{card: microseconds of a step or call}, and of each of its kernels a launch's, as far as a GPU has been asked."""
    whole: dict[str, float] = {}
    kernels: dict[str, dict[str, float]] = {}
    for record in records():
        card = next((card for card in CARDS if card in ((record.get("device") or {}).get("name") or "")), None)
        for wanted in ROWS.get(name, ()) if card else ():
            row = record["rows"].get(wanted, {})
            row = row.get("gradient", {}) if WIRES.get(name) else row
            if "row_ms" in row:
                whole[card] = 1e3 * row["row_ms"]  # a captured step's, where there is one
            for kernel, entry in row.get("kernels", {}).items():
                kernels.setdefault(kernel, {})[card] = entry["gpu_us"] / entry["launches"]
    return whole, kernels


# -------------------------------------------------------------------------------------------------------------------- the page
HEAD = """# Training steps on a GPU

What one training step of some recipes launches at its full size, and how long it would take, worked out on the stand-in for CuPy and from the
machine code, without a GPU. **Predictions are a model's; only what stands under "measured" was measured.** Written by
`python scripts/step_sheet.py`, and compared by a test.

- **warps** that fit on a multiprocessor of an H100, of 64, by the kernel's registers ([kernel-sheet.md](kernel-sheet.md)) and its shared
  memory; **multiprocessors** that get a block, of {multiprocessors}. **bytes** of all arrays that a launch is given, each once.
- **instructions** that all warps execute: counted. **moved**: bytes between multiprocessors and the second cache, in whole sectors of 32, each
  once in every block: counted. **limit**: what the predicted time is of. A launch is in its time.
- **operations** are CuPy's own kernels and products, each a launch as well; **waits** of the host, **copies** from it.

## How times are predicted

**What is executed.** The machine code (sm_90) of the first block, one in the middle and the last is run in NumPy, on the arguments of the
step, instruction by instruction (`scripts/sass_run.py`); of a block of more than {long} steps the first alone. The middle block stands for all
but the first and the last. A test holds the values that come out against those of the host runner. So instructions, their order in each warp,
sectors of memory and conflicts of banks are counts, not estimates. In {dry} kernels do
not run before, and what they would have written is ones: what is executed there hardly depends on values.

**A multiprocessor.** These warps go through a model of it, cycle by cycle (`scripts/sm_model.py`): four schedulers, each issues an instruction
a cycle; stalls and scoreboards as the compiler wrote them into the code; units that take 32 lanes a cycle in single precision, 16 of whole
numbers and in double precision, 4 of special functions, every eight cycles a product of matrices, 8 x 4 by 4 x 8, in double precision;
{wide} bytes a cycle of shared memory, {fill} to the second cache; as many blocks at
once as there is room for, until those of the multiprocessor that has most are done. Latencies in cycles: shared memory {shared}, shuffles
{shuffle}, special functions {special}, matrices {matrix}, constants {constant},
first cache {first}, second {second}, memory {memory}, barrier {barrier}, a jump
{branch}, and {line} more to a line of code where no warp has been; code in a row is taken to be fetched ahead. Latencies are settings, chosen
by hand in the range that microbenchmarks of these cards report, and what measurements should correct first.

**Time** of a launch = {launch} µs + the largest of: cycles / {clock} GHz times {unseen}, for what the model does not see; bytes moved /
{l2} TB/s; bytes of its arguments / ({rates}, of which {reached:.0%} are reached), if the arrays of the
step are more than {kept} MB and come from memory, else they are taken to lie in the second cache. An operation of CuPy's counts {operation} µs
and a launch. A step is captured as one graph, so nothing of the host is in it; what cannot be captured (the wires, writers that draw) takes
longer where Python is slower than the GPU. H100 and H200 differ in their memory alone.

**Limit**: a unit that is busy for {busy:.0%} of the cycles or more (issue: the schedulers); else **latency**, of instructions that wait for
each other with too few warps beside them; **memory** or **second cache**, where bytes take longest; **launch**, where that is most of it.

**Sources**, none of them measured or checked again here. Lanes and bytes a cycle: CUDA C++ Programming Guide, throughput of arithmetic
instructions, compute capability 9.0. Rates of memory: data sheets. Bits of stalls and scoreboards: Jia et al. 2018 (arXiv:1804.06826), for
Volta. Clock: an H100's (PCIe) highest; the SXM cards go higher. Latencies: compare Luo et al. 2024 (arXiv:2402.13499). The launch in a graph,
the {unseen}, the {reached:.0%} and the rate of the second cache are assumptions.

**What it does not see:** code that does not fit the instruction caches, conflicts of registers' banks, misses of address translation, hits in
the second cache of what the launch before has left where the arrays of a step are many, launches that overlap, and blocks that take longer
than the three that were looked at. A launch may well be half as long again, or a third shorter; the sheet is for telling what the limit is,
and which steps are far from what is asked.

## Predicted and asked

| step or call | launches + operations | H100 | H200 | of that launches | epoch, H100 | epoch, H200 | asked on an H200 | | measured |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{totals}"""


def page(recorded: dict[str, Any]) -> str:
    model = sm_model.Model()
    head = HEAD.format(
        multiprocessors=launch_times.MULTIPROCESSORS, long=launch_times.LONG, launch=1e6 * launch_times.LAUNCH, clock=launch_times.CLOCK / 1e9,
        unseen=launch_times.UNSEEN, l2=launch_times.SECOND / 1e12, reached=launch_times.REACHED, kept=round(launch_times.KEPT / 1e6),
        rates=" or ".join(f"{rate / 1e12:g} TB/s for an {card}" for card, rate in launch_times.RATES.items()),
        operation=1e6 * launch_times.OPERATION, dry=" and ".join(DRY), busy=launch_times.BUSY,
        totals="\n".join(_total(name, found) for name, found in recorded.items()), **vars(model),
    )  # fmt: skip
    parts = [head]
    for name, found in recorded.items():
        whole = sum(row["launches"] * row["instructions"] for row in found["rows"])
        moved = sum(row["launches"] * row["moved"] for row in found["rows"])
        told = f"Batch {found['batch']}: " * (name not in WIRES)
        told += f"{found['launches']} launches, {found['operations']} operations, {found['syncs']} waits, "
        told += f"{found['copies']} copies; {_count(whole)} instructions, {_size(moved)} moved."
        columns = [
            "kernel",
            "launches",
            "blocks",
            "threads",
            "dynamic shared",
            "warps",
            "multiprocessors",
            "bytes",
            "instructions",
            "moved",
        ]
        columns += ["limit", *(f"predicted {card}" for card in CARDS), "measured"]
        lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
        kernels = measured(name)[1]
        for row in found["rows"]:
            cells = [
                f"`{row['kernel']}`",
                *(str(row[key]) for key in columns[1:7]),
                _size(row["bytes"]),
                _count(row["instructions"]),
            ]
            cells += [_size(row["moved"]), row["limit"], *(_time(1e-6 * row[card]) for card in CARDS)]
            cells.append(_measured(kernels.get(row["kernel"], {})))
            lines.append(f"| {' | '.join(cells)} |")
        parts.append(f"## {name}\n\n{told}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _total(name: str, found: dict[str, Any]) -> str:
    """A line on a step: its time, that of an epoch, and what is asked."""
    count = found["launches"] + found["operations"]
    cells = [name, f"{found['launches']} + {found['operations']}", *(_time(1e-6 * found[card]) for card in CARDS)]
    cells.append(_time(count * launch_times.LAUNCH))
    seconds = {card: took(name, found, card) for card in CARDS}
    cells += [_time(seconds[card]) if name.endswith("mnist") else "" for card in CARDS]
    bar = BARS.get(name)
    cells += [_time(bar) if bar else "", ""]
    if bar:
        cells[-1] = "within it" if seconds["H200"] <= bar else f"{_short(seconds['H200'] / bar, 2)} times as long"
    return f"| {' | '.join([*cells, _measured(measured(name)[0])])} |"


def took(name: str, found: dict[str, Any], card: str) -> float:
    """Seconds of an epoch of MNIST, or of a call."""
    return 1e-6 * found[card] * (SAMPLES / found["batch"] if name.endswith("mnist") else 1)


def _measured(found: dict[str, float]) -> str:
    return ", ".join(f"{_time(1e-6 * us)} ({card})" for card, us in found.items()) or "not measured"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{_short(count / size, 3)} {unit}"
    return f"{count} B"


def _count(count: int) -> str:
    return f"{_short(count / 1e6, 3)} million" if count >= 1e6 else str(count)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if seconds >= 0.1 * size:
            return f"{_short(seconds / size, 3)} {unit}"
    return f"{_short(1e6 * seconds, 3)} µs"


def _short(value: float, digits: int) -> str:
    return f"{float(f'{value:.{digits}g}'):g}"


# -------------------------------------------------------------------------------------------------------------------- command
def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 where the sheet is of other steps, or faster ones"
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="print these: recipes, or the wires of a crossbar as the sheet calls them"
    )
    given = parser.parse_args(arguments)
    unknown = set(given.names) - set(gpu_steps.names()) - set(WIRES)
    if unknown:
        print(f"step_sheet: no recipe is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if not given.check and not launch_times.able():
        print("step_sheet: NVRTC or nvdisasm is missing: pip install 'pnnkern[check]'", file=sys.stderr)
        return 2
    try:
        return _done(given)
    except launch_times.sass_run.Unknown as error:
        print(f"step_sheet: {error}: scripts/sass_instructions.py says what instructions do", file=sys.stderr)
        return 2


def _done(given: argparse.Namespace) -> int:
    if given.check:
        recorded = json.loads(SHEET.read_text())
        lines = [
            f"{name}: other launches than on the sheet"
            for name in recorded
            if step(name, times=False) != launched(recorded[name])
        ]
        if launch_times.able() and not lines:
            lines = worse(step(CHECKED), recorded[CHECKED])
        print("\n".join(lines) or "the sheet is of these steps")
        return bool(lines)
    found = {name: step(name) for name in given.names or (*RECIPES, *WIRES)}
    if given.names:
        print(page(found).partition("## Predicted and asked\n\n")[2])
    else:
        SHEET.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))
        print(f"{len(found)} steps in {SHEET.relative_to(HERE)} and {PAGE.relative_to(HERE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
