/// The one interface of vecinal: an index of vectors that answers nearest-neighbour queries.
///
///   auto index = vecinal::make_index({.dim = 384, .metric = vecinal::Metric::cosine});
///   index->add({rows.data(), n, 384});
///   vecinal::Neighbors hits = index->search({queries.data(), q, 384}, {.k = 10});
///
/// With Metric::chamfer items and queries are sets of vectors (Batch::offsets): an encoding of each
/// set as one vector finds candidates (fde.hpp), its vectors rank them. Config::encoding, reduction
/// and graph are then those of the encodings.
///
/// Threads: any number of const calls may run beside each other and beside one mutating call
/// (train, add, update, retrain, fit_queries, refine, remove, compact, set_defaults, keep_tuned);
/// mutating calls queue. A search sees an add, an update and a remove whole or not at all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vecinal/batch.hpp"
#include "vecinal/config.hpp"
#include "vecinal/error.hpp"
#include "vecinal/filter.hpp"
#include "vecinal/simd.hpp"

namespace vecinal {

/// Called with (done, total) from the calling thread only, at most every 50 ms and once at the end.
/// Returning false cancels: the call throws Cancelled and the index is as it was. In the end, when
/// done is total, that is too late, and what it returns does not count.
using Progress = std::function<bool(std::size_t done, std::size_t total)>;

inline constexpr float max_gamma = 1000;

struct SearchParams {
  std::size_t k = 10;
  double recall = 0;       ///< (0, 1]: the settings that tune() found for it, or for the next one
                           ///< above, at this k or a larger one; in place of beam, rerank, gamma,
                           ///< candidates and reduced_dim; 0 = no such wish
  std::size_t beam = 0;    ///< candidates kept while walking the graph (ef_search); 0 = the index's
                           ///< default; raised to k. Fused layout: nodes expanded, which may be
                           ///< fewer than k, for nodes that were only seen are scored too
  std::size_t rerank = 0;  ///< best candidates ranked by the full rows, where the walked ones are
                           ///< not those; 0 = the index's default; raised to the beam. Fused
                           ///< layout: nodes scored at most; 0 = the beam and twice k
  float gamma = 0;  ///< 0 .. max_gamma; fused layout: the walk ends when the best node left is
                    ///< farther than the k-th best found by the factor 1 + gamma (l2 and cosine),
                    ///< or by the beam; 0 = the index's default
  std::size_t reduced_dim = 0;  ///< walk over only so many of the reduced dimensions, rounded up to
                                ///< a multiple of 32; 0 = all. Not for rotated rows.
  std::size_t candidates = 0;   ///< chamfer: sets found by their encodings that are ranked by their
                                ///< vectors; 0 = the index's default; raised to k
  float carving = 0;  ///< chamfer: while ranking, vectors of a query at least so similar (cosine)
                      ///< to one of them count as their sum; 0 = none. MUVERA (section 3.3)
                      ///< reports no loss from 0.7 on.
  Filter filter = {};
  Plan plan = Plan::automatic;  ///< how to go about a filter, for measurements: a graph that is not
                                ///< there is not walked
  /// After it queries get what was found so far; Neighbors::complete marks them.
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();
  bool exact = false;    ///< compare with every allowed item instead of walking the graph
  unsigned threads = 0;  ///< 0 = the config's
  Progress progress = {};
};

/// How fit_queries() looks around each of its queries.
struct FitParams {
  std::size_t beam = 500;      ///< candidates kept while its nearest items are looked for;
                               ///< 1 .. 10,000; raised to neighbors
  std::size_t neighbors = 50;  ///< nearest items that are to lead to each other; 2 .. 1,000
  Progress progress = {};
};

/// What fit_queries() did.
struct Fitted {
  std::size_t links = 0;    ///< made
  std::size_t refused = 0;  ///< wanted too, but all places of the node hold links that stay
};

/// How refine() looks for the neighbours of each item.
struct RefineParams {
  std::size_t beam = 200;  ///< nearest items among which its links are chosen; 1 .. 10,000
  std::size_t rounds = 1;  ///< 1 .. 100; a second one changes little
  Progress progress = {};
};

/// What a search uses where its SearchParams say 0. Saved with the index.
struct SearchDefaults {
  std::size_t beam = 64;       ///< 1 .. 1,000,000
  std::size_t rerank = 0;      ///< 0 = the beam; fused layout: and twice k
  std::size_t candidates = 0;  ///< 0 = ten times k, at least 100
  float gamma = 0;             ///< 0 = the beam alone ends a walk
};

/// Throws std::invalid_argument naming the field and its range.
void validate(const SearchDefaults& defaults);

/// What tune() found.
struct Tuned {
  double target = 0;  ///< the recall asked for, in (0, 1]
  std::size_t k = 0;  ///< at which it is measured
  SearchDefaults defaults = {};
  double recall = 0;  ///< with those, on the queries that chose them

