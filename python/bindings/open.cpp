/// _core.LoggedIndex: vecinal::LoggedIndex, an Index with a log.
#include "vecinal/open.hpp"

#include <pybind11/pybind11.h>

#include <filesystem>
#include <memory>
#include <string>

#include "bindings.hpp"
#include "callbacks.hpp"

namespace vecinal::python {
namespace {

std::unique_ptr<LoggedIndex> open_file(const py::bytes& path, const Record& record, bool sync,
                                       bool mmap, bool verify, const py::object& progress) {
  const std::filesystem::path file{std::string(path)};
  const Config config = to_config(record);
  return watched(progress, [&](const Progress& watch) {
    const py::gil_scoped_release no_lock;
    return open_index(file, config,
                      {.sync = sync ? Sync::each : Sync::on_flush,
                       .map = mmap,
                       .verify = verify,
                       .progress = watch});
  });
}

Record log(const LoggedIndex& index) {
  const LogInfo now = unlocked(index, Effect::waits, [&] { return index.log(); });
  Record result;
  result["records"] = now.records;
  result["bytes"] = now.bytes;
  result["torn"] = now.torn;
  return result;
}

void checkpoint(LoggedIndex& index, const py::object& progress) {
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.checkpoint(watch); });
}

void flush(LoggedIndex& index) {
  unlocked(index, Effect::waits, [&] { index.flush(); });
}

void close(LoggedIndex& index) {
  unlocked(index, Effect::waits, [&] { index.close(); });
}

}  // namespace

void bind_open(py::module_& module) {
  using py::arg;
  py::class_<LoggedIndex, Index>(module, "LoggedIndex",
                                 "An index with a log; vecinal.LoggedIndex is the class to use.")
      .def("checkpoint", &checkpoint, arg("progress"))
      .def("flush", &flush)
      .def("close", &close)
      .def("log", &log);
  module.def("open_file", &open_file, arg("path"), arg("config"), arg("sync"), arg("mmap"),
             arg("verify"), arg("progress"));
}

}  // namespace vecinal::python
