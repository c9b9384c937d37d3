// What a CudaBackend does with sets of vectors.
#include <algorithm>
#include <cstring>

#include "backend.hpp"
#include "chamfer.hpp"
#include "layout.hpp"

namespace vecinal::cuda {
namespace {

/// Queries of a launch: grids have at most 65,535 blocks in y.
constexpr std::size_t most_queries = 16'384;

/// Queries first .. first + count - 1, their vectors in tiles.
struct SetPiece {
  std::vector<QueryTile> tiles;
  std::vector<std::uint32_t> tile_ends;
  std::vector<std::uint64_t> set_ends;
  std::size_t first_vector = 0;
  std::size_t vectors = 0;
  std::size_t first_set = 0;
  std::size_t sets = 0;
  std::size_t most_sets = 0;  ///< of a query

  SetPiece(const SetQueries& queries, std::size_t first, std::size_t count)
      : first_vector(queries.offsets[first]),
        vectors(queries.offsets[first + count] - first_vector),
        first_set(first == 0 ? 0 : queries.ends[first - 1]),
        sets(queries.ends[first + count - 1] - first_set) {
    constexpr std::size_t width = 32;
    for (std::size_t query = first; query < first + count; ++query) {
      const std::size_t end = queries.offsets[query + 1] - first_vector;
      for (std::size_t at = queries.offsets[query] - first_vector; at < end; at += width)
        tiles.push_back({static_cast<std::uint32_t>(at),
                         static_cast<std::uint32_t>(std::min(width, end - at))});
      tile_ends.push_back(static_cast<std::uint32_t>(tiles.size()));
      const std::size_t begin = query == 0 ? 0 : queries.ends[query - 1];
      set_ends.push_back(queries.ends[query] - first_set);
      most_sets = std::max(most_sets, queries.ends[query] - begin);
    }
  }
};

/// Brings a piece of the queries to the device and ranks its sets.
void rank_piece(const CudaRows& tokens, const SetQueries& queries, std::size_t first,
                std::size_t count, Lane& lane, float* scores) {
  const SetPiece piece(queries, first, count);
  if (piece.sets == 0) return;
  const auto* from = tokens.codes()
                         ? reinterpret_cast<const unsigned char*>(queries.vectors.steps)
                         : reinterpret_cast<const unsigned char*>(queries.vectors.values);
  static_assert(sizeof(Range) == sizeof(RowRange));
  Upload upload;
  const auto values = upload.add(from + piece.first_vector * tokens.query_bytes(),
                                 piece.vectors * tokens.query_bytes());
  const auto scales = tokens.codes()
                          ? upload.add(queries.vectors.scales + piece.first_vector, piece.vectors)
                          : Layout::Place<QueryScale>{};
  const auto tiles = upload.add(piece.tiles.data(), piece.tiles.size());
  const auto tile_ends = upload.add(piece.tile_ends.data(), count);
  const auto constants = upload.add(queries.constants.data() + first, count);
  const auto sets =
      upload.add(reinterpret_cast<const Range*>(queries.sets.data() + piece.first_set), piece.sets);
  const auto set_ends = upload.add(piece.set_ends.data(), count);
  upload.send(lane);

  Layout layout;
  const auto found = layout.add<float>(piece.sets);
  const std::size_t panel = panel_bytes(tokens.kind().type, tokens.format().padded_dim);
  const auto panels = layout.add<unsigned char>(piece.tiles.size() * panel);
  layout.settle(lane.workspace);
  cuda::chamfer(tokens.kind().type, tokens.view(),
                {upload[values], reinterpret_cast<const float*>(upload[scales]), upload[tiles],
                 layout[panels], panel, upload[tile_ends], upload[constants]},
                {static_cast<unsigned>(count), static_cast<unsigned>(piece.tiles.size()),
                 piece.most_sets, upload[sets], upload[set_ends], layout[found]},
                lane.stream);
  const std::size_t bytes = piece.sets * sizeof(float);
  std::memcpy(scores + piece.first_set, receive(lane, layout[found], bytes), bytes);
}

}  // namespace

void CudaBackend::chamfer(const DeviceRows& tokens, const SetQueries& queries,
                          std::span<float> scores) {
  const DeviceScope here;
  const LanePool::Lease lane = lanes_.take();
  const std::size_t count = queries.constants.size();
  for (std::size_t first = 0; first < count; first += most_queries)
    rank_piece(static_cast<const CudaRows&>(tokens), queries, first,
               std::min(most_queries, count - first), *lane, scores.data());
}

}  // namespace vecinal::cuda
