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

}  // namespace

Config to_config(const Record& record) {
  return {.dim = value_of<std::size_t>(record, "dim"),
          .metric = parse_metric(name_of(record, "metric")),
          .encoding = parse_encoding(name_of(record, "encoding")),
          .reduction = parse_reduction(name_of(record, "reduce")),
          .reduced_dim = value_of<std::size_t>(record, "reduced_dim"),
          .quantizer = parse_quantizer(name_of(record, "quantizer")),
          .keep = parse_keep(name_of(record, "keep")),
          .graph = parse_graph(name_of(record, "graph")),
          .degree = value_of<std::uint32_t>(record, "degree"),
          .build_beam = value_of<std::uint32_t>(record, "build_beam"),
          .order = parse_order(name_of(record, "order")),
          .seed = value_of<std::uint64_t>(record, "seed"),
          .threads = value_of<unsigned>(record, "threads")};
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
  result["graph"] = name_or_none(name(config.graph));
  result["degree"] = config.degree;
  result["build_beam"] = config.build_beam;
  result["order"] = std::string(name(config.order));
  result["threads"] = config.threads;
  result["seed"] = config.seed;
  return result;
}

}  // namespace vecinal::python
