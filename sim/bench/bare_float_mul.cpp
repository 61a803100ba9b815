// The loop that one would write by hand for float_mul: no streams, no fields, nothing configurable.
// The unit never stalls its input while its output is taken. It is compiled with the flags of the
// kernel against the same Verilated sources, and takes the same short cut past eval()'s bookkeeping.
#include <cstdint>
#include "Vm.h"
#include "Vm___024root.h"

void Vm___024root___eval(Vm___024root*);

extern "C" __attribute__((visibility("default")))
void bare_run(int64_t count, const uint32_t*, const void* const* in, void* const* out) {
    const uint16_t* const a = static_cast<const uint16_t*>(in[0]);
    const uint16_t* const b = static_cast<const uint16_t*>(in[1]);
    uint16_t* const payload = static_cast<uint16_t*>(out[0]);
    VerilatedContext context;
    Vm m{&context, ""};
    m.o___05Fready = 1;
    m.rst = 1;
    m.eval();
    m.clk = 1;
    m.eval();
    m.rst = 0;
    for (int64_t sent = 0, got = 0; got < count; ++sent) {
        m.clk = 0;
        m.i___05Fvalid = sent < count;
        if (sent < count) m.i___05Fpayload = a[sent] | static_cast<uint32_t>(b[sent]) << 16;
        Vm___024root___eval(m.rootp);
        m.clk = 1;
        Vm___024root___eval(m.rootp);
        if (m.o___05Fvalid) payload[got++] = m.o___05Fpayload;
    }
}
