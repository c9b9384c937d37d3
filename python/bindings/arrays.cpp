#include "arrays.hpp"

#include <stdexcept>

namespace vecinal::python {
namespace {

constexpr py::ssize_t value_bytes = sizeof(float);

bool is_aligned(const py::array& array) {
  return (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
}
bool is_dense(const py::array& array) { return (array.flags() & py::array::c_style) != 0; }

}  // namespace

std::span<const std::size_t> to_sizes(const std::optional<Ids>& offsets) {
  static_assert(sizeof(Id) == sizeof(std::size_t));
  if (!offsets) return {};
  return {reinterpret_cast<const std::size_t*>(offsets->data()),
          static_cast<std::size_t>(offsets->size())};
}

Batch to_batch(const Rows& rows) {
  if (rows.ndim() == 1 && is_aligned(rows) && is_dense(rows))
    return {.data = rows.data(), .count = 1, .dim = static_cast<std::size_t>(rows.shape(0))};
  if (rows.ndim() != 2) throw std::invalid_argument("rows must be a 2-D array");
  const auto count = static_cast<std::size_t>(rows.shape(0));
  const auto dim = static_cast<std::size_t>(rows.shape(1));
  if (!is_aligned(rows)) throw std::invalid_argument("rows must be aligned");
  if (is_dense(rows)) return {.data = rows.data(), .count = count, .dim = dim};
  const py::ssize_t step = rows.strides(0);
  const bool contiguous = rows.strides(1) == value_bytes || dim == 1;
  if (!contiguous || step < rows.shape(1) * value_bytes || step % value_bytes != 0)
    throw std::invalid_argument("rows must be contiguous, one after the other");
  return {.data = rows.data(),
          .count = count,
          .dim = dim,
          .stride = static_cast<std::size_t>(step / value_bytes)};
}

Batch to_batch(const Rows& rows, const std::optional<Ids>& offsets) {
  Batch batch = to_batch(rows);
  batch.offsets = to_sizes(offsets);
  return batch;
}

Labels to_labels(const std::optional<Ids>& values, const std::optional<Ids>& offsets) {
  static_assert(std::is_same_v<Id, Label>);
  return {to_span(values), to_sizes(offsets)};
}

Batch to_batch(const std::optional<Rows>& rows, const std::optional<Ids>& offsets) {
  return rows ? to_batch(*rows, offsets) : Batch{};
}

std::span<const Id> to_span(const std::optional<Ids>& ids) {
  if (!ids) return {};
  return {ids->data(), static_cast<std::size_t>(ids->size())};
}

}  // namespace vecinal::python
