"""Run the Python blocks of a page, one after the other, as its reader would: `python scripts/run_blocks.py docs/start.md ...`.

In a folder of its own, which is gone afterwards with the runs and files that a page makes.
"""

import contextlib
import re
import sys
import tempfile
from pathlib import Path


def run(page: Path) -> int:
    """Run a page's blocks in one namespace. Returns how many there are; what fails raises, with the page and line in its trace."""
    text = page.read_text()
    namespace: dict[str, object] = {"__name__": "__main__"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S))
    for block in blocks:
        before = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(before + block[1], str(page), "exec"), namespace)
    return len(blocks)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            print(f"{name}: {run(page)} blocks run")
