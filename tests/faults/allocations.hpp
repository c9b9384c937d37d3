/// The operator new of this program, which counts and can fail.
#pragma once

#include <cstddef>

namespace vecinal::test {

/// Allocations until now, of all threads.
[[nodiscard]] std::size_t allocations();

/// While it lives, the n-th allocation from its start on fails (1 is the next one), or that one and
/// all later ones.
class FailingAllocation {
 public:
  enum class How : unsigned char { once, from_then_on };
  FailingAllocation(std::size_t n, How how);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  /// True if one has failed.
  [[nodiscard]] static bool happened();
};

}  // namespace vecinal::test
