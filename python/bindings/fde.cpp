/// _core.FdeEncoder: vecinal::FdeEncoder with numpy arrays.
#include "vecinal/fde.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "arrays.hpp"
#include "bindings.hpp"

namespace vecinal::python {
namespace {

/// (sets, encoded_dim)
template <class Encode>
py::array_t<float> encode(const FdeEncoder& encoder, const Batch& sets, Encode call) {
  py::array_t<float> made(
      {static_cast<py::ssize_t>(sets.items()), static_cast<py::ssize_t>(encoder.encoded_dim())});
  const std::span<float> out{made.mutable_data(), static_cast<std::size_t>(made.size())};
  const py::gil_scoped_release no_lock;
  (encoder.*call)(sets, out);
  return made;
}

py::array_t<float> encode_documents(const FdeEncoder& encoder, const Rows& rows,
                                    const std::optional<Ids>& offsets) {
  return encode(encoder, to_batch(rows, offsets), &FdeEncoder::encode_documents);
}

py::array_t<float> encode_queries(const FdeEncoder& encoder, const Rows& rows,
                                  const std::optional<Ids>& offsets) {
  return encode(encoder, to_batch(rows, offsets), &FdeEncoder::encode_queries);
}

Record train(FdeEncoder& encoder, const Rows& rows, const std::optional<Ids>& offsets) {
  const Batch sets = to_batch(rows, offsets);
  const FdeQuality quality = [&] {
    const py::gil_scoped_release no_lock;
    return encoder.train(sets);
  }();
  Record result;
  result["mean_cosine"] = quality.mean_cosine;
  result["occupancy"] = quality.occupancy;
  return result;
}

py::array_t<float> mean(const FdeEncoder& encoder) {
  const std::span<const float> values = encoder.mean();
  return to_array(std::vector<float>(values.begin(), values.end()));
}

void set_mean(FdeEncoder& encoder, const Rows& values) {
  encoder.set_mean({values.data(), static_cast<std::size_t>(values.size())});
}

FdeEncoder make(std::size_t dim, const Record& params, std::uint64_t seed, unsigned threads) {
  return FdeEncoder({.dim = dim, .params = to_fde(params), .seed = seed, .threads = threads});
}

}  // namespace

void bind_fde(py::module_& module) {
  using py::arg;
  py::class_<FdeEncoder>(module, "FdeEncoder",
                         "An encoder as C++ sees it; vecinal.FdeEncoder is the class to use.")
      .def(py::init(&make), arg("dim"), arg("params"), arg("seed"), arg("threads"))
      .def("train", &train, arg("documents").noconvert(), arg("offsets").noconvert())
      .def("encode_documents", &encode_documents, arg("documents").noconvert(),
           arg("offsets").noconvert())
      .def("encode_queries", &encode_queries, arg("queries").noconvert(),
           arg("offsets").noconvert())
      .def("mean", &mean)
      .def("set_mean", &set_mean, arg("values").noconvert())
      .def("encoded_dim", &FdeEncoder::encoded_dim);
}

}  // namespace vecinal::python
