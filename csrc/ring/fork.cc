#include "ring/fork.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>
#include <new>

namespace stepwell::ring {
namespace {

std::atomic<std::uint64_t>* g_word = nullptr;
std::atomic<std::uint64_t> g_epoch{0};  // survives the fork, unlike the page
std::atomic<std::uint64_t> g_ordinary_word{0};

void clear_in_child() { g_word->store(0, std::memory_order_relaxed); }

std::atomic<std::uint64_t>* make_word() {
  void* page = mmap(nullptr, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_word = page == MAP_FAILED ? &g_ordinary_word : new (page) std::atomic<std::uint64_t>(0);
#ifdef MADV_WIPEONFORK
  if (page != MAP_FAILED &&
      madvise(page, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), MADV_WIPEONFORK) == 0) {
    return g_word;
  }
#endif
  // Misses a child made by clone() without libc; WIPEONFORK does not.
  pthread_atfork(nullptr, nullptr, clear_in_child);
  return g_word;
}

std::atomic<std::uint64_t>& word() {
  static std::atomic<std::uint64_t>* const kWord = make_word();
  return *kWord;
}

}  // namespace

const std::atomic<std::uint64_t>& fork_word() { return word(); }

std::uint64_t fork_epoch() {
  std::uint64_t seen = word().load(std::memory_order_relaxed);
  if (seen != 0) return seen;
  // Two threads of a new child may come here at once; whoever is first names the generation.
  const std::uint64_t mine = g_epoch.fetch_add(1, std::memory_order_relaxed) + 1;
  if (word().compare_exchange_strong(seen, mine, std::memory_order_relaxed)) return mine;
  return seen;
}

}  // namespace stepwell::ring
