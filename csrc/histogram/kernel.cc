// Counting. A chunk of values is gone through once: each value costs a shift and an increment, and beside
// them sums and extremes are taken on vectors, which fills the time that the increments wait for memory.
// Several count tables, because an increment that follows one of the same bucket waits for its store. Values
// with few bits pass through float (exact), the others through double.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "histogram/buckets.h"
#include "histogram/histogram.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define STEPWELL_HAS_WIDE 1
#endif

namespace stepwell::histogram {

namespace {

constexpr size_t kChunk = 2048;  // values: stays in the first-level cache beside the touched counts
// Tables by pairs, interleaved: a bucket lies at its code times eight, which an address can say, and the same
// one of the next pair a cache line off in its page.
constexpr size_t kPair = 2;
constexpr size_t kPairs = 2;
constexpr size_t kPairSize = kCodes * kPair + 16;
constexpr size_t kFew = 1024;            // values that are sooner sorted than tables are cleared and searched
constexpr uint64_t kFlush = 1ULL << 31;  // values before 32-bit counts are emptied into 64-bit ones

// The sums run over sixteen interleaved lanes on every machine, in as many vectors as it takes, so that they
// do not depend on how wide its vectors are.
constexpr size_t kStride = 16;

template <typename T, size_t kLanes>
using Lanes [[gnu::vector_size(kLanes * sizeof(T))]] = T;

struct Moments {
  double sum = 0;
  double sum2 = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  bool finite = true;  // false: the others mean nothing
};

inline void add(Moments& moments, double value) {
  moments.sum += value;
  moments.sum2 += value * value;
  moments.min = std::min(moments.min, value);
  moments.max = std::max(moments.max, value);
}

// Integers as wide as T, on which infinities and NaN are told by their exponent bits.
template <typename T>
using BitsOf = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
template <typename T>
constexpr BitsOf<T> kOddExponent = sizeof(T) == 4 ? 0x7f800000 : 0x7ff0000000000000;

// Buckets to count in, or none.
struct NoCounts {
  template <typename T>
  [[gnu::always_inline]] void operator()(const T*) const {}
};
struct IntoTables {
  uint32_t* counts;
  // The i-th value of a stride in the table whose turn it is.
  [[gnu::always_inline]] void operator()(size_t i, size_t code) const {
    ++(counts + code * kPair)[i / kPair % kPairs * kPairSize + i % kPair];
  }
  [[gnu::always_inline]] void operator()(const double* values) const {
    uint32_t codes[kStride];  // a loop of its own: the one that counts is then unrolled, and knows its table
    for (size_t i = 0; i < kStride; ++i) codes[i] = code_of(values[i]);
    for (size_t i = 0; i < kStride; ++i) (*this)(i, codes[i]);
  }
  // Two values a load; which of them is the first is all the same here.
  [[gnu::always_inline]] void operator()(const float* values) const {
    for (size_t i = 0; i < kStride; i += 2) {
      uint64_t two = 0;
      std::memcpy(&two, values + i, sizeof two);
      (*this)(i, static_cast<uint32_t>(two) >> kCodeShift);
      (*this)(i + 1, two >> (32 + kCodeShift));
    }
  }
};

// Widened value by value: compilers make one instruction of it, and four or more of __builtin_convertvector.
template <typename T, size_t... kLane>
[[gnu::always_inline]] inline auto widened(const T* values, std::index_sequence<kLane...>) {
  using Doubles = Lanes<double, sizeof...(kLane)>;
  if constexpr (std::is_same_v<T, double>) {
    Doubles lanes;
    std::memcpy(&lanes, values, sizeof lanes);
    return lanes;
  } else {
    return Doubles{static_cast<double>(values[kLane])...};
  }
}

// The moments of whole strides. With kSkip, values that are not finite are left out. Without it such a value
// makes sum2 infinite or NaN, so that one look at the end finds it; the squares of finite doubles may
// overflow too, which only costs the other path.
template <size_t kLanes, bool kSkip, typename T, typename Count>
[[gnu::always_inline]] inline Moments moments_of(const T* values, size_t n, Count count) {
  constexpr size_t kSums = kStride / kLanes;
  constexpr size_t kWidth = kLanes * sizeof(double) / sizeof(T);  // values in a vector as wide as one of sums
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  using Values = Lanes<T, kWidth>;
  using Bits = Lanes<BitsOf<T>, kWidth>;
  Lanes<double, kLanes> sum[kSums] = {};
  Lanes<double, kLanes> sum2[kSums] = {};
  Values low = Values{} + kInfinity;
  Values high = Values{} - kInfinity;
  for (size_t i = 0; i < n; i += kStride) {
    count(values + i);
    const T* summed = values + i;
    alignas(Values) T kept[kStride];  // with kSkip: zero for what is not finite
    for (size_t at = 0; at < kStride; at += kWidth) {
      Values lanes;
      std::memcpy(&lanes, values + i + at, sizeof lanes);
      Values lowest = lanes;   // NOLINT(misc-const-correctness): changed with kSkip
      Values highest = lanes;  // NOLINT(misc-const-correctness)
      if constexpr (kSkip) {
        Bits bits;
        std::memcpy(&bits, &lanes, sizeof bits);
        const Bits finite = (bits & kOddExponent<T>) != kOddExponent<T>;
        bits &= finite;
        std::memcpy(kept + at, &bits, sizeof bits);
        lowest = finite ? lowest : Values{} + kInfinity;
        highest = finite ? highest : Values{} - kInfinity;
      }
      low = lowest < low ? lowest : low;
      high = highest > high ? highest : high;
    }
    if constexpr (kSkip) summed = kept;
    for (size_t v = 0; v < kSums; ++v) {
      const auto wide = widened(summed + v * kLanes, std::make_index_sequence<kLanes>());
      sum[v] += wide;
      sum2[v] += wide * wide;
    }
  }
  Moments moments;
  for (size_t i = 0; i < kStride; ++i) {
    moments.sum += sum[i / kLanes][i % kLanes];
    moments.sum2 += sum2[i / kLanes][i % kLanes];
  }
  for (size_t i = 0; i < kWidth; ++i) {
    moments.min = std::min(moments.min, static_cast<double>(low[i]));
    moments.max = std::max(moments.max, static_cast<double>(high[i]));
  }
  moments.finite = std::isfinite(moments.sum2);
  return moments;
}

// One function for each way of going over the values, each compiled for every width of vectors.
enum class Way { kCountAndSum, kSum, kSumFinite };

template <size_t kLanes, typename T>
[[gnu::always_inline]] inline Moments go(Way way, const T* values, size_t n, uint32_t* counts) {
  switch (way) {
    case Way::kCountAndSum:
      return moments_of<kLanes, false>(values, n, IntoTables{counts});
    case Way::kSum:
      return moments_of<kLanes, false>(values, n, NoCounts{});
    case Way::kSumFinite:
      return moments_of<kLanes, true>(values, n, NoCounts{});
  }
  return {};
}

template <typename T>
using Kernel = Moments (*)(Way, const T*, size_t, uint32_t*);

template <typename T>
Moments go_base(Way way, const T* values, size_t n, uint32_t* counts) {
  return go<2>(way, values, n, counts);
}
#ifdef STEPWELL_HAS_WIDE
template <typename T>
__attribute__((target("avx2"))) Moments go_avx2(Way way, const T* values, size_t n, uint32_t* counts) {
  return go<4>(way, values, n, counts);
}
template <typename T>
__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw"))) Moments go_avx512(Way way, const T* values,
                                                                                size_t n, uint32_t* counts) {
  return go<8>(way, values, n, counts);
}
// From the narrowest to the widest that this processor has.
template <typename T>
std::vector<Kernel<T>> find_kernels() {
  std::vector<Kernel<T>> all = {go_base<T>};
  if (__builtin_cpu_supports("avx2")) all.push_back(go_avx2<T>);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    all.push_back(go_avx512<T>);
  }
  return all;
}
#else
template <typename T>
std::vector<Kernel<T>> find_kernels() {
  return {go_base<T>};
}
#endif

