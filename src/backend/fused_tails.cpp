#include "backend/fused_tails.hpp"

namespace vecinal {
namespace {

TailFormat format_of(const FusedLayout& layout) {
  return {.factors = layout.factors - layout.offsets,
          .units = layout.units - layout.offsets,
          .signs = layout.signs - layout.offsets,
          .bytes = layout.bytes - layout.offsets,
          .blocks = layout.blocks,
          .dims = layout.dims};
}

}  // namespace

HostTails tails_of(const Storage& rows, const FusedView& fused, std::size_t count) {
  return {format_of(*fused.layout), count, rows.row(0) + fused.layout->offsets, rows.stride()};
}

EntryNodes entries_of(const FusedView& fused) {
  const FusedEntries& entries = *fused.entries;
  return {format_of(entries.layout), entries.row.data() + entries.layout.offsets, entries.nodes};
}

}  // namespace vecinal
