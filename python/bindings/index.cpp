/// _core.Index: vecinal::Index with numpy arrays. Every call that may wait for another thread lets
/// go of the interpreter lock first: the call it waits for may need the lock for a callback.
#include "vecinal/index.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "arrays.hpp"
#include "bindings.hpp"
#include "callbacks.hpp"

namespace vecinal::python {
namespace {

using without_lock = py::call_guard<py::gil_scoped_release>;

void train(Index& index, const Rows& sample, const std::optional<Ids>& sample_offsets,
           const std::optional<Rows>& queries, const std::optional<Ids>& query_offsets,
           const py::object& progress) {
  const Batch sample_rows = to_batch(sample, sample_offsets);
  const Batch query_rows = to_batch(queries, query_offsets);
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.train(sample_rows, query_rows, watch); });
}

py::array_t<Id> add(Index& index, const Rows& items, const std::optional<Ids>& offsets,
                    const std::optional<Ids>& ids, const std::optional<Ids>& labels,
                    const std::optional<Ids>& label_offsets, const py::object& progress) {
  Batch batch = to_batch(items, offsets);
  batch.labels = to_labels(labels, label_offsets);
  const std::span<const Id> given = to_span(ids);
  return to_array(interruptible(index, Effect::waits, progress, [&](const Progress& watch) {
    return index.add(batch, given, watch);
  }));
}

void retrain(Index& index, const std::optional<Rows>& queries, const std::optional<Ids>& offsets,
             const py::object& progress) {
  const Batch query_rows = to_batch(queries, offsets);
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.retrain(query_rows, watch); });
}

void update(Index& index, const Ids& ids, const Rows& items, const std::optional<Ids>& offsets,
            const py::object& progress) {
  const Batch batch = to_batch(items, offsets);
  const std::span<const Id> given{ids.data(), static_cast<std::size_t>(ids.size())};
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.update(given, batch, watch); });
}

void compact(Index& index, const py::object& progress) {
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.compact(watch); });
}

std::size_t remove(Index& index, const Ids& ids) {
  const std::span<const Id> given{ids.data(), static_cast<std::size_t>(ids.size())};
  return unlocked(index, Effect::waits, [&] { return index.remove(given); });
}

/// SearchStats as bytes: a dict of them takes a part of the time of a small search, and few callers
/// look at it.
using PackedStats = std::array<std::uint64_t, 6>;

py::bytes packed(const SearchStats& stats) {
  const PackedStats values{stats.hops,  stats.distances, stats.reranked,
                           stats.exact, stats.allowed,   static_cast<std::uint64_t>(stats.plan)};
  return {reinterpret_cast<const char*>(values.data()), sizeof values};
}

py::typing::Dict<py::str, py::object> unpacked(const py::bytes& bytes) {
  PackedStats values{};
  const auto from = static_cast<std::string_view>(bytes);
  if (from.size() == sizeof values) std::memcpy(values.data(), from.data(), sizeof values);
  const auto& [hops, distances, reranked, exact, allowed, plan] = values;
  if (from.size() != sizeof values || plan > static_cast<std::uint64_t>(Plan::scan))
    throw std::invalid_argument("these are not the stats of a search");
  return py::dict(py::arg("hops") = hops, py::arg("distances") = distances,
                  py::arg("reranked") = reranked, py::arg("exact") = exact,
                  py::arg("allowed") = allowed, py::arg("plan") = name(static_cast<Plan>(plan)));
}

using Found =
    py::typing::Tuple<py::array_t<Id>, py::array_t<float>, std::optional<py::array_t<std::int64_t>>,
                      std::optional<py::array_t<bool>>, py::bytes>;

