/// Index files that are damaged on purpose, with checksums that are right again: what an attacker,
/// or a bug of a writer, would hand to a loader. Offsets of docs/file-format.md.
#pragma once

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vecinal::test {

inline constexpr std::size_t header_bytes = 64;
inline constexpr std::size_t entry_bytes = 48;
inline constexpr std::size_t footer_bytes = 16;

template <class T>
T read_at(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline void write_hash(std::byte* to, const std::byte* data, std::size_t size) {
  const std::uint64_t hash = XXH3_64bits(data, size);
  std::memcpy(to, &hash, sizeof hash);
}

/// Makes length and checksums right, as far as the table leads anywhere.
inline void repair_checksums(std::span<std::byte> file) {
  if (file.size() < header_bytes + footer_bytes) return;
  const std::uint64_t length = file.size();
  std::memcpy(file.data() + 16, &length, sizeof length);
  const std::size_t sections = read_at<std::uint32_t>(file.data() + 24);
  const std::size_t head = header_bytes + sections * entry_bytes;
  write_hash(file.data() + 56, file.data(), 56);
  if (head > file.size() - footer_bytes) return;
  for (std::size_t i = 0; i < sections; ++i) {
    std::byte* entry = file.data() + header_bytes + i * entry_bytes;
    const auto offset = read_at<std::uint64_t>(entry + 16);
    const auto bytes = read_at<std::uint64_t>(entry + 24);
    if (offset <= file.size() && bytes <= file.size() - offset)
      write_hash(entry + 32, file.data() + offset, bytes);
  }
  write_hash(file.data() + 32, file.data() + header_bytes, head - header_bytes);
  write_hash(file.data() + 56, file.data(), 56);
  write_hash(file.data() + file.size() - 8, file.data(), head);
}

}  // namespace vecinal::test
