#include "graph/reverse_links.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <tuple>

namespace vecinal {
namespace {

std::vector<ReverseLink> random_links(std::size_t count, Node first_source) {
  std::mt19937 random(first_source);
  std::vector<ReverseLink> links;
  for (std::size_t i = 0; i < count; ++i)
    links.push_back({static_cast<Node>(random() % 700), static_cast<float>(random() % 5),
                     static_cast<Node>(first_source + i), random() % 2 == 0});
  return links;
}

TEST(ReverseLinks, EveryLinkIsInOneBucketWithAllOfItsTarget) {
  for (const std::size_t expected : {0U, 100U, 5000U, 1'000'000U}) {
    ReverseLinks grouped;
    // A batch of more chunks before leaves nothing behind.
    grouped.start(4, 10);
    for (std::size_t c = 0; c < 4; ++c) grouped.put(c, random_links(50, 90'000));
    grouped.start(3, expected);
    std::multiset<std::tuple<Node, float, Node, bool>> put;
    for (std::size_t c = 3; c-- > 0;) {
      const auto links = random_links(2000, static_cast<Node>(c * 2000));
      for (const ReverseLink& link : links)
        put.emplace(link.target, link.score, link.source, link.adopt);
      grouped.put(c, links);
    }
    std::multiset<std::tuple<Node, float, Node, bool>> found;
    std::set<Node> targets;
    std::vector<ReverseLink> links;
    for (std::size_t b = 0; b < grouped.buckets(); ++b) {
      grouped.gather(b, links);
      EXPECT_TRUE(std::is_sorted(links.begin(), links.end()));
      for (std::size_t i = 0; i < links.size(); ++i) {
        const bool next = i == 0 || links[i].target != links[i - 1].target;
        EXPECT_EQ(targets.insert(links[i].target).second, next) << "in two buckets";
        found.emplace(links[i].target, links[i].score, links[i].source, links[i].adopt);
      }
    }
    EXPECT_EQ(found, put);
  }
}

TEST(ReverseLinks, LinksToOnePartOfTheGraphAreSpreadOverTheBuckets) {
  ReverseLinks grouped;
  grouped.start(1, 3200);
  std::vector<ReverseLink> links;
  for (Node i = 0; i < 3200; ++i) links.push_back({500'000 + i, 0, i, false});
  grouped.put(0, links);
  std::size_t most = 0;
  for (std::size_t b = 0; b < grouped.buckets(); ++b) {
    grouped.gather(b, links);
    most = std::max(most, links.size());
  }
  EXPECT_LE(most, 5 * 32U);
}

}  // namespace
}  // namespace vecinal
