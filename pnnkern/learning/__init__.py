"""Learning: rules, losses and optimisers. A rule acts on a system only through what that system can do."""

from .adjoint import AdjointLearning
from .agnostic import AgnosticEP
from .continual import ContinualEP
from .contrastive_divergence import ContrastiveDivergence
from .coupled import (
    adjoint_learning_update,
    agnostic_learning_step,
    coupled_dynamics,
    coupled_learning_step,
    coupled_learning_update,
    frequency_propagation_update,
    nudged_learning_update,
)
from .elastic import allosteric_learning_update, elastic_learning_update
from .equilibrium import ContrastiveLearning, CoupledLearning, EquilibriumPropagation
from .feedback_alignment import DirectFeedback, feedback_matrix
from .frequency import FrequencyPropagation
from .hardware_aware import HardwareAware
from .holomorphic import HolomorphicEP
from .in_silico import InSilico
from .losses import CrossEntropy, Differential, Logits, MeanSquare, SquareError
from .optimizers import SGD, Adam
from .perturbation import SPSA
from .physics_aware import PhysicsAware
from .rule import Batch, Rule, Supervised, kinds, one_step

__all__ = [
    "SGD",
    "SPSA",
    "Adam",
    "AdjointLearning",
    "AgnosticEP",
    "Batch",
    "ContinualEP",
    "ContrastiveDivergence",
    "ContrastiveLearning",
    "CoupledLearning",
    "CrossEntropy",
    "Differential",
    "DirectFeedback",
    "EquilibriumPropagation",
    "FrequencyPropagation",
    "HardwareAware",
    "HolomorphicEP",
    "InSilico",
    "Logits",
    "MeanSquare",
    "PhysicsAware",
    "Rule",
    "SquareError",
    "Supervised",
    "adjoint_learning_update",
    "agnostic_learning_step",
    "allosteric_learning_update",
    "coupled_dynamics",
    "coupled_learning_step",
    "coupled_learning_update",
    "elastic_learning_update",
    "feedback_matrix",
    "frequency_propagation_update",
    "kinds",
    "nudged_learning_update",
    "one_step",
]
