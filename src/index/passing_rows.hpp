/// Rows that a device has no room for: pieces of them pass through its memory, and every query is
/// compared with each.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "index/rows.hpp"

namespace vecinal {

class PassingRows {
 public:
  /// The rows of `rows` that rank, the first `count` of them.
  PassingRows(Backend& backend, const Rows& rows, std::size_t count);

  /// Backend::knn() over all pieces: of the listed slots, which ascend, or of all rows if none are
  /// listed. Pieces are halved until one fits; throws DeviceMemoryError if few rows do not.
  void knn(const QueryBlock& queries, std::span<const Slot> slots, std::size_t most,
           std::span<Scored> found);

  /// Backend::max_found() of these rows.
  [[nodiscard]] std::size_t max_found() const { return backend_.max_found(*ranking_); }

 private:
  /// Rows first, first + 1, ... of those that are compared: listed, or all.
  struct Piece {
    std::size_t first = 0;
    std::size_t count = 0;
    std::span<const Slot> slots;

    [[nodiscard]] Slot slot(std::size_t i) const {
      return slots.empty() ? static_cast<Slot>(first + i) : slots[first + i];
    }
  };

  void start();
  void put(const Piece& piece);
  void put_rows(DeviceRows& to, const Storage& from, const Piece& piece);
  /// Merges what a piece has for each query into what was found before.
  void take(const Piece& piece, std::size_t most, std::span<Scored> found);

  Backend& backend_;
  const Rows& rows_;
  std::size_t count_;
  std::size_t together_;               ///< rows of a piece
  std::unique_ptr<DeviceRows> first_;  ///< of rows with two levels, the first
  std::unique_ptr<DeviceRows> ranking_;
  std::vector<std::byte> gathered_;
  std::vector<Scored> of_piece_;
  std::vector<Scored> merged_;
};

}  // namespace vecinal
