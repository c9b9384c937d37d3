// DeviceFdeEncoder: the tables of an FdeEncoder on the device, and sets that never leave it.
#include "vecinal/device_fde.hpp"

#include <stdexcept>
#include <vector>

#include "backend/backend_library.hpp"
#include "core/concat.hpp"
#include "index/fde_tables.hpp"
#include "multivector/sets.hpp"
#include "transform/prepare.hpp"

namespace vecinal {

class DeviceFdeEncoder::Impl {
 public:
  explicit Impl(const FdeEncoder& encoder)
      : dim_(encoder.config().dim),
        backend_(cuda_backend()),
        tables_(backend_.make_fde(FdeTableArrays(encoder).view())) {}

  [[nodiscard]] std::size_t encoded_dim() const { return tables_->encoded_dim(); }

  using Encode = std::size_t (Backend::*)(const DeviceFde&, const SetsToEncode&, float*);
  void encode(const DeviceBatch& sets, std::span<float> out, Encode call) const;

 private:
  /// Names the vector that the device has found fault with.
  [[noreturn]] void refuse(const DeviceBatch& sets, const Batch& layout, std::size_t vector) const;

  std::size_t dim_;
  Backend& backend_;
  std::unique_ptr<DeviceFde> tables_;
};

void DeviceFdeEncoder::Impl::encode(const DeviceBatch& sets, std::span<float> out,
                                    Encode call) const {
  const std::size_t stride = sets.stride == 0 ? sets.dim : sets.stride;
  if (stride < sets.dim)
    throw std::invalid_argument(
        concat("fde: stride must be at least dim ", sets.dim, ", got ", stride));
  const Batch layout{.count = sets.count, .dim = sets.dim, .offsets = sets.offsets};
  validate_layout(layout, {.dim = dim_, .empty = EmptySets::allowed}, "fde");
  validate_room(out.size(), layout, encoded_dim());
  if (layout.items() == 0) return;
  std::vector<std::size_t> singles;
  const std::size_t faulty = (backend_.*call)(*tables_,
                                              {.vectors = sets.data,
                                               .stride = stride,
                                               .offsets = offsets_of(layout, singles),
                                               .on_device = true,
                                               .stream = sets.stream},
                                              out.data());
  if (faulty != sets.count) refuse(sets, layout, faulty);
}

void DeviceFdeEncoder::Impl::refuse(const DeviceBatch& sets, const Batch& layout,
                                    std::size_t vector) const {
  const HostCopy copy({.data = sets.data + vector * (sets.stride == 0 ? sets.dim : sets.stride),
                       .count = 1,
                       .dim = sets.dim,
                       .stream = sets.stream});
  refuse_vector(layout, vector, describe(fault_of(Metric::chamfer, copy.batch().data, sets.dim)),
                "fde");
}

DeviceFdeEncoder::DeviceFdeEncoder(const FdeEncoder& encoder)
    : impl_(std::make_unique<Impl>(encoder)) {}
DeviceFdeEncoder::~DeviceFdeEncoder() = default;
DeviceFdeEncoder::DeviceFdeEncoder(DeviceFdeEncoder&&) noexcept = default;
DeviceFdeEncoder& DeviceFdeEncoder::operator=(DeviceFdeEncoder&&) noexcept = default;
std::size_t DeviceFdeEncoder::encoded_dim() const { return impl_->encoded_dim(); }
void DeviceFdeEncoder::encode_documents(const DeviceBatch& documents, std::span<float> out) const {
  impl_->encode(documents, out, &Backend::encode_documents);
}
void DeviceFdeEncoder::encode_queries(const DeviceBatch& queries, std::span<float> out) const {
  impl_->encode(queries, out, &Backend::encode_queries);
}

}  // namespace vecinal
