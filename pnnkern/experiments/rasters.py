"""Grey pictures as bytes of PNG, TIFF and BMP files, with the size of a pixel where each format has a place for it."""

import io
import json
from typing import Any

import numpy as np

SUFFIXES = (".png", ".tif", ".tiff", ".bmp")


def raster(pixels: np.ndarray, suffix: str, pitch: float, notes: dict[str, Any]) -> bytes:
    """A file of (height, width) uint8 or uint16, in the format of its suffix.

    pitch : side of a pixel, metres: PNG's pHYs and BMP's header hold whole pixels per metre, TIFF's tags pixels per centimetre. notes : by
    name, as PNG's tEXt or TIFF's ImageDescription (JSON); BMP has no place for them.
    """
    from PIL import Image, PngImagePlugin

    picture, buffer = Image.fromarray(pixels), io.BytesIO()
    if suffix == ".png":
        text = PngImagePlugin.PngInfo()
        for name, value in notes.items():
            text.add_text(name, str(value))
        picture.save(buffer, "png", pnginfo=text, dpi=(0.0254 / pitch,) * 2)
    elif suffix == ".bmp":
        picture.save(buffer, "bmp")
        content = buffer.getbuffer()
        content[38:46] = 2 * round(1 / pitch).to_bytes(4, "little")  # biXPelsPerMeter, biYPelsPerMeter: Pillow's metre has 39.3701 inches
    else:
        description, centimetre = json.dumps(notes), 3
        picture.save(buffer, "tiff", description=description, resolution_unit=centimetre, resolution=0.01 / pitch)
    return buffer.getvalue()


__all__ = ["SUFFIXES", "raster"]
