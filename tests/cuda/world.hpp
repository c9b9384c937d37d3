/// Rows of any encoding, a graph over them and some queries, on the host and on a backend.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend_library.hpp"
#include "backend/query_block.hpp"
#include "graph/builder.hpp"
#include "support/random.hpp"

namespace vecinal::test {

struct Kind {
  kernels::RowType type;
  kernels::Op op;
  const char* name;
};

inline std::vector<Kind> all_kinds() {
  using kernels::Op;
  using kernels::RowType;
  return {{RowType::f32, Op::l2, "f32_l2"},    {RowType::f32, Op::negative_dot, "f32_dot"},
          {RowType::f16, Op::l2, "f16_l2"},    {RowType::f16, Op::negative_dot, "f16_dot"},
          {RowType::lvq8, Op::l2, "lvq8"},     {RowType::lvq4, Op::l2, "lvq4"},
          {RowType::lvq4x4, Op::l2, "lvq4x4"}, {RowType::lvq4x8, Op::l2, "lvq4x8"},
          {RowType::lvq8x8, Op::l2, "lvq8x8"}};
}

inline std::string kind_name(const testing::TestParamInfo<Kind>& info) { return info.param.name; }

class World {
 public:
  /// Makes vector number `number`: the rows count from 1, queries from first_query.
  using Make = std::function<std::vector<float>(std::size_t dim, std::uint32_t number)>;
  static constexpr std::uint32_t first_query = 10'000;

  World(const Kind& kind, std::size_t count, std::size_t dim, std::size_t query_count,
        Make make = random_floats)
      : make_(std::move(make)) {
    using kernels::RowType;
    const bool two = kind.type == RowType::lvq4x4 || kind.type == RowType::lvq4x8 ||
                     kind.type == RowType::lvq8x8;
    const RowFormat format{.type = kind.type, .op = kind.op, .dim = dim, .weight = -2, .origin = 0};
    if (two) {
      RowFormat first = format;
      first.type = kind.type == RowType::lvq8x8 ? RowType::lvq8 : RowType::lvq4;
      base_ = std::make_unique<Storage>(first);
      fill(*base_, count, dim);
    }
    rows_ = std::make_unique<Storage>(format, base_.get());
    fill(*rows_, count, dim);
    make_queries(query_count, dim);
  }

  [[nodiscard]] const Storage& rows() const { return *rows_; }
  [[nodiscard]] const std::vector<Query>& queries() const { return queries_; }
  [[nodiscard]] bool codes() const { return rows_->codec().is_code(); }

  /// How far scores of the device may be from the CPU's: none for codes; for floats both sums are
  /// off by (dims / 16 + 8) * 2^-24 of the sum of the absolute products, here below 4 a dimension
  /// on average.
  [[nodiscard]] float tolerance() const {
    const auto dims = static_cast<float>(rows_->padded_dim());
    return codes() ? 0.0F : 2.0F * (dims / 16 + 8) * 0x1p-24F * 4 * dims;
  }

  /// The same where floats are multiplied as pairs of halves (cuda/split_panel.hpp).
  [[nodiscard]] float split_tolerance() const {
    return tolerance() +
           (codes() ? 0.0F : 2.0F * 3 * 0x1p-18F * 4 * static_cast<float>(rows_->padded_dim()));
  }

  [[nodiscard]] QueryBlock block() {
    QueryBuffer buffer(*rows_);
    if (arrays_ == nullptr) {
      arrays_ = std::make_unique<QueryArrays>(*rows_);
      arrays_->need(queries_.size(), cuda_backend());
      for (std::size_t i = 0; i < queries_.size(); ++i) arrays_->set(i, queries_[i], buffer);
    }
    return arrays_->block(queries_.size());
  }

  [[nodiscard]] DeviceRows& on_device() {
    if (device_rows_ != nullptr) return *device_rows_;
    const auto upload = [](const Storage& rows, const DeviceRows* base) {
      auto copy = cuda_backend().make_rows(device_format(rows), base);
      // In two pieces, the way an index grows.
      const std::size_t half = rows.size() / 2;
      copy->put(0, half, rows.row(0), rows.stride());
      copy->put(half, rows.size() - half, rows.row(static_cast<Slot>(half)), rows.stride());
      return copy;
    };
    if (base_ != nullptr) device_base_ = upload(*base_, nullptr);
    device_rows_ = upload(*rows_, device_base_.get());
    return *device_rows_;
  }

  /// Over the first level, as graphs are.
  void build(Graph& graph) const {
    std::vector<Slot> order(rows_->size());
    std::iota(order.begin(), order.end(), 0U);
    const Storage& walked = base_ == nullptr ? *rows_ : *base_;
    Builder(graph, walked, {.beam = 30, .geometry = {}, .threads = 1})
        .insert(order, [](std::size_t) {});
  }

 private:
  void fill(Storage& rows, std::size_t count, std::size_t dim) const {
    rows.resize(count);
    QueryBuffer buffer(rows);
    AlignedFloats row(rows.padded_dim());
    for (Slot slot = 0; slot < count; ++slot) {
      const std::vector<float> values = make_(dim, slot + 1);
      double norm = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        row.data()[d] = values[d];
        norm += static_cast<double>(values[d]) * static_cast<double>(values[d]);
      }
      ASSERT_TRUE(rows.set(slot, row.data(), static_cast<float>(norm), buffer).in_range);
    }
  }

  void make_queries(std::size_t count, std::size_t dim) {
    values_ = AlignedFloats(count * rows_->padded_dim());
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<float> values = make_(dim, static_cast<std::uint32_t>(first_query + i));
      float* query = values_.data() + i * rows_->padded_dim();
      std::copy(values.begin(), values.end(), query);
      queries_.push_back({query, 3.0F});
    }
  }

  Make make_;
  std::unique_ptr<Storage> base_;
  std::unique_ptr<Storage> rows_;
  AlignedFloats values_;
  std::vector<Query> queries_;
  std::unique_ptr<QueryArrays> arrays_;
  std::unique_ptr<DeviceRows> device_base_;
  std::unique_ptr<DeviceRows> device_rows_;
};

}  // namespace vecinal::test
