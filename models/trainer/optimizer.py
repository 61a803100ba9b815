"""Stochastic gradient descent."""

from collections.abc import Mapping

import numpy as np

from models.trainer.layers import Array


class SGD:
    """Descent with momentum: ``v = momentum * v + g``, then ``w = w - rate * v``, in place.

    Parameters
    ----------
    parameters : dict of str to array
        The arrays to change.
    momentum : float
        0 to below 1; 0 keeps no velocity.
    """

    def __init__(self, parameters: Mapping[str, Array], momentum: float = 0.0):
        self.parameters = dict(parameters)
        self.momentum = momentum
        kept = self.parameters if momentum else {}
        self.velocity = {name: np.zeros_like(value) for name, value in kept.items()}

    def step(self, gradients: Mapping[str, Array], rate: float) -> None:
        """Move every parameter once."""
        for name, value in self.parameters.items():
            direction = gradients[name]
            if self.momentum:
                velocity = self.velocity[name]
                velocity *= value.dtype.type(self.momentum)
                velocity += direction
                direction = velocity
            value -= value.dtype.type(rate) * direction

    def state(self) -> dict[str, Array]:
        """Copy the velocities, by parameter name."""
        return {name: value.copy() for name, value in self.velocity.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Take the velocities back; ValueError as in `copy_into`."""
        copy_into(self.velocity, state)


def copy_into(targets: Mapping[str, Array], state: Mapping[str, Array]) -> None:
    """Copy ``state`` into arrays that others hold, all of them or none.

    Raises
    ------
    ValueError
        If the names, a shape or a dtype differ.
    """
    if set(targets) != set(state):
        raise ValueError(f"state must hold {sorted(targets)}, not {sorted(state)}")
    for name, target in targets.items():
        wanted, found = (target.shape, target.dtype), (state[name].shape, state[name].dtype)
        if wanted != found:
            raise ValueError(
                f"{name} must be {wanted[1]} of shape {wanted[0]}, "
                f"not {found[1]} of shape {found[0]}"
            )
    for name, target in targets.items():
        target[...] = state[name]
