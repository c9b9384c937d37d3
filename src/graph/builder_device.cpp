// The steps of building that a device takes over: those of large batches, which are all but the
// first.
#include <algorithm>
#include <array>

#include "core/parallel.hpp"
#include "graph/builder_parts.hpp"

namespace vecinal {
namespace {

/// Appends the values and forgets them where they were.
template <class T>
void move_to(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
  from.clear();
}

/// Where the links among the places of a row end.
std::span<const Scored>::iterator end_of_links(std::span<const Scored> places) {
  return std::find_if(places.begin(), places.end(),
                      [](const Scored& link) { return link.slot == no_slot; });
}

}  // namespace

bool Builder::device_takes(std::span<const Slot> batch) {
  if (params_.device == nullptr || batch.size() < params_.device->least_batch()) return false;
  if (graph_.view().empty()) return false;
  if (!on_device_) params_.device->begin(graph_.view());
  on_device_ = true;
  return true;
}

void Builder::find_links_on_device(std::span<const Slot> batch) {
  parallel_for({.count = batch.size(), .grain = 512, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   insertions_[i].start(batch[i], level_of(batch[i]));
               });
  const std::vector<std::uint32_t> counts = count_levels();
  std::array<std::size_t, max_levels> first{};  // where the links of a level begin
  std::size_t places = 0;
  for (std::uint32_t level = 0; level < counts.size(); ++level) {
    first[level] = places;
    places += std::size_t{counts[level]} * graph_.layer(level).degree();
  }
  std::vector<Slot>& twins = buffers_.twins;
  twins.resize(batch.size());
  const std::span<Scored> links = buffers_.links.need(places, *params_.device);
  params_.device->find_links(batch, counts, twins, links);
  parallel_for({.count = batch.size(), .grain = 512, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i) {
                   Insertion& insertion = insertions_[i];
                   insertion.twin = twins[i];
                   for (std::uint32_t level = 0; level <= insertion.level; ++level) {
                     const std::size_t degree = graph_.layer(level).degree();
                     const std::span<const Scored> all =
                         links.subspan(first[level] + i * degree, degree);
                     insertion.links[level].assign(all.begin(), end_of_links(all));
                   }
                 }
               });
}

std::vector<std::uint32_t> Builder::count_levels() const {
  std::vector<std::uint32_t> counts(insertions_.front().level + 1);  // the first has the most
  auto count = static_cast<std::uint32_t>(insertions_.size());
  for (std::uint32_t level = 0; level < counts.size(); ++level) {
    while (insertions_[count - 1].level < level) --count;
    counts[level] = count;
  }
  return counts;
}

void Builder::leave_to_device(std::span<const ReverseLink> edges, Worker& worker) const {
  BuildDevice::Overfull& nodes = worker.overfull;
  const Node target = edges.front().target;
  const auto row = graph_.layer(0).row(target);
  const std::size_t words = (graph_.degree() + 31) / 32;
  nodes.targets.push_back(target);
  nodes.keep.resize(nodes.targets.size() * words, 0U);
  std::uint32_t* keep = nodes.keep.data() + nodes.keep.size() - words;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (tree_.joins(row[i], target)) keep[i / 32] |= 1U << (i % 32);
  for (const ReverseLink& edge : edges) {
    nodes.scores.push_back(edge.score);
    nodes.sources.push_back(2 * edge.source + (edge.adopt ? 1U : 0U));
  }
  nodes.ends.push_back(static_cast<std::uint32_t>(nodes.sources.size()));
}

void Builder::prune_on_device() {
  BuildDevice::Overfull nodes;
  for (auto& worker : workers_) {
    BuildDevice::Overfull& own = worker->overfull;
    const auto before = static_cast<std::uint32_t>(nodes.sources.size());
    for (std::uint32_t& end : own.ends) end += before;
    move_to(nodes.targets, own.targets);
    move_to(nodes.ends, own.ends);
    move_to(nodes.scores, own.scores);
    move_to(nodes.sources, own.sources);
    move_to(nodes.keep, own.keep);
  }
  if (nodes.targets.empty()) return;
  const std::size_t degree = graph_.degree();
  const std::span<Node> rows = device_rows(nodes.targets.size());
  params_.device->prune(nodes, rows);
  parallel_for({.count = nodes.targets.size(), .grain = 2048, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   graph_.layer(0).set_row(nodes.targets[i], rows.subspan(i * degree, degree));
               });
}

std::span<Node> Builder::device_rows(std::size_t count) {
  return buffers_.rows.need(count * graph_.degree(), *params_.device);
}

void Builder::tell_device() {
  if (insertions_.front().level > 0) params_.device->set_upper(graph_.view());
  std::vector<Node>& nodes = buffers_.nodes;
  for (const Insertion& insertion : insertions_)
    if (insertion.twin == no_slot) nodes.push_back(insertion.slot);
  for (auto& worker : workers_) move_to(nodes, worker->touched);
  // Few, and they may be among the others.
  std::sort(moved_.begin(), moved_.end());
  moved_.erase(std::unique(moved_.begin(), moved_.end()), moved_.end());
  if (!moved_.empty())
    std::erase_if(
        nodes, [&](Node node) { return std::binary_search(moved_.begin(), moved_.end(), node); });
  move_to(nodes, moved_);
  const std::size_t degree = graph_.degree();
  const std::span<Node> rows = device_rows(nodes.size());
  parallel_for({.count = nodes.size(), .grain = 2048, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 for (std::size_t i = begin; i < end; ++i)
                   std::copy_n(graph_.layer(0).links().data() + nodes[i] * degree, degree,
                               rows.data() + i * degree);
               });
  params_.device->set_rows(nodes, rows);
  nodes.clear();
}

}  // namespace vecinal
