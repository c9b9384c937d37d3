#include "core/log_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "core/concat.hpp"
#include "core/raw_bytes.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

constexpr std::array<char, 8> magic = {'V', 'E', 'C', 'I', 'N', 'L', 'O', 'G'};
constexpr std::uint32_t log_version = 1;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t endian;
  std::uint64_t id;
  std::uint64_t continues;
  std::uint64_t reserved[3];
  std::uint64_t checksum;  ///< of the 56 bytes before it
};
static_assert(sizeof(Header) == 64);

/// Before each payload, which zeros fill up to a multiple of 8 bytes.
struct RecordHead {
  std::uint64_t length;  ///< of the payload
  std::uint64_t sequence;
  std::uint64_t durable;   ///< the last record that was on the disk when this was written
  std::uint64_t contents;  ///< checksum of the payload
  std::uint64_t checksum;  ///< of the 32 bytes before it, with the id of the log as seed
};
static_assert(sizeof(RecordHead) == 40);

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

std::uint64_t checksum_of(const Header& header) {
  return XXH3_64bits(&header, offsetof(Header, checksum));
}

std::uint64_t checksum_of(const RecordHead& head, std::uint64_t id) {
  return XXH3_64bits_withSeed(&head, offsetof(RecordHead, checksum), id);
}

/// The whole record that begins at an offset, if there is one.
std::optional<LogRecord> record_at(std::span<const std::byte> bytes, std::uint64_t offset,
                                   std::uint64_t id) {
  if (bytes.size() - offset < sizeof(RecordHead)) return std::nullopt;
  const auto head = read_at<RecordHead>(bytes, offset);
  if (head.checksum != checksum_of(head, id)) return std::nullopt;
  const std::uint64_t begin = offset + sizeof(RecordHead);
  if (head.length > bytes.size() - begin) return std::nullopt;
  const std::uint64_t end = begin + round_up(head.length);
  if (end > bytes.size()) return std::nullopt;
  const auto payload = bytes.subspan(begin, head.length);
  for (std::uint64_t i = begin + head.length; i < end; ++i)
    if (bytes[i] != std::byte{0}) return std::nullopt;
  if (head.contents != XXH3_64bits(payload.data(), payload.size())) return std::nullopt;
  return LogRecord{head.sequence, offset, payload};
}

/// A record that was cut short is the end of a log. It was whole once if a later one says that it
/// had reached the disk before.
void refuse_lost(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t sequence,
                 std::uint64_t id) {
  for (std::uint64_t at = offset; bytes.size() - at >= sizeof(RecordHead); at += 8) {
    const auto head = read_at<RecordHead>(bytes, at);
    if (head.sequence <= sequence || head.durable < sequence) continue;
    if (head.checksum == checksum_of(head, id))
      throw FormatError(concat("log: record ", sequence, " at byte ", offset,
                               " is damaged, and there are records after it (one begins at byte ",
                               at, ")"));
  }
}

Header read_header(std::span<const std::byte> bytes) {
  const auto header = read_at<Header>(bytes, 0);
  if (header.magic != magic) throw FormatError("log: not a vecinal log (wrong magic)");
  if (header.endian != endian_mark)
    throw FormatError("log: written on a machine of another byte order");
  if (header.version != log_version)
    throw FormatError(
        concat("log: version ", header.version, ", this library reads version ", log_version));
  if (header.checksum != checksum_of(header)) throw FormatError("log: header checksum mismatch");
  return header;
}

}  // namespace

LogContents read_log(std::span<const std::byte> bytes, std::uint64_t known) {
  LogContents log;
  if (bytes.size() < sizeof(Header)) {
    log.torn = bytes.size();
    return log;
  }
  Header header{};
  try {
    header = read_header(bytes);
  } catch (const FormatError&) {
    if (bytes.size() > sizeof(Header)) throw;
    log.torn = bytes.size();  // it was being begun
    return log;
  }
  log.begun = true;
  log.id = header.id;
  log.continues = header.continues;
  std::uint64_t at = sizeof(Header);
  std::uint64_t last = 0;
  while (at < bytes.size()) {
    const std::optional<LogRecord> record = record_at(bytes, at, log.id);
    if (!record) {
      refuse_lost(bytes, at, std::max(last, known) + 1, log.id);
      break;
    }
    if (!log.records.empty() && record->sequence != last + 1)
      throw FormatError(concat("log: the record at byte ", at, " has the number ", record->sequence,
                               ", expected ", last + 1));
    last = record->sequence;
    log.records.push_back(*record);
    at += sizeof(RecordHead) + round_up(record->payload.size());
  }
  log.end = at;
  log.torn = bytes.size() - at;
  return log;
}

