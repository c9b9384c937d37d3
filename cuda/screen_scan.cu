// The screen: products of tiles of 256 rows and 128 queries, whose scores never leave the registers
// but for those below a query's limit. A block of two warpgroups has one tile of queries and every
// splits-th tile of rows; chunks of 64 dims of both come through four stages of shared memory,
// three of them on their way while one is multiplied. What passes is appended to a list of 512 keys
// in device memory; a list with more than 256 is narrowed to the best that a query keeps, and the
// last of these becomes the limit, which blocks of the same queries tell one another. When which
// limit holds depends on timing; the last limits, and so what is kept, do not: none is below the
// least that some block finds by itself.
#include <algorithm>

#include "async_copy.hpp"
#include "screen_scan.hpp"
#include "warp_pool.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned threads_a_block = 256;
constexpr unsigned warps_a_block = threads_a_block / warp_size;
constexpr unsigned rows_bytes = screen_rows * line_bytes;
constexpr unsigned queries_bytes = screen_queries * line_bytes;
constexpr unsigned stage_bytes = rows_bytes + queries_bytes;
constexpr unsigned list_keys = screen_work_keys / screen_queries;
constexpr unsigned full_list = list_keys - screen_rows;  ///< more may not be left for a next tile
constexpr unsigned most_handed = 128;                    ///< keys of a list that a block hands over
constexpr unsigned keys_a_lane = list_keys / warp_size;

/// Stages of shared memory: as many as fit, 3 or 4. One is multiplied, the others are filled.
std::size_t shared_bytes(unsigned stages) {
  return 1024 + std::size_t{stages} * stage_bytes + 3 * screen_queries * sizeof(float) +
         stages * arrival_bytes;
}

struct ScreenJob {
  ScreenMemory memory;
  ScreenRows batch;
  ScreenShape shape;
  unsigned splits = 1;  ///< blocks that share the rows of the batch for a tile of queries
};

/// Shared memory of a block.
struct BlockView {
  unsigned char* stages;
  float* multipliers;
  float* limits;
  unsigned* counts;
  unsigned char* arrivals;

  __device__ BlockView(unsigned char* memory, unsigned stage_count) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    stages = memory + (1024 - address % 1024) % 1024;
    multipliers = reinterpret_cast<float*>(stages + stage_count * stage_bytes);
    limits = multipliers + screen_queries;
    counts = reinterpret_cast<unsigned*>(limits + screen_queries);
    arrivals = reinterpret_cast<unsigned char*>(counts + screen_queries);
  }
};

__device__ inline unsigned ordered_of(std::uint64_t key) {
  return static_cast<unsigned>(key >> 32U);
}
__device__ inline float limit_of(unsigned ordered) {
  return score_of(static_cast<std::uint64_t>(ordered) << 32U);
}

/// The `kept`-th least of ordered scores, at least so many, of which each lane has keys_a_lane.
__device__ unsigned nth_score(const std::uint64_t (&keys)[keys_a_lane], unsigned kept) {
  unsigned nth = 0;
  for (unsigned bit = 0x80000000U; bit != 0; bit /= 2) {
    unsigned below = 0;
#pragma unroll
    for (const std::uint64_t key : keys) below += ordered_of(key) < (nth | bit) ? 1U : 0U;
    if (__reduce_add_sync(all_lanes, below) < kept) nth |= bit;
  }
  return nth;
}

