// VectorIndex to sections and back (docs/file-format.md).
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/concat.hpp"
#include "core/dot.hpp"
#include "core/file_io.hpp"
#include "core/section_file.hpp"
#include "index/array_reader.hpp"
#include "index/index_file.hpp"
#include "index/row_sections.hpp"
#include "index/train.hpp"
#include "index/vector_index.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

std::string level_tag(std::uint32_t level, const char* part) {
  return concat("l", level < 10 ? "0" : "", level, part);
}

/// A matrix of a model, none of whose values is larger than `most`.
Matrix read_matrix(const SectionReader& reader, const char* tag, std::size_t rows, std::size_t cols,
                   float most) {
  Matrix matrix(rows, cols);
  const auto values = reader.array<float>(tag, rows * matrix.stride());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool padding = i % matrix.stride() >= cols;
    if (!(std::fabs(values[i]) <= (padding ? 0.0F : most)))
      throw FormatError(concat("section ", tag, ": a value is out of range"));
    matrix.row(0)[i] = values[i];
  }
  return matrix;
}

/// Reads the graph; returns the number of sections that took.
std::size_t read_graph(ArrayReader& arrays, const ConfigSection& section, Graph& graph) {
  std::size_t sections = 0;
  arrays.read("parents", section.slots, graph.parents());
  arrays.read("twins", section.slots, graph.twins());
  sections += 2;
  for (std::uint32_t level = 0; level < section.levels; ++level) {
    Layer& layer = graph.layer(level);
    std::uint64_t nodes = section.slots;
    if (level > 0) {
      nodes = arrays.sections().section(level_tag(level, "slots")).data.size() / sizeof(Slot);
      arrays.read(level_tag(level, "slots"), nodes, layer.slots());
      arrays.read(level_tag(level, "down"), nodes, layer.down());
      sections += 2;
    }
    arrays.read(level_tag(level, "links"), nodes * layer.degree(), layer.links());
    sections += 1;
    layer.publish(nodes);
    layer.find_free();
    const std::span<const Slot> above = layer.slots().view();
    if (level > 0 && std::count(above.begin(), above.end(), no_slot) == std::ssize(above))
      throw FormatError(concat("graph level ", level, " is empty"));
  }
  if (section.levels == 0) {  // all items were removed
    graph.layer(0).grow(section.slots);
    graph.layer(0).publish(section.slots);
  }
  for (Slot slot = 0; slot < section.slots; ++slot)
    if (graph.parent(slot) == slot) graph.set_root(slot);
  graph.set_levels(section.levels);
  graph.find_twins();
  return sections;
}

/// For ModelSection::rotated.
std::uint8_t rotation_code(const Model& model) {
  if (!model.rotated()) return 0;
  return model.filled_dim() == kernels::padded_codes(model.walk_dim()) ? 1 : 2;
}

/// Reads labels, if there are any; returns the number of sections that took.
std::size_t read_labels(ArrayReader& arrays, std::uint64_t slots, LabelColumn& labels) {
  if (!arrays.sections().has("lends")) return 0;
  const auto count_of = [&](std::string_view tag) {
    return arrays.sections().section(tag).data.size() / 8;
  };
  arrays.read("labels", slots, labels.numbers());
  arrays.read("lends", count_of("lends"), labels.ends());
  arrays.read("lvalues", count_of("lvalues"), labels.values());
  if (const std::string fault = labels.adopt(slots); !fault.empty())
    throw FormatError(concat("section ", fault));
  return 3;
}

}  // namespace

void validate_storage(const char* tag, const Storage& storage, double longest,
                      const Stretch& watch) {
  const std::size_t padded = storage.padded_dim();
  AlignedFloats row(2 * padded);
  for (Slot slot = 0; slot < storage.size(); ++slot) {
    watch.step(slot, storage.size());
    storage.decode(slot, row.data(), row.data() + padded);
    double squared = std::fabs(static_cast<double>(storage.bias(slot)));
    if (!(squared <= longest * longest * 4))
      throw FormatError(concat("section ", tag, ": the bias of row ", slot, " is out of range"));
    squared = dot(row.data(), row.data(), padded);
    if (!(squared <= longest * longest) || squared > 2 * max_squared_norm)
      throw FormatError(
          concat("section ", tag, ": row ", slot, " is not finite or longer than the file says"));
    if (storage.codec().is_code()) continue;
    for (std::size_t d = storage.dim(); d < padded; ++d)
      if (std::bit_cast<std::uint32_t>(row.data()[d]) != 0)
        throw FormatError(concat("section ", tag, ": the padding of row ", slot, " is not zero"));
  }
}

