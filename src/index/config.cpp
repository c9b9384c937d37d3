// Names and ranges of the configuration.
#include "vecinal/config.hpp"

#include <array>
#include <stdexcept>
#include <string>

#include "core/concat.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::array<std::string_view, 3> metric_names = {"l2", "ip", "cosine"};
constexpr std::array<std::string_view, 2> encoding_names = {"f32", "f16"};
constexpr std::array<std::string_view, 2> graph_names = {"hnsw", "none"};
constexpr std::array<std::string_view, 3> order_names = {"given", "shuffled", "lid"};

template <class Enum, std::size_t N>
Enum parse(const char* field, const std::array<std::string_view, N>& names, std::string_view text) {
  std::string accepted;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
    accepted += concat(i == 0 ? "" : ", ", "\"", names[i], "\"");
  }
  throw std::invalid_argument(concat(field, ": \"", text, "\" is unknown; use one of ", accepted));
}

template <class Enum, std::size_t N>
std::string_view lookup(const std::array<std::string_view, N>& names, Enum value) {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? names[i] : std::string_view("?");
}

template <class Value>
void require(bool holds, const char* field, const char* rule, const Value& value) {
  if (!holds)
    throw std::invalid_argument(concat("config: ", field, " must be ", rule, ", got ", value));
}

}  // namespace

void validate(const Config& config) {
  require(config.dim >= 1 && config.dim <= 65536, "dim", "1 to 65,536", config.dim);
  require(config.degree >= 4 && config.degree <= 256 && config.degree % 2 == 0, "degree",
          "even and 4 to 256", config.degree);
  require(config.build_beam >= 1 && config.build_beam <= 1'000'000, "build_beam", "1 to 1,000,000",
          config.build_beam);
  require(config.threads <= 4096, "threads", "at most 4,096", config.threads);
  const auto known = [](std::string_view text) { return text != "?"; };
  require(known(name(config.metric)), "metric", "a known metric", static_cast<int>(config.metric));
  require(known(name(config.encoding)), "encoding", "a known encoding",
          static_cast<int>(config.encoding));
  require(known(name(config.graph)), "graph", "a known graph", static_cast<int>(config.graph));
  require(known(name(config.order)), "order", "a known order", static_cast<int>(config.order));
}

std::string_view name(Metric metric) { return lookup(metric_names, metric); }
std::string_view name(Encoding encoding) { return lookup(encoding_names, encoding); }
std::string_view name(GraphKind graph) { return lookup(graph_names, graph); }
std::string_view name(InsertionOrder order) { return lookup(order_names, order); }
Metric parse_metric(std::string_view text) { return parse<Metric>("metric", metric_names, text); }
Encoding parse_encoding(std::string_view text) {
  return parse<Encoding>("encoding", encoding_names, text);
}
GraphKind parse_graph(std::string_view text) {
  return parse<GraphKind>("graph", graph_names, text);
}
InsertionOrder parse_order(std::string_view text) {
  return parse<InsertionOrder>("order", order_names, text);
}

std::string_view version() { return VECINAL_VERSION; }

}  // namespace vecinal
