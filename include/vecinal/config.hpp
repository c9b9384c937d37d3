/// What an index is: its metric, the way rows are stored, its graph. Defaults live here, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vecinal {

/// The user's name of an item: any int64 >= 0.
using Id = std::int64_t;

/// Returned in place of an id where fewer than k items exist (the distance is then +inf).
inline constexpr Id no_id = -1;

/// Distances ascend (smaller = closer) for every metric:
/// l2 = squared Euclidean, inner_product = -<q, x>, cosine = 1 - cos(q, x).
enum class Metric : std::uint8_t { l2, inner_product, cosine };

/// How a row is kept in memory. f32: 4 bytes a dimension; f16: IEEE half, 2 bytes a dimension.
enum class Encoding : std::uint8_t { f32, f16 };

/// hnsw: approximate search over a graph. none: exact search over all rows ("flat").
enum class GraphKind : std::uint8_t { hnsw, none };

/// The order in which one add() inserts its items into the graph.
/// given: as they come. shuffled: a permutation drawn from the seed.
/// lid: descending local intrinsic dimensionality (Elliott & Clark, ICTIR 2024), estimated on a
/// sample.
enum class InsertionOrder : std::uint8_t { given, shuffled, lid };

struct Config {
  std::size_t dim = 0;  ///< dimensions of a vector, 1 .. 65,536
  Metric metric = Metric::l2;
  Encoding encoding = Encoding::f32;
  GraphKind graph = GraphKind::hnsw;
  std::uint32_t degree = 32;       ///< links of a node on level 0 (2 M), even, 4 .. 256; half above
  std::uint32_t build_beam = 200;  ///< candidates kept while a node is inserted (ef_construction)
  InsertionOrder order = InsertionOrder::shuffled;
  std::uint64_t seed = 0;  ///< same seed, same data: same bytes, for any thread count
  unsigned threads = 0;    ///< default for add and search; 0 = all cores. Not saved.
};

/// Throws std::invalid_argument naming the field and its range.
void validate(const Config& config);

/// The names used by Python and the command line: "l2" "ip" "cosine", "f32" "f16", "hnsw" "none",
/// "given" "shuffled" "lid". parse_* throws std::invalid_argument listing the accepted names.
[[nodiscard]] std::string_view name(Metric metric);
[[nodiscard]] std::string_view name(Encoding encoding);
[[nodiscard]] std::string_view name(GraphKind graph);
[[nodiscard]] std::string_view name(InsertionOrder order);
[[nodiscard]] Metric parse_metric(std::string_view text);
[[nodiscard]] Encoding parse_encoding(std::string_view text);
[[nodiscard]] GraphKind parse_graph(std::string_view text);
[[nodiscard]] InsertionOrder parse_order(std::string_view text);

}  // namespace vecinal
