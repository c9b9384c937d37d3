/// The Backend of a CUDA card: what the launchers of the kernels are put together to.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.hpp"
#include "lane.hpp"
#include "runtime.hpp"
#include "scan.hpp"
#include "search.hpp"
#include "sign_tails.hpp"

namespace vecinal::cuda {

class CudaRows final : public DeviceRows {
 public:
  CudaRows(const DeviceRowFormat& format, const CudaRows* base);

  void put(std::size_t first, std::size_t count, const std::byte* from,
           std::size_t stride) override;
  void put_again(std::span<const Slot> slots, const std::byte* from, std::size_t stride) override;
  void reserve(std::size_t rows) override;
  void truncate(std::size_t count) override { size_ = count < size_ ? count : size_; }
  [[nodiscard]] std::size_t size() const override { return size_; }
  [[nodiscard]] std::size_t bytes() const override { return memory_.bytes() + norms_.bytes(); }

  [[nodiscard]] const DeviceRowFormat& format() const { return format_; }
  [[nodiscard]] KindOfRows kind() const { return {format_.type, format_.op}; }
  [[nodiscard]] bool codes() const { return codes_; }
  [[nodiscard]] std::size_t query_bytes() const { return format_.padded_dim * (codes_ ? 2 : 4); }
  [[nodiscard]] std::size_t row_begin() const { return codes_ ? code_header_at : 0; }
  [[nodiscard]] RowsView view() const;

 private:
  void reserve(std::size_t rows, Stream stream);
  /// Begins to; there is room.
  void copy(std::size_t first, std::size_t count, const std::byte* from, std::size_t stride,
            Stream stream);
  [[nodiscard]] bool has_norms() const { return !codes_ && format_.op == kernels::Op::l2; }

  DeviceRowFormat format_;
  const CudaRows* base_;
  bool codes_;
  std::size_t pitch_;
  std::size_t size_ = 0;
  Buffer memory_;
  Buffer norms_;
  LanePool lanes_;
};

class CudaGraph final : public DeviceGraph {
 public:
  void put(std::uint32_t first, std::span<const HostLayer> layers, std::uint32_t entry) override;
  void put_changed(const HostLayer& base, std::span<const std::uint32_t> nodes) override;
  void set_rows(std::span<const std::uint32_t> nodes, std::span<const std::uint32_t> rows) override;
  [[nodiscard]] std::size_t bytes() const override;
  [[nodiscard]] const GraphView& view() const { return view_; }

 private:
  /// Begins to replace rows of level 0, whose links lie there.
  void set_rows_on(std::uint32_t* links, std::span<const std::uint32_t> nodes,
                   std::span<const std::uint32_t> rows, Lane& lane) const;

  struct Level {
    Buffer links;
    Buffer slots;
    Buffer down;
  };
  std::vector<std::unique_ptr<Level>> levels_;
  GraphView view_;
  LanePool lanes_;
};

class CudaTails final : public DeviceTails {
 public:
  explicit CudaTails(float weight) : weight_(weight) {}
  void put(const HostTails& tails, const EntryNodes& entries) override;
  void put_changed(const HostTails& tails, std::span<const std::uint32_t> nodes,
                   const EntryNodes& entries) override;
  [[nodiscard]] std::size_t bytes() const override {
    return tails_.bytes() + entries_.bytes() + entry_nodes_.bytes();
  }
  [[nodiscard]] const TailsView& view() const { return view_; }

 private:
  /// Tails from `first` on.
  void pack(const HostTails& from, std::size_t first, Buffer& to, Lane& lane) const;
  void pack_some(const HostTails& from, std::span<const std::uint32_t> nodes, Lane& lane);
  void put_entries(const HostTails& tails, const EntryNodes& entries, Lane& lane);

  float weight_;           ///< of the rows
  std::size_t count_ = 0;  ///< of tails
  Buffer tails_;
  Buffer entries_;
  Buffer entry_nodes_;
  TailsView view_;
  LanePool lanes_;
};

[[nodiscard]] inline const CudaRows& mine(const DeviceRows& rows) {
  return static_cast<const CudaRows&>(rows);
}
[[nodiscard]] inline const CudaGraph& mine(const DeviceGraph& graph) {
  return static_cast<const CudaGraph&>(graph);
}
[[nodiscard]] inline const CudaTails& mine(const DeviceTails& tails) {
  return static_cast<const CudaTails&>(tails);
}

class CudaBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return device_info().name; }
  [[nodiscard]] std::shared_ptr<std::byte> pinned(std::size_t bytes) override;
  void trim() override { lanes_.clear(); }
  void copy_from(const CallersRows& rows, void* host) override;
  void copy_to(void* device, const void* host, std::size_t bytes, void* stream) override;
  [[nodiscard]] std::unique_ptr<DeviceRows> make_rows(const DeviceRowFormat& format,
                                                      const DeviceRows* base) override;
  [[nodiscard]] std::unique_ptr<DeviceGraph> make_graph() override;
  [[nodiscard]] std::size_t max_found(const DeviceRows& rows) const override;
  [[nodiscard]] std::unique_ptr<DeviceWork> search_graph(
      const DeviceRows& rows, const DeviceGraph& graph, const QueryBlock& queries,
      const DeviceBreadth& breadth, const DeviceRanking* ranking, std::span<Scored> found) override;
  void knn(const DeviceRows& rows, const QueryBlock& queries, std::size_t count,
           std::span<const Slot> slots, std::size_t most, std::span<Scored> found) override;
  void find_links(const DeviceRows& rows, const DeviceGraph& graph, const DeviceItems& items,
                  const DeviceLinkParams& params, std::span<Slot> twins,
                  std::span<Scored> links) override;
  void prune(const DeviceRows& rows, const DeviceGraph& graph, const DevicePrune& work,
             const DeviceLinkParams& params, std::span<std::uint32_t> links) override;
  [[nodiscard]] std::size_t max_candidates(const DeviceRows& rows,
                                           const DeviceLinkParams& params) const override;

  // backend_fused.cu
  [[nodiscard]] std::unique_ptr<DeviceTails> make_tails(const DeviceRows& rows) override;
  [[nodiscard]] std::size_t max_fused(const DeviceRows& rows,
                                      const DeviceTails& tails) const override;
  [[nodiscard]] std::unique_ptr<DeviceWork> search_fused(
      const DeviceRows& rows, const DeviceGraph& graph, const DeviceTails& tails,
      const QueryBlock& queries, const DeviceFusedBreadth& breadth, const DeviceRanking* ranking,
      std::span<Scored> found) override;

  // backend_sets.cu
  void chamfer(const DeviceRows& tokens, const SetQueries& queries,
               std::span<float> scores) override;

  // backend_fde.cu
  [[nodiscard]] std::unique_ptr<DeviceFde> make_fde(const FdeTables& tables) override;
  std::size_t encode_documents(const DeviceFde& fde, const SetsToEncode& sets, float* to) override;
  std::size_t encode_queries(const DeviceFde& fde, const SetsToEncode& sets, float* to) override;

  // backend_encoding.cu
  void encode(const RowsToEncode& rows, std::byte* to, std::size_t to_stride,
              std::span<RowError> errors) override;
  [[nodiscard]] std::unique_ptr<DeviceMatrix> make_matrix(const HostRows& rows,
                                                          std::size_t cols) override;
  void project(const DeviceMatrix& matrix, const HostRows& rows, std::span<float> to) override;

 private:
  LanePool lanes_;
};

}  // namespace vecinal::cuda
