// Names and ranges of the configuration.
#include "vecinal/config.hpp"

#include <array>
#include <stdexcept>
#include <string>

#include "core/concat.hpp"
#include "index/multi_vector_index.hpp"
#include "index/rows.hpp"
#include "kernels/kernels.hpp"
#include "vecinal/fde.hpp"
#include "vecinal/index.hpp"

namespace vecinal {
namespace {

constexpr std::array<std::string_view, 4> metric_names = {"l2", "ip", "cosine", "chamfer"};
constexpr std::array<std::string_view, 7> encoding_names = {"f32",    "f16",    "lvq8",  "lvq4",
                                                            "lvq4x4", "lvq4x8", "lvq8x8"};
constexpr std::array<std::string_view, 4> reduction_names = {"none", "pca", "leanvec_ood",
                                                             "prefix"};
constexpr std::array<std::string_view, 5> quantizer_names = {"auto", "plain", "fitted", "rotated",
                                                             "rotated_fitted"};
constexpr std::array<std::string_view, 3> keep_names = {"none", "f16", "f32"};
/// The directions of a learned reduction come from dim x dim matrices.
constexpr std::size_t max_learned_dim = 8192;

constexpr std::array<std::string_view, 3> layout_names = {"split", "fused", "auto"};
constexpr std::array<std::string_view, 2> graph_names = {"hnsw", "none"};
constexpr std::array<std::string_view, 3> order_names = {"given", "shuffled", "lid"};
constexpr std::array<std::string_view, 5> plan_names = {"auto", "walk", "inside", "bridge", "scan"};
constexpr std::array<std::string_view, 2> projection_names = {"sparse", "dense"};
constexpr std::array<std::string_view, 2> device_names = {"cpu", "cuda"};

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

/// Fields that are sound alone but not together.
void validate_rows(const Config& config) {
  const bool floats = has_float_rows(config.encoding);
  const bool one_level = config.encoding == Encoding::lvq8 || config.encoding == Encoding::lvq4;
  require(config.keep == Keep::none || one_level, "keep",
          "none unless the encoding is lvq8 or lvq4", name(config.keep));
  require(config.reduction != Reduction::none || config.reduced_dim == 0, "reduced_dim",
          "0 without a reduction", config.reduced_dim);
  require(config.reduced_dim <= config.dim, "reduced_dim", "at most dim", config.reduced_dim);
  require(config.reduction == Reduction::none || config.reduction == Reduction::prefix ||
              config.dim <= max_learned_dim,
          "dim", concat("at most ", max_learned_dim, " with a learned reduction").c_str(),
          config.dim);
  require(config.reduction != Reduction::leanvec_ood || !floats ||
              config.metric == Metric::inner_product,
          "encoding", "an lvq encoding for leanvec_ood with l2 or cosine", name(config.encoding));
  require(config.quantizer == Quantizer::automatic || !floats, "quantizer",
          "auto unless the encoding is an lvq one", name(config.quantizer));
}

void validate_fused(const Config& config) {
  require(!has_float_rows(config.encoding), "encoding",
          "an lvq encoding with the fused layout (lvq8 with keep f32 ranks by float32 rows)",
          name(config.encoding));
  require(config.graph == GraphKind::hnsw, "graph", "hnsw with the fused layout",
          name(config.graph));
  require(config.degree % kernels::sign_lanes == 0, "degree",
          "a multiple of 32 with the fused layout", config.degree);
  require(config.quantizer == Quantizer::automatic || config.quantizer == Quantizer::rotated ||
              config.quantizer == Quantizer::rotated_fitted,
          "quantizer", "auto, rotated or rotated_fitted with the fused layout",
          name(config.quantizer));
  const std::size_t walked = config.reduced_dim != 0 ? config.reduced_dim : config.dim;
  require(walked <= kernels::max_sign_dim, "dim",
          "at most 4,096 after the reduction with the fused layout", walked);
}

/// What a set's encoding goes through is checked as the index of the encodings.
void validate_sets_config(const Config& config) {
  require(config.tokens == Encoding::f32 || config.tokens == Encoding::f16 ||
              config.tokens == Encoding::lvq8 || config.tokens == Encoding::lvq8x8,
          "tokens", "f32, f16, lvq8 or lvq8x8", name(config.tokens));
  require(config.pooling >= 1 && config.pooling <= 64, "pooling", "1 to 64", config.pooling);
  const std::size_t encoded = encoded_dim(config.dim, config.fde);
  require(encoded <= 65536, "fde", "of at most 65,536 values; use final_dim", encoded);
  validate(encodings_config(config));
}

}  // namespace

Config validated(const Config& config) {
  validate(config);
  return config;
}

Config encodings_config(const Config& config) {
  Config inner = config;
  inner.dim = encoded_dim(config.dim, config.fde);
  inner.metric = Metric::inner_product;
  return inner;
}

void validate(const SearchDefaults& defaults) {
  constexpr std::size_t most = 1'000'000;
  require(defaults.beam >= 1 && defaults.beam <= most, "beam", "1 to 1,000,000", defaults.beam);
  require(defaults.rerank <= most, "rerank", "at most 1,000,000", defaults.rerank);
  require(defaults.gamma >= 0 && defaults.gamma <= max_gamma, "gamma", "0 to 1,000",
          defaults.gamma);
  require(defaults.candidates <= most, "candidates", "at most 1,000,000", defaults.candidates);
}

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
  require(known(name(config.reduction)), "reduction", "a known reduction",
          static_cast<int>(config.reduction));
  require(known(name(config.quantizer)), "quantizer", "a known quantizer",
          static_cast<int>(config.quantizer));
  require(known(name(config.keep)), "keep", "known", static_cast<int>(config.keep));
  require(known(name(config.layout)), "layout", "a known layout", static_cast<int>(config.layout));
  require(known(name(config.graph)), "graph", "a known graph", static_cast<int>(config.graph));
  require(known(name(config.order)), "order", "a known order", static_cast<int>(config.order));
  if (config.metric == Metric::chamfer) {
    validate_sets_config(config);
    return;
  }
  validate_rows(config);
  if (config.layout == Layout::fused) validate_fused(config);
}

