/// _core.FdeEncoder: vecinal::FdeEncoder with numpy arrays, and with arrays on a GPU.
#include "vecinal/device_fde.hpp"

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

/// Sets on a device; addresses are as a __cuda_array_interface__ has them. out: sets x encoded_dim.
template <auto call>
void encode_there(const DeviceFdeEncoder& encoder, std::uintptr_t vectors, std::size_t count,
                  std::size_t dim, const Ids& offsets, std::uintptr_t stream, std::uintptr_t out) {
  const std::span<const std::size_t> starts = to_sizes(offsets);
  const DeviceBatch sets{.data = reinterpret_cast<const float*>(vectors),
                         .count = count,
                         .dim = dim,
                         .offsets = starts,
                         .stream = reinterpret_cast<void*>(stream)};
  const py::gil_scoped_release no_lock;
  (encoder.*call)(sets,
                  {reinterpret_cast<float*>(out), (starts.size() - 1) * encoder.encoded_dim()});
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
  py::class_<DeviceFdeEncoder>(module, "DeviceFdeEncoder", "What FdeEncoder needs on a GPU.")
      .def(py::init<const FdeEncoder&>(), arg("encoder"))
      .def("encode_documents", &encode_there<&DeviceFdeEncoder::encode_documents>, arg("vectors"),
           arg("count"), arg("dim"), arg("offsets").noconvert(), arg("stream"), arg("out"))
      .def("encode_queries", &encode_there<&DeviceFdeEncoder::encode_queries>, arg("vectors"),
           arg("count"), arg("dim"), arg("offsets").noconvert(), arg("stream"), arg("out"));
}

}  // namespace vecinal::python
