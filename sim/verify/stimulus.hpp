// Random numbers, eight lanes at a time.
#pragma once
#include "oracle.hpp"

// Xorshift64 (Marsaglia 2003), one state per lane; every block starts from its own number.
struct Random {
  UL state;

  explicit Random(uint64_t seed) {
    for (int n = 0; n < 8; ++n) {  // splitmix64 spreads the seeds
      uint64_t x = (seed * 8 + n + 1) * 0x9E3779B97F4A7C15u;
      x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
      x = (x ^ x >> 27) * 0x94D049BB133111EBu;
      state[n] = (x ^ x >> 31) | 1;
    }
  }

  L bits(int count) {  // 1 to 48
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (L)(state >> (64 - count));
  }

  L below(int64_t n) { return bits(24) * n >> 24; }                    // 0 to n - 1
  L between(L low, L high) { return low + (bits(24) * (high - low + 1) >> 24); }  // both included
  L one_in(int64_t n) { return below(n) == 0; }
  L sign() { return -bits(1); }

  // A third with one bit set, a third with all but one, a third of any kind.
  L mantissa(int width) {
    const L choice = below(3), single = (L{} + 1) << below(width);
    const L all = L{} + ((int64_t(1) << width) - 1);
    const L other = choose(choice == 1, all ^ single, bits(width));
    return choose(choice == 0, single, other);
  }
};

static inline L clamped(L x, L low, L high) {
  return choose(x < low, low, choose(x > high, high, x));
}
