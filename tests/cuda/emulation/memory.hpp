/// Memory of the emulated device and of its blocks, and what is known of every byte: faults that a
/// card would show by garbage, or not at all, are found where they happen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emulation {

/// Whether the compiler tells of every access (hooks.cpp).
#ifdef VECINAL_EMULATION_CHECKS
inline constexpr bool checks_accesses = true;
#else
inline constexpr bool checks_accesses = false;
#endif

/// What a byte is. `coming`: a copy was begun that nobody has waited for.
enum class Byte : unsigned char { nothing, unset, set, coming };

/// Who was the last to touch four bytes; accesses.hpp.
struct Stamp {
  std::uint32_t interval = 0;
  std::uint32_t warp_interval = 0;
  std::uint16_t thread = 0;
  std::uint8_t bytes = 0;  ///< a bit for each
  std::uint8_t kind = 0;
};
struct Touched {
  Stamp wrote;
  Stamp read;
};

/// Addresses whose bytes are known.
struct Region {
  const char* name = "";
  unsigned char* begin = nullptr;
  std::size_t bytes = 0;
  Byte* states = nullptr;      ///< of each byte
  Touched* touched = nullptr;  ///< of every four
  bool of_block = false;       ///< shared memory: other blocks have others

  [[nodiscard]] bool holds(const void* at) const {
    const auto* byte = static_cast<const unsigned char*>(at);
    return byte >= begin && byte < begin + bytes;
  }
  [[nodiscard]] std::size_t offset(const void* at) const {
    return static_cast<std::size_t>(static_cast<const unsigned char*>(at) - begin);
  }
};

/// Address space for so many bytes, all unknown; takes memory where it is touched.
[[nodiscard]] Region reserve(const char* name, std::size_t bytes, bool of_block);
void give_back(const Region& region) noexcept;

/// Device memory, and the host's that the device may read. No address is given twice.
[[nodiscard]] Region& device_memory();
[[nodiscard]] Region& pinned_memory();
/// Null if there is no room. In device memory, bytes are unset at first.
[[nodiscard]] void* allocate(Region& region, std::size_t bytes);
void release(Region& region, void* memory) noexcept;
[[nodiscard]] std::size_t allocated(const Region& region);

/// Both of the former, for copies by the host: writes a range, which is set afterwards; reads one,
/// of which all must be set. Memory of the host is left alone.
void host_writes(const void* at, std::size_t bytes);
void host_reads(const void* at, std::size_t bytes);
/// Bytes become what others are: a copy within the device.
void copies_states(const void* to, const void* from, std::size_t bytes);

/// Says what went wrong, on standard error; a launch or a wait of the same thread throws it.
void report(const std::string& fault);
void throw_reported();

}  // namespace emulation