void save_sections(const SectionWriter& sections, const std::filesystem::path& file,
                   ProgressMeter& meter) {
  replace_file(file, [&](const auto& sink) { sections.write(sink, Stretch(meter)); });
}

std::vector<std::byte> bytes_of(const SectionWriter& sections, const Stretch& watch) {
  std::vector<std::byte> bytes;
  bytes.reserve(sections.size());
  sections.write(
      [&](std::span<const std::byte> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
      },
      watch);
  return bytes;
}

void SavedIndex::save(const std::filesystem::path& file, const Progress& progress) const {
  write_sections([&](const SectionWriter& sections) {
    ProgressMeter meter(progress, sections.size());
    save_sections(sections, file, meter);
    meter.finish();
  });
}

std::vector<std::byte> SavedIndex::to_bytes(const Progress& progress) const {
  std::vector<std::byte> bytes;
  write_sections([&](const SectionWriter& sections) {
    ProgressMeter meter(progress, sections.size());
    bytes = bytes_of(sections, Stretch(meter));
    meter.finish();
  });
  return bytes;
}

Model read_model(const SectionReader& reader, const Config& config, std::size_t& sections) {
  const ModelSection section = reader.array<ModelSection>("model", 1)[0];
  const auto fail = [](const char* what) { throw FormatError(concat("section model: ", what)); };
  const bool floats = has_float_rows(config.encoding);
  if (section.walk_dim < 1 || section.walk_dim > config.dim) fail("walk_dim is out of range");
  if (config.reduction == Reduction::none && section.walk_dim != config.dim)
    fail("walk_dim is not dim, and there is no reduction");
  if (config.reduced_dim != 0 && section.walk_dim != config.reduced_dim)
    fail("walk_dim is not the configured one");
  if (section.rotated > (floats ? 0 : 2) || section.fitted > (floats ? 0 : 1) ||
      section.reserved[0] != 0 || section.reserved[1] != 0)
    fail("a flag is out of range");
  for (const double value : {section.trained_error, section.squared_error, section.squared_norm})
    if (!(value >= 0) || std::isinf(value)) fail("an error is out of range");
  Model::Parts parts;
  const auto mean = reader.array<float>("mean", config.dim);
  parts.mean.assign(mean.begin(), mean.end());
  const auto limit = static_cast<float>(std::sqrt(max_squared_norm));
  for (const float value : parts.mean)
    if (!(std::fabs(value) <= limit)) throw FormatError("section mean: a value is out of range");
  parts.walk_dim = section.walk_dim;
  parts.reduced = config.reduction != Reduction::none;
  const std::size_t rotated[] = {0, kernels::padded_codes(parts.walk_dim),
                                 kernels::grouped_signs(parts.walk_dim)};
  parts.rotated_dim = rotated[section.rotated];
  parts.fitted = section.fitted != 0;
  parts.seed = section.seed;
  parts.trained_error = section.trained_error;
  sections += 2;
  const bool ood = config.reduction == Reduction::leanvec_ood;
  if (ood || config.reduction == Reduction::pca) {
    // Unit directions; queries are scaled by what they predict of the rest, which has no such
    // bound.
    parts.data = read_matrix(reader, "dirs", parts.walk_dim, config.dim, 1.01F);
    ++sections;
  }
  if (ood) {
    parts.query = read_matrix(reader, "qdirs", parts.walk_dim, config.dim, 1e15F);
    ++sections;
  }
  return Model(std::move(parts));
}

