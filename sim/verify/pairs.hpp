// All 2^32 pairs of BF16 operands through the bit-sliced netlist.
//
// Expects: UNIT, PRODUCT (else the sum), FLUSHED.
#pragma once
#include "float32.hpp"

// Blocks of 512 pairs, `a` counting fastest. `signature` counts the pairs in which a flushing unit
// differs from IEEE arithmetic.
extern "C" __attribute__((visibility("default"))) void check(uint64_t first, uint64_t last,
                                                             Report *report) {
  V in[32], got[16], want[16], low[9];
  alignas(64) uint16_t lanes[LANES];
  counter_slices(low);
  for (uint64_t block = first; block < last && !report->stop; ++block) {
    const uint32_t base = block * LANES, b = base >> 16;
    for (unsigned k = 0; k < 32; ++k) in[k] = k < 9 ? low[k] : broadcast(base >> k & 1);
    UNIT(in, got);
    for (unsigned n = 0; n < LANES; ++n) lanes[n] = expected((base & 0xFFFF) + n, b, FLUSHED);
    slice(lanes, want, 16);
    compare(in, 32, got, want, 16, *report, classify);
    if (FLUSHED) {
      for (unsigned n = 0; n < LANES; ++n) lanes[n] = expected((base & 0xFFFF) + n, b, false);
      slice(lanes, want, 16);
      V differ = ZEROS;
      for (unsigned k = 0; k < 16; ++k) differ |= got[k] ^ want[k];
      for (unsigned w = 0; w < 8; ++w) report->signature += __builtin_popcountll(differ[w]);
    }
    report->done = block + 1 - first;
  }
}
