"""What a launch executes, moves and takes on an H100 and an H200, predicted without a GPU, from its machine code and its arguments."""

import functools
from dataclasses import dataclass
from typing import Any

import cubins
import kernel_sheet
import numpy as np
import sass
import sass_code
import sass_run
import sm_model

from pnnkern import _compile, _sources

RATES = {"H100": 3.35e12, "H200": 4.8e12}  # bytes a second of their memory, by their data sheets (SXM)
REACHED = 0.9  # of which a copy reaches so much: one on an H200 was seen at 4.3 TB/s
SECOND = 5.5e12  # bytes a second of the second cache: what is published of an H100's
KEPT = 40e6  # bytes of it that may keep the arrays of a step from the last one
CLOCK = 1.755e9  # cycles a second; an H200 was seen at 1.98e9 after matrix products
MULTIPROCESSORS = 132  # of both
UNSEEN = 1.2  # times what the model of a multiprocessor says, for what it does not see
LAUNCH = 1.3e-6  # seconds from the end of a kernel until the next one of a graph begins, and its threads
OPERATION = 1e-6  # seconds of a kernel of CuPy's own, beside its launch: copies, fills, sums of small arrays
BUSY = 0.6  # share of its cycles from which a unit is said to be the limit
LONG = 20_000  # steps of a block after which no other block is looked at


@dataclass(frozen=True)
class Asked:
    """A launch: what runs, on what, and the values of its arguments."""

    kernel: str
    suffix: str  # macros, as kernel-sheet.json writes them
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared: int  # dynamic, in bytes
    size: int  # bytes of its arrays


def able() -> bool:
    """Whether NVRTC and nvdisasm are here."""
    return cubins.library(13) is not None and sass.tool() is not None


@functools.cache
def _file(stem: str, suffix: str) -> tuple[bytes, dict[str, list[sass.Instruction]], dict[str, dict[str, int]]]:
    defines = {name: int(value) for name, _, value in (word.partition("=") for word in suffix.split())}
    path = _compile.cubin(cubins.Binding(13), stem, "sm_90", defines)
    image = path.read_bytes()
    return image, sass.disassembled(path), cubins.resources(image)


@functools.cache
def _code(kernel: str, suffix: str) -> tuple[sass_code.Code, sm_model.Static, dict[str, int]]:
    stem = next(stem for stem in _sources.stems() if kernel in _sources.prototypes(stem))
    image, code, used = _file(stem, suffix)
    ready = sass_code.Code(code[kernel], cubins.constants(image, kernel))
    return ready, sm_model.static(code[kernel], cubins.code(image, kernel)), used[kernel]


def traces(asked: Asked, arguments: list[Any]) -> list[tuple[int, sass_run.Trace]]:
    """What the first block executes, one in the middle and the last, each with the number of blocks that it stands for."""
    code, _, used = _code(asked.kernel, asked.suffix)
    memory = sass_run.Memory(arguments)
    grid = (*asked.grid, 1, 1)[:3]
    blocks = int(np.prod(grid))
    found: list[tuple[int, sass_run.Trace]] = []
    for number, stands in ((0, 1), (blocks // 2, blocks - 2), (blocks - 1, 1)):
        if found and (number == 0 or stands < 1 or len(found[0][1].steps) > LONG):
            continue
        at = (number % grid[0], number // grid[0] % grid[1], number // grid[0] // grid[1])
        try:
            run = sass_run.Block(code, memory, asked.grid, asked.block, at, used["shared"] + asked.shared).run()
        except sass_run.Unknown as error:
            raise sass_run.Unknown(f"{asked.kernel} cannot be run: {error}") from error
        found.append((stands, run))
    if len(found) == 1:
        found = [(blocks, found[0][1])]
    elif blocks == 2:
        found = [(1, run) for _, run in found]
    return found


def predicted(asked: Asked, found: list[tuple[int, sass_run.Trace]], step: int) -> dict[str, Any]:
    """Numbers of a launch, from what its blocks execute (`traces`). step : bytes of all arrays of the step that it belongs to.

    instructions : of all warps. moved : bytes between multiprocessors and the second cache, in sectors, once in each block. cycles : of the
    multiprocessor that has most blocks. limit : what the time is of. H100, H200 : microseconds, launch included.
    """
    _, static, used = _code(asked.kernel, asked.suffix)
    moved = sum(stands * (run.loaded + run.stored) for stands, run in found)
    longest = max((run for _, run in found), key=lambda run: run.instructions)
    threads, blocks = int(np.prod(asked.block)), int(np.prod(asked.grid))
    own = max(0, used["shared"] - kernel_sheet.RESERVED)
    room = kernel_sheet.occupancy(used["registers"], threads, own + asked.shared, kernel_sheet.CARDS["sm_90"])
    model = sm_model.Model()
    fresh = min(asked.size, moved) if step > KEPT else 0  # bytes that come from memory
    far = model.second + round((model.memory - model.second) * fresh / max(1, moved))
    share = -(-blocks // MULTIPROCESSORS)
    cycles, busy = sm_model.cycles(static, longest, share, max(1, room // longest.warps), far, model)
    inside, second = UNSEEN * cycles / CLOCK, moved / SECOND
    unit = max(busy, key=lambda name: busy[name])
    limits = {
        "memory": fresh / RATES["H200"] / REACHED,
        "second cache": second,
        unit if busy[unit] >= BUSY else "latency": inside,
    }
    limit = max(limits, key=lambda name: limits[name])
    times = {card: rounded(1e6 * (LAUNCH + max(inside, second, fresh / rate / REACHED))) for card, rate in RATES.items()}
    instructions = sum(stands * run.instructions for stands, run in found)
    return {
        "instructions": instructions, "moved": moved, "cycles": cycles, "limit": "launch" if limits[limit] < LAUNCH else limit, **times
    }  # fmt: skip


def rounded(value: float) -> float:
    return float(f"{value:.3g}")
