/// What an index keeps on a device: copies of its rows and links, brought up to date when a search
/// finds them behind. The index on the host stays the master; ids, filters and what lives are
/// looked up there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "backend/backend.hpp"
#include "graph/graph.hpp"
#include "index/copy_delta.hpp"
#include "index/rows.hpp"

namespace vecinal {

/// A state of an index. Two equal ones have the same rows and links.
struct Revision {
  std::uint64_t changes = 0;   ///< committed changes of any kind
  std::uint64_t rewrites = 0;  ///< those of rows that could be seen before
};

class Mirror {
 public:
  explicit Mirror(Backend& backend) : backend_(backend) {}

  /// The copies, which stay as they are while one of these exists.
  class Hold {
   public:
    explicit Hold(const Mirror& mirror) : lock_(mirror.lock_), mirror_(&mirror) {}

    /// True if they show rows at this state or a later one.
    [[nodiscard]] bool shows(const Rows& rows, std::uint64_t changes) const {
      return mirror_->rows_ == &rows && mirror_->shown_ && mirror_->changes_ >= changes;
    }
    [[nodiscard]] Backend& backend() const { return mirror_->backend_; }
    [[nodiscard]] const DeviceRows& walked() const { return *mirror_->walked_; }
    [[nodiscard]] const DeviceRows& ranking() const {
      return mirror_->ranking_ ? *mirror_->ranking_ : *mirror_->walked_;
    }
    [[nodiscard]] const DeviceGraph& graph() const { return *mirror_->graph_; }
    /// Null where rows are not fused, where tails do not go with the links, or have no room.
    [[nodiscard]] const DeviceTails* tails() const { return mirror_->tails_.get(); }
    [[nodiscard]] std::size_t count() const { return mirror_->count_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    const Mirror* mirror_;
  };

  /// Copies `count` rows and the graph as they are at this revision; what has changed of the copies
  /// there are, if the delta tells. Nothing may change them meanwhile. fused: tails go with the
  /// links. Waits for searches on the copies. Throws CudaError, where there is no room for all rows
  /// DeviceMemoryError before it copies any; there are then no copies.
  void update(const Rows& rows, const Graph& graph, std::size_t count, bool fused,
              Revision revision, const CopyDelta& delta);

  /// Copies the walked rows, `count` of them, some of which no search can see yet, and returns
  /// them: for building. They stay until the next call that changes this. Throws CudaError.
  const DeviceRows& put_walked(const Rows& rows, std::size_t count, std::uint64_t rewrites);

  /// Rows from `count` on will be written again.
  void forget_from(std::size_t count);

  [[nodiscard]] Backend& backend() const { return backend_; }

  /// Memory held on the device.
  [[nodiscard]] std::size_t bytes() const;

 private:
  /// with_room(), giving up all copies if that fails.
  template <class Copy>
  void copy_or_drop(Copy copy);
  /// Makes empty copies for other rows than those there are.
  void start(const Rows& rows, std::uint64_t rewrites);
  /// delta: of the copies there are; null to make all of them.
  void copy_rows(const Rows& rows, std::size_t count, std::uint64_t rewrites,
                 const CopyDelta* delta);
  void copy_graph(const Graph& graph, const CopyDelta* delta);
  /// If there is room.
  void copy_tails(const Rows& rows, std::size_t count, const CopyDelta* delta);
  void drop();

  Backend& backend_;
  mutable std::shared_mutex lock_;
  const Rows* rows_ = nullptr;  ///< those that are copied; null for none
  std::uint64_t rewrites_ = 0;
  bool shown_ = false;  ///< rows and links are those of changes_, and can be searched
  std::uint64_t changes_ = 0;
  std::size_t count_ = 0;  ///< rows that searches see
  std::unique_ptr<DeviceRows> walked_;
  std::unique_ptr<DeviceRows> ranking_;  ///< null where the walked rows rank
  std::unique_ptr<DeviceGraph> graph_;
  std::unique_ptr<DeviceTails> tails_;
};

/// One on the device; null for the CPU. Throws CudaError.
[[nodiscard]] std::unique_ptr<Mirror> make_mirror(Device device);

}  // namespace vecinal
