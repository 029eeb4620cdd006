"""Run the blocks of pages, as their reader would: `python scripts/run_blocks.py [--pictures FOLDER] docs/start.md ...`.

The Python blocks of a page are run one after the other, in one namespace and an empty folder, and so are the commands of pnnkern in blocks of
bash below a line `<!-- run -->`. What they draw there, *.png, goes to FOLDER.
"""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import tempfile
import warnings
from pathlib import Path

BLOCK = re.compile(r"^```python\n(?P<python>.*?)^```|^<!-- run -->\n```bash\n(?P<bash>.*?)^```", re.M | re.S)
os.environ.setdefault("MPLBACKEND", "Agg")  # of blocks that draw


def run(page: Path, folder: Path) -> dict[str, object]:
    """Run a page's blocks in a folder. Returns what their names are; what fails raises, with the page and line in its trace."""
    text = page.read_text()
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for block in BLOCK.finditer(text):
            if block["bash"]:
                commands(block["bash"])
                continue
            before = "\n" * text.count("\n", 0, block.start("python"))
            exec(compile(before + block["python"], str(page), "exec"), namespace)
    return namespace


def commands(text: str) -> None:
    """Run lines that begin with pnnkern, in this process, which has it loaded. Raises RuntimeError for one that fails."""
    from pnnkern.cli import main

    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            with warnings.catch_warnings():  # which the command line shows in its own way
                if words[0] != "pnnkern" or main(words[1:]):
                    raise RuntimeError(f"this command cannot be run: {line}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder for what is drawn")
    parser.add_argument("pages", type=Path, nargs="+")
    given = parser.parse_args()
    for name in given.pages:
        with tempfile.TemporaryDirectory() as place:
            run(name.resolve(), Path(place))
            drawn = sorted(Path(place).glob("*.png"))
            if given.pictures is not None:
                given.pictures.mkdir(parents=True, exist_ok=True)
                for picture in drawn:
                    shutil.copy(picture, given.pictures)
        print(f"{name}: run, {len(drawn)} pictures")
