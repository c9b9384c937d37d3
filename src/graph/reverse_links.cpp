#include "graph/reverse_links.hpp"

#include <algorithm>

namespace vecinal {

void ReverseLinks::start(std::size_t chunks, std::size_t links) {
  constexpr std::size_t links_a_bucket = 32;  // what a thread takes at a time
  constexpr std::size_t most_buckets = 4096;
  buckets_ = std::clamp<std::size_t>(links / links_a_bucket, 1, most_buckets);
  used_ = chunks;
  if (chunks_.size() < chunks) chunks_.resize(chunks);
}

std::size_t ReverseLinks::bucket_of(Node target) const {
  // Neighbouring rows stay together, the rest is spread: a batch may choose from one part of the
  // graph alone.
  constexpr std::uint32_t together = 8;
  constexpr std::uint32_t golden = 0x9E3779B9U;
  const std::uint64_t spread = static_cast<std::uint32_t>(target / together * golden);
  return static_cast<std::size_t>(spread * buckets_ >> 32U);
}

void ReverseLinks::put(std::size_t number, std::span<const ReverseLink> links) {
  Chunk& chunk = chunks_[number];
  chunk.links.resize(links.size());
  chunk.ends.assign(buckets_ + 1, 0);
  for (const ReverseLink& link : links) ++chunk.ends[bucket_of(link.target) + 1];
  for (std::size_t b = 1; b <= buckets_; ++b) chunk.ends[b] += chunk.ends[b - 1];
  // Writing moves the begin of each bucket, which is the end of the one before, to its own end.
  for (const ReverseLink& link : links) chunk.links[chunk.ends[bucket_of(link.target)]++] = link;
}

void ReverseLinks::gather(std::size_t bucket, std::vector<ReverseLink>& to) const {
  to.clear();
  for (std::size_t c = 0; c < used_; ++c) {
    const Chunk& chunk = chunks_[c];
    const auto begin = bucket == 0 ? 0 : static_cast<std::ptrdiff_t>(chunk.ends[bucket - 1]);
    const auto end = static_cast<std::ptrdiff_t>(chunk.ends[bucket]);
    to.insert(to.end(), chunk.links.begin() + begin, chunk.links.begin() + end);
  }
  std::sort(to.begin(), to.end());
}

}  // namespace vecinal
