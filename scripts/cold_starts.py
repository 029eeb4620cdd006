"""Processes that all start at once with one empty cache of compiled kernels: `python scripts/cold_starts.py [STARTS [AT_ONCE [RECORD.json]]]`.

Each compiles what it needs, or finds what another has compiled, and must come to the words of Philox4x32-10 (a published test vector). Nothing
damaged may be left: one more process finds all there is, and compiles nothing.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STARTS, AT_ONCE = 500, 20
# Salmon et al., SC 2011, the vectors of Random123: key and counter of zeros
KNOWN = (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)


def work() -> None:
    """Draw by a kernel of the CPU, in a process that has none yet. Raises AssertionError for other words."""
    from pnnkern import random

    words = random.words(np.zeros(2, np.uint32), (1, 4))[0]
    if tuple(words.tolist()) != KNOWN:
        raise AssertionError(f"drew {words}")


def started(folder: Path) -> int:
    """A process that does the work with its cache in a folder, and says on its standard error what is wrong."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.environ["PNNKERN_CACHE_DIR"] = str(folder)
            err = os.open(folder.parent / f"{os.getpid()}.err", os.O_WRONLY | os.O_CREAT)
            os.dup2(err, 2)
            work()
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(code)
    return child


def compiled(folder: Path) -> dict[str, int]:
    """Files of machine code, by when they were written."""
    place = folder / "numba"
    return {path.name: path.stat().st_mtime_ns for path in place.iterdir()} if place.is_dir() else {}


def carry_out(starts: int, at_once: int) -> dict[str, Any]:
    """So many starts, `at_once` of them together with an empty folder. Raises AssertionError for anything that is wrong."""
    began, done, entries = time.monotonic(), 0, 0
    while done < starts:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "cache"
            folder.mkdir(mode=0o700)
            children = [started(folder) for _ in range(min(at_once, starts - done))]
            codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            said = "".join(path.read_text() for path in Path(place).glob("*.err"))
            if any(codes) or said:
                raise AssertionError(f"processes ended with {codes}, and said: {said[:2000]}")
            before = compiled(folder)
            if os.waitstatus_to_exitcode(os.waitpid(started(folder), 0)[1]) or compiled(folder) != before or not before:
                raise AssertionError(f"what they left is not whole: {sorted(before)}")
            done += len(children)
            entries = len(before)
    return {"starts": done, "at once": at_once, "wrong": 0, "entries": entries, "seconds": round(time.monotonic() - began, 1)}


def main(arguments: list[str]) -> None:
    from pnnkern.kernels.random import draws  # noqa: F401  (so that each process need not load it, nor Numba)

    from pnnkern.experiments import origin

    starts, at_once = (int(word) for word in (*arguments[:2], *(str(n) for n in (STARTS, AT_ONCE)[len(arguments) :])))
    record = carry_out(starts, at_once) | {"made": origin.here()}
    text = json.dumps(record, indent=1)
    print(text)
    if len(arguments) > 2:
        Path(arguments[2]).write_text(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
