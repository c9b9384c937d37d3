#include "graph/lazy_pool.hpp"

#include <algorithm>
#include <bit>

#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// So few are not worth it.
constexpr std::size_t least_sweep = 96;

constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

void LazyPool::reset(std::size_t beam, std::size_t capacity) {
  beam_ = beam;
  capacity_ = capacity;
  most_ = capacity + std::max<std::size_t>(32, capacity);
  size_ = 0;
  sweep_at_ = least_sweep;
  limit_ = infinity;
  expanded_count_ = 0;
  credited_ = 0;
  // An offer adds up to 32 before the pool is thinned out, and scans read past the end.
  const std::size_t room = kernels::padded(most_ + 2 * kernels::sign_lanes);
  if (room_ < room) {
    room_ = room;
    scores_ = AlignedFloats(room);
    nodes_ = AlignedArray<Node>(room);
  }
  if (credits_.size() < kernels::row_padding) credits_.resize(most_ + kernels::row_padding);
  const std::size_t places =
      std::bit_ceil(std::clamp<std::size_t>(4 * beam + capacity, 256, 1U << 16U));
  if (table_.size() != places) {
    table_.resize(places);
    shift_ = 32 - static_cast<std::uint32_t>(std::countr_zero(places));
  }
  std::fill(table_.begin(), table_.end(), no_slot);
}

void LazyPool::offer(const float* scores, const Node* nodes, std::uint32_t which,
                     std::size_t count) {
  std::size_t size = size_;
  for (; which != 0; which &= which - 1) {
    const auto k = static_cast<std::size_t>(std::countr_zero(which));
    const Node node = LayerView::load(nodes[k]);
    scores_.data()[size] = scores[k];
    nodes_.data()[size] = node;
    // Without branches: which of them pass is not predictable.
    size += static_cast<std::size_t>(node < count) &
            static_cast<std::size_t>(table_[place(node)] != node);
  }
  size_ = size;
  if (size_ > sweep_at_) sweep();
  if (size_ + credited_ > most_) thin_out();
}

void LazyPool::sweep() {
  size_ = kernels::active().keep_up_to(scores_.data(), nodes_.data(), size_, limit_);
  sweep_at_ = std::max(least_sweep, 2 * size_);
}

void LazyPool::thin_out() {
  // Bisection for a limit that leaves the beam, and an eighth more, among candidates and expanded.
  const auto& kernel = kernels::active();
  std::fill_n(scores_.data() + size_, kernels::row_padding, infinity);
  std::fill_n(credits_.data() + credited_, kernels::row_padding, infinity);
  const std::size_t enough = capacity_ + capacity_ / 8 + 2;
  float low = scores_.data()[kernel.least_of(scores_.data(), size_)];
  float high = limit_;
  if (high == infinity) high = *std::max_element(scores_.data(), scores_.data() + size_);
  constexpr int most_steps = 24;
  for (int i = 0; i < most_steps; ++i) {
    const float middle = low + 0.5F * (high - low);
    if (!(middle > low && middle < high)) break;
    const std::size_t kept = kernel.count_up_to(scores_.data(), size_, middle) +
                             kernel.count_up_to(credits_.data(), credited_, middle);
    if (kept < capacity_) {
      low = middle;
    } else {
      high = middle;
      if (kept <= enough) break;
    }
  }
  limit_ = std::min(limit_, high);
  size_ = kernel.keep_up_to(scores_.data(), nodes_.data(), size_, limit_);
  // Ties can defeat any limit.
  size_ = std::min(size_, most_);
}

bool LazyPool::expanded(Node node) const {
  const Node found = table_[place(node)];
  if (found == node) return true;
  if (found == no_slot) return false;
  const auto end = expanded_.begin() + static_cast<std::ptrdiff_t>(expanded_count_);
  return std::find(expanded_.begin(), end, node) != end;
}

void LazyPool::mark(Node node) {
  if (expanded_.size() == expanded_count_) expanded_.resize(2 * expanded_count_ + 64);
  table_[place(node)] = node;
  expanded_[expanded_count_++] = node;
}

void LazyPool::credit(float score) {
  if (credits_.size() < credited_ + 1 + kernels::row_padding)
    credits_.resize(2 * (credited_ + 1 + kernels::row_padding));
  credits_[credited_++] = score;
}

std::span<const Node> LazyPool::rest(float limit, std::size_t count) {
  size_ = kernels::active().keep_up_to(scores_.data(), nodes_.data(), size_, limit);
  rest_.clear();
  for (std::size_t i = 0; i < size_; ++i) rest_.push_back({scores_.data()[i], nodes_.data()[i]});
  size_ = 0;
  if (rest_.size() > count) std::sort(rest_.begin(), rest_.end());
  rest_nodes_.clear();
  for (const Scored& node : rest_) {
    if (rest_nodes_.size() == count) break;
    if (expanded(node.slot)) continue;
    mark(node.slot);
    rest_nodes_.push_back(node.slot);
  }
  return rest_nodes_;
}

std::size_t LazyPool::best() const {
  std::fill_n(scores_.data() + size_, kernels::row_padding, infinity);
  return kernels::active().least_of(scores_.data(), size_);
}

void LazyPool::drop(std::size_t at) {
  scores_.data()[at] = scores_.data()[--size_];
  nodes_.data()[at] = nodes_.data()[size_];
}

Node LazyPool::peek() {
  // Copies of expanded nodes are hidden meanwhile, not dropped: when the pool is thinned out must
  // not depend on whether anyone has looked at it.
  Node found = no_slot;
  hidden_.clear();
  while (size_ != 0 && found == no_slot) {
    const std::size_t at = best();
    float& score = scores_.data()[at];
    if (score == infinity) break;
    if (!expanded(nodes_.data()[at])) {
      found = nodes_.data()[at];
    } else {
      hidden_.push_back({score, static_cast<Slot>(at)});
      score = infinity;
    }
  }
  for (const Scored& copy : hidden_) scores_.data()[copy.slot] = copy.score;
  return found;
}

Scored LazyPool::pop() {
  const auto& kernel = kernels::active();
  while (size_ != 0) {
    const std::size_t at = best();
    const Scored found{scores_.data()[at], nodes_.data()[at]};
    if (found.score > limit_) break;
    if (credited_ >= beam_) {
      std::fill_n(credits_.data() + credited_, kernels::row_padding, infinity);
      if (kernel.count_up_to(credits_.data(), credited_, found.score) >= beam_) break;
    }
    drop(at);
    if (expanded(found.slot)) continue;
    mark(found.slot);
    return found;
  }
  return {};
}

}  // namespace vecinal
