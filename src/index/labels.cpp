// Labels of the items of a VectorIndex.
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>

#include "core/concat.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

std::vector<Label> VectorIndex::labels_of(Id id) const {
  const ReaderGate::Pass pass(gate_);
  const std::shared_lock lock(ids_lock_);
  const std::optional<Slot> slot = find_live(id);
  if (!slot) throw std::out_of_range(concat("labels_of: id ", id, " is not in the index"));
  const std::span<const Label> labels = labels_.of(*slot);
  return {labels.begin(), labels.end()};
}

void VectorIndex::set_labels(std::span<const Id> ids, const Labels& labels) {
  validate_labels(labels, ids.size(), "set_labels");
  const std::lock_guard writer(writer_);
  std::vector<Slot> slots;
  slots.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::optional<Slot> slot = find_live(ids[i]);
    if (!slot)
      throw std::invalid_argument(
          concat("set_labels: id ", ids[i], " at position ", i, " is not in the index"));
    slots.push_back(*slot);
  }
  const std::size_t sets = labels_.sets();
  try {
    labels_.assign(slots, labels, rows_->size());
  } catch (...) {
    labels_.truncate(rows_->size(), sets);
    throw;
  }
  release_outgrown();
}

}  // namespace vecinal
