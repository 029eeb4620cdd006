"""The commands of docs/cpp.md, as somebody types them who has a pnnkern installed."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "cpp.md").read_text(encoding="utf-8"), re.DOTALL)
TOOLS = ("g++", "make", "cmake", "nvcc")


def missing(block: str) -> list[str]:
    """Which programs a block asks for that are not here."""
    return [tool for tool in TOOLS if re.search(rf"(^|&& ){re.escape(tool)} ", block) and shutil.which(tool) is None]


def run(block: str, python: str, environment: Mapping[str, str], folder: Path) -> str:
    """Carry out a block in a copy of the examples, where `python` is the one given; what it printed. Whoever calls says what must be on it."""
    tools = folder / "bin"
    if not tools.exists():
        shutil.copytree(ROOT / "docs" / "examples", folder / "examples")
        tools.mkdir()
        for name in ("python", "python3"):
            (tools / name).write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
            (tools / name).chmod(0o755)
    path = f"{tools}:{environment['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(command, cwd=folder / "examples", env={**environment, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert "warning" not in done.stderr, done.stderr[-2000:]
    return done.stdout