template <typename T>
const std::vector<Kernel<T>>& kernels() {
  static const std::vector<Kernel<T>> kAll = find_kernels<T>();
  return kAll;
}

class Counter {
 public:
  Counter(size_t n, size_t path)
      : few_(n <= kFew), floats_(kernels<float>()[path]), doubles_(kernels<double>()[path]) {
    if (few_) return;
    counts_.resize(kPairs * kPairSize);
    totals_.resize(kCodes);
  }

  template <typename T>
  void add(const T* values, size_t n) {
    if (few_) {
      count(values, n);
      stats(values, n);
      return;
    }
    const size_t whole = n - n % kStride;
    make_room(whole);
    note(Way::kCountAndSum, values, whole);
    count(values + whole, n - whole);
    rest(values + whole, n - whole);
  }

  template <typename T>
  void count(const T* values, size_t n) {
    if (few_) {
      for (size_t i = 0; i < n; ++i) codes_.push_back(static_cast<uint16_t>(code_of(values[i])));
      return;
    }
    make_room(n);
    for (size_t i = 0; i < n; ++i) IntoTables{counts_.data()}(i, code_of(values[i]));
  }

  template <typename T>
  void stats(const T* values, size_t n) {
    const size_t whole = n - n % kStride;
    note(Way::kSum, values, whole);
    rest(values + whole, n - whole);
  }

