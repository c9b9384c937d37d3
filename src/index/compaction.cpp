// VectorIndex::compact: rows, links and ids are copied into slots that follow each other.
#include "core/progress.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

std::unique_ptr<VectorIndex::Copy> VectorIndex::compacted(const Stretch& told) {
  if (population_->slots != population_->count + free_.size() + kept_for_twins_) repair();
  auto copy = std::make_unique<Copy>(config_);
  copy->slots = used_slots();
  copy->rows = std::make_unique<Rows>(config(), rows_->model());
  copy->rows->copy(*rows_, copy->slots, told.part(0, 0.5));
  if (config_.graph == GraphKind::hnsw) copy->graph.copy(graph_, copy->slots, told.part(0.5, 1));
  if (copy->rows->fused() != nullptr)
    copy->rows->fused()->refresh(copy->rows->walked(), copy->graph, {}, 1);
  std::vector<Slot> live;
  copy->ids.ids().resize(copy->slots.size());
  copy->population->resize(copy->slots.size());
  for (Slot slot = 0; slot < copy->slots.size(); ++slot) {
    copy->ids.ids()[slot] = id_of(copy->slots[slot]);
    if (population_->contains(copy->slots[slot])) live.push_back(slot);
  }
  copy->population->add(live);
  const auto holds = [&](Slot slot) { return copy->population->contains(slot); };
  for (Slot slot = 0; slot < copy->slots.size(); ++slot)
    if (!holds(slot)) copy->population->keep_node(slot);
  copy->labels.gather(labels_, copy->slots);
  copy->ids.rebuild(holds);
  copy->ids.set_next_id(ids_.next_id());
  return copy;
}

void VectorIndex::adopt(Copy& copy) {
  gate_.alone([&] {
    const std::unique_lock lock(ids_lock_);
    rows_.swap(copy.rows);
    published_.store(rows_.get(), std::memory_order_release);
    graph_.swap(copy.graph);
    ids_.swap(copy.ids);
    labels_.swap(copy.labels);
    free_.clear();
    note_change(Change::rows);
    population_ = std::move(copy.population);
    seen_.store(population_.get(), std::memory_order_release);
    outdated_.clear();
  });
}

void VectorIndex::compact(const Progress& progress) {
  const auto writer = lock_writer();
  ProgressMeter meter(progress, population_->count);
  adopt(*compacted(Stretch(meter)));
  meter.finish();
}

}  // namespace vecinal
