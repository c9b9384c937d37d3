/// Vectors that are added to the sums of their cells, and the means made of these. Included by
/// kernels.cpp only.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/vec.hpp"

namespace {

using std::int16_t;
using std::size_t;
using vecinal::kernels::CellAddition;
using vecinal::kernels::CellMeans;

/// Calls whole(p) for registers of values and single(p) for the rest. Width: a constant, or 0.
template <size_t Width, class Whole, class Single>
inline void for_values(size_t width, Whole whole, Single single) {
  const size_t count = Width != 0 ? Width : width;
  size_t p = 0;
#pragma GCC unroll 16
  for (; p + F32::width <= count; p += F32::width) whole(p);
  for (; p < count; ++p) single(p);
}

/// A loop that is compiled for the usual width, and for any.
template <template <size_t> class Loop, class Task>
inline void by_width(const Task& task, size_t width) {
  constexpr size_t usual = 16;
  if (width == usual)
    Loop<usual>::run(task);
  else
    Loop<0>::run(task);
}

/// Queries: sums alone.
template <size_t Width>
struct AddVectors {
  static void run(const CellAddition& task) {
    const CellAddition a = task;  // a copy that no store can change
    for (size_t i = 0; i < a.count; ++i) {
      const float* from = a.values + i * a.stride;
      float* sum = a.sums + static_cast<size_t>(a.cells[i]) * (Width != 0 ? Width : a.width);
      for_values<Width>(
          a.width, [&](size_t p) { store(sum + p, add(load(sum + p), load(from + p))); },
          [&](size_t p) { sum[p] += from[p]; });
    }
  }
};

/// Documents. Without branches, which nobody could predict: every vector is put behind the firsts,
/// where it stays if its cell is new.
template <size_t Width>
struct AddAndKeep {
  static void run(const CellAddition& task) {
    const CellAddition a = task;
    const size_t width = Width != 0 ? Width : a.width;
    int16_t met = *a.met;
    for (size_t i = 0; i < a.count; ++i) {
      const auto cell = static_cast<size_t>(a.cells[i]);
      const float* from = a.values + i * a.stride;
      float* sum = a.sums + cell * width;
      float* first = a.firsts + static_cast<size_t>(met) * width;
      for_values<Width>(
          width,
          [&](size_t p) {
            const F32 value = load(from + p);
            store(sum + p, add(load(sum + p), value));
            store(first + p, value);
          },
          [&](size_t p) {
            sum[p] += from[p];
            first[p] = from[p];
          });
      ++a.sizes[cell];
      const int16_t before = a.places[cell * a.place_stride];
      a.places[cell * a.place_stride] = before < met ? before : met;
      met = static_cast<int16_t>(met + (before == vecinal::kernels::no_place ? 1 : 0));
    }
    *a.met = met;
  }
};

void add_to_cells(const CellAddition& addition) noexcept {
  if (addition.firsts != nullptr) return by_width<AddAndKeep>(addition, addition.width);
  by_width<AddVectors>(addition, addition.width);
  if (addition.sizes != nullptr)
    for (size_t i = 0; i < addition.count; ++i) ++addition.sizes[addition.cells[i]];
}

template <size_t Width>
struct TakeMeans {
  static void run(const CellMeans& task) {
    const CellMeans m = task;
    const size_t width = Width != 0 ? Width : m.width;
    for (size_t at = 0; at < m.cells; ++at) {
      const float* from = m.sums + at * width;
      float* mean = m.means + at * width;
      if (m.sizes[at] == 0 && m.firsts != nullptr)
        from = m.firsts +
               static_cast<size_t>(m.places[at * m.place_stride] % vecinal::kernels::cell_step) *
                   width;
      const float size = m.sizes[at] > 1 ? static_cast<float>(m.sizes[at]) : 1.0F;
      for_values<Width>(
          width, [&](size_t p) { store(mean + p, div(load(from + p), broadcast(&size))); },
          [&](size_t p) { mean[p] = from[p] / size; });
    }
  }
};

void cell_means(const CellMeans& means) noexcept { by_width<TakeMeans>(means, means.width); }

}  // namespace
