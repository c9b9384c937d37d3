// vecinal tune: finds the beam and rerank that reach a recall and stores them in the index file.
#include <fmt/core.h>

#include <cstdio>
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

int run(const TuneOptions& options) {
  require_folder_of(options.index);
  const FloatMatrix queries = read_floats(options.queries);
  const auto index = load_with_bar(
      options.index, {.threads = options.threads, .device = parse_device(options.device)});
  const Stopwatch watch;
  Tuned tuned;
  {
    ProgressBar bar("tuning");
    tuned = tune(*index, batch_of(queries), options.recall, options.k, bar.callback());
  }
  const double seconds = watch.seconds();
  save_with_bar(*index, options.index);

  const bool reached = tuned.recall >= options.recall;
  if (options.json) {
    print_json({{"file", options.index},
                {"beam", tuned.defaults.beam},
                {"rerank", tuned.defaults.rerank},
                {"gamma", tuned.defaults.gamma},
                {"recall", tuned.recall},
                {"checked_recall", tuned.checked_recall},
                {"checked_low", tuned.checked_low},
                {"checked_high", tuned.checked_high},
                {"target", options.recall},
                {"reached", reached},
                {"k", options.k},
                {"queries", queries.rows},
                {"seconds", seconds}});
  } else {
    std::string reranking =
        tuned.defaults.rerank == 0 ? "" : fmt::format(" with rerank {}", tuned.defaults.rerank);
    if (tuned.defaults.gamma != 0)
      reranking += fmt::format(" and gamma {:.4g}", tuned.defaults.gamma);
    fmt::print("{}: beam {}{} gives recall {:.4f} at k {} on {} queries ({:.2f} s)\n",
               options.index, tuned.defaults.beam, reranking, tuned.recall, options.k,
               with_commas(queries.rows), seconds);
    fmt::print("to expect: {:.4f}, between {:.4f} and {:.4f} (95 %)\n", tuned.checked_recall,
               tuned.checked_low, tuned.checked_high);
  }
  if (!reached) {
    fmt::print(stderr,
               "vecinal: recall {} was not reached; beam {}, the largest tried, is stored\n",
               options.recall, tuned.defaults.beam);
  }
  return reached ? 0 : 1;
}

}  // namespace vecinal::cli
