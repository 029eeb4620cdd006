"""The IDX file format of MNIST and its relatives: big-endian header (0, 0, type 0x08, dimensions; sizes), then unsigned bytes."""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

from .. import _files
from .._errors import DataError
from . import memory


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an IDX file, gzipped (name ends in .gz) or not. Raises `DataError` for a damaged one.

    What is unpacked ends one byte after what the header promises, and the header may promise no more than such a file can hold.
    """
    with _files.opened(path, str(path), DataError) as file:
        size = os.fstat(file.fileno()).st_size
        packed = path.suffix == ".gz"
        try:
            with gzip.GzipFile(fileobj=file) if packed else file as source:
                magic = source.read(4)
                if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
                    raise DataError(f"{path} is no IDX file of unsigned bytes: it begins with {magic.hex(' ') or 'nothing'}")
                header = 4 + 4 * magic[3]
                sizes = source.read(header - 4)
                shape = tuple(int(n) for n in np.frombuffer(sizes.ljust(header - 4, b"\0"), ">u4"))
                promised = math.prod(shape)
                fits = len(sizes) == header - 4 and (packed or header + promised == size)
                if fits:
                    memory.refuse(path, promised, size)
                content = _files.read_most(source.read, promised + 1) if fits else b""
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
    if not fits or len(content) != promised:
        held = "more" if len(content) > promised else f"{4 + len(sizes) + len(content) if packed else size} bytes in all"
        raise DataError(f"{path} is damaged: its header promises {shape} bytes after {header}, the file holds {held}")
    return np.frombuffer(content, np.uint8).reshape(shape)