  /// The same on queries that were held back, every other one of 40 or more: what to expect of
  /// others like them. With fewer, on all queries, which flatters.
  double checked_recall = 0;
  double checked_low = 0;  ///< ends of its 95 % confidence interval (Wilson's, for as many draws as
  double checked_high = 0;  ///< would scatter like the recalls of the queries)

  std::size_t items = 0;       ///< in the index when it was measured
  std::uint64_t revision = 0;  ///< Stats::revision then. Not saved.
};

/// Throws std::invalid_argument naming the field and its range.
void validate(const Tuned& tuned);

struct Stats {
  std::size_t size = 0;         ///< items that a search can return
  std::size_t removed = 0;      ///< rows of removed items
  std::size_t free = 0;         ///< of those: rows that wait for new items; the others still serve
                                ///< as steps of the graph
  std::size_t duplicates = 0;   ///< items that share the graph node of an identical row
  std::uint32_t levels = 0;     ///< levels of the graph, 0 without one
  double mean_degree = 0;       ///< links of a node on level 0
  bool trained = false;         ///< has what its encoding needs to add rows
  std::size_t reduced_dim = 0;  ///< of the walked rows; dim without a reduction
  Quantizer quantizer = Quantizer::automatic;  ///< the one in use, once trained
  double trained_error = 0;  ///< squared error of the walked rows over their squared length about
                             ///< the mean, on the training sample
  double added_error = 0;    ///< the same over all rows added since; growth means drift
  double clipped = 0;        ///< share of values of added rows beyond their grid
  std::size_t vectors = 0;   ///< chamfer: of all sets, removed ones included
  double mean_cosine = 0;    ///< chamfer: FdeQuality of the training sample
  double occupancy = 0;
  std::size_t bytes = 0;            ///< memory held, the sum of the next five
  std::size_t bytes_rows = 0;       ///< rows that are walked
  std::size_t bytes_secondary = 0;  ///< rows that rank the answers, if others
  std::size_t bytes_graph = 0;
  std::size_t bytes_ids = 0;
  std::size_t bytes_tokens = 0;  ///< chamfer: the vectors of the sets
  std::size_t bytes_device = 0;  ///< held on the device besides
  std::string layout_reason;     ///< why Layout::automatic became what it did; else empty
  std::vector<Tuned> tuned;      ///< what searches can ask for by recall, ascending by k and target
  std::uint64_t revision = 0;    ///< rises when what was tuned becomes void: by retrain(),
                                 ///< fit_queries() and refine()
};

class Index {
 public:
  virtual ~Index() = default;

  /// Learns what encoding and reduction need: means, directions, the better quantizer. f32 and f16
  /// without a reduction need nothing; the sample is then only validated. queries: a sample of
  /// those to come, for leanvec_ood. The first add() trains on what it is given if this was not
  /// called. Throws std::invalid_argument on a wrong dim, a value that is not finite, fewer vectors
  /// than reduced dimensions, or if there are items already (see retrain()); Cancelled.
  virtual void train(const Batch& sample, const Batch& queries = {},
                     const Progress& progress = {}) = 0;

  /// Adds items (n, dim); all or nothing. ids: n distinct ids >= 0 that the index does not hold;
  /// empty = the next n after the largest id ever used. Returns the ids in the order of the rows.
  /// Throws std::invalid_argument (dim, a value not finite, a zero row with cosine, an id negative,
  /// repeated or present: with its row; labels that do not go with the items), std::length_error
  /// (more than 2^31 - 2 items), MemoryLimit, Cancelled.
  virtual std::vector<Id> add(const Batch& items, std::span<const Id> ids = {},
                              const Progress& progress = {}) = 0;

