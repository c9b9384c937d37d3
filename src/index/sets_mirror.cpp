#include "index/sets_mirror.hpp"

#include <algorithm>
#include <mutex>

#include "backend/backend_library.hpp"
#include "backend/query_block.hpp"
#include "backend/with_room.hpp"
#include "index/fde_tables.hpp"
#include "multivector/sets.hpp"

namespace vecinal {
namespace {

/// singles: offsets that are made.
SetsToEncode host_sets(const Batch& sets, std::vector<std::size_t>& singles) {
  return {.vectors = sets.data,
          .stride = sets.stride == 0 ? sets.dim : sets.stride,
          .offsets = offsets_of(sets, singles)};
}

}  // namespace

bool SetsMirror::has(const TokenRows& tokens, std::size_t count) const {
  return tokens_ == &tokens && rows_->size() >= count;
}

void SetsMirror::copy(const TokenRows& tokens, std::size_t count) {
  if (tokens_ != &tokens) rows_.reset();  // first, or a device would have to hold both
  tokens_ = nullptr;
  with_room(
      backend_, [&] { put(tokens, count); }, [&] { rows_.reset(); });
  tokens_ = &tokens;
}

void SetsMirror::put(const TokenRows& tokens, std::size_t count) {
  if (rows_ == nullptr) rows_ = backend_.make_rows(device_format(tokens.rows()), nullptr);
  const std::size_t first = rows_->size();
  if (count > first)
    rows_->put(first, count - first, tokens.rows().row(static_cast<Slot>(first)),
               tokens.rows().stride());
}

void SetsMirror::score(const TokenRows& tokens, const SetQueries& queries,
                       std::span<float> scores) {
  std::size_t count = 0;
  for (const RowRange& set : queries.sets) count = std::max<std::size_t>(count, set.end);
  for (;;) {
    {
      const std::shared_lock lock(rows_lock_);
      if (has(tokens, count)) return backend_.chamfer(*rows_, queries, scores);
    }
    const std::unique_lock lock(rows_lock_);
    if (!has(tokens, count)) copy(tokens, count);
  }
}

template <class Use>
void SetsMirror::with_tables(const FdeEncoder& encoder, Use use) {
  {
    const std::shared_lock lock(tables_lock_);
    if (encoder_ == &encoder) return use(*tables_);
  }
  const std::unique_lock lock(tables_lock_);
  if (encoder_ != &encoder) {
    encoder_ = nullptr;
    tables_.reset();
    tables_ = backend_.make_fde(FdeTableArrays(encoder).view());
    encoder_ = &encoder;
  }
  use(*tables_);
}

void SetsMirror::encode_documents(const FdeEncoder& encoder, const Batch& sets,
                                  std::span<float> to) {
  std::vector<std::size_t> singles;
  with_tables(encoder, [&](const DeviceFde& tables) {
    backend_.encode_documents(tables, host_sets(sets, singles), to.data());
  });
}

void SetsMirror::encode_queries(const FdeEncoder& encoder, const Batch& sets, std::span<float> to) {
  std::vector<std::size_t> singles;
  with_tables(encoder, [&](const DeviceFde& tables) {
    backend_.encode_queries(tables, host_sets(sets, singles), to.data());
  });
}

void encode_documents(const FdeEncoder& encoder, SetsMirror* mirror, const Batch& sets,
                      std::span<float> to) {
  if (mirror != nullptr)
    mirror->encode_documents(encoder, sets, to);
  else
    encoder.encode_documents(sets, to);
}

void encode_queries(const FdeEncoder& encoder, SetsMirror* mirror, const Batch& sets,
                    std::span<float> to) {
  if (mirror != nullptr)
    mirror->encode_queries(encoder, sets, to);
  else
    encoder.encode_queries(sets, to);
}

void SetsMirror::forget() {
  const std::scoped_lock lock(rows_lock_, tables_lock_);
  tokens_ = nullptr;
  rows_.reset();
  encoder_ = nullptr;
  tables_.reset();
}

std::size_t SetsMirror::bytes() const {
  const std::shared_lock rows(rows_lock_);
  const std::shared_lock tables(tables_lock_);
  return (rows_ == nullptr ? 0 : rows_->bytes()) + (tables_ == nullptr ? 0 : tables_->bytes());
}

std::unique_ptr<SetsMirror> make_sets_mirror(Device device) {
  return device == Device::cpu ? nullptr : std::make_unique<SetsMirror>(cuda_backend());
}

}  // namespace vecinal
