"""Learning: rules, losses and optimisers. A rule acts on a system only through what that system can do."""

from .equilibrium import CoupledLearning, EquilibriumPropagation, contrastive_learning
from .feedback_alignment import DirectFeedback
from .hardware_aware import HardwareAware
from .in_silico import InSilico
from .losses import CrossEntropy, Differential, Logits, MeanSquare, SquareError
from .optimizers import SGD, Adam
from .perturbation import SPSA
from .physics_aware import PhysicsAware

__all__ = [
    "SGD",
    "SPSA",
    "Adam",
    "CoupledLearning",
    "CrossEntropy",
    "Differential",
    "DirectFeedback",
    "EquilibriumPropagation",
    "HardwareAware",
    "InSilico",
    "Logits",
    "MeanSquare",
    "PhysicsAware",
    "SquareError",
    "contrastive_learning",
]  # fmt: skip
