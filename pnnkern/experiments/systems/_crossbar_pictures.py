"""Pictures of a network on crossbars for the report."""

import numpy as np

from ..plots import BLUE, ORANGE, Picture, figure, png


def receptive_fields(w: np.ndarray, side: int) -> Picture:
    """The weights into the first hidden nodes, as pictures of the input."""
    shown = min(24, w.shape[1])
    largest = float(np.quantile(np.abs(w[:-1, :shown]), 0.999)) or 1.0
    with figure(2, -(-shown // 2), size=(9.4, 2.1), squeeze=False) as (drawn, axes):
        for k, axis in enumerate(axes.flat):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if k < shown:
                image = axis.imshow(w[:-1, k].reshape(side, side), cmap="RdBu_r", vmin=-largest, vmax=largest)
        drawn.colorbar(image, ax=axes, label="weight", shrink=0.9, pad=0.01).outline.set_visible(False)
        picture = png(drawn)
    return Picture("receptive", "What the first nodes look at", "Weights from the image to single hidden nodes.", picture)


def weights(arrays: dict[str, np.ndarray]) -> Picture:
    """Distributions of the weights of each array."""
    with figure(1, len(arrays), size=(3.2 * len(arrays) + 0.4, 2.6), squeeze=False) as (drawn, axes):
        for axis, (name, w) in zip(axes[0], arrays.items(), strict=True):
            axis.hist(w.ravel(), bins=80, color=BLUE)
            axis.set_yscale("log")
            axis.set(xlabel="weight", title=f"{name}: {w.shape[0]} x {w.shape[1]}")
        axes[0, 0].set_ylabel("cells")
        picture = png(drawn)
    return Picture("weights", "Weights", "How the weights of each array are distributed; the count is logarithmic.", picture)


def conductances(G: np.ndarray) -> Picture:
    """Conductances of the first array: its first cells in place, and their distribution."""
    rows, columns = min(128, G.shape[1]), min(128, G.shape[2])
    parts = len(G)
    with figure(1, parts + 1, size=(3.0 * (parts + 1), 2.7), squeeze=False) as (drawn, axes):
        top = 1e6 * float(G.max()) or 1.0
        for k in range(parts):
            image = axes[0, k].imshow(1e6 * G[k, :rows, :columns], cmap="viridis", vmin=0, vmax=top)
            axes[0, k].set(xlabel="column", ylabel="row" if k == 0 else "", title=f"array {k + 1} of {parts}")
        drawn.colorbar(image, ax=axes[0, :parts], label="conductance (µS)", shrink=0.9, pad=0.01).outline.set_visible(False)
        axes[0, -1].hist(1e6 * G.ravel(), bins=80, color=ORANGE)
        axes[0, -1].set_yscale("log")
        axes[0, -1].set(xlabel="conductance (µS)", ylabel="cells")
        picture = png(drawn)
    caption = f"The first {rows} x {columns} cells of the first layer as they were programmed, and the distribution over all its cells."
    return Picture("conductances", "Conductances", caption, picture)


def mean_scores(scores: np.ndarray, labels: np.ndarray) -> Picture:
    """Mean over the test images of each true class of what each output reads."""
    classes = scores.shape[1]
    mean = np.stack([scores[labels == c].mean(axis=0) if (labels == c).any() else np.zeros(classes) for c in range(classes)])
    largest = float(np.abs(mean).max()) or 1.0
    with figure(1, 1, size=(5.2, 4.4)) as (drawn, axis):
        shown = axis.imshow(mean / largest, cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set(xlabel="output", ylabel="true class", xticks=range(classes), yticks=range(classes))
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        drawn.colorbar(shown, ax=axis, label="mean score, largest = 1", shrink=0.85).outline.set_visible(False)
        picture = png(drawn)
    return Picture("scores", "Mean reading of each output", "Averages over all test images of a class.", picture)