/// (ids (q, k), distances (q, k), counts (q,), complete (q,), stats); of one query without the axis
/// of the queries. counts: None if all are k. complete: None without a timeout, all are.
Found to_tuple(Neighbors&& found, bool one) {
  const auto queries = static_cast<py::ssize_t>(found.queries);
  std::vector<py::ssize_t> each;
  if (!one) each.push_back(queries);
  std::vector<py::ssize_t> all = each;
  all.push_back(static_cast<py::ssize_t>(found.k));
  std::optional<py::array_t<std::int64_t>> counts;
  if (!std::all_of(found.counts.begin(), found.counts.end(),
                   [&](std::size_t count) { return count == found.k; })) {
    counts.emplace(each);
    std::copy(found.counts.begin(), found.counts.end(), counts->mutable_data());
  }
  std::optional<py::array_t<bool>> complete;
  if (!found.complete.empty()) {
    complete.emplace(each);
    std::copy(found.complete.begin(), found.complete.end(), complete->mutable_data());
  }
  return py::make_tuple(to_array(std::move(found.ids), all),
                        to_array(std::move(found.distances), all), counts, complete,
                        packed(found.stats));
}

Found search(const Index& index, const Rows& queries, const std::optional<Ids>& offsets,
             std::size_t k, double recall, std::size_t beam, std::size_t rerank, float gamma,
             std::size_t reduced_dim, std::size_t candidates, float carving,
             const py::object& filter, std::string_view plan, std::int64_t timeout, bool exact,
             unsigned threads, const py::object& progress, bool one) {
  const Batch batch = to_batch(queries, offsets);
  Filter allowed = to_filter(filter);
  const Plan way = parse_plan(plan);
  auto found = interruptible(index, Effect::reads, progress, [&](const Progress& watch) {
    return index.search(batch, {.k = k,
                                .recall = recall,
                                .beam = beam,
                                .rerank = rerank,
                                .gamma = gamma,
                                .reduced_dim = reduced_dim,
                                .candidates = candidates,
                                .carving = carving,
                                .filter = std::move(allowed),
                                .plan = way,
                                .timeout = std::chrono::nanoseconds(timeout),
                                .exact = exact,
                                .threads = threads,
                                .progress = watch});
  });
  return to_tuple(std::move(found), one);
}

Found rerank(const Index& index, const Rows& queries, const std::optional<Ids>& offsets,
             const Ids& candidates, std::size_t k, float carving, unsigned threads,
             const py::object& progress, bool one) {
  const Batch batch = to_batch(queries, offsets);
  const std::span<const Id> given{candidates.data(), static_cast<std::size_t>(candidates.size())};
  auto found = interruptible(index, Effect::reads, progress, [&](const Progress& watch) {
    return index.rerank(batch, given,
                        {.k = k, .carving = carving, .threads = threads, .progress = watch});
  });
  return to_tuple(std::move(found), one);
}

/// (vectors of the item, dim)
py::array_t<float> get(const Index& index, Id id) {
  try {
    const std::size_t vectors =
        unlocked(index, Effect::reads, [&] { return index.vectors_of(id); });
    py::array_t<float> rows(
        {static_cast<py::ssize_t>(vectors), static_cast<py::ssize_t>(index.config().dim)});
    const std::span<float> out{rows.mutable_data(), static_cast<std::size_t>(rows.size())};
    unlocked(index, Effect::reads, [&] { index.get(id, out); });
    return rows;
  } catch (const std::out_of_range&) {
    PyErr_SetObject(PyExc_KeyError, py::int_(id).ptr());
    throw py::error_already_set();
  }
}

py::array_t<Label> labels(const Index& index, Id id) {
  try {
    return to_array(unlocked(index, Effect::reads, [&] { return index.labels_of(id); }));
  } catch (const std::out_of_range&) {
    PyErr_SetObject(PyExc_KeyError, py::int_(id).ptr());
    throw py::error_already_set();
  }
}

void set_labels(Index& index, const Ids& ids, const std::optional<Ids>& labels,
                const std::optional<Ids>& label_offsets) {
  const std::span<const Id> given{ids.data(), static_cast<std::size_t>(ids.size())};
  const Labels tags = to_labels(labels, label_offsets);
  unlocked(index, Effect::waits, [&] { index.set_labels(given, tags); });
}

