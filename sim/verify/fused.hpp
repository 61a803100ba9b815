// Fused sums and dots on stimulus aimed at their corners, against units.hpp.
//
// Products and sums of two count as fused ones of one and two terms.
//
// Expects: as fields.hpp; MEASURED: whether errors are measured, else bits must be equal; SPREAD:
// below 0 directed stimulus, else numbers of N(0,1) times a power of two up to 2^+-SPREAD each;
// WINDOW_MORE: bits of the window beyond a term's own.
#pragma once
#include <cmath>

#include "fields.hpp"
#include "stimulus.hpp"

constexpr bool DOT = KIND == FUSED_DOT || KIND == MUL;
constexpr int MANTISSA = FORMAT.mantissa;
constexpr int64_t TOP = FORMAT.largest() >> FORMAT.mantissa;  // highest field of finite numbers
// Exponents of a term (of both factors together) whose numbers are 2^(1 - bias) of the result, the
// smallest normal one, and near its largest.
constexpr int LOW = (DOT ? 2 : 1) * FORMAT.bias + 1 - RULE.result.bias;
constexpr int HIGH = LOW + int(RULE.result.largest() >> RULE.result.mantissa) - 1;
constexpr int MOST = DOT ? 2 * TOP : TOP;
constexpr unsigned KINDS = 12, FINITE_KINDS[] = {1, 2, 3, 4, 9, 11};

struct Terms {
  L sign[TERMS], exponent[TERMS], mantissa[TERMS], other[TERMS];  // other: mantissa of b
};

static inline L limited(L exponent) { return clamped(exponent, L{}, L{} + MOST); }

// Pairs x, -x and triples x, x', -(x + x') with errors of an ulp or none.
static inline void cancel(Random &random, Terms &t, int every) {
  for (int n = every - 1; n < TERMS; n += every) {
    const L ulp = random.below(3) - 1;
    t.sign[n] = ~t.sign[n - 1];
    t.exponent[n] = t.exponent[n - 1];
    t.mantissa[n] = t.mantissa[n - 1] + ulp;
    t.other[n] = t.other[n - 1];
    if (every == 3) {
      t.sign[n - 2] = t.sign[n - 1];
      t.exponent[n - 2] = t.exponent[n - 1];
      t.other[n - 2] = t.other[n - 1];
      t.mantissa[n] = ((t.mantissa[n - 1] + t.mantissa[n - 2]) >> 1) + ulp;
      t.exponent[n] = t.exponent[n] + 1;
    }
  }
}

static inline void shape(unsigned kind, Random &random, Terms &t) {
  const L base = random.between(L{} + (LOW < 0 ? 0 : LOW), L{} + (HIGH > MOST ? MOST : HIGH));
  const int reach = 2 * RULE.result.mantissa + 8;
  for (int n = 0; n < TERMS; ++n) {
    t.sign[n] = random.sign();
    t.mantissa[n] = random.mantissa(MANTISSA);
    t.other[n] = random.mantissa(MANTISSA);
    L e = random.between(L{}, L{} + MOST);                             // 0: any
    if (kind == 1 || kind == 2) e = base + random.between(L{} - 3, L{} + 3);
    if (kind == 3) e = base - random.between(L{}, L{} + reach);        // far below the base
    if (kind == 4) e = base;
    if (kind == 5) e = L{} + LOW + random.between(L{} - reach, L{} + 2);
    if (kind == 6) e = L{} + HIGH + random.between(L{} - 4, L{} + 1);
    if (kind == 9) e = base - 2 * reach * n / TERMS;                   // stairs
    if (kind == 10) e = random.between(L{}, L{} + 2);
    t.exponent[n] = limited(e);
  }
  if (kind == 1 || kind == 5 || kind == 7 || kind == 9) cancel(random, t, 2);
  if (kind == 4 && TERMS >= 3) cancel(random, t, 3);
  if (kind == 11) {  // a tie of the first term, all but settled by tiny others that may cancel
    t.exponent[0] = limited(base);
    if (DOT) t.other[0] = L{};
    if (TERMS > 1) {
      t.mantissa[TERMS > 1] = t.other[TERMS > 1] = L{};
      t.exponent[TERMS > 1] = limited(base - RULE.result.mantissa - 1);
    }
    for (int n = 2; n < TERMS; ++n) t.exponent[n] = limited(base - random.between(L{}, L{} + 300));
    if (TERMS > 4) cancel(random, t, 2);
  }
}

