/// Rows of a set on their way through shared memory to one warp, 32 at a time and 128 bytes of
/// each: such a piece comes while the one before it is used. So memory is read by whole lines, many
/// of them at a time, for which reading rows as tensor cores want them would need registers.
#pragma once

#include "async_copy.hpp"
#include "panel_tile.hpp"

namespace vecinal::cuda {

/// Rows that lie one behind another.
struct RowsToStage {
  const unsigned char* data = nullptr;  ///< the first
  std::size_t pitch = 0;
  unsigned count = 0;
  unsigned begin = 0;  ///< of the values of a row: 0, or 16 where something stands before them
  unsigned bytes = 0;  ///< of them, a multiple of 32
};

/// Pieces in shared memory.
struct RowStages {
  static constexpr unsigned count = 2;
  static constexpr unsigned rows = 16 * PanelTile::row_tiles;
  static constexpr unsigned piece_bytes = 128;
  /// Values begin where they do in a row, and what tensor cores are fed with at a time, 8 bytes of
  /// 4 rows by 4 lanes each, lies in different banks.
  static constexpr unsigned pitch = piece_bytes + 32;
  static constexpr unsigned bytes = rows * pitch;
};

/// Shared memory of a warp.
inline constexpr std::size_t row_stages_bytes = std::size_t{RowStages::count} * RowStages::bytes;

/// A piece of 32 rows that has come.
struct StagedPiece {
  const unsigned char* memory = nullptr;
  unsigned left = 0;  ///< rows from the first of these on
  unsigned at = 0;    ///< byte of the values
  unsigned bytes = 0;
  bool last = false;  ///< of these rows

  /// Where the rows of a lane are: values begin with those of the piece, and before those of the
  /// first piece stands what does in the row. Rows past the end are the last one.
  __device__ void row_starts(unsigned lane, TileRows& rows) const {
#pragma unroll
    for (unsigned m = 0; m < PanelTile::row_tiles; ++m)
#pragma unroll
      for (unsigned half = 0; half < 2; ++half)
        rows[m][half] = memory + row(lane, m, half) * RowStages::pitch;
  }

  /// Which row of the tile that is.
  [[nodiscard]] __device__ unsigned row(unsigned lane, unsigned m, unsigned half) const {
    const unsigned row = PanelTile::row(lane, m, half);
    return row < left ? row : left - 1;
  }
};

/// Which piece is begun next.
class ComingPiece {
 public:
  __device__ ComingPiece(const RowsToStage& from, unsigned char* stages)
      : from_(from), stages_(stages) {}

  /// Begins it, if there is one; all lanes of the warp.
  __device__ void begin(unsigned lane) {
    if (first_ < from_.count) {
      copy(lane);
      stage_ = (stage_ + 1) % RowStages::count;
      at_ += RowStages::piece_bytes;
      if (at_ >= from_.bytes) {
        at_ = 0;
        first_ += RowStages::rows;
      }
    }
    end_copies();
  }

 private:
  __device__ void copy(unsigned lane) const {
    constexpr unsigned lanes = RowStages::piece_bytes / 16;  // that copy a row
    const unsigned at = lane % lanes * 16;
    unsigned char* to = stages_ + stage_ * RowStages::bytes;
    const unsigned char* rows = from_.data + first_ * from_.pitch;
    const unsigned left = from_.count - first_;
    if (at_ == 0 && from_.begin != 0 && lane < left)
      copy_piece(to + lane * RowStages::pitch, rows + lane * from_.pitch);
    if (at_ + at >= from_.bytes) return;
    to += from_.begin + at;
    rows += from_.begin + at_ + at;
#pragma unroll
    for (unsigned row = lane / lanes; row < RowStages::rows; row += warp_size / lanes)
      if (row < left) copy_piece(to + row * RowStages::pitch, rows + row * from_.pitch);
  }

  const RowsToStage& from_;
  unsigned char* stages_;
  unsigned first_ = 0;  ///< row
  unsigned at_ = 0;
  unsigned stage_ = 0;
};

/// Calls use(piece) for every piece of every 32 rows in turn. stages: row_stages_bytes of the
/// warp's own.
template <class Use>
__device__ void stream_pieces(const RowsToStage& from, unsigned char* stages, unsigned lane,
                              Use use) {
  ComingPiece coming(from, stages);
  coming.begin(lane);
  unsigned stage = 0;
  for (unsigned first = 0; first < from.count; first += RowStages::rows)
    for (unsigned at = 0; at < from.bytes; at += RowStages::piece_bytes) {
      __syncwarp();  // the piece before this one has been used
      coming.begin(lane);
      wait_for_copies<RowStages::count - 1>();
      __syncwarp();
      const unsigned left = from.bytes - at;
      const bool last = left <= RowStages::piece_bytes;
      use(StagedPiece{stages + stage * RowStages::bytes, from.count - first, at,
                      last ? left : RowStages::piece_bytes, last});
      stage = (stage + 1) % RowStages::count;
    }
}

}  // namespace vecinal::cuda
