#include "train.hpp"

#include <stdexcept>

#include "progress_bar.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {

void train_for(Index& index, const FloatMatrix& vectors, const IndexOptions& options) {
  if (!options.train_queries.empty()) {
    const FloatMatrix queries = read_floats(options.train_queries);
    ProgressBar bar("training");
    index.train(batch_of(vectors), batch_of(queries), bar.callback());
  } else if (index.config().reduction == Reduction::leanvec_ood) {
    throw std::invalid_argument("leanvec_ood learns from queries too: give --train-queries FILE");
  }
}

}  // namespace vecinal::cli
