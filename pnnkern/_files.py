"""Files of somebody else: only regular files are opened, and no more is read of them than was allowed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ._errors import PnnError


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
            content = read_most(file.read, most + 1)
            if len(content) > most:
                raise error(f"{what} cannot be read: it is longer than {most} bytes")
            return content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as fault:
            raise error(f"{what} cannot be read: {getattr(fault, 'strerror', None) or fault}") from fault


def read_most(read: Callable[[int], bytes], most: int) -> bytes:
    """Up to `most` bytes of what `read` gives. Memory is taken as they come, not for all that were asked for."""
    pieces = []
    while most and (piece := read(min(most, 1 << 20))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
