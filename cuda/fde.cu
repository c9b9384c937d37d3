// FDE encoding once the signs of the vectors are known, in the order of the CPU's sums and without
// atomics, so that encodings have its bits (where it fuses multiply-adds, for dense projections).
//
// Projections: 32 vectors a block, transposed in shared memory (132 bytes a dim, where they fit), a
// lane a vector; a warp takes 32 sums of +- values at a time and writes them side by side. Dense
// ones by register tiles. Cells: one warp a set and repetition walks over the vectors, each lane
// has values of its own to add up; shared memory 12 bytes a cell and 4 a value (values in the
// result itself where that is too much). Final sketch: a thread a value adds what the CPU adds to
// it.
#include "fde.hpp"

#include "panel_products.hpp"

namespace vecinal::cuda {
namespace {

constexpr unsigned sums_pitch = warp_size + 1;
constexpr unsigned project_warps = 4;
constexpr unsigned gather_warps = 4;

/// Where value d of vector t of a block lies.
struct Transposed {
  const float* data;
  std::size_t dim_pitch;
  std::size_t vector_pitch;
  __device__ float at(unsigned d, unsigned t) const {
    return data[d * dim_pitch + t * vector_pitch];
  }
};

/// Sum number `sum` of the sparse projections, as signed_sums() takes it.
__device__ float signed_sum(const FdeView& fde, unsigned sum, const Transposed& values,
                            unsigned vector) {
  unsigned at = sum == 0 ? 0 : fde.sparse_ends[2 * sum - 1];
  float result = 0;
  for (const unsigned end = fde.sparse_ends[2 * sum]; at < end; ++at)
    result = __fadd_rn(result, values.at(fde.sparse_dims[at], vector));
  for (const unsigned end = fde.sparse_ends[2 * sum + 1]; at < end; ++at)
    result = __fsub_rn(result, values.at(fde.sparse_dims[at], vector));
  return result;
}

template <bool staged>
__global__ void sparse_kernel(FdeView fde, SetsView sets, const float* from) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned first = blockIdx.x * warp_size;
  const unsigned count = sets.vectors - first < warp_size ? sets.vectors - first : warp_size;
  auto* sums = reinterpret_cast<float*>(shared_memory()) + warp * warp_size * sums_pitch;
  const float* rows = from + std::size_t{first} * fde.padded_dim;
  Transposed values{rows, 1, fde.padded_dim};
  if constexpr (staged) {
    auto* copy = reinterpret_cast<float*>(shared_memory()) + project_warps * warp_size * sums_pitch;
    for (unsigned i = threadIdx.x; i < count * fde.padded_dim; i += blockDim.x)
      copy[i % fde.padded_dim * sums_pitch + i / fde.padded_dim] = rows[i];
    values = {copy, sums_pitch, 1};
    __syncthreads();
  }
  const unsigned total = fde.projections();
  const unsigned vector = lane < count ? lane : count - 1;
  for (unsigned group = warp * warp_size; group < total; group += project_warps * warp_size) {
    const unsigned some = total - group < warp_size ? total - group : warp_size;
    for (unsigned i = 0; i < some; ++i)
      sums[i * sums_pitch + lane] = signed_sum(fde, group + i, values, vector);
    __syncwarp();
    float* to = sets.projected + std::size_t{first} * total + group;
    for (unsigned t = 0; t < count; ++t)
      if (lane < some) to[std::size_t{t} * total + lane] = sums[lane * sums_pitch + t];
    __syncwarp();
  }
}

/// Products of a dense projection, at their places.
struct WriteProducts {
  float* to;
  unsigned rows;
  unsigned columns;

