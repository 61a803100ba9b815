"""Words that one shift register will have far ahead, all at once: networks of XOR.

A step of the register (see :class:`models.config.units.LfsrConfig`) is a multiplication by ``x``
modulo a polynomial over GF(2), where state bit ``i`` is the coefficient of ``x**(width - 1 - i)``.
Polynomials are integers here, bit ``k`` the coefficient of ``x**k``.
"""

from functools import reduce
from operator import xor

from amaranth import *

from models.config.chopped_units import PulseTrainConfig
from models.config.units import LfsrConfig


def word_masks(config: PulseTrainConfig) -> list[list[int]]:
    """State bits whose sum over GF(2) is a bit of a word, [line][bit].

    Line ``l`` has the low ``random_bits`` bits of the state ``offset(l)`` words ahead.
    """
    return [
        ahead_masks(config.offset(line) * config.lfsr.word_bits, config.lfsr, config.random_bits)
        for line in range(config.rows + config.columns)
    ]


def ahead_masks(steps: int, lfsr: LfsrConfig, bits: int) -> list[int]:
    """Masks of state bits that sum to each of the low ``bits`` bits, ``steps`` steps ahead."""
    width = lfsr.width
    image, masks = _power_of_x(steps, lfsr), [0] * bits
    for place in reversed(range(width)):  # state bit ``place`` is x**(width - 1 - place)
        for bit in range(bits):
            masks[bit] |= (image >> (width - 1 - bit) & 1) << place
        image = _times_x(image, lfsr)
    return masks


def _power_of_x(exponent: int, lfsr: LfsrConfig) -> int:
    result = 1
    for digit in f"{exponent:b}":
        result = _product(result, result, lfsr)
        if digit == "1":
            result = _times_x(result, lfsr)
    return result


def _product(a: int, b: int, lfsr: LfsrConfig) -> int:
    result = 0
    for digit in f"{b:b}":
        result = _times_x(result, lfsr)
        if digit == "1":
            result ^= a
    return result


def _times_x(a: int, lfsr: LfsrConfig) -> int:
    """Shift, and take off the polynomial, whose low coefficients are the feedback mirrored."""
    mirrored = int(f"{lfsr.feedback:0{lfsr.width}b}"[::-1], 2)
    a <<= 1
    return a ^ (1 << lfsr.width | mirrored) if a >> lfsr.width else a


class Parities:
    """Parities of subsets of the bits of a value, from shared parities of its nibbles and bytes.

    Many subsets of 32 bits cost little more than one LUT of four inputs each: the 255 subsets of
    each byte are made once.
    """

    def __init__(self, m: Module, value: Value, name: str):
        self._m, self._value, self._name = m, value, name
        self._made: dict[tuple[int, int, int], Value] = {}

    def of(self, mask: int) -> Value:
        """Parity of the bits in ``mask``."""
        return self._sum([self._part(8, n, mask >> 8 * n & 255) for n in range(4)])

    def _part(self, size: int, index: int, mask: int) -> Value:
        """Parity of some of the ``size`` bits of part ``index``; a wire of its own."""
        if not mask:
            return Const(0)
        if size == 1:
            return self._value[index]
        key = size, index, mask
        if key not in self._made:
            step = {8: 4, 4: 1}[size]
            first, digits = index * size // step, (1 << step) - 1
            parts = [
                self._part(step, first + n, mask >> step * n & digits) for n in range(size // step)
            ]
            self._made[key] = self._wire(key, self._sum(parts))
        return self._made[key]

    def _sum(self, parts: list[Value]) -> Value:
        return reduce(xor, [part for part in parts if not isinstance(part, Const)], Const(0, 1))

    def _wire(self, key: tuple[int, int, int], value: Value) -> Value:
        wire = Signal(name="_".join([self._name, *map(str, key)]))
        self._m.d.comb += wire.eq(value)
        return wire
