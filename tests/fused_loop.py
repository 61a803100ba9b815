"""The definition of windowed fused sums as a loop over Python integers, one packet at a time."""

from fractions import Fraction
from math import inf, nan

from tests.float_cases import operand, plus, times


def sum_terms(row, config):
    """Terms (sign, exponent, significand, value) of patterns."""
    return [_fields(x, config) for x in row]


def dot_terms(a, b, config):
    """Terms of the products of two lists of patterns."""
    terms = []
    for x, y in zip(a, b, strict=True):
        (_, ex, sx, vx), (_, ey, sy, vy) = _fields(x, config), _fields(y, config)
        sign, value = times((_sign(x, config), vx), (_sign(y, config), vy))
        terms.append((sign, ex + ey if sx * sy else 0, sx * sy, value))
    return terms


def sum_loop(*beats_then_config):
    """Sign, value before rounding and weight of the lowest bit; specials have no such weight."""
    *beats, config = beats_then_config
    terms = [(sign, value) for beat in beats for sign, _, _, value in beat]
    if any(value in (inf, -inf) or value != value for _, value in terms):
        return *plus(terms), nan
    anchor = total = None
    for beat in beats:
        own, part = _beat(beat, config)
        if anchor is None:
            anchor, total = own, part
        else:
            new = max(anchor, own)
            total, anchor = (total >> (new - anchor)) + (part >> (new - own)), new
    lsb = Fraction(2) ** (anchor + config.lsb_exponent - (config.window - config.term_bits))
    negative = total < 0 or (total == 0 and all(sign for sign, _ in terms))
    return negative, total * lsb, lsb


def _beat(terms, config):
    anchor = max(exponent for _, exponent, _, _ in terms)
    total = 0
    for sign, exponent, significand, _ in terms:
        wide = significand << (config.window - config.term_bits)
        aligned = wide >> (anchor - exponent)
        if config.sticky and aligned << (anchor - exponent) != wide:
            aligned |= 1
        total += -aligned if sign else aligned
    return anchor, total


def _fields(pattern, config):
    kind = config.format
    mantissa = pattern % 2**kind.mantissa_bits
    field = (pattern >> kind.mantissa_bits) & kind.exponent_max
    hidden = 2**kind.mantissa_bits if field else 0
    if config.is_flushed and not field:
        mantissa = 0
    value = operand(pattern, kind, config.is_flushed)[1]
    return _sign(pattern, config), max(field, 1), mantissa + hidden, value


def _sign(pattern, config):
    return config.format.is_negative(pattern)