  __device__ void operator()(const FloatTile& tile, unsigned first, unsigned panel,
                             unsigned lane) const {
#pragma unroll
    for (unsigned i = 0; i < FloatTile::rows; ++i) {
      const unsigned row = first + FloatTile::row(lane, i);
#pragma unroll
      for (unsigned j = 0; j < FloatTile::columns; ++j) {
        const unsigned column = panel * tile_vectors + FloatTile::column(lane, j);
        if (row < rows && column < columns)
          to[std::size_t{row} * columns + column] = tile.sums[i][j];
      }
    }
  }
};

/// The cell of a vector in a repetition.
__device__ unsigned cell_of(const FdeView& fde, const SetsView& sets, unsigned vector,
                            unsigned repetition) {
  if (fde.k_sim == 0) return 0;
  const std::uint32_t* signs = sets.signs + std::size_t{vector} * fde.sign_words();
  const unsigned bit = repetition * fde.k_sim;
  std::uint64_t word = signs[bit / 32];
  if (bit % 32 + fde.k_sim > 32) word |= static_cast<std::uint64_t>(signs[bit / 32 + 1]) << 32U;
  return static_cast<unsigned>(word >> bit % 32) & (fde.cells() - 1);
}

/// What a warp has in shared memory.
struct CellScratch {
  std::uint64_t* nearest;  ///< distance to the nearest cell with a vector, and its first one
  std::uint32_t* sizes;

  __device__ CellScratch(unsigned char* memory, unsigned cells)
      : nearest(reinterpret_cast<std::uint64_t*>(memory)),
        sizes(reinterpret_cast<std::uint32_t*>(nearest + cells)) {}
};

constexpr std::uint64_t across = std::uint64_t{1} << 32U;
constexpr std::uint64_t no_cell = 64 * across;

/// Empty cells learn of the nearest one with a vector: FdeWorker::fill().
__device__ void spread(const CellScratch& scratch, unsigned k_sim, unsigned lane) {
  for (unsigned bit = 0; bit < k_sim; ++bit) {
    for (unsigned at = lane; at < 1U << k_sim; at += warp_size) {
      const unsigned other = at ^ (1U << bit);
      if (other < at) continue;
      const std::uint64_t here = scratch.nearest[at];
      const std::uint64_t there = scratch.nearest[other];
      if (there + across < here) scratch.nearest[at] = there + across;
      if (here + across < there) scratch.nearest[other] = here + across;
    }
    __syncwarp();
  }
}

struct GatherShape {
  std::size_t warp_bytes = 0;
  std::size_t values_at = 0;  ///< in the memory of a warp; 0: the result itself takes the sums
};

__global__ void gather_kernel(FdeView fde, SetsView sets, Gathering gathering, GatherShape shape) {
  const unsigned lane = threadIdx.x % warp_size;
  const unsigned warp = threadIdx.x / warp_size;
  const unsigned repetition = blockIdx.x * gather_warps + warp;
  if (repetition >= fde.repetitions) return;
  unsigned char* memory = shared_memory() + warp * shape.warp_bytes;
  const CellScratch scratch(memory, fde.cells());
  const std::size_t values = std::size_t{fde.cells()} * fde.width;
  float* to = sets.whole + (std::size_t{blockIdx.y} * fde.repetitions + repetition) * values;
  float* sums = shape.values_at == 0 ? to : reinterpret_cast<float*>(memory + shape.values_at);
  const unsigned begin = blockIdx.y == 0 ? 0 : sets.ends[blockIdx.y - 1];
  const unsigned count = sets.ends[blockIdx.y] - begin;
  const float* from = gathering.from + begin * gathering.pitch + repetition * gathering.shift;

  for (unsigned at = lane; at < fde.cells(); at += warp_size) {
    scratch.nearest[at] = no_cell;
    scratch.sizes[at] = 0;
  }
  for (std::size_t i = lane; i < values; i += warp_size) sums[i] = 0;
  __syncwarp();
  for (unsigned i = 0; i < count; ++i) {
    const unsigned cell = cell_of(fde, sets, begin + i, repetition);
    if (lane == 0 && scratch.sizes[cell]++ == 0) scratch.nearest[cell] = i;
    float* sum = sums + std::size_t{cell} * fde.width;
    for (unsigned p = lane; p < fde.width; p += warp_size)
      sum[p] = __fadd_rn(sum[p], from[i * gathering.pitch + p]);
  }
  __syncwarp();
  if (gathering.means)
    for (std::size_t i = lane; i < values; i += warp_size) {
      const unsigned size = scratch.sizes[i / fde.width];
      if (size > 1) sums[i] = __fdiv_rn(sums[i], static_cast<float>(size));
    }
  if (gathering.fill && count != 0) {
    spread(scratch, fde.k_sim, lane);
    for (std::size_t i = lane; i < values; i += warp_size) {
      const auto cell = static_cast<unsigned>(i / fde.width);
      const auto first = static_cast<std::uint32_t>(scratch.nearest[cell]);
      if (scratch.sizes[cell] == 0) sums[i] = from[first * gathering.pitch + i % fde.width];
    }
  }
  __syncwarp();
  if (shape.values_at != 0)
    for (std::size_t i = lane; i < values; i += warp_size) to[i] = sums[i];
}

__global__ void sketch_kernel(FdeView fde, SetsView sets, float* to) {
  const unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  if (at >= fde.final_dim) return;
  const float* whole = sets.whole + blockIdx.y * fde.whole_dim();
  float sum = 0;
  for (unsigned i = fde.final_starts[at]; i < fde.final_starts[at + 1]; ++i) {
    const std::uint32_t source = fde.final_sources[i];
    const float value = whole[source / 2];
    sum = __fadd_rn(sum, source % 2 == 0 ? value : -value);
  }
  to[std::size_t{blockIdx.y} * fde.final_dim + at] = sum;
}

}  // namespace

