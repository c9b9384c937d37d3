/// Where batched work happens other than on the CPU: a device with memory of its own, which keeps
/// copies of rows and graph and answers whole batches of queries. The implementation is a library
/// that is opened when a device is asked for (backend_library.hpp); it sees this header and the
/// plain views of the kernels, and no more.
///
/// Scores of codes are those of the CPU to the bit, as both are exact sums of integers followed by
/// the same roundings; so a walk over codes finds the same nodes. Scores of floats differ in the
/// last bits, by the order of their sums. Nothing depends on how queries are batched, but where an
/// operation says so.
///
/// Every call returns when its results are in place. Calls on different objects, and searches on
/// the same one, may come from any number of threads; changing an object is for one thread alone.
/// Failures are CudaError, of memory DeviceMemoryError, and leave the object usable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "backend/device_encoding.hpp"
#include "backend/device_fused.hpp"
#include "backend/device_sets.hpp"
#include "core/types.hpp"
#include "kernels/rows.hpp"

namespace vecinal {

/// Counts changes of what is declared here; library and caller must agree.
inline constexpr int backend_interface = 10;

/// What a code query carries beside its steps: kernels::QueryView.
struct QueryScale {
  float scale = 0;
  float sum = 0;
  float constant = 0;
};

/// Queries as rows of one kind want them, side by side.
struct QueryBlock {
  std::size_t count = 0;
  const float* values = nullptr;        ///< float rows: count x padded_dim
  const std::int16_t* steps = nullptr;  ///< codes: count x padded_dim
  const QueryScale* scales = nullptr;   ///< codes
};

/// What rows on a device are.
struct DeviceRowFormat {
  kernels::RowType type = kernels::RowType::f32;
  kernels::Op op = kernels::Op::l2;
  std::size_t padded_dim = 0;
  std::size_t row_bytes = 0;
  float weight = -1;  ///< codes: RowFormat's
  float origin = 0;
};

/// A copy of the rows of one Storage.
class DeviceRows {
 public:
  virtual ~DeviceRows() = default;

  /// Rows first, first + 1, ... from host memory; makes room. from: of the first row, `stride`
  /// bytes from one to the next.
  virtual void put(std::size_t first, std::size_t count, const std::byte* from,
                   std::size_t stride) = 0;

  /// Rows that are there, again; slots: ascending. from: of row 0.
  virtual void put_again(std::span<const Slot> slots, const std::byte* from,
                         std::size_t stride) = 0;

  /// Makes room for so many rows in all.
  virtual void reserve(std::size_t rows) = 0;

  /// Forgets rows from `count` on.
  virtual void truncate(std::size_t count) = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// A level of links in host memory, as LayerView has it.
struct HostLayer {
  const std::uint32_t* links = nullptr;
  const Slot* slots = nullptr;          ///< null on level 0
  const std::uint32_t* down = nullptr;  ///< null on level 0
  std::uint32_t degree = 0;
  std::size_t count = 0;
};

/// A copy of the links of a graph.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;

  /// Replaces the levels from `first` on. entry: the node of the last one where searches start.
  virtual void put(std::uint32_t first, std::span<const HostLayer> layers, std::uint32_t entry) = 0;

  /// Makes level 0, which is there, a larger one: the rows of new nodes, and of these, are taken
  /// from it.
  virtual void put_changed(const HostLayer& base, std::span<const std::uint32_t> nodes) = 0;

