// Every input of a small unit, or the inputs whose number is in a range, against units.hpp.
#pragma once
#include "fields.hpp"

static_assert(INPUTS >= 9 && INPUTS <= 48, "too few or too many inputs to count through");

// Blocks of 512 inputs; the number of a lane is the payload.
extern "C" __attribute__((visibility("default"))) void check(uint64_t first, uint64_t last,
                                                             Report *report) {
  V in[INPUTS], low[9];
  static thread_local Lanes wanted;
  counter_slices(low);
  for (uint64_t block = first; block < last && !report->stop; ++block) {
    const uint64_t base = block * LANES;
    for (unsigned k = 0; k < INPUTS; ++k) in[k] = k < 9 ? low[k] : broadcast(base >> k & 1);
    for (unsigned group = 0; group < GROUPS; ++group) {
      const L number = L{0, 1, 2, 3, 4, 5, 6, 7} + (base + 8 * group);
      L field[FIELDS];
      for (unsigned n = 0, at = 0; n < FIELDS; at += WIDTHS[n++])
        field[n] = number >> at & ((int64_t(1) << WIDTHS[n]) - 1);
      wanted.put(group, expected(field, random_field(field)), OUTPUTS);
    }
    judge(in, wanted, *report);
    report->done = block + 1 - first;
  }
}
