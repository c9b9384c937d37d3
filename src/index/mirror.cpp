#include "index/mirror.hpp"

#include <utility>

#include "backend/backend_library.hpp"
#include "backend/device_build.hpp"
#include "backend/fused_tails.hpp"
#include "backend/query_block.hpp"
#include "backend/with_room.hpp"
#include "vecinal/error.hpp"

namespace vecinal {

namespace {

/// Copies rows that `to` does not have yet, up to `count`.
void put_rows(DeviceRows& to, const Storage& from, std::size_t count) {
  const std::size_t first = to.size();
  if (count > first)
    to.put(first, count - first, from.row(static_cast<Slot>(first)), from.stride());
}

/// Copies those again that the delta lists and `to` has.
void put_again(DeviceRows& to, const Storage& from, const CopyDelta& delta) {
  const std::vector<Slot> slots = delta.rows(to.size());
  if (!slots.empty()) to.put_again(slots, from.row(0), from.stride());
}

}  // namespace

void Mirror::update(const Rows& rows, const Graph& graph, std::size_t count, bool fused,
                    Revision revision, const CopyDelta& delta) {
  const std::unique_lock lock(lock_);
  if (rows_ == &rows && shown_ && changes_ == revision.changes) return;
  const bool shown = std::exchange(shown_, false);
  copy_or_drop([&] {
    // Unless they were given up meanwhile.
    const bool partly = rows_ == &rows && shown && delta.suffices(changes_);
    const CopyDelta* const changed = partly ? &delta : nullptr;
    copy_rows(rows, count, revision.rewrites, changed);
    copy_graph(graph, changed);
    if (fused)
      copy_tails(rows, count, changed);
    else
      tails_.reset();
  });
  changes_ = revision.changes;
  count_ = count;
  shown_ = true;
}

const DeviceRows& Mirror::put_walked(const Rows& rows, std::size_t count, std::uint64_t rewrites) {
  const std::unique_lock lock(lock_);
  copy_or_drop([&] {
    start(rows, rewrites);
    put_rows(*walked_, rows.walked(), count);
  });
  return *walked_;
}

template <class Copy>
void Mirror::copy_or_drop(Copy copy) {
  try {
    with_room(backend_, copy, [&] { drop(); });
  } catch (...) {
    drop();
    throw;
  }
}

void Mirror::forget_from(std::size_t count) {
  const std::unique_lock lock(lock_);
  if (walked_) walked_->truncate(count);
  if (ranking_) ranking_->truncate(count);
}

void Mirror::start(const Rows& rows, std::uint64_t rewrites) {
  if (rows_ == &rows && rewrites_ == rewrites) return;
  drop();  // first, or a device would have to hold both
  walked_ = backend_.make_rows(device_format(rows.walked()), nullptr);
  if (rows.two()) {
    const bool levels = rows.ranking().view().base != nullptr;
    ranking_ = backend_.make_rows(device_format(rows.ranking()), levels ? walked_.get() : nullptr);
  }
  rows_ = &rows;
  rewrites_ = rewrites;
}

void Mirror::copy_rows(const Rows& rows, std::size_t count, std::uint64_t rewrites,
                       const CopyDelta* delta) {
  if (delta != nullptr) {
    rewrites_ = rewrites;
    put_again(*walked_, rows.walked(), *delta);
    if (ranking_) put_again(*ranking_, rows.ranking(), *delta);
  }
  start(rows, rewrites);
  walked_->reserve(count);
  if (ranking_) ranking_->reserve(count);
  put_rows(*walked_, rows.walked(), count);
  if (ranking_) put_rows(*ranking_, rows.ranking(), count);
}

void Mirror::copy_graph(const Graph& graph, const CopyDelta* delta) {
  const GraphView view = graph.view();
  if (delta == nullptr || graph_ == nullptr || view.empty() || count_ == 0) {
    if (graph_ == nullptr) graph_ = backend_.make_graph();
    return put_graph(*graph_, view);
  }
  graph_->put_changed(host_layer(view.layers[0]), delta->nodes(view.layers[0].count));
  put_graph(*graph_, view, 1);
}

void Mirror::copy_tails(const Rows& rows, std::size_t count, const CopyDelta* delta) {
  const bool partly = tails_ != nullptr && delta != nullptr;
  if (tails_ == nullptr) tails_ = backend_.make_tails(*walked_);
  try {
    const FusedView fused = rows.fused()->view();
    const HostTails tails = tails_of(rows.walked(), fused, count);
    if (partly)
      tails_->put_changed(tails, delta->nodes(count), entries_of(fused));
    else
      tails_->put(tails, entries_of(fused));
  } catch (const DeviceMemoryError&) {
    tails_.reset();  // rows and links can be walked without them
  }
}

void Mirror::drop() {
  shown_ = false;
  rows_ = nullptr;
  ranking_.reset();
  walked_.reset();
  graph_.reset();
  tails_.reset();
  count_ = 0;
}

std::size_t Mirror::bytes() const {
  const std::shared_lock lock(lock_);
  std::size_t sum = 0;
  if (walked_) sum += walked_->bytes();
  if (ranking_) sum += ranking_->bytes();
  if (graph_) sum += graph_->bytes();
  if (tails_) sum += tails_->bytes();
  return sum;
}

std::unique_ptr<Mirror> make_mirror(Device device) {
  return device == Device::cpu ? nullptr : std::make_unique<Mirror>(cuda_backend());
}

}  // namespace vecinal