LogFile::LogFile(const std::filesystem::path& file, Durability durability)
    : path_(file), durability_(durability), buffer_(FileWriter::buffer_bytes) {
  file_.emplace(file, File::Open::always);
  if (!file_->try_lock())
    throw std::filesystem::filesystem_error(
        "open: the index is open already, here or in another process", file,
        std::make_error_code(std::errc::operation_would_block));
}

void LogFile::begin(std::uint64_t id, std::uint64_t continues, std::uint64_t sequence) {
  Header header{};
  header.magic = magic;
  header.version = log_version;
  header.endian = endian_mark;
  header.id = id;
  header.continues = continues;
  header.checksum = checksum_of(header);
  file_->truncate(0);
  file_->write_at(0, bytes_of(header));
  file_->sync();
  sync_folder_of(path_);
  id_ = id;
  end_ = last_ = sizeof(Header);
  sequence_ = durable_ = sequence;
}

void LogFile::resume(const LogContents& contents, std::uint64_t sequence) {
  if (contents.torn != 0) {
    file_->truncate(contents.end);
    file_->sync();
  }
  id_ = contents.id;
  end_ = last_ = contents.end;
  sequence_ = durable_ = sequence;
}

void LogFile::refuse_closed() const {
  if (!file_) throw std::invalid_argument("the index is closed: it takes no more changes");
}

void LogFile::refuse_unusable() const {
  refuse_closed();
  if (broken_)
    throw std::filesystem::filesystem_error(
        "log: writing to it failed before, and what it holds is not known; open the index again",
        path_, std::make_error_code(std::errc::io_error));
}

void LogFile::append(const Payload& payload) {
  refuse_unusable();
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  RecordHead head{};
  payload([&](std::span<const std::byte> piece) {
    head.length += piece.size();
    XXH3_64bits_update(&hash, piece.data(), piece.size());
  });
  head.sequence = sequence_ + 1;
  head.durable = durable_;
  head.contents = XXH3_64bits_digest(&hash);
  head.checksum = checksum_of(head, id_);
  try {
    FileWriter writer(*file_, end_, buffer_);
    writer.put(bytes_of(head));
    payload([&](std::span<const std::byte> piece) { writer.put(piece); });
    static constexpr std::array<std::byte, 8> zeros{};
    writer.put(std::span(zeros).first(round_up(head.length) - head.length));
    writer.flush();
    if (durability_ == Durability::each) sync();
  } catch (...) {
    cut(end_);
    throw;
  }
  last_ = end_;
  end_ += sizeof(RecordHead) + round_up(head.length);
  ++sequence_;
  if (durability_ == Durability::each) durable_ = sequence_;
}

void LogFile::take_back() noexcept {
  end_ = last_;
  --sequence_;
  durable_ = std::min(durable_, sequence_);
  cut(end_);
}

void LogFile::cut(std::uint64_t bytes) noexcept {
  try {
    file_->truncate(bytes);
    if (!broken_ && durability_ == Durability::each) sync();
  } catch (const std::exception&) {
    broken_ = true;
  }
  if (broken_) ++sequence_;  // the record may still be there
}

void LogFile::sync() {
  try {
    file_->sync();
  } catch (...) {
    broken_ = true;
    throw;
  }
}

void LogFile::flush() {
  refuse_unusable();
  if (durable_ == sequence_) return;
  sync();
  durable_ = sequence_;
}

void LogFile::restart() {
  refuse_unusable();
  file_->truncate(sizeof(Header));
  end_ = last_ = sizeof(Header);
  sync();
  durable_ = sequence_;
}

void LogFile::close() { file_.reset(); }

}  // namespace vecinal
