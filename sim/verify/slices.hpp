// Bit slices: word w of slice k holds bit k of lanes 64 w to 64 w + 63; and the tally of a check.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

typedef uint64_t V __attribute__((vector_size(64)));
typedef uint32_t Word __attribute__((may_alias));

constexpr unsigned LANES = 512;
constexpr unsigned MAX_WORDS = 40;  // of an example's inputs
constexpr uint64_t ENOUGH = 1 << 20;  // differences after which a check stops
constexpr V ZEROS = {};

static inline V broadcast(bool bit) { return ZEROS - static_cast<uint64_t>(bit); }

// Slices of a counter: lane n of slice k is bit k of n, for the nine bits that tell lanes apart.
static inline void counter_slices(V *out) {
  static const uint64_t WITHIN[6] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                     0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
  for (unsigned k = 0; k < 9; ++k)
    for (unsigned w = 0; w < 8; ++w) out[k][w] = k < 6 ? WITHIN[k] : 0 - (uint64_t(w) >> (k - 6) & 1);
}

// Slices of the low `bits` bits of 512 numbers.
static inline void slice(const uint16_t *lanes, V *out, unsigned bits) {
#if defined(__AVX512BW__)
  Word *words = reinterpret_cast<Word *>(out);
  for (unsigned q = 0; q < 16; ++q) {
    __m512i x = _mm512_loadu_si512(lanes + 32 * q);
    x = _mm512_sll_epi16(x, _mm_cvtsi32_si128(16 - static_cast<int>(bits)));
    for (unsigned k = bits; k-- > 0; x = _mm512_add_epi16(x, x))
      words[16 * k + q] = _mm512_movepi16_mask(x);
  }
#else
  for (unsigned k = 0; k < bits; ++k)
    for (unsigned w = 0; w < 8; ++w) {
      uint64_t word = 0;
      for (unsigned n = 0; n < 64; ++n) word |= uint64_t(lanes[64 * w + n] >> k & 1) << n;
      out[k][w] = word;
    }
#endif
}

// Bits of one lane, gathered from `count` slices, lowest first.
static inline void gather(const V *slices, unsigned count, unsigned lane, uint64_t *words) {
  for (unsigned k = 0; k < count; ++k) {
    if (k % 64 == 0) words[k / 64] = 0;
    words[k / 64] |= (slices[k][lane / 64] >> (lane % 64) & 1) << (k % 64);
  }
}

static inline bool any(V slice) {
  uint64_t all = 0;
  for (unsigned w = 0; w < 8; ++w) all |= slice[w];
  return all != 0;
}

enum Class { NAN_IN, INF_IN, SUBNORMAL_IN, OVERFLOW_OUT, ZERO_SIGN, SUBNORMAL_OUT, CORE, CLASSES };

struct Example {
  uint64_t in[MAX_WORDS], got, want;
};

// Shared with Python (sim/verify/native.py); `stop` is set there, `done` is read while it runs.
struct Report {
  int64_t stop;
  uint64_t done, cases, differences, classes[CLASSES], signature, example_count;
  Example examples[4];
  uint64_t measured, rounded_right, over_2_ulp;
  double worst_ulp, worst_relative, worst_window;
};

// Counts the lanes that differ; `classify(words of the inputs, got, want)` names their class.
template <class Classify>
static inline void compare(const V *in, unsigned inputs, const V *got, const V *want,
                           unsigned outputs, Report &report, Classify classify) {
  V differ = ZEROS;
  for (unsigned k = 0; k < outputs; ++k) differ |= got[k] ^ want[k];
  report.cases += LANES;
  if (!any(differ)) return;
  for (unsigned lane = 0; lane < LANES; ++lane) {
    if (!(differ[lane / 64] >> (lane % 64) & 1)) continue;
    Example one = {};
    gather(in, inputs, lane, one.in);
    gather(got, outputs, lane, &one.got);
    gather(want, outputs, lane, &one.want);
    ++report.differences;
    ++report.classes[classify(one.in, one.got, one.want)];
    if (report.differences >= ENOUGH) report.stop = 1;
    if (report.example_count < 4) report.examples[report.example_count++] = one;
  }
}
