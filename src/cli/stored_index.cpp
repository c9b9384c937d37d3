#include "stored_index.hpp"

#include "progress_bar.hpp"

namespace vecinal::cli {

std::unique_ptr<Index> load_with_bar(const std::string& file, LoadOptions options) {
  ProgressBar bar("loading");
  options.progress = bar.callback();
  return load_index(file, options);
}

void save_with_bar(const Index& index, const std::string& file) {
  ProgressBar bar("saving");
  index.save(file, bar.callback());
}

}  // namespace vecinal::cli
