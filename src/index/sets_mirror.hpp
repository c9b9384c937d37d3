/// What an index of sets keeps on a device: the tables of its encoder, and a copy of the vectors of
/// its sets that is brought up to date by the searches that rank by it. The host's stay the master.
#pragma once

#include <memory>
#include <shared_mutex>

#include "backend/backend.hpp"
#include "core/pinned_array.hpp"
#include "multivector/token_rows.hpp"
#include "vecinal/fde.hpp"

namespace vecinal {

/// All functions may run beside one another, and beside an add: vectors of a set that can be
/// searched never change. They throw CudaError; what was kept is then given up.
class SetsMirror {
 public:
  explicit SetsMirror(Backend& backend) : backend_(backend) {}

  /// Backend::chamfer() with sets of these tokens, which are copied first as far as they are wanted
  /// and new.
  void score(const TokenRows& tokens, const SetQueries& queries, std::span<float> scores);

  /// Room for encodings, which the device writes by itself.
  [[nodiscard]] std::span<float> pinned(PinnedArray<float>& memory, std::size_t values) {
    return memory.need(values, backend_);
  }

  /// FdeEncoder::encode_*() of sound sets. The tables of the last encoder stay there:
  /// forget() before it ends.
  void encode_documents(const FdeEncoder& encoder, const Batch& sets, std::span<float> to);
  void encode_queries(const FdeEncoder& encoder, const Batch& sets, std::span<float> to);

  /// Gives up what it keeps, before tokens and encoder end.
  void forget();

  /// Memory held on the device.
  [[nodiscard]] std::size_t bytes() const;

 private:
  [[nodiscard]] bool has(const TokenRows& tokens, std::size_t count) const;
  void copy(const TokenRows& tokens, std::size_t count);
  void put(const TokenRows& tokens, std::size_t count);
  /// Calls use(tables on the device).
  template <class Use>
  void with_tables(const FdeEncoder& encoder, Use use);

  Backend& backend_;
  mutable std::shared_mutex rows_lock_;
  const TokenRows* tokens_ = nullptr;  ///< those that are copied; null for none
  std::unique_ptr<DeviceRows> rows_;
  mutable std::shared_mutex tables_lock_;
  const FdeEncoder* encoder_ = nullptr;  ///< whose tables are there; null for none
  std::unique_ptr<DeviceFde> tables_;
};

/// FdeEncoder::encode_*() of sound sets, by the mirror's device if there is one.
void encode_documents(const FdeEncoder& encoder, SetsMirror* mirror, const Batch& sets,
                      std::span<float> to);
void encode_queries(const FdeEncoder& encoder, SetsMirror* mirror, const Batch& sets,
                    std::span<float> to);

/// One on the device; null for the CPU. Throws CudaError.
[[nodiscard]] std::unique_ptr<SetsMirror> make_sets_mirror(Device device);

}  // namespace vecinal
