"""NVRTC through its C interface, from the wheels and without a driver, and what a cubin says of its kernels."""

import ctypes
import functools
import hashlib
import struct
from pathlib import Path

from pnnkern.kernels._jit import cache_folder

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


def cubin(source: str, name: str, architecture: str, defines: dict[str, object], major: int = 13) -> bytes:
    """The cubin of a flattened source; kept on disk by its content. Raises ValueError with NVRTC's words."""
    nvrtc = library(major)
    if nvrtc is None:
        raise FileNotFoundError(f"the NVRTC wheel of CUDA {major} is not installed")
    version = (ctypes.c_int * 2)()
    nvrtc.nvrtcVersion(ctypes.byref(version, 0), ctypes.byref(version, 4))
    options = [f"--gpu-architecture={architecture}", "--std=c++17", *(f"-D{k}={v}" for k, v in defines.items())]
    key = hashlib.sha256(repr((source, options, list(version))).encode()).hexdigest()[:24]
    kept = cache_folder() / "cubin" / f"{Path(name).stem}-{architecture}-{key}.cubin"
    if kept.is_file():
        return kept.read_bytes()
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
    arguments = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
    failed = nvrtc.nvrtcCompileProgram(program, len(options), arguments)
    if failed:
        size = ctypes.c_size_t()
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        raise ValueError(f"{name} for {architecture} with CUDA {major}:\n{log.value.decode()}")
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    image = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetCUBIN(program, image)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_suffix(f".{id(program)}")
    temporary.write_bytes(image.raw)
    temporary.replace(kept)
    return image.raw


REGISTERS, FRAME = 0x2F, 0x11  # attributes of .nv.info: registers per thread, bytes of stack (spills and local arrays)


def resources(image: bytes) -> dict[str, dict[str, int]]:
    """{kernel: {"registers", "stack", "shared"}}: per thread, bytes per thread, bytes of static shared memory."""
    section_offset, entry_size, count, names_index = (
        struct.unpack_from("<Q", image, 40)[0],
        *struct.unpack_from("<HHH", image, 58),
    )
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, section_offset + i * entry_size) for i in range(count)]
    strings = headers[names_index]

    def text(table: tuple[int, ...], offset: int) -> str:
        start = table[4] + offset
        return image[start : image.index(b"\0", start)].decode()

    sections = {text(strings, h[0]): h for h in headers}
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
    return {k: v for k, v in found.items() if f".text.{k}" in sections}