  Histogram finish() {
    if (few_) {
      std::sort(codes_.begin(), codes_.end());
      for (auto at = codes_.begin(); at != codes_.end();) {
        const auto end = std::upper_bound(at, codes_.end(), *at);
        emit(*at, static_cast<uint64_t>(end - at));
        at = end;
      }
    } else {
      flush();
      for (uint32_t code = 0; code < kCodes; ++code) emit(code, totals_[code]);
    }
    for (const auto& [code, odd] :
         {std::pair{kTopCode, odd_top_}, std::pair{kTopCode + kSignCode, odd_bottom_}}) {
      if (odd != 0) take_back(code, odd);
    }
    if (result_.count != 0) {
      result_.min = min_;
      result_.max = max_;
    }
    return std::move(result_);
  }

 private:
  void emit(uint32_t code, uint64_t count) {
    if (count == 0 || !is_bucket(code)) return;
    result_.buckets.push_back(static_cast<uint16_t>(code));
    result_.counts.push_back(count);
    result_.count += count;
  }

  void flush() {
    for (size_t pair = 0; pair < kPairs; ++pair) {
      const uint32_t* counts = counts_.data() + pair * kPairSize;
      for (size_t code = 0; code < kCodes; ++code)
        totals_[code] += uint64_t{counts[2 * code]} + counts[2 * code + 1];
    }
    std::fill(counts_.begin(), counts_.end(), 0);
    counted_ = 0;
  }

  void make_room(size_t n) {
    counted_ += n;
    if (counted_ >= kFlush) flush();
  }

  Moments go_over(Way way, const float* values, size_t n) { return floats_(way, values, n, counts_.data()); }
  Moments go_over(Way way, const double* values, size_t n) {
    return doubles_(way, values, n, counts_.data());
  }

  template <typename T>
  void note(Way way, const T* values, size_t n) {
    if (n == 0) return;
    Moments part = go_over(way, values, n);
    if (!part.finite) {
      part = go_over(Way::kSumFinite, values, n);
      odd(values, n);
    }
    join(part);
  }

