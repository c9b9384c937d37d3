// How a CudaBackend encodes and projects rows.
#include <algorithm>
#include <stdexcept>

#include "backend.hpp"
#include "encode.hpp"
#include "layout.hpp"
#include "project.hpp"

namespace vecinal::cuda {
namespace {

/// Rows of a launch take about as much memory.
constexpr std::size_t piece_bytes = std::size_t{256} << 20U;

/// Bits of the codes of a level, of the first one if a row has two.
struct CodeBits {
  unsigned base = 0;
  unsigned last = 8;
};

CodeBits bits_of(kernels::RowType type) {
  using kernels::RowType;
  switch (type) {
    case RowType::lvq8:
      return {0, 8};
    case RowType::lvq4:
      return {0, 4};
    case RowType::lvq4x4:
      return {4, 4};
    case RowType::lvq4x8:
      return {4, 8};
    case RowType::lvq8x8:
      return {8, 8};
    default:
      throw std::invalid_argument("encode: rows of floats are no codes");
  }
}

std::size_t row_bytes(std::size_t padded_dim, unsigned bits) {
  return bits == 0 ? 0 : sizeof(kernels::CodeHeader) + padded_dim * bits / 8;
}

/// Rows first .. first + count - 1.
void encode_piece(const RowsToEncode& rows, std::size_t first, std::size_t count, Lane& lane,
                  std::byte* to, std::size_t to_stride, RowError* errors) {
  const CodeBits bits = bits_of(rows.type);
  const std::size_t pitch = row_bytes(rows.padded_dim, bits.last);
  const std::size_t base_pitch = row_bytes(rows.padded_dim, bits.base);
  const std::size_t values = count * rows.padded_dim;
  Layout layout;
  const auto at_values = layout.add<float>(values);
  const auto at_biases = layout.add<float>(count);
  const auto at_rest = layout.add<float>(bits.base == 0 ? 0 : values);
  const auto at_base = layout.add<unsigned char>(count * base_pitch);
  const auto at_codes = layout.add<unsigned char>(count * pitch);
  const auto at_losses = layout.add<RowLoss>(count);
  layout.settle(lane.workspace);

  const std::size_t width = rows.padded_dim * sizeof(float);
  copy_rows_in(layout[at_values], rows.rows + first * rows.stride,
               {width, rows.stride * sizeof(float), width, count}, lane.stream);
  if (rows.biases == nullptr)
    fill_bytes(layout[at_biases], 0, count * sizeof(float), lane.stream);
  else
    copy_in(layout[at_biases], rows.biases + first, count * sizeof(float), lane.stream);
  EncodeRequest request{.rows = static_cast<unsigned>(count),
                        .padded_dim = static_cast<unsigned>(rows.padded_dim),
                        .bits = bits.last,
                        .fitted = rows.fitted,
                        .correction = rows.correction,
                        .values = layout[at_values],
                        .biases = layout[at_biases],
                        .codes = layout[at_codes],
                        .pitch = pitch,
                        .losses = layout[at_losses]};
  if (bits.base != 0) {
    copy_rows_in(layout[at_base], rows.base + first * rows.base_stride,
                 {base_pitch, rows.base_stride, base_pitch, count}, lane.stream);
    request.rest = layout[at_rest];
    request.base = layout[at_base];
    request.base_pitch = base_pitch;
    request.base_bits = bits.base;
  }
  cuda::encode(request, lane.stream);
  copy_rows_out(to + first * to_stride, layout[at_codes], {to_stride, pitch, pitch, count},
                lane.stream);
  static_assert(sizeof(RowLoss) == sizeof(RowError));
  copy_out(errors + first, layout[at_losses], count * sizeof(RowError), lane.stream);
  synchronize(lane.stream);
}

class CudaMatrix final : public DeviceMatrix {
 public:
  CudaMatrix(const HostRows& rows, std::size_t cols, Lane& lane) : rows_(rows.count), cols_(cols) {
    const std::size_t width = cols * sizeof(float);
    copy_rows_in(memory_.need(rows_ * width), rows.data,
                 {width, rows.stride * sizeof(float), width, rows_}, lane.stream);
    synchronize(lane.stream);
  }
  [[nodiscard]] std::size_t rows() const override { return rows_; }
  [[nodiscard]] std::size_t cols() const override { return cols_; }
  [[nodiscard]] const float* data() const { return memory_.as<float>(); }

 private:
  std::size_t rows_;
  std::size_t cols_;
  Buffer memory_;
};

/// Calls use(first, count) for pieces of rows that need `bytes` each.
template <class Use>
void in_pieces(std::size_t rows, std::size_t bytes, Use use) {
  const std::size_t most = std::max<std::size_t>(1, piece_bytes / bytes);
  for (std::size_t first = 0; first < rows; first += most) use(first, std::min(most, rows - first));
}

}  // namespace

void CudaBackend::encode(const RowsToEncode& rows, std::byte* to, std::size_t to_stride,
                         std::span<RowError> errors) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  in_pieces(rows.count, 3 * rows.padded_dim * sizeof(float),
            [&](std::size_t first, std::size_t count) {
              encode_piece(rows, first, count, *lane, to, to_stride, errors.data());
            });
}

std::unique_ptr<DeviceMatrix> CudaBackend::make_matrix(const HostRows& rows, std::size_t cols) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  return std::make_unique<CudaMatrix>(rows, cols, *lane);
}

void CudaBackend::project(const DeviceMatrix& matrix, const HostRows& rows, std::span<float> to) {
  const DeviceScope here;
  const auto& mine = static_cast<const CudaMatrix&>(matrix);
  const std::size_t cols = mine.cols();
  const LanePool::Lease lane = lanes_.take();
  in_pieces(rows.count, (cols + mine.rows()) * sizeof(float),
            [&](std::size_t first, std::size_t count) {
              Layout layout;
              const auto from = layout.add<float>(count * cols);
              const auto made = layout.add<float>(count * mine.rows());
              layout.settle(lane->workspace);
              const std::size_t width = cols * sizeof(float);
              copy_rows_in(layout[from], rows.data + first * rows.stride,
                           {width, rows.stride * sizeof(float), width, count}, lane->stream);
              cuda::project({mine.data(), layout[from], layout[made], mine.rows(), cols, count},
                            lane->stream);
              copy_out(to.data() + first * mine.rows(), layout[made],
                       count * mine.rows() * sizeof(float), lane->stream);
              synchronize(lane->stream);
            });
}

}  // namespace vecinal::cuda
