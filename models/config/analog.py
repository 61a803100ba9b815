"""Physics of devices and converters.

======================  ==============  ===========================
quantity                symbol          variable
======================  ==============  ===========================
conductance bounds      G_min, G_max    ``g_min_s``, ``g_max_s``
pulses from end to end  n               ``states``
======================  ==============  ===========================
"""

from dataclasses import dataclass

from models.config.checks import check_float, check_int


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """Bulk-switching memristor with soft bounds.

    A SET pulse moves the normalised conductance by ``s_up * (1 - g / b)``, a RESET pulse by
    ``-s_down * g / b``, each times ``1 + cycle_spread * xi``; ``g`` stays in ``[0, b]``.

    Parameters
    ----------
    g_min_s, g_max_s : float
        Conductance bounds in siemens.
    states : int
        Nominal pulses per range, 2 to 100,000: the nominal step is ``1 / states``.
    step_spread : float
        Device-to-device standard deviation of the step, relative.
    cycle_spread : float
        Cycle-to-cycle standard deviation of a step, relative.
    bound_spread : float
        Device-to-device standard deviation of the upper bound ``b``, relative.
    asymmetry_spread : float
        Device-to-device standard deviation of (s_up - s_down) / 2, relative to the step.
    read_noise : float
        Standard deviation of a device's read current per driven slice level, relative to the
        range.
    stuck_fraction : float
        Share of devices that never move, 0 to 1.
    source : str
        Where the numbers come from, and how sure they are.
    """

    g_min_s: float = 1e-6
    g_max_s: float = 50e-6
    states: int = 128
    step_spread: float = 0.1
    cycle_spread: float = 0.3
    bound_spread: float = 0.05
    asymmetry_spread: float = 0.01
    read_noise: float = 0.005
    stuck_fraction: float = 0.0
    source: str = "proposal: 64 to 256 gradual states, low spread (target unknown)"

    def __post_init__(self) -> None:
        check_float("g_min_s", self.g_min_s, 0.0, 1.0)
        check_float("g_max_s", self.g_max_s, 1e-12, 1.0)
        if self.g_max_s <= self.g_min_s:
            raise ValueError(
                f"g_max_s must be above g_min_s {self.g_min_s!r}, not {self.g_max_s!r}"
            )
        check_int("states", self.states, 2, 100_000)
        for name in ("step_spread", "bound_spread", "asymmetry_spread", "read_noise"):
            check_float(name, getattr(self, name), 0.0, 2.0)
        check_float("cycle_spread", self.cycle_spread, 0.0, 10.0)
        check_float("stuck_fraction", self.stuck_fraction, 0.0, 1.0)
        if not isinstance(self.source, str):
            raise TypeError(f"source must be a string, not {self.source!r}")

    @property
    def pedestal(self) -> float:
        """Current of a device at its lower bound, in units of the conductance range."""
        return self.g_min_s / (self.g_max_s - self.g_min_s)


@dataclass(frozen=True, kw_only=True)
class AdcConfig:
    """Imperfections of the SAR converters, in LSB of the converter.

    Parameters
    ----------
    offset_lsb : float
        Standard deviation of the offset over converters.
    gain_spread : float
        Standard deviation of the gain over converters, relative.
    inl_lsb : float
        Standard deviation over converters of the parabolic integral non-linearity at mid-scale.
    noise_lsb : float
        Standard deviation of sampling and comparator noise, referred to the input: one draw per
        conversion, held through all its decisions.
    """

    offset_lsb: float = 1.0
    gain_spread: float = 0.01
    inl_lsb: float = 0.3
    noise_lsb: float = 0.3

    def __post_init__(self) -> None:
        for name, high in (
            ("offset_lsb", 64.0),
            ("gain_spread", 0.2),
            ("inl_lsb", 8.0),
            ("noise_lsb", 64.0),
        ):
            check_float(name, getattr(self, name), 0.0, high)
