#include "backend/query_block.hpp"

#include <algorithm>

namespace vecinal {

DeviceRowFormat device_format(const Storage& rows) {
  return {rows.format().type, rows.format().op,     rows.padded_dim(),
          rows.row_bytes(),   rows.format().weight, rows.format().origin};
}

void QueryArrays::need(std::size_t count, Backend& backend) {
  if (codes_) {
    steps_.need(count * padded_dim_, backend);
    scales_.need(count, backend);
  } else {
    values_.need(count * padded_dim_, backend);
  }
}

void QueryArrays::set(std::size_t at, const Query& query, const QueryBuffer& buffer) {
  const kernels::QueryView view = rows_.scorer(query, buffer).query;
  if (!codes_) {
    std::copy_n(view.values, padded_dim_, values_.data() + at * padded_dim_);
    return;
  }
  std::copy_n(view.steps, padded_dim_, steps_.data() + at * padded_dim_);
  scales_.data()[at] = {view.scale, view.sum, view.constant};
}

kernels::QueryView QueryArrays::view(std::size_t at) const {
  if (!codes_) return {.values = values_.data() + at * padded_dim_};
  const QueryScale& scale = scales_.data()[at];
  return {.steps = steps_.data() + at * padded_dim_,
          .scale = scale.scale,
          .sum = scale.sum,
          .constant = scale.constant};
}

QueryBlock QueryArrays::block(std::size_t count) const {
  if (!codes_) return {.count = count, .values = values_.data()};
  return {.count = count, .steps = steps_.data(), .scales = scales_.data()};
}

}  // namespace vecinal