ConfigSection read_config(const SectionReader& reader) {
  SectionReader::verify(reader.section("config"));
  ConfigSection section = reader.array<ConfigSection>("config", 1)[0];
  const auto fail = [](const char* what) { throw FormatError(concat("section config: ", what)); };
  if (section.metric >= static_cast<std::uint8_t>(Metric::chamfer))
    fail("the metric is out of range");
  try {
    validate(section.config());
  } catch (const std::invalid_argument& wrong) {
    fail(wrong.what());
  }
  if (section.layout == static_cast<std::uint8_t>(Layout::automatic) &&
      (section.trained != 0 || section.slots != 0))
    fail("the layout is open, and there are rows or training");
  if (section.slots > (std::uint64_t{1} << 31U) - 2) fail("too many rows");
  if (section.live > section.slots) fail("more items than rows");
  if (section.beam < 1 || section.beam > 1'000'000) fail("beam is out of range");
  if (section.next_id < 0) fail("the next id is negative");
  if (section.levels > max_levels) fail("too many levels");
  const bool flat = section.graph == static_cast<std::uint8_t>(GraphKind::none);
  if (section.levels == 0 ? section.live != 0 && !flat : section.slots == 0 || flat)
    fail("the number of levels does not go with the rows");
  if (!(section.max_norm >= 0) || std::isinf(section.max_norm))
    fail("the longest row is out of range");
  for (const std::uint8_t byte : section.reserved)
    if (byte != 0) fail("a reserved byte is set");
  if (!(section.gamma >= 0 && section.gamma <= max_gamma)) fail("gamma is out of range");
  if (section.rerank > 1'000'000) fail("rerank is out of range");
  if (section.trained > (needs_training(section.config()) ? 1 : 0)) fail("trained is out of range");
  if (section.trained == 0 && section.slots != 0 && needs_training(section.config()))
    fail("there are rows but no model that made them");
  return section;
}

std::optional<LogSection> read_log_section(const SectionReader& reader) {
  if (!reader.has("log")) return std::nullopt;
  SectionReader::verify(reader.section("log"));
  return reader.array<LogSection>("log", 1)[0];
}

ConfigSection VectorIndex::config_section() const {
  ConfigSection section{};
  section.dim = static_cast<std::uint32_t>(config_.dim);
  section.metric = static_cast<std::uint8_t>(config_.metric);
  section.encoding = static_cast<std::uint8_t>(config_.encoding);
  section.graph = static_cast<std::uint8_t>(config_.graph);
  section.order = static_cast<std::uint8_t>(config_.order);
  section.degree = config_.degree;
  section.build_beam = config_.build_beam;
  section.seed = config_.seed;
  section.slots = rows_->size();
  section.live = size();
  section.beam = static_cast<std::uint32_t>(defaults().beam);
  section.rerank = static_cast<std::uint32_t>(defaults().rerank);
  section.reduction = static_cast<std::uint8_t>(config_.reduction);
  section.quantizer = static_cast<std::uint8_t>(config_.quantizer);
  section.keep = static_cast<std::uint8_t>(config_.keep);
  section.gamma = defaults().gamma;
  section.layout = static_cast<std::uint8_t>(config().layout);
  section.trained = trained_ && needs_training(config_) ? 1 : 0;
  section.reduced_dim = static_cast<std::uint32_t>(config_.reduced_dim);
  section.next_id = ids_.next_id();
  section.levels = graph_.levels();
  section.max_norm = max_norm_.load();
  return section;
}

void VectorIndex::write_sections(const std::function<void(SectionWriter&)>& use) const {
  const std::lock_guard writer(writer_);
  // Tails that a call left half written which failed: whoever loads the file relies on them.
  if (rows_->fused() != nullptr && !fused_ready_.load() && rows_->size() != 0)
    write_tails(nodes_with({}, rows_->size()));
  const ConfigSection section = config_section();
  SectionWriter sections;
  sections.add_array("config", std::span<const ConfigSection>(&section, 1));
  sections.add_array("ids", ids_.ids().view());
  sections.add_array("live", std::span<const std::uint64_t>(population_->words));
  if (labels_.sets() > 1) {
    sections.add_array("labels", labels_.numbers().view());
    sections.add_array("lends", labels_.ends().view());
    sections.add_array("lvalues", labels_.values().view());
  }
  const std::vector<TunedSection> tuned = tuned_sections(tuned_rows());
  if (!tuned.empty()) sections.add_array("tuned", std::span<const TunedSection>(tuned));
  sections.add_array(walked_tag(*rows_), rows_->walked().raw().view());
  if (rows_->two()) sections.add_array("rows2", rows_->ranking().raw().view());
  const Model& model = rows_->model();
  const ModelSection learned{.walk_dim = static_cast<std::uint32_t>(model.walk_dim()),
                             .rotated = rotation_code(model),
                             .fitted = static_cast<std::uint8_t>(model.fitted()),
                             .reserved = {},
                             .seed = model.seed(),
                             .trained_error = model.trained_error(),
                             .squared_error = drift_.squared_error,
                             .squared_norm = drift_.squared_norm,
                             .values = drift_.values,
                             .clipped = drift_.clipped};
  if (section.trained != 0) {
    sections.add_array("model", std::span<const ModelSection>(&learned, 1));
    sections.add_array("mean", std::span<const float>(model.mean()));
    if (!model.data().empty()) sections.add_array("dirs", model.data().values());
    if (!model.query().empty()) sections.add_array("qdirs", model.query().values());
  }
  if (config_.graph == GraphKind::hnsw) {
    sections.add_array("parents", graph_.parents().view());
    sections.add_array("twins", graph_.twins().view());
    for (std::uint32_t level = 0; level < graph_.levels(); ++level) {
      const Layer& layer = graph_.layer(level);
      sections.add_array(level_tag(level, "links"), layer.links().view());
      if (level == 0) continue;
      sections.add_array(level_tag(level, "slots"), layer.slots().view());
      sections.add_array(level_tag(level, "down"), layer.down().view());
    }
  }
  use(sections);
}

