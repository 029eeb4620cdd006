"""The machine code of a kernel, ready to be run by `sass_run.Block`: how it goes from one instruction to another."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import sass
from sass_instructions import plain
from sass_operands import REGISTER, Get, is_predicate, register, split, truth
from sass_run import I64, LANES, Block, Group, Unknown


class Code:
    """The machine code of a kernel, ready to run."""

    def __init__(self, code: list[sass.Instruction], constants: dict[int, bytes] | None = None) -> None:
        self.code, self.constants = code, constants or {}
        self.number = {one.address: n for n, one in enumerate(code)}
        self.run = [self._made(n, one) for n, one in enumerate(code)]

    def _made(self, n: int, one: sass.Instruction) -> Callable[[Block, Group], bool]:
        kind, tokens = one.name.split(".")[0], split(one.operands)
        guard = truth(one.guard[1:]) if one.guard and one.guard not in ("@PT", "@UPT") else None
        if kind in ("BRA", "EXIT", "CALL", "RET", "BRX", "BSSY", "BSYNC", "BAR", "BREAK"):
            return self._flow(n, one, kind, tokens, guard)
        uniform = tokens and tokens[0].startswith(("UR", "UP")) and kind not in ("R2UR", "REDUX", "VOTEU")
        try:
            what = plain(one.name, tokens)
        except (Unknown, KeyError, IndexError, ValueError, AttributeError) as error:
            message = f"{one.name} {one.operands}: {error}"

            def unknown(b: Block, group: Group) -> bool:
                raise Unknown(message)

            return unknown

        def run(b: Block, group: Group) -> bool:
            i = group.idx
            if uniform and (group.warps is not None or not isinstance(i, slice)):
                i = slice(None) if group.warps is None else np.repeat(group.warps, LANES).nonzero()[0]
            if guard is not None:
                holds = guard(b, i)
                if not holds.all():
                    if not holds.any():
                        return True
                    i = b.threads[i][holds]
            what(b, i)
            return True

        return run

    def _flow(
        self, n: int, one: sass.Instruction, kind: str, tokens: list[str], guard: Get | None
    ) -> Callable[[Block, Group], bool]:
        also = truth(tokens[0]) if kind in ("BRA", "EXIT") and tokens and is_predicate(tokens[0]) else None
        k = int(tokens[0][1:]) if kind in ("BSSY", "BSYNC", "BREAK") else 0
        to = self.number.get(one.target, -1) if one.target is not None else -1
        match = REGISTER.match(tokens[0].split()[0]) if kind in ("RET", "BRX") else None
        extra = re.search(r"(-?0x[0-9a-f]+)$", tokens[0]) if kind == "BRX" else None
        plus = one.address + 16 + int(extra[1], 16) if extra else 0

        def run(b: Block, group: Group) -> bool:
            i = group.idx
            if one.name == "BRA.DIV":
                return True
            if guard is not None or also is not None:
                holds = guard(b, i) if guard is not None else np.ones(len(b.threads[i]), bool)
                if also is not None:
                    holds = holds & also(b, i)
                if not holds.any():
                    return True
                if not holds.all():
                    threads = b.threads[i]
                    b.put(n + 1, threads[~holds])
                    i = threads[holds]
                    self._go(b, n, kind, i, to, k, match, plus, one)
                    return False
            return self._go(b, n, kind, i, to, k, match, plus, one)

        return run

    def _go(self, b: Block, n: int, kind: str, i: Any, to: int, k: int, match: Any, plus: int, one: sass.Instruction) -> bool:
        """Goes on to the next instruction where it says so; else the threads are put where they go."""
        if kind in ("BRA", "CALL"):
            if to < 0:
                raise Unknown(f"{one.name} {one.operands}")
            b.put(to, i)
        elif kind == "EXIT":
            b.leave(i)
        elif kind in ("RET", "BRX"):
            places, threads = register(b, match)[i].astype(I64) + plus, b.threads[i]
            for place in np.unique(places):
                b.put(self.number[int(place)], threads[places == place])
        elif kind == "BSSY":
            threads = b.threads[i]
            there = np.zeros(b.warps, bool)
            there[threads // LANES] = True
            b.joins[k][np.repeat(there, LANES)] = False
            b.joins[k][threads] = True
            b.put(n + 1, i)
        elif kind == "BREAK":
            b.joins[k][i] = False
            b.put(n + 1, i)
            b.meet(k)
        elif kind == "BSYNC":
            b.joined[k][i], b.join_at[k][i] = True, n
            b.meet(k)
        elif kind == "BAR":
            b.waiting[i], b.barrier_at[i] = True, n
            b.release()
        return False
