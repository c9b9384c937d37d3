/// What an index is: its metric, the way rows are stored, its graph. Defaults live here, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace vecinal {

/// The user's name of an item: any int64 >= 0.
using Id = std::int64_t;

/// What filters can ask for: any int64. An item may have any number of them.
using Label = std::int64_t;

/// Returned in place of an id where fewer than k items exist (the distance is then +inf).
inline constexpr Id no_id = -1;

/// Distances ascend (smaller = closer) for every metric:
/// l2 = squared Euclidean, inner_product = -<q, x>, cosine = 1 - cos(q, x).
/// chamfer: items and queries are sets of vectors, and the distance is minus the sum, over the
/// query's vectors, of the greatest inner product with one of the item's (MaxSim of late
/// interaction).
enum class Metric : std::uint8_t { l2, inner_product, cosine, chamfer };

/// How rows are kept in memory.
///
/// f32: 4 bytes a dimension; f16: IEEE half, 2 bytes a dimension.
/// lvq8, lvq4: locally-adaptive vector quantization (Aguerrebere et al., PVLDB 2023), 8 or 4 bits a
/// dimension and 8 bytes a row. lvq4x4, lvq4x8, lvq8x8: the graph is walked over the first level;
/// the second, which holds what the first left over, ranks the answers.
enum class Encoding : std::uint8_t { f32, f16, lvq8, lvq4, lvq4x4, lvq4x8, lvq8x8 };

/// Which linear reduction the walked rows go through; answers are ranked by rows of all dimensions
/// (of the second part of the encoding's name, or of its only part).
///
/// pca: principal directions (LeanVec-ID). leanvec_ood: directions that matter to the queries given
/// to train(), which may be distributed unlike the data (LeanVec, closed form; arXiv 2410.22347).
/// prefix: the first dimensions, for Matryoshka embeddings.
enum class Reduction : std::uint8_t { none, pca, leanvec_ood, prefix };

/// How lvq rows find their grids. fitted: the range of least squared error instead of the least and
/// greatest value. rotated: after a random rotation, which spreads a vector's energy evenly.
/// automatic: train() measures on a sample and takes the best.
enum class Quantizer : std::uint8_t { automatic, plain, fitted, rotated, rotated_fitted };

/// Full rows kept for ranking the answers, in place of a second level.
enum class Keep : std::uint8_t { none, f16, f32 };

/// hnsw: approximate search over a graph. none: exact search over all rows ("flat").
enum class GraphKind : std::uint8_t { hnsw, none };

/// How rows and links lie in memory.
///
/// split: rows here, links there: the least memory. fused: behind each row lie the signs of its
/// neighbours about it (degree / 8 bytes a dimension and 4 bytes a link), so that one read of
/// memory scores a node and estimates all its neighbours: more queries a second. Goes with lvq
/// encodings, graph hnsw and a degree that is a multiple of 32; rows are rotated. automatic: fused
/// where that goes, split with Device::cuda and where fused would take more than half of the
/// memory_limit for the items of the first add (or it is not known for how many: train() came
/// first). Index::config() and files say what it became, Stats::layout_reason why.
enum class Layout : std::uint8_t { split, fused, automatic };

/// Where batches of queries are answered. cuda: on the CUDA device of the process, by copies of
/// rows and links that follow every change; the index itself stays in host memory, and a file does
/// not know on which device it was made.
enum class Device : std::uint8_t { cpu, cuda };

/// The order in which one add() inserts its items into the graph.
/// given: as they come. shuffled: a permutation drawn from the seed.
/// lid: descending local intrinsic dimensionality (Elliott & Clark, ICTIR 2024), estimated on a
/// sample.
enum class InsertionOrder : std::uint8_t { given, shuffled, lid };

/// How vectors are projected within a cell of a fixed-dimensional encoding. sparse: each dimension
/// goes to one drawn place with a drawn sign (count-sketch). dense: a matrix of drawn signs.
enum class InnerProjection : std::uint8_t { sparse, dense };

