/// Scans for many queries: products of rows and queries in 16-bit steps say which rows may be among
/// the k best, and these are scored.
///
/// A row is its length times a direction, whose values are rounded to integers so that the
/// direction has the length 32,000; a query likewise. Then integer products fit 32 bits, take half
/// the instructions of floats, and are off by less than 32,000 times what rounding moves a vector,
/// sqrt(dim) / 2, for each of both: a share of sqrt(dim) / 32,000 of the lengths' product, which is
/// all that a score's bounds depend on.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "backend/near_rows.hpp"
#include "backend/scan.hpp"
#include "core/aligned_array.hpp"
#include "kernels/dispatch.hpp"

namespace vecinal {

/// One thread's.
class StepScan {
 public:
  StepScan(const Storage& storage, const ScanRows& rows, const ScanParams& params);

  /// Queries of a panel, which cost as much as one.
  [[nodiscard]] static std::size_t width() { return kernels::active().tile_queries; }

  /// Whether vectors of that length, and the squares of them, are far from the ends of float32.
  [[nodiscard]] static bool fits(float max_norm) { return max_norm > 1e-8F && max_norm < 1e15F; }

  /// All panels see a block of rows before the next block is read. done(query, best): scan()'s.
  void run(std::span<const Query> queries,
           const std::function<void(std::size_t, std::span<Scored>)>& done);

 private:
  [[nodiscard]] bool codes() const { return storage_.codec().is_code(); }
  [[nodiscard]] bool l2() const { return !codes() && storage_.format().op == kernels::Op::l2; }
  [[nodiscard]] float weight() const;
  [[nodiscard]] float doubt() const;

  void prepare(std::span<const Query> queries);
  void load(std::size_t first, std::size_t count);
  void scan_panel(std::size_t panel, std::size_t first, std::size_t count, std::size_t queries);
  void finish(std::size_t q, const Query& query,
              const std::function<void(std::size_t, std::span<Scored>)>& done);

  const Storage& storage_;
  const ScanRows rows_;
  ScanParams params_;
  const kernels::KernelTable& table_;
  std::size_t width_;
  std::size_t dim_;
  std::size_t block_;  ///< rows
  QueryBuffer buffer_;
  AlignedFloats values_;
  AlignedArray<std::int16_t> steps_;
  std::vector<float> gains_;  ///< value of a row's step
  std::vector<float> bias_;
  AlignedArray<std::int32_t> sums_;
  AlignedFloats scores_;
  std::vector<std::uint32_t> hits_;
  AlignedArray<std::int16_t> panels_;
  std::vector<float> scales_;  ///< weight of a query's step
  std::vector<float> slacks_;
  std::vector<float> limits_;
  std::vector<NearRows> near_;
  std::vector<Slot> slots_;
  std::vector<float> exact_;
  std::vector<Scored> found_;
};

}  // namespace vecinal
