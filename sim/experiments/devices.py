"""Devices of all experiments: soft bounds with a reference, after papers.md E3.4."""

from dataclasses import replace

from models.config.pulsed import PulsedDeviceConfig


def pair(
    *,
    fast_states: int,
    slow_states: int,
    spread: float,
    skew: float,
    offset: float,
    bound: float = 1.0,
) -> tuple[PulsedDeviceConfig, PulsedDeviceConfig]:
    """Devices of A and of W.

    Parameters
    ----------
    fast_states, slow_states : int
        Steps in a range of 2.
    spread : float
        Of bounds (A only), steps and cycles; 0.3 in the check of papers.md E4.
    skew : float
        Of up against down steps.
    offset : float
        Spread of the reference of A around its symmetry points.
    bound : float
        Mean bounds of A; its steps stay.
    """
    slow = PulsedDeviceConfig(
        kind="soft_bounds_reference",
        cycle_noise="additive",
        dw_min=2 / slow_states,
        w_max=1.0,
        w_min=-1.0,
        dw_min_dtod=spread,
        w_max_dtod=0.0,
        w_min_dtod=0.0,
        up_down_dtod=skew,
        cycle_spread=spread,
        subtract_symmetry_point=True,
        source="papers.md E3.4, spreads as in its check (E4)",
    )
    fast = replace(
        slow,
        dw_min=2 / fast_states,
        w_max=bound,
        w_min=-bound,
        w_max_dtod=spread,
        w_min_dtod=spread,
        reference_std=offset,
    )
    return fast, slow
