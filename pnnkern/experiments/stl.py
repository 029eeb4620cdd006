"""Height maps as closed bodies in binary STL, for printers: millimetres."""

import numpy as np

RAMP = 0.01  # width of the slope between two pixels, in pixels
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])  # 50 bytes


def body(height: np.ndarray, pitch: float, base: float, header: str) -> bytes:
    """A plate of thickness `base` with a flat square of its own height for each pixel of `height` (ny, nx); all lengths in metres.

    The plate's x runs along the columns, y along the rows, from a corner at 0; z, from the back of the plate, is the direction of the light.
    Neighbours are joined by slopes of 1 % of a pixel instead of upright walls: where four pixels meet, walls would share edges by fours.
    Slopes lie half in each pixel, so the volume is still that of upright blocks. header : up to 80 characters of ASCII.
    """
    ny, nx = height.shape
    y, x = (_lines(n) * pitch for n in (ny, nx))
    z = base + height.astype(np.float64).repeat(2, axis=0).repeat(2, axis=1)
    top = np.stack([*np.broadcast_arrays(x[None, :], y[:, None]), z], axis=-1)  # (2 ny, 2 nx, 3)
    faces = [*_top(top), *_below(top)]
    corners = 1e3 * np.concatenate([np.stack(face, axis=-2).reshape(-1, 3, 3) for face in faces])
    out = np.zeros(len(corners), _TRIANGLE)
    out["corners"] = corners
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out["normal"] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    text = header.encode("ascii")
    if len(text) > 80 or text.startswith(b"solid"):  # which would say that the file is text
        raise ValueError(f"the header of an STL file must be at most 80 characters and not begin with 'solid', got {header!r}")
    return text.ljust(80) + len(out).to_bytes(4, "little") + out.tobytes()


def _lines(n: int) -> np.ndarray:
    """Where the flats of n pixels begin and end, (2 n,) in pixels."""
    ends = np.arange(n)[:, None] + np.array([RAMP / 2, 1 - RAMP / 2])
    ends[0, 0], ends[-1, 1] = 0, n
    return ends.ravel()


def _top(top: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Triangles of the flats, the slopes, and where four pixels meet: these last about a point of their mean height."""
    a, b, c, d = top[:-1, :-1], top[:-1, 1:], top[1:, 1:], top[1:, :-1]  # of each cell, counter-clockwise from above
    meet = np.zeros(a.shape[:2], bool)
    meet[1::2, 1::2] = True
    ring = [corner[meet] for corner in (a, b, c, d)]
    middle = np.mean(ring, axis=0)
    halves = [tuple(corner[~meet] for corner in half) for half in ((a, b, c), (a, c, d))]
    return [*halves, *((ring[k], ring[(k + 1) % 4], middle) for k in range(4))]


def _below(top: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Triangles of the four sides and of the back, which goes round a point in its middle."""
    rim = np.concatenate([top[0, :-1], top[:-1, -1], top[-1, :0:-1], top[:0:-1, 0]])  # counter-clockwise from above
    foot = rim * np.array([1, 1, 0])
    next_rim, next_foot = np.roll(rim, -1, axis=0), np.roll(foot, -1, axis=0)
    middle = np.broadcast_to(top[-1, -1] * np.array([0.5, 0.5, 0]), foot.shape)
    return [(foot, next_foot, next_rim), (foot, next_rim, rim), (middle, next_foot, foot)]


__all__ = ["body"]