  /// Replaces rows of level 0: `degree` links for each node, as set_row() leaves them.
  virtual void set_rows(std::span<const std::uint32_t> nodes,
                        std::span<const std::uint32_t> rows) = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// How links are chosen: BuildParams and Geometry of graph/.
struct DeviceLinkParams {
  std::uint32_t beam = 0;
  std::uint32_t degree = 0;
  std::uint32_t fill = 0;
  float alpha = 1;
  float shift = 0;
};

/// Items that are to be linked, those of more levels first.
struct DeviceItems {
  std::span<const Slot> slots;
  std::span<const std::uint32_t> counts;  ///< of each level: items that have it
};

/// Nodes of level 0 that were chosen by more than they have places for.
struct DevicePrune {
  std::span<const std::uint32_t> targets;
  std::span<const std::uint32_t> ends;  ///< of each target's new links in the next two
  std::span<const float> scores;
  std::span<const std::uint32_t> sources;  ///< 2 * node, and 1 if the link must be kept
  std::span<const std::uint32_t> keep;     ///< of each target bits for its present links that must
                                           ///< be kept, (degree + 31) / 32 words
};

/// How far walks go: walk() in graph/walk.hpp.
struct DeviceBreadth {
  std::size_t window = 0;
  std::size_t capacity = 0;
};

/// The rows that rank what a walk found, and the queries as these want them, which may be those of
/// the walk.
struct DeviceRanking {
  const DeviceRows* rows = nullptr;
  QueryBlock queries;
};

/// Work that was done.
struct DeviceCounts {
  std::uint64_t hops = 0;
  std::uint64_t distances = 0;
};

/// What a device does while the host does other things. It is waited for at its end, if not before.
class DeviceWork {
 public:
  virtual ~DeviceWork() = default;

  /// Waits until it is done.
  virtual DeviceCounts wait() = 0;
};

/// Rows in device memory of a caller.
struct CallersRows {
  const void* data = nullptr;
  std::size_t count = 0;
  std::size_t row_bytes = 0;
  std::size_t stride = 0;  ///< bytes from one row to the next
  void* stream = nullptr;  ///< whose work makes them; null: the default stream
};

class Backend {
 public:
  virtual ~Backend() = default;

  /// The name of the card.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Host memory for queries and results, which copies go from and to directly. Other memory does
  /// as well, but is copied once more.
  [[nodiscard]] virtual std::shared_ptr<std::byte> pinned(std::size_t bytes) = 0;

  /// Gives back the device memory that calls have left for the next ones.
  virtual void trim() = 0;

  /// Copies rows of a caller to the host, close together; or bytes to memory of a caller, behind
  /// the work of a stream. Throw std::invalid_argument if that is no memory of this device.
  virtual void copy_from(const CallersRows& rows, void* host) = 0;
  virtual void copy_to(void* device, const void* host, std::size_t bytes, void* stream) = 0;

  /// base: for types of two levels, the rows of the first one, which must outlive these.
  [[nodiscard]] virtual std::unique_ptr<DeviceRows> make_rows(const DeviceRowFormat& format,
                                                              const DeviceRows* base) = 0;
  [[nodiscard]] virtual std::unique_ptr<DeviceGraph> make_graph() = 0;

  /// Largest capacity of a walk over these rows, and largest `most` of a scan; 0 where their
  /// queries are too large for the device.
  [[nodiscard]] virtual std::size_t max_found(const DeviceRows& rows) const = 0;

  /// Begins to find, for each query, the nodes that walk() finds from the entry of the graph, best
  /// first, behind them entries with no_slot: found[query * capacity + i]. ranking, if given: they
  /// have the scores of these rows, and keep the order of the walk. Until the work ends, the
  /// queries and `found` must stay as they are.
  [[nodiscard]] virtual std::unique_ptr<DeviceWork> search_graph(
      const DeviceRows& rows, const DeviceGraph& graph, const QueryBlock& queries,
      const DeviceBreadth& breadth, const DeviceRanking* ranking, std::span<Scored> found) = 0;

  /// Of rows like these.
  [[nodiscard]] virtual std::unique_ptr<DeviceTails> make_tails(const DeviceRows& rows) = 0;

  /// Largest capacity of a walk over these rows by their tails; 0 if none is possible.
  [[nodiscard]] virtual std::size_t max_fused(const DeviceRows& rows,
                                              const DeviceTails& tails) const = 0;

