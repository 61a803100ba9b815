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

from models.config.checks import check_choice, check_float, check_int

NOISE_MANAGEMENT = ("none", "abs_max", "constant")
BOUND_MANAGEMENT = ("none", "iterative")
SUMS = ("exact", "float32")


@dataclass(frozen=True, kw_only=True)
class MvmConfig:
    """Converters, noise and scaling of an analog product, in the units of normalised inputs.

    The defaults are those of aihwkit's ``IOParameters``: 7 and 9 bits, bounds 1 and 12, output
    noise 0.06 (confirmed in its code).

    Parameters
    ----------
    dac_bits, adc_bits : int
        Resolution: ``2**bits - 1`` levels from one bound to the other with 0 among them. 2 to 12
        and 2 to 16; 0 does not quantise.
    input_bound, output_bound : float
        Largest magnitude after the DAC and at the ADC, 0.001 to 1000.
    input_noise, output_noise : float
        Standard deviations after the DAC and before the ADC, 0 to 100.
    weight_noise : float
        Standard deviation of a weight in a read, drawn once per output and vector as
        ``weight_noise * |x|``, 0 to 10.
    noise_management : str
        What divides the inputs: ``none`` 1, ``abs_max`` the largest magnitude of the vector,
        ``constant`` always ``constant``.
    constant : float
        For ``constant``; the upper limit of ``abs_max`` if not 0. 0 to 1e6.
    bound_management : str
        ``iterative`` repeats a vector of which an output saturates with half the input, and so
        on; ``none`` does not.
    largest_reduction : int
        Factor of the inputs beyond which nothing is repeated, 2 to 65536.
    sums : str
        ``exact``: weights lie on a grid of ``2**-24``, input noise on ``dx / 64``, and sums are
        exact, so that results depend on no BLAS, batch or order; needs ``dac_bits``.
        ``float32``: twice as fast; the last bits of a sum, and with them once in a while a code,
        depend on the BLAS.
    """

    dac_bits: int = 7
    adc_bits: int = 9
    input_bound: float = 1.0
    output_bound: float = 12.0
    input_noise: float = 0.0
    output_noise: float = 0.06
    weight_noise: float = 0.0
    noise_management: str = "abs_max"
    constant: float = 0.0
    bound_management: str = "iterative"
    largest_reduction: int = 1000
    sums: str = "exact"

    def __post_init__(self) -> None:
        check_int("dac_bits", self.dac_bits, 0, 12)
        check_int("adc_bits", self.adc_bits, 0, 16)
        for name in ("dac_bits", "adc_bits"):
            if getattr(self, name) == 1:
                raise ValueError(f"{name} must be 0 or at least 2, not 1")
        check_float("input_bound", self.input_bound, 1e-3, 1e3)
        check_float("output_bound", self.output_bound, 1e-3, 1e3)
        check_float("input_noise", self.input_noise, 0.0, 100.0)
        check_float("output_noise", self.output_noise, 0.0, 100.0)
        check_float("weight_noise", self.weight_noise, 0.0, 10.0)
        check_choice("noise_management", self.noise_management, NOISE_MANAGEMENT)
        check_float("constant", self.constant, 0.0, 1e6)
        if self.noise_management == "constant" and not self.constant:
            raise ValueError("constant must be above 0 for noise_management constant, not 0.0")
        check_choice("bound_management", self.bound_management, BOUND_MANAGEMENT)
        check_int("largest_reduction", self.largest_reduction, 2, 65536)
        check_choice("sums", self.sums, SUMS)
        if self.sums == "exact" and not self.dac_bits:
            raise ValueError("sums must be float32 without dac_bits, not 'exact'")

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
