// The one clock a log call reads.
#pragma once

#include <cstdint>
#include <ctime>

namespace stepwell::ring {

inline std::int64_t clock_ns(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// Wall time minus monotonic time, now. Taken once a process: wall time that steps back cannot reorder a
/// run's points.
inline std::int64_t wall_offset_ns() { return clock_ns(CLOCK_REALTIME) - monotonic_ns(); }

}  // namespace stepwell::ring
