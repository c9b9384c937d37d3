// VectorIndex::refine: the links of a finished graph chosen anew.
#include <stdexcept>

#include "core/check_range.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "graph/refiner.hpp"
#include "index/geometry.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

void VectorIndex::refine(const RefineParams& params) {
  check_range("refine: beam", params.beam, 1, 10'000);
  check_range("refine: rounds", params.rounds, 1, 100);
  if (config_.graph == GraphKind::none)
    throw std::invalid_argument("refine: the index has no graph");
  const std::lock_guard writer(writer_);
  if (size() == 0) throw std::invalid_argument("refine: the index is empty");
  check_memory(config_, bytes_with(0) + Refiner::bytes_for(graph_.size(), graph_.degree()),
               "refine");
  if (rows_->fused() != nullptr && !fused_ready_) write_tails(nodes_with({}, rows_->size()));
  Refiner refiner(graph_, rows_->walked(),
                  {.beam = params.beam,
                   .geometry = geometry_of(config()),
                   .fill = build_params().fill,
                   .threads = resolve_threads(config_.threads)});
  const std::size_t total = params.rounds * refiner.nodes();
  ProgressMeter meter(params.progress, total);
  std::size_t round = 0;
  try {
    for (; round < params.rounds; ++round)
      refine_once(refiner, [&](std::size_t done) { meter.update(round * refiner.nodes() + done); });
  } catch (...) {
    const bool tails_are_right = round == 0 && fused_ready_;
    refiner.roll_back();
    if (rows_->fused() != nullptr && !tails_are_right) {
      fused_ready_ = false;
      fuse({}, {}, rows_->size());
    }
    throw;
  }
  note_change(Change::links);
  forget_tuned();
  meter.finish();
}

void VectorIndex::refine_once(Refiner& refiner,
                              const std::function<void(std::size_t done)>& watch) {
  if (rows_->fused() == nullptr) {
    refiner.choose(nullptr, watch);
    refiner.apply();
    return;
  }
  const FusedView view = rows_->fused()->view();
  refiner.choose(&view, watch);
  // All rows change: searches that went by their tails meanwhile would go astray.
  fused_ready_ = false;
  wait_for_readers();
  refiner.apply();
  fuse({}, {}, rows_->size());
}

}  // namespace vecinal
