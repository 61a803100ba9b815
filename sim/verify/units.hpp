// What a unit should give, from the exact sum of oracle.hpp, eight lanes at a time.
//
// Expects: KIND, FORMAT, ADDEND, RULE, TERMS, BEATS, INT_WIDTH; fields come in the order of the payload.
#pragma once
#include "oracle.hpp"

enum Kind { MUL, ADD, FMA, FUSED_SUM, FUSED_DOT, CONVERT, INT_TO_FLOAT, COMPARE };

constexpr int max_of(int a, int b) { return a > b ? a : b; }
constexpr int log2_up(int n) { return n <= 1 ? 0 : 1 + log2_up((n + 1) / 2); }

constexpr bool PRODUCTS = KIND == MUL || KIND == FMA || KIND == FUSED_DOT;
constexpr int LSB_OF_NUMBER = 1 - FORMAT.bias - FORMAT.mantissa;
constexpr int LSB_OF_TERM = PRODUCTS ? 2 * LSB_OF_NUMBER : LSB_OF_NUMBER;
constexpr int LSB_OF_ADDEND = 1 - ADDEND.bias - ADDEND.mantissa;
constexpr int LSB = KIND == INT_TO_FLOAT                             ? 0
                    : KIND == FMA && LSB_OF_ADDEND < LSB_OF_TERM     ? LSB_OF_ADDEND
                                                                     : LSB_OF_TERM;
constexpr int TERM_BITS = (PRODUCTS ? 2 : 1) * (int(FORMAT.top()) + FORMAT.mantissa + 1);
constexpr int ADDEND_BITS = int(ADDEND.top()) + ADDEND.mantissa + 1;
constexpr int BITS = KIND == INT_TO_FLOAT
                         ? INT_WIDTH + 2
                         : max_of(TERM_BITS + LSB_OF_TERM - LSB,
                                  KIND == FMA ? ADDEND_BITS + LSB_OF_ADDEND - LSB : 0) +
                               log2_up(TERMS * BEATS) + 3;
static_assert(TERMS * BEATS <= 1 << 14, "limbs take up to 2^15 terms before carries");
using Exact = Sum<BITS, LSB>;
static_assert(RULE.rounding != STOCHASTIC ||
                  RULE.random_bits + RULE.result.mantissa < LIMB,
              "random bits must lie within the 48 leading bits");

static inline void add_number(Exact &sum, L pattern, Format f, int lsb) {
  const Operand x = decode(pattern, f, RULE.flushed);
  sum.term(x.negative, x.significand, x.exponent - 1 + (lsb - LSB));
  sum.special(x.nan, x.infinite, x.negative);
}

static inline void add_product(Exact &sum, L a, L b) {
  const Operand x = decode(a, FORMAT, RULE.flushed), y = decode(b, FORMAT, RULE.flushed);
  const L negative = x.negative ^ y.negative, infinite = x.infinite | y.infinite;
  const L x_zero = (x.significand == 0) & ~x.infinite, y_zero = (y.significand == 0) & ~y.infinite;
  sum.term(negative, x.significand * y.significand,
           x.exponent + y.exponent - 2 + (LSB_OF_TERM - LSB));
  sum.special(x.nan | y.nan | (x.infinite & y_zero) | (y.infinite & x_zero), infinite, negative);
}

static_assert(KIND != COMPARE || FORMAT.width() <= 30, "the result must fit in 64 bits");

static inline L compared(L a, L b) {
  const Operand x = decode(a, FORMAT, RULE.flushed), y = decode(b, FORMAT, RULE.flushed);
  const int64_t top = int64_t(1) << (FORMAT.width() - 1);
  const L unordered = x.nan | y.nan;
  L value[2], pattern[2];
  for (int k = 0; k < 2; ++k) {
    const Operand &o = k ? y : x;
    const L magnitude = choose((o.significand == 0) & ~o.infinite, L{}, (k ? b : a) & (top - 1));
    value[k] = choose(o.negative, -magnitude, magnitude);
    pattern[k] = magnitude | (o.negative & top);
  }
  const L less = value[0] < value[1], equal = value[0] == value[1];
  L maximum = choose(less, pattern[1], pattern[0]), minimum = choose(less, pattern[0], pattern[1]);
  maximum = choose(equal, pattern[0] & pattern[1], maximum);  // +0 if either is
  minimum = choose(equal, pattern[0] | pattern[1], minimum);
  maximum = choose(unordered, L{} + FORMAT.nan(), maximum);
  minimum = choose(unordered, L{} + FORMAT.nan(), minimum);
  return (less & ~unordered & 1) | (equal & ~unordered & 2) | (unordered & 4) | maximum << 3 |
         minimum << (3 + FORMAT.width());
}

// Adds one beat of a unit to `sum`.
static inline void add_beat(Exact &sum, const L *field) {
  for (int t = 0; t < TERMS; ++t) {
    if (PRODUCTS)
      add_product(sum, field[t], field[TERMS + t]);
    else
      add_number(sum, field[t], FORMAT, LSB_OF_TERM);
  }
  if (KIND == FMA) add_number(sum, field[2], ADDEND, LSB_OF_ADDEND);
}

static inline L expected(const L *field, L random) {
  if (KIND == COMPARE) return compared(field[0], field[1]);
  Exact sum;
  if (KIND == INT_TO_FLOAT) {
    const L value = (field[0] << (64 - INT_WIDTH)) >> (64 - INT_WIDTH), negative = value < 0;
    sum.add(negative, (value ^ negative) - negative, L{});
    sum.all_negative = L{};
  } else {
    add_beat(sum, field);
  }
  return sum.result(RULE, random);
}