/// The fixed-dimensional encoding (FDE) of a set of vectors as one vector (MUVERA; arXiv
/// 2405.19504). It has repetitions * 2^k_sim * projected_dim values, or final_dim.
struct FdeParams {
  std::uint32_t k_sim = 5;        ///< hyperplanes of a repetition: 2^k_sim cells; 0 .. 10
  std::size_t projected_dim = 0;  ///< of a cell, 1 .. dim; dim = no projection; 0 = 16, at most dim
  InnerProjection projection = InnerProjection::sparse;
  std::uint32_t repetitions = 20;  ///< 1 .. 1,000
  std::size_t final_dim = 0;       ///< count-sketch of the whole down to so many; 0 = none
  bool fill_empty = true;          ///< empty cells of a document take its nearest vector
};

struct Config {
  std::size_t dim = 0;  ///< dimensions of a vector, 1 .. 65,536
  Metric metric = Metric::l2;
  Encoding encoding = Encoding::f32;
  Reduction reduction = Reduction::none;
  std::size_t reduced_dim = 0;  ///< 1 .. dim; 0 = chosen by train() from the spectrum
  Quantizer quantizer = Quantizer::automatic;
  Keep keep = Keep::none;  ///< goes with lvq8 and lvq4
  FdeParams fde = {};      ///< chamfer: the vector of a set, which encoding and graph are of
  Encoding tokens = Encoding::lvq8;  ///< chamfer: the vectors of the sets, f32, f16, lvq8, or
                                     ///< lvq8x8: sets ranked by the first 8 bits, the best again
                                     ///< by all 16
  std::uint32_t pooling = 1;  ///< chamfer: an item keeps one in so many vectors, the means of
                              ///< clusters; 1 = all, 1 .. 64
  Layout layout = Layout::split;
  GraphKind graph = GraphKind::hnsw;
  std::uint32_t degree = 32;       ///< links of a node on level 0 (2 M), even, 4 .. 256; half above
  std::uint32_t build_beam = 200;  ///< candidates kept while a node is inserted (ef_construction)
  InsertionOrder order = InsertionOrder::shuffled;
  std::uint64_t seed = 0;        ///< same seed, same data: same bytes, for any thread count
  unsigned threads = 0;          ///< default for add and search; 0 = all cores. Not saved.
  Device device = Device::cpu;   ///< Not saved.
  std::size_t memory_limit = 0;  ///< bytes that the index may hold (Stats::bytes), beside the
                                 ///< scratch of calls; an add that would take more throws
                                 ///< MemoryLimit. 0 = no limit. Not saved.
  std::function<void(std::string_view)> warn = {};  ///< told, by train() or the first add(), of
                                                    ///< items that the encoding serves badly. Not
                                                    ///< saved.
};

/// Throws std::invalid_argument naming the field and its range.
void validate(const Config& config);

/// The names used by Python and the command line: "l2" "ip" "cosine" "chamfer", "f32" ... "lvq8x8",
/// "none" "pca" "leanvec_ood" "prefix", "auto" "plain" "fitted" "rotated" "rotated_fitted", "none"
/// "f16" "f32", "split" "fused" "auto", "hnsw" "none", "given" "shuffled" "lid", "sparse" "dense",
/// "cpu" "cuda". parse_*
/// throws std::invalid_argument listing the accepted names.
[[nodiscard]] std::string_view name(Metric metric);
[[nodiscard]] std::string_view name(Encoding encoding);
[[nodiscard]] std::string_view name(Reduction reduction);
[[nodiscard]] std::string_view name(Quantizer quantizer);
[[nodiscard]] std::string_view name(Keep keep);
[[nodiscard]] std::string_view name(Layout layout);
[[nodiscard]] std::string_view name(GraphKind graph);
[[nodiscard]] std::string_view name(InsertionOrder order);
[[nodiscard]] std::string_view name(InnerProjection projection);
[[nodiscard]] std::string_view name(Device device);
[[nodiscard]] Metric parse_metric(std::string_view text);
[[nodiscard]] Encoding parse_encoding(std::string_view text);
[[nodiscard]] Reduction parse_reduction(std::string_view text);
[[nodiscard]] Quantizer parse_quantizer(std::string_view text);
[[nodiscard]] Keep parse_keep(std::string_view text);
[[nodiscard]] Layout parse_layout(std::string_view text);
[[nodiscard]] GraphKind parse_graph(std::string_view text);
[[nodiscard]] InsertionOrder parse_order(std::string_view text);
[[nodiscard]] InnerProjection parse_projection(std::string_view text);
[[nodiscard]] Device parse_device(std::string_view text);

}  // namespace vecinal
