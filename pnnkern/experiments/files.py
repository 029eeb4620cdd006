"""Files that appear whole or not at all, and that are what they seem: a folder may come from somebody else, and no link in it is followed."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)  # a disk, and a user's share of it
_OF_A_RUN = ("config.toml", "checkpoint.h5", "checkpoint.prev.h5", "point.json")
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def opener(path: str | Path, flags: int) -> int:
    """Open a regular file, for `open(..., opener=...)` too: no link is followed, no pipe waited for. Raises `OSError` for anything else."""
    with contextlib.suppress(FileNotFoundError):  # the flags refuse links, too, but not in words, and do not keep devices untouched
        _refuse_other(os.lstat(path), stat.S_ISREG)
    handle = os.open(path, flags | _CAREFUL, 0o666)
    try:
        _refuse_other(os.fstat(handle), stat.S_ISREG)
    except OSError:
        os.close(handle)
        raise
    return handle


def subfolder(folder: Path, name: str) -> Path:
    """The folder `name` in `folder`, made if it is not there. Raises `OSError` where something else is, a link to a folder for one."""
    path = folder / name
    path.mkdir(exist_ok=True)
    _refuse_other(path.lstat(), stat.S_ISDIR)
    return path


def _refuse_other(status: os.stat_result, form: Callable[[int], bool]) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a link, and no link in the folder of a run is followed")
    if not form(status.st_mode):
        raise OSError(errno.EINVAL, f"it is no {'folder' if form is stat.S_ISDIR else 'regular file'}")


def say(text: str) -> None:
    """A line on standard error. A log that cannot be written, on a disk that is full, is no reason to end a run."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def temporary(path: Path) -> Path:
    """Where a file is made before it is renamed into its place: hidden, in the same folder, under a name that nobody can foresee.

    Raises `OSError` for a path that has no name, as that of a folder.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return path.with_name(f".{path.name}.tmp{secrets.token_hex(8)}")


def write_synced(path: Path, content: bytes | memoryview) -> None:
    """Create a file, which must not be there, and see it onto the disk. Raises `OSError`, which says of a full disk how much is missing."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in FULL:
            raise
        room = f"{len(content)} bytes are needed, and {shutil.disk_usage(path.parent).free} are free in {path.parent}"
        raise OSError(error.errno, f"{os.strerror(error.errno)}: {room}") from error


def replace(path: Path, content: bytes | memoryview) -> None:
    """Put `content` in the place of whatever is at `path`; whatever ends this before, that stays, and nothing is left behind."""
    made = temporary(path)
    try:
        write_synced(made, content)
        os.replace(made, path)
    finally:
        remove(made)


def put(path: Path, content: bytes | memoryview) -> None:
    """`replace`, of a file that somebody named: not one that a run lives by, whose own name was typed by mistake."""
    if path.name in _OF_A_RUN and (path.parent / _OF_A_RUN[0]).exists():
        raise OSError(errno.EPERM, "it belongs to a run, choose another name", str(path))
    replace(path, content)


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
