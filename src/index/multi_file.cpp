// MultiVectorIndex to sections and back: those of its inner index, and its own
// (docs/file-format.md).
#include <algorithm>
#include <cmath>

#include "core/concat.hpp"
#include "index/array_reader.hpp"
#include "index/index_file.hpp"
#include "index/multi_vector_index.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

SetsSection section_of(const Config& config) {
  SetsSection section{};
  section.dim = static_cast<std::uint32_t>(config.dim);
  section.k_sim = config.fde.k_sim;
  section.projected_dim = static_cast<std::uint32_t>(config.fde.projected_dim);
  section.repetitions = config.fde.repetitions;
  section.final_dim = static_cast<std::uint32_t>(config.fde.final_dim);
  section.projection = static_cast<std::uint8_t>(config.fde.projection);
  section.fill_empty = config.fde.fill_empty ? 1 : 0;
  section.tokens = static_cast<std::uint8_t>(config.tokens);
  section.pooling = static_cast<std::uint8_t>(config.pooling);
  return section;
}

}  // namespace

Config SetsSection::config(const Config& encodings) const {
  Config config = encodings;
  config.dim = dim;
  config.metric = Metric::chamfer;
  config.fde = {.k_sim = k_sim,
                .projected_dim = projected_dim,
                .projection = static_cast<InnerProjection>(projection),
                .repetitions = repetitions,
                .final_dim = final_dim,
                .fill_empty = fill_empty != 0};
  config.tokens = static_cast<Encoding>(tokens);
  config.pooling = pooling;
  return config;
}

bool has_sets(const SectionReader& reader) { return reader.has("sets"); }

SetsSection read_sets(const SectionReader& reader, const Config& encodings) {
  SectionReader::verify(reader.section("sets"));
  const SetsSection section = reader.array<SetsSection>("sets", 1)[0];
  const auto fail = [](const std::string& what) { throw FormatError("section sets: " + what); };
  const Config config = section.config(encodings);
  try {
    validate(config);
  } catch (const std::invalid_argument& wrong) {
    fail(wrong.what());
  }
  if (encodings.metric != Metric::inner_product || encodings_config(config).dim != encodings.dim)
    fail("it does not go with the config of the encodings");
  if (section.fill_empty > 1 || section.trained > 1 || section.reserved != 0 ||
      section.reserved8[0] != 0 || section.reserved8[1] != 0 || section.reserved8[2] != 0)
    fail("a flag is out of range");
  if (section.candidates > 1'000'000) fail("candidates is out of range");
  if (!(section.longest >= 0) || std::isinf(section.longest))
    fail("the longest vector is out of range");
  for (const double value : {section.mean_cosine, section.occupancy})
    if (!(value >= -0.01 && value <= 1.01)) fail("a quality is out of range");
  return section;
}

void MultiVectorIndex::write_sections(const std::function<void(SectionWriter&)>& use) const {
  const std::lock_guard writer(writer_);
  SetsSection section = section_of(config_);
  const TokenRows& tokens = sets_->tokens;
  section.trained = trained_ ? 1 : 0;
  section.candidates = static_cast<std::uint32_t>(candidates_.load(std::memory_order_relaxed));
  section.vectors = tokens.size();
  section.mean_cosine = sets_->quality.mean_cosine;
  section.occupancy = sets_->quality.occupancy;
  section.longest = tokens.longest();
  inner_->write_sections([&](SectionWriter& sections) {
    sections.add_array("sets", std::span<const SetsSection>(&section, 1));
    sections.add_array("tmean", tokens.mean());
    sections.add_array("extents", tokens.extents().view());
    sections.add_array("tokens", tokens.raw().view());
    if (tokens.rest() != nullptr) sections.add_array("tokens2", tokens.rest()->raw().view());
    use(sections);
  });
}

std::unique_ptr<MultiVectorIndex> MultiVectorIndex::load(const Loading& loading) {
  const auto& [reader, options, file, watch] = loading;
  const Config encodings = read_config(reader).config();
  const Config config = loading.complete(read_sets(reader, encodings).config(encodings));
  auto index = std::make_unique<MultiVectorIndex>(config);
  const std::size_t own_sections = config.tokens == Encoding::lvq8x8 ? 5 : 4;
  index->inner_ = VectorIndex::load({reader, options, file, watch.part(0, .5)}, own_sections);
  index->read_sections({reader, options, file, watch.part(.5, 1)});
  return index;
}

void MultiVectorIndex::read_sections(const Loading& loading) {
  const SectionReader& reader = loading.reader;
  ArrayReader arrays(reader, loading.file, loading.watch.part(0, .4));
  const SetsSection section = read_sets(reader, inner_->config());
  const auto mean = reader.array<float>("tmean", config_.dim);
  for (const float value : mean)
    if (!(std::fabs(value) <= std::sqrt(max_squared_norm)))
      throw FormatError("section tmean: a value is out of range");
  const std::size_t count = inner_->slots();
  if (section.trained == 0 && count != 0)
    throw FormatError("section sets: there are sets but no training");
  FdeEncoder encoder = make_encoder();
  encoder.set_mean(mean);
  auto sets = std::make_unique<Sets>(config_, std::move(encoder));
  sets->quality = {section.mean_cosine, section.occupancy};
  TokenRows& tokens = sets->tokens;
  arrays.read("extents", count, tokens.extents());
  if (section.vectors > (std::uint64_t{1} << 32U) - 2)
    throw FormatError("section sets: too many vectors");
  arrays.read("tokens", section.vectors * tokens.rows().stride(), tokens.raw());
  if (tokens.rest() != nullptr)
    arrays.read("tokens2", section.vectors * tokens.rest()->stride(), tokens.raw_rest());
  if (!tokens.adopt_raw(section.vectors))
    throw FormatError("section extents: sets overlap or end past the last vector");
  tokens.set_longest(section.longest);
  publish(std::move(sets));
  trained_ = section.trained != 0;
  candidates_ = section.candidates;
  std::vector<std::string> faults;
  find_faults_of_sets(faults);
  if (!faults.empty()) throw FormatError(faults.front());
  if (!loading.options.verify) return;
  const double longest = static_cast<double>(section.longest) * 1.01 + 1e-30;
  const double middle = tokens.rest() == nullptr ? 1 : .7;
  validate_storage("tokens", sets_->tokens.rows(), longest, loading.watch.part(.4, middle));
  if (sets_->tokens.rest() != nullptr)
    validate_storage("tokens2", *sets_->tokens.rest(), longest, loading.watch.part(middle, 1));
}

}  // namespace vecinal