/// Leaves the `kept` best of a list of `count` keys, at least so many, at its begin; one warp.
/// Which of equal ones stay is left open. Returns the ordered score of the last.
__device__ unsigned narrow(std::uint64_t* list, unsigned count, unsigned kept, unsigned lane) {
  std::uint64_t keys[keys_a_lane];
#pragma unroll
  for (unsigned i = 0; i < keys_a_lane; ++i) {
    const unsigned at = i * warp_size + lane;
    keys[i] = at < count ? list[at] : no_key;
  }
  __syncwarp();
  const unsigned last = nth_score(keys, kept);
  unsigned better = 0;
#pragma unroll
  for (const std::uint64_t key : keys) better += ordered_of(key) < last ? 1U : 0U;
  unsigned equals = __reduce_add_sync(all_lanes, better);  // those come behind the better ones
  unsigned place = 0;
  const unsigned before = (1U << lane) - 1U;
#pragma unroll
  for (const std::uint64_t key : keys) {
    const unsigned below = __ballot_sync(all_lanes, ordered_of(key) < last);
    const unsigned equal = __ballot_sync(all_lanes, ordered_of(key) == last && key != no_key);
    const unsigned at =
        ordered_of(key) < last ? place + __popc(below & before) : equals + __popc(equal & before);
    if (((below | equal) >> lane & 1U) != 0 && at < kept) list[at] = key;
    place += static_cast<unsigned>(__popc(below));
    equals += static_cast<unsigned>(__popc(equal));
  }
  __syncwarp();
  return last;
}

/// Appends a row of the batch to a list. Not inlined: it is rare, and would take registers from
/// the sums of all.
__device__ __attribute__((noinline)) void append(std::uint64_t* list, unsigned* count, float score,
                                                 ScreenRows batch, unsigned row) {
  const unsigned number = batch.first + row;
  const std::uint32_t slot = batch.slots == nullptr ? number : batch.slots[number];
  list[atomicAdd(count, 1U)] = key_of(score, slot);
}

/// A block at work on one tile of queries.
template <unsigned stages>
class Screen {
 public:
  __device__ Screen(const ScreenJob& job, const BlockView& block, Arrivals<stages>& arrivals,
                    unsigned query_tile, unsigned split)
      : job_(job),
        block_(block),
        arrivals_(arrivals),
        first_query_(query_tile * screen_queries),
        split_(split),
        chunks_(job.shape.chunks()),
        row_tiles_((job.batch.count + screen_rows - 1) / screen_rows),
        work_(job.memory.work + blockIdx.x * screen_work_keys),
        coming_tile_(split) {}

  __device__ void run() {
    load_queries();
    for (unsigned i = 0; i < ahead; ++i) fetch();
    for (unsigned tile = split_; tile < row_tiles_; tile += job_.splits) {
      HalfSums sums[2];
      for (unsigned chunk = 0; chunk < chunks_; ++chunk) {
        const unsigned char* rows = block_.stages + arrivals_.waited_stage() * stage_bytes;
        arrivals_.template wait<ahead - 1>();
        const unsigned char* mine = rows + threadIdx.x / 128 * (2 * half_rows * line_bytes);
        begin_products();
        multiply_lines(sums[0], mine, rows + rows_bytes, chunk != 0);
        multiply_lines(sums[1], mine + half_rows * line_bytes, rows + rows_bytes, chunk != 0);
        end_products();
        wait_products<1>();
        __syncthreads();
        fetch();  // to the stage of the chunk before, whose products are done
      }
      wait_products<0>();
      RowTerms terms[2][2];
      load_terms(tile, terms);
      offer(tile, sums, terms);
      __syncthreads();
      for_lists([&](unsigned query, unsigned count) {
        if (count > full_list) shorten(query, count);
      });
    }
    __syncthreads();
    for_lists([&](unsigned query, unsigned count) { finish(query, count); });
    __syncthreads();
  }

 private:
  static constexpr unsigned ahead = stages - 1;  ///< chunks on their way

  __device__ void load_queries() {
    if (threadIdx.x < screen_queries) {
      const unsigned query = first_query_ + threadIdx.x;
      const bool there = query < job_.shape.queries;
      block_.multipliers[threadIdx.x] = there ? job_.memory.query_terms[query].multiplier : 0;
      block_.limits[threadIdx.x] =
          there ? limit_of(read_changing(job_.memory.limits + query)) : -INFINITY;
      block_.counts[threadIdx.x] = 0;
    }
  }

