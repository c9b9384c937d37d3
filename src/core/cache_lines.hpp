/// Cache lines: how much of them something takes, and having them fetched.
#pragma once

#include <cstddef>

namespace vecinal {

inline constexpr std::size_t cache_line = 64;

[[nodiscard]] constexpr std::size_t whole_lines(std::size_t bytes) {
  return (bytes + cache_line - 1) / cache_line * cache_line;
}

/// Has bytes brought into the first cache.
inline void prefetch_lines(const void* from, std::size_t bytes) {
  const auto* at = static_cast<const char*>(from);
  for (const char* const end = at + bytes; at < end; at += cache_line) {
    __builtin_prefetch(at);
    asm volatile("" ::: "memory");  // GCC 12 otherwise keeps only the first of such a loop
  }
}

}  // namespace vecinal
