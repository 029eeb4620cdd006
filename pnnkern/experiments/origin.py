"""Where a result comes from: when, on which machine, by which command and by which state of the code."""

import datetime
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from .._version import __version__

_CHECKOUT = Path(__file__).resolve().parents[2]  # if the package is used as it lies in one


def here() -> dict[str, str]:
    """{"date", "host", "folder", "command", "pnnkern"}; "commit" of pnnkern and "folder commit" of where it is called, of git checkouts."""
    found = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "host": platform.node(), "folder": str(Path.cwd()),
        "command": command(), "pnnkern": __version__,
    }  # fmt: skip
    own = _git(_CHECKOUT, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") if (_CHECKOUT / ".git").exists() else ""
    theirs = _git(Path.cwd(), "rev-parse", "HEAD")  # says nothing of changes: looking for them would run what the checkout is set to run
    return found | {key: value for key, value in (("commit", own), ("folder commit", theirs)) if value}


def command() -> str:
    """This process's command line as it would be typed."""
    words = list(getattr(sys, "orig_argv", sys.argv))
    if len(words) > 1 and Path(words[1]).name == "pnnkern":
        words = ["pnnkern", *words[2:]]
    elif words:
        words[0] = Path(words[0]).name
    return shlex.join(words)


def _git(folder: Path, *words: str) -> str:
    """What git says of a folder; "" where there is no git, no checkout, or no answer within seconds."""
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
