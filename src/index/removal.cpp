// Removing from a VectorIndex: items are invisible at once; their rows are taken out of the graph
// when there are enough of them to share the pass over the links.
#include <algorithm>
#include <exception>
#include <functional>
#include <optional>

#include "graph/repair.hpp"
#include "index/vector_index.hpp"

namespace vecinal {
namespace {

/// Removed rows that serve as steps until there are more: few enough to cost searches and memory
/// nothing that matters, enough for a pass over all links to cost each of them little.
std::size_t most_steps(std::size_t slots) { return 16 + slots / 128; }

/// The nodes whose links a repair has changed, but for those that are gone, which are not met any
/// more. None where there is no memory for them: what was repaired stays so.
std::optional<std::vector<ChangedRow>> relinked_by(const Repair& repair) noexcept {
  try {
    return repair.changed();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::size_t VectorIndex::remove(std::span<const Id> ids) {
  const std::lock_guard writer(writer_);
  const std::vector<Slot> slots = slots_of(ids);
  if (slots.empty()) return 0;
  auto population = std::make_unique<Population>(*population_);
  population->remove(slots);
  keep_nodes(slots, *population);
  {
    const std::unique_lock lock(ids_lock_);
    for (const Slot slot : slots) ids_.forget(id_of(slot));
    publish(std::move(population));
  }
  forget_outdated();
  reclaim();
  return slots.size();
}

void VectorIndex::keep_nodes(std::span<const Slot> removed, Population& population) const {
  if (config_.graph == GraphKind::none) return;
  for (const Slot slot : removed)
    if (graph_.twin(slot) != no_slot) population.keep_node(slot);
}

void VectorIndex::reclaim() noexcept {
  const std::size_t unused = population_->slots - population_->count - free_.size();
  const bool steps = config_.graph == GraphKind::hnsw;
  if (unused <= (steps ? kept_for_twins_ + most_steps(population_->slots) : 0)) return;
  try {
    repair();
  } catch (const std::exception&) {
    // Memory ran out, and nothing has changed: the rows go on serving as steps.
  }
}

void VectorIndex::repair() {
  std::vector<Slot> removed = used_slots();
  std::erase_if(removed, [&](Slot slot) { return population_->contains(slot); });
  free_.reserve(free_.size() + removed.size());
  if (config_.graph == GraphKind::none) {
    wait_for_readers();
    set_free(removed);
    return;
  }
  Repair repair(graph_, rows_->walked(), build_params());
  repair.run(removed);
  if (const auto relinked = mirror_ == nullptr ? std::nullopt : relinked_by(repair))
    note_change({}, *relinked);
  else
    note_change(Change::links);
  const bool was_ready = fused_ready_.exchange(false);
  wait_for_readers();
  repair.release();
  set_free(repair.gone());
  kept_for_twins_ = removed.size() - repair.gone().size();
  // Tails that cannot be written are all made anew by the next add.
  if (was_ready) write_tails(repair.changed());
}

void VectorIndex::set_free(std::span<const Slot> slots) {
  for (const Slot slot : slots) {
    rows_->clear(slot);
    labels_.clear(slot);
  }
  free_.insert(free_.end(), slots.begin(), slots.end());
  std::sort(free_.begin(), free_.end(), std::greater<>());
}

}  // namespace vecinal
