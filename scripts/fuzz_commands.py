"""Hostile sweeps and command lines: each does what it says, or is refused in one line with exit code 2, and leaves nothing half done.

    python scripts/fuzz_commands.py --cases 50000 --record data/benchmarks/fuzz-commands.json
    python scripts/fuzz_commands.py --target command --only 17

As scripts/fuzz_inputs.py, whose bounds hold here, too. A case is a sound file, or line, changed in one or two ways. Commands are carried out in
a folder with a run and a sweep: after each the run is as good as before, and no temporary is left.
"""

import contextlib
import io
import json
import os
import random
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_inputs
import numpy as np
from fuzz_inputs import VALUES, WORDS, Case, damaged, write

from pnnkern import cli
from pnnkern._errors import PnnError
from pnnkern.experiments import advance, checkpoint, recipe, run, samplers, sweep

SWEEP = """recipe = "coupled-iris"
count = 3
seed = 4
[set]
"training.epochs" = 1
"control.linear" = false
"control.exact" = false
[grid]
"training.seed" = "0..2"
[list]
"training.lr" = [0.1, 0.2]
"rule.variant" = ["positive", "negative"]
[random]
"rule.eta" = { low = 0.1, high = 0.5, log = true }
"training.batch" = { choices = [3, 4] }
"""
HEADS = ("[set]", "[grid]", "[list]", "[random]", "[[grid]]", "[x]", "[grid.a]", "[system]", "")
SPREADS = (
    "{}", "{ low = 1 }", "{ low = 2, high = 1 }", "{ low = nan, high = 1 }", "{ choices = [] }", "{ choices = 3 }",
    "{ low = 0, high = 1, log = true }", "{ low = -1e308, high = 1e308 }", "{ low = 1.5, high = 2, integer = true }",
    "{ choices = [1], low = 1 }", "[1, 2]", "'0..9'", "'9..0'", "'0..'", "'0..99999999999'", "'-3..-1'", "[[]]", "[nan]",
    "{ low = 1, high = 1e9, integer = true }",
)  # fmt: skip
KEYS = ("training.lr", "training.sed", "system.nodes", "rule.kind", "count", "x", "data.validation", "control.linear", "a" * 5000)


# ------------------------------------------------------------------------------------------------------------------------ sweeps
def sweep_case(dice: random.Random, folder: Path) -> Case:
    """A file of a sweep, changed: the points that it gives are those of an expression of its own here, if it is one."""
    lines, what = SWEEP.splitlines(), dice.choice(["sound", "value", "value", "spread", "key", "table", "line", "damage"])
    keys = [n for n, line in enumerate(lines) if "=" in line]
    i = dice.choice(keys)
    if what in ("value", "spread"):
        lines[i] = f"{lines[i].partition('=')[0]}= {dice.choice(VALUES if what == 'value' else SPREADS)}"
    elif what == "key":
        lines[i] = f'"{dice.choice(KEYS)}" ={lines[i].partition("=")[2]}'
    elif what == "table":
        heads = [n for n, line in enumerate(lines) if line.startswith("[")]
        lines[dice.choice(heads)] = dice.choice(HEADS)
    elif what == "line":
        del lines[i]
    changed = lines[i % len(lines)]
    if re.search("count|seed", changed) and re.search(r"\d{3}", changed):  # many points, which are right, but take minutes
        lines[i % len(lines)] = "count = 100001"
    content = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
    if what == "damage":
        content = damaged(dice, content)
    path, out = folder / "case.toml", folder / "sweep-out"
    write(path, content)
    shutil.rmtree(out, ignore_errors=True)

    def read() -> list[sweep.Point]:
        try:
            return sweep.write(path, out)[0]
        except PnnError:
            if out.exists():
                raise RuntimeError("it is refused, and has written") from None
            raise

    return Case(what, read, lambda points: _as_asked(points, out, tomllib.loads(content.decode("utf-8-sig"))))


