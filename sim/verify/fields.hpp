// Lanes of a unit's fields, their bit slices, and the class of a difference.
//
// Expects: UNIT, INPUTS, OUTPUTS, FIELDS, WIDTHS, HAS_RANDOM (the last field), and what units.hpp
// expects.
#pragma once
#include "slices.hpp"
#include "units.hpp"

typedef uint16_t Lanes16 __attribute__((vector_size(16)));

// 512 numbers in pieces of 16 bits, lowest piece first.
struct alignas(64) Lanes {
  uint16_t piece[4][LANES];

  void put(unsigned group, L value, unsigned width) {
    for (unsigned p = 0; 16 * p < width; ++p) {
      const Lanes16 part = __builtin_convertvector((UL)value >> 16 * p & 0xFFFF, Lanes16);
      std::memcpy(piece[p] + 8 * group, &part, sizeof part);
    }
  }

  void slices(V *out, unsigned width) const {
    for (unsigned p = 0; 16 * p < width; ++p)
      slice(piece[p], out + 16 * p, width - 16 * p < 16 ? width - 16 * p : 16);
  }
};

constexpr unsigned GROUPS = LANES / 8;

static inline L random_field(const L *field) { return HAS_RANDOM ? field[FIELDS - 1] : L{}; }

static bool is_special(uint64_t pattern, Format f, bool nan) {
  const int64_t magnitude = pattern & ((uint64_t(1) << (f.width() - 1)) - 1);
  return nan ? magnitude > (f.ieee ? f.infinity() : f.largest()) : f.ieee && magnitude == f.infinity();
}

static bool is_tiny(uint64_t pattern, Format f) {
  const uint64_t magnitude = pattern & ((uint64_t(1) << (f.width() - 1)) - 1);
  return magnitude > 0 && magnitude >> f.mantissa == 0;
}

static unsigned classify(const uint64_t *in, uint64_t got, uint64_t want) {
  bool nan = false, infinite = false, tiny = false;
  const unsigned numbers = KIND == INT_TO_FLOAT ? 0 : FIELDS - HAS_RANDOM;
  for (unsigned n = 0, at = 0; n < numbers; at += WIDTHS[n++]) {
    uint64_t pattern = in[at / 64] >> at % 64;
    if (at % 64) pattern |= in[at / 64 + 1] << (64 - at % 64);
    const Format f = KIND == FMA && n == 2 ? ADDEND : FORMAT;
    nan |= is_special(pattern, f, true);
    infinite |= is_special(pattern, f, false);
    tiny |= is_tiny(pattern, f);
  }
  if (nan) return NAN_IN;
  if (infinite) return INF_IN;
  if (tiny) return SUBNORMAL_IN;
  if (KIND == COMPARE) return CORE;
  const Format f = RULE.result;
  const uint64_t below = (uint64_t(1) << (f.width() - 1)) - 1, normal = uint64_t(1) << f.mantissa;
  const uint64_t g = got & below, w = want & below;
  if (g > uint64_t(f.largest()) || w > uint64_t(f.largest())) return OVERFLOW_OUT;
  if (g == 0 && w == 0) return ZERO_SIGN;
  return g <= normal && w <= normal ? SUBNORMAL_OUT : CORE;
}

// Runs the unit on one block whose slices are in `in` and tallies it.
static inline void judge(const V *in, const Lanes &wanted, Report &report) {
  V got[OUTPUTS], want[OUTPUTS];
  UNIT(in, got);
  wanted.slices(want, OUTPUTS);
  compare(in, INPUTS, got, want, OUTPUTS, report, classify);
}
