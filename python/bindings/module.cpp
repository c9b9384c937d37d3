/// The module vecinal._core: exceptions, the index, and what the build says of itself.
#include <pybind11/pybind11.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "bindings.hpp"
#include "vecinal/error.hpp"
#include "vecinal/index.hpp"

namespace vecinal::python {
namespace {

namespace py = pybind11;

#if defined(__clang__)
constexpr const char* compiler = "Clang " __clang_version__;
#else
constexpr const char* compiler = "GCC " __VERSION__;
#endif

template <class Error>
void bind_error(py::module_& module, const char* name, const char* doc) {
  py::register_exception<Error>(module, name, PyExc_RuntimeError).attr("__doc__") = doc;
}

/// FileNotFoundError, PermissionError and so on: OSError picks the class by errno.
void raise_os_error(const std::filesystem::filesystem_error& error) {
  const py::object path =
      error.path1().empty() ? py::object(py::none()) : py::object(py::str(py::cast(error.path1())));
  const py::object raised =
      py::handle(PyExc_OSError)(error.code().value(), error.code().message(), path);
  PyErr_SetObject(py::type::of(raised).ptr(), raised.ptr());
}

void bind_errors(py::module_& module) {
  bind_error<NotTrained>(module, "NotTrained",
                         "The operation needs a trained index: call train() or add() first.");
  bind_error<FormatError>(
      module, "FormatError",
      "A file or byte string is not a sound vecinal index; the message names the section.");
  bind_error<CudaError>(module, "CudaError",
                        "A GPU is missing, cannot be used, or failed; the message says what.");
  py::register_exception<MemoryLimit>(module, "MemoryLimit", PyExc_MemoryError).attr("__doc__") =
      "An add would take more than memory_limit; nothing has changed.";
  bind_error<Cancelled>(module, "Cancelled",
                        "A progress callable asked to stop; the index is as it was.");
  py::register_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const std::filesystem::filesystem_error& error) {
      raise_os_error(error);
    }
  });
}

Record info(const py::bytes& path) {
  const std::filesystem::path file{std::string(path)};
  const FileInfo found = [&] {
    const py::gil_scoped_release no_lock;
    return file_info(file);
  }();
  py::list sections;
  for (const FileInfo::Section& section : found.sections) {
    Record entry;
    entry["tag"] = section.tag;
    entry["offset"] = section.offset;
    entry["length"] = section.length;
    sections.append(entry);
  }
  Record result;
  result["version"] = found.version;
  result["bytes"] = found.bytes;
  result["size"] = found.size;
  result["removed"] = found.removed;
  result["beam"] = found.defaults.beam;
  result["rerank"] = found.defaults.rerank;
  result["candidates"] = found.defaults.candidates;
  result["gamma"] = found.defaults.gamma;
  result["tuned"] = to_list(found.tuned);
  result["config"] = to_dict(found.config);
  result["sections"] = sections;
  return result;
}

/// The card, or why there is none.
std::string cuda() {
  try {
    return cuda_device_name();
  } catch (const CudaError& error) {
    return error.what();
  }
}

Record build() {
  py::list levels;
  for (const SimdLevel level : simd_levels)
    if (supported(level)) levels.append(std::string(name(level)));
  Record result;
  result["version"] = std::string(version());
  result["simd"] = std::string(name(active_simd()));
  result["simd_supported"] = levels;
  result["threads"] = std::thread::hardware_concurrency();
  result["compiler"] = compiler;
  result["cuda"] = cuda();
  return result;
}

void bind_module(py::module_& module) {
  module.doc() = "The C++ side of vecinal.";
  bind_errors(module);
  bind_index(module);
  bind_open(module);
  bind_fde(module);
  module.def("info", &info, py::arg("path"),
             "What a file says of itself, read without loading it.");
  module.def("version", [] { return std::string(version()); });
  module.def("build", &build, "Version, instruction sets, threads and compiler.");
  module.def(
      "simd", [] { return std::string(name(active_simd())); }, "The instruction set in use.");
}

}  // namespace
}  // namespace vecinal::python

PYBIND11_MODULE(_core, module) { vecinal::python::bind_module(module); }
