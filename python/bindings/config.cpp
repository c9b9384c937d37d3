/// Config and dict: Python's names, where None stands for "none" and for a number that is chosen.
#include "vecinal/config.hpp"

#include <string>
#include <string_view>

#include "bindings.hpp"

namespace vecinal::python {
namespace {

namespace py = pybind11;

py::object name_or_none(std::string_view name) {
  if (name == "none") return py::none();
  return py::str(std::string(name));
}

template <class Value>
Value value_of(const Record& record, const char* key) {
  return py::object(record[key]).cast<Value>();
}

std::string name_of(const Record& record, const char* key) {
  return value_of<std::string>(record, key);
}

/// Told to Python's warnings, which may raise.
void warn(std::string_view text) {
  const py::gil_scoped_acquire locked;
  if (PyErr_WarnEx(PyExc_UserWarning, std::string(text).c_str(), 1) != 0)
    throw py::error_already_set();
}

}  // namespace

FdeParams to_fde(const Record& record) {
  return {.k_sim = value_of<std::uint32_t>(record, "k_sim"),
          .projected_dim = value_of<std::size_t>(record, "projected_dim"),
          .projection = parse_projection(name_of(record, "projection")),
          .repetitions = value_of<std::uint32_t>(record, "repetitions"),
          .final_dim = value_of<std::size_t>(record, "final_dim"),
          .fill_empty = value_of<bool>(record, "fill_empty")};
}

Record to_dict(const FdeParams& params) {
  Record result;
  result["k_sim"] = params.k_sim;
  result["projected_dim"] = params.projected_dim;
  result["projection"] = std::string(name(params.projection));
  result["repetitions"] = params.repetitions;
  result["final_dim"] = params.final_dim;
  result["fill_empty"] = params.fill_empty;
  return result;
}

Record to_dict(const SearchDefaults& defaults) {
  Record result;
  result["beam"] = defaults.beam;
  result["rerank"] = defaults.rerank;
  result["candidates"] = defaults.candidates;
  result["gamma"] = defaults.gamma;
  return result;
}

Record to_dict(const Tuned& tuned) {
  Record result = to_dict(tuned.defaults);
  result["target"] = tuned.target;
  result["k"] = tuned.k;
  result["recall"] = tuned.recall;
  result["checked_recall"] = tuned.checked_recall;
  result["checked_low"] = tuned.checked_low;
  result["checked_high"] = tuned.checked_high;
  result["items"] = tuned.items;
  return result;
}

py::list to_list(const std::vector<Tuned>& rows) {
  py::list result;
  for (const Tuned& row : rows) result.append(to_dict(row));
  return result;
}

Config to_config(const Record& record) {
  return {.dim = value_of<std::size_t>(record, "dim"),
          .metric = parse_metric(name_of(record, "metric")),
          .encoding = parse_encoding(name_of(record, "encoding")),
          .reduction = parse_reduction(name_of(record, "reduce")),
          .reduced_dim = value_of<std::size_t>(record, "reduced_dim"),
          .quantizer = parse_quantizer(name_of(record, "quantizer")),
          .keep = parse_keep(name_of(record, "keep")),
          .fde = to_fde(value_of<py::dict>(record, "fde")),
          .tokens = parse_encoding(name_of(record, "tokens")),
          .pooling = value_of<std::uint32_t>(record, "pooling"),
          .layout = parse_layout(name_of(record, "layout")),
          .graph = parse_graph(name_of(record, "graph")),
          .degree = value_of<std::uint32_t>(record, "degree"),
          .build_beam = value_of<std::uint32_t>(record, "build_beam"),
          .order = parse_order(name_of(record, "order")),
          .seed = value_of<std::uint64_t>(record, "seed"),
          .threads = value_of<unsigned>(record, "threads"),
          .device = parse_device(name_of(record, "device")),
          .memory_limit = value_of<std::size_t>(record, "memory_limit"),
          .warn = warn};
}

Record to_dict(const Config& config) {
  Record result;
  result["dim"] = config.dim;
  result["metric"] = std::string(name(config.metric));
  result["encoding"] = std::string(name(config.encoding));
  result["reduce"] = name_or_none(name(config.reduction));
  result["reduced_dim"] =
      config.reduced_dim == 0 ? py::object(py::none()) : py::int_(config.reduced_dim);
  result["quantizer"] = std::string(name(config.quantizer));
  result["keep"] = name_or_none(name(config.keep));
  if (config.metric == Metric::chamfer) {
    result["fde"] = to_dict(config.fde);
    result["tokens"] = std::string(name(config.tokens));
    result["pooling"] = config.pooling;
  }
  result["layout"] = std::string(name(config.layout));
  result["graph"] = name_or_none(name(config.graph));
  result["degree"] = config.degree;
  result["build_beam"] = config.build_beam;
  result["order"] = std::string(name(config.order));
  result["threads"] = config.threads;
  result["memory_limit"] = config.memory_limit;
  result["device"] = std::string(name(config.device));
  result["seed"] = config.seed;
  return result;
}

}  // namespace vecinal::python
