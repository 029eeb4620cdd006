"""The IDX file format of MNIST and its relatives: big-endian header (0, 0, type 0x08, dimensions; sizes), then unsigned bytes."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from .._errors import DataError


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an IDX file, gzipped (name ends in .gz) or not. Raises `DataError` for a damaged one."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4:
        raise DataError(f"{path} is no IDX file of unsigned bytes: it begins with {raw[:4].hex(' ') or 'nothing'}")
    header = 4 + 4 * raw[3]
    shape = tuple(int(n) for n in np.frombuffer(raw[4:header].ljust(header - 4, b"\0"), ">u4"))
    if len(raw) != header + math.prod(shape):
        raise DataError(
            f"{path} is damaged: its header promises {shape} bytes after {header}, the file holds {len(raw)} bytes in all"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
