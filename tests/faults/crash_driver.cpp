// What crash_test.py kills and disturbs: an index that is saved, or one with a log that is changed.
//
//   crash_driver prepare KIND FOLDER      the old state
//   crash_driver run KIND FOLDER [BYTES]  changes it; prints "ack N" when the first N changes are
//                                         acknowledged. BYTES: the size that files may have until
//                                         the first error
//   crash_driver verify KIND FOLDER       prints "state N": the changes that are there; leaves no
//                                         other files behind
//
// KIND: save; left, a save where a killed one has left its temporary file; log; torn, a log whose
// last record was cut short; stale, a log with records that its index file has. Status 0: done, 2:
// a promise is broken, 3: an error that no call of the library is to blame for, or may have.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

#include "support/changes.hpp"
#include "vecinal/open.hpp"

namespace {

using vecinal::Index;
using vecinal::LoggedIndex;
using vecinal::test::Changes;
namespace fs = std::filesystem;

constexpr std::size_t prepared = 3;  ///< changes that are made beforehand
constexpr std::size_t checkpoint_at = 8;

const vecinal::Config config{
    .dim = 6, .encoding = vecinal::Encoding::lvq8, .degree = 4, .build_beam = 8, .threads = 1};

struct BrokenPromise : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void require(bool holds, const std::string& what) {
  if (!holds) throw BrokenPromise(what);
}

void say(const std::string& line) {
  // One call, so that it is all there or not when the process is killed. Faults may meet it too.
  const std::string whole = line + "\n";
  for (int tries = 0; ::write(STDOUT_FILENO, whole.c_str(), whole.size()) < 0; ++tries)
    if (tries == 2) ::_exit(3);
}

void limit_files(rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(3);
}

/// Tells of an error of the disk, which names the file and the reason, and takes limits away.
void note(const fs::filesystem_error& error, const fs::path& folder) {
  const std::string what = error.what();
  say("error " + what);
  require(error.code().value() != 0, "an error without a reason: " + what);
  require(what.find(folder.filename().string()) != std::string::npos,
          "an error without a path: " + what);
  limit_files(RLIM_INFINITY);
}

/// The number of changes that make these bytes.
std::size_t state_of(const Index& index, const Changes& changes) {
  const auto bytes = index.to_bytes();
  const auto model = make_index(config);
  for (std::size_t state = 0; state <= changes.size(); ++state) {
    if (model->to_bytes() == bytes) return state;
    if (state < changes.size()) changes[state].make(*model);
  }
  throw BrokenPromise("the index is in none of the states");
}

/// Calls it, and again after an error of the disk; what such an error leaves is checked in between.
template <class Call, class Check>
void insist(const fs::path& folder, const Call& call, const Check& check) {
  for (int tries = 0;; ++tries) {
    try {
      return call();
    } catch (const fs::filesystem_error& error) {
      require(tries < 2, std::string("it does not get better: ") + error.what());
      note(error, folder);
      check(error);
    }
  }
}

void nothing(const fs::filesystem_error& /*error*/) {}

class Driver {
 public:
  Driver(std::string kind, fs::path folder) : kind_(std::move(kind)), folder_(std::move(folder)) {}

  [[nodiscard]] bool has_log() const { return kind_ != "save" && kind_ != "left"; }

  /// Changes of the old state.
  [[nodiscard]] std::size_t first() const { return kind_ == "torn" ? prepared - 1 : prepared; }

  void prepare() const {
    if (has_log())
      prepare_log();
    else
      prepare_file();
    say("states " + std::to_string(first()) + " " + std::to_string(changes_.size()));
  }

  void save() const {
    std::unique_ptr<Index> index;
    insist(
        folder_, [&] { index = vecinal::load_index(file_, {.threads = 1}); }, nothing);
    for (std::size_t i = first(); i < changes_.size(); ++i) changes_[i].make(*index);
    insist(
        folder_, [&] { index->save(file_); },
        [&](const fs::filesystem_error&) {
          require(index->check().empty(), "the index is damaged");
          const std::size_t state = state_of(*vecinal::load_index(file_), changes_);
          require(state == first() || state == changes_.size(), "the file is neither old nor new");
          require(kind_ == "left" || std::distance(fs::directory_iterator(folder_), {}) == 1,
                  "a file is left behind");
        });
    say("ack " + std::to_string(changes_.size()));
  }

