"""Trainable physical systems, assembled from the physics rooms."""

from .d2nn import D2NN

__all__ = ["D2NN"]
