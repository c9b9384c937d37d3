/// An index that can say what its file holds: what a log needs of the index it belongs to.
#pragma once

#include <functional>
#include <memory>

#include "core/progress.hpp"
#include "core/section_file.hpp"
#include "vecinal/index.hpp"

namespace vecinal {

class SavedIndex : public Index {
 public:
  /// Calls `use` with the sections of a file, while no call can change them.
  virtual void write_sections(const std::function<void(SectionWriter&)>& use) const = 0;

  // index_file.cpp
  void save(const std::filesystem::path& file, const Progress& progress) const final;
  [[nodiscard]] std::vector<std::byte> to_bytes(const Progress& progress) const final;
};

[[nodiscard]] std::unique_ptr<SavedIndex> make_saved_index(const Config& config);

/// As load_index(), watched by whoever calls it.
[[nodiscard]] std::unique_ptr<SavedIndex> load_saved_index(const std::filesystem::path& file,
                                                           const LoadOptions& options,
                                                           const Stretch& watch);

}  // namespace vecinal
