"""What memory there is for a run: what asks for more gets a MemoryError, and no process is killed for it."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from .._errors import DataError

UNPACKED = 256 << 20  # bytes that any compressed file may become
RATIO = 100  # and how many times its own size where it becomes more than that; images of digits reach 20, zeros 1000


@contextlib.contextmanager
def bounded(device: str) -> Iterator[None]:
    """Inside, on the CPU of Linux, this process may take as much memory as is free now; to take more raises MemoryError.

    Linux gives memory that it does not have, and kills a process when it is used. A GPU's driver reserves addresses without using them, so
    that with one there is no bound.
    """
    free = available() if device == "cpu" and sys.platform == "linux" else None
    if free is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _kibibytes(Path("/proc/self/status"))["VmData"] + free
    for before in (soft, hard):
        most = most if before == resource.RLIM_INFINITY else min(most, before)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def available() -> int | None:
    """Bytes that can be had without swapping out what is in use, also of a job's share (control groups, version 2); None if nobody says."""
    try:
        machine = _kibibytes(Path("/proc/meminfo"))
        found = machine["MemAvailable"] + machine["SwapFree"]
        group = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    except (OSError, KeyError):
        return None
    for folder in (Path("/sys/fs/cgroup") / group, *(Path("/sys/fs/cgroup") / group).parents):
        with contextlib.suppress(OSError, ValueError, KeyError):  # a folder without a bound has "max", or no such files
            cached = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())["file"]
            most, used = ((folder / name).read_text() for name in ("memory.max", "memory.current"))
            found = min(found, max(0, int(most) - int(used) + int(cached)))
    return found


def refuse(path: Path, unpacked: int, size: int) -> None:
    """Raise `DataError` for a file of `size` bytes that becomes `unpacked` in memory: more than any true one does, or than there are."""
    refuse_bomb(path, unpacked, size)
    free = available()
    if free is not None and unpacked > free:
        raise DataError(f"{path} would take {unpacked / 2**30:.3g} GiB of memory, and {free / 2**30:.3g} GiB are free: give fewer samples")


def refuse_bomb(path: Path, unpacked: int, size: int) -> None:
    """Raise `DataError` for a file of `size` bytes that becomes `unpacked`, more than any true one does."""
    if unpacked > max(UNPACKED, RATIO * size):
        raise DataError(
            f"{path} has {size} bytes and would become {unpacked}: more than {RATIO} times as many are taken for an attack; if they are meant, "
            f"give the file uncompressed"
        )


def _kibibytes(path: Path) -> dict[str, int]:
    """Bytes by name, of lines `name: number kB`."""
    words = [line.split() for line in path.read_text().splitlines()]
    return {line[0].rstrip(":"): 1024 * int(line[1]) for line in words if line[2:] == ["kB"]}
