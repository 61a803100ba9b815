// The oracle of units.hpp on arrays, for tests and for units that keep state between beats.
#pragma once
#include "units.hpp"

// `in` is [packets][beats][FIELDS], `random` [packets], `out` [packets]; eight packets at a time,
// `packets` is a multiple of eight.
extern "C" __attribute__((visibility("default"))) void evaluate(const int64_t *in, int64_t packets,
                                                                int64_t beats,
                                                                const int64_t *random,
                                                                int64_t *out) {
  for (int64_t packet = 0; packet < packets; packet += 8) {
    L field[FIELDS], chance;
    Exact sum;
    for (int n = 0; n < 8; ++n) chance[n] = random[packet + n];
    for (int64_t beat = 0; beat < beats; ++beat) {
      for (int f = 0; f < FIELDS; ++f)
        for (int n = 0; n < 8; ++n) field[f][n] = in[((packet + n) * beats + beat) * FIELDS + f];
      if (KIND != COMPARE && KIND != INT_TO_FLOAT) add_beat(sum, field);
    }
    const bool alone = KIND == COMPARE || KIND == INT_TO_FLOAT;
    const L result = alone ? expected(field, chance) : sum.result(RULE, chance);
    for (int n = 0; n < 8; ++n) out[packet + n] = result[n];
  }
}
