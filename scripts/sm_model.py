"""How long a multiprocessor of an H100 or H200 takes for blocks whose instructions are known (`sass_run`): a model, cycle by cycle.

Each of the four schedulers issues one instruction a cycle, of the warp that has gone on longest, when what it depends on is there and its unit
is free. When that is, the compiler has written into every instruction: for how many cycles the warp stalls after it, which of six
scoreboards it sets until its result is there, and for which it waits. Those bits are decoded after Jia et al., Dissecting the NVIDIA Volta
GPU Architecture via Microbenchmarking (2018), chapter 2, whose format Hopper still has.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sass
import sass_run
from numba import njit

# What instructions wait for. Lanes a cycle of a scheduler's units: CUDA C++ Programming Guide, throughput of arithmetic instructions, compute
# capability 9.0 (128 of a multiprocessor in single precision, 64 whole numbers and double precision, 16 special functions). Matrix units in
# double precision: twice the double precision beside them (NVIDIA H100 data sheet), which is 32 products and sums a cycle of a scheduler.
FLOAT, PRODUCT, WHOLE, DOUBLE, SPECIAL, UNIFORM, FLOW, BARRIER, SHARED, LOAD, STORE, SHUFFLE, CONSTANT, REGISTER, MATRIX = range(15)
KINDS = {
    "FADD": FLOAT, "FMUL": FLOAT, "FFMA": FLOAT, "FSET": FLOAT, "HADD2": FLOAT, "HFMA2": PRODUCT, "IMAD": PRODUCT,
    "DADD": DOUBLE, "DMUL": DOUBLE, "DFMA": DOUBLE, "DSETP": DOUBLE, "DMMA": MATRIX,
    "MUFU": SPECIAL, "F2F": SPECIAL, "F2I": SPECIAL, "I2F": SPECIAL, "FRND": SPECIAL, "FLO": SPECIAL, "FCHK": SPECIAL, "POPC": SPECIAL,
    "BRA": FLOW, "EXIT": FLOW, "CALL": FLOW, "RET": FLOW, "BRX": FLOW, "BSSY": FLOW, "BSYNC": FLOW, "BREAK": FLOW, "NOP": FLOW, "YIELD": FLOW,
    "WARPSYNC": FLOW, "ENDCOLLECTIVE": FLOW, "BAR": BARRIER,
    "LDS": SHARED, "STS": SHARED, "LDL": SHARED, "STL": SHARED, "LDG": LOAD, "LD": LOAD, "STG": STORE, "ST": STORE, "REDG": STORE, "RED": STORE,
    "SHFL": SHUFFLE, "REDUX": SHUFFLE, "LDC": CONSTANT, "ULDC": UNIFORM, "S2R": REGISTER, "S2UR": REGISTER, "R2UR": REGISTER, "CS2R": REGISTER,
}  # fmt: skip
SCHEDULERS = 4


@dataclass(frozen=True)
class Model:
    """Cycles, chosen by hand within what microbenchmarks of Hopper report; none was measured here."""

    shared: int = 30  # from issue until a value of shared memory is there
    shuffle: int = 25
    special: int = 25  # special functions, conversions
    matrix: int = 35  # products of 8 x 4 and 4 x 8 numbers in double precision
    constant: int = 40
    register: int = 25  # special registers, moves to uniform ones
    first: int = 35  # the first cache, which is in the multiprocessor
    second: int = 265  # the second cache
    memory: int = 600
    barrier: int = 25  # from the last warp's arrival until all go on
    branch: int = 8  # a jump, beyond its stall
    line: int = 30  # more for a jump to a line of instructions where no warp has been
    queue: int = 24  # cycles of work that may wait at the unit of loads and stores
    wide: int = 128  # bytes a cycle of shared memory and of the first cache
    fill: int = 64  # bytes a cycle between a multiprocessor and the second cache


@dataclass(frozen=True)
class Static:
    """Of each instruction: kind, stall, scoreboard that it sets for its result, for its operands, mask of those that it waits for."""

    table: Any  # (instructions, 5)


def static(code: list[sass.Instruction], raw: bytes) -> Static:
    upper = np.frombuffer(raw, np.uint64).reshape(-1, 2)[: len(code), 1]
    rows = []
    for one, word in zip(code, upper.tolist(), strict=True):
        name = one.name.split(".")[0]
        kind = KINDS.get(name, UNIFORM if name.startswith("U") or name == "VOTEU" else WHOLE)
        rows.append((kind, word >> 41 & 15, word >> 46 & 7, word >> 49 & 7, word >> 52 & 63))
    return Static(np.array(rows, np.int64))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _simulated(table, rows, starts, blocks, resident, far, shared, shuffle, special, matrix, constant, register, first, barrier, branch, line,
               queue, wide, fill):  # fmt: skip
    """Cycles until all blocks are done, and cycles that each kind kept its unit busy (issues: the last number)."""
    warps = len(starts) - 1
    resident = min(resident, blocks)
    slots = resident * warps
    at, end, ready = np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)
    boards = np.zeros((slots, 8), np.int64)
    parked = np.zeros(slots, np.bool_)
    left, here = np.zeros(resident, np.int64), np.zeros(resident, np.int64)
    fetched = np.zeros(len(table) // 8 + 2, np.bool_)
    busy = np.zeros(16, np.int64)
    lite, heavy, whole = np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64)
    double, odd, uniform, last = np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64)
    matrices = np.zeros(4, np.int64)
    access, link = 0, 0
    given = resident
    for s in range(slots):
        w = s % warps
        at[s], end[s] = starts[w], starts[w + 1]
    for b in range(resident):
        left[b] = warps
    t, running = 0, resident
    while running > 0:
        issued = False
        soonest = 1 << 60
        for q in range(4):
            count = (slots - q + 3) // 4
            for step in range(count):
                k = (last[q] + step) % count
                s = q + 4 * k
                if at[s] >= end[s] or parked[s]:
                    continue
                if ready[s] > t:
                    soonest = min(soonest, ready[s])
                    continue
                n = rows[at[s], 0]
                kind = table[n, 0]
                # is its unit free?
                free = t
                if kind == 0:
                    free = min(lite[q], heavy[q])
                elif kind == 1:
                    free = heavy[q]
                elif kind == 2:
                    free = whole[q]
                elif kind == 3:
                    free = double[q]
                elif kind == 4:
                    free = odd[q]
                elif kind == 5:
                    free = uniform[q]
                elif 8 <= kind <= 11:
                    free = access - queue
                elif kind == 14:
                    free = matrices[q]
                if free > t:
                    soonest = min(soonest, free)
                    continue
                # it is issued
                issued = True
                last[q] = k
                busy[15] += 1
                a, miss = rows[at[s], 1], rows[at[s], 2]
                done, read = t, t + 10
                if kind == 0:
                    if lite[q] <= heavy[q]:
                        lite[q] = t + 2
                    else:
                        heavy[q] = t + 2
                    busy[0] += 1
                elif kind == 1:
                    heavy[q] = t + 2
                    busy[1] += 2
                elif kind == 2:
                    whole[q] = t + 2
                    busy[2] += 2
                elif kind == 3:
                    double[q] = t + 2
                    busy[3] += 2
                elif kind == 4:
                    odd[q] = t + 8
                    done = t + special
                    busy[4] += 8
                elif kind == 5:
                    uniform[q] = t + 2
                    busy[5] += 2
                    done = t + constant
                elif kind == 8:
                    begin, took = max(t, access), max(1, a)
                    access = begin + took
                    done, read = begin + took + shared, begin + took + 4
                    busy[8] += took
                elif kind == 9:
                    begin, took = max(t, access), max(1, (a * 32 + wide - 1) // wide)
                    access = begin + took
                    read = begin + took + 4
                    done = begin + took + first
                    if miss > 0:
                        link = max(begin, link) + (miss * 32 + fill - 1) // fill
                        done = link + far
                    busy[9] += took
                elif kind == 10:
                    begin, took = max(t, access), max(1, (a * 32 + fill - 1) // fill)
                    access = begin + took
                    done, read = begin + took + 20, begin + took + 20
                    busy[10] += took
                elif kind == 11:
                    begin = max(t, access)
                    access = begin + 1
                    done, read = begin + shuffle, begin + 4
                    busy[11] += 1
                elif kind == 12:
                    done = t + constant
                elif kind == 13:
                    done = t + register
                elif kind == 14:
                    matrices[q] = t + 8
                    busy[14] += 8
                    done = t + matrix
                if table[n, 2] != 7:
                    boards[s, table[n, 2]] = max(boards[s, table[n, 2]], done)
                if table[n, 3] != 7:
                    boards[s, table[n, 3]] = max(boards[s, table[n, 3]], read)
                at[s] += 1
                block = s // warps
                if at[s] >= end[s]:
                    left[block] -= 1
                    if left[block] == 0:
                        if given < blocks:
                            given += 1
                            left[block] = warps
                            for w in range(warps):
                                other = block * warps + w
                                at[other], ready[other] = starts[w], t + barrier
                                boards[other, :] = 0
                        else:
                            running -= 1
                    elif here[block] == left[block]:
                        here[block] = 0
                        for w in range(warps):
                            parked[block * warps + w] = False
                            ready[block * warps + w] = max(ready[block * warps + w], t + barrier)
                    break
                ahead = rows[at[s], 0]
                when = t + max(1, table[n, 1])
                if ahead != n + 1:
                    when += branch if fetched[ahead // 8] else branch + line
                fetched[ahead // 8] = True  # the lines behind it are fetched ahead
                for board in range(6):
                    if table[ahead, 4] >> board & 1:
                        when = max(when, boards[s, board])
                ready[s] = when
                if kind == 7:
                    parked[s] = True
                    here[block] += 1
                    if here[block] == left[block]:
                        here[block] = 0
                        for w in range(warps):
                            other = block * warps + w
                            if at[other] < end[other]:
                                parked[other] = False
                                ready[other] = max(ready[other], t + barrier)
                break
        if issued:
            t += 1
        elif running > 0:
            if soonest >= 1 << 60:
                return -1, busy
            t = max(t + 1, soonest)
    return t, busy


def cycles(of: Static, trace: sass_run.Trace, blocks: int, resident: int, far: int, model: Model) -> tuple[int, dict[str, float]]:
    """Cycles of a multiprocessor that is given so many blocks, and which share of them it issues, and its units are busy.

    resident : blocks that it has room for. far : cycles from a load that the first cache does not have until it is there.
    """
    each = trace.of_warps()
    starts = np.cumsum([0, *(len(rows) for rows in each)])
    took, busy = _simulated(
        of.table, np.concatenate(each).astype(np.int64), starts, blocks, resident, far, model.shared, model.shuffle, model.special,
        model.matrix, model.constant, model.register, model.first, model.barrier, model.branch, model.line, model.queue, model.wide, model.fill,
    )  # fmt: skip
    if took < 0:
        raise ValueError("warps wait for each other for ever")
    slots = SCHEDULERS * took
    shares = {
        "issue": busy[15] / slots, "single precision": (busy[FLOAT] + busy[PRODUCT] / 2) / slots, "whole numbers": busy[WHOLE] / slots,
        "double precision": busy[DOUBLE] / slots, "special functions": busy[SPECIAL] / slots,
        "matrix units": busy[MATRIX] / slots,
        "shared memory": sum(busy[k] for k in (SHARED, LOAD, STORE, SHUFFLE)) / took,
    }  # fmt: skip
    return int(took), {name: float(share) for name, share in shares.items()}
