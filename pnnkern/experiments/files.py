"""Files that appear whole or not at all."""

import contextlib
import os
from pathlib import Path


def temporary(path: Path) -> Path:
    """Where a file is made before it is renamed into its place: hidden, in the same folder, named after the process."""
    return path.with_name(f".{path.name}.tmp{os.getpid()}")


def write_synced(path: Path, content: bytes | memoryview) -> None:
    """Create or overwrite a file and see it onto the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, content: bytes | memoryview) -> None:
    """Put `content` in the place of whatever is at `path`; whatever ends this before, that stays, and nothing is left behind."""
    made = temporary(path)
    try:
        write_synced(made, content)
        os.replace(made, path)
    finally:
        remove(made)


def remove(path: Path) -> None:
    """Delete a file if it can be."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See renames in a folder onto the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
