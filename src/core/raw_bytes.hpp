/// Plain values as bytes, and out of bytes at any alignment: for headers of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace vecinal {

/// What a header keeps to tell the byte order of the machine that wrote it.
inline constexpr std::uint32_t endian_mark = 0x01020304;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// The caller has seen that the bytes reach so far.
template <class T>
T read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace vecinal