std::string_view name(Metric metric) { return lookup(metric_names, metric); }
std::string_view name(Encoding encoding) { return lookup(encoding_names, encoding); }
std::string_view name(Reduction reduction) { return lookup(reduction_names, reduction); }
std::string_view name(Quantizer quantizer) { return lookup(quantizer_names, quantizer); }
std::string_view name(Keep keep) { return lookup(keep_names, keep); }
std::string_view name(Layout layout) { return lookup(layout_names, layout); }
std::string_view name(GraphKind graph) { return lookup(graph_names, graph); }
std::string_view name(InsertionOrder order) { return lookup(order_names, order); }
std::string_view name(InnerProjection projection) { return lookup(projection_names, projection); }
std::string_view name(Plan plan) { return lookup(plan_names, plan); }
Plan parse_plan(std::string_view text) { return parse<Plan>("plan", plan_names, text); }
Metric parse_metric(std::string_view text) { return parse<Metric>("metric", metric_names, text); }
Encoding parse_encoding(std::string_view text) {
  return parse<Encoding>("encoding", encoding_names, text);
}
Reduction parse_reduction(std::string_view text) {
  return parse<Reduction>("reduce", reduction_names, text);
}
Quantizer parse_quantizer(std::string_view text) {
  return parse<Quantizer>("quantizer", quantizer_names, text);
}
Keep parse_keep(std::string_view text) { return parse<Keep>("keep", keep_names, text); }
Layout parse_layout(std::string_view text) { return parse<Layout>("layout", layout_names, text); }
GraphKind parse_graph(std::string_view text) {
  return parse<GraphKind>("graph", graph_names, text);
}
InsertionOrder parse_order(std::string_view text) {
  return parse<InsertionOrder>("order", order_names, text);
}

InnerProjection parse_projection(std::string_view text) {
  return parse<InnerProjection>("projection", projection_names, text);
}

std::string_view name(Device device) { return lookup(device_names, device); }
Device parse_device(std::string_view text) { return parse<Device>("device", device_names, text); }

std::string_view version() { return VECINAL_VERSION; }

}  // namespace vecinal
