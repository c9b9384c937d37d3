// vecinal fit: repairs the graph of an index file for a sample of queries.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "matrix.hpp"
#include "progress_bar.hpp"
#include "report.hpp"
#include "stopwatch.hpp"
#include "stored_index.hpp"
#include "vecinal/index.hpp"
#include "vector_file.hpp"

namespace vecinal::cli {

int run(const FitOptions& options) {
  require_folder_of(options.index);
  const FloatMatrix queries = read_floats(options.queries);
  const auto index = load_with_bar(options.index, {.threads = options.threads});
  const Stopwatch watch;
  Fitted fitted;
  {
    ProgressBar bar("fitting");
    fitted = index->fit_queries(
        batch_of(queries),
        {.beam = options.beam, .neighbors = options.neighbors, .progress = bar.callback()});
  }
  const double seconds = watch.seconds();
  save_with_bar(*index, options.index);

  if (options.json) {
    print_json({{"file", options.index},
                {"queries", queries.rows},
                {"links", fitted.links},
                {"refused", fitted.refused},
                {"seconds", seconds}});
  } else {
    fmt::print("{}: {} links made for {} queries, {} found no place ({:.2f} s)\n", options.index,
               with_commas(fitted.links), with_commas(queries.rows), with_commas(fitted.refused),
               seconds);
  }
  return 0;
}

}  // namespace vecinal::cli
