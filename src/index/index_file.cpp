// VectorIndex to sections and back (docs/file-format.md).
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/concat.hpp"
#include "core/file_io.hpp"
#include "core/section_file.hpp"
#include "index/index_file.hpp"
#include "index/vector_index.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

std::string level_tag(std::uint32_t level, const char* part) {
  return concat("l", level < 10 ? "0" : "", level, part);
}

/// Copies a section into an array, or maps it where it is large enough to start on a page.
template <class T>
void read_array(const SectionReader& reader, std::string_view tag, std::uint64_t count, int file,
                GrowableArray<T>& array) {
  const auto values = reader.array<T>(tag, count);
  if (file >= 0 && values.size_bytes() >= mappable_bytes) {
    array.map(file, reader.section(tag).offset, values.size());
    return;
  }
  array.resize(values.size());
  std::copy(values.begin(), values.end(), array.data());
}

}  // namespace

ConfigSection read_config(const SectionReader& reader) {
  SectionReader::verify(reader.section("config"));
  ConfigSection section = reader.array<ConfigSection>("config", 1)[0];
  const auto fail = [](const char* what) { throw FormatError(concat("section config: ", what)); };
  try {
    validate(section.config());
  } catch (const std::invalid_argument& wrong) {
    fail(wrong.what());
  }
  if (section.slots > (std::uint64_t{1} << 31U) - 2) fail("too many rows");
  if (section.live > section.slots) fail("more items than rows");
  if (section.beam < 1 || section.beam > 1'000'000) fail("beam is out of range");
  if (section.next_id < 0) fail("the next id is negative");
  if (section.levels > max_levels) fail("too many levels");
  if ((section.levels == 0) !=
      (section.slots == 0 || section.graph == static_cast<std::uint8_t>(GraphKind::none)))
    fail("the number of levels does not go with the rows");
  if (!(section.max_norm >= 0) || std::isinf(section.max_norm))
    fail("the longest row is out of range");
  if (std::any_of(std::begin(section.reserved), std::end(section.reserved),
                  [](auto byte) { return byte != 0; }))
    fail("reserved bytes are not zero");
  return section;
}

void VectorIndex::write_sections(const std::function<void(SectionWriter&)>& use) const {
  const std::lock_guard writer(writer_);
  ConfigSection section{};
  section.dim = static_cast<std::uint32_t>(config_.dim);
  section.metric = static_cast<std::uint8_t>(config_.metric);
  section.encoding = static_cast<std::uint8_t>(config_.encoding);
  section.graph = static_cast<std::uint8_t>(config_.graph);
  section.order = static_cast<std::uint8_t>(config_.order);
  section.degree = config_.degree;
  section.build_beam = config_.build_beam;
  section.seed = config_.seed;
  section.slots = rows_.size();
  section.live = size();
  section.beam = beam();
  section.next_id = ids_.next_id();
  section.levels = graph_.levels();
  section.max_norm = max_norm_.load();
  SectionWriter sections;
  sections.add_array("config", std::span<const ConfigSection>(&section, 1));
  sections.add_array("ids", ids_.ids().view());
  sections.add_array("live", live_.words().view());
  sections.add_array("rows", rows_.raw().view());
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

void VectorIndex::save(const std::filesystem::path& file) const {
  write_sections([&](const SectionWriter& sections) {
    replace_file(file, [&](const auto& sink) { sections.write(sink); });
  });
}

std::vector<std::byte> VectorIndex::to_bytes() const {
  std::vector<std::byte> bytes;
  write_sections([&](const SectionWriter& sections) {
    bytes.reserve(sections.size());
    sections.write([&](std::span<const std::byte> piece) {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
    });
  });
  return bytes;
}

std::unique_ptr<VectorIndex> VectorIndex::load(const SectionReader& reader,
                                               const LoadOptions& options, int file) {
  Config config = read_config(reader).config();
  config.threads = options.threads;
  auto index = std::make_unique<VectorIndex>(config);
  index->read_sections(reader, options, file);
  return index;
}

void VectorIndex::read_sections(const SectionReader& reader, const LoadOptions& options, int file) {
  const ConfigSection section = read_config(reader);
  std::size_t known = 4;
  for (const Section& part : reader.sections())
    if (options.verify || part.tag != "rows") SectionReader::verify(part);
  const std::uint64_t slots = section.slots;
  read_array(reader, "ids", slots, file, ids_.ids());
  read_array(reader, "live", (slots + 63) / 64, file, live_.words());
  live_.resize(slots);
  read_array(reader, "rows", slots * rows_.stride(), file, rows_.raw());
  rows_.adopt_raw(slots);
  max_norm_ = section.max_norm;
  if (config_.graph == GraphKind::hnsw) {
    read_array(reader, "parents", slots, file, graph_.parents());
    read_array(reader, "twins", slots, file, graph_.twins());
    known += 2;
    for (std::uint32_t level = 0; level < section.levels; ++level) {
      Layer& layer = graph_.layer(level);
      std::uint64_t nodes = slots;
      if (level > 0) {
        nodes = reader.section(level_tag(level, "slots")).data.size() / sizeof(Slot);
        read_array(reader, level_tag(level, "slots"), nodes, file, layer.slots());
        read_array(reader, level_tag(level, "down"), nodes, file, layer.down());
        known += 2;
      }
      read_array(reader, level_tag(level, "links"), nodes * layer.degree(), file, layer.links());
      known += 1;
      layer.publish(nodes);
    }
    for (Slot slot = 0; slot < slots; ++slot)
      if (graph_.parent(slot) == slot) graph_.set_root(slot);
    graph_.set_levels(section.levels);
  }
  if (reader.sections().size() != known)
    throw FormatError("table: there are sections this version does not know");
  if (slots % 64 != 0 && live_.words()[slots / 64] >> (slots % 64) != 0)
    throw FormatError("section live: bits past the last row are set");
  ids_.set_next_id(section.next_id);
  visible_ = slots;
  live_count_ = section.live;
  beam_ = section.beam;
  ids_.rebuild([&](Slot slot) { return live_.contains(slot); });
  if (const auto faults = check(); !faults.empty()) throw FormatError(faults.front());
  if (options.verify) validate_rows();
}

void VectorIndex::validate_rows() const {
  AlignedFloats row(rows_.padded_dim());
  const double longest = static_cast<double>(max_norm_.load()) * 1.001 + 1e-30;
  for (Slot slot = 0; slot < rows_.size(); ++slot) {
    rows_.decode(slot, row.data());
    double squared = 0;
    for (std::size_t d = 0; d < rows_.dim(); ++d)
      squared += static_cast<double>(row.data()[d]) * static_cast<double>(row.data()[d]);
    if (!(squared <= longest * longest) || squared > 2 * max_squared_norm)
      throw FormatError(
          concat("section rows: row ", slot, " is not finite or longer than the file says"));
    for (std::size_t d = rows_.dim(); d < rows_.padded_dim(); ++d)
      if (std::bit_cast<std::uint32_t>(row.data()[d]) != 0)
        throw FormatError(concat("section rows: the padding of row ", slot, " is not zero"));
  }
}

}  // namespace vecinal
