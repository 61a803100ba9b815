"""Devices written by identical pulses, and how a vector pair becomes pulses.

==============================  ==================  ===================
quantity                        symbol              variable
==============================  ==================  ===================
weight change of a pulse at 0   dw                  ``dw_min``
weight bounds                   w_max, w_min        ``w_max``, ``w_min``
change lost over the range      gamma               ``gamma_up``, ``gamma_down``
length of a pulse train         BL                  ``desired_bl``
==============================  ==================  ===================

Weights have no unit.
"""

from dataclasses import dataclass

from models.config.checks import check_bool, check_choice, check_float, check_int

KINDS = ("constant_step", "linear_step", "soft_bounds")
PULSE_TYPES = ("stochastic_compressed",)


@dataclass(frozen=True, kw_only=True)
class PulsedDeviceConfig:
    """A population of devices that one pulse moves by about ``dw_min``.

    At weight ``w`` an up pulse moves a device by ``s (1 - gamma w / w_max)`` and a down pulse by
    ``-s (1 - gamma w / w_min)``, each times ``1 + cycle_spread * xi``, and no further than the
    bounds; ``gamma`` is 0 for ``constant_step`` and 1, with the device's own bounds, for
    ``soft_bounds``. The defaults are those of aihwkit's devices (confirmed in its code).

    Parameters
    ----------
    kind : str
        ``constant_step``, ``linear_step`` or ``soft_bounds``.
    dw_min : float
        Mean step at weight 0, 1e-6 to 1.
    w_max, w_min : float
        Mean bounds, 0.001 to 1000 and -1000 to -0.001.
    dw_min_dtod, w_max_dtod, w_min_dtod : float
        Device-to-device standard deviations, relative, 0 to 2.
    up_down : float
        Asymmetry: up steps are smaller by ``-up_down`` if it is negative, down steps by
        ``up_down`` if positive, relative to ``dw_min``. -1 to 1.
    up_down_dtod : float
        Device-to-device standard deviation of the asymmetry, 0 to 2.
    gamma_up, gamma_down : float
        For ``linear_step``: share of the step that is lost from weight 0 to the mean bound, 0
        to 10.
    gamma_dtod : float
        For ``linear_step``: device-to-device standard deviation of ``gamma``, absolute, 0 to 2.
    cycle_spread : float
        Cycle-to-cycle standard deviation of a step, relative, 0 to 10.
    stuck_fraction : float
        Share of devices that never move, 0 to 1.
    source : str
        Where the numbers come from, and how sure they are.
    """

    kind: str = "soft_bounds"
    dw_min: float = 0.001
    w_max: float = 0.6
    w_min: float = -0.6
    dw_min_dtod: float = 0.3
    w_max_dtod: float = 0.3
    w_min_dtod: float = 0.3
    up_down: float = 0.0
    up_down_dtod: float = 0.01
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_dtod: float = 0.05
    cycle_spread: float = 0.3
    stuck_fraction: float = 0.0
    source: str = "aihwkit, PulsedDevice defaults"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        for name, low, high in (
            ("dw_min", 1e-6, 1.0),
            ("w_max", 1e-3, 1e3),
            ("w_min", -1e3, -1e-3),
            ("dw_min_dtod", 0.0, 2.0),
            ("w_max_dtod", 0.0, 2.0),
            ("w_min_dtod", 0.0, 2.0),
            ("up_down", -1.0, 1.0),
            ("up_down_dtod", 0.0, 2.0),
            ("gamma_up", 0.0, 10.0),
            ("gamma_down", 0.0, 10.0),
            ("gamma_dtod", 0.0, 2.0),
            ("cycle_spread", 0.0, 10.0),
            ("stuck_fraction", 0.0, 1.0),
        ):
            check_float(name, getattr(self, name), low, high)
        if not isinstance(self.source, str):
            raise TypeError(f"source must be a string, not {self.source!r}")


@dataclass(frozen=True, kw_only=True)
class PulsedUpdateConfig:
    """How one vector pair is coded in pulse trains.

    Parameters
    ----------
    desired_bl : int
        Longest pulse train in slots, 1 to 1000.
    update_management : bool
        Balance the probabilities of both sides, so that the largest of each are equal.
    update_bl_management : bool
        Shorten the trains to what the largest update needs; balances as well.
    pulse_type : str
        ``stochastic_compressed``: Bernoulli trains, both signs in one pass.
    """

    desired_bl: int = 31
    update_management: bool = True
    update_bl_management: bool = True
    pulse_type: str = "stochastic_compressed"

    def __post_init__(self) -> None:
        check_int("desired_bl", self.desired_bl, 1, 1000)
        check_bool("update_management", self.update_management)
        check_bool("update_bl_management", self.update_bl_management)
        check_choice("pulse_type", self.pulse_type, PULSE_TYPES)
