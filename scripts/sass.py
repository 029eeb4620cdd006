"""Machine code of a cubin, by nvdisasm from its wheel: instructions, loops, and what of them there is to count."""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

TOOL = "cu13/bin/nvdisasm"  # where the wheel nvidia-cuda-nvdisasm puts it
INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:(@!?U?P\w+)\s+)?([A-Z][A-Z0-9_.x]*)\s*(.*?)\s*;")
LABEL = re.compile(r"(\.L_|\$)\S*:$")  # of a place in a kernel, or of a subroutine behind it
WIDTH = re.compile(r"\.(U8|S8|U16|S16|64|128|256)\b")
BYTES = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16, "256": 32}
DOUBLE = re.compile(r"^(DADD|DMUL|DFMA|DMMA|DSETP|DMNMX)\b|^(F2F|I2F|F2I|F2FP)\b.*\.F64|^MUFU\.\w*64H")


@dataclass(frozen=True)
class Instruction:
    """One line: its address in the kernel, guard, name with suffixes, operands, and the address that it branches to, if it does."""

    address: int
    guard: str
    name: str
    operands: str
    target: int | None = None


@dataclass(frozen=True)
class Loop:
    """A loop from its first instruction at `start` to its last at `end`; `own` are in no loop inside it, and `depth` loops are around it."""

    start: int
    end: int
    own: int
    depth: int


def tool() -> Path | None:
    """nvdisasm; None if its wheel is not installed."""
    try:
        import nvidia
    except ImportError:
        return None
    found = [Path(folder) / TOOL for folder in nvidia.__path__]
    return next((path for path in found if path.is_file()), None)


def disassembled(cubin: Path) -> dict[str, list[Instruction]]:
    """The instructions of each kernel of a cubin. Raises FileNotFoundError without nvdisasm."""
    program = tool()
    if program is None:
        raise FileNotFoundError("nvdisasm is not installed: pip install nvidia-cuda-nvdisasm")
    done = subprocess.run([str(program), "-c", str(cubin)], capture_output=True, text=True, check=True)
    return parsed(done.stdout)


def parsed(text: str) -> dict[str, list[Instruction]]:
    """The instructions of each kernel, by what nvdisasm prints."""
    found: dict[str, list[Instruction]] = {}
    places: dict[str, int] = {}  # of labels, in the kernel that they stand in
    waiting: list[str] = []
    branches: list[tuple[str, int, str]] = []  # kernel, number of the instruction, label
    kernel = ""
    for line in text.splitlines():
        if line.startswith(".text."):
            kernel = line[len(".text.") :].rstrip(":")
            found[kernel] = []
        elif LABEL.match(line):
            waiting.append(line.rstrip(":"))
        elif kernel and (match := INSTRUCTION.match(line)):
            address = int(match[1], 16)
            places |= dict.fromkeys(waiting, address)
            waiting.clear()
            if match[3].split(".")[0] in ("BRA", "CALL") and (label := re.search(r"`\(((?:\.L_|\$)[^)]+)\)", match[4])):
                branches.append((kernel, len(found[kernel]), label[1]))
            found[kernel].append(Instruction(address, match[2] or "", match[3], match[4]))
    for name, number, label in branches:
        one = found[name][number]
        found[name][number] = Instruction(one.address, one.guard, one.name, one.operands, places.get(label))
    return {name: _trimmed(code) for name, code in found.items()}


def _trimmed(code: list[Instruction]) -> list[Instruction]:
    """Without the padding behind the last instruction: a branch to itself, and what does nothing."""
    last = max((i for i, one in enumerate(code) if one.name != "NOP" and one.target != one.address), default=-1)
    return code[: last + 1]


def loops(code: list[Instruction]) -> list[Loop]:
    """The natural loops of a kernel, outer ones first: what a branch back can come from without passing where it goes to."""
    number = {one.address: i for i, one in enumerate(code)}
    after = [_next(i, one, number, len(code)) for i, one in enumerate(code)]
    before: list[list[int]] = [[] for _ in code]
    for i, those in enumerate(after):
        for j in those:
            before[j].append(i)
    bodies: dict[int, set[int]] = {}
    for tail, those in enumerate(after):
        for head in those:
            if head <= tail and _dominates(head, tail, after):
                bodies.setdefault(head, {head}).update(_reaching(tail, head, before))
    spans = sorted(bodies.items(), key=lambda item: (-len(item[1]), item[0]))
    found = []
    for head, body in spans:
        inner = set().union(*(b for h, b in spans if b < body))
        depth = sum(body < b for _, b in spans)
        found.append(Loop(code[head].address, code[max(body)].address, len(body - inner), depth))
    return found


def _next(i: int, one: Instruction, number: dict[int, int], count: int) -> list[int]:
    """Where an instruction can go on."""
    kind, free = one.name.split(".")[0], not one.guard or one.guard.lstrip("@") in ("PT", "UPT")
    there = [number[one.target]] if kind == "BRA" and one.target in number else []
    conditional = kind == "BRA" and re.match(r"!?U?P\w+\s*,|!?U?P\w+,", one.operands)  # a second predicate, beside the guard
    stops = free and not conditional and kind in ("BRA", "EXIT", "RET")
    return there if stops else [*there, *([i + 1] if i + 1 < count else [])]


def _dominates(head: int, tail: int, after: list[list[int]]) -> bool:
    """Whether every way from the start to `tail` passes `head`."""
    if head == 0:
        return True
    seen, left = {0}, [0]
    while left:
        for j in after[left.pop()]:
            if j == tail:
                return False
            if j != head and j not in seen:
                seen.add(j)
                left.append(j)
    return True


def _reaching(tail: int, head: int, before: list[list[int]]) -> set[int]:
    """What leads to `tail` without passing `head`."""
    found, left = {tail}, [tail]
    while left:
        i = left.pop()
        if i != head:
            for j in before[i]:
                if j not in found:
                    found.add(j)
                    left.append(j)
    return found


def width(name: str) -> int:
    """Bytes that a thread moves by a load or store of this name."""
    match = WIDTH.search(name)
    return BYTES[match[1]] if match else 4


def counts(code: list[Instruction]) -> dict[str, int]:
    """What a kernel has of: all instructions; double precision; calls of subroutines (divisions and roots off the fast path, 64-bit integer
    division); local memory (spills, indexed local arrays); shared memory; barriers; atomics; global loads and stores by their bytes."""
    found: Counter[str] = Counter(instructions=len(code))
    for one in code:
        kind = one.name.split(".")[0]
        if DOUBLE.search(one.name):
            found["double"] += 1
        if kind == "CALL":
            found["calls"] += 1
        elif kind in ("LDL", "STL"):
            found["local"] += 1
        elif kind in ("LDS", "STS", "LDSM"):
            found["shared"] += 1
        elif kind == "BAR":
            found["barriers"] += 1
        elif kind in ("ATOM", "ATOMG", "ATOMS", "RED", "REDG"):
            found["atomics"] += 1
        elif kind in ("LDG", "STG"):
            found[f"{'load' if kind == 'LDG' else 'store'} {width(one.name)} B"] += 1
    return dict(found)