void project_sets(const FdeView& fde, const SetsView& sets, const float* from, Stream stream) {
  if (fde.dense != nullptr) {
    multiply_panels("project", {from, sets.vectors, fde.padded_dim},
                    {fde.dense, (fde.projections() + tile_vectors - 1) / tile_vectors},
                    WriteProducts{sets.projected, sets.vectors, fde.projections()}, stream);
    return;
  }
  const std::size_t sums = std::size_t{project_warps} * warp_size * sums_pitch * sizeof(float);
  const std::size_t copy = std::size_t{fde.padded_dim} * sums_pitch * sizeof(float);
  Grid grid{
      {(sets.vectors + warp_size - 1) / warp_size, 1, 1}, project_warps * warp_size, sums + copy};
  auto* kernel = sparse_kernel<true>;
  if (grid.shared > device_info().shared_bytes) {
    grid.shared = sums;
    kernel = sparse_kernel<false>;
  }
  launch("project", kernel, grid, stream, fde, sets, from);
}

void gather_cells(const FdeView& fde, const SetsView& sets, const Gathering& gathering,
                  Stream stream) {
  const std::size_t cells = fde.cells() * (sizeof(std::uint64_t) + sizeof(std::uint32_t));
  const std::size_t values = std::size_t{fde.cells()} * fde.width * sizeof(float);
  const auto rounded = [](std::size_t bytes) { return (bytes + 15) / 16 * 16; };
  GatherShape shape{rounded(cells + values), cells};
  if (gather_warps * shape.warp_bytes > device_info().shared_bytes) shape = {rounded(cells), 0};
  launch("gather", gather_kernel,
         Grid{{(fde.repetitions + gather_warps - 1) / gather_warps, sets.sets, 1},
              gather_warps * warp_size,
              gather_warps * shape.warp_bytes},
         stream, fde, sets, gathering, shape);
}

void sketch(const FdeView& fde, const SetsView& sets, float* to, Stream stream) {
  constexpr unsigned threads = 128;
  launch("sketch", sketch_kernel,
         Grid{{(fde.final_dim + threads - 1) / threads, sets.sets, 1}, threads, 0}, stream, fde,
         sets, to);
}

}  // namespace vecinal::cuda
