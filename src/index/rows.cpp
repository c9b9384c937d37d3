#include "index/rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "core/concat.hpp"
#include "core/dot.hpp"
#include "core/parallel.hpp"
#include "transform/prepare.hpp"

namespace vecinal {
namespace {

using kernels::Op;
using kernels::RowType;

struct Levels {
  RowType walked;
  RowType second;  ///< standing alone, after a reduction
  RowType rest;    ///< of what the first level left over; as walked if there is one level
};

Levels levels_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::f32:
      return {RowType::f32, RowType::f32, RowType::f32};
    case Encoding::f16:
      return {RowType::f16, RowType::f16, RowType::f16};
    case Encoding::lvq8:
      return {RowType::lvq8, RowType::lvq8, RowType::lvq8};
    case Encoding::lvq4:
      return {RowType::lvq4, RowType::lvq4, RowType::lvq4};
    case Encoding::lvq4x4:
      return {RowType::lvq4, RowType::lvq4, RowType::lvq4x4};
    case Encoding::lvq4x8:
      return {RowType::lvq4, RowType::lvq8, RowType::lvq4x8};
    case Encoding::lvq8x8:
      break;
  }
  return {RowType::lvq8, RowType::lvq8, RowType::lvq8x8};
}

/// How scores arise from inner products of centred vectors:
///   l2      |q - x|^2          = |q'|^2 + |x'|^2 - 2 <q', x'>
///   cosine  -<q, x>, unit ones = |q'|^2 / 2 + |x'|^2 / 2 - 1 - <q', x'>
///   ip      -<q, x>            = -<mu, q> - <mu, x> + |mu|^2 - <q', x'>
/// The bias of l2 and cosine is corrected for the error of the row, so that the score is that of
/// the distance to the decoded row, less the part that quantization always adds: the error then
/// shrinks with the distance.
RowFormat format_of(const Config& config, RowType type, std::size_t dim, const Model& model,
                    bool symmetric) {
  RowFormat format{.type = type, .op = Op::l2, .dim = dim};
  if (!codec(type, false).is_code()) {
    if (config.metric == Metric::inner_product ||
        (config.metric == Metric::cosine && model.identity()))
      format.op = Op::negative_dot;
    return format;
  }
  format.fitted = model.fitted() && (type == RowType::lvq4 || type == RowType::lvq8);
  switch (config.metric) {
    case Metric::l2:
      format.weight = -2;
      format.correction = symmetric ? 2.0F : 0.0F;
      break;
    case Metric::cosine:
      format.origin = -1;
      format.correction = symmetric ? 1.0F : 0.0F;
      break;
    case Metric::inner_product:
    case Metric::chamfer:
      format.origin =
          static_cast<float>(dot(model.mean().data(), model.mean().data(), model.mean().size()));
      break;
  }
  return format;
}

}  // namespace

void EncodeSummary::operator+=(const EncodeSummary& other) {
  magnitude = std::max(magnitude, other.magnitude);
  squared_error += other.squared_error;
  squared_norm += other.squared_norm;
  values += other.values;
  clipped += other.clipped;
}

kernels::RowType walked_type(Encoding encoding) { return levels_of(encoding).walked; }

Rows::Rows(const Config& config, Model model) : config_(config), model_(std::move(model)) {
  const Levels levels = levels_of(config.encoding);
  RowFormat walked =
      format_of(config, levels.walked, model_.walk_dim(), model_, model_.symmetric());
  if (config.layout == Layout::fused)
    walked.tail = FusedLayout::tail_bytes(Storage(walked), model_.filled_dim(), config.degree);
  walked_ = std::make_unique<Storage>(walked);
  if (config.layout == Layout::fused)
    fused_ = std::make_unique<Fused>(*walked_, model_.filled_dim(), config.degree);
  const Model plain(config.dim);
  if (config.keep != Keep::none || (model_.reduced() && !codec(levels.second, false).is_code())) {
    second_ = Second::raw;
    const RowType type = config.keep == Keep::f16   ? RowType::f16
                         : config.keep == Keep::f32 ? RowType::f32
                                                    : levels.second;
    ranking_ = std::make_unique<Storage>(format_of(config, type, config.dim, plain, true));
  } else if (model_.reduced()) {
    second_ = Second::centred;
    RowFormat format = format_of(config, levels.second, config.dim, model_, true);
    format.fitted = format.fitted && levels.second == RowType::lvq4;
    ranking_ = std::make_unique<Storage>(format);
  } else if (levels.rest != levels.walked) {
    second_ = Second::rest;
    ranking_ = std::make_unique<Storage>(
        format_of(config, levels.rest, model_.walk_dim(), model_, true), walked_.get());
  }
}

