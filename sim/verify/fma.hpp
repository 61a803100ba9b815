// BF16 a * b + c against double arithmetic: the product is exact, the sum is rounded to odd in 53
// bits, then once to BF16, which is correct since 53 >= 2 * 8 + 2 and odd never is a tie.
//
// Expects: UNIT, FLUSHED, ROWS and ROW (exponent fields of a, b, c; see check), STRESS.
#pragma once
#include "slices.hpp"
#include "stimulus.hpp"

static inline double widened(uint32_t pattern) {
  const uint32_t bits = pattern << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

static inline uint64_t bits_of(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  return bits;
}

static inline uint16_t rounded(uint64_t bits, bool flushed) {
  const int64_t field = bits >> 52 & 2047, exponent = field - 1023;
  const int64_t significand = (bits & ((int64_t(1) << 52) - 1)) | int64_t(1) << 52;
  const int64_t base = flushed || exponent > -126 ? exponent : -126;
  const int64_t more = base - exponent, shift = 45 + (more < 14 ? more : 14);
  const int64_t whole = significand >> shift, half = int64_t(1) << (shift - 1);
  const int64_t rest = significand & (2 * half - 1);
  const int64_t up = rest > half || (rest == half && (whole & 1));
  int64_t pattern = (base + 126) * 128 + whole + up;
  pattern = pattern > 0x7F80 ? 0x7F80 : pattern;
  pattern = field == 0 || (flushed && pattern < 0x80) ? 0 : pattern;
  const bool nan = (bits & ~(uint64_t(1) << 63)) > uint64_t(0x7FF0000000000000);
  return nan ? 0x7FC0 : pattern | (bits >> 48 & 0x8000);
}

static inline uint16_t expected(uint32_t a, uint32_t b, uint32_t c) {
  if (FLUSHED) {
    a = a & 0x7F80 ? a : a & 0x8000;
    b = b & 0x7F80 ? b : b & 0x8000;
    c = c & 0x7F80 ? c : c & 0x8000;
  }
  const double p = widened(a) * widened(b), z = widened(c), s = p + z;
  const double back = s - p, error = (p - (s - back)) + (z - back);  // Knuth's TwoSum
  uint64_t bits = bits_of(s);
  const bool outward = (error > 0) == (s > 0), fix = error != 0 && !(bits & 1);
  const bool finite = (bits >> 52 & 2047) != 2047;
  bits += fix && finite ? (outward ? 1 : -1) : 0;
  return rounded(bits, FLUSHED);
}

static unsigned classify(const uint64_t *in, uint64_t got, uint64_t want) {
  bool nan = false, infinite = false, tiny = false;
  for (int n = 0; n < 3; ++n) {
    const uint64_t x = in[0] >> 16 * n & 0x7FFF;
    nan |= x > 0x7F80;
    infinite |= x == 0x7F80;
    tiny |= x > 0 && x < 0x80;
  }
  if (nan) return NAN_IN;
  if (infinite) return INF_IN;
  if (tiny) return SUBNORMAL_IN;
  got &= 0x7FFF;
  want &= 0x7FFF;
  if (got >= 0x7F80 || want >= 0x7F80) return OVERFLOW_OUT;
  if (got == 0 && want == 0) return ZERO_SIGN;
  return got <= 0x80 && want <= 0x80 ? SUBNORMAL_OUT : CORE;
}

struct alignas(64) Operands {
  uint16_t x[3][LANES], want[LANES];
};

static inline void judge(const V *in, Operands &o, Report &report) {
  V got[16], want[16];
  for (unsigned n = 0; n < LANES; ++n) o.want[n] = expected(o.x[0][n], o.x[1][n], o.x[2][n]);
  UNIT(in, got);
  slice(o.want, want, 16);
  compare(in, 48, got, want, 16, report, classify);
}

// All significands of a, b and c and both signs of c: 2^22 cases for every row of exponents. The
// sign of a alternates from row to row.
constexpr uint64_t ROW_BLOCKS = (1 << 22) / LANES;

static inline void structured(uint64_t block, Operands &o, Report &report) {
  const unsigned row = block / ROW_BLOCKS, base = block % ROW_BLOCKS * LANES;
  const uint16_t head[3] = {uint16_t((row & 1) << 15 | ROW[row][0] << 7), uint16_t(ROW[row][1] << 7),
                            uint16_t((base >> 21) << 15 | ROW[row][2] << 7)};
  V in[48];
  for (unsigned n = 0; n < LANES; ++n) {
    o.x[0][n] = head[0] | (n & 127);
    o.x[1][n] = head[1] | ((base + n) >> 7 & 127);
    o.x[2][n] = head[2] | (base >> 14 & 127);
  }
  for (unsigned k = 0; k < 3; ++k) slice(o.x[k], in + 16 * k, 16);
  judge(in, o, report);
}

// Factors whose product is a tie of eight bits, as 37/32 * 7/8.
struct Ties {
  uint8_t a[1 << 14], b[1 << 14];
  unsigned count = 0;
  Ties() {
    for (unsigned x = 128; x < 256; ++x)
      for (unsigned y = 128; y < 256; ++y)
        if (x * y >= 1 << 15 ? x * y % 256 == 128 : x * y % 128 == 64)
          a[count] = x - 128, b[count++] = y - 128;
  }
};

static inline L pattern(L sign, L exponent, L mantissa) {
  return (sign & 0x8000) | clamped(exponent, L{}, L{} + 255) << 7 | (mantissa & 127);
}

// One block of one kind: any patterns; c near the product; c far off; ties of the product with a
// tiny c; cancellation; subnormal results; overflow; specials and zeros.
static inline void stress(uint64_t block, Operands &o, Report &report) {
  static const Ties ties;
  Random random(block);
  V in[48];
  for (unsigned group = 0; group < LANES / 8; ++group) {
    L e[3], m[3], s[3];
    for (int n = 0; n < 3; ++n) {
      e[n] = random.below(256);
      m[n] = n & 1 ? random.mantissa(7) : random.bits(7);
      s[n] = random.sign();
    }
    const unsigned kind = block % 8;
    const L middle = kind == 5 ? random.between(L{} - 12, L{} + 12)
                     : kind == 6 ? random.between(L{} + 245, L{} + 256)
                                 : random.between(L{} + 20, L{} + 240);
    L gap = random.between(L{} - 20, L{} + 20);
    if (kind == 2) gap = random.between(L{} - 255, L{} + 255);
    if (kind == 3) gap = random.between(L{} - 200, L{} - 8);
    if (kind == 4) gap = random.between(L{} - 1, L{} + 2);
    if (kind > 0 && kind < 7) {
      e[0] = random.between(clamped(middle - 127, L{} + 1, L{} + 254),
                            clamped(middle + 126, L{} + 1, L{} + 254));
      e[1] = middle + 127 - e[0];
      e[2] = middle + gap;
    }
    if (kind == 3)
      for (int n = 0; n < 8; ++n) {
        const unsigned pick = uint64_t(random.state[n] >> 40) * ties.count >> 24;
        m[0][n] = ties.a[pick];
        m[1][n] = ties.b[pick];
      }
    L x[3];
    for (int n = 0; n < 3; ++n) x[n] = pattern(s[n], e[n], m[n]);
    if (kind == 4)  // c is the product's other sign, rounded, or a neighbour of it
      for (int n = 0; n < 8; ++n) {
        const double p = widened(x[0][n]) * widened(x[1][n]);
        x[2][n] = ((rounded(bits_of(p), false) ^ 0x8000) + random.state[n] % 3 - 1) & 0xFFFF;
      }
    if (kind == 7)
      for (int n = 0; n < 3; ++n) {
        const L special = choose(random.one_in(2), L{} + 0x7F80, L{}) | (s[n] & 0x8000);
        x[n] = choose(random.one_in(2), special | (random.one_in(4) & 1), x[n]);
      }
    for (int n = 0; n < 3; ++n)
      for (int lane = 0; lane < 8; ++lane) o.x[n][8 * group + lane] = x[n][lane];
  }
  for (unsigned k = 0; k < 3; ++k) slice(o.x[k], in + 16 * k, 16);
  judge(in, o, report);
}

extern "C" __attribute__((visibility("default"))) void check(uint64_t first, uint64_t last,
                                                             Report *report) {
  static thread_local Operands operands;
  for (uint64_t block = first; block < last && !report->stop; ++block) {
    if (STRESS)
      stress(block, operands, *report);
    else
      structured(block, operands, *report);
    report->done = block + 1 - first;
  }
}
