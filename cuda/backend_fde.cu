// How a CudaBackend encodes sets.
#include <algorithm>

#include "backend.hpp"
#include "fde.hpp"
#include "float_tile.hpp"
#include "kernels/rows.hpp"
#include "layout.hpp"

namespace vecinal::cuda {
namespace {

enum class Side : bool { documents, queries };

/// Vectors side by side as panels of 32 of them (float_tile.hpp), zero past dims and vectors.
std::vector<float> panels_of(std::span<const float> vectors, std::size_t dim,
                             std::size_t padded_dim) {
  const std::size_t count = vectors.size() / dim;
  std::vector<float> panels((count + tile_vectors - 1) / tile_vectors * tile_vectors * padded_dim);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dim; ++d)
      panels[(i / tile_vectors * padded_dim + d) * tile_vectors + i % tile_vectors] =
          vectors[i * dim + d];
  return panels;
}

/// What the final sketch adds up, value by value, in the order of the CPU's additions.
struct Sketch {
  std::vector<std::uint32_t> starts;
  std::vector<std::uint32_t> sources;

  explicit Sketch(const FdeTables& tables)
      : starts(tables.final_dim + 1), sources(tables.final_places.size()) {
    for (const std::uint32_t place : tables.final_places) ++starts[place + 1];
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
    for (std::size_t i = 0; i < sources.size(); ++i)
      sources[next[tables.final_places[i]]++] =
          static_cast<std::uint32_t>(2 * i + (tables.final_signs[i] < 0 ? 1 : 0));
  }
};

class CudaFde final : public DeviceFde {
 public:
  CudaFde(const FdeTables& tables, Lane& lane);

  [[nodiscard]] std::size_t encoded_dim() const override { return encoded_dim_; }
  [[nodiscard]] std::size_t bytes() const override { return memory_.bytes(); }
  [[nodiscard]] const FdeView& view() const { return view_; }
  [[nodiscard]] bool fill_empty() const { return fill_empty_; }

