#include "graph/fitter.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "graph/walk.hpp"

namespace vecinal {
namespace {

/// Queries that see the same graph: the more, the more of them ask for the same links.
constexpr std::size_t batch_size = 256;

/// The beam of the walk that must not end before it comes so near; and as many nearest nodes are
/// linked among themselves first, before others are let help.
constexpr std::size_t narrow = 10;

/// Links from where a narrow walk ended to nodes that are nearer.
constexpr std::uint32_t most_ways = 6;

/// True if a slot of the node, or one with the same row, is in `answers`.
bool has_answer(const GraphView& graph, BitmapView answers, Node node) {
  bool found = false;
  graph.for_twins(node, [&](Slot slot) { found = found || answers.contains(slot); });
  return found;
}

}  // namespace

struct Fitter::Worker {
  Worker(const Storage& rows, Geometry geometry)
      : buffer(rows), neighbourhood(rows), selector(rows, geometry) {}

  WalkScratch walk;
  QueryBuffer buffer;
  Neighbourhood neighbourhood;
  Selector selector;
  std::vector<Node> nearest;
  std::vector<Link> missing;
  std::vector<Candidate> candidates;
  std::vector<Slot> slots;
  std::vector<float> scores;
  std::vector<Node> row;
  std::vector<Node> room;  ///< links that may be replaced, the nearest first
  std::size_t made = 0;
  std::size_t refused = 0;

  /// Makes candidates of `slots`, by their scores, the best first.
  void sort_candidates(const Scorer& scorer) {
    scores.resize(slots.size());
    scorer(slots.data(), slots.size(), scores.data());
    candidates.clear();
    for (std::size_t i = 0; i < slots.size(); ++i) candidates.push_back({{scores[i], slots[i]}});
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.scored < b.scored; });
  }
};

Fitter::Fitter(Graph& graph, const Storage& rows, const FitterParams& params)
    : graph_(graph),
      rows_(rows),
      params_(params),
      undo_(graph),
      mark_words_((graph.degree() + 63) / 64),
      marks_(graph.size() * mark_words_, 0) {
  for (unsigned i = 0; i < params.threads; ++i)
    workers_.push_back(std::make_unique<Worker>(rows, params.geometry));
  undo_.set_workers(params.threads);
}

Fitter::~Fitter() = default;

std::size_t Fitter::links_made() const {
  std::size_t made = 0;
  for (const auto& worker : workers_) made += worker->made;
  return made;
}

std::size_t Fitter::links_refused() const {
  std::size_t refused = 0;
  for (const auto& worker : workers_) refused += worker->refused;
  return refused;
}

void Fitter::fit(std::span<const Query> queries, BitmapView answers,
                 const std::function<void(std::size_t)>& watch) {
  missing_.resize(batch_size);
  for (std::size_t first = 0; first < queries.size(); first += batch_size) {
    const std::size_t count = std::min(batch_size, queries.size() - first);
    parallel_for(
        {.count = count, .grain = 4, .threads = params_.threads},
        [&](std::size_t begin, std::size_t end, unsigned number) {
          Worker& worker = *workers_[number];
          for (std::size_t i = begin; i < end; ++i) {
            find_missing(queries[first + i], answers, worker);
            missing_[i] = worker.missing;
          }
        },
        [&](std::size_t done) { watch(first + done); });
    make_all(count);
  }
}

