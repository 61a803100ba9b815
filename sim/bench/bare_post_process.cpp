// The loop that one would write by hand for post_process, see bare_float_mul.cpp. In: partial 32
// bits, scale 16, bias 16, mask 1, random 8, first 1, last 1. Out: sum 32, value 16, mask 1, code 9.
#include <cstdint>
#include "Vm.h"
#include "Vm___024root.h"

void Vm___024root___eval(Vm___024root*);

extern "C" __attribute__((visibility("default")))
void bare_run(int64_t count, const uint32_t* control, const void* const* in, void* const* out) {
    const int32_t* const partial = static_cast<const int32_t*>(in[0]);
    const uint16_t* const scale = static_cast<const uint16_t*>(in[1]);
    const uint16_t* const bias = static_cast<const uint16_t*>(in[2]);
    const uint8_t* const mask = static_cast<const uint8_t*>(in[3]);
    const uint8_t* const random = static_cast<const uint8_t*>(in[4]);
    int32_t* const sum = static_cast<int32_t*>(out[0]);
    uint16_t* const value = static_cast<uint16_t*>(out[1]);
    uint8_t* const passed = static_cast<uint8_t*>(out[2]);
    int16_t* const code = static_cast<int16_t*>(out[3]);
    VerilatedContext context;
    Vm m{&context, ""};
    m.control = *control;
    m.o___05Fready = 1;
    m.rst = 1;
    m.eval();
    m.clk = 1;
    m.eval();
    m.rst = 0;
    for (int64_t sent = 0, got = 0; got < count; ++sent) {
        m.clk = 0;
        m.i___05Fvalid = sent < count;
        if (sent < count) {
            m.i___05Fpayload[0] = partial[sent];
            m.i___05Fpayload[1] = scale[sent] | static_cast<uint32_t>(bias[sent]) << 16;
            m.i___05Fpayload[2] = mask[sent] | random[sent] << 1 | 3 << 9;  // first and last
        }
        Vm___024root___eval(m.rootp);
        m.clk = 1;
        Vm___024root___eval(m.rootp);
        if (m.o___05Fvalid) {
            const uint64_t payload = m.o___05Fpayload;
            sum[got] = static_cast<int32_t>(payload);
            value[got] = static_cast<uint16_t>(payload >> 32);
            passed[got] = payload >> 48 & 1;
            code[got++] = static_cast<int16_t>(payload >> 42) >> 7;  // with its sign
        }
    }
}
