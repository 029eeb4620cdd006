"""Learning: rules, losses and optimisers. A rule acts on a system only through what that system can do."""

from .in_silico import InSilico
from .losses import CrossEntropy, Differential, MeanSquare
from .optimizers import SGD, Adam

__all__ = ["SGD", "Adam", "CrossEntropy", "Differential", "InSilico", "MeanSquare"]