static inline L number(L sign, L exponent, L mantissa) {
  const L field = clamped(exponent, L{}, L{} + TOP);
  return (sign & (int64_t(1) << (FORMAT.width() - 1))) | field << MANTISSA |
         (mantissa & ((int64_t(1) << MANTISSA) - 1));
}

// Fields of eight lanes of one kind: 7 has specials among terms that cancel, 8 among zeros.
static inline void directed(unsigned kind, Random &random, L *field) {
  Terms t;
  shape(kind, random, t);
  for (int n = 0; n < TERMS; ++n) {
    L e = t.exponent[n];
    if (DOT) {
      const L least = clamped(e - TOP, L{}, L{} + TOP);
      L part = random.between(least, clamped(e, L{}, L{} + TOP));
      // cancelling products swap their factors or share them
      field[TERMS + n] = number(random.sign(), e - part, t.other[n]);
      t.sign[n] ^= -(field[TERMS + n] >> (FORMAT.width() - 1) & 1);
      e = part;
    }
    field[n] = number(t.sign[n], e, t.mantissa[n]);
  }
  for (unsigned n = 0; n < (DOT ? 2 : 1) * TERMS && (kind == 7 || kind == 8); ++n) {
    const L sign = field[n] & (int64_t(1) << (FORMAT.width() - 1));
    const L infinite = random.one_in(TERMS + 1);
    const L nan = infinite & random.one_in(32) & 1;
    const L rest = kind == 7 ? field[n] : choose(random.below(8) > 0, sign, field[n]);
    field[n] = choose(infinite, FORMAT.overflow() | sign | nan, rest);
  }
}

// Patterns of normal numbers times 2^+-SPREAD.
static inline void natural(Random &random, L *field) {
  for (unsigned n = 0; n < (DOT ? 2 : 1) * TERMS; ++n) {
    const L u = random.bits(24), v = random.bits(24), e = random.below(2 * SPREAD + 1) - SPREAD;
    for (int lane = 0; lane < 8; ++lane) {
      const double radius = std::sqrt(-2 * std::log((u[lane] + 1) / 16777217.0));
      const double value = radius * std::cos(6.283185307179586 * (v[lane] / 16777216.0));
      int exponent;
      const double part = std::frexp(std::fabs(value), &exponent);  // 0.5 to 1
      int64_t steps = std::nearbyint(std::ldexp(part, MANTISSA + 1));
      const int64_t low = exponent - 1 + e[lane] + FORMAT.bias;
      const int64_t magnitude = (low - 1) * (int64_t(1) << MANTISSA) + steps;
      const bool in_range = value != 0 && low > 0 && magnitude <= FORMAT.largest();
      field[n][lane] = (in_range ? magnitude : 0) | int64_t(value < 0) << (FORMAT.width() - 1);
    }
  }
}

static inline DL power(L exponent) { return (DL)((exponent + 1023) << 52); }

static inline DL value_of(const Exact &settled) {
  DL value = {};
  for (int j = 0; j < Exact::LIMBS; ++j) {
    const int exponent = LSB + LIMB * j;  // beyond the range of double only for limbs that are 0
    if (exponent < 1000) value += __builtin_convertvector(settled.limb[j], DL) * power(L{} + exponent);
  }
  return value;
}

// Positions of the largest term, 0 where every product is zero.
static inline L anchor_of(const L *field) {
  L anchor = {};
  for (int n = 0; n < TERMS; ++n) {
    const Operand x = decode(field[n], FORMAT, RULE.flushed);
    L position = x.exponent - 1;
    if (DOT) {
      const Operand y = decode(field[TERMS + n], FORMAT, RULE.flushed);
      position = (position + y.exponent - 1) & ((x.significand * y.significand) != 0);
    }
    anchor = choose(position > anchor, position, anchor);
  }
  return anchor;
}

