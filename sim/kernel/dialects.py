"""What differs between the compiled models of Verilator and CXXRTL, for the one wrapper."""

from dataclasses import dataclass

VERILATED = """\
#include "Vm.h"
#include "Vm___024root.h"

void Vm___024root___eval(Vm___024root*);
void Vm___024root___eval_settle(Vm___024root*);

namespace {

using Design = Vm;

struct Context : VerilatedContext {
    Context() { threads(1); }  // no pool of threads, whose end takes 2 ms
};

struct Model {
    Context context;
    Vm design{&context, ""};
};

inline void settle(Vm* m) { Vm___024root___eval(m->rootp); }  // without eval()'s bookkeeping
inline void settle_all(Vm* m) { m->eval(); }  // the first of all starts the design
[[maybe_unused]] void settle_loaded(Vm* m) { Vm___024root___eval_settle(m->rootp); }

// A rising edge of clk in one evaluation, which also settles what depends on the inputs: Verilator
// is told that clk was 0. Without that member (another release) clk falls first.
template <typename M>
auto rise(M* m, int) -> decltype(void(m->rootp->__Vtrigprevexpr___TOP__clk__0)) {
    m->clk = 1;
    m->rootp->__Vtrigprevexpr___TOP__clk__0 = 0;
    settle(m);
}
template <typename M>
void rise(M* m, long) {
    m->clk = 0;
    settle(m);
    m->clk = 1;
    settle(m);
}

#define ROW(member, n) m->rootp->member[n]

}  // namespace
"""

SIMULATED = """\
#include "design.cc"

namespace {

using Design = cxxrtl_design::@TOP@;

struct Model {
    Design design;
};

inline void settle(Design* m) { m->step(); }
inline void settle_all(Design* m) { m->step(); }
[[maybe_unused]] void settle_loaded(Design* m) { m->step(); }

#define ROW(member, n) m->member.data[n]

// Ports are wires where a register drives them, otherwise values.
template <size_t N> uint32_t* words_of(cxxrtl::value<N>& port) { return port.data; }
template <size_t N> const uint32_t* words_of(const cxxrtl::value<N>& port) { return port.data; }
template <size_t N> const uint32_t* words_of(const cxxrtl::wire<N>& port) { return port.curr.data; }

}  // namespace
"""


@dataclass(frozen=True)
class Verilated:
    """Ports are members of up to 64 bits, or arrays of words."""

    @property
    def prelude(self) -> str:
        """C++ before the wrapper."""
        return VERILATED

    def bit(self, port_name: str) -> str:
        """Lvalue of a port of one bit."""
        return f"m->{port_name.replace('__', '___05F')}"

    @property
    def rise(self) -> list[str]:
        """Statements for a cycle of a clock in one evaluation; none if there is no such way."""
        return ["rise(m, 0);"]

    def assign(self, port_name: str, width: int) -> list[str]:
        """Statements that give a port the bits in ``words``."""
        member = self.bit(port_name)
        if width <= 32:
            return [f"{member} = words[0];"]
        if width <= 64:
            return [f"{member} = words[0] | static_cast<uint64_t>(words[1]) << 32;"]
        return [f"std::memcpy(&{member}[0], words, sizeof(uint32_t) * {-(-width // 32)});"]

    def fetch(self, port_name: str, width: int) -> list[str]:
        """Statements that get the bits of a port into ``words``."""
        member = self.bit(port_name)
        if width <= 64:
            return [f"const uint64_t value = {member};", "std::memcpy(words, &value, 8);"]
        return [f"std::memcpy(words, &{member}[0], sizeof(uint32_t) * {-(-width // 32)});"]


@dataclass(frozen=True)
class Simulated:
    """CXXRTL: every port of the module ``top`` is an array of words."""

    top: str

    @property
    def prelude(self) -> str:
        """C++ before the wrapper."""
        return SIMULATED.replace("@TOP@", _mangled(self.top))

    def bit(self, port_name: str) -> str:
        """Lvalue of a port of one bit."""
        return f"*words_of(m->{_mangled(port_name)})"

    @property
    def rise(self) -> list[str]:
        """None: an evaluation of CXXRTL that changes nothing costs little."""
        return []

    def assign(self, port_name: str, width: int) -> list[str]:
        """Statements that give a port the bits in ``words``."""
        target = f"words_of(m->{_mangled(port_name)})"
        return [f"std::memcpy({target}, words, sizeof(uint32_t) * {-(-width // 32)});"]

    def fetch(self, port_name: str, width: int) -> list[str]:
        """Statements that get the bits of a port into ``words``."""
        source = f"words_of(m->{_mangled(port_name)})"
        return [f"std::memcpy(words, {source}, sizeof(uint32_t) * {-(-width // 32)});"]


Dialect = Verilated | Simulated


def _mangled(name: str) -> str:
    return "p_" + name.replace("_", "__")
