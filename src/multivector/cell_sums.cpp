#include "multivector/cell_sums.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"

namespace vecinal {
namespace {

/// Repetitions are padded to whole registers.
constexpr std::size_t lanes = 8;

}  // namespace

CellSums::CellSums(const FdeParams& params, std::uint32_t repetitions)
    : cells_(std::size_t{1} << params.k_sim),
      width_(params.projected_dim),
      k_sim_(params.k_sim),
      fill_(params.fill_empty),
      pitch_((repetitions + lanes - 1) / lanes * lanes),
      held_(repetitions * cells_ * width_),
      sizes_(repetitions * cells_),
      firsts_(fill_ ? repetitions * (cells_ + 1) * width_ : 0),
      met_(repetitions),
      places_(fill_ ? cells_ * pitch_ : 0) {}

void CellSums::begin(std::uint32_t repetitions, bool means, float* to) {
  repetitions_ = repetitions;
  means_ = means;
  any_ = false;
  to_ = to;
  sums_ = means ? held_.data() : to;
  std::fill_n(sums_, repetitions * cells_ * width_, 0.0F);
  if (!means) return;
  std::fill(sizes_.begin(), sizes_.end(), 0U);
  std::fill(met_.begin(), met_.end(), std::int16_t{0});
  std::fill(places_.begin(), places_.end(), kernels::no_place);
}

void CellSums::add(std::uint32_t repetition, const std::int32_t* cells, const float* values,
                   std::size_t stride, std::size_t count) {
  any_ = any_ || count != 0;
  kernels::CellAddition addition{values, stride, cells,
                                 count,  width_, sums_ + repetition * cells_ * width_};
  if (means_) addition.sizes = sizes_.data() + repetition * cells_;
  if (means_ && fill_) {
    addition.firsts = firsts_.data() + repetition * (cells_ + 1) * width_;
    addition.places = places_.data() + repetition;
    addition.place_stride = pitch_;
    addition.met = met_.data() + repetition;
  }
  kernels::active().add_to_cells(addition);
}

void CellSums::finish() {
  if (!means_) return;
  if (!any_) {
    std::fill_n(to_, repetitions_ * cells_ * width_, 0.0F);
    return;
  }
  if (fill_) spread();
  for (std::uint32_t r = 0; r < repetitions_; ++r) {
    const std::size_t values = r * cells_ * width_;
    kernels::CellMeans means{sums_ + values, to_ + values, cells_, width_,
                             sizes_.data() + r * cells_};
    if (fill_) {
      means.firsts = firsts_.data() + r * (cells_ + 1) * width_;
      means.places = places_.data() + r;
      means.place_stride = pitch_;
    }
    kernels::active().cell_means(means);
  }
}

/// Empty cells take the vector whose own cell differs in the fewest planes, the first of equals:
/// plane by plane, a cell learns what the one across the plane knows, in all repetitions.
void CellSums::spread() {
  for (std::uint32_t bit = 0; bit < k_sim_; ++bit)
    for (std::size_t at = 0; at < cells_; ++at) {
      const std::size_t other = at ^ (std::size_t{1} << bit);
      if (other < at) continue;
      std::int16_t* __restrict here = places_.data() + at * pitch_;
      std::int16_t* __restrict there = places_.data() + other * pitch_;
      for (std::size_t r = 0; r < pitch_; ++r) {
        const std::int16_t a = here[r];
        const std::int16_t b = there[r];
        here[r] = std::min(a, static_cast<std::int16_t>(b + kernels::cell_step));
        there[r] = std::min(b, static_cast<std::int16_t>(a + kernels::cell_step));
      }
    }
}

}  // namespace vecinal