def _as_asked(points: list[sweep.Point], out: Path, table: dict[str, Any]) -> bool:
    """As many different points as there can be at most, each with a recipe that holds its values, and nothing else in the folder."""

    def listed(values: Any) -> list[Any]:
        return values if isinstance(values, list) else list(range(int(values.split("..")[0]), int(values.split("..")[1]) + 1))

    grid, rows = table.get("grid", {}), table.get("list", {})
    most = int(np.prod([len(listed(values)) for values in grid.values()] or [1])) * max([len(listed(v)) for v in rows.values()] or [1])
    most *= max(table.get("count", 0), 1)
    keys = {*grid, *rows, *table.get("random", {})}
    for point in points:
        config = dict(recipe.leaves(recipe.read_run(point.folder).table()))
        if point.values.keys() != keys or any(config[key] != value for key, value in point.values.items()):
            return False
        if any(point.values[key] not in listed(grid[key]) for key in grid):
            return False
        if any(config[key] != value for key, value in table.get("set", {}).items()):
            return False
    names = {path.name for path in out.iterdir()}
    return 1 <= len(points) <= min(most, samplers.MOST) and names == {sweep.SWEEP, *(point.folder.name for point in points)}


# --------------------------------------------------------------------------------------------------------------------- commands
SET = ["--set", "training.epochs=1", "--set", "control.linear=false", "--set", "control.exact=false"]
LINES = (
    ["run", "coupled-iris", "--out", "new", "--quiet", *SET], ["run", "case.toml", "-o", "new", "-q", *SET],
    ["resume", "r", "--quiet"], ["resume", "r", "--epochs", "2", "-q"], ["list"], ["list", "--matrix", "--json"],
    ["show", "coupled-iris"], ["show", "training.lr", "--json"], ["show", "r"],
    ["export", "r", "--what", "conductance", "--out", "g.npz"], ["compare", "r", "r2", "--csv", "c.csv"],
    ["compare", "r", "--over", "seed", "--json"], ["sweep", "s.toml", "--out", "new"], ["sweep", "s.toml", "-o", "b", "--count", "4"],
    ["status", "b"], ["status", "b", "--json"], ["collect", "b", "--csv", "c.csv"], ["collect", "b", "--by", "seed", "--h5", "c.h5", "--json"],
    ["advance", "POINT", "-q"], ["advance", "POINT", "--json", "--quiet"], ["launch", "b", "--executor", "none"], ["info", "--json"],
    ["--version"], ["bench", "none"], ["warm", "--device", "none"],
)  # fmt: skip
OPTIONS = ("--set", "--out", "-o", "--json", "--quiet", "-q", "--epochs", "--device", "--seed", "--what", "--by", "--csv", "--over", "--count",
           "--sampler", "--threads", "--data-dir", "--help", "--", "-", "--no", "--index", "--bits", "--levels", "--h5")  # fmt: skip
ODD = (
    "", " ", "\x1b[2J", "\0", "\udcff", "é", "a" * 5000, "../r", "./r/../r", "r", "b", "case.toml", "s.toml", "0", "-1", "1", "nan", "1e400",
    "9" * 30, "cpu", "cuda", "cupy", "training.lr=0", "training.lr=1e999", "system.nodes=1", "system.nodes=20", "rule.kind=spsa", "rule.kind=x",
    "=", "a=b=c", "training.epochs=0", "data.path=x", "optuna", "random", "seed", "x.csv", "x.png", "x.stl", "r/checkpoint.h5", "b/sweep.toml",
)  # fmt: skip


def place(folder: Path) -> Path:
    """A folder with a finished run `r`, its copy `r2`, a recipe, and a sweep `b` with a point that is finished; made anew where it changed."""
    home, pattern = folder / "home", folder / "pattern"
    if not pattern.exists():
        pattern.mkdir()
        settings = ("training.epochs=1", "control.linear=false", "control.exact=false", "system.nodes=20", "system.degree=4")
        run.start(recipe.find("coupled-iris", settings), pattern / "r", quiet=True)
        shutil.copytree(pattern / "r", pattern / "r2")
        (pattern / "case.toml").write_bytes((pattern / "r" / run.CONFIG).read_bytes())
        (pattern / "s.toml").write_text(SWEEP)
        advance.advance(sweep.write(pattern / "s.toml", pattern / "b")[0][0].folder, quiet=True)
    if not home.exists() or _look(home) != _look(pattern):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(pattern, home)
    return home


