"""Several processes that run the tests together: each file is run by the one that comes to it first."""

import json
import os
from pathlib import Path

import public_calls

from pnnkern import _launch

ROOT = Path(__file__).parent


class Share:
    """One process of `processes`, which know of each other by files in `folder` only."""

    def __init__(self, folder: Path, processes: int) -> None:
        self.folder, self.processes = folder, processes
        self._mine: dict[Path, bool] = {}

    def mine(self, path: Path) -> bool:
        """Whether this process runs that file of tests: it does if no other has come to it before."""
        if path not in self._mine:
            try:
                os.close(os.open(self.folder / "+".join(path.relative_to(ROOT).parts), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                self._mine[path] = False
            else:
                self._mine[path] = True
        return self._mine[path]

    def together(self) -> tuple[set[str], set[str]] | None:
        """The public functions that all processes have called, and the kernels that they have launched; None before the last one asks."""
        own = self.folder / f"{os.getpid()}.json"
        partial = own.with_suffix(".part")
        partial.write_text(json.dumps([sorted(public_calls.calls), sorted(_launch.launched)]))
        partial.rename(own)
        found = [json.loads(file.read_text()) for file in self.folder.glob("*.json")]
        if len(found) < self.processes:
            return None
        return {name for called, _ in found for name in called}, {name for _, launched in found for name in launched}
