// Which links a neighbourhood lacks.
#include "graph/neighbourhood.hpp"

#include <gtest/gtest.h>

#include "support/stored_vectors.hpp"

namespace vecinal {
namespace {

/// Points of one dimension.
struct Line {
  explicit Line(const std::vector<float>& values)
      : rows({.type = kernels::RowType::f32, .op = kernels::Op::l2, .dim = 1}), layer(4, false) {
    rows.resize(values.size());
    QueryBuffer buffer(rows);
    AlignedFloats row(rows.padded_dim());
    for (Slot slot = 0; slot < values.size(); ++slot) {
      row.data()[0] = values[slot];
      rows.set(slot, row.data(), 0, buffer);
    }
    layer.grow(values.size());
    layer.publish(values.size());
  }

  /// The links missing among `nodes`, the first `count` of which are to lead to each other.
  std::vector<std::pair<Node, Node>> missing(std::vector<Node> nodes, std::size_t count) {
    Neighbourhood neighbourhood(rows);
    neighbourhood.reset(layer.view(), nodes);
    std::vector<Link> links;
    neighbourhood.connect(count, links);
    std::vector<std::pair<Node, Node>> pairs;
    for (const Link& link : links) pairs.emplace_back(link.from, link.to);
    return pairs;
  }

  Storage rows;
  Layer layer;
};

using Pairs = std::vector<std::pair<Node, Node>>;

TEST(Neighbourhood, NodesWithoutLinksAreTiedByTheShortest) {
  Line line({0, 10, 1, 12});
  EXPECT_EQ(line.missing({0, 1, 2, 3}, 4), (Pairs{{0, 2}, {2, 0}, {1, 3}, {3, 1}, {1, 2}, {2, 1}}));
}

TEST(Neighbourhood, AWayThroughOthersNeedsNoLinkAndOneOutsideDoesNotCount) {
  Line line({0, 1, 2, 3});
  line.layer.set_row(0, std::vector<Node>{1});
  line.layer.set_row(1, std::vector<Node>{2});
  line.layer.set_row(2, std::vector<Node>{0});
  EXPECT_EQ(line.missing({0, 1, 2}, 3), Pairs{});
  EXPECT_EQ(line.missing({0, 2}, 2), (Pairs{{0, 2}})) << "the way through 1 leaves them";
}

TEST(Neighbourhood, OnlyTheNearestAskedForAreTied) {
  Line line({0, 1, 2, 3});
  EXPECT_EQ(line.missing({3, 2, 1, 0}, 2), (Pairs{{3, 2}, {2, 3}}));
  EXPECT_EQ(line.missing({3}, 2), Pairs{});
  EXPECT_EQ(line.missing({}, 2), Pairs{});
}

TEST(Neighbourhood, MoreNodesThanAWordHasBits) {
  std::vector<float> values;
  std::vector<Node> nodes;
  for (Node node = 0; node < 130; ++node) {
    values.push_back(static_cast<float>(node));
    nodes.push_back(node);
  }
  EXPECT_EQ(Line(values).missing(nodes, 130).size(), 2U * 129U);
}

}  // namespace
}  // namespace vecinal
