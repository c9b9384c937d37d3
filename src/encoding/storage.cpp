#include "encoding/storage.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// Rows fetched ahead while one is scored: enough bytes in flight to hide a memory access, and no
/// more than the core's line fill buffers and L1 can take. benchmarks/kernels has the measurement.
std::uint32_t rows_ahead(std::size_t row_bytes) {
  constexpr std::size_t bytes_in_flight = 4096;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(bytes_in_flight / row_bytes, 1, 8));
}

}  // namespace

AlignedFloats::AlignedFloats(std::size_t count)
    : data_(static_cast<float*>(::operator new[](std::max<std::size_t>(count, 1) * sizeof(float),
                                                 std::align_val_t{64}))) {
  std::fill_n(data_.get(), count, 0.0F);
}

Storage::Storage(Encoding encoding, kernels::Op op, std::size_t dim)
    : codec_(vecinal::codec(encoding)),
      op_(op),
      kernel_(kernels::active().score[static_cast<std::size_t>(codec_.row_type())]
                                     [static_cast<std::size_t>(op)]),
      dim_(dim),
      padded_dim_(kernels::padded(dim)),
      stride_(codec_.stride(padded_dim_)) {}

void Storage::resize(std::size_t rows) {
  bytes_.resize(rows * stride_);
  size_ = rows;
}

bool Storage::set(Slot slot, const float* row) {
  return codec_.encode(row, padded_dim_, bytes_.data() + slot * stride_);
}

kernels::RowView Storage::view() const {
  return {bytes_.data(), stride_, padded_dim_, rows_ahead(stride_)};
}

Scorer Storage::scorer(const float* query) const { return {query, view(), kernel_}; }

const float* Storage::as_query(Slot slot, float* scratch) const {
  if (codec_.is_float()) return reinterpret_cast<const float*>(row(slot));
  decode(slot, scratch);
  return scratch;
}

}  // namespace vecinal
