"""The disk cache of compiled code and FFT plans: a convenience, and nobody else's.

An entry is one file, `<name>-<checksum of name and content>`. One that is damaged is thrown away; a folder that is full, cannot be written, or
that another user could write, is done without. Each is told once per process (`CacheWarning`), and the work goes on.
"""

import atexit
import contextlib
import errno
import functools
import hashlib
import os
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._errors import CacheWarning, DeviceError, SettingError

PATIENCE = 60.0  # seconds to wait for another process that plans: each plan takes it well below one
LARGEST = 1 << 28  # bytes that are read: what is larger was not written here

_told: set[str] = set()
_spare: dict[tuple[str, str], Path] = {}  # files of this process that the cache could not keep


def folder() -> Path:
    """`PNNKERN_CACHE_DIR`, or `~/.cache/pnnkern`. Raises `SettingError` for a user without a home."""
    named = os.environ.get("PNNKERN_CACHE_DIR")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pnnkern"
    except RuntimeError as error:
        raise SettingError("this user has no home folder: set PNNKERN_CACHE_DIR to a folder of your own") from error


def key(*what: Any) -> str:
    """The part of a name that changes with anything in `what`, by its repr."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:24]


def tell(subject: str, sentence: str) -> None:
    """Warn, once per process for each subject."""
    if subject not in _told:
        _told.add(subject)
        warnings.warn(sentence, CacheWarning, stacklevel=3)


def read(kind: str, name: str) -> tuple[Path, bytes] | None:
    """The file and the content of an entry, verified; None where there is none. kind : the folder it is in."""
    stem, suffix = os.path.splitext(name)
    try:
        place = _place(kind)
        found = sorted(file for file in os.listdir(place) if file.startswith(f"{stem}-") and file.endswith(suffix))
    except FileNotFoundError:
        return None
    except OSError as error:
        _unusable(error)
        return None
    for file in found:
        path = place / file
        try:
            with open(path, "rb", opener=_opener) as opened:
                status = os.fstat(opened.fileno())
                _own(path, status, stat.S_ISREG)
                content = opened.read() if status.st_size <= LARGEST else b""
        except FileNotFoundError:  # another process has just thrown it away
            continue
        except OSError as error:
            throw_away(path, error.strerror or str(error))
            continue
        if file == _file(name, content):
            return path, content
        throw_away(path, "its checksum does not fit")
    return None


def write(kind: str, name: str, content: bytes, *, replace: bool = False) -> Path | None:
    """Keep an entry, and return its file; None, with a warning, where that is not possible. replace : remove earlier ones of this name."""
    try:
        place = _place(kind, make=True)
    except OSError as error:
        _unusable(error)
        return None
    path = place / _file(name, content)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".", delete=False) as opened:
            temporary = Path(opened.name)
            try:
                opened.write(content)
                opened.flush()
                temporary.replace(path)
            except OSError:
                temporary.unlink()
                raise
        stem, suffix = os.path.splitext(name)
        for file in os.listdir(place) if replace else ():
            if file.startswith(f"{stem}-") and file.endswith(suffix) and file != path.name:
                (place / file).unlink()
    except OSError as error:
        _unusable(OSError(error.errno, error.strerror, str(place)))
        return None
    return path


def kept(kind: str, name: str, make: Callable[[], bytes]) -> Path:
    """A file with what `make` gives: that of the cache, or where it cannot be kept one that lasts as long as this process.

    Raises `DeviceError` where there is no room for either.
    """
    if (kind, name) in _spare:
        return _spare[kind, name]
    found = read(kind, name)
    if found is not None:
        return found[0]
    content = make()
    path = write(kind, name, content)
    if path is None:
        try:
            path = _scratch() / name
            path.write_bytes(content)
        except OSError as error:
            raise DeviceError(
                f"compiled kernels can be written neither to the cache nor to {tempfile.gettempdir()} ({error.strerror}): "
                "set PNNKERN_CACHE_DIR or TMPDIR to a folder with space"
            ) from error
        _spare[kind, name] = path
    return path


def required() -> None:
    """For work that is done for what it leaves in the cache: raise `SettingError` where nothing can be kept."""
    try:
        for kind in ("cubin", "numba"):
            tempfile.TemporaryFile(dir=_place(kind, make=True)).close()
    except OSError as error:
        raise SettingError(_reason(error)) from error


def throw_away(path: Path, why: str) -> None:
    """Remove an entry that cannot be used, and say so."""
    plans = "; FFT plans made anew may change the last bits of a resumed run" if path.parent.name == "fftw" else ""
    tell("damage", f"the cache entry {path} is damaged ({why}): it is thrown away and made anew, as are others like it{plans}")
    with contextlib.suppress(OSError):  # where nothing can be removed, nothing can be kept either, which is told there
        path.unlink()


@contextlib.contextmanager
def locked(kind: str) -> Iterator[bool]:
    """Within this context no other process is in it. Yields False, with a warning, where that cannot be had."""
    try:
        path = _place(kind, make=True) / "lock"
        file = _opener(str(path), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        _unusable(error)
        yield False
        return
    try:
        yield _waited(file, path)
    finally:
        os.close(file)


def _waited(file: int, path: Path) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows, where nothing is resumed
        return True
    end = time.monotonic() + (0 if "lock" in _told else PATIENCE)  # once is enough
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of the process: children that it forks do not hold it
            return True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                _unusable(error)
                return False
        if time.monotonic() > end:
            tell("lock", f"another process has held {path} for {PATIENCE:.0f} s: going on without it")
            return False
        time.sleep(0.005)


def _opener(path: str, flags: int) -> int:
    """No link is followed, no pipe waited for, and nobody else reads what is made."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o600)


