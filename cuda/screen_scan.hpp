/// Exact search for very many queries: a screen of all rows by products of half-precision values,
/// the fastest that tensor cores have, and a check of what passes by the scores of the rows.
///
/// Rows and queries of every kind are written out as halves, each times a power of two of its own.
/// So a screened score is off by a bound that is measured while they are written; a query keeps a
/// few rows more than are asked for, scores these again (screen_settle.cu), and where its last
/// result and the first row that was turned away are no farther apart than the bound, it is left
/// open: for the scan by panels.
#pragma once

#include "half_tile.hpp"
#include "scan.hpp"

namespace vecinal::cuda {

inline constexpr unsigned screen_rows = 256;     ///< of a tile
inline constexpr unsigned screen_queries = 128;  ///< of a tile
inline constexpr unsigned most_screened = 56;    ///< results of a query

/// A screened score is bias + constant + multiplier of the row * that of the query * product.
struct RowTerms {
  float bias;
  float multiplier;
};
struct QueryTerms {
  float multiplier;
  float constant;
  float weight;    ///< of a product in the score
  float length;    ///< Euclidean
  float residual;  ///< what the halves leave of it
};

/// Greatest of all rows, as bits of floats, none of them negative.
struct RowExtremes {
  unsigned length;
  unsigned residual;
  unsigned gross;  ///< length of the parts that the exact scores add up
  unsigned bias;   ///< without its sign
};

/// A batch of rows on the screen: first, first + 1, ... of the listed or of all.
struct ScreenRows {
  unsigned first = 0;
  unsigned count = 0;
  const std::uint32_t* slots = nullptr;
};

/// Memory of a screen. Lines lie tile by tile, chunk of 64 dims by chunk, as half_tile.hpp wants
/// them. Keys of warp_pool.hpp; their scores leave out the query's constant.
struct ScreenMemory {
  unsigned char* row_lines = nullptr;
  RowTerms* row_terms = nullptr;
  unsigned char* query_lines = nullptr;
  QueryTerms* query_terms = nullptr;
  RowExtremes* extremes = nullptr;
  unsigned* limits = nullptr;  ///< of each query: no row at or above is of use, ordered bits
  unsigned* passed_counts = nullptr;
  std::uint64_t* passed = nullptr;  ///< of each query, most_passed keys of rows that may be best
  std::uint64_t* work = nullptr;    ///< screen_work_keys of each block
};

/// How the work is shared. Batches of rows grow: what a query has kept of one sets the limit for
/// the next, so that about as many rows pass of each.
struct ScreenShape {
  unsigned queries = 0;
  unsigned rows = 0;
  unsigned dims = 0;         ///< padded
  unsigned most_rows = 0;    ///< of a batch
  unsigned kept = 0;         ///< rows of each query, a multiple of 32
  unsigned most_passed = 0;  ///< rows of a query that may pass until its limit is tightened

  [[nodiscard]] __host__ __device__ unsigned chunks() const {
    return (dims + line_dims - 1) / line_dims;
  }
  [[nodiscard]] __host__ __device__ unsigned query_tiles() const {
    return (queries + screen_queries - 1) / screen_queries;
  }
};

[[nodiscard]] bool worth_screening(unsigned queries, unsigned rows, unsigned most);
[[nodiscard]] ScreenShape screen_shape(unsigned queries, unsigned rows, unsigned dims,
                                       unsigned most);
/// The rows of the batch that begins at row `first`.
[[nodiscard]] unsigned batch_rows(const ScreenShape& shape, unsigned first);
[[nodiscard]] unsigned screen_blocks();
inline constexpr std::size_t screen_work_keys = std::size_t{screen_queries} * 512;

/// Write out what the screen multiplies: the queries once, the rows batch by batch.
void pack_queries(const KindOfRows& kind, const QueriesView& queries, const ScreenShape& shape,
                  const ScreenMemory& memory, Stream stream);
void pack_rows(const KindOfRows& kind, const RowsView& rows, const ScreenRows& batch,
               const ScreenShape& shape, const ScreenMemory& memory, Stream stream);

void screen_batch(const ScreenRows& batch, const ScreenShape& shape, const ScreenMemory& memory,
                  Stream stream);

/// Leaves each query the best of what has passed so far, and its limit.
void tighten_limits(const ScreenShape& shape, const ScreenMemory& memory, Stream stream);

/// The results of all batches, as scan() has them. open[query]: 1 if they may not be the best.
void settle_screen(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
                   const ScreenShape& shape, const ScreenMemory& memory, const ScanRequest& request,
                   unsigned* open, Stream stream);

}  // namespace vecinal::cuda