void Fitter::find_missing(const Query& query, BitmapView answers, Worker& worker) const {
  const GraphView view = graph_.view();
  const LayerView& base = view.layers[0];
  const Scorer scorer = rows_.scorer(query, worker.buffer);
  const Scored entry = descend_to_base(view, scorer, worker.walk);
  const Pool& pool = worker.walk.pool;
  walk(base, scorer, entry, {narrow, narrow}, worker.walk);
  const Scored end = pool[0];
  walk(base, scorer, entry, {params_.beam, params_.beam}, worker.walk);
  worker.missing.clear();
  worker.nearest.clear();
  float limit = end.score;  // of the ball that the narrow walk should have come into
  for (std::size_t i = 0; i < pool.size() && worker.nearest.size() < params_.neighbours; ++i) {
    if (!has_answer(view, answers, pool[i].slot)) continue;
    worker.nearest.push_back(pool[i].slot);
    if (worker.nearest.size() == narrow) limit = pool[i].score;
  }
  worker.neighbourhood.reset(base, worker.nearest);
  worker.neighbourhood.connect(narrow, worker.missing);
  worker.neighbourhood.connect(params_.neighbours, worker.missing);
  if (end.score > limit) find_ways(end, worker);
}

void Fitter::find_ways(Scored end, Worker& worker) const {
  const Pool& pool = worker.walk.pool;
  worker.slots.clear();
  for (std::size_t i = 0; i < pool.size() && pool[i].score < end.score; ++i)
    worker.slots.push_back(pool[i].slot);
  worker.sort_candidates(rows_.scorer_of(end.slot, worker.buffer));
  const LayerView base = graph_.layer(0).view();
  for (const Scored& way : worker.selector.select(base, worker.candidates, most_ways, 0))
    worker.missing.push_back({end.slot, way.slot});
}

void Fitter::make_all(std::size_t queries) {
  links_.clear();
  for (std::size_t i = 0; i < queries; ++i)
    links_.insert(links_.end(), missing_[i].begin(), missing_[i].end());
  std::stable_sort(links_.begin(), links_.end(),
                   [](const Link& a, const Link& b) { return a.from < b.from; });
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < links_.size(); ++i)
    if (i == 0 || links_[i].from != links_[i - 1].from) starts.push_back(i);
  starts.push_back(links_.size());
  parallel_for({.count = starts.size() - 1, .grain = 16, .threads = params_.threads},
               [&](std::size_t begin, std::size_t end, unsigned number) {
                 for (std::size_t i = begin; i < end; ++i) {
                   undo_.note_row(0, links_[starts[i]].from, number);
                   make(std::span(links_).subspan(starts[i], starts[i + 1] - starts[i]),
                        *workers_[number]);
                 }
               });
}

void Fitter::make(std::span<const Link> links, Worker& worker) {
  const Node node = links.front().from;
  Layer& layer = graph_.layer(0);
  const auto before = layer.row(node);
  std::vector<Node>& row = worker.row;
  row.assign(before.begin(), before.end());
  bool looked = false;
  for (const Link& link : links) {
    if (std::find(row.begin(), row.end(), link.to) != row.end()) continue;
    std::size_t place = row.size();
    if (place < layer.degree()) {
      row.push_back(link.to);
    } else {
      if (!looked) find_room(node, worker);
      looked = true;
      if (worker.room.empty()) {
        ++worker.refused;
        continue;
      }
      const auto replaced = std::find(row.begin(), row.end(), worker.room.back());
      worker.room.pop_back();
      place = static_cast<std::size_t>(replaced - row.begin());
      *replaced = link.to;
    }
    marks(node, place) |= std::uint64_t{1} << (place % 64);
    ++worker.made;
  }
  layer.set_row(node, row);
}

void Fitter::find_room(Node node, Worker& worker) const {
  worker.slots.assign(worker.row.begin(), worker.row.end());
  worker.sort_candidates(rows_.scorer_of(node, worker.buffer));
  for (Candidate& candidate : worker.candidates) {
    const Node to = candidate.scored.slot;
    const auto place = static_cast<std::size_t>(
        std::find(worker.row.begin(), worker.row.end(), to) - worker.row.begin());
    candidate.keep = graph_.parent(to) == node || graph_.parent(node) == to || marked(node, place);
  }
  worker.room.clear();
  for (const Candidate& candidate : worker.candidates)
    if (!candidate.keep) worker.room.push_back(candidate.scored.slot);
}

}  // namespace vecinal