py::array_t<Id> ids(const Index& index) {
  return to_array(unlocked(index, Effect::reads, [&] { return index.ids(); }));
}

py::bytes to_bytes(const Index& index) {
  const std::vector<std::byte> bytes =
      unlocked(index, Effect::waits, [&] { return index.to_bytes(); });
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Record stats(const Index& index) {
  const Stats now = unlocked(index, Effect::waits, [&] { return index.stats(); });
  Record result;
  result["size"] = now.size;
  result["removed"] = now.removed;
  result["free"] = now.free;
  result["duplicates"] = now.duplicates;
  result["levels"] = now.levels;
  result["mean_degree"] = now.mean_degree;
  result["trained"] = now.trained;
  result["reduced_dim"] = now.reduced_dim;
  result["quantizer"] = std::string(name(now.quantizer));
  result["trained_error"] = now.trained_error;
  result["added_error"] = now.added_error;
  result["clipped"] = now.clipped;
  result["vectors"] = now.vectors;
  result["mean_cosine"] = now.mean_cosine;
  result["occupancy"] = now.occupancy;
  result["bytes"] = now.bytes;
  result["bytes_rows"] = now.bytes_rows;
  result["bytes_secondary"] = now.bytes_secondary;
  result["bytes_graph"] = now.bytes_graph;
  result["bytes_ids"] = now.bytes_ids;
  result["bytes_tokens"] = now.bytes_tokens;
  result["bytes_device"] = now.bytes_device;
  result["layout_reason"] = now.layout_reason;
  result["tuned"] = to_list(now.tuned);
  return result;
}

Record fit_queries(Index& index, const Rows& queries, const std::optional<Ids>& offsets,
                   std::size_t beam, std::size_t neighbors, const py::object& progress) {
  const Batch batch = to_batch(queries, offsets);
  const Fitted fitted = interruptible(index, Effect::waits, progress, [&](const Progress& watch) {
    return index.fit_queries(batch, {.beam = beam, .neighbors = neighbors, .progress = watch});
  });
  Record result;
  result["links"] = fitted.links;
  result["refused"] = fitted.refused;
  return result;
}

void refine(Index& index, std::size_t beam, std::size_t rounds, const py::object& progress) {
  interruptible(index, Effect::waits, progress, [&](const Progress& watch) {
    index.refine({.beam = beam, .rounds = rounds, .progress = watch});
  });
}

Record tune_beam(Index& index, const Rows& queries, const std::optional<Ids>& offsets,
                 double recall, std::size_t k, const py::object& progress) {
  const Batch batch = to_batch(queries, offsets);
  return to_dict(interruptible(index, Effect::waits, progress, [&](const Progress& watch) {
    return tune(index, batch, recall, k, watch);
  }));
}

void set_defaults(Index& index, std::size_t beam, std::size_t rerank, std::size_t candidates,
                  float gamma) {
  unlocked(index, Effect::waits, [&] {
    index.set_defaults({.beam = beam, .rerank = rerank, .candidates = candidates, .gamma = gamma});
  });
}

void save(const Index& index, const py::bytes& path, const py::object& progress) {
  const std::filesystem::path file{std::string(path)};
  interruptible(index, Effect::waits, progress,
                [&](const Progress& watch) { index.save(file, watch); });
}

std::vector<std::string> check(const Index& index, const py::object& progress) {
  return interruptible(index, Effect::waits, progress,
                       [&](const Progress& watch) { return index.check(watch); });
}

/// source: a path, or the bytes of a file.
template <class Source>
std::unique_ptr<Index> load(const Source& source, LoadOptions options, const py::object& progress) {
  return watched(progress, [&](const Progress& watch) {
    options.progress = watch;
    const py::gil_scoped_release no_lock;
    return load_index(source, options);
  });
}

std::unique_ptr<Index> load_file(const py::bytes& path, bool mmap, bool verify, unsigned threads,
                                 const std::string& device, const py::object& progress) {
  const std::filesystem::path file{std::string(path)};
  return load(file, {mmap, verify, threads, parse_device(device)}, progress);
}

std::unique_ptr<Index> load_bytes(const Bytes& data, bool verify, unsigned threads,
                                  const std::string& device, const py::object& progress) {
  const std::span bytes =
      std::as_bytes(std::span{data.data(), static_cast<std::size_t>(data.size())});
  return load(bytes, {false, verify, threads, parse_device(device)}, progress);
}

}  // namespace