  /// Starts the copies of the next chunk, if there is one.
  __device__ void fetch() {
    if (coming_tile_ >= row_tiles_) return;
    const std::size_t chunk = coming_chunk_;
    const unsigned query_tile = first_query_ / screen_queries;
    unsigned char* to = block_.stages + arrivals_.coming_stage() * stage_bytes;
    arrivals_.begin(stage_bytes);
    arrivals_.template copy<rows_bytes>(
        to, job_.memory.row_lines + (std::size_t{coming_tile_} * chunks_ + chunk) * rows_bytes);
    arrivals_.template copy<queries_bytes>(
        to + rows_bytes,
        job_.memory.query_lines + (std::size_t{query_tile} * chunks_ + chunk) * queries_bytes);
    arrivals_.end();
    if (++coming_chunk_ == chunks_) {
      coming_chunk_ = 0;
      coming_tile_ += job_.splits;
    }
  }

  /// Of the rows whose sums a thread has: terms[m][half].
  __device__ void load_terms(unsigned tile, RowTerms (&terms)[2][2]) const {
#pragma unroll
    for (unsigned m = 0; m < 2; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half)
        terms[m][half] = job_.memory.row_terms[row_at(tile, m, half)];
  }

  __device__ static unsigned row_at(unsigned tile, unsigned m, unsigned half) {
    return tile * screen_rows + (threadIdx.x / 128 * 2 + m) * half_rows +
           half_row(threadIdx.x, 2 * half);
  }

  /// Appends what is below the limits to the lists.
  __device__ void offer(unsigned tile, const HalfSums (&sums)[2], const RowTerms (&terms)[2][2]) {
#pragma unroll
    for (unsigned j = 0; j < half_vectors / 8; ++j) {
      const unsigned vector = half_vector(threadIdx.x, j, 0);
      const float2 by = *reinterpret_cast<const float2*>(block_.multipliers + vector);
      const float2 limit = *reinterpret_cast<const float2*>(block_.limits + vector);
      float scores[2][4];
      bool any = false;
#pragma unroll
      for (unsigned m = 0; m < 2; ++m)
#pragma unroll
        for (unsigned i = 0; i < 4; ++i) {
          const RowTerms& row = terms[m][i / 2];
          scores[m][i] =
              __fmaf_rn(row.multiplier * (i % 2 == 0 ? by.x : by.y), sums[m][4 * j + i], row.bias);
          any = any || scores[m][i] < (i % 2 == 0 ? limit.x : limit.y);
        }
      if (!any) continue;
#pragma unroll
      for (unsigned m = 0; m < 2; ++m)
#pragma unroll
        for (unsigned i = 0; i < 4; ++i)
          if (scores[m][i] < (i % 2 == 0 ? limit.x : limit.y))
            append(work_ + (vector + i % 2) * list_keys, block_.counts + vector + i % 2,
                   scores[m][i], job_.batch, row_at(tile, m, i / 2));
    }
  }

  /// Calls use(query of the tile, keys of its list), a warp each.
  template <class Use>
  __device__ void for_lists(Use use) {
    for (unsigned query = threadIdx.x / warp_size; query < screen_queries; query += warps_a_block)
      use(query, block_.counts[query]);
  }

  __device__ void shorten(unsigned query, unsigned count) {
    const unsigned lane = threadIdx.x % warp_size;
    const unsigned last = narrow(work_ + query * list_keys, count, job_.shape.kept, lane);
    if (lane == 0) {
      const unsigned told = atomicMin(job_.memory.limits + first_query_ + query, last);
      block_.limits[query] = limit_of(told < last ? told : last);
      block_.counts[query] = job_.shape.kept;
    }
  }

