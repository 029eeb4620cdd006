"""The model of a multiprocessor: of instructions whose time can be had by hand."""

from typing import Any

import numpy as np
import pytest
from scripted import script

step_sheet = script("step_sheet")
sass, sass_run, sm_model = (getattr(step_sheet.launch_times, name) for name in ("sass", "sass_run", "sm_model"))
MODEL = sm_model.Model()


def word(stall: int, sets: int = 7, reads: int = 7, waits: int = 0) -> bytes:
    """An instruction of 128 bits, of which only those for the schedulers are set."""
    return np.array([0, stall << 41 | sets << 46 | reads << 49 | waits << 52], np.uint64).tobytes()


def took(lines: list[tuple[str, bytes]], warps: int = 1, turns: int = 100, blocks: int = 1, resident: int = 1,
         memory: Any = (0, 0)) -> tuple[int, dict[str, float]]:  # fmt: skip
    """Cycles of so many turns of a loop of these lines, jump not counted, then an exit."""
    lines = [*lines, ("EXIT", word(5))]
    code = [sass.Instruction(16 * n, "", name, "") for n, (name, _) in enumerate(lines)]
    trace = sass_run.Trace(warps)
    for n in [*range(len(lines) - 1)] * turns + [len(lines) - 1]:
        if lines[n][0].startswith(("LD", "ST")):
            trace.memory[len(trace.steps)] = tuple(np.full(warps, value) for value in memory)
        trace.steps.append((n, None))
    return sm_model.cycles(sm_model.static(code, b"".join(raw for _, raw in lines)), trace, blocks, resident, MODEL.second, MODEL)


def test_bits_for_the_schedulers() -> None:
    code = [sass.Instruction(0, "", "LDG.E", ""), sass.Instruction(16, "", "UIADD3", "")]
    table = sm_model.static(code, word(4, 1, 2, 0b100001) + word(15)).table
    assert table.tolist() == [[sm_model.LOAD, 4, 1, 2, 33], [sm_model.UNIFORM, 15, 7, 7, 0]]


def test_a_chain_takes_its_stalls() -> None:
    jumps = 99 * MODEL.branch
    assert took([("FFMA", word(4)), ("FADD", word(6))])[0] == pytest.approx(100 * 10 + jumps, abs=5)


def test_units_are_shared_by_warps() -> None:
    """32 warps: a scheduler issues each cycle in single precision, every second one of whole numbers and in double precision, every eighth
    of special functions and of matrices in double precision."""
    for name, each in (("FFMA", 1), ("IADD3", 2), ("DFMA", 2), ("IMAD", 2), ("MUFU.RCP", 8), ("DMMA.8x8x4", 8)):
        cycles, busy = took([(name, word(1))] * 16, warps=32)
        assert cycles == pytest.approx(8 * 16 * 100 * each, rel=0.03), name
        assert busy["issue"] == pytest.approx(1 / each, rel=0.03), name
    mixed, _ = took([("FFMA", word(1)), ("IADD3", word(1))] * 8, warps=32)
    assert mixed == pytest.approx(8 * 16 * 100, rel=0.03)  # whole numbers beside single precision


def test_loads_are_waited_for() -> None:
    lines = [("LDG.E", word(1, sets=0)), ("FADD", word(4, waits=1))]
    jumps = 99 * MODEL.branch
    for first, misses, each in ((4, 0, MODEL.first + 1), (4, 4, MODEL.second + 2)):
        assert took(lines, memory=(first, misses))[0] == pytest.approx(100 * (each + 4) + jumps, rel=0.02)
    shared = [("LDS", word(1, sets=3)), ("FADD", word(4, waits=8))]
    assert took(shared, memory=(32, 0))[0] == pytest.approx(100 * (MODEL.shared + 32 + 4) + jumps, rel=0.02)
    many, busy = took([("LDS", word(1))] * 8, warps=32, memory=(2, 0))
    assert many == pytest.approx(32 * 8 * 100 * 2, rel=0.02)  # two passes of 128 bytes each, one after another
    assert busy["shared memory"] == pytest.approx(1, rel=0.02)
    fills, _ = took([("LDG.E", word(1))] * 8, warps=32, memory=(4, 4))
    assert fills <= 32 * 8 * 100 * 2 * 1.05  # nobody waits for them


def test_a_barrier_holds_until_all_have_come() -> None:
    lines = [("FADD", word(4)), ("BAR.SYNC", word(1))]
    alone, many = took(lines)[0], took(lines, warps=16)[0]
    assert alone == pytest.approx(100 * (4 + MODEL.barrier), rel=0.05)
    assert alone <= many <= 100 * (4 + MODEL.barrier + 16)


def test_blocks_come_as_there_is_room() -> None:
    lines = [("FADD", word(4))]
    one = took(lines)[0]
    assert took(lines, blocks=4, resident=4)[0] == pytest.approx(one, rel=0.02)
    assert took(lines, blocks=8, resident=4)[0] == pytest.approx(2 * one, rel=0.1)
    assert took(lines, blocks=3, resident=1)[0] == pytest.approx(3 * one, rel=0.15)