void bind_index(py::module_& module) {
  using py::arg;
  module.def("search_stats", &unpacked, arg("stats"));
  py::class_<Index>(module, "Index", "An index as C++ sees it; vecinal.Index is the class to use.")
      .def(py::init([](const Record& config) { return make_index(to_config(config)); }),
           arg("config"))
      .def("train", &train, arg("sample").noconvert(), arg("sample_offsets").noconvert(),
           arg("queries").noconvert(), arg("query_offsets").noconvert(), arg("progress"))
      .def("add", &add, arg("items").noconvert(), arg("offsets").noconvert(),
           arg("ids").noconvert(), arg("labels").noconvert(), arg("label_offsets").noconvert(),
           arg("progress"))
      .def("retrain", &retrain, arg("queries").noconvert(), arg("offsets").noconvert(),
           arg("progress"))
      .def("update", &update, arg("ids").noconvert(), arg("items").noconvert(),
           arg("offsets").noconvert(), arg("progress"))
      .def("compact", &compact, arg("progress"))
      .def("remove", &remove, arg("ids").noconvert())
      .def("search", &search, arg("queries").noconvert(), arg("offsets").noconvert(), arg("k"),
           arg("recall"), arg("beam"), arg("rerank"), arg("gamma"), arg("reduced_dim"),
           arg("candidates"), arg("carving"), arg("filter"), arg("plan"), arg("timeout"),
           arg("exact"), arg("threads"), arg("progress"), arg("one"))
      .def("rerank", &rerank, arg("queries").noconvert(), arg("offsets").noconvert(),
           arg("candidates").noconvert(), arg("k"), arg("carving"), arg("threads"), arg("progress"),
           arg("one"))
      .def("fit_queries", &fit_queries, arg("queries").noconvert(), arg("offsets").noconvert(),
           arg("beam"), arg("neighbors"), arg("progress"))
      .def("refine", &refine, arg("beam"), arg("rounds"), arg("progress"))
      .def("tune", &tune_beam, arg("queries").noconvert(), arg("offsets").noconvert(),
           arg("recall"), arg("k"), arg("progress"))
      .def("get", &get, arg("id"))
      .def("labels", &labels, arg("id"))
      .def("set_labels", &set_labels, arg("ids").noconvert(), arg("labels").noconvert(),
           arg("label_offsets").noconvert())
      .def("size", &Index::size, without_lock())
      .def("contains", &Index::contains, arg("id"), without_lock())
      .def("ids", &ids)
      .def("defaults", [](const Index& index) { return to_dict(index.defaults()); })
      .def("set_defaults", &set_defaults, arg("beam"), arg("rerank"), arg("candidates"),
           arg("gamma"))
      .def("save", &save, arg("path"), arg("progress"))
      .def("to_bytes", &to_bytes)
      .def("stats", &stats)
      .def("config", [](const Index& index) { return to_dict(index.config()); })
      .def("check", &check, arg("progress"));
  module.def("load_file", &load_file, arg("path"), arg("mmap"), arg("verify"), arg("threads"),
             arg("device"), arg("progress"));
  module.def("load_bytes", &load_bytes, arg("data").noconvert(), arg("verify"), arg("threads"),
             arg("device"), arg("progress"));
}

}  // namespace vecinal::python
