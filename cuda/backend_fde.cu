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
           .max_squared_norm = tables.max_squared_norm,
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

/// One call: sets of documents or of queries, which are on the host as their encodings will be, or
/// on the device as they will be.
class SetEncoder {
 public:
  SetEncoder(const CudaFde& fde, const SetsToEncode& sets, Side side, Lane& lane, float* to)
      : fde_(fde), view_(fde.view()), sets_(sets), side_(side), lane_(lane), to_(to) {}

  /// The first faulty vector, or the number of all.
  std::size_t run() {
    std::size_t faulty = sets_.offsets.back();
    std::size_t count = 0;
    for (std::size_t first = 0; first < sets_.count(); first += count) {
      count = piece_from(first);
      faulty = std::min(faulty, encode(first, count));
    }
    return faulty;
  }

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  /// Sets from there on that need about as much memory as a piece may, at least one.
  [[nodiscard]] std::size_t piece_from(std::size_t first) const {
    constexpr std::size_t piece_bytes = std::size_t{256} << 20U;
    constexpr std::size_t most_sets = 16'384;  // grids have at most 65,535 blocks in y
    const std::size_t set_bytes = (view_.whole_dim() + view_.final_dim) * sizeof(float);
    const std::size_t vector_bytes =
        (2 * view_.padded_dim + view_.sign_words() + projected_values()) * sizeof(float);
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (; count < most_sets && first + count < sets_.count(); ++count) {
      const std::size_t size = sets_.offsets[first + count + 1] - sets_.offsets[first + count];
      bytes += set_bytes + size * vector_bytes;
      if (bytes > piece_bytes && count != 0) break;
    }
    return count;
  }

  [[nodiscard]] std::size_t projected_values() const {
    return view_.projects() ? view_.projections() : 0;
  }

  /// Whether kernels can read the vectors where they are.
  [[nodiscard]] bool read_in_place() const {
    return sets_.on_device && view_.dim == view_.padded_dim && sets_.stride == view_.dim &&
           reinterpret_cast<std::uintptr_t>(sets_.vectors) % 16 == 0;
  }

  /// Some sets on the device.
  struct Piece {
    SetsView sets;
    float* brought =
        nullptr;            ///< vectors that are brought there; null where they are read in place
    float* made = nullptr;  ///< encodings
  };

  /// Sets first .. first + count - 1; the first faulty vector, or the number of all.
  std::size_t encode(std::size_t first, std::size_t count) {
    const std::size_t begin = sets_.offsets[first];
    std::vector<std::uint32_t> ends;
    for (std::size_t i = first; i < first + count; ++i)
      ends.push_back(static_cast<std::uint32_t>(sets_.offsets[i + 1] - begin));
    float* const to = to_ + first * fde_.encoded_dim();
    const Piece piece = lay_out(ends, sets_.vectors + begin * sets_.stride, to);
    if (piece.brought != nullptr)
      bring(sets_.vectors + begin * sets_.stride, piece.brought, piece.sets.vectors);
    make(piece.sets);
    if (view_.final_dim != 0) sketch(view_, piece.sets, piece.made, lane_.stream);
    if (!sets_.on_device)
      copy_out(to, piece.made, count * fde_.encoded_dim() * sizeof(float), lane_.stream);
    std::uint32_t faulty = none;
    copy_out(&faulty, piece.sets.faulty, sizeof faulty, lane_.stream);
    synchronize(lane_.stream);
    return faulty == none ? sets_.offsets.back() : begin + faulty;
  }

  /// Takes memory. from, to: the vectors and their encodings.
  Piece lay_out(std::span<const std::uint32_t> ends, const float* from, float* to) {
    const std::size_t count = ends.size();
    const std::size_t vectors = ends.back();
    const std::size_t values = vectors * view_.padded_dim;
    const bool sketches = view_.final_dim != 0;
    const bool writes_in_place = sets_.on_device && !sketches;
    Layout layout;
    const auto at_ends = layout.add<std::uint32_t>(count);
    const auto at_faulty = layout.add<std::uint32_t>(1);
    const auto at_values = layout.add<float>(read_in_place() ? 0 : values);
    const auto at_centred = layout.add<float>(values);
    const auto at_lengths = layout.add<float>(vectors);
    const auto at_signs = layout.add<std::uint32_t>(vectors * view_.sign_words());
    const auto at_projected = layout.add<float>(vectors * projected_values());
    const auto at_whole = layout.add<float>(writes_in_place ? 0 : count * view_.whole_dim());
    const auto at_final = layout.add<float>(sets_.on_device ? 0 : count * view_.final_dim);
    layout.settle(lane_.workspace);
    layout.copy_in(at_ends, ends, lane_.stream);
    fill_bytes(layout[at_faulty], 0xFF, sizeof none, lane_.stream);
    float* const whole = writes_in_place ? to : layout[at_whole];
    float* const made = sets_.on_device ? to : sketches ? layout[at_final] : whole;
    return {
        .sets = {static_cast<unsigned>(count), static_cast<unsigned>(vectors), layout[at_ends],
                 read_in_place() ? from : layout[at_values], layout[at_faulty], layout[at_centred],
                 layout[at_lengths], layout[at_signs], layout[at_projected], whole},
        .brought = read_in_place() ? nullptr : layout[at_values],
        .made = made};
  }

  /// Copies vectors, zeros behind their dims.
  void bring(const float* from, float* to, std::size_t vectors) {
    const Pitched shape{view_.padded_dim * sizeof(float), sets_.stride * sizeof(float),
                        view_.dim * sizeof(float), vectors};
    if (vectors == 0) return;
    fill_bytes(to, 0, vectors * view_.padded_dim * sizeof(float), lane_.stream);
    if (sets_.on_device)
      copy_rows_within(to, from, shape, lane_.stream);
    else
      copy_rows_in(to, from, shape, lane_.stream);
  }

  void make(const SetsView& sets) {
    const bool documents = side_ == Side::documents;
    const float* const from = documents ? sets.centred : sets.values;
    Gathering gathering{from, view_.padded_dim, 0, documents, documents && fde_.fill_empty()};
    if (sets.vectors != 0) {
      find_cells(view_, sets, lane_.stream);
      if (view_.projects()) {
        project_sets(view_, sets, from, lane_.stream);
        gathering.from = sets.projected;
        gathering.pitch = view_.projections();
        gathering.shift = view_.width;
      }
    }
    gather_cells(view_, sets, gathering, lane_.stream);
  }

  const CudaFde& fde_;
  const FdeView& view_;
  const SetsToEncode& sets_;
  Side side_;
  Lane& lane_;
  float* to_;
};

std::size_t encode_sets(const DeviceFde& fde, const SetsToEncode& sets, Side side, Lane& lane,
                        float* to) {
  if (sets.on_device && sets.count() != 0) {
    if (sets.offsets.back() != 0) require_device_memory(sets.vectors);
    require_device_memory(to);
    synchronize(sets.stream);
  }
  return SetEncoder(static_cast<const CudaFde&>(fde), sets, side, lane, to).run();
}

}  // namespace

std::unique_ptr<DeviceFde> CudaBackend::make_fde(const FdeTables& tables) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  return std::make_unique<CudaFde>(tables, *lane);
}

std::size_t CudaBackend::encode_documents(const DeviceFde& fde, const SetsToEncode& sets,
                                          float* to) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  return encode_sets(fde, sets, Side::documents, *lane, to);
}

std::size_t CudaBackend::encode_queries(const DeviceFde& fde, const SetsToEncode& sets, float* to) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  return encode_sets(fde, sets, Side::queries, *lane, to);
}

}  // namespace vecinal::cuda
