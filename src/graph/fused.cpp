#include "graph/fused.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "core/cache_lines.hpp"
#include "core/parallel.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

using kernels::sign_lanes;

/// Entries cost a walk a scan of signs, and save the more hops the larger the graph.
std::size_t entries_of(std::size_t nodes) {
  const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(nodes)));
  return std::clamp<std::size_t>(std::bit_floor(root / 3), 32, 256);
}

/// The slots that nodes of a level stand for.
std::vector<Slot> nodes_of(const Graph& graph, std::uint32_t level) {
  const LayerView layer = graph.layer(level).view();
  std::vector<Slot> slots;
  for (Node node = 0; node < layer.count; ++node) {
    const Slot slot = layer.slot(node);
    if (slot != no_slot && graph.parent(slot) != no_slot) slots.push_back(slot);
  }
  return slots;
}

}  // namespace

FusedLayout::FusedLayout(std::size_t row_bytes, std::size_t padded, std::uint32_t degree)
    : offsets(row_bytes),
      factors(offsets + degree * sizeof(std::uint16_t)),
      unit(factors + degree * sizeof(std::uint16_t)),
      signs(whole_lines(unit + sizeof(float))),
      block_signs(padded * sign_lanes / 8),
      blocks(degree / sign_lanes),
      padded_dim(padded) {
  bytes = signs + blocks * block_signs;
}

kernels::SignBlock FusedLayout::block(const std::byte* row, std::size_t number) const {
  kernels::SignBlock block;
  block.signs = reinterpret_cast<const std::uint8_t*>(row + signs + number * block_signs);
  block.ahead = row + signs + number * block_signs;
  block.offsets = reinterpret_cast<const std::uint16_t*>(row + offsets) + number * sign_lanes;
  block.factors = reinterpret_cast<const std::uint16_t*>(row + factors) + number * sign_lanes;
  std::memcpy(&block.unit, row + unit, sizeof block.unit);
  return block;
}

/// One worker's way from a list of neighbours to a tail.
class Fused::Writer {
 public:
  Writer(const Storage& rows, std::size_t most_neighbours)
      : rows_(rows),
        centre_(rows.padded_dim()),
        vector_(rows.padded_dim()),
        near_(rows.format().correction != 0),
        offsets_(most_neighbours),
        factors_(most_neighbours) {}

  /// centre: a slot, or no_slot for zero.
  void write(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
             std::byte* row) {
    std::memset(row + layout.signs, 0, layout.blocks * layout.block_signs);
    take(layout, centre, neighbours, 0, row);
    write_halves(layout, unit_of(greatest()), row);
  }

  /// The neighbours from number `kept` on have come to those there are; the bytes are those that
  /// write() gives.
  void extend(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
              std::size_t kept, std::byte* row) {
    const Halves halves(layout, row);
    float unit = 0;
    std::memcpy(&unit, row + layout.unit, sizeof unit);
    take(layout, centre, neighbours, kept, row);
    // The greatest of the values there were is known by their unit alone; if all are zero, not even
    // so.
    const auto is_zero = [](std::uint16_t half) { return half == 0; };
    const bool zeros = std::all_of(halves.offsets, halves.offsets + kept, is_zero) &&
                       std::all_of(halves.factors, halves.factors + kept, is_zero);
    if (zeros || (greatest() > 0 && unit_of(greatest()) > unit))
      return write(layout, centre, neighbours, row);
    kept_halves_.assign(halves.offsets, halves.offsets + kept);
    kept_halves_.insert(kept_halves_.end(), halves.factors, halves.factors + kept);
    write_halves(layout, unit, row);
    std::copy_n(kept_halves_.data(), kept, halves.offsets);
    std::copy_n(kept_halves_.data() + kept, kept, halves.factors);
  }

 private:
  struct Halves {
    Halves(const FusedLayout& layout, std::byte* row)
        : offsets(reinterpret_cast<std::uint16_t*>(row + layout.offsets)),
          factors(reinterpret_cast<std::uint16_t*>(row + layout.factors)) {}
    std::uint16_t* offsets;
    std::uint16_t* factors;
  };