  /// Gives items that the index holds other vectors (n, dim); all or nothing. ids: n distinct ones.
  /// Needs rows for both until searches that run now have ended. Throws as add() does, and
  /// std::invalid_argument if the index does not hold an id: with its row.
  virtual void update(std::span<const Id> ids, const Batch& items,
                      const Progress& progress = {}) = 0;

  /// Gives back the memory of rows that wait for new items: rows and links are copied close
  /// together, in the order they are in. Answers stay as they are but for the order of ties on the
  /// way. Needs memory for both at once; searches that begin while the copies are put in place wait
  /// for those that run, some milliseconds at a time. progress: items that stay. Throws Cancelled;
  /// the rows are then where they were.
  virtual void compact(const Progress& progress = {}) = 0;

  /// Learns again from the rows it holds, as far as the stored rows tell, and encodes them anew;
  /// the graph stays. For data that has drifted (Stats::added_error). queries as in train(). Needs
  /// memory for both forms at once. Throws NotTrained if there are no items, std::invalid_argument
  /// as train() does, Cancelled.
  virtual void retrain(const Batch& queries = {}, const Progress& progress = {}) = 0;

  /// Repairs the links of the graph for a sample of real queries (q, dim), where these are
  /// distributed unlike the items: around a query that the items were not linked for, a walk must
  /// leave its nearest items to come from one to another, and ends too early. Gives links to those
  /// that lack them, in the places of links that matter least: memory stays, the same beam finds
  /// more. All or nothing; deterministic; may be called again, and beside searches. Later adds link
  /// new items as ever; when they are many, call it again. NGFix and RFix (arXiv 2510.22316).
  /// Throws std::invalid_argument (a params' range, dim, a value not finite, no items, no graph),
  /// Cancelled.
  virtual Fitted fit_queries(const Batch& queries, const FitParams& params = {}) = 0;

  /// Chooses the links of all items anew, among what a search of the finished graph finds: when an
  /// item was added, the nearest of those that came after it were not there yet. A narrow
  /// beam then finds more, in the same memory; a wide one about as much. It takes part of the time
  /// of the build: less in the fused layout, which searches by its fused rows. For an index that is
  /// complete for a while: later adds link new items as ever. All or nothing; deterministic; may be
  /// called beside searches. Needs 20 bytes for each link meanwhile. Throws std::invalid_argument
  /// (a params' range, no items, no graph), MemoryLimit, Cancelled.
  virtual void refine(const RefineParams& params = {}) = 0;

  /// Removes the ids it holds, at once invisible to new searches; returns how many it held. Their
  /// rows are taken out of the graph when there are enough of them, and used for items to come.
  virtual std::size_t remove(std::span<const Id> ids) = 0;

  /// The k nearest of each query (q, dim). Throws std::invalid_argument (dim, k = 0, a value not
  /// finite, a zero query with cosine: with its row), Cancelled.
  [[nodiscard]] virtual Neighbors search(const Batch& queries,
                                         const SearchParams& params = {}) const = 0;

  /// The k nearest of each query among candidates found elsewhere, by the full rows (chamfer: by
  /// the vectors of the sets). candidates: as many for each query, row by row; no_id, ids that the
  /// index does not hold and repeated ones count for nothing. Of params only k, carving, threads
  /// and progress are used. Throws as search() does, and if the candidates do not go with the
  /// queries.
  [[nodiscard]] virtual Neighbors rerank(const Batch& queries, std::span<const Id> candidates,
                                         const SearchParams& params = {}) const = 0;

  /// Throws std::invalid_argument naming the field and its range.
  virtual void set_defaults(const SearchDefaults& defaults) = 0;
  [[nodiscard]] virtual SearchDefaults defaults() const = 0;

  /// Makes settings the defaults and keeps them for searches that ask for their recall
  /// (SearchParams::recall), in place of those of the same target and k; what tune() does. Settings
  /// that fall short of their target only become the defaults, and those there were are given up.
  /// retrain(), fit_queries() and refine() give up all, for they change what a beam finds; after
  /// add() and remove() all stay, with the number of items they were measured on. Returns false,
  /// and changes nothing, if they are of an earlier Stats::revision. Throws std::invalid_argument
  /// naming the field and its range.
  virtual bool keep_tuned(const Tuned& tuned) = 0;

  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual bool contains(Id id) const = 0;

  /// Ids that a search can return, in the order of their rows: that in which they were added as
  /// long as nothing was removed.
  [[nodiscard]] virtual std::vector<Id> ids() const = 0;

