// Which kernel scans, and the rows in two parts.
#include "scan_parts.hpp"

#include "norms.hpp"
#include "panel_scan.hpp"

namespace vecinal::cuda {
namespace {

/// Rows of the sample, and how many must follow to be worth it.
constexpr unsigned sample_rows = 8192;
constexpr unsigned least_rows = 8 * sample_rows;

class PartedScan {
 public:
  PartedScan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
             const ScanRequest& request, Stream stream)
      : kind_(kind),
        rows_(rows),
        queries_(queries),
        request_(request),
        stream_(stream),
        panels_(request.queries >= least_panel_queries &&
                panel_scan_bytes(kind, rows.padded_dim, request.most) <=
                    device_info().shared_bytes) {}

  void run(Buffer& workspace) {
    const unsigned sampled = request_.rows < least_rows ? 0 : sample_rows;
    const unsigned before = sampled == 0 ? 0 : lists(sampled);
    const unsigned all = before + lists(request_.rows - sampled);
    Layout layout;
    const auto keys =
        layout.add<std::uint64_t>(std::size_t{request_.queries} * all * request_.most);
    const auto limits = layout.add<std::uint64_t>(request_.queries);
    const auto norms = layout.add<float>(request_.queries);
    layout.settle(workspace);
    if (panels_ && queries_.scales == nullptr)
      take_norms(kernels::RowType::f32,
                 {queries_.values, queries_.query_bytes, rows_.padded_dim, request_.queries},
                 layout[norms], stream_);
    ScanPart part{0, sampled, layout[keys], all, 0, nullptr};
    if (sampled != 0) {
      scan_rows(part, layout[norms]);
      limit_lists(part, before, request_, layout[limits], stream_);
      part.limits = layout[limits];
    }
    part.begin = sampled;
    part.end = request_.rows;
    part.first_list = before;
    scan_rows(part, layout[norms]);
    merge_lists(part, all, request_, stream_);
  }

 private:
  [[nodiscard]] unsigned lists(unsigned rows) const {
    return panels_ ? panel_scan_lists(request_, rows) : scan_lists(request_, rows);
  }

  void scan_rows(const ScanPart& part, const float* norms) const {
    if (panels_)
      panel_scan_part(kind_, rows_, queries_, norms, request_, part, stream_);
    else
      scan_part(kind_, rows_, queries_, request_, part, stream_);
  }

  const KindOfRows& kind_;
  const RowsView& rows_;
  const QueriesView& queries_;
  const ScanRequest& request_;
  Stream stream_;
  bool panels_;
};

}  // namespace

void scan(const KindOfRows& kind, const RowsView& rows, const QueriesView& queries,
          const ScanRequest& request, Buffer& workspace, Stream stream) {
  PartedScan(kind, rows, queries, request, stream).run(workspace);
}

}  // namespace vecinal::cuda
