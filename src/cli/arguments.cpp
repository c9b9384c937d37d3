#include "arguments.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <sstream>
#include <string>

#include "vecinal/index.hpp"

namespace vecinal::cli {
namespace {

constexpr const char* vector_formats = ".npy .fbin .u8bin .i8bin .ibin .fvecs .bvecs .ivecs";

constexpr const char* footer =
    "Examples:\n"
    "  vecinal build base.fbin -o base.vcn --metric cosine\n"
    "  vecinal fit base.vcn queries.fbin\n"
    "  vecinal tune base.vcn queries.fbin --recall 0.95\n"
    "  vecinal search base.vcn queries.fbin -k 10 -o neighbours.ibin\n"
    "  vecinal bench --base base.fbin --queries queries.fbin --beams 20,40,80\n"
    "\n"
    "'vecinal COMMAND --help' lists the options of a command.\n"
    "Exit codes: 0 done, 1 failed (a bad file, a fault found), 2 wrong arguments.";

CLI::App* add_command(CLI::App& app, const char* name, const char* description, bool& json) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_flag("--json", json, "Print one JSON document instead of text");
  return command;
}

CLI::Option* add_file(CLI::App& command, const char* name, std::string& file,
                      const std::string& description) {
  return command.add_option(name, file, description)->type_name("FILE");
}

CLI::Option* add_name(CLI::App& command, const char* name, std::string& value,
                      const char* description) {
  return command.add_option(name, value, description)->type_name("NAME");
}

/// CLI11 2.1 wraps negative numbers around to huge ones, so they are refused here.
template <class Number>
CLI::Option* add_number(CLI::App& command, const char* name, Number& value,
                        const char* description) {
  const auto refuse_negative = [](std::string& text) {
    return text.starts_with('-') ? text + " is negative" : std::string();
  };
  return command.add_option(name, value, description)
      ->check(CLI::Validator(refuse_negative, ""))
      ->type_name("N")
      ->capture_default_str();
}

void add_row_options(CLI::App& command, IndexOptions& options) {
  add_name(command, "--encoding", options.encoding,
           "How rows are stored: f32, f16, lvq8, lvq4, lvq4x4, lvq4x8, lvq8x8")
      ->capture_default_str();
  add_name(command, "--reduce", options.reduce,
           "Walk over fewer dimensions: none, pca, leanvec_ood, prefix")
      ->capture_default_str();
  add_name(command, "--quantizer", options.quantizer,
           "How lvq rows find their grids: auto, plain, fitted, rotated, rotated_fitted")
      ->capture_default_str();
  add_name(command, "--keep", options.keep,
           "Rows kept to rank the answers, with lvq8 and lvq4: none, f16, f32")
      ->capture_default_str();
  add_name(command, "--layout", options.layout,
           "Rows and links apart, or neighbours' signs behind each row: split, fused, auto")
      ->capture_default_str();
  add_file(command, "--train-queries", options.train_queries,
           "A sample of the queries to come, for leanvec_ood");
}

void add_graph_options(CLI::App& command, IndexOptions& options) {
  add_name(command, "--graph", options.graph, "hnsw, or none for exact search")
      ->capture_default_str();
  add_number(command, "--degree", options.degree, "Links of a node on level 0: even, 4 to 256");
  add_number(command, "--build-beam", options.build_beam,
             "Candidates kept while a node is inserted");
  add_number(command, "--refine", options.refine,
             "Rounds in which links are chosen anew on the finished graph");
  add_name(command, "--order", options.order, "Order of insertion: given, shuffled, lid")
      ->capture_default_str();
  add_number(command, "--seed", options.seed, "Same seed, same data: same file");
}

/// Of searches that walk the graph, beside the beam.
void add_walk_options(CLI::App& command, std::size_t& rerank, float& gamma,
                      std::size_t& reduced_dim) {
  add_number(command, "--rerank", rerank,
             "Candidates ranked by the full rows; 0 = the index's default");
  add_number(command, "--gamma", gamma,
             "Fused layout: stop where the best left is farther than the k-th best by the factor "
             "1 + gamma; 0 = the index's default");
  add_number(command, "--reduced-dim", reduced_dim,
             "Walk over only so many of the reduced dimensions; 0 = all");
}

CLI::Option* add_recall(CLI::App& command, double& recall) {
  CLI::Option* option = add_number(command, "--recall", recall,
                                   "Search with what vecinal tune found for this recall");
  for (const char* name : {"--beam", "--beams", "--rerank", "--gamma", "--reduced-dim"})
    if (CLI::Option* other = command.get_option_no_throw(name)) option->excludes(other);
  return option->check(CLI::PositiveNumber);
}

void add_device(CLI::App& command, std::string& device) {
  add_name(command, "--device", device, "cpu, cuda (a GPU answers the queries)")
      ->capture_default_str();
}

CLI::App* add_build(CLI::App& app, BuildOptions& options) {
  CLI::App* command =
      add_command(app, "build", "Build an index from a file of vectors", options.json);
  add_file(*command, "vectors", options.vectors, vector_formats)->required();
  add_file(*command, "-o,--output", options.output, "The index to write, e.g. a.vcn")->required();
  add_file(*command, "--ids", options.ids,
           "One id for each vector (.npy .ibin .ivecs); else 0, 1, 2, ...");
  add_file(*command, "--labels", options.labels,
           "For each vector a row of labels (.npy .ibin .ivecs); -1 stands for none");
  add_name(*command, "--metric", options.index.metric, "l2 (squared), ip (inner product), cosine")
      ->capture_default_str();
  add_row_options(*command, options.index);
  add_number(*command, "--reduced-dim", options.index.reduced_dim,
             "Dimensions to reduce to; 0 = chosen from the vectors");
  add_graph_options(*command, options.index);
  add_number(*command, "--threads", options.index.threads, "0 = all cores");
  add_device(*command, options.index.device);
  return command;
}

CLI::App* add_search(CLI::App& app, SearchOptions& options) {
  CLI::App* command =
      add_command(app, "search", "Find the nearest neighbours of queries", options.json);
  add_file(*command, "index", options.index, "An index made by vecinal build")->required();
  add_file(*command, "queries", options.queries, vector_formats)->required();
  add_number(*command, "-k", options.k, "Neighbours of each query");
  add_number(*command, "--beam", options.beam,
             "Candidates kept while searching; 0 = the beam of the index");
  add_walk_options(*command, options.rerank, options.gamma, options.reduced_dim);
  CLI::Option* recall = add_recall(*command, options.recall);
  CLI::Option* exact =
      command->add_flag("--exact", options.exact, "Compare with every vector instead");
  for (const char* name : {"--beam", "--rerank", "--gamma", "--reduced-dim"})
    exact->excludes(command->get_option(name));
  exact->excludes(recall);
  add_file(*command, "--filter", options.filter, "Find these ids only (.npy .ibin .ivecs)");
  add_number(*command, "--label", options.labels, "Find vectors with one of these labels only")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_number(*command, "--timeout", options.timeout,
             "Seconds after which queries get what was found so far")
      ->check(CLI::PositiveNumber);
  add_number(*command, "--threads", options.threads, "0 = all cores");
  add_device(*command, options.device);
  add_file(*command, "-o,--output", options.output,
           "Write the ids here (.npy .ibin .ivecs) instead of printing them");
  add_file(*command, "--distances", options.distances,
           "Write the distances here (.npy .fbin .fvecs)");
  return command;
}

CLI::App* add_bench(CLI::App& app, BenchOptions& options) {
  CLI::App* command =
      add_command(app, "bench", "Measure recall and speed over a range of beams", options.json);
  command
      ->add_option("folder", options.folder,
                   "Holds base.*, queries.* and maybe gt.*, meta.json {\"metric\": \"cosine\"}")
      ->type_name("DIR");
  add_file(*command, "--base", options.base, "Vectors to index");
  add_file(*command, "--queries", options.queries, "Queries");
  add_file(*command, "--truth", options.truth,
           "For each query the ids of its nearest vectors; computed if missing");
  add_file(*command, "--index", options.index, "Measure this index instead of building one");
  add_name(*command, "--metric", options.metric, "l2, ip, cosine [meta.json, else l2]");
  add_row_options(*command, options.build);
  add_number(*command, "--build-reduced-dim", options.build.reduced_dim,
             "Dimensions to reduce to; 0 = chosen from the vectors");
  add_graph_options(*command, options.build);
  add_number(*command, "--build-threads", options.build.threads, "0 = all cores");
  add_number(*command, "-k", options.k, "Neighbours of each query");
  add_number(*command, "--beams", options.beams, "Beams to measure")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,N");
  add_walk_options(*command, options.rerank, options.gamma, options.reduced_dim);
  add_recall(*command, options.recall)->needs(command->get_option("--index"));
  add_number(*command, "--repeats", options.repeats, "Timed runs of each beam; the median counts");
  add_number(*command, "--threads", options.threads, "Of the searches; 0 = all cores");
  add_device(*command, options.build.device);
  return command;
}

CLI::App* add_fit(CLI::App& app, FitOptions& options) {
  CLI::App* command = add_command(
      app, "fit", "Repair the graph for a sample of queries unlike the vectors", options.json);
  add_file(*command, "index", options.index, "The index; it is replaced")->required();
  add_file(*command, "queries", options.queries, "A sample of real queries")->required();
  add_number(*command, "--beam", options.beam,
             "Candidates kept while the nearest vectors are looked for");
  add_number(*command, "--neighbors", options.neighbors,
             "Nearest vectors that are to lead to each other");
  add_number(*command, "--threads", options.threads, "0 = all cores");
  return command;
}

CLI::App* add_tune(CLI::App& app, TuneOptions& options) {
  CLI::App* command = add_command(
      app, "tune", "Find the cheapest settings that reach a recall; store them in the index",
      options.json);
  add_file(*command, "index", options.index, "The index; it is replaced")->required();
  add_file(*command, "queries", options.queries, "A sample of real queries")->required();
  add_number(*command, "--recall", options.recall, "Share of the true neighbours to find");
  add_number(*command, "-k", options.k, "Neighbours of each query");
  add_number(*command, "--threads", options.threads, "0 = all cores");
  add_device(*command, options.device);
  return command;
}

CLI::App* add_info(CLI::App& app, InfoOptions& options) {
  CLI::App* command =
      add_command(app, "info", "Describe an index without loading it", options.json);
  add_file(*command, "index", options.index, "The index")->required();
  command->add_flag("--verify", options.verify,
                    "Load it and check every invariant; exit with 1 on a fault");
  return command;
}

void add_convert(CLI::App& app, ConvertOptions& options) {
  CLI::App* command = add_command(
      app, "convert", "Convert between the file formats of vectors and ids", options.json);
  add_file(*command, "input", options.input, vector_formats)->required();
  add_file(*command, "output", options.output,
           "Vectors as .npy .fbin .fvecs, ids as .npy .ibin .ivecs")
      ->required();
}

Finished report(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    std::ostringstream text;  // the help or the version
    static_cast<void>(app.exit(error, text, text));
    fmt::print("{}", text.str());
    return {0};
  }
  std::string command = "vecinal";
  for (const CLI::App* chosen : app.get_subcommands()) command += " " + chosen->get_name();
  std::string reason = error.what();
  const auto unknown = app.remaining();
  if (app.get_subcommands().empty() && !unknown.empty()) {
    reason = "there is no command or option '" + unknown.front() + "'";
  }
  fmt::print(stderr, "vecinal: {}\nRun '{} --help' to see what it takes.\n", reason, command);
  return {2};
}

}  // namespace

Command parse_arguments(int argc, const char* const* argv) {
  CLI::App app("vecinal finds nearest neighbours among vectors.", "vecinal");
  app.set_version_flag("--version", fmt::format("vecinal {}", version()),
                       "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this and exit");
  app.require_subcommand(1);
  app.get_formatter()->column_width(26);

  BuildOptions build;
  SearchOptions search;
  BenchOptions bench;
  FitOptions fit;
  TuneOptions tune;
  InfoOptions info;
  ConvertOptions convert;
  const CLI::App* const build_command = add_build(app, build);
  const CLI::App* const search_command = add_search(app, search);
  const CLI::App* const bench_command = add_bench(app, bench);
  const CLI::App* const fit_command = add_fit(app, fit);
  const CLI::App* const tune_command = add_tune(app, tune);
  const CLI::App* const info_command = add_info(app, info);
  add_convert(app, convert);
  app.footer(footer);  // after the commands, which would inherit it
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  if (build_command->parsed()) return build;
  if (search_command->parsed()) return search;
  if (bench_command->parsed()) return bench;
  if (fit_command->parsed()) return fit;
  if (tune_command->parsed()) return tune;
  if (info_command->parsed()) return info;
  return convert;
}

}  // namespace vecinal::cli