  void log() const {
    std::unique_ptr<LoggedIndex> index;
    const auto open = [&] {
      index.reset();
      index = open_index(file_, config);
    };
    insist(folder_, open, nothing);
    for (std::size_t i = first(); i < changes_.size(); ++i) {
      const auto change = [&] {
        if (state_of(*index, changes_) == i) changes_[i].make(*index);
      };
      const auto check = [&](const fs::filesystem_error& error) {
        require(index->check().empty(), "the index is damaged");
        require(state_of(*index, changes_) == i, "a change that failed is there");
        const bool unknown = std::string(error.what()).find("sync: ") != std::string::npos;
        try {
          index->set_defaults(index->defaults());
          require(!unknown, "a sync that failed is forgotten");
        } catch (const fs::filesystem_error&) {
          // What the disk holds is not known: it must be opened again.
          insist(folder_, open, nothing);
        }
      };
      insist(folder_, change, check);
      say("ack " + std::to_string(i + 1));
      if (i + 1 == checkpoint_at) checkpoint(*index, i + 1);
    }
    insist(
        folder_, [&] { index->close(); }, nothing);
  }

  void verify() const {
    std::unique_ptr<Index> index;
    if (has_log())
      index = open_index(file_, config);
    else
      index = vecinal::load_index(file_);
    require(index->check().empty(), "the index is damaged");
    say("state " + std::to_string(state_of(*index, changes_)));
    index->save(file_);
    for (const auto& entry : fs::directory_iterator(folder_))
      require(entry.path() == file_ || (has_log() && entry.path() == log_),
              "left behind: " + entry.path().string());
  }

 private:
  void prepare_file() const {
    const auto index = make_index(config);
    for (std::size_t i = 0; i < prepared; ++i) changes_[i].make(*index);
    index->save(file_);
    if (kind_ == "left") fs::copy_file(file_, folder_ / "a.vcn.saving");
  }

  void prepare_log() const {
    const auto index = open_index(file_, config);
    for (std::size_t i = 0; i < prepared; ++i) changes_[i].make(*index);
    const fs::path old = folder_ / "old.log";
    fs::copy_file(log_, old);
    if (kind_ == "stale") index->checkpoint();
    index->close();
    fs::rename(old, log_);
    if (kind_ == "torn") fs::resize_file(log_, fs::file_size(log_) - 3);
  }

  void checkpoint(LoggedIndex& index, std::size_t state) const {
    insist(
        folder_, [&] { index.checkpoint(); },
        [&](const fs::filesystem_error&) {
          require(index.check().empty(), "the index is damaged");
          require(state_of(index, changes_) == state, "a checkpoint has changed the index");
        });
  }

  std::string kind_;
  fs::path folder_;
  fs::path file_ = folder_ / "a.vcn";
  fs::path log_ = folder_ / "a.vcn.log";
  Changes changes_{config};
};

int run(const std::string& command, const std::string& kind, const fs::path& folder) {
  const Driver driver(kind, folder);
  if (command == "prepare") {
    driver.prepare();
  } else if (command == "verify") {
    driver.verify();
  } else {
    // Where crash_test.py begins to count.
    (void)::access("/crash-test-begins-here", F_OK);
    driver.has_log() ? driver.log() : driver.save();
    (void)::access("/crash-test-ends-here", F_OK);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 3;
  try {
    if (count > 4) {
      ::signal(SIGXFSZ, SIG_IGN);
      limit_files(std::stoul(arguments[4]));
    }
    return run(arguments[1], arguments[2], arguments[3]);
  } catch (const BrokenPromise& broken) {
    std::cout << "broken promise: " << broken.what() << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cout << "exception: " << error.what() << std::endl;
    return 3;
  }
}
