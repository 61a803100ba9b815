// The macro's side of the pins of a tile: what sim.cosim.macro_bfm.MacroBfm does, at C++ speed.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

// Numbers of sim.cosim.pin_model.RULES.
enum Rule : int64_t { UNSETTLED, ABSENT_LINE, ABSENT_RANGE, UNEXPECTED, ABSENT_GROUP, MOVED };

struct Geometry {
    int64_t rows, columns, adc_count, adc_bits, slice_bits, range_count, settle_cycles;

    int64_t lines() const { return std::max(rows, columns); }
    int64_t groups() const { return (lines() + adc_count - 1) / adc_count; }
    int64_t inputs() const { return groups() * adc_count; }
};

// Held inputs of one sample; returns 0 unless it failed. `levels` and `held` are those of Macro.
// adc_range is the pins' setting, whatever it means to the macro.
using Sense = int64_t (*)(void* physics, int64_t sample, int64_t transpose, int64_t adc_range,
                          const int64_t* levels, float* held);

inline int64_t field(const uint32_t* words, int64_t index, int64_t width) {
    const int64_t offset = index * width, at = offset / 32, shift = offset % 32;
    uint64_t bits = words[at] >> shift;
    if (shift + width > 32) bits |= static_cast<uint64_t>(words[at + 1]) << (32 - shift);
    return static_cast<int64_t>(bits & ((UINT64_C(1) << width) - 1));
}

// The pins of one cycle.
struct Pins {
    std::vector<uint32_t> drive, sign, trial;  // sign: empty, or a bit per line
    uint32_t transpose = 0, phase = 0, adc_range = 0, sample = 0, mux = 0;

    explicit Pins(const Geometry& g, bool is_signed = false)
        : drive(g.lines() * g.slice_bits / 32 + 2), sign(is_signed ? g.lines() / 32 + 2 : 0),
          trial(g.adc_count * g.adc_bits / 32 + 2) {}

    bool drives_like(const Pins& other) const {
        return transpose == other.transpose && phase == other.phase &&
               adc_range == other.adc_range && drive == other.drive && sign == other.sign;
    }
};

class Macro {
  public:
    std::vector<int64_t> errors;    // rule, number in its text, again and again
    std::vector<int16_t> accepted;  // [sample][group][converter], -1 for none
    std::vector<uint32_t> comparator;

    // levels[lines], held[inputs]: shared with `sense`
    Macro(const Geometry& geometry, int64_t* levels, float* held, bool is_signed = false)
        : comparator(geometry.adc_count / 32 + 2), g(geometry), levels(levels), held(held),
          watched(geometry, is_signed), sampled(watched), compared(watched) {}

    void begin(int64_t sample_limit, Sense sense_, void* physics_) {
        limit = sample_limit, sense = sense_, physics = physics_;
        errors.clear();
        accepted.clear();
        std::fill(comparator.begin(), comparator.end(), 0);
        samples = 0;
        is_new = true;
    }

    // One cycle: note what is driven, sample, answer the comparators. False if `sense` failed.
    bool cycle(int64_t now, const Pins& pins) {
        if (is_new || !pins.drives_like(watched)) watched = pins, stable_since = now;
        is_new = false;
        if (pins.sample && !sample(now, pins)) return false;
        if (samples) compare(pins);
        return true;
    }

    void error(int64_t rule, int64_t number = 0) {
        errors.push_back(rule);
        errors.push_back(number);
    }

  private:
    const Geometry g;
    int64_t* const levels;
    float* const held;
    Pins watched, sampled, compared;
    int64_t limit = 0, samples = 0, stable_since = 0;
    Sense sense = nullptr;
    void* physics = nullptr;
    bool is_new = true, is_fresh = false;

    bool sample(int64_t now, const Pins& pins) {
        const int64_t driven = pins.transpose ? g.columns : g.rows;
        if (now - stable_since < g.settle_cycles) error(UNSETTLED);
        for (int64_t n = 0; n < g.lines(); ++n)
            levels[n] = field(pins.drive.data(), n, g.slice_bits);
        for (int64_t n = 0; !pins.sign.empty() && n < g.lines(); ++n)
            if (field(pins.sign.data(), n, 1)) levels[n] = -levels[n];
        if (std::any_of(levels + driven, levels + g.lines(), [](int64_t l) { return l != 0; }))
            error(ABSENT_LINE);
        if (pins.adc_range >= g.range_count) error(ABSENT_RANGE, pins.adc_range);
        std::fill(held, held + g.inputs(), 0.0f);  // lines that are not sensed convert to 0
        if (samples >= limit)
            error(UNEXPECTED, samples);
        else if (sense(physics, samples, pins.transpose, pins.adc_range, levels, held))
            return false;
        ++samples;
        accepted.resize(samples * g.inputs(), -1);
        sampled = compared = pins;
        is_fresh = true;
        return true;
    }

    void compare(const Pins& pins) {
        if (pins.mux >= g.groups()) {
            error(ABSENT_GROUP, pins.mux);
            std::fill(comparator.begin(), comparator.end(), 0);
            is_fresh = true;
            return;
        }
        const bool decides = pins.mux != compared.mux || pins.trial != compared.trial;
        if (!decides && !is_fresh) return;  // the answer stands
        is_fresh = false;
        compared.mux = pins.mux, compared.trial = pins.trial;
        if (decides && !watched.drives_like(sampled)) error(MOVED);
        const float* const input = held + pins.mux * g.adc_count;
        int16_t* const codes = &accepted[(samples - 1) * g.inputs() + pins.mux * g.adc_count];
        std::fill(comparator.begin(), comparator.end(), 0);
        for (int64_t n = 0; n < g.adc_count; ++n) {
            const int64_t trial = field(pins.trial.data(), n, g.adc_bits);
            const bool above = input[n] >= static_cast<float>(trial);
            comparator[n / 32] |= static_cast<uint32_t>(above) << (n % 32);
            if (decides) codes[n] = std::max<int16_t>(codes[n], above ? trial : 0);
        }
    }
};