static inline DL largest_term(const L *field) {
  DL largest = {};
  for (int n = 0; n < TERMS; ++n) {
    Exact one;
    if (DOT)
      add_product(one, field[n], field[TERMS + n]);
    else
      add_number(one, field[n], FORMAT, LSB_OF_TERM);
    one.settle();
    const DL value = value_of(one);
    largest = value > largest ? value : largest;
  }
  return largest;
}

// Errors of the results `got` against the true sums.
static inline void measure(const L *field, L got, Report &report) {
  constexpr Format f = RULE.result;
  Exact exact;
  add_beat(exact, field);
  Exact again = exact, error = exact;
  const L want = again.result(RULE, L{});
  const Operand g = decode(got, f, false), w = decode(want, f, false);
  constexpr int DOWN = 1 - f.bias - f.mantissa - LSB;
  static_assert(!MEASURED || DOWN >= 0, "sums must reach the lowest bit of results");
  error.add(~g.negative, g.significand, g.exponent - 1 + DOWN);
  error.settle();
  const DL distance = value_of(error), largest = largest_term(field);
  const DL ulp = power(w.exponent - f.bias - f.mantissa);
  const DL half = power(g.exponent - f.bias - f.mantissa - 1);
  const DL step = power(anchor_of(field) + LSB_OF_TERM - WINDOW_MORE);
  for (int n = 0; n < 8; ++n) {
    if (w.nan[n] | w.infinite[n] | g.nan[n] | g.infinite[n]) continue;
    ++report.measured;
    report.rounded_right += got[n] == want[n];
    const double ulps = distance[n] / ulp[n], before = (distance[n] - half[n]) / step[n];
    report.over_2_ulp += ulps > 2;
    report.worst_ulp = ulps > report.worst_ulp ? ulps : report.worst_ulp;
    report.worst_window = before > report.worst_window ? before : report.worst_window;
    if (largest[n] == 0) continue;
    const double relative = (distance[n] - half[n]) / largest[n];
    report.worst_relative = relative > report.worst_relative ? relative : report.worst_relative;
  }
}

struct Block {
  Lanes field[FIELDS], wanted;
  L kept[GROUPS][FIELDS];
};

extern "C" __attribute__((visibility("default"))) void check(uint64_t first, uint64_t last,
                                                             Report *report) {
  static thread_local Block b;
  V in[INPUTS], got[OUTPUTS];
  for (uint64_t block = first; block < last && !report->stop; ++block) {
    Random random(block);
    for (unsigned group = 0; group < GROUPS; ++group) {
      L *field = b.kept[group];
      if (SPREAD < 0)
        directed(MEASURED ? FINITE_KINDS[block % 6] : block % KINDS, random, field);
      else
        natural(random, field);
      if (HAS_RANDOM) field[FIELDS - 1] = random.bits(RULE.random_bits);
      for (unsigned n = 0; n < FIELDS; ++n) b.field[n].put(group, field[n], WIDTHS[n]);
      if (!MEASURED) b.wanted.put(group, expected(field, random_field(field)), OUTPUTS);
    }
    for (unsigned n = 0, at = 0; n < FIELDS; at += WIDTHS[n++]) b.field[n].slices(in + at, WIDTHS[n]);
    if (!MEASURED) {
      judge(in, b.wanted, *report);
    } else {
      UNIT(in, got);
      report->cases += LANES;
      for (unsigned group = 0; group < GROUPS; ++group) {
        L result;
        for (unsigned n = 0; n < 8; ++n) {
          uint64_t word;
          gather(got, OUTPUTS, 8 * group + n, &word);
          result[n] = word;
        }
        measure(b.kept[group], result, *report);
      }
    }
    report->done = block + 1 - first;
  }
}