  /// Vectors of an item: 1, or the size of the set. Throws std::out_of_range if the index does not
  /// hold it.
  [[nodiscard]] virtual std::size_t vectors_of(Id id) const = 0;

  /// The labels of an item, ascending. Throws std::out_of_range if the index does not hold it.
  [[nodiscard]] virtual std::vector<Label> labels_of(Id id) const = 0;

  /// Gives items other labels, in place of those they have: all, or none if it throws
  /// std::invalid_argument (an id that the index does not hold, labels that do not go with the
  /// ids).
  virtual void set_labels(std::span<const Id> ids, const Labels& labels) = 0;

  /// Copies the stored vectors of id into out (vectors_of(id) * dim floats): decoded, and
  /// normalised for cosine. Throws std::out_of_range if the index does not hold it,
  /// std::invalid_argument if out has another size.
  virtual void get(Id id, std::span<float> out) const = 0;

  /// Replaces file atomically (temporary file beside it, fsync, rename). progress: bytes of the
  /// file; the sync comes after the last of them. Throws std::filesystem::filesystem_error,
  /// Cancelled; the old file is then as it was, and the temporary one gone.
  virtual void save(const std::filesystem::path& file, const Progress& progress = {}) const = 0;

  /// The bytes that save() writes. progress: of those. Throws Cancelled.
  [[nodiscard]] virtual std::vector<std::byte> to_bytes(const Progress& progress = {}) const = 0;

  [[nodiscard]] virtual Stats stats() const = 0;
  [[nodiscard]] virtual const Config& config() const = 0;

  /// Verifies every invariant (links in range, every item reachable, ids a bijection, padding
  /// zero); returns the faults found, none for a sound index. For tests and for files of doubtful
  /// origin. progress: rows. Throws Cancelled.
  [[nodiscard]] virtual std::vector<std::string> check(const Progress& progress = {}) const = 0;
};

/// Throws std::invalid_argument if the config is out of range.
[[nodiscard]] std::unique_ptr<Index> make_index(const Config& config);

struct LoadOptions {
  bool map = false;  ///< map the file copy-on-write instead of reading it; it must not be truncated
                     ///< meanwhile
  bool verify = true;    ///< check the checksums of row data too (headers and graph always are)
  unsigned threads = 0;  ///< Config::threads of the loaded index
  Device device = Device::cpu;   ///< Config::device of the loaded index
  std::size_t memory_limit = 0;  ///< Config::memory_limit of the loaded index
  Progress progress = {};        ///< told of bytes of the file, as it is verified, read and checked
};

/// Throws FormatError (not a sound index: section and reason), std::filesystem::filesystem_error,
/// Cancelled.
[[nodiscard]] std::unique_ptr<Index> load_index(const std::filesystem::path& file,
                                                const LoadOptions& options = {});
[[nodiscard]] std::unique_ptr<Index> load_index(std::span<const std::byte> bytes,
                                                const LoadOptions& options = {});

/// What a file says of itself, read without loading it.
struct FileInfo {
  struct Section {
    std::string tag;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::uint32_t version = 0;
  std::uint64_t bytes = 0;
  std::size_t size = 0;
  std::size_t removed = 0;
  Config config;
  SearchDefaults defaults;
  std::vector<Tuned> tuned;
  std::vector<Section> sections;
};
[[nodiscard]] FileInfo file_info(const std::filesystem::path& file);

/// Finds the beam and the number of candidates to re-rank that reach a recall at k on the queries
/// at the least cost in bytes read (fused layout: the beam, or a wider one and gamma; chamfer: the
/// number of candidates, walked with a beam of as many), and stores them as the index's defaults,
/// and for searches that ask for this recall. Truth is exact search over the index's own rows. If
/// no beam reaches it, stores the largest tried as defaults only and says the recall reached.
/// progress: queries answered, of as many as are usually needed. Throws std::invalid_argument if
/// recall is not in (0, 1], queries are empty or the index is; Cancelled, and nothing has changed.
Tuned tune(Index& index, const Batch& queries, double recall, std::size_t k = 10,
           const Progress& progress = {});

/// The name of the card that Device::cuda uses. Throws CudaError saying what is missing.
[[nodiscard]] std::string cuda_device_name();

/// "major.minor.patch"
[[nodiscard]] std::string_view version();

}  // namespace vecinal