  /// Hands the best of a list over.
  __device__ void finish(unsigned query, unsigned count) {
    if (count == 0) return;
    if (count > most_handed) {
      shorten(query, count);
      count = job_.shape.kept;
    }
    const unsigned lane = threadIdx.x % warp_size;
    const unsigned number = first_query_ + query;
    unsigned place = lane == 0 ? atomicAdd(job_.memory.passed_counts + number, count) : 0;
    place = __shfl_sync(all_lanes, place, 0);
    std::uint64_t* to =
        job_.memory.passed + static_cast<std::size_t>(number) * job_.shape.most_passed + place;
    for (unsigned i = lane; i < count; i += warp_size) to[i] = work_[query * list_keys + i];
  }

  const ScreenJob& job_;
  const BlockView& block_;
  Arrivals<stages>& arrivals_;
  unsigned first_query_;
  unsigned split_;
  unsigned chunks_;
  unsigned row_tiles_;
  std::uint64_t* work_;
  unsigned coming_tile_;
  unsigned coming_chunk_ = 0;
};

template <unsigned stages>
__global__ void __launch_bounds__(threads_a_block, 1) screen_kernel(ScreenJob job) {
  const BlockView block(shared_memory(), stages);
  Arrivals<stages> arrivals(block.arrivals);
  __syncthreads();
  const unsigned jobs = job.shape.query_tiles() * job.splits;
  for (unsigned i = blockIdx.x; i < jobs; i += gridDim.x) {
    Screen<stages> screen(job, block, arrivals, i / job.splits, i % job.splits);
    screen.run();
  }
}

/// Fewer do not pay for writing the rows out.
constexpr unsigned least_screened_queries = 96;
constexpr unsigned least_screened_rows = 8 * screen_rows;
constexpr std::size_t batch_bytes = std::size_t{256} << 20U;
constexpr unsigned growth = 8;  ///< of all rows so far, by a batch

unsigned tiles_of(unsigned rows) { return (rows + screen_rows - 1) / screen_rows; }

unsigned splits_of(const ScreenShape& shape, unsigned rows) {
  return even_splits(shape.query_tiles(), tiles_of(rows), screen_blocks());
}

}  // namespace

unsigned screen_blocks() { return device_info().multiprocessors; }

bool worth_screening(unsigned queries, unsigned rows, unsigned most) {
  return queries >= least_screened_queries && rows >= least_screened_rows &&
         most <= most_screened && shared_bytes(3) <= device_info().shared_bytes;
}

unsigned batch_rows(const ScreenShape& shape, unsigned first) {
  const std::size_t grown = first == 0 ? screen_rows : std::size_t{growth - 1} * first;
  return static_cast<unsigned>(std::min<std::size_t>({grown, shape.most_rows, shape.rows - first}));
}

ScreenShape screen_shape(unsigned queries, unsigned rows, unsigned dims, unsigned most) {
  constexpr unsigned spare = 6;
  ScreenShape shape{queries, rows, dims};
  shape.kept = (most + spare + warp_size - 1) / warp_size * warp_size;
  const std::size_t tile_bytes = std::size_t{shape.chunks()} * rows_bytes;
  const std::size_t tiles = std::max<std::size_t>(batch_bytes / tile_bytes, 1);
  shape.most_rows =
      screen_rows * static_cast<unsigned>(std::min<std::size_t>(tiles, tiles_of(rows)));
  unsigned splits = 0;
  for (unsigned first = 0; first < rows; first += batch_rows(shape, first))
    splits = std::max(splits, splits_of(shape, batch_rows(shape, first)));
  shape.most_passed = shape.kept + splits * std::max(most_handed, shape.kept);
  return shape;
}

void screen_batch(const ScreenRows& batch, const ScreenShape& shape, const ScreenMemory& memory,
                  Stream stream) {
  const unsigned splits = splits_of(shape, batch.count);
  const unsigned stages = shared_bytes(4) <= device_info().shared_bytes ? 4 : 3;
  launch("screen", stages == 4 ? screen_kernel<4> : screen_kernel<3>,
         Grid{{std::min(screen_blocks(), shape.query_tiles() * splits), 1, 1},
              threads_a_block,
              shared_bytes(stages)},
         stream, ScreenJob{memory, batch, shape, splits});
}

}  // namespace vecinal::cuda