  // The last values, fewer than a stride, one by one.
  template <typename T>
  void rest(const T* values, size_t n) {
    Moments part;
    for (size_t i = 0; i < n; ++i) {
      if (std::isfinite(values[i])) histogram::add(part, static_cast<double>(values[i]));
    }
    odd(values, n);
    join(part);
  }

  void join(const Moments& part) {
    result_.sum += part.sum;
    result_.sum2 += part.sum2;
    min_ = std::min(min_, part.min);
    max_ = std::max(max_, part.max);
  }

  // Counts what is not finite, without a branch.
  template <typename T>
  void odd(const T* values, size_t n) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    constexpr auto kSign = static_cast<std::make_unsigned_t<BitsOf<T>>>(1) << (sizeof(T) * 8 - 1);
    uint32_t nan = 0;
    uint32_t negative_nan = 0;
    uint32_t high = 0;
    uint32_t low = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint32_t is_nan = std::isnan(values[i]) ? 1U : 0U;
      nan += is_nan;
      negative_nan += (std::bit_cast<std::make_unsigned_t<BitsOf<T>>>(values[i]) & kSign) != 0 ? is_nan : 0U;
      high += values[i] == kInfinity ? 1U : 0U;
      low += values[i] == -kInfinity ? 1U : 0U;
    }
    result_.nan += nan;
    result_.pos_inf += high;
    result_.neg_inf += low;
    // A double's code saturates, so its NaN and infinities were counted in the top finite buckets.
    if constexpr (sizeof(T) == 8) {
      odd_top_ += high + nan - negative_nan;
      odd_bottom_ += low + negative_nan;
    }
  }

  void take_back(uint32_t code, uint64_t odd) {
    const auto at =
        std::lower_bound(result_.buckets.begin(), result_.buckets.end(), code) - result_.buckets.begin();
    result_.count -= odd;
    result_.counts[at] -= odd;
    if (result_.counts[at] != 0) return;
    result_.buckets.erase(result_.buckets.begin() + at);
    result_.counts.erase(result_.counts.begin() + at);
  }

  bool few_;
  Kernel<float> floats_;
  Kernel<double> doubles_;
  std::vector<uint16_t> codes_;  // of few values
  std::vector<uint32_t> counts_;
  std::vector<uint64_t> totals_;
  uint64_t counted_ = 0;  // since the last flush
  Histogram result_;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
  uint64_t odd_top_ = 0;
  uint64_t odd_bottom_ = 0;
};

// Exact, subnormals, NaN and infinities included.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffU) << 13;
  const auto finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  return std::bit_cast<float>(sign | (magnitude >= 0x0f800000U ? magnitude | 0x7f800000U : finite));
}