def _look(folder: Path) -> list[tuple[str, int, int]]:
    found = ((str(path.relative_to(folder)), path.stat()) for path in folder.rglob("*") if not path.name.startswith(".lock"))
    return sorted((name, status.st_size, status.st_mtime_ns) for name, status in found if not os.path.isdir(folder / name))


def command_case(dice: random.Random, folder: Path) -> Case:
    """A line that is right, with words changed, left out, doubled, or put in."""
    home = place(folder)
    point = str(sweep.points(home / "b")[dice.choice([0, 0, 1])].folder.relative_to(home))
    words = [point if word == "POINT" else word for word in dice.choice(LINES)]
    what = dice.choice(["sound", "out", "double", "swap", "odd", "odd", "odd", "option", "option", "cut"])
    for _ in range(0 if what == "sound" else dice.choice([1, 1, 2])):
        i = dice.randrange(len(words))
        if what == "out" and len(words) > 1:
            del words[i]
        elif what == "double":
            words.insert(i, words[i])
        elif what == "swap":
            j = dice.randrange(len(words))
            words[i], words[j] = words[j], words[i]
        elif what == "odd":
            words[i] = dice.choice(ODD + WORDS[5:])
        elif what == "option":
            words[i:i] = [dice.choice(OPTIONS), *([dice.choice(ODD)] if dice.random() < 0.7 else [])]
        elif what == "cut":
            words[i] = words[i][: dice.randrange(len(words[i]) + 1)]
    if {"warm", "bench", "launch", "report"} & set(words) and not {"none"} & set(words):
        words = ["list", *words[1:]]  # these take minutes, or start processes
    return Case(what, lambda: _carried_out(words, home, what == "sound"), lambda code: _is_sound(home, code))


def _carried_out(words: list[str], home: Path, sound: bool) -> int:
    """The exit code of a line, in its folder. Raises `PnnError` with the one line that it was refused by."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    before = os.getcwd()
    os.chdir(home)
    try:
        with fuzz_inputs._environment(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(words)
            out.flush()
            err.flush()
    finally:
        os.chdir(before)
    said, complaint = (stream.detach().getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    if "Traceback" in said + complaint:
        raise RuntimeError(f"it shows a traceback: {complaint[-300:]}")
    if any(not (c.isprintable() or c in "\n\t") for c in said + complaint):
        raise RuntimeError("it prints what steers a terminal")
    if code == 2:
        lines = [line for line in complaint.splitlines() if line.startswith("pnnkern: error: ")]
        if len(lines) != 1 or complaint.splitlines()[-1] != lines[0]:
            raise RuntimeError(f"its error is no line: {complaint[-300:]!r}")
        if not _is_sound(home, 0):
            raise RuntimeError("it is refused, and has changed what was there")
        raise PnnError(lines[0])
    if sound and "--json" in words:
        json.loads(said.splitlines()[-1])
    return code


def _is_sound(home: Path, code: int) -> bool:
    """The run can be loaded, every file that should be whole is, and nothing is left over."""
    for folder in (home / "r", home / "r2"):
        recipe.read_run(folder)
        if checkpoint.load(folder / run.CHECKPOINT).warning:
            return False
    left = [path for path in home.rglob(".*") if path.name != ".lock"]
    sweep.points(home / "b")
    return code in (0, run.STOPPED) and not left


CASES: dict[str, Callable[[random.Random, Path], Case]] = {"sweep": sweep_case, "command": command_case}


def main(arguments: list[str]) -> int:
    """Run what was asked for; 1 if a case is wrong."""
    fuzz_inputs.TARGETS.clear()
    fuzz_inputs.TARGETS.update(CASES)
    return fuzz_inputs.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