std::unique_ptr<VectorIndex> VectorIndex::load(const Loading& loading, std::size_t others) {
  const Config config = loading.complete(read_config(loading.reader).config());
  auto index = std::make_unique<VectorIndex>(config);
  index->read_sections(loading, others);
  return index;
}

void VectorIndex::read_sections(const Loading& loading, std::size_t others) {
  const SectionReader& reader = loading.reader;
  ArrayReader arrays(reader, loading.file, loading.watch.part(0, .15));
  const ConfigSection section = read_config(reader);
  std::size_t known = 3 + others + (read_log_section(reader) ? 1 : 0);
  if (section.trained != 0) {
    publish(std::make_unique<Rows>(config_, read_model(reader, config_, known)), true);
    const ModelSection model = reader.array<ModelSection>("model", 1)[0];
    drift_ = {model.squared_error, model.squared_norm, model.values, model.clipped};
  }
  const std::uint64_t slots = section.slots;
  arrays.read("ids", slots, ids_.ids());
  auto population = std::make_unique<Population>();
  const auto live = reader.array<std::uint64_t>("live", (slots + 63) / 64);
  population->words.assign(live.begin(), live.end());
  population->slots = slots;
  population->count = section.live;
  if (TunedRows tuned = read_tuned(reader, others != 0); !tuned.empty()) {
    publish(std::make_unique<const TunedRows>(std::move(tuned)));
    ++known;
  }
  known += read_labels(arrays, slots, labels_);
  const RowSections rows = read_rows(arrays, slots, config_.degree, *rows_);
  known += rows.count;
  max_norm_ = section.max_norm;
  if (config_.graph == GraphKind::hnsw) known += read_graph(arrays, section, graph_);
  if (reader.sections().size() != known)
    throw FormatError("table: there are sections this version does not know");
  if (slots % 64 != 0 && population->words[slots / 64] >> (slots % 64) != 0)
    throw FormatError("section live: bits past the last row are set");
  ids_.set_next_id(section.next_id);
  if (section.levels != 0)
    for (Slot slot = 0; slot < slots; ++slot)
      if (!population->contains(slot) && graph_.twin(slot) != no_slot) population->keep_node(slot);
  publish(std::move(population));
  for (std::size_t slot = slots; slot-- > 0;)
    if (!population_->contains(static_cast<Slot>(slot)) &&
        (section.levels == 0 || !graph_.holds(static_cast<Slot>(slot))))
      free_.push_back(static_cast<Slot>(slot));
  beam_ = section.beam;
  rerank_ = section.rerank;
  gamma_ = section.gamma;
  ids_.rebuild([&](Slot slot) { return population_->contains(slot); });
  if (const auto found = faults(loading.watch.part(.15, .7)); !found.empty())
    throw FormatError(found.front());
  if (loading.options.verify) validate_rows(loading.watch.part(.7, 1));
  if (rows_->fused() != nullptr && slots != 0)
    write_tails(rows.tails ? std::vector<ChangedRow>() : nodes_with({}, slots));
}

void VectorIndex::validate_rows(const Stretch& watch) const {
  const double longest = static_cast<double>(max_norm_.load()) * 1.001 + 1e-30;
  validate_storage(walked_tag(*rows_), rows_->walked(), longest, watch.part(0, .5));
  for (Slot slot = 0; rows_->fused() != nullptr && slot < rows_->size(); ++slot)
    if (!rows_->fused()->sound(rows_->walked().row(slot)))
      throw FormatError(concat("section fused: what follows row ", slot, " is not finite"));
  if (rows_->two()) validate_storage("rows2", rows_->ranking(), longest, watch.part(.5, 1));
}

}  // namespace vecinal
