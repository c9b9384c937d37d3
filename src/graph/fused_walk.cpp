#include "graph/fused_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cache_lines.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

using kernels::sign_lanes;

}  // namespace

FusedWalk::FusedWalk(const Storage& rows) : buffer_(rows), table_(4 * rows.padded_dim()) {}

void FusedWalk::begin(const Storage& rows, const FusedView& fused, const GraphView& graph,
                      const Query& query, const FusedBreadth& breadth) {
  scorer_ = rows.scorer(query, buffer_);
  layout_ = fused.layout;
  layer_ = graph.layers[0];
  hops_taken_ = 0;
  accepted_hops_ = 0;
  breadth_ = breadth;
  squared_error_ = 0;
  fetched_ = no_slot;
  found_.clear();
  best_.clear();
  pool_.reset(breadth.beam, breadth.capacity);
  kernels::active().sign_table(query.values, layout_->dims, &signs_, table_.data());
  enter(*fused.entries);
  choose();
}

void FusedWalk::enter(const FusedEntries& entries) {
  // The best of every lane: 32 nodes that are among the best, at the price of a comparison each.
  const auto estimate = kernels::active().estimate;
  const float base = scorer_.query.constant;
  std::array<float, sign_lanes> best;
  std::array<Node, sign_lanes> nodes;
  best.fill(std::numeric_limits<float>::infinity());
  nodes.fill(no_slot);
  for (std::size_t b = 0; b < entries.layout.blocks; ++b) {
    estimate(signs_, entries.layout.block(entries.row.data(), b), base, best[0], estimates_.data());
    const Node* block = entries.nodes.data() + b * sign_lanes;
    for (std::size_t k = 0; k < sign_lanes; ++k) {
      const bool better = estimates_[k] < best[k] && block[k] != no_slot;
      best[k] = better ? estimates_[k] : best[k];
      nodes[k] = better ? block[k] : nodes[k];
    }
  }
  distances += entries.count;
  pool_.offer(best.data(), nodes.data(), ~std::uint32_t{0}, layer_.count);
}

bool FusedWalk::choose() {
  next_ = pool_.pop();
  if (next_.slot == no_slot) return false;
  if (next_.slot != fetched_) fetch_head(next_.slot);
  return true;
}

void FusedWalk::fetch_head(Node node) const {
  prefetch_lines(row_of(node), layout_->sign_lines());
  prefetch_lines(layer_.row(node), layer_.degree * sizeof(Node));
}

void FusedWalk::fetch() const {
  if (next_.slot != no_slot)
    prefetch_lines(next_row() + layout_->sign_lines(), layout_->bytes - layout_->sign_lines());
}

const std::byte* FusedWalk::fetch_two() {
  if (next_.slot == no_slot) return nullptr;
  if (next_.slot != fetched_) fetch();
  fetched_ = pool_.peek();
  if (fetched_ == no_slot) return nullptr;
  fetch_head(fetched_);
  return row_of(fetched_);
}

bool FusedWalk::note(Scored node) {
  if (!accepted(node.slot)) return false;
  found_.push_back(node);
  if (best_.size() == breadth_.k) {
    if (!(node < best_.back())) return true;
    best_.pop_back();
  }
  best_.insert(std::upper_bound(best_.begin(), best_.end(), node), node);
  if (best_.size() == breadth_.k && std::isfinite(breadth_.gamma)) {
    // Scores of codes are estimates: distances near zero may come out below it.
    const float distance = std::max(0.0F, best_.back().score + breadth_.shift);
    pool_.tighten(distance * (1 + breadth_.gamma) - breadth_.shift);
  }
  return true;
}

bool FusedWalk::step(const std::byte* ahead) {
  if (next_.slot == no_slot) return false;
  const auto estimate = kernels::active().estimate;
  const std::byte* row = next_row();
  const Node* links = layer_.row(next_.slot);
  const float score = scorer_(next_.slot);
  const auto error = static_cast<double>(score - next_.score);
  squared_error_ += error * error;
  if (note({score, next_.slot})) {
    pool_.credit(next_.score);
    accepted_hops_ += 1;
  }
  for (std::size_t b = 0; b < layout_->blocks; ++b) {
    kernels::SignBlock block = layout_->block(row, b);
    if (ahead != nullptr) block.ahead = ahead + layout_->sign_lines() + b * layout_->block_signs;
    const std::uint32_t which = estimate(signs_, block, score, pool_.limit(), estimates_.data());
    pool_.offer(estimates_.data(), links + b * sign_lanes, which, layer_.count);
  }
  hops += 1;
  hops_taken_ += 1;
  distances += 1 + layer_.degree;
  return choose();
}

std::size_t FusedWalk::choose_rest() {
  // Estimates of this query have so far been off by so much.
  constexpr float deviations = 1;
  const std::size_t room = breadth_.capacity - std::min(breadth_.capacity, found_.size());
  const auto taken = static_cast<double>(std::max<std::size_t>(hops_taken_, 1));
  const auto error = static_cast<float>(std::sqrt(squared_error_ / taken));
  rest_.clear();
  for (const Node node : pool_.rest(kth_score() + deviations * error, room))
    if (accepted(node)) rest_.push_back(node);
  for (const Node node : rest_)
    prefetch_lines(scorer_.rows.data + node * scorer_.rows.stride, layout_->offsets);
  return rest_.size();
}

void FusedWalk::score_rest() {
  scores_.resize(rest_.size());
  scorer_(rest_.data(), rest_.size(), scores_.data());
  for (std::size_t i = 0; i < rest_.size(); ++i) note({scores_[i], rest_[i]});
  distances += rest_.size();
}

}  // namespace vecinal