  /// Signs, offsets and factors of the neighbours from number `first` on; zero for others.
  void take(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
            std::size_t first, std::byte* row) {
    const std::size_t dim = layout.padded_dim;
    float bias = 0;
    if (centre == no_slot) {
      std::fill_n(centre_.data(), dim, 0.0F);
    } else {
      rows_.decode(centre, centre_.data(), nullptr);
      bias = rows_.bias(centre);
    }
    std::fill(offsets_.begin(), offsets_.end(), 0.0F);
    std::fill(factors_.begin(), factors_.end(), 0.0F);
    for (std::size_t k = first; k < neighbours.size(); ++k) {
      rows_.decode(neighbours[k], vector_.data(), nullptr);
      auto* signs =
          reinterpret_cast<std::uint8_t*>(row + layout.signs + k / sign_lanes * layout.block_signs);
      kernels::SignedSum sum;
      kernels::active().pack_signs(centre_.data(), vector_.data(), dim, k % sign_lanes, signs,
                                   &sum);
      const float weight = rows_.format().weight;
      const float stretch = sum.magnitude > 0 ? sum.square / sum.magnitude : 0.0F;
      factors_[k] = weight * stretch;
      offsets_[k] = rows_.bias(neighbours[k]) - bias;
      if (near_) offsets_[k] += weight * (sum.product - stretch * sum.signed_centre);
    }
  }

  [[nodiscard]] float greatest() const {
    float greatest = 0;
    for (const auto& values : {std::cref(offsets_), std::cref(factors_)})
      for (const float value : values.get()) greatest = std::max(greatest, std::fabs(value));
    return greatest;
  }

  /// Halves reach 65,504: all are divided by what brings the greatest to a power of two below it.
  static float unit_of(float greatest) {
    constexpr float most = 16384;
    const float unit = greatest > 0 ? std::exp2(std::ceil(std::log2(greatest / most))) : 1.0F;
    return std::max(unit, 0x1p-100F);
  }

  void write_halves(const FusedLayout& layout, float unit, std::byte* row) {
    for (auto* values : {&offsets_, &factors_})
      for (float& value : *values) value /= unit;
    const Halves halves(layout, row);
    kernels::active().to_half(offsets_.data(), halves.offsets, offsets_.size());
    kernels::active().to_half(factors_.data(), halves.factors, factors_.size());
    std::memcpy(row + layout.unit, &unit, sizeof unit);
  }

  const Storage& rows_;
  AlignedFloats centre_;
  AlignedFloats vector_;
  bool near_;  ///< queries lie in the space of the rows, and near the nodes they come to
  std::vector<float> offsets_;
  std::vector<float> factors_;
  std::vector<std::uint16_t> kept_halves_;
};

Fused::Fused(const Storage& rows, std::uint32_t degree)
    : layout_(rows.row_bytes(), rows.padded_dim(), degree) {}

void Fused::refresh(Storage& rows, const Graph& graph, std::span<const ChangedRow> changed,
                    unsigned threads) {
  const Layer& layer = graph.layer(0);
  parallel_for({.count = changed.size(), .grain = 64, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned) {
                 Writer writer(rows, graph.degree());
                 for (std::size_t i = begin; i < end; ++i) {
                   const auto [node, kept] = changed[i];
                   std::byte* row = rows.tail(node) - rows.row_bytes();
                   if (kept == 0)
                     writer.write(layout_, node, layer.row(node), row);
                   else
                     writer.extend(layout_, node, layer.row(node), kept, row);
                 }
               });
  choose_entries(rows, graph);
}

void Fused::choose_entries(const Storage& rows, const Graph& graph) {
  const GraphView view = graph.view();
  if (view.empty()) return;
  // Upper levels are samples of the items.
  const std::size_t most = entries_of(view.layers[0].count);
  std::vector<Slot> nodes;
  for (std::uint32_t level = view.levels; level-- > 0 && nodes.size() < most;)
    nodes = nodes_of(graph, level);
  const std::size_t wanted = std::min(nodes.size(), most);
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < wanted; ++i) slots.push_back(nodes[i * nodes.size() / wanted]);
  FusedEntries chosen;
  chosen.count = slots.size();
  const std::size_t lanes = (slots.size() + sign_lanes - 1) / sign_lanes * sign_lanes;
  chosen.layout = FusedLayout(0, rows.padded_dim(), static_cast<std::uint32_t>(lanes));
  chosen.row = AlignedArray<std::byte>(chosen.layout.bytes);
  Writer(rows, lanes).write(chosen.layout, no_slot, slots, chosen.row.data());
  slots.resize(lanes, no_slot);
  chosen.nodes = std::move(slots);
  entries_ = std::move(chosen);
}

bool Fused::sound(const std::byte* row) const {
  constexpr std::uint16_t exponent = 0x7C00;
  for (std::size_t b = 0; b < layout_.blocks; ++b) {
    const kernels::SignBlock block = layout_.block(row, b);
    if (!std::isfinite(block.unit)) return false;
    for (std::size_t k = 0; k < sign_lanes; ++k)
      if ((block.offsets[k] & exponent) == exponent || (block.factors[k] & exponent) == exponent)
        return false;
  }
  return true;
}

std::size_t Fused::bytes() const {
  return entries_.layout.bytes + entries_.nodes.size() * sizeof(Node);
}

}  // namespace vecinal
