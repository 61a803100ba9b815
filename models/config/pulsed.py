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

KINDS = (
    "constant_step",
    "linear_step",
    "soft_bounds",
    "soft_bounds_reference",
    "exp_step",
    "power_step",
)
FAST_KINDS = KINDS[:3]  # those of the law of many pulses at once, models.analog.pulsed
CYCLE_NOISES = ("multiplicative", "additive")
PULSE_TYPES = (
    "stochastic_compressed",
    "stochastic",
    "mean_count",
    "deterministic_implicit",
    "none_with_device",
)


@dataclass(frozen=True, kw_only=True)
class PulsedDeviceConfig:
    """A population of devices that one pulse moves by about ``dw_min``.

    At weight ``w`` an up pulse moves a device by ``s (1 - gamma w / w_max)`` and a down pulse by
    ``-s (1 - gamma w / w_min)``, each times ``1 + cycle_spread * xi``, and no further than the
    bounds; ``gamma`` is 0 for ``constant_step`` and 1, with the device's own bounds, for
    ``soft_bounds`` and ``soft_bounds_reference``. The laws of ``exp_step`` and ``power_step`` are
    in `models.analog.crosspoints`. The defaults are those of aihwkit's devices (confirmed in its
    code), but for ``soft_bounds_reference``, whose noise is additive there.

    Parameters
    ----------
    kind : str
        ``constant_step``, ``linear_step``, ``soft_bounds``, ``soft_bounds_reference``,
        ``exp_step`` or ``power_step``.
    dw_min : float
        Mean step at weight 0, 1e-6 to 1.
    w_max, w_min : float
        Mean bounds, 0.001 to 1000 and -1000 to -0.001, to 0 of one-sided pairs.
    dw_min_dtod, w_max_dtod, w_min_dtod : float
        Device-to-device standard deviations, relative, 0 to 2.
    dw_min_log_normal : bool
        Steps are spread as ``exp(dw_min_dtod * xi)``.
    up_down : float
        Asymmetry: up steps are smaller by ``-up_down`` if it is negative, down steps by
        ``up_down`` if positive, relative to ``dw_min``. -1 to 1.
    up_down_dtod : float
        Device-to-device standard deviation of the asymmetry, 0 to 2.
    gamma_up, gamma_down : float
        For ``linear_step``: share of the step that is lost from weight 0 to the bound, 0 to 10.
    gamma_dtod : float
        For ``linear_step``: device-to-device standard deviation of ``gamma``, absolute, 0 to 2.
    mean_bound_reference : bool
        For ``linear_step``: that bound is the mean one; otherwise the device's own.
    slope_up_dtod, slope_down_dtod : float
        For ``soft_bounds_reference``: relative spread of the slopes of the step, which moves the
        bounds by its inverse. 0 to 2.
    exp_gain_up, exp_gain_down, exp_rate_up, exp_rate_down, exp_slope, exp_offset : float
        For ``exp_step``: ``A``, ``r`` and ``a``, ``b`` of ``z = 2 a w / (b+ - b-) + b``. -1000
        to 1000, rates 0 to 100.
    exp_std_add, exp_std_slope : float
        For ``exp_step``: sizes of steps, absolute and per weight, that add to the step in the
        standard deviation of the cycle-to-cycle noise. 0 to 100.
    power, power_dtod : float
        For ``power_step``: mean exponent, 0 to 10, and its relative spread, 0 to 2.
    power_up_down, power_up_down_dtod : float
        For ``power_step``: asymmetry of the exponent and its spread, as those of the step.
    cycle_spread : float
        Cycle-to-cycle standard deviation of a step, relative, 0 to 10.
    cycle_noise : str
        ``multiplicative``: relative to the step where the device is; ``additive``: to its step at
        weight 0 (linear kinds).
    write_noise : float
        Standard deviation, in ``dw_min``, of the weight that reads see around the one that pulses
        move; drawn at each pulse of a device. 0 to 1000.
    reference_mean, reference_std : float
        Weight of a reference device, which reads subtract: -1000 to 1000, 0 to 1000.
    subtract_symmetry_point : bool
        For soft bounds: the reference is added to the device's symmetry point.
    lifetime, lifetime_dtod : float
        Mini-batches after which 1/e of the distance to the reset weight is left, 0 for ever, 0 to
        1e12; relative spread, 0 to 2.
    diffusion, diffusion_dtod : float
        Standard deviation that a mini-batch adds to a weight, 0 to 1000; relative spread, 0 to 2.
    drift_nu, drift_nu_dtod, drift_t0 : float
        Exponent of the decay of weights with the time since they changed, 0 to 1; its relative
        spread, 0 to 2; the time from which it counts, 1e-9 to 1e9 s.
    reset, reset_dtod, reset_std : float
        Weight after a reset: mean, -1000 to 1000, absolute spread over devices and over resets, 0
        to 1000.
    stuck_fraction : float
        Share of devices that never move, 0 to 1.
    stuck_range : float
        Their weights are uniform within the bounds and this magnitude, 0 to 1000.
    one_sided : bool
        Each crosspoint is a pair of devices of which one subtracts; both get up pulses only.
    refresh_every : int
        One-sided pairs: mini-batches from one refresh to the next, 0 for none, to 1,000,000.
    refresh_upper, refresh_lower : float
        A pair is refreshed if one device is above, the other above this share of ``w_max``, -1
        to 1.
    refresh_bl : int
        Longest pulse train of the write of a refresh, 1 to 1000.
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
    dw_min_log_normal: bool = False
    up_down: float = 0.0
    up_down_dtod: float = 0.01
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_dtod: float = 0.05
    mean_bound_reference: bool = True
    slope_up_dtod: float = 0.0
    slope_down_dtod: float = 0.0
    exp_gain_up: float = 0.00081
    exp_gain_down: float = 0.36833
    exp_rate_up: float = 12.44625
    exp_rate_down: float = 12.78785
    exp_slope: float = 0.244
    exp_offset: float = 0.2425
    exp_std_add: float = 0.0
    exp_std_slope: float = 0.0
    power: float = 1.0
    power_dtod: float = 0.1
    power_up_down: float = 0.0
    power_up_down_dtod: float = 0.0
    cycle_spread: float = 0.3
    cycle_noise: str = "multiplicative"
    write_noise: float = 0.0
    reference_mean: float = 0.0
    reference_std: float = 0.0
    subtract_symmetry_point: bool = False
    lifetime: float = 0.0
    lifetime_dtod: float = 0.0
    diffusion: float = 0.0
    diffusion_dtod: float = 0.0
    drift_nu: float = 0.0
    drift_nu_dtod: float = 0.0
    drift_t0: float = 1.0
    reset: float = 0.0
    reset_dtod: float = 0.0
    reset_std: float = 0.01
    stuck_fraction: float = 0.0
    stuck_range: float = 1000.0
    one_sided: bool = False
    refresh_every: int = 0
    refresh_upper: float = 0.75
    refresh_lower: float = 0.25
    refresh_bl: int = 31
    source: str = "aihwkit, PulsedDevice defaults"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_choice("cycle_noise", self.cycle_noise, CYCLE_NOISES)
        for name in BOOLS:
            check_bool(name, getattr(self, name))
        for names, (low, high) in RANGES.items():
            for name in names:
                check_float(name, getattr(self, name), low, high)
        check_float("w_min", self.w_min, -1e3, 0.0 if self.one_sided else -1e-3)
        check_int("refresh_every", self.refresh_every, 0, 1_000_000)
        check_int("refresh_bl", self.refresh_bl, 1, 1000)
        if not isinstance(self.source, str):
            raise TypeError(f"source must be a string, not {self.source!r}")
        linear = self.kind not in ("exp_step", "power_step")
        if not linear and self.cycle_noise != "multiplicative":
            raise ValueError(
                f"cycle_noise must be multiplicative for {self.kind}, not {self.cycle_noise!r}"
            )
        bounded = self.kind.startswith("soft_bounds") and not self.one_sided
        if self.subtract_symmetry_point and not bounded:
            raise ValueError(
                "subtract_symmetry_point must be false but for soft bounds of single devices, not "
                f"{self.subtract_symmetry_point!r}"
            )


BOOLS = ("dw_min_log_normal", "mean_bound_reference", "subtract_symmetry_point", "one_sided")
RANGES = {
    ("dw_min",): (1e-6, 1.0),
    ("w_max",): (1e-3, 1e3),
    ("up_down", "power_up_down", "refresh_upper", "refresh_lower"): (-1.0, 1.0),
    ("drift_nu", "stuck_fraction"): (0.0, 1.0),
    ("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod", "gamma_dtod"): (0.0, 2.0),
    ("slope_up_dtod", "slope_down_dtod", "power_dtod", "power_up_down_dtod"): (0.0, 2.0),
    ("lifetime_dtod", "diffusion_dtod", "drift_nu_dtod"): (0.0, 2.0),
    ("gamma_up", "gamma_down", "power", "cycle_spread"): (0.0, 10.0),
    ("exp_rate_up", "exp_rate_down", "exp_std_add", "exp_std_slope"): (0.0, 100.0),
    ("exp_gain_up", "exp_gain_down", "exp_slope", "exp_offset"): (-1e3, 1e3),
    ("reference_mean", "reset"): (-1e3, 1e3),
    ("write_noise", "reference_std", "diffusion", "reset_dtod", "reset_std"): (0.0, 1e3),
    ("stuck_range",): (0.0, 1e3),
    ("lifetime",): (0.0, 1e12),
    ("drift_t0",): (1e-9, 1e9),
}


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
        ``stochastic_compressed``: Bernoulli trains, both signs in one pass; ``stochastic``: the
        same trains, in one pass for each sign of the inputs; ``mean_count``: each line has the mean
        number of pulses, and a crosspoint the rounded mean of their coincidences;
        ``deterministic_implicit``: the rounded mean number of coincidences; ``none_with_device``:
        the product itself is added, within the bounds of the devices.
    fixed_bl : bool
        Without length management: always ``desired_bl`` slots. Otherwise, if ``lr`` is above
        ``desired_bl`` steps, as many as it has steps, with the values as probabilities.
    resolution : float
        Stochastic types and ``mean_count``: probabilities are rounded to multiples of it, 0 for
        none, to 1.
    stochastic_rounding : bool
        Round them up or down at random, so that they are right on average.
    x_resolution, delta_resolution : float
        ``deterministic_implicit``: the same of inputs and of errors.
    """

    desired_bl: int = 31
    update_management: bool = True
    update_bl_management: bool = True
    pulse_type: str = "stochastic_compressed"
    fixed_bl: bool = True
    resolution: float = 0.0
    stochastic_rounding: bool = False
    x_resolution: float = 0.0
    delta_resolution: float = 0.0

    def __post_init__(self) -> None:
        check_int("desired_bl", self.desired_bl, 1, 1000)
        check_choice("pulse_type", self.pulse_type, PULSE_TYPES)
        for name in ("update_management", "update_bl_management", "fixed_bl"):
            check_bool(name, getattr(self, name))
        check_bool("stochastic_rounding", self.stochastic_rounding)
        for name in ("resolution", "x_resolution", "delta_resolution"):
            check_float(name, getattr(self, name), 0.0, 1.0)

    @property
    def is_stochastic(self) -> bool:
        """Whether lines fire at random."""
        return self.pulse_type in PULSE_TYPES[:2]
