#include "backend/query_block.hpp"

#include <algorithm>

namespace vecinal {

DeviceRowFormat device_format(const Storage& rows) {
  return {rows.format().type, rows.format().op,     rows.padded_dim(),
          rows.row_bytes(),   rows.format().weight, rows.format().origin};
}

QueryArrays::QueryArrays(const Storage& rows, std::size_t count)
    : rows_(rows), padded_dim_(rows.padded_dim()) {
  if (rows.codec().is_code()) {
    steps_ = AlignedArray<std::int16_t>(count * padded_dim_);
    scales_.resize(count);
  } else {
    values_ = AlignedFloats(count * padded_dim_);
  }
}

void QueryArrays::set(std::size_t at, const Query& query, const QueryBuffer& buffer) {
  const kernels::QueryView view = rows_.scorer(query, buffer).query;
  if (scales_.empty()) {
    std::copy_n(view.values, padded_dim_, values_.data() + at * padded_dim_);
    return;
  }
  std::copy_n(view.steps, padded_dim_, steps_.data() + at * padded_dim_);
  scales_[at] = {view.scale, view.sum, view.constant};
}

QueryBlock QueryArrays::block(std::size_t count) const {
  if (scales_.empty()) return {.count = count, .values = values_.data()};
  return {.count = count, .steps = steps_.data(), .scales = scales_.data()};
}

}  // namespace vecinal
