"""NVRTC through its C interface, from the wheels and without a driver, and what a cubin says of its kernels."""

import ctypes
import functools
import re
import struct
from pathlib import Path

# Where the wheels nvidia-cuda-nvrtc and nvidia-cuda-nvrtc-cu12 put the library.
LIBRARIES = {13: "cu13/lib/libnvrtc.so.13", 12: "cuda_nvrtc/lib/libnvrtc.so.12"}


@functools.cache
def library(major: int) -> ctypes.CDLL | None:
    """NVRTC of CUDA `major`; None if its wheel is not installed."""
    try:
        import nvidia
    except ImportError:
        return None
    for folder in nvidia.__path__:
        path = Path(folder) / LIBRARIES[major]
        if path.is_file():
            return ctypes.CDLL(str(path))
    return None


class Binding:
    """The library through the interface of `cupy.cuda.nvrtc`, as far as `pnnkern._compile` uses it."""

    def __init__(self, major: int) -> None:
        found = library(major)
        if found is None:
            raise FileNotFoundError(f"the NVRTC wheel of CUDA {major} is not installed")
        self._library = found

    def getVersion(self) -> tuple[int, int]:
        version = (ctypes.c_int * 2)()
        self._library.nvrtcVersion(ctypes.byref(version, 0), ctypes.byref(version, 4))
        return version[0], version[1]

    def createProgram(self, src: str, name: str, headers: tuple[str, ...], include_names: tuple[str, ...]) -> int:
        program = ctypes.c_void_p()
        self._library.nvrtcCreateProgram(ctypes.byref(program), src.encode(), name.encode(), 0, None, None)
        return program.value or 0

    def compileProgram(self, prog: int, options: tuple[str, ...]) -> None:
        arguments = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
        if self._library.nvrtcCompileProgram(ctypes.c_void_p(prog), len(options), arguments):
            raise RuntimeError("NVRTC_ERROR_COMPILATION")

    def getProgramLog(self, prog: int) -> str:
        return self._text("ProgramLog", prog).decode()

    def getCUBIN(self, prog: int) -> bytes:
        return self._text("CUBIN", prog)

    def getPTX(self, prog: int) -> str:
        return self._text("PTX", prog).rstrip(b"\0").decode()

    def _text(self, what: str, prog: int) -> bytes:
        size = ctypes.c_size_t()
        getattr(self._library, f"nvrtcGet{what}Size")(ctypes.c_void_p(prog), ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        getattr(self._library, f"nvrtcGet{what}")(ctypes.c_void_p(prog), text)
        return text.raw

    def destroyProgram(self, prog: int) -> None:
        self._library.nvrtcDestroyProgram(ctypes.byref(ctypes.c_void_p(prog)))


REGISTERS, FRAME = 0x2F, 0x11  # attributes of .nv.info: registers per thread, bytes of stack (spills and local arrays)
MOST_THREADS = 0x05  # attribute of .nv.info.KERNEL: the largest block that it is launched with, three sides


def _text(image: bytes, start: int) -> str:
    return image[start : image.index(b"\0", start)].decode()


def _sections(image: bytes) -> dict[str, tuple[int, ...]]:
    """Headers of the sections, by name: offset and size are numbers 4 and 5."""
    offset, entry_size, count, names_index = (struct.unpack_from("<Q", image, 40)[0], *struct.unpack_from("<HHH", image, 58))
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, offset + i * entry_size) for i in range(count)]
    return {_text(image, headers[names_index][4] + h[0]): h for h in headers}


def code(image: bytes, kernel: str) -> bytes:
    """The instructions of a kernel, 16 bytes each."""
    header = _sections(image)[f".text.{kernel}"]
    return image[header[4] : header[4] + header[5]]


def constants(image: bytes, kernel: str) -> dict[int, bytes]:
    """Banks of constants that the compiler filled, by their numbers."""
    found = {}
    for name, header in _sections(image).items():
        match = re.fullmatch(rf"\.nv\.constant(\d+)(\.{re.escape(kernel)})?", name)
        if match and match[1] != "0":
            found[int(match[1])] = image[header[4] : header[4] + header[5]]
    return found


def resources(image: bytes) -> dict[str, dict[str, int]]:
    """{kernel: {"registers", "stack", "shared", "threads"}}: per thread, bytes per thread, bytes of static shared memory, and of how many
    threads a block has at most; 0 where the kernel is not bound to any."""
    sections = _sections(image)

    def text(table: tuple[int, ...], offset: int) -> str:
        return _text(image, table[4] + offset)

    symbols, labels = sections[".symtab"], sections[".strtab"]
    found: dict[str, dict[str, int]] = {}
    info = sections[".nv.info"]
    at, end = info[4], info[4] + info[5]
    while at < end:
        form, attribute, size = struct.unpack_from("<BBH", image, at)
        if form == 4:
            if attribute in (REGISTERS, FRAME):
                symbol, value = struct.unpack_from("<II", image, at + 4)
                kernel = text(labels, struct.unpack_from("<I", image, symbols[4] + symbol * 24)[0])
                entry = found.setdefault(kernel, {})
                entry["registers" if attribute == REGISTERS else "stack"] = value
            at += size
        at += 4
    for kernel, entry in found.items():
        entry["shared"] = sections[f".nv.shared.{kernel}"][5] if f".nv.shared.{kernel}" in sections else 0
        entry["threads"] = _most_threads(image, sections.get(f".nv.info.{kernel}"))
    return {k: v for k, v in found.items() if f".text.{k}" in sections}


def _most_threads(image: bytes, info: tuple[int, ...] | None) -> int:
    at, end = (info[4], info[4] + info[5]) if info else (0, 0)
    while at < end:
        form, attribute, size = struct.unpack_from("<BBH", image, at)
        if form == 4 and attribute == MOST_THREADS:
            x, y, z = struct.unpack_from("<III", image, at + 4)
            return int(x * y * z)
        at += 4 + (size if form == 4 else 0)
    return 0
