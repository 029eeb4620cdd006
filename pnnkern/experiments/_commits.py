"""A file that goes from one whole state to the next while a library writes into it, so that whatever ends the process leaves a whole one.

What is new is written behind the end of the last state, which nothing of that state points to. What it would overwrite is kept in memory, in
pages, until `commit`: then the pages are written to a journal beside the file, and only when they lie on the disk into their places. A journal
that is whole is carried out by whoever opens the file next; one that is not was never needed. HDF5 writes few pages anew: its index.
"""

import contextlib
import hashlib
import os
import struct
from pathlib import Path

from . import files

PAGE = 4096  # bytes
_JOURNAL = b"pnnkern journal\n"
_DEAD = 1 << 62  # as the end of the last state: nothing reaches the disk any more


class Commits:
    """An open file, as h5py takes one.

    error : the first that the system gave; from then on nothing is written. The library, whose own state it would harm, does not hear of it.
    """

    def __init__(self, path: Path, handle: int) -> None:
        """handle : of a file that was closed whole, or that a journal lies beside; open for reading, or for both."""
        self.path, self.handle, self.at = path, handle, 0
        self.error: OSError | None = None
        self.pages: dict[int, bytearray] = {}
        self.size = self.committed = os.fstat(handle).st_size
        found = _read(journal(path))
        if found is not None:
            self.pages, self.size = found

    # ---------------------------------------------------------------------------------------------------------- as a file of Python
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def flush(self) -> None:
        """Nothing: that is what `commit` is for."""

    def truncate(self, size: int) -> int:
        self.size = size
        return size

    def read(self, size: int) -> bytearray:
        """By which h5py knows a file of Python."""
        self.at += size
        return self.bytes(self.at - size, size)

    def readinto(self, buffer: memoryview) -> int:
        view = memoryview(buffer).cast("B")
        view[:] = self.bytes(self.at, len(view))
        self.at += len(view)
        return len(view)

    def write(self, content: memoryview) -> int:
        view = memoryview(content).cast("B")
        inside = max(0, min(len(view), self.committed - self.at))
        self._keep(self.at, view[:inside])
        try:
            _put(self.handle, view[inside:], self.at + inside)
        except OSError as error:
            self._fail(error)
            self._keep(self.at + inside, view[inside:])
        self.at += len(view)
        self.size = max(self.size, self.at)
        return len(view)

    # ------------------------------------------------------------------------------------------------------------------ states
    def commit(self) -> None:
        """What was written is the file's state from here on. Raises `OSError`; then the state before it holds, or a journal does."""
        if self.error is None:
            try:
                self._commit()
            except OSError as error:
                self._fail(error)
        if self.error is not None:
            raise self.error

    def _commit(self) -> None:
        os.fsync(self.handle)
        if self.pages:
            at = journal(self.path)
            files.remove(at)
            files.write_synced(at, _image(self.pages, self.size))
            files.sync_folder(at.parent)
        self.carry_out()

    def end(self) -> None:
        """Nothing more reaches the disk: what is not committed by now is dropped."""
        self.committed = _DEAD

    def carry_out(self) -> None:
        """Write the pages to their places: those of a commit, or of a journal that was found. Raises `OSError`."""
        for number, page in self.pages.items():
            _put(self.handle, memoryview(page), number * PAGE)
        os.ftruncate(self.handle, self.size)
        os.fsync(self.handle)
        files.remove(journal(self.path))
        self.committed, self.pages = self.size, {}

    def _fail(self, error: OSError) -> None:
        self.error = self.error or error
        self.end()

    # ------------------------------------------------------------------------------------------------------------------- pages
    def _keep(self, at: int, view: memoryview) -> None:
        while view:
            number, first = divmod(at, PAGE)
            part = view[: PAGE - first]
            if number not in self.pages:
                self.pages[number] = bytearray(self.bytes(number * PAGE, min(PAGE, self.committed - number * PAGE)))
            page = self.pages[number]
            if len(page) < first + len(part):  # the last one of the old state, when the disk takes no more
                page += self.bytes(number * PAGE + len(page), first + len(part) - len(page))
            page[first : first + len(part)] = part
            at, view = at + len(part), view[len(part) :]

    def bytes(self, at: int, length: int) -> bytearray:
        """What lies there now, zeros behind the end."""
        found, done = bytearray(length), 0
        view = memoryview(found)
        while done < length and (got := os.preadv(self.handle, [view[done:]], at + done)):
            done += got
        for number in range(at // PAGE, -(-(at + length) // PAGE)) if self.pages else ():
            if number in self.pages:
                page, start = self.pages[number], number * PAGE
                low, high = max(at, start), min(at + length, start + len(page))
                if low < high:
                    view[low - at : high - at] = page[low - start : high - start]
        return found


def journal(path: Path) -> Path:
    """Where the journal of a file lies while there is one."""
    return path.with_name(f".{path.name}.journal")


def _put(handle: int, view: memoryview, at: int) -> None:
    while view:
        done = os.pwrite(handle, view, at)
        at, view = at + done, view[done:]


def _image(pages: dict[int, bytearray], size: int) -> bytes:
    body = struct.pack("<2q", size, len(pages)) + b"".join(struct.pack("<2q", n, len(page)) + page for n, page in pages.items())
    return _JOURNAL + hashlib.sha256(body).digest() + body


def _read(path: Path) -> tuple[dict[int, bytearray], int] | None:
    """The pages of a whole journal and the size of its file; None where there is none."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb", opener=files.opener) as file:
        image = file.read()
        head = len(_JOURNAL) + 32
        if image[:head] != _JOURNAL + hashlib.sha256(image[head:]).digest():
            return None
        size, count = struct.unpack_from("<2q", image, head)
        at, pages = head + 16, {}
        for _ in range(count):
            number, length = struct.unpack_from("<2q", image, at)
            pages[number] = bytearray(image[at + 16 : at + 16 + length])
            at += 16 + length
        return pages, size
    return None
