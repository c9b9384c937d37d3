// The steps of building that a device takes over: large batches without upper levels, which are all
// but the first.
#include <algorithm>

#include "core/parallel.hpp"
#include "graph/builder_parts.hpp"

namespace vecinal {

bool Builder::device_takes(std::span<const Slot> batch) {
  if (params_.device == nullptr || batch.size() < params_.device->least_batch()) return false;
  // The first of a batch has the most levels.
  if (graph_.view().empty() || level_of(batch.front()) != 0) return false;
  if (!on_device_) params_.device->begin(graph_.view());
  on_device_ = true;
  return true;
}

void Builder::find_links_on_device(std::span<const Slot> batch) {
  const std::size_t degree = graph_.degree();
  std::vector<Slot> twins(batch.size());
  std::vector<Scored> links(batch.size() * degree);
  params_.device->find_links(batch, twins, links);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Insertion& insertion = insertions_[i];
    insertion.slot = batch[i];
    insertion.level = 0;
    insertion.twin = twins[i];
    insertion.links.resize(1);
    const auto begin = links.begin() + static_cast<std::ptrdiff_t>(i * degree);
    const auto end = std::find_if(begin, begin + static_cast<std::ptrdiff_t>(degree),
                                  [](const Scored& link) { return link.slot == no_slot; });
    insertion.links[0].assign(begin, end);
  }
}

void Builder::prune_on_device() {
  BuildDevice::Overfull nodes;
  const std::size_t degree = graph_.degree();
  const std::size_t words = (degree + 31) / 32;
  for (auto& worker : workers_) {
    for (const std::span<const Edge> edges : worker->overfull) {
      const Node target = edges.front().target;
      nodes.targets.push_back(target);
      const auto row = graph_.layer(0).row(target);
      nodes.keep.resize(nodes.targets.size() * words, 0U);
      std::uint32_t* keep = nodes.keep.data() + nodes.keep.size() - words;
      for (std::size_t i = 0; i < row.size(); ++i)
        if (tree_.joins(row[i], target)) keep[i / 32] |= 1U << (i % 32);
      for (const Edge& edge : edges) {
        nodes.scores.push_back(edge.score);
        nodes.sources.push_back(2 * edge.source + (edge.adopt ? 1U : 0U));
      }
      nodes.ends.push_back(static_cast<std::uint32_t>(nodes.sources.size()));
    }
    worker->overfull.clear();
  }
  if (nodes.targets.empty()) return;
  std::vector<Node> rows(nodes.targets.size() * degree);
  params_.device->prune(nodes, rows);
  for (std::size_t i = 0; i < nodes.targets.size(); ++i)
    graph_.layer(0).set_row(nodes.targets[i], std::span(rows).subspan(i * degree, degree));
}

void Builder::tell_device() {
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  const std::size_t degree = graph_.degree();
  std::vector<Node> rows(touched_.size() * degree);
  parallel_for({.count = touched_.size(), .grain = 1024, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   std::copy_n(graph_.layer(0).links().data() + touched_[i] * degree, degree,
                               rows.data() + i * degree);
               });
  params_.device->set_rows(touched_, rows);
  touched_.clear();
}

}  // namespace vecinal
