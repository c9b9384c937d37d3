// VectorIndex::fit_queries: the graph repaired for a sample of queries.
#include <stdexcept>

#include "core/check_range.hpp"
#include "core/parallel.hpp"
#include "core/progress.hpp"
#include "graph/fitter.hpp"
#include "index/geometry.hpp"
#include "index/train.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

Fitted VectorIndex::fit_queries(const Batch& queries, const FitParams& params) {
  check_range("fit_queries: beam", params.beam, 1, 10'000);
  check_range("fit_queries: neighbors", params.neighbors, 2, 1000);
  if (config_.graph == GraphKind::none)
    throw std::invalid_argument("fit_queries: the index has no graph");
  refuse_sets(queries, "fit_queries");
  validate_batch(config_, queries, "fit_queries");
  const std::lock_guard writer(writer_);
  if (size() == 0) throw std::invalid_argument("fit_queries: the index is empty");
  Fitter fitter(graph_, rows_->walked(),
                {.beam = std::max(params.beam, params.neighbors),
                 .neighbours = params.neighbors,
                 .geometry = geometry_of(config()),
                 .threads = resolve_threads(config_.threads)});
  try {
    fit_graph(fitter, queries, params.progress);
    if (rows_->fused() != nullptr) fuse(fitter.changed(), {}, rows_->size());
  } catch (...) {
    fitter.roll_back();  // where tails were written they no longer go with the links, and are not
                         // ready: searches do without them
    throw;
  }
  note_change(Change::links);
  if (fitter.links_made() != 0) forget_tuned();
  if (params.progress) params.progress(queries.count, queries.count);
  return {fitter.links_made(), fitter.links_refused()};
}

void VectorIndex::fit_graph(Fitter& fitter, const Batch& queries, const Progress& progress) const {
  constexpr std::size_t chunk = 1024;  // queries made ready at a time
  ProgressMeter meter(progress, queries.count);
  QuerySet prepared;
  for (std::size_t first = 0; first < queries.count; first += chunk) {
    const std::size_t end = std::min(first + chunk, queries.count);
    rows_->prepare(queries, first, end, rows_->walked().padded_dim(), prepared);
    fitter.fit(prepared.walked, population_->node_view(),
               [&](std::size_t done) { meter.update(first + done); });
  }
}

}  // namespace vecinal
