#include "graph/fused.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

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

FusedLayout::FusedLayout(std::size_t row_bytes, std::size_t filled_dim, std::uint32_t degree)
    : offsets(row_bytes),
      factors(offsets + degree * sizeof(std::uint16_t)),
      units(factors + degree * sizeof(std::uint8_t)),
      blocks(degree / sign_lanes),
      dims(kernels::grouped_signs(filled_dim)) {
  block_signs = dims * sign_lanes / 8;
  const std::size_t head = units + sizeof(FusedUnits);
  bytes = whole_lines(head + blocks * block_signs);
  signs = bytes - blocks * block_signs;
  if (signs - signs % cache_line >= head) signs -= signs % cache_line;
}

FusedUnits FusedLayout::read_units(const std::byte* row) const {
  FusedUnits read;
  std::memcpy(&read, row + units, sizeof read);
  return read;
}

kernels::SignBlock FusedLayout::block(const std::byte* row, std::size_t number) const {
  const FusedUnits read = read_units(row);
  kernels::SignBlock block;
  block.signs = reinterpret_cast<const std::uint8_t*>(row + signs + number * block_signs);
  block.ahead = row + signs + number * block_signs;
  block.offsets = reinterpret_cast<const std::uint16_t*>(row + offsets) + number * sign_lanes;
  block.factors = reinterpret_cast<const std::uint8_t*>(row + factors) + number * sign_lanes;
  block.offset_unit = read.offset;
  block.factor_unit = read.factor;
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
        factors_(most_neighbours),
        signed_centres_(most_neighbours),
        halves_(most_neighbours) {}

  /// centre: a slot, or no_slot for zero.
  void write(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
             std::byte* row) {
    std::memset(row + layout.signs, 0, layout.blocks * layout.block_signs);
    take(layout, centre, neighbours, 0, row);
    const float factor_unit = unit_of(factors_, most_factor);
    round_factors(factor_unit);
    write_terms(layout, {unit_of(offsets_, most_offset), factor_unit}, 0, row);
  }

  /// The neighbours from number `kept` on have come to those there are; the bytes are those that
  /// write() gives.
  void extend(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
              std::size_t kept, std::byte* row) {
    const Terms terms(layout, row);
    FusedUnits units = layout.read_units(row);
    units.factor /= rows_.format().weight;
    take(layout, centre, neighbours, kept, row);
    if (outgrows(std::span(terms.factors, kept), factors_, most_factor, units.factor))
      return write(layout, centre, neighbours, row);
    round_factors(units.factor);
    if (outgrows(std::span(terms.offsets, kept), offsets_, most_offset, units.offset))
      return write(layout, centre, neighbours, row);
    write_terms(layout, units, kept, row);
  }

 private:
  /// Of magnitudes, in units: halves reach 65,504.
  static constexpr float most_offset = 16384;
  static constexpr float most_factor = 255;

  struct Terms {
    Terms(const FusedLayout& layout, std::byte* row)
        : offsets(reinterpret_cast<std::uint16_t*>(row + layout.offsets)),
          factors(reinterpret_cast<std::uint8_t*>(row + layout.factors)) {}
    std::uint16_t* offsets;
    std::uint8_t* factors;
  };

  /// Signs, offsets but for what the factors add, and factors of the neighbours from number `first`
  /// on; zero for others.
  void take(const FusedLayout& layout, Slot centre, std::span<const Slot> neighbours,
            std::size_t first, std::byte* row) {
    float bias = 0;
    if (centre == no_slot) {
      std::fill_n(centre_.data(), rows_.padded_dim(), 0.0F);
    } else {
      decode(centre, layout.dims, centre_);
      bias = rows_.bias(centre);
    }
    std::fill(offsets_.begin(), offsets_.end(), 0.0F);
    std::fill(factors_.begin(), factors_.end(), 0.0F);
    std::fill(signed_centres_.begin(), signed_centres_.end(), 0.0F);
    const float weight = rows_.format().weight;
    for (std::size_t k = first; k < neighbours.size(); ++k) {
      decode(neighbours[k], layout.dims, vector_);
      auto* signs =
          reinterpret_cast<std::uint8_t*>(row + layout.signs + k / sign_lanes * layout.block_signs);
      kernels::SignedSum sum;
      kernels::active().pack_signs(centre_.data(), vector_.data(), layout.dims, k % sign_lanes,
                                   signs, &sum);
      factors_[k] = sum.magnitude > 0 ? sum.square / sum.magnitude : 0.0F;
      offsets_[k] = rows_.bias(neighbours[k]) - bias;
      if (!near_) continue;
      offsets_[k] += weight * sum.product;
      signed_centres_[k] = sum.signed_centre;
    }
  }

  /// To multiples of the unit, which the offsets make up for: what is rounded off then counts for
  /// <q - c, y> alone.
  void round_factors(float unit) {
    for (std::size_t k = 0; k < factors_.size(); ++k) {
      factors_[k] = std::min(most_factor, std::nearbyint(factors_[k] / unit));
      offsets_[k] -= rows_.format().weight * unit * factors_[k] * signed_centres_[k];
    }
  }

  /// A grid may have no zero, so that the padding of a row decodes to something else.
  void decode(Slot slot, std::size_t dims, AlignedFloats& to) const {
    rows_.decode(slot, to.data(), nullptr);
    std::fill(to.data() + dims, to.data() + rows_.padded_dim(), 0.0F);
  }

  static float greatest(const std::vector<float>& values) {
    float greatest = 0;
    for (const float value : values) greatest = std::max(greatest, std::fabs(value));
    return greatest;
  }

  /// The least power of two of which no value is more than `most`.
  static float unit_of(const std::vector<float>& values, float most) {
    const float greatest = Writer::greatest(values);
    const float unit = greatest > 0 ? std::exp2(std::ceil(std::log2(greatest / most))) : 1.0F;
    return std::max(unit, 0x1p-100F);
  }

  /// True if values that were written, with more of them, have another unit: the greatest of those
  /// is known by their unit alone, and if all are zero, not even so.
  template <class Code>
  static bool outgrows(std::span<Code> written, const std::vector<float>& more, float most,
                       float unit) {
    const bool zeros = std::all_of(written.begin(), written.end(), [](Code c) { return c == 0; });
    return zeros || (greatest(more) > 0 && unit_of(more, most) > unit);
  }

  /// Of the neighbours from number `first` on. units: both above zero. Factors are rounded.
  void write_terms(const FusedLayout& layout, FusedUnits units, std::size_t first, std::byte* row) {
    const Terms terms(layout, row);
    for (float& value : offsets_) value /= units.offset;
    kernels::active().to_half(offsets_.data(), halves_.data(), offsets_.size());
    for (std::size_t k = first; k < factors_.size(); ++k) {
      terms.offsets[k] = halves_[k];
      terms.factors[k] = static_cast<std::uint8_t>(factors_[k]);
    }
    units.factor *= rows_.format().weight;
    std::memcpy(row + layout.units, &units, sizeof units);
  }

  const Storage& rows_;
  AlignedFloats centre_;
  AlignedFloats vector_;
  bool near_;  ///< queries lie in the space of the rows, and near the nodes they come to
  std::vector<float> offsets_;
  std::vector<float> factors_;         ///< but for the weight of the rows
  std::vector<float> signed_centres_;  ///< what a factor takes off its offset
  std::vector<std::uint16_t> halves_;
};

Fused::Fused(const Storage& rows, std::size_t filled_dim, std::uint32_t degree)
    : layout_(rows.row_bytes(), filled_dim, degree) {}

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
  chosen.layout = FusedLayout(0, layout_.dims, static_cast<std::uint32_t>(lanes));
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
    if (!std::isfinite(block.offset_unit) || !std::isfinite(block.factor_unit)) return false;
    for (std::size_t k = 0; k < sign_lanes; ++k)
      if ((block.offsets[k] & exponent) == exponent) return false;
  }
  return true;
}

std::size_t Fused::bytes() const {
  return entries_.layout.bytes + entries_.nodes.size() * sizeof(Node);
}

}  // namespace vecinal