  /// The same for walks over fused rows: the nodes that they have scored, best first. rows: of
  /// codes, of one level, those with the tails. The walk is FusedWalk's but for how candidates are
  /// kept, so that it finds nodes as good, not always the same; their scores are the CPU's to the
  /// bit.
  [[nodiscard]] virtual std::unique_ptr<DeviceWork> search_fused(
      const DeviceRows& rows, const DeviceGraph& graph, const DeviceTails& tails,
      const QueryBlock& queries, const DeviceFusedBreadth& breadth, const DeviceRanking* ranking,
      std::span<Scored> found) = 0;

  /// For each query the `most` best of the listed slots, or of the first `count` rows if none are
  /// listed; ordered as Scored is: found[query * most + i]. Scores of float rows are
  /// off by 2^-16 of the product of the norms, beside the rounding of sums.
  virtual void knn(const DeviceRows& rows, const QueryBlock& queries, std::size_t count,
                   std::span<const Slot> slots, std::size_t most, std::span<Scored> found) = 0;

  /// The part of building that is parallel. For each item the node of level 0 with the same row, or
  /// no_slot, and the links it chooses on each of its levels: level by level, as many entries for
  /// each item that has it as rows there have places; behind the links, entries with no_slot.
  virtual void find_links(const DeviceRows& rows, const DeviceGraph& graph,
                          const DeviceItems& items, const DeviceLinkParams& params,
                          std::span<Slot> twins, std::span<Scored> links) = 0;

  /// The rows of links that the targets keep: `degree` for each.
  virtual void prune(const DeviceRows& rows, const DeviceGraph& graph, const DevicePrune& work,
                     const DeviceLinkParams& params, std::span<std::uint32_t> links) = 0;

  /// Candidates that find_links() and prune() can hold for a node of these rows; 0 if none.
  [[nodiscard]] virtual std::size_t max_candidates(const DeviceRows& rows,
                                                   const DeviceLinkParams& params) const = 0;

  /// Chamfer similarity of queries with stored sets, as ChamferQuery::score() has it: a score for
  /// each of queries.sets. tokens: rows of f32, f16 or lvq8. A set without vectors gets the least
  /// float.
  virtual void chamfer(const DeviceRows& tokens, const SetQueries& queries,
                       std::span<float> scores) = 0;

  /// Brings the tables of an FDE encoder to the device.
  [[nodiscard]] virtual std::unique_ptr<DeviceFde> make_fde(const FdeTables& tables) = 0;

  /// Encodes sets, of documents or of queries, as FdeEncoder does; to: sets.count() x encoded_dim,
  /// where the vectors are. Vectors fall into the very cells that the CPU finds, and all sums are
  /// taken in its order. Returns the first faulty vector, whose set has no encoding then, or the
  /// number of all. Throw std::invalid_argument if that is no memory of this device.
  virtual std::size_t encode_documents(const DeviceFde& fde, const SetsToEncode& sets,
                                       float* to) = 0;
  virtual std::size_t encode_queries(const DeviceFde& fde, const SetsToEncode& sets, float* to) = 0;

  /// Makes rows codes, to[i * to_stride] on, as Storage::set() does: the same header and codes to
  /// the bit; a bias differs by rounding only, and not at all where there is no correction.
  /// errors: one a row.
  virtual void encode(const RowsToEncode& rows, std::byte* to, std::size_t to_stride,
                      std::span<RowError> errors) = 0;

  /// Brings a matrix to the device; rows of `cols` floats, `stride` floats apart.
  [[nodiscard]] virtual std::unique_ptr<DeviceMatrix> make_matrix(const HostRows& rows,
                                                                  std::size_t cols) = 0;

  /// to[i * matrix.rows() + r] = <row r of the matrix, row i>, in float32; rows have matrix.cols()
  /// floats. The order of the sums is the device's, and may depend on how many rows there are.
  virtual void project(const DeviceMatrix& matrix, const HostRows& rows, std::span<float> to) = 0;
};

}  // namespace vecinal
