// Tells a forked child that it is one, without a system call: one load per log call.
#pragma once

#include <atomic>
#include <cstdint>

namespace stepwell::ring {

/// A word on a page that the kernel clears in a forked child (MADV_WIPEONFORK), or that pthread_atfork clears
/// where it cannot. Nonzero in a process that has looked at it.
const std::atomic<std::uint64_t>& fork_word();

/// The number of this process's generation: changes exactly once in every forked child, at its first call
/// there.
std::uint64_t fork_epoch();

}  // namespace stepwell::ring
