#include "index/row_sections.hpp"

#include <cstring>

#include "core/cache_lines.hpp"

namespace vecinal {
namespace {

/// Of fused rows in the section "rows", as files had them before there was "fused": the row,
/// offsets and factors, f16 each, their unit, f32, zeros to a cache line; signs of the padding too.
std::size_t old_stride(const Storage& rows, std::uint32_t degree) {
  const std::size_t head = rows.row_bytes() + degree * 2 * sizeof(std::uint16_t) + sizeof(float);
  return whole_lines(head) + rows.padded_dim() / 8 * degree;
}

void read_old_rows(const SectionReader& reader, std::uint64_t slots, std::uint32_t degree,
                   Storage& rows) {
  const std::size_t stride = old_stride(rows, degree);
  const auto from = reader.array<std::byte>("rows", slots * stride);
  rows.resize(slots);
  for (std::uint64_t slot = 0; slot < slots; ++slot)
    std::memcpy(rows.raw().data() + slot * rows.stride(), from.data() + slot * stride,
                rows.row_bytes());
}

void read_whole_rows(ArrayReader& arrays, const char* tag, std::uint64_t slots, Storage& rows) {
  arrays.read(tag, slots * rows.stride(), rows.raw());
  rows.adopt_raw(slots);
}

}  // namespace

const char* walked_tag(const Rows& rows) { return rows.fused() != nullptr ? "fused" : "rows"; }

RowSections read_rows(ArrayReader& arrays, std::uint64_t slots, std::uint32_t degree, Rows& rows) {
  RowSections read{.count = 1};
  read.tails = rows.fused() == nullptr || arrays.sections().has("fused");
  if (read.tails)
    read_whole_rows(arrays, walked_tag(rows), slots, rows.walked());
  else
    read_old_rows(arrays.sections(), slots, degree, rows.walked());
  if (rows.two()) {
    read_whole_rows(arrays, "rows2", slots, rows.ranking());
    ++read.count;
  }
  return read;
}

}  // namespace vecinal
