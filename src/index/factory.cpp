// Making and loading indexes.
#include "backend/backend_library.hpp"
#include "core/concat.hpp"
#include "core/file_io.hpp"
#include "core/progress.hpp"
#include "core/section_file.hpp"
#include "index/index_file.hpp"
#include "index/multi_vector_index.hpp"
#include "index/saved_index.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

namespace {

/// Sections whose checksums may be left unread: they are most of a file.
bool is_bulk(const Section& section) {
  return section.tag == "rows" || section.tag == "fused" || section.tag == "rows2" ||
         section.tag == "tokens" || section.tag == "tokens2";
}

std::unique_ptr<SavedIndex> load(std::span<const std::byte> bytes, const LoadOptions& options,
                                 int file, const Stretch& watch) {
  constexpr double verifying = .1;  // of the time, about
  const SectionReader reader(bytes);
  reader.verify_all([&](const Section& section) { return options.verify || !is_bulk(section); },
                    watch.part(0, verifying));
  const Loading loading{reader, options, file, watch.part(verifying, 1)};
  if (has_sets(reader)) return MultiVectorIndex::load(loading);
  return VectorIndex::load(loading);
}

std::unique_ptr<SavedIndex> load(const FileView& view, const LoadOptions& options,
                                 const Stretch& watch) {
  return load(view.bytes(), options, options.map ? view.descriptor() : -1, watch);
}

}  // namespace

std::unique_ptr<SavedIndex> make_saved_index(const Config& config) {
  if (config.metric == Metric::chamfer) return std::make_unique<MultiVectorIndex>(config);
  return std::make_unique<VectorIndex>(config);
}

std::unique_ptr<SavedIndex> load_saved_index(const std::filesystem::path& file,
                                             const LoadOptions& options, const Stretch& watch) {
  return load(FileView(file), options, watch);
}

std::unique_ptr<Index> make_index(const Config& config) { return make_saved_index(config); }

std::unique_ptr<Index> load_index(const std::filesystem::path& file, const LoadOptions& options) {
  const FileView view(file);
  ProgressMeter meter(options.progress, view.bytes().size());
  auto index = load(view, options, Stretch(meter));
  meter.finish();
  return index;
}

std::unique_ptr<Index> load_index(std::span<const std::byte> bytes, const LoadOptions& options) {
  // Sections are read as arrays of wider types: the bytes may lie anywhere, the copy does not.
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  const auto copy = std::as_bytes(std::span(aligned)).first(bytes.size());
  ProgressMeter meter(options.progress, bytes.size());
  auto index = load(copy, options, -1, Stretch(meter));
  meter.finish();
  return index;
}

std::string cuda_device_name() { return cuda_backend().name(); }

FileInfo file_info(const std::filesystem::path& file) {
  const FileView view(file);
  const SectionReader reader(view.bytes());
  const ConfigSection section = read_config(reader);
  FileInfo info;
  info.version = reader.version();
  info.bytes = view.bytes().size();
  info.size = section.live;
  info.removed = section.slots - section.live;
  info.config = section.config();
  info.defaults = {.beam = section.beam, .rerank = section.rerank, .gamma = section.gamma};
  if (has_sets(reader)) {
    const SetsSection sets = read_sets(reader, info.config);
    info.config = sets.config(info.config);
    info.defaults.candidates = sets.candidates;
  }
  info.tuned = read_tuned(reader, has_sets(reader));
  for (const Section& part : reader.sections())
    info.sections.push_back({part.tag, part.offset, part.data.size()});
  return info;
}

}  // namespace vecinal
