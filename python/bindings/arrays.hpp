/// numpy arrays as vecinal sees them: views in, arrays that own their vector out.
/// The Python layer has already made every input float32 or int64 of the right rank
/// (vecinal/_inputs.py); what arrives here otherwise is refused, never converted.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "vecinal/batch.hpp"

namespace vecinal::python {

namespace py = pybind11;

using Rows = py::array_t<float, 0>;
using Ids = py::array_t<Id, py::array::c_style>;
using Bytes = py::array_t<std::uint8_t, py::array::c_style>;
using Words = py::array_t<std::uint64_t, py::array::c_style>;

/// A view of a (n, dim) float32 array whose rows are contiguous and do not overlap, or of a dense
/// one of the shape (dim,) as one row.
/// Throws std::invalid_argument for any other layout.
[[nodiscard]] Batch to_batch(const Rows& rows);

/// The same with the offsets of sets, if there are any.
[[nodiscard]] Batch to_batch(const Rows& rows, const std::optional<Ids>& offsets);
[[nodiscard]] Batch to_batch(const std::optional<Rows>& rows, const std::optional<Ids>& offsets);

/// int64 numbers, read as what they are without a sign; a negative one is past every end.
[[nodiscard]] std::span<const std::size_t> to_sizes(const std::optional<Ids>& offsets);

[[nodiscard]] std::span<const Id> to_span(const std::optional<Ids>& ids);

/// Labels of items, int64, and where they may be many, the offsets of the items.
[[nodiscard]] Labels to_labels(const std::optional<Ids>& values, const std::optional<Ids>& offsets);

/// An array with the values of a vector: a copy of few, which costs less than to own the vector.
template <class T>
[[nodiscard]] py::array_t<T> to_array(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
  constexpr std::size_t few = 512;
  if (values.size() <= few) {
    py::array_t<T> copy(std::move(shape));
    std::copy(values.begin(), values.end(), copy.mutable_data());
    return copy;
  }
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  const T* const data = owned->data();
  const py::capsule owner(owned.get(),
                          [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
  static_cast<void>(owned.release());
  return py::array_t<T>(std::move(shape), data, owner);
}

template <class T>
[[nodiscard]] py::array_t<T> to_array(std::vector<T>&& values) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return to_array(std::move(values), {size});
}

}  // namespace vecinal::python
