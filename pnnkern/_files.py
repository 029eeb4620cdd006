"""Files of somebody else: only regular files are opened, and no more is read of them than was allowed."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from ._errors import PnnError

UNPACKED = 256 << 20  # bytes that any compressed file may become
RATIO = 100  # and how many times its own size where it becomes more than that; images of digits reach 20, zeros 1000


def opened(path: str | Path, what: str, error: type[PnnError], *, links: bool = True) -> BinaryIO:
    """A regular file, open for reading. Raises `error`, "`what` cannot be read", for anything else: a folder, a pipe, a device.

    A pipe is never waited for, and a device never touched, also where they take the file's place meanwhile. links : follow one that has the
    file's name, which nobody may who was given the name by somebody else.
    """
    try:
        status = os.stat(path, follow_symlinks=links)
        if stat.S_ISREG(status.st_mode):
            file = open(path, "rb", opener=_waitless if links else _linkless)  # noqa: SIM115 (the caller closes it)
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                return file
            file.close()
    except (OSError, ValueError) as fault:  # ValueError: a name that no file can have
        raise error(f"{what} cannot be read: {getattr(fault, 'strerror', None) or fault}") from fault
    raise error(f"{what} cannot be read: it must be a regular file, and is {_kind(status.st_mode)}")


def _waitless(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _linkless(path: str, flags: int) -> int:
    return _waitless(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def read_text(path: str | Path, most: int, what: str, error: type[PnnError], *, links: bool = True) -> str:
    """The text in a file of at most `most` bytes of UTF-8. Raises `error` in one line. links : see `opened`."""
    with opened(path, what, error, links=links) as file:
        try:
            text = file.read(most + 1).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as fault:
            raise error(f"{what} cannot be read: {getattr(fault, 'strerror', None) or fault}") from fault
        if file.tell() > most:
            raise error(f"{what} cannot be read: it is longer than {most} bytes")
    return text


def refuse_bomb(path: str | Path, unpacked: int, size: int, error: type[PnnError]) -> None:
    """Raise `error` for a file of `size` bytes that says it becomes `unpacked`, more than any true one does."""
    if unpacked > max(UNPACKED, RATIO * size):
        raise error(
            f"{path} has {size} bytes and would become {unpacked}: more than {RATIO} times as many are taken for an attack; if they are meant, "
            f"give the file uncompressed"
        )
