#include "index/open_index.hpp"

#include <random>
#include <stdexcept>
#include <system_error>

#include "core/concat.hpp"
#include "core/file_io.hpp"
#include "core/progress.hpp"
#include "index/index_file.hpp"

namespace vecinal {
namespace {

std::filesystem::path log_of(std::filesystem::path file) { return file += ".log"; }

bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code missing;
  return std::filesystem::equivalent(a, b, missing) ||
         std::filesystem::absolute(a).lexically_normal() == b.lexically_normal();
}

std::uint64_t random_id() {
  std::random_device random;
  const std::uint64_t high = random();
  return high << 32U | random();
}

/// What is saved of a config must be what the file has.
void expect_same(const Config& given, const Config& found) {
  const auto compare = [](const char* field, const auto& wanted, const auto& there) {
    if (!(wanted == there))
      throw std::invalid_argument(
          concat("open: the index has ", field, " ", there, ", the config has ", wanted));
  };
  compare("dim", given.dim, found.dim);
  compare("metric", name(given.metric), name(found.metric));
  compare("encoding", name(given.encoding), name(found.encoding));
  compare("reduction", name(given.reduction), name(found.reduction));
  compare("reduced_dim", given.reduced_dim, found.reduced_dim);
  compare("quantizer", name(given.quantizer), name(found.quantizer));
  compare("keep", name(given.keep), name(found.keep));
  if (given.layout != Layout::automatic) compare("layout", name(given.layout), name(found.layout));
  compare("graph", name(given.graph), name(found.graph));
  compare("degree", given.degree, found.degree);
  compare("build_beam", given.build_beam, found.build_beam);
  compare("order", name(given.order), name(found.order));
  compare("seed", given.seed, found.seed);
  if (given.metric != Metric::chamfer) return;
  compare("fde.k_sim", given.fde.k_sim, found.fde.k_sim);
  compare("fde.projected_dim", given.fde.projected_dim, found.fde.projected_dim);
  compare("fde.projection", name(given.fde.projection), name(found.fde.projection));
  compare("fde.repetitions", given.fde.repetitions, found.fde.repetitions);
  compare("fde.final_dim", given.fde.final_dim, found.fde.final_dim);
  compare("fde.fill_empty", given.fde.fill_empty, found.fde.fill_empty);
  compare("tokens", name(given.tokens), name(found.tokens));
  compare("pooling", given.pooling, found.pooling);
}

LogFile::Durability durability_of(Sync sync) {
  return sync == Sync::each ? LogFile::Durability::each : LogFile::Durability::on_flush;
}

/// Which log a file goes with, and which of its records it has.
struct Mark {
  std::size_t bytes;       ///< of the file
  std::uint64_t checksum;  ///< of the file's header and, through it, of all it says
  std::optional<LogSection> section;
};

Mark mark_of(const std::filesystem::path& file) {
  const FileView view(file);
  const SectionReader reader(view.bytes());
  return {view.bytes().size(), reader.checksum(), read_log_section(reader)};
}

/// Refuses what is no index file, and no config to make one, before there is a log.
std::filesystem::path checked(const std::filesystem::path& file, const Config& config) {
  if (std::filesystem::exists(file))
    (void)mark_of(file);
  else if (config.dim == 0)
    throw std::filesystem::filesystem_error(
        "open", file, std::make_error_code(std::errc::no_such_file_or_directory));
  else
    validate(config);
  return std::filesystem::absolute(file);
}

/// The log was begun on this file, or goes with it.
bool belongs(const LogContents& log, const Mark& mark) {
  return log.begun && (mark.section ? log.id == mark.section->id : log.continues == mark.checksum);
}

}  // namespace

OpenIndex::OpenIndex(const std::filesystem::path& file, const Config& config,
                     const OpenOptions& options)
    : file_(checked(file, config)), log_(log_of(file_), durability_of(options.sync)) {
  if (std::filesystem::exists(file_))
    load(config, options);
  else
    make(config);
}

void OpenIndex::make(const Config& config) {
  const FileView view(log_.path());
  if (const LogContents old = read_log(view.bytes(), 0); !old.records.empty())
    throw FormatError(
        concat("log: it has ", old.records.size(), " changes of an index file that is not there"));
  index_ = make_saved_index(config);
  log_.begin(random_id(), 0, 0);
  write_file(0, {});
}

void OpenIndex::load(const Config& config, const OpenOptions& options) {
  const Mark mark = mark_of(file_);
  const FileView view(log_.path());
  ProgressMeter meter(options.progress, mark.bytes + view.bytes().size());
  const double loaded = static_cast<double>(mark.bytes) / static_cast<double>(meter.total());
  index_ = load_saved_index(file_,
                            {.map = options.map,
                             .verify = options.verify,
                             .threads = config.threads,
                             .device = config.device,
                             .memory_limit = config.memory_limit},
                            Stretch(meter).part(0, loaded));
  if (config.dim != 0) expect_same(config, index_->config());
  saved_ = mark.section ? mark.section->sequence : 0;
  const LogContents contents = read_log(view.bytes(), saved_);
  const bool waiting = !contents.records.empty() && contents.records.back().sequence > saved_;
  const bool ours = belongs(contents, mark);
  if (!ours && !contents.records.empty())
    throw FormatError(concat("log: it has ", contents.records.size(),
                             " changes and belongs to another index file, or to this one before "
                             "another was saved over it"));
  if (ours && (waiting || contents.records.empty())) {
    replay(contents, saved_, Stretch(meter).part(loaded, 1));
  } else {  // there is no log yet, or a checkpoint has all of it
    torn_ = contents.torn;
    log_.begin(mark.section ? mark.section->id : random_id(), mark.checksum, saved_);
  }
  meter.finish();
}

