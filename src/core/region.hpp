/// A range of address space that is reserved at once and gets memory as it grows, so its start
/// never moves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecinal {

class Region {
 public:
  Region() = default;

  /// Reserves at least `bytes` of address space; nothing is committed. Throws std::bad_alloc.
  explicit Region(std::size_t bytes);

  Region(Region&& other) noexcept;
  Region& operator=(Region&& other) noexcept;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  /// Makes the first `bytes` usable (new memory is zero); large regions get huge pages. Throws
  /// std::bad_alloc.
  void commit(std::size_t bytes);

  /// Maps `bytes` of a file copy-on-write over the start of an empty region; offset is a multiple
  /// of the page size. Memory after it can be committed as usual. Throws std::system_error.
  void map(int file, std::uint64_t offset, std::size_t bytes);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t reserved() const { return reserved_; }
  [[nodiscard]] std::size_t committed() const { return committed_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t committed_ = 0;
};

}  // namespace vecinal