void Rows::resize(std::size_t rows) {
  walked_->resize(rows);
  if (two()) ranking_->resize(rows);
}

void Rows::clear(Slot slot) {
  walked_->clear(slot);
  if (two()) ranking_->clear(slot);
}

void Rows::copy(const Rows& from, std::span<const Slot> slots, const Stretch& told) {
  walked_->copy(*from.walked_, slots, told.part(0, two() ? 0.5 : 1));
  if (two()) ranking_->copy(*from.ranking_, slots, told.part(0.5, 1));
}

bool Rows::has_retired() const {
  return walked_->raw().has_retired() || (two() && ranking_->raw().has_retired());
}

void Rows::release_retired() {
  walked_->raw().release_retired();
  if (two()) ranking_->raw().release_retired();
}

float Rows::bias(const float* prepared, double centred_norm) const {
  if (model_.identity()) return 0;
  switch (config_.metric) {
    case Metric::l2:
      return static_cast<float>(centred_norm);
    case Metric::cosine:
      return static_cast<float>(0.5 * centred_norm);
    case Metric::inner_product:
    case Metric::chamfer:
      break;
  }
  return static_cast<float>(-dot(model_.mean().data(), prepared, config_.dim));
}

float Rows::walked_bias(float bias, const float* row) const {
  if (!model_.reduced() || !model_.symmetric() || config_.metric == Metric::inner_product)
    return bias;
  const double norm = dot(row, row, walked_->padded_dim());
  return static_cast<float>(config_.metric == Metric::cosine ? 0.5 * norm : norm);
}

/// One worker's way from a few vectors to their rows.
class Rows::Encoder {
 public:
  static constexpr std::size_t chunk = 64;

  Encoder(const Rows& rows, ItemNames names)
      : names_(names),
        stride_(kernels::padded_codes(rows.config_.dim)),
        prepared_(chunk * stride_),
        centred_(rows.model_.identity() ? 0 : chunk * stride_),
        projected_(rows.model_.identity() ? 0 : chunk * rows.walked_->padded_dim()),
        walked_buffer_(*rows.walked_),
        second_buffer_(rows.ranking()) {}

  void run(Rows& rows, const Batch& items, std::size_t begin, std::size_t end,
           std::span<const Slot> slots) {
    const bool identity = rows.model_.identity();
    for (std::size_t i = begin; i < end; ++i) {
      float* row = prepared_.data() + (i - begin) * stride_;
      const auto [fault, norm] =
          prepare_row(rows.config_.metric, items.row(i), rows.config_.dim, row);
      if (fault != RowFault::none)
        throw std::invalid_argument(
            concat(names_.call, ": row ", names_.first + i, " ", describe(fault)));
      summary.magnitude = std::max(summary.magnitude, norm);
      if (identity) continue;
      float* centred = centred_.data() + (i - begin) * stride_;
      std::copy_n(row, stride_, centred);
      rows.model_.center(centred);
    }
    if (!identity)
      rows.model_.project(Side::data, {centred_.data(), end - begin, stride_}, projected_.data(),
                          rows.walked_->padded_dim());
    for (std::size_t i = begin; i < end; ++i) encode(rows, i, i - begin, slots[i]);
  }

  EncodeSummary summary;

 private:
  void encode(Rows& rows, std::size_t item, std::size_t i, Slot slot) {
    const float* prepared = prepared_.data() + i * stride_;
    const bool identity = rows.model_.identity();
    const float* centred = identity ? prepared : centred_.data() + i * stride_;
    const float* walked = identity ? prepared : projected_.data() + i * rows.walked_->padded_dim();
    const double norm = identity ? 0 : dot(centred, centred, rows.config_.dim);
    const float bias = rows.bias(prepared, norm);
    const Encoded done =
        rows.walked_->set(slot, walked, rows.walked_bias(bias, walked), walked_buffer_);
    note(*rows.walked_, done, item);
    if (rows.two()) {
      const float* full = rows.second_ == Second::rest      ? walked
                          : rows.second_ == Second::centred ? centred
                                                            : prepared;
      note(*rows.ranking_, rows.ranking_->set(slot, full, bias, second_buffer_), item);
    }
    if (identity) return;
    raise(std::sqrt(std::max(norm, static_cast<double>(std::fabs(bias)))));
    if (!rows.walked_->codec().is_code()) return;
    summary.squared_error += done.squared_error + std::max(0.0, norm - done.squared_norm);
    summary.squared_norm += norm;
    summary.values += rows.walked_->padded_dim();
    summary.clipped += done.clipped;
  }