void OpenIndex::replay(const LogContents& contents, std::uint64_t sequence, const Stretch& watch) {
  LogContents kept = contents;
  for (const LogRecord& record : contents.records) {
    if (record.sequence <= sequence) continue;
    if (record.sequence != sequence + 1)
      throw FormatError(concat("log: it goes on with change ", record.sequence,
                               ", the index file has ", sequence, " of them"));
    const Progress told = [&](std::size_t, std::size_t) {
      watch.update(record.offset, contents.end);
      return true;
    };
    try {
      told(0, 0);
      apply(read_operation(record), *index_, told);
    } catch (const std::logic_error& refused) {
      // The process went down before it could take back what the index had refused.
      if (record.sequence != contents.records.back().sequence)
        throw FormatError(concat("log: the index refuses record ", record.sequence, " at byte ",
                                 record.offset, ": ", refused.what()));
      kept.torn += kept.end - record.offset;
      kept.end = record.offset;
      break;
    }
    ++sequence;
  }
  torn_ = kept.torn;
  log_.resume(kept, sequence);
}

std::size_t OpenIndex::write_file(std::uint64_t sequence, const Progress& progress) const {
  const LogSection section{log_.id(), sequence};
  std::size_t bytes = 0;
  index_->write_sections([&](SectionWriter& sections) {
    sections.add_array("log", std::span<const LogSection>(&section, 1));
    bytes = sections.size();
    ProgressMeter meter(progress, bytes);
    save_sections(sections, file_, meter);
  });
  saved_ = sequence;
  return bytes;
}

void OpenIndex::write_checkpoint(const Progress& progress) const {
  const std::lock_guard writer(writer_);
  log_.refuse_closed();
  const std::size_t bytes = write_file(log_.sequence(), progress);
  if (!log_.broken()) log_.restart();
  if (progress) progress(bytes, bytes);
}

void OpenIndex::checkpoint(const Progress& progress) { write_checkpoint(progress); }

void OpenIndex::save(const std::filesystem::path& file, const Progress& progress) const {
  if (same_file(file, file_))
    write_checkpoint(progress);
  else
    index_->save(file, progress);
}

void OpenIndex::flush() {
  const std::lock_guard writer(writer_);
  log_.flush();
}

void OpenIndex::close() {
  const std::lock_guard writer(writer_);
  if (log_.closed()) return;
  try {
    if (!log_.broken()) log_.flush();
  } catch (...) {
    log_.close();
    throw;
  }
  log_.close();
}

LogInfo OpenIndex::log() const {
  const std::lock_guard writer(writer_);
  return {.records = log_.sequence() - saved_, .bytes = log_.bytes(), .torn = torn_};
}

template <class Change>
auto OpenIndex::logged(const Operation& operation, const Change& change) {
  const std::lock_guard writer(writer_);
  log_.append([&](const LogFile::Sink& sink) { write_operation(operation, sink); });
  try {
    return change();
  } catch (...) {
    log_.take_back();
    throw;
  }
}

void OpenIndex::train(const Batch& sample, const Batch& queries, const Progress& progress) {
  logged({.kind = Operation::Kind::train, .items = sample, .queries = queries},
         [&] { index_->train(sample, queries, progress); });
}

std::vector<Id> OpenIndex::add(const Batch& items, std::span<const Id> ids,
                               const Progress& progress) {
  return logged({.kind = Operation::Kind::add, .ids = ids, .items = items},
                [&] { return index_->add(items, ids, progress); });
}

void OpenIndex::update(std::span<const Id> ids, const Batch& items, const Progress& progress) {
  logged({.kind = Operation::Kind::update, .ids = ids, .items = items},
         [&] { index_->update(ids, items, progress); });
}

void OpenIndex::compact(const Progress& progress) {
  logged({.kind = Operation::Kind::compact}, [&] { index_->compact(progress); });
}

void OpenIndex::retrain(const Batch& queries, const Progress& progress) {
  logged({.kind = Operation::Kind::retrain, .queries = queries},
         [&] { index_->retrain(queries, progress); });
}

Fitted OpenIndex::fit_queries(const Batch& queries, const FitParams& params) {
  return logged({.kind = Operation::Kind::fit_queries,
                 .queries = queries,
                 .numbers = {params.beam, params.neighbors}},
                [&] { return index_->fit_queries(queries, params); });
}

void OpenIndex::refine(const RefineParams& params) {
  logged({.kind = Operation::Kind::refine, .numbers = {params.beam, params.rounds}},
         [&] { index_->refine(params); });
}

std::size_t OpenIndex::remove(std::span<const Id> ids) {
  return logged({.kind = Operation::Kind::remove, .ids = ids}, [&] { return index_->remove(ids); });
}

void OpenIndex::set_defaults(const SearchDefaults& defaults) {
  logged(operation_of(defaults), [&] { index_->set_defaults(defaults); });
}

bool OpenIndex::keep_tuned(const Tuned& tuned) {
  struct Outdated {};  // takes the record back
  try {
    logged(operation_of(tuned), [&] {
      if (!index_->keep_tuned(tuned)) throw Outdated();
    });
    return true;
  } catch (const Outdated&) {
    return false;
  }
}

void OpenIndex::set_labels(std::span<const Id> ids, const Labels& labels) {
  logged({.kind = Operation::Kind::set_labels, .ids = ids, .items = {.labels = labels}},
         [&] { index_->set_labels(ids, labels); });
}

std::unique_ptr<LoggedIndex> open_index(const std::filesystem::path& file, const Config& config,
                                        const OpenOptions& options) {
  return std::make_unique<OpenIndex>(file, config, options);
}

}  // namespace vecinal