def _file(name: str, content: bytes) -> str:
    """The name belongs to what is summed up: an entry is none under another name."""
    stem, suffix = os.path.splitext(name)
    return f"{stem}-{hashlib.sha256(name.encode() + content).hexdigest()[:32]}{suffix}"


def _place(kind: str, *, make: bool = False) -> Path:
    """The folder of a kind of entries. Raises `OSError` with what to do where it is not this user's alone."""
    try:
        root = folder()
    except SettingError as error:
        raise PermissionError(errno.EACCES, str(error.__cause__), "~/.cache/pnnkern") from error
    if make:
        root.mkdir(0o700, parents=True, exist_ok=True)
    link = root.lstat()  # the folder itself may be a link, but of this user's making
    if stat.S_ISLNK(link.st_mode):
        _own(root, link, stat.S_ISLNK)
    _own(root, root.stat(), stat.S_ISDIR)
    place = root / kind
    if make:
        place.mkdir(0o700, exist_ok=True)
    _own(place, place.lstat(), stat.S_ISDIR)
    return place


def _own(path: Path, status: os.stat_result, form: Callable[[int], bool]) -> None:
    """Raise `PermissionError` for what another user owns or can write, or what has another form (a link, say) than it must have."""
    if not form(status.st_mode):
        raise PermissionError(errno.EACCES, "it is a link, or neither folder nor file", str(path))
    if not hasattr(os, "geteuid"):  # Windows: its modes say nothing of this
        return
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EACCES, f"it belongs to another user (number {status.st_uid}), whose code would run", str(path))
    if status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode):
        raise PermissionError(errno.EACCES, "other users can write to it, and their code would run: delete it", str(path))


def _unusable(error: OSError) -> None:
    tell("folder", f"{_reason(error)}; until then what is not in it is made anew in every process")


def _reason(error: OSError) -> str:
    return (
        f"{error.filename or folder()} cannot be used for compiled code and FFT plans ({error.strerror}): "
        "make it usable, or set PNNKERN_CACHE_DIR to a folder of your own with space"
    )


@functools.cache
def _scratch() -> Path:
    path = tempfile.mkdtemp(prefix="pnnkern-")
    owner = os.getpid()

    @atexit.register
    def remove() -> None:
        if os.getpid() == owner:  # in no child that is forked
            shutil.rmtree(path, ignore_errors=True)

    return Path(path)


__all__ = ["folder", "kept", "key", "locked", "read", "required", "tell", "throw_away", "write"]
