#include "index/copy_delta.hpp"

#include <algorithm>

namespace vecinal {

std::vector<Slot> CopyDelta::below(std::size_t limit, std::vector<Slot> listed) {
  std::erase_if(listed, [&](Slot slot) { return slot >= limit; });
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  return listed;
}

}  // namespace vecinal
