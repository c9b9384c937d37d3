// Feeds open_index a log: whatever the bytes, it throws FormatError or opens a sound index. The
// first byte says whether they are a whole file or payloads, which then get heads that are sound.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/log_file.hpp"
#include "support/changes.hpp"
#include "vecinal/open.hpp"

namespace {

namespace fs = std::filesystem;

vecinal::Config config() {
  return {.dim = 2, .degree = 4, .build_beam = 8, .threads = 1, .memory_limit = 1U << 20U};
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// An empty index with a log, made once.
struct Place {
  Place() {
    folder = fs::temp_directory_path() / ("vecinal-fuzz-log-" + std::to_string(::getpid()));
    fs::create_directories(folder);
    file = folder / "a.vcn";
    log = folder / "a.vcn.log";
    (void)vecinal::open_index(file, config());
    fs::copy_file(log, folder / "empty");
  }
  ~Place() { fs::remove_all(folder); }

  fs::path folder;
  fs::path file;
  fs::path log;
};

const Place& place() {
  static const Place made;
  return made;
}

/// The payloads of every kind of change.
std::vector<std::string> payloads() {
  const fs::path file = place().folder / "changed.vcn";
  const vecinal::test::Changes changes(config());
  {
    const auto index = vecinal::open_index(file, config());
    for (std::size_t i = 0; i < changes.size(); ++i) changes[i].make(*index);
  }
  const std::string log = content_of(file.string() + ".log");
  std::vector<std::string> found;
  for (const auto& record : vecinal::read_log(std::as_bytes(std::span(log)), 0).records)
    found.emplace_back(reinterpret_cast<const char*>(record.payload.data()), record.payload.size());
  return found;
}

/// Payloads: a byte says how many words each has.
void append(const fs::path& file, std::span<const std::byte> bytes) {
  vecinal::LogFile log(file, vecinal::LogFile::Durability::on_flush);
  const std::string empty = content_of(file);
  log.resume(vecinal::read_log(std::as_bytes(std::span(empty)), 0), 0);
  while (!bytes.empty()) {
    const std::size_t wanted = 8 * static_cast<std::size_t>(bytes.front());
    const auto payload = bytes.subspan(1).first(std::min(wanted, bytes.size() - 1));
    log.append([&](const vecinal::LogFile::Sink& sink) { sink(payload); });
    bytes = bytes.subspan(1 + payload.size());
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (size > 1) return LLVMFuzzerMutate(data, size, max_size);
  static const std::vector<std::string> sound = payloads();
  std::string input(1, '\1');
  for (std::size_t i = 0; i <= seed % sound.size(); ++i)
    input += static_cast<char>((sound[i].size() + 7) / 8) + sound[i];
  if (input.size() > max_size) return size;
  std::memcpy(data, input.data(), input.size());
  return input.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  if (data[0] % 8 == 0) {
    std::ofstream(place().log, std::ios::binary)
        .write(reinterpret_cast<const char*>(rest.data()),
               static_cast<std::streamsize>(rest.size()));
  } else {
    fs::copy_file(place().folder / "empty", place().log, fs::copy_options::overwrite_existing);
    append(place().log, rest);
  }
  try {
    const auto index = vecinal::open_index(place().file, {.threads = 1, .memory_limit = 1U << 20U},
                                           {.sync = vecinal::Sync::on_flush});
    if (!index->check().empty()) std::abort();
  } catch (const vecinal::FormatError&) {
  } catch (const vecinal::MemoryLimit&) {
  }
  return 0;
}
