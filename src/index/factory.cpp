// Making and loading indexes.
#include "core/concat.hpp"
#include "core/file_io.hpp"
#include "core/section_file.hpp"
#include "index/index_file.hpp"
#include "index/vector_index.hpp"

namespace vecinal {

std::unique_ptr<Index> make_index(const Config& config) {
  return std::make_unique<VectorIndex>(config);
}

std::unique_ptr<Index> load_index(const std::filesystem::path& file, const LoadOptions& options) {
  const FileView view(file);
  return VectorIndex::load(SectionReader(view.bytes()), options,
                           options.map ? view.descriptor() : -1);
}

std::unique_ptr<Index> load_index(std::span<const std::byte> bytes, const LoadOptions& options) {
  // Sections are read as arrays of wider types: the bytes may lie anywhere, the copy does not.
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  const auto copy = std::as_bytes(std::span(aligned)).first(bytes.size());
  return VectorIndex::load(SectionReader(copy), options, -1);
}

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
  info.beam = section.beam;
  info.rerank = section.rerank;
  for (const Section& part : reader.sections())
    info.sections.push_back({part.tag, part.offset, part.data.size()});
  return info;
}

}  // namespace vecinal
