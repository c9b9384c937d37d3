// What an index is going to hold, and may.
#include <algorithm>

#include "core/concat.hpp"
#include "index/layout_choice.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

void check_memory(const Config& config, std::size_t bytes, const char* call) {
  if (config.memory_limit != 0 && bytes > config.memory_limit)
    throw MemoryLimit(concat(call, ": the index would hold about ", bytes,
                             " bytes, its memory_limit is ", config.memory_limit));
}

std::size_t item_bytes(const Config& config, const Rows& rows) {
  std::size_t item = rows.walked().stride() + sizeof(Id) + 1;
  if (rows.two()) item += rows.ranking().stride();
  if (config.graph == GraphKind::none) return item;
  // Links, parent and twin; one node in degree / 2 is on level 1 as well, and so on.
  const std::size_t upper = config.degree / 2;
  item += (config.degree + 2) * sizeof(Slot);
  return item + (upper + 2) * sizeof(Slot) / (upper - 1) + 1;
}

std::size_t VectorIndex::bytes_with(std::size_t items) const {
  std::size_t item = item_bytes(config_, *rows_);
  if (labels_.sets() > 1) item += sizeof(LabelColumn::Number);
  return (rows_->size() + items - std::min(items, free_.size())) * item;
}

}  // namespace vecinal
