// models.analog.macro.AnalogMacro.sense, operation for operation: sums are exact in the type T
// that models.analog.macro.sum_type gives, all else is rounded where numpy rounds. Compile with
// -ffp-contract=off.
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

constexpr int RANGES = 16;  // that adc_range can name

struct Analog {
    int64_t rows, columns, adc_count, adc_bits, is_double;
    double per_lsb[RANGES], variance[RANGES];  // LSB per conductance range; noise_lsb there, squared
    double read_variance, pedestal;
    const float *gain, *offset, *inl;  // [adc_count]
    const float* conductance;          // [rows][columns]
    const float* noise;                // [samples][sensed]
    int64_t noise_size;
};

// Rows driven: one row after another into the sums of the columns.
template <class T>
void sum_columns(const Analog& a, const T* levels, T* sums) {
    for (int64_t row = 0; row < a.rows; ++row) {
        if (levels[row] == 0) continue;
        const float* const g = a.conductance + row * a.columns;
        for (int64_t n = 0; n < a.columns; ++n) sums[n] += levels[row] * static_cast<T>(g[n]);
    }
}

// Columns driven: partial sums side by side, in any order because they are exact.
template <class T>
void sum_rows(const Analog& a, const T* levels, T* sums) {
    constexpr int64_t SIDE = 16;
    for (int64_t row = 0; row < a.rows; ++row) {
        const float* const g = a.conductance + row * a.columns;
        T parts[SIDE] = {};
        int64_t n = 0;
        for (; n + SIDE <= a.columns; n += SIDE)
            for (int64_t k = 0; k < SIDE; ++k)
                parts[k] += levels[n + k] * static_cast<T>(g[n + k]);
        for (; n < a.columns; ++n) sums[row] += levels[n] * static_cast<T>(g[n]);
        for (const T part : parts) sums[row] += part;
    }
}

template <class T>
void hold(const Analog& a, int64_t sample, bool transpose, int64_t adc_range,
          const int64_t* given, float* held) {
    const int64_t driven = transpose ? a.columns : a.rows, sensed = a.rows + a.columns - driven;
    const std::vector<T> levels(given, given + driven);
    std::vector<T> sums(sensed);
    (transpose ? sum_rows<T> : sum_columns<T>)(a, levels.data(), sums.data());
    int64_t total = 0, squares = 0;
    for (int64_t n = 0; n < driven; ++n) total += given[n], squares += given[n] * given[n];
    const T variance = static_cast<T>(a.variance[adc_range]) +
                       static_cast<T>(a.read_variance) * static_cast<T>(squares);
    const float spread = static_cast<float>(std::sqrt(variance));
    const float base = static_cast<float>(static_cast<T>(total) * static_cast<T>(a.pedestal));
    const float full = static_cast<float>(INT64_C(1) << a.adc_bits);
    const float per = static_cast<float>(a.per_lsb[adc_range]);
    const float* const noise = a.noise + sample * sensed;
    for (int64_t n = 0; n < sensed; ++n) {
        const int64_t k = n % a.adc_count;
        float input = noise[n] * spread;
        input += base;
        input = static_cast<float>(static_cast<T>(input) + sums[n]);
        const float bend = a.inl[k] * 4.0f / full;
        const float curve = -bend / full * per * per;
        float value = input * curve;
        value += (a.gain[k] + bend) * per;
        value *= input;
        held[n] = value + a.offset[k];
    }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int64_t sense(
    void* analog, int64_t sample, int64_t transpose, int64_t adc_range, const int64_t* levels,
    float* held) {
    const Analog& a = *static_cast<Analog*>(analog);
    const int64_t sensed = transpose ? a.rows : a.columns;
    if (a.noise_size % sensed || (sample + 1) * sensed > a.noise_size) return 1;
    (a.is_double ? hold<double> : hold<float>)(a, sample, transpose, adc_range, levels, held);
    return 0;
}
