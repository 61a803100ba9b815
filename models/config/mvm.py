"""The general analog matrix-vector product between a DAC and an ADC.

==========================  ==========  ===================
quantity                    symbol      variable
==========================  ==========  ===================
input and output bound      b_x, b_y    ``input_bound``, ``output_bound``
DAC step                    dx          ``input_step``
ADC step                    dy          ``output_step``
==========================  ==========  ===================
"""

from dataclasses import dataclass

from models.config.checks import check_bool, check_choice, check_float, check_int

NOISE_MANAGEMENT = ("none", "abs_max", "constant", "average_abs_max", "abs_max_np_sum")
BOUND_MANAGEMENT = ("none", "iterative", "iterative_worst_case")
PASSES = ("one", "summed", "separate")
WEIGHT_NOISE = ("constant", "pcm")
SUMS = ("exact", "float32")
RANGES = {  # smallest and largest value of each number
    "input_bound": (1e-3, 1e3),
    "output_bound": (1e-3, 1e3),
    "output_scale": (1e-6, 1e6),
    "input_noise": (0.0, 100.0),
    "output_noise": (0.0, 100.0),
    "weight_noise": (0.0, 10.0),
    "read_asymmetry": (0.0, 1.0),
    "ir_drop": (0.0, 1000.0),
    "ir_drop_ratio": (1.0, 1e12),
    "voltage_offset": (0.0, 1.0),
    "offset_weight": (-10.0, 0.0),
    "series_resistance": (0.0, 1e3),
    "largest_series": (0.0, 1e6),
    "nonlinearity": (0.0, 100.0),
    "nonlinearity_spread": (0.0, 10.0),
    "slope_calibration": (0.0, 1.0),
    "constant": (0.0, 1e6),
    "average_decay": (1e-9, 1.0),
    "assumed_weight": (1e-3, 1e3),
    "coarsest_step": (0.0, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class MvmConfig:
    """Converters, noise and scaling of an analog product, in the units of normalised inputs.

    The defaults are those of aihwkit's ``IOParameters``: 7 and 9 bits, bounds 1 and 12, output
    noise 0.06 (confirmed in its code); in `coarsest_step` and `largest_reduction` they are ours,
    its own are in :mod:`models.config.mvm_presets`.

    Parameters
    ----------
    dac_bits, adc_bits : int
        Resolution: ``2**bits - 1`` levels from one bound to the other with 0 among them. 2 to 12
        and 2 to 16; 0 does not quantise.
    dac_stochastic, adc_stochastic : bool
        Round up with the probability of the remainder instead of to the nearest level.
    input_bound, output_bound : float
        Largest magnitude after the DAC and at the ADC, 0.001 to 1000.
    output_scale : float
        Factor on the result, 1e-6 to 1e6.
    passes : str
        ``one``; ``summed``: negative and positive inputs in two passes, added before the ADC;
        ``separate``: each pass has its own noise and conversion, the codes are added.
    read_asymmetry : float
        Spread over the weights of their factor in the pass of negative inputs, 0 to 1.
    input_noise, output_noise : float
        Standard deviations after the DAC and before the ADC, 0 to 100.
    weight_noise : float
        Standard deviation of a weight in a read, drawn once per output and vector, 0 to 10.
    weight_noise_kind : str
        ``constant``: times ``|x|``; ``pcm``: times the root of the sum of ``|w| x**2`` (for exact
        sums |w| lies on a grid: ``2**-24`` at 7 DAC bits, ``2**-11`` with input noise).
    ir_drop : float
        Scale of the voltage drop along the sensed lines, 0 to 1000; 1 is physical.
    ir_drop_ratio : float
        Conductance of the wire from cell to cell over that of the largest weight, 1 to 1e12.
    voltage_offset : float
        Spread of the relative offset of the sensed lines, 0 to 1; negative draws count as 0.
    offset_weight : float
        Weight of the cells of a reference line that is taken off, -10 to 0; 0 for none.
    series_resistance : float
        Drop of a line relative to its output, 0 to 1000.
    largest_series : float
        Bound of that drop, 0 to 1e6.
    nonlinearity : float
        Compression n of outputs, ``y / (1 + n |y|)`` with n in units of ``1 / output_bound``, 0
        to 100.
    nonlinearity_spread : float
        Relative spread of n over the sensed lines, 0 to 10.
    slope_calibration : float
        Output in units of ``output_bound`` at which the slope is calibrated to 1, 0 to 1; 0 for
        no calibration.
    noise_management : str
        What divides the inputs: ``none`` 1, ``abs_max`` the largest magnitude of the vector,
        ``constant`` always ``constant``, ``average_abs_max`` a running mean of the largest
        magnitudes, ``abs_max_np_sum`` the largest magnitude or, if larger, what keeps an array of
        ``assumed_weight`` below the output bound.
    constant : float
        For ``constant``; the upper limit of the largest magnitude in ``abs_max`` and
        ``abs_max_np_sum`` if not 0. 0 to 1e6.
    average_decay : float
        Weight of a vector in the running mean, 1e-9 to 1.
    assumed_weight : float
        0.001 to 1000.
    bound_management : str
        ``iterative`` repeats a vector of which an output saturates with half the input, and so
        on; ``iterative_worst_case`` takes the scale of ``abs_max_np_sum`` for the first repeat
        and halves from there; ``none`` does not repeat.
    largest_reduction : int
        Factor of the inputs beyond which nothing is repeated, 2 to 65536.
    coarsest_step : float
        A vector that was reduced until a DAC step exceeded this part of its range is not repeated
        again, 0 to 1; 0 for no limit. ``abs_max_np_sum`` reduces no further than to this.
    sums : str
        ``exact``: weights lie on a grid of ``2**-24``, input noise on ``dx / 64``, and sums are
        exact, so that results depend on no BLAS, batch or order; needs ``dac_bits``.
        ``float32``: twice as fast; the last bits of a sum, and with them once in a while a code,
        depend on the BLAS.
    """

    dac_bits: int = 7
    adc_bits: int = 9
    dac_stochastic: bool = False
    adc_stochastic: bool = False
    input_bound: float = 1.0
    output_bound: float = 12.0
    output_scale: float = 1.0
    passes: str = "one"
    read_asymmetry: float = 0.0
    input_noise: float = 0.0
    output_noise: float = 0.06
    weight_noise: float = 0.0
    weight_noise_kind: str = "constant"
    ir_drop: float = 0.0
    ir_drop_ratio: float = 1 / 0.35 / 5e-6
    voltage_offset: float = 0.0
    offset_weight: float = 0.0
    series_resistance: float = 0.0
    largest_series: float = 1e6
    nonlinearity: float = 0.0
    nonlinearity_spread: float = 0.0
    slope_calibration: float = 0.0
    noise_management: str = "abs_max"
    constant: float = 0.0
    average_decay: float = 1e-3
    assumed_weight: float = 0.6
    bound_management: str = "iterative"
    largest_reduction: int = 1000
    coarsest_step: float = 0.0
    sums: str = "exact"

    def __post_init__(self) -> None:
        for name, largest in (("dac_bits", 12), ("adc_bits", 16)):
            check_int(name, getattr(self, name), 0, largest)
            if getattr(self, name) == 1:
                raise ValueError(f"{name} must be 0 or at least 2, not 1")
        for name, (low, high) in RANGES.items():
            check_float(name, getattr(self, name), low, high)
        check_bool("dac_stochastic", self.dac_stochastic)
        check_bool("adc_stochastic", self.adc_stochastic)
        check_choice("passes", self.passes, PASSES)
        check_choice("weight_noise_kind", self.weight_noise_kind, WEIGHT_NOISE)
        check_choice("noise_management", self.noise_management, NOISE_MANAGEMENT)
        check_choice("bound_management", self.bound_management, BOUND_MANAGEMENT)
        check_int("largest_reduction", self.largest_reduction, 2, 65536)
        check_choice("sums", self.sums, SUMS)
        self._check_together()

    def _check_together(self) -> None:
        """Raise for values that do not go together."""
        if self.noise_management == "constant" and not self.constant:
            raise ValueError("constant must be above 0 for noise_management constant, not 0.0")
        if self.sums == "exact" and not self.dac_bits:
            raise ValueError("sums must be float32 without dac_bits, not 'exact'")
        for kind in ("dac", "adc"):
            if getattr(self, f"{kind}_stochastic") and not getattr(self, f"{kind}_bits"):
                raise ValueError(f"{kind}_stochastic must be false without {kind}_bits, not True")
        if self.read_asymmetry and self.passes == "one":
            value = self.read_asymmetry
            raise ValueError(f"read_asymmetry must be 0 for passes one, not {value!r}")
        if self.passes == "separate" and self.adc_bits == 16:
            raise ValueError("adc_bits must be below 16 for passes separate, not 16")

    @property
    def has_offsets(self) -> bool:
        """Whether offsets or a series resistance change the outputs."""
        return bool(self.voltage_offset or self.series_resistance)

    @property
    def has_weight_draws(self) -> bool:
        """Whether weight noise has draws of its own.

        Otherwise it is added to the output noise: both are normal and independent.
        """
        return bool(self.weight_noise and (self.weight_noise_kind == "pcm" or self.nonlinearity))

    @property
    def is_plain(self) -> bool:
        """Whether an output is a sum plus one normal draw, converted by rounding to the nearest."""
        bent = self.ir_drop or self.has_offsets or self.nonlinearity or self.slope_calibration
        drawn = self.has_weight_draws or self.adc_stochastic
        return self.passes == "one" and not (bent or drawn)

    @property
    def input_step(self) -> float:
        """DAC step; without DAC bits that of 12 bits, for scaling alone."""
        return self.input_bound / self.largest_input

    @property
    def largest_input(self) -> int:
        """Largest code of the DAC."""
        return 2 ** ((self.dac_bits or 12) - 1) - 1

    @property
    def largest_output(self) -> int:
        """Largest code of the ADC; without ADC bits that of 16 bits, for scaling alone."""
        return 2 ** ((self.adc_bits or 16) - 1) - 1

    @property
    def output_step(self) -> float:
        """ADC step."""
        return self.output_bound / self.largest_output

    @property
    def relative_step(self) -> float:
        """DAC step as a part of the range from one bound to the other."""
        return 1 / (2 * self.largest_input)

    @property
    def reductions(self) -> tuple[int, ...]:
        """Factors by which the inputs of a saturated vector are reduced in its repeats.

        A first factor of 1 stands for the scale of ``abs_max_np_sum``.
        """
        if self.bound_management == "none":
            return ()
        worst = self.bound_management == "iterative_worst_case"
        factors = [1] if worst and self.noise_management != "abs_max_np_sum" else []
        coarsest = self.coarsest_step if self.dac_bits else 0.0
        before = 1
        while 2 * before <= self.largest_reduction:
            if coarsest and before * self.relative_step > coarsest:
                break
            before *= 2
            factors.append(before)
        return tuple(factors)
