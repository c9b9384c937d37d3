// What a VectorIndex tells of itself.
#include <algorithm>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/progress.hpp"
#include "index/slot_check.hpp"
#include "index/train.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

std::optional<Slot> VectorIndex::find_live(Id id) const {
  const std::optional<Slot> slot = ids_.find(id);
  return slot && population_->contains(*slot) ? slot : std::nullopt;
}

std::vector<Slot> VectorIndex::slots_of(std::span<const Id> ids) const {
  std::vector<Slot> slots;
  slots.reserve(ids.size());
  const std::shared_lock lock(ids_lock_);
  for (const Id id : ids)
    if (const std::optional<Slot> slot = find_live(id)) slots.push_back(*slot);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  return slots;
}

bool VectorIndex::contains(Id id) const {
  const std::shared_lock lock(ids_lock_);
  return find_live(id).has_value();
}

std::vector<Id> VectorIndex::ids() const {
  const std::shared_lock lock(ids_lock_);
  std::vector<Id> found;
  found.reserve(size());
  for (std::size_t slot = 0; slot < ids_.slots(); ++slot)
    if (population_->contains(static_cast<Slot>(slot))) found.push_back(ids_.ids()[slot]);
  return found;
}

std::size_t VectorIndex::vectors_of(Id id) const {
  if (!contains(id)) throw std::out_of_range(concat("id ", id, " is not in the index"));
  return 1;
}

void VectorIndex::get(Id id, std::span<float> out) const {
  if (out.size() != config_.dim)
    throw std::invalid_argument(
        concat("get: out has ", out.size(), " values, the index has ", config_.dim, " dims"));
  const ReaderGate::Pass pass(gate_);
  const std::shared_lock lock(ids_lock_);
  const std::optional<Slot> slot = find_live(id);
  if (!slot) throw std::out_of_range(concat("get: id ", id, " is not in the index"));
  published_.load(std::memory_order_acquire)->decode(*slot, out.data());
}

Stats VectorIndex::stats() const {
  const std::lock_guard writer(writer_);
  Stats stats;
  stats.size = size();
  stats.removed = rows_->size() - stats.size;
  stats.free = free_.size();
  stats.duplicates = graph_.twin_count();
  stats.levels = graph_.levels();
  stats.mean_degree = graph_.mean_degree();
  stats.trained = trained_;
  stats.reduced_dim = rows_->model().walk_dim();
  if (trained_ && rows_->walked().codec().is_code()) {
    stats.quantizer = quantizer_of(rows_->model());
    stats.trained_error = rows_->model().trained_error();
    if (drift_.squared_norm > 0) stats.added_error = drift_.squared_error / drift_.squared_norm;
    if (drift_.values > 0)
      stats.clipped = static_cast<double>(drift_.clipped) / static_cast<double>(drift_.values);
  }
  stats.bytes_rows = rows_->walked().bytes();
  stats.bytes_secondary = rows_->two() ? rows_->ranking().bytes() : 0;
  stats.bytes_graph = graph_.bytes() + (rows_->fused() != nullptr ? rows_->fused()->bytes() : 0);
  stats.bytes_ids = ids_.bytes() + population_->bytes() + labels_.bytes();
  stats.layout_reason = settled_ ? settled_->reason : first_choice_.reason;
  stats.tuned.assign(tuned_rows().begin(), tuned_rows().end());
  stats.revision = revision_;
  if (mirror_) stats.bytes_device = mirror_->bytes();
  stats.bytes = stats.bytes_rows + stats.bytes_secondary + stats.bytes_graph + stats.bytes_ids;
  return stats;
}

std::vector<std::string> VectorIndex::check(const Progress& progress) const {
  const std::lock_guard writer(writer_);
  ProgressMeter meter(progress, rows_->size());
  std::vector<std::string> found = faults(Stretch(meter));
  meter.finish();
  return found;
}

std::vector<std::string> VectorIndex::faults(const Stretch& watch) const {
  return check_slots({.rows = rows_->size(),
                      .size = size(),
                      .graph = config_.graph == GraphKind::hnsw ? &graph_ : nullptr,
                      .ids = ids_,
                      .population = *population_,
                      .free = free_},
                     watch);
}

}  // namespace vecinal