  void note(const Storage& storage, const Encoded& done, std::size_t item) {
    if (!done.in_range)
      throw std::invalid_argument(concat(names_.call, ": row ", names_.first + item,
                                         " has a value out of range: the encoding holds ",
                                         storage.codec().range()));
    raise(std::sqrt(done.squared_norm) + std::sqrt(done.squared_error));
  }

  void raise(double magnitude) {
    summary.magnitude = std::max(summary.magnitude, static_cast<float>(magnitude));
  }

  ItemNames names_;
  std::size_t stride_;
  AlignedFloats prepared_;
  AlignedFloats centred_;
  AlignedFloats projected_;
  QueryBuffer walked_buffer_;
  QueryBuffer second_buffer_;
};

EncodeSummary Rows::encode(const Batch& items, std::span<const Slot> slots, unsigned threads,
                           ItemNames names) {
  std::vector<std::unique_ptr<Encoder>> encoders(threads);
  // Added up in the order of the items, or the last bits would depend on the threads.
  std::vector<EncodeSummary> parts((items.count + Encoder::chunk - 1) / Encoder::chunk);
  parallel_for({.count = items.count, .grain = Encoder::chunk, .threads = threads},
               [&](std::size_t begin, std::size_t end, unsigned worker) {
                 if (encoders[worker] == nullptr)
                   encoders[worker] = std::make_unique<Encoder>(*this, names);
                 Encoder& encoder = *encoders[worker];
                 encoder.summary = {};
                 encoder.run(*this, items, begin, end, slots);
                 parts[begin / Encoder::chunk] = encoder.summary;
               });
  EncodeSummary total;
  for (const EncodeSummary& part : parts) total += part;
  return total;
}

void Rows::prepare(const Batch& queries, std::size_t begin, std::size_t end, std::size_t walk_dim,
                   QuerySet& set) const {
  const std::size_t stride = kernels::padded_codes(config_.dim);
  const std::size_t walked_dim = walked_->padded_dim();
  const std::size_t count = end - begin;
  const bool identity = model_.identity();
  if (set.capacity_ < count) {
    set.capacity_ = count;
    set.prepared_ = AlignedFloats(count * stride);
    set.centred_ = AlignedFloats(identity ? 0 : count * stride);
    set.projected_ = AlignedFloats(identity ? 0 : count * walked_dim);
  }
  set.walked.clear();
  set.second.clear();
  set.magnitude = 0;
  for (std::size_t i = 0; i < count; ++i) {
    float* row = set.prepared_.data() + i * stride;
    const auto [fault, norm] =
        prepare_row(config_.metric, queries.row(begin + i), config_.dim, row);
    if (fault != RowFault::none)
      throw std::invalid_argument(concat("search: query ", begin + i, " ", describe(fault)));
    set.magnitude = std::max(set.magnitude, norm);
    if (identity) set.walked.push_back({row});
  }
  if (identity) return;
  for (std::size_t i = 0; i < count; ++i) {
    const float* prepared = set.prepared_.data() + i * stride;
    float* row = set.centred_.data() + i * stride;
    std::copy_n(prepared, stride, row);
    model_.center(row);
    const double norm = dot(row, row, config_.dim);
    const float constant = bias(prepared, norm);
    set.magnitude = std::max(
        {set.magnitude, std::sqrt(std::fabs(constant) + 1), static_cast<float>(std::sqrt(norm))});
    if (second_ == Second::centred)
      set.second.push_back({row, ranking_->format().origin + constant});
    else if (second_ == Second::raw)
      set.second.push_back({prepared, ranking_->format().origin + constant});
    set.walked.push_back({nullptr, constant});
  }
  model_.project(Side::query, {set.centred_.data(), count, stride}, set.projected_.data(),
                 walked_dim);
  for (std::size_t i = 0; i < count; ++i) {
    float* row = set.projected_.data() + i * walked_dim;
    std::fill(row + walk_dim, row + walked_dim, 0.0F);
    set.walked[i] = {row, walked_->format().origin + walked_bias(set.walked[i].constant, row)};
  }
  if (second_ == Second::rest) set.second = set.walked;
}

void Rows::decode(Slot slot, float* to) const {
  const Storage& storage = ranking();
  AlignedFloats row(2 * storage.padded_dim());
  storage.decode(slot, row.data(), row.data() + storage.padded_dim());
  if (!model_.identity() && second_ != Second::raw) {
    if (second_ != Second::centred) model_.unproject(row.data());
    model_.uncenter(row.data());
  }
  std::copy_n(row.data(), config_.dim, to);
}

}  // namespace vecinal
