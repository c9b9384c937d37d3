#include "index/passing_rows.hpp"

#include <algorithm>
#include <cstring>

#include "backend/query_block.hpp"
#include "vecinal/error.hpp"

namespace vecinal {
namespace {

/// Pieces of fewer rows are not tried.
constexpr std::size_t least_rows = 64;

std::span<const Scored> without_gaps(std::span<const Scored> found) {
  const auto end = std::find_if(found.begin(), found.end(),
                                [](const Scored& row) { return row.slot == no_slot; });
  return {found.begin(), end};
}

}  // namespace

PassingRows::PassingRows(Backend& backend, const Rows& rows, std::size_t count)
    : backend_(backend), rows_(rows), count_(count), together_(count) {
  start();
}

void PassingRows::start() {
  ranking_.reset();
  first_.reset();
  const Storage& ranking = rows_.ranking();
  if (ranking.view().base != nullptr)
    first_ = backend_.make_rows(device_format(rows_.walked()), nullptr);
  ranking_ = backend_.make_rows(device_format(ranking), first_.get());
}

void PassingRows::knn(const QueryBlock& queries, std::span<const Slot> slots, std::size_t most,
                      std::span<Scored> found) {
  std::fill(found.begin(), found.end(), Scored{});
  of_piece_.resize(found.size());
  const std::size_t all = slots.empty() ? count_ : slots.size();
  for (std::size_t first = 0; first < all;) {
    const Piece piece{first, std::min(together_, all - first), slots};
    try {
      put(piece);
      backend_.knn(*ranking_, queries, piece.count, {}, most, of_piece_);
    } catch (const DeviceMemoryError&) {
      if (piece.count <= least_rows) throw;
      together_ = (piece.count + 1) / 2;
      start();  // which gives back what the larger ones had
      continue;
    }
    take(piece, most, found);
    first += piece.count;
  }
}

void PassingRows::put(const Piece& piece) {
  if (first_ != nullptr) put_rows(*first_, rows_.walked(), piece);
  put_rows(*ranking_, rows_.ranking(), piece);
}

void PassingRows::put_rows(DeviceRows& to, const Storage& from, const Piece& piece) {
  to.truncate(0);
  if (piece.slots.empty()) {
    to.put(0, piece.count, from.row(piece.slot(0)), from.stride());
    return;
  }
  const std::size_t bytes = from.row_bytes();
  gathered_.resize(piece.count * bytes);
  for (std::size_t i = 0; i < piece.count; ++i)
    std::memcpy(gathered_.data() + i * bytes, from.row(piece.slot(i)), bytes);
  to.put(0, piece.count, gathered_.data(), bytes);
}

void PassingRows::take(const Piece& piece, std::size_t most, std::span<Scored> found) {
  for (std::size_t at = 0; at < found.size(); at += most) {
    const std::span<Scored> own = found.subspan(at, most);
    const std::span<Scored> of_query = std::span(of_piece_).subspan(at, most);
    for (Scored& row : of_query)
      if (row.slot != no_slot) row.slot = piece.slot(row.slot);
    const std::span<const Scored> before = without_gaps(own);
    const std::span<const Scored> more = without_gaps(of_query);
    merged_.resize(before.size() + more.size());
    std::merge(before.begin(), before.end(), more.begin(), more.end(), merged_.begin());
    std::copy_n(merged_.begin(), std::min(most, merged_.size()), own.begin());
  }
}

}  // namespace vecinal
