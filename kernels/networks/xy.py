"""CPU twin of xy.cu, in NumPy, whose vectorised sine and cosine no loop of ours beats."""

import numpy as np


def pnn_xy_waves(count: int, phase: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> None:
    """Cosines and sines of phases."""
    np.cos(phase, out=cosine)
    np.sin(phase, out=sine)


def pnn_xy_force(rows: int, nodes: int, field_rows: int, batch: int, outputs: int, cosine: np.ndarray, sine: np.ndarray,
                 sum_cosine: np.ndarray, sum_sine: np.ndarray, field_x: np.ndarray, field_y: np.ndarray, second: np.ndarray,
                 nudge: np.ndarray, target: np.ndarray, force: np.ndarray) -> None:  # fmt: skip
    """-dE/dphase of every oscillator: cosine (y) - sine (x) - 2 k sine cosine, with the fields x and y of sources and neighbours."""
    c, s = cosine.reshape(rows, nodes), sine.reshape(rows, nodes)
    x, y, out = sum_cosine.reshape(rows, nodes), sum_sine.reshape(rows, nodes), force.reshape(rows, nodes)
    if field_x.size:
        x = _plus(x, field_x, rows, nodes, field_rows)
    if field_y.size:
        y = _plus(y, field_y, rows, nodes, field_rows)
    if nudge.size and outputs:
        x = x.copy() if not field_x.size else x
        pull = target.reshape(1, batch, outputs) - c.reshape(-1, batch, nodes)[:, :, nodes - outputs :]
        x.reshape(-1, batch, nodes)[:, :, nodes - outputs :] += nudge[:, None, None] * pull
    if second.size:
        x = x + 2 * second * c
    np.multiply(c, y, out=out)
    out -= s * x


def _plus(total: np.ndarray, field: np.ndarray, rows: int, nodes: int, field_rows: int) -> np.ndarray:
    return (total.reshape(-1, field_rows, nodes) + field.reshape(field_rows, nodes)).reshape(rows, nodes)
