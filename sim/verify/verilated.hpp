// All 2^32 pairs of BF16 operands through the model that Verilator makes of the unit, one by one.
//
// Expects: Vm.h, PRODUCT, FLUSHED, LATENCY.
#pragma once
#include "Vm.h"
#include "float32.hpp"

template <class Model>
static auto set_clock(Model *m, bool level, int) -> decltype(m->clk, void()) {
  m->clk = level;
}
template <class Model>
static void set_clock(Model *, bool, long) {}

template <class Model>
static auto set_reset(Model *m, bool level, int) -> decltype(m->rst, void()) {
  m->rst = level;
}
template <class Model>
static void set_reset(Model *, bool, long) {}

static void cycle(Vm *m) {
  if (LATENCY) {
    set_clock(m, false, 0);
    m->eval();
    set_clock(m, true, 0);
  }
  m->eval();
}

// Blocks of 512 pairs; the pipeline holds those of the last few cycles.
extern "C" __attribute__((visibility("default"))) void check(uint64_t first, uint64_t last,
                                                             Report *report) {
  constexpr unsigned BEHIND = LATENCY ? LATENCY - 1 : 0;
  VerilatedContext context;
  Vm m(&context);
  m.i___05Fvalid = m.o___05Fready = 1;
  set_reset(&m, true, 0);
  for (int n = 0; n < 4; ++n) cycle(&m);
  set_reset(&m, false, 0);
  const uint64_t from = first * LANES, to = last * LANES;
  for (uint64_t n = from; n < to + BEHIND; ++n) {
    m.i___05Fpayload = static_cast<uint32_t>(n);
    cycle(&m);
    if (n < from + BEHIND) continue;
    const uint64_t at = n - BEHIND;
    const uint16_t want = expected(at & 0xFFFF, at >> 16, FLUSHED), got = m.o___05Fpayload;
    ++report->cases;
    if (got != want || !m.o___05Fvalid) {
      ++report->differences;
      ++report->classes[classify(&at, got, want)];
      if (report->example_count < 4) report->examples[report->example_count++] = {{at}, got, want};
    }
    if (at % LANES == LANES - 1) {
      report->done = at / LANES + 1 - first;
      if (report->stop || report->differences >= ENOUGH) break;
    }
  }
  m.final();
}
