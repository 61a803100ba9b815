// Arrays of words to vectors of one bit of 512 words each, and back. After the netlist's prelude.
#include <cstring>
#include <type_traits>

namespace {

// Word t of 512 words of W bits is bit t / (512 / W) of word t % (512 / W) in every vector: memory
// as it lies is then a row of W vectors, and only bits inside the words have to move.
template <typename Word>
constexpr unsigned place(unsigned t) {
    constexpr unsigned BITS = 8 * sizeof(Word), ROW = 512 / BITS;
    return t % ROW * BITS + t / ROW;
}

// In each group of 2 * d bits the lower d.
constexpr uint64_t lower(unsigned d) {
    uint64_t mask = 0;
    for (unsigned bit = 0; bit < 64; ++bit)
        if (!(bit & d)) mask |= UINT64_C(1) << bit;
    return mask;
}

template <unsigned D>
inline __attribute__((always_inline)) void exchange(V& low, V& high) {
    const V mask = V{} + lower(D);
    const V upper = high << D, down = low >> D;
    low = lut3<0xCA>(mask, low, upper);
    high = lut3<0xCA>(mask, down, high);
}

// Transpose the SIZE x SIZE bit matrices that lie side by side in SIZE rows.
template <unsigned SIZE, unsigned D = SIZE / 2>
inline __attribute__((always_inline)) void transpose(V* rows) {
    if constexpr (D > 0) {
#pragma GCC unroll 64
        for (unsigned k = 0; k < SIZE; ++k)
            if (!(k & D)) exchange<D>(rows[k], rows[k + D]);
        transpose<SIZE, D / 2>(rows);
    }
}

constexpr unsigned matrix(unsigned width) {
    unsigned size = 1;
    while (size < width) size *= 2;
    return size;
}

template <typename Word, unsigned WIDTH>
inline __attribute__((always_inline)) void slice(const Word* words, V* bits) {
    constexpr unsigned BITS = 8 * sizeof(Word), SIZE = matrix(WIDTH);
    V rows[BITS];
    std::memcpy(rows, words, sizeof rows);
    if (WIDTH < BITS)
        for (V& row : rows) {
            Word mask[sizeof(V) / sizeof(Word)];
            for (Word& word : mask) word = (Word(1) << (WIDTH % BITS)) - 1;
            V all;
            std::memcpy(&all, mask, sizeof all);
            row &= all;
        }
    // words narrower than half of BITS share one
    for (unsigned d = BITS / 2; d >= SIZE; d /= 2)
        for (unsigned k = 0; k < d; ++k) rows[k] |= rows[k + d] << d;
    transpose<SIZE>(rows);
    std::memcpy(bits, rows, sizeof(V) * WIDTH);
}

template <typename Word, unsigned WIDTH>
inline __attribute__((always_inline)) void join(const V* bits, Word* words) {
    constexpr unsigned BITS = 8 * sizeof(Word), SIZE = matrix(WIDTH);
    V rows[BITS] = {};
    std::memcpy(rows, bits, sizeof(V) * WIDTH);
    transpose<SIZE>(rows);
    for (unsigned d = SIZE; d < BITS; d *= 2)
        for (unsigned k = 0; k < d; ++k) {
            rows[k + d] = rows[k] >> d & lower(d);
            rows[k] &= lower(d);
        }
    std::memcpy(words, rows, sizeof rows);
}

// A word of WIDTH bits, perhaps signed, as an element of an array.
template <unsigned WIDTH, bool SIGN, typename T, typename Word>
inline T element(Word word) {
    constexpr unsigned UNUSED = 8 * sizeof(Word) - WIDTH;
    using Signed = std::make_signed_t<Word>;
    if (SIGN) return static_cast<T>(static_cast<Signed>(static_cast<Word>(word << UNUSED)) >> UNUSED);
    return static_cast<T>(word);
}

// The same value in every lane.
inline void hold(uint64_t value, unsigned width, V* bits) {
    for (unsigned k = 0; k < width; ++k) bits[k] = V{} - (value >> k & 1);
}

inline void hold(const uint32_t* value, unsigned width, V* bits) {
    for (unsigned k = 0; k < width; ++k) bits[k] = V{} - uint64_t{value[k / 32] >> (k % 32) & 1};
}

}  // namespace