inline float bfloat_to_float(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

// The nearest double that is not farther from zero, so that the bucket contains the integer.
template <typename T>
double toward_zero(T value) {
  const bool negative = value < 0;
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (negative) magnitude = 0 - magnitude;
  if (const int extra = 11 - std::countl_zero(magnitude); extra > 0) magnitude = magnitude >> extra << extra;
  const auto result = static_cast<double>(magnitude);
  return negative ? -result : result;
}

// Conversions are passed as lambdas: a function pointer is not inlined, and costs a call a value.

// Calls use(chunk, n) for runs of aligned values.
template <typename T, typename Use>
void in_chunks(const void* values, size_t n, Use use) {
  const auto* bytes = static_cast<const unsigned char*>(values);
  std::array<T, kChunk> chunk;
  for (size_t at = 0; at < n; at += kChunk) {
    const size_t length = std::min(kChunk, n - at);
    std::memcpy(chunk.data(), bytes + at * sizeof(T), length * sizeof(T));
    use(chunk.data(), length);
  }
}

template <typename From, typename To, typename Convert>
void convert_and_add(Counter& counter, const void* values, size_t n, Convert convert) {
  in_chunks<From>(values, n, [&](const From* from, size_t length) {
    std::array<To, kChunk> to;
    std::transform(from, from + length, to.begin(), convert);
    counter.add(to.data(), length);
  });
}

template <typename T>
void add_plain(Counter& counter, const void* values, size_t n) {
  if (reinterpret_cast<uintptr_t>(values) % alignof(T) == 0) {
    const auto* typed = static_cast<const T*>(values);
    for (size_t at = 0; at < n; at += kChunk) counter.add(typed + at, std::min(kChunk, n - at));
    return;
  }
  in_chunks<T>(values, n, [&](const T* chunk, size_t length) { counter.add(chunk, length); });
}

// Up to 2^53 a double is exact; beyond, the bucket is cut from below and the sums take the nearest.
template <typename T>
void add_long(Counter& counter, const void* values, size_t n) {
  in_chunks<T>(values, n, [&](const T* from, size_t length) {
    std::array<double, kChunk> nearest;
    std::transform(from, from + length, nearest.begin(), [](T value) { return static_cast<double>(value); });
    uint64_t bits = 0;
    for (size_t i = 0; i < length; ++i) bits |= static_cast<uint64_t>(from[i] < 0 ? ~from[i] : from[i]);
    if (bits >> 53 == 0) {
      counter.add(nearest.data(), length);
      return;
    }
    std::array<double, kChunk> below;
    std::transform(from, from + length, below.begin(), [](T value) { return toward_zero(value); });
    counter.count(below.data(), length);
    counter.stats(nearest.data(), length);
  });
}

}  // namespace

size_t size_of(Type type) {
  switch (type) {
    case Type::kI8:
    case Type::kU8:
    case Type::kBool:
      return 1;
    case Type::kF16:
    case Type::kBf16:
    case Type::kI16:
    case Type::kU16:
      return 2;
    case Type::kF32:
    case Type::kI32:
    case Type::kU32:
      return 4;
    case Type::kF64:
    case Type::kI64:
    case Type::kU64:
      return 8;
  }
  return 0;
}

size_t count_paths() { return kernels<float>().size(); }

Histogram count_values(Type type, const void* values, size_t n) {
  return count_values(type, values, n, count_paths() - 1);
}

Histogram count_values(Type type, const void* values, size_t n, size_t path) {
  Counter counter(n, path);
  const auto as_float = [](auto value) { return static_cast<float>(value); };
  const auto as_double = [](auto value) { return static_cast<double>(value); };
  switch (type) {
    case Type::kF16:
      convert_and_add<uint16_t, float>(counter, values, n, [](uint16_t half) { return half_to_float(half); });
      break;
    case Type::kBf16:
      convert_and_add<uint16_t, float>(counter, values, n,
                                       [](uint16_t value) { return bfloat_to_float(value); });
      break;
    case Type::kF32:
      add_plain<float>(counter, values, n);
      break;
    case Type::kF64:
      add_plain<double>(counter, values, n);
      break;
    case Type::kI8:
      convert_and_add<int8_t, float>(counter, values, n, as_float);
      break;
    case Type::kU8:
      convert_and_add<uint8_t, float>(counter, values, n, as_float);
      break;
    case Type::kI16:
      convert_and_add<int16_t, float>(counter, values, n, as_float);
      break;
    case Type::kU16:
      convert_and_add<uint16_t, float>(counter, values, n, as_float);
      break;
    case Type::kI32:
      convert_and_add<int32_t, double>(counter, values, n, as_double);
      break;
    case Type::kU32:
      convert_and_add<uint32_t, double>(counter, values, n, as_double);
      break;
    case Type::kI64:
      add_long<int64_t>(counter, values, n);
      break;
    case Type::kU64:
      add_long<uint64_t>(counter, values, n);
      break;
    case Type::kBool:
      convert_and_add<uint8_t, float>(counter, values, n,
                                      [](uint8_t value) { return value != 0 ? 1.0F : 0.0F; });
      break;
  }
  return counter.finish();
}

}  // namespace stepwell::histogram
