// BF16 product or sum from the float32 arithmetic of the processor, rounded once.
// Double rounding does no harm: 24 bits are at least 2 * 8 + 2 (Figueroa 1995).
//
// Expects: PRODUCT (else the sum).
#pragma once
#include "slices.hpp"

static inline float widened(uint32_t pattern) {
  const uint32_t bits = pattern << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// The result of one pair; `flushed` is constant wherever this is called.
static inline uint16_t expected(uint32_t a, uint32_t b, bool flushed) {
  if (flushed) {
    a = a & 0x7F80 ? a : a & 0x8000;
    b = b & 0x7F80 ? b : b & 0x8000;
  }
  const float x = widened(a), y = widened(b), value = PRODUCT ? x * y : x + y;
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint32_t magnitude = bits & 0x7FFFFFFF, sign = bits >> 16 & 0x8000;
  uint32_t rounded = (magnitude + 0x7FFF + (magnitude >> 16 & 1)) >> 16;
  // With unbounded exponent and 8 bits, 2^-126 - 2^-135 is the tie below 2^-126; it is even there.
  if (flushed) rounded = magnitude < 0x007FC000 ? 0 : rounded;
  return magnitude > 0x7F800000 ? 0x7FC0 : rounded | sign;
}

static unsigned classify(const uint64_t *in, uint64_t got, uint64_t want) {
  const uint64_t a = in[0] & 0x7FFF, b = in[0] >> 16 & 0x7FFF, g = got & 0x7FFF, w = want & 0x7FFF;
  const auto tiny = [](uint64_t x) { return x > 0 && x < 0x80; };
  if (a > 0x7F80 || b > 0x7F80) return NAN_IN;
  if (a == 0x7F80 || b == 0x7F80) return INF_IN;
  if (tiny(a) || tiny(b)) return SUBNORMAL_IN;
  if (g >= 0x7F80 || w >= 0x7F80) return OVERFLOW_OUT;
  if (g == 0 && w == 0) return ZERO_SIGN;
  if (g <= 0x80 && w <= 0x80) return SUBNORMAL_OUT;
  return CORE;
}