 private:
  std::size_t encoded_dim_;
  bool fill_empty_;
  Buffer memory_;
  FdeView view_;
};

CudaFde::CudaFde(const FdeTables& tables, Lane& lane)
    : encoded_dim_(tables.encoded_dim()), fill_empty_(tables.fill_empty) {
  const std::size_t padded = kernels::padded(tables.dim);
  const std::vector<float> planes = panels_of(tables.planes, tables.dim, padded);
  const std::vector<float> dense = panels_of(tables.dense, tables.dim, padded);
  const Sketch final_sketch(tables);
  Layout layout;
  Stream stream = lane.stream;
  const auto at_mean = layout.add<float>(tables.dim);
  const auto at_planes = layout.add<float>(planes.size());
  const auto at_rounding = layout.add<float>(tables.rounding.size());
  const auto at_dims = layout.add<std::uint32_t>(tables.sparse_dims.size());
  const auto at_ends = layout.add<std::uint32_t>(tables.sparse_ends.size());
  const auto at_dense = layout.add<float>(dense.size());
  const auto at_starts = layout.add<std::uint32_t>(final_sketch.starts.size());
  const auto at_sources = layout.add<std::uint32_t>(final_sketch.sources.size());
  layout.settle(memory_);
  layout.copy_in(at_mean, tables.mean, stream);
  layout.copy_in(at_planes, std::span<const float>(planes), stream);
  layout.copy_in(at_rounding, tables.rounding, stream);
  layout.copy_in(at_dims, tables.sparse_dims, stream);
  layout.copy_in(at_ends, tables.sparse_ends, stream);
  layout.copy_in(at_dense, std::span<const float>(dense), stream);
  layout.copy_in(at_starts, std::span<const std::uint32_t>(final_sketch.starts), stream);
  layout.copy_in(at_sources, std::span<const std::uint32_t>(final_sketch.sources), stream);
  synchronize(stream);
  view_ = {.dim = static_cast<unsigned>(tables.dim),
           .padded_dim = static_cast<unsigned>(padded),
           .repetitions = static_cast<unsigned>(tables.repetitions),
           .k_sim = static_cast<unsigned>(tables.k_sim),
           .width = static_cast<unsigned>(tables.projected_dim),
           .mean = layout[at_mean],
           .planes = layout[at_planes],
           .rounding = layout[at_rounding],
           .sparse_dims = tables.sparse_dims.empty() ? nullptr : layout[at_dims],
           .sparse_ends = layout[at_ends],
           .dense = dense.empty() ? nullptr : layout[at_dense],
           .final_dim = static_cast<unsigned>(tables.final_dim),
           .final_starts = layout[at_starts],
           .final_sources = layout[at_sources]};
}

/// Sets first .. first + count - 1.
void encode_piece(const CudaFde& fde, const HostSets& sets, std::size_t first, std::size_t count,
                  Side side, Lane& lane, float* to) {
  const FdeView& view = fde.view();
  const std::size_t begin = sets.offsets[first];
  const std::size_t vectors = sets.offsets[first + count] - begin;
  std::vector<std::uint32_t> set_ends;
  for (std::size_t i = first; i < first + count; ++i)
    set_ends.push_back(static_cast<std::uint32_t>(sets.offsets[i + 1] - begin));
  const std::size_t values = vectors * view.padded_dim;
  Layout layout;
  const auto at_ends = layout.add<std::uint32_t>(count);
  const auto at_values = layout.add<float>(values);
  const auto at_centred = layout.add<float>(values);
  const auto at_lengths = layout.add<float>(vectors);
  const auto at_signs = layout.add<std::uint32_t>(vectors * view.sign_words());
  const auto at_projected = layout.add<float>(view.projects() ? vectors * view.projections() : 0);
  const auto at_whole = layout.add<float>(count * view.whole_dim());
  const auto at_final = layout.add<float>(count * view.final_dim);
  layout.settle(lane.workspace);

  layout.copy_in(at_ends, std::span<const std::uint32_t>(set_ends), lane.stream);
  const SetsView on_device{static_cast<unsigned>(count),
                           static_cast<unsigned>(vectors),
                           layout[at_ends],
                           layout[at_values],
                           layout[at_centred],
                           layout[at_lengths],
                           layout[at_signs],
                           layout[at_projected],
                           layout[at_whole]};
  const bool documents = side == Side::documents;
  const float* from = documents ? on_device.centred : on_device.values;
  Gathering gathering{from, view.padded_dim, 0, documents, documents && fde.fill_empty()};
  if (vectors != 0) {
    fill_bytes(layout[at_values], 0, values * sizeof(float), lane.stream);
    copy_rows_in(layout[at_values], sets.vectors + begin * sets.stride,
                 {view.padded_dim * sizeof(float), sets.stride * sizeof(float),
                  view.dim * sizeof(float), vectors},
                 lane.stream);
    find_cells(view, on_device, lane.stream);
    if (view.projects()) {
      project_sets(view, on_device, from, lane.stream);
      gathering.from = on_device.projected;
      gathering.pitch = view.projections();
      gathering.shift = view.width;
    }
  }
  gather_cells(view, on_device, gathering, lane.stream);
  const float* result = on_device.whole;
  if (view.final_dim != 0) {
    sketch(view, on_device, layout[at_final], lane.stream);
    result = layout[at_final];
  }
  copy_out(to + first * fde.encoded_dim(), result, count * fde.encoded_dim() * sizeof(float),
           lane.stream);
  synchronize(lane.stream);
}

/// Encodes sets in pieces that need about as much memory as this, or one by one.
void encode_sets(const DeviceFde& encoder, const HostSets& sets, Side side, Lane& lane,
                 std::span<float> to) {
  constexpr std::size_t piece_bytes = std::size_t{256} << 20U;
  constexpr std::size_t most_sets = 16'384;  // grids have at most 65,535 blocks in y
  const auto& fde = static_cast<const CudaFde&>(encoder);
  const FdeView& view = fde.view();
  const std::size_t set_bytes = (view.whole_dim() + view.final_dim) * sizeof(float);
  const std::size_t vector_bytes =
      (2 * view.padded_dim + view.sign_words() + (view.projects() ? view.projections() : 0)) *
      sizeof(float);
  std::size_t count = 0;
  for (std::size_t first = 0; first < sets.count(); first += count) {
    std::size_t bytes = 0;
    for (count = 0; count < most_sets && first + count < sets.count(); ++count) {
      const std::size_t size = sets.offsets[first + count + 1] - sets.offsets[first + count];
      bytes += set_bytes + size * vector_bytes;
      if (bytes > piece_bytes && count != 0) break;
    }
    encode_piece(fde, sets, first, count, side, lane, to.data());
  }
}

}  // namespace

std::unique_ptr<DeviceFde> CudaBackend::make_fde(const FdeTables& tables) {
  const LanePool::Lease lane = lanes_.take();
  return std::make_unique<CudaFde>(tables, *lane);
}

void CudaBackend::encode_documents(const DeviceFde& fde, const HostSets& sets,
                                   std::span<float> to) {
  const LanePool::Lease lane = lanes_.take();
  encode_sets(fde, sets, Side::documents, *lane, to);
}

void CudaBackend::encode_queries(const DeviceFde& fde, const HostSets& sets, std::span<float> to) {
  const LanePool::Lease lane = lanes_.take();
  encode_sets(fde, sets, Side::queries, *lane, to);
}

}  // namespace vecinal::cuda
