// Results from an exact fixed-point sum of any width, eight lanes at a time: one rounding by its
// definition. Nothing is shared with the twins or the hardware.
#pragma once
#include <cstdint>

typedef int64_t L __attribute__((vector_size(64)));
typedef uint64_t UL __attribute__((vector_size(64)));
typedef double DL __attribute__((vector_size(64)));

struct Format {
  int exponent, mantissa, bias;
  bool ieee;
  constexpr int width() const { return 1 + exponent + mantissa; }
  constexpr int64_t top() const { return (int64_t(1) << exponent) - 1; }
  constexpr int64_t infinity() const { return top() << mantissa; }
  constexpr int64_t nan() const {
    return ieee ? infinity() | int64_t(1) << (mantissa - 1) : (int64_t(1) << (width() - 1)) - 1;
  }
  constexpr int64_t largest() const { return (ieee ? infinity() : nan()) - 1; }
  constexpr int64_t overflow() const { return ieee ? infinity() : nan(); }
};

enum Rounding { NEAREST_EVEN, TOWARD_ZERO, STOCHASTIC };

struct Rule {
  Format result;
  Rounding rounding;
  int random_bits;
  bool flushed;
};

// Masks are -1 or 0 in each lane.
struct Operand {
  L negative, nan, infinite, exponent, significand;
};

static inline Operand decode(L pattern, Format f, bool flushed) {
  const L magnitude = pattern & ((int64_t(1) << (f.width() - 1)) - 1);
  const L field = magnitude >> f.mantissa, tiny = field == 0;
  const L mantissa = magnitude & ((int64_t(1) << f.mantissa) - 1);
  Operand x;
  x.negative = -(pattern >> (f.width() - 1) & 1);
  x.infinite = (magnitude == f.infinity()) & (f.ieee ? -1 : 0);
  x.nan = (magnitude > f.largest()) & ~x.infinite;
  x.exponent = field - tiny;  // 1 for subnormals
  x.significand = mantissa | (~tiny & (int64_t(1) << f.mantissa));
  if (flushed) x.significand &= ~tiny;
  return x;
}

constexpr int LIMB = 48;
constexpr int64_t LIMB_MASK = (int64_t(1) << LIMB) - 1;

// x * 2**n, cut to [0, 2**48); zero where n is out of reach.
static inline L placed(L x, L n) {
  const L left = (x << (n & 63)) & ((UL)n < uint64_t(LIMB));
  const L right = (L)((UL)x >> (UL)(-n & 63)) & ((UL)(-n) < 64) & (n != 0);
  return (left | right) & LIMB_MASK;
}

static inline L choose(L mask, L yes, L no) { return (mask & yes) | (~mask & no); }

static inline L floor_log2(L x) {  // exact below 2**53; -1023 for 0
  const DL value = __builtin_convertvector(x, DL);
  return ((L)value >> 52) - 1023;
}

// Sum of signed terms, bit 0 of which weighs 2**LSB; BITS hold any sum and its sign.
template <int BITS, int LSB>
struct Sum {
  static constexpr int LIMBS = (BITS + LIMB - 1) / LIMB;
  L limb[LIMBS] = {};
  L all_negative = L{} - 1, nan = {}, plus = {}, minus = {};

  void add(L negative, L significand, L position) {
    for (int j = 0; j < LIMBS; ++j)
      limb[j] += (placed(significand, position - LIMB * j) ^ negative) - negative;
  }

  void term(L negative, L significand, L position) {
    add(negative, significand, position);
    all_negative &= negative;
  }

  void special(L is_nan, L infinite, L negative) {
    nan |= is_nan;
    plus |= infinite & ~negative;
    minus |= infinite & negative;
  }

  // Carries resolved; returns the mask of negative sums, whose limbs become the magnitude.
  L settle() {
    L carry = {};
    for (int j = 0; j < LIMBS; ++j) {
      const L x = limb[j] + carry;
      limb[j] = x & LIMB_MASK;
      carry = x >> LIMB;
    }
    const L negative = carry;
    carry = negative & 1;
    for (int j = 0; j < LIMBS; ++j) {
      const L x = (limb[j] ^ (negative & LIMB_MASK)) + carry;
      limb[j] = x & LIMB_MASK;
      carry = x >> LIMB;
    }
    return negative;
  }

  // Pattern of the sum, rounded once; `random` counts for stochastic rounding only.
  L result(Rule rule, L random) {
    const L negative = settle();
    L top = {}, below = {}, lost = {}, at = {}, rest = {};
    for (int j = 0; j < LIMBS; ++j) {
      const L here = limb[j] != 0;
      top = choose(here, limb[j], top);
      below = choose(here, j ? limb[j - (j > 0)] : L{}, below);
      lost = choose(here, rest, lost);
      at = choose(here, L{} + j, at);
      if (j) rest |= limb[j - (j > 0)];
    }
    const L zero = top == 0, lead = choose(zero, L{}, floor_log2(top)), up = LIMB - 1 - lead;
    const L window = (top << up) | (below >> (LIMB - up));
    lost |= below & ((L{} + 1 << (LIMB - up)) - 1);
    const L magnitude = rounded(rule, window, lost, LSB + LIMB * at + lead, random);
    const L sign = choose(zero, all_negative, negative) & (int64_t(1) << (rule.result.width() - 1));
    return with_specials(rule, choose(zero, L{}, magnitude), sign);
  }

  // `window` holds the 48 leading bits of a value of 2**exponent or more, `lost` the rest.
  static L rounded(Rule rule, L window, L lost, L exponent, L random) {
    const Format f = rule.result;
    const L low = L{} + (1 - f.bias);
    const L base = rule.flushed ? exponent : choose(exponent < low, low, exponent);
    const L drop = base - exponent + (LIMB - 1 - f.mantissa);
    const L whole = (window >> (drop & 63)) & (drop < LIMB);
    L more = {};
    if (rule.rounding == NEAREST_EVEN) {
      const L half = (window >> (drop - 1 & 63)) & (drop <= LIMB) & 1;
      const L under = lost | (window & ((L{} + 1 << (drop - 1 & 63)) - 1));
      more = half & ((under != 0) | whole);
    } else if (rule.rounding == STOCHASTIC) {
      const L cut = drop - rule.random_bits;
      const L fraction = (window >> (cut & 63)) & (cut < LIMB);
      const L mask = L{} + ((int64_t(1) << rule.random_bits) - 1);
      more = ((fraction & mask) + (random & mask)) >> rule.random_bits;
    }
    L pattern = ((base + f.bias - 1) << f.mantissa) + whole + more;
    if (rule.flushed) pattern &= pattern >= int64_t(1) << f.mantissa;
    const int64_t beyond = rule.rounding == TOWARD_ZERO ? f.largest() : f.overflow();
    return choose(pattern > f.largest(), L{} + beyond, pattern);
  }

  L with_specials(Rule rule, L magnitude, L sign) const {
    const Format f = rule.result;
    const L infinite = plus | minus, top = int64_t(1) << (f.width() - 1) & minus;
    magnitude = choose(infinite, L{} + f.overflow(), magnitude);
    magnitude = choose(nan | (plus & minus), L{} + f.nan(), magnitude);
    return choose(magnitude == f.nan(), magnitude, magnitude | choose(infinite, top, sign));
  }
};
