/// Building a graph with the help of a backend.
#pragma once

#include "backend/backend.hpp"
#include "graph/build_device.hpp"
#include "graph/builder.hpp"

namespace vecinal {

class DeviceBuild final : public BuildDevice {
 public:
  /// rows: on the device, all that are going to be inserted.
  DeviceBuild(Backend& backend, const DeviceRows& rows, std::uint32_t degree,
              const BuildParams& params);

  /// False if the rows are too wide, or the beam, for the memory that a step has on the device.
  [[nodiscard]] bool possible() const { return most_ >= std::size_t{2} * params_.degree; }

  [[nodiscard]] std::shared_ptr<std::byte> pinned(std::size_t bytes) override {
    return backend_.pinned(bytes);
  }
  [[nodiscard]] std::size_t least_batch() const override { return 64; }
  [[nodiscard]] std::size_t max_candidates() const override { return most_; }
  void begin(const GraphView& graph) override;
  void find_links(std::span<const Slot> slots, std::span<const std::uint32_t> counts,
                  std::span<Slot> twins, std::span<Scored> links) override;
  void prune(const Overfull& nodes, std::span<Node> rows) override;
  void set_upper(const GraphView& graph) override;
  void set_rows(std::span<const Node> nodes, std::span<const Node> rows) override;

 private:
  Backend& backend_;
  const DeviceRows& rows_;
  DeviceLinkParams params_;
  DeviceLinkParams prune_params_;
  std::size_t most_;
  std::unique_ptr<DeviceGraph> graph_;
};

/// A level as a backend is told of it.
[[nodiscard]] HostLayer host_layer(const LayerView& layer);

/// Copies the levels of a graph from `first` on to a device.
void put_graph(DeviceGraph& to, const GraphView& graph, std::uint32_t first = 0);

}  // namespace vecinal
