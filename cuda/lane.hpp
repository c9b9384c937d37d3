/// What one call to the backend uses: a stream, and memory on both sides that is kept for the next.
#pragma once

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "layout.hpp"
#include "runtime.hpp"

namespace vecinal::cuda {

/// A stream and the memory of the calls that use it, one at a time.
struct Lane {
  Lane() : stream(make_stream()) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() { drop_stream(stream); }

  Stream stream;
  Buffer queries;
  Buffer slots;
  Buffer found;
  Buffer workspace;
  Buffer counts;
  Buffer scores;
  Buffer masks;
  PinnedBuffer sent;
  PinnedBuffer received;
};

/// Copies of more bytes go by themselves, from and to where the caller has them; smaller ones by
/// way of pinned memory of the lane, together.
inline constexpr std::size_t direct_bytes = std::size_t{16} << 10U;

/// Arrays that go to the device; the small ones by one copy through pinned memory: small copies
/// cost a call each, and those of other memory wait for the device. First the arrays are added,
/// then sent.
class Upload {
 public:
  /// from must stay as it is until the lane's work is done.
  template <class T>
  [[nodiscard]] Layout::Place<T> add(const T* from, std::size_t count) {
    const Layout::Place<T> place = layout_.add<T>(count);
    parts_.push_back({place.at, from, count * sizeof(T)});
    return place;
  }

  void send(Lane& lane) {
    layout_.settle(lane.queries);
    send_small(lane);
    for (const Part& part : parts_)
      if (part.bytes > direct_bytes)
        copy_in(lane.queries.as<unsigned char>() + part.at, part.from, part.bytes, lane.stream);
  }

  template <class T>
  [[nodiscard]] T* operator[](Layout::Place<T> place) const {
    return layout_[place];
  }

 private:
  struct Part {
    std::size_t at = 0;
    const void* from = nullptr;
    std::size_t bytes = 0;
  };

  /// From the first of them to the last; what lies between is sent afterwards.
  void send_small(Lane& lane) {
    std::size_t begin = layout_.bytes();
    std::size_t end = 0;
    for (const Part& part : parts_) {
      if (part.bytes == 0 || part.bytes > direct_bytes) continue;
      begin = part.at < begin ? part.at : begin;
      end = part.at + part.bytes;
    }
    if (begin >= end) return;
    auto* staged = static_cast<unsigned char*>(lane.sent.need(end - begin));
    for (const Part& part : parts_)
      if (part.bytes != 0 && part.bytes <= direct_bytes)
        std::memcpy(staged + (part.at - begin), part.from, part.bytes);
    copy_in(lane.queries.as<unsigned char>() + begin, staged, end - begin, lane.stream);
  }

  Layout layout_;
  std::vector<Part> parts_;
};

/// Waits for the lane's work and what it leaves at `from`, which lies in pinned memory then.
[[nodiscard]] inline const unsigned char* receive(Lane& lane, const void* from, std::size_t bytes) {
  void* to = lane.received.need(bytes);
  copy_out(to, from, bytes, lane.stream);
  synchronize(lane.stream);
  return static_cast<const unsigned char*>(to);
}

/// Many bytes and a few behind them, on their way to where the caller wants them.
class Receipt {
 public:
  Receipt() = default;

  /// Begins, behind the lane's work.
  Receipt(Lane& lane, const void* from, std::span<std::byte> many, std::span<std::byte> few)
      : many_(many), few_(few), direct_(many.size() > direct_bytes ? many.size() : 0) {
    const auto* begin = static_cast<const unsigned char*>(from);
    if (direct_ != 0) copy_out(many.data(), begin, direct_, lane.stream);
    const std::size_t staged = many.size() - direct_ + few.size();
    if (staged != 0) copy_out(lane.received.need(staged), begin + direct_, staged, lane.stream);
  }

  /// Waits for them.
  void take(Lane& lane) {
    synchronize(lane.stream);
    const auto* staged = lane.received.as<unsigned char>();
    const std::size_t rest = many_.size() - direct_;
    if (rest != 0) std::memcpy(many_.data(), staged, rest);
    if (!few_.empty()) std::memcpy(few_.data(), staged + rest, few_.size());
  }

 private:
  std::span<std::byte> many_;
  std::span<std::byte> few_;
  std::size_t direct_ = 0;  ///< of the many, that go by themselves
};

/// The same, waiting.
inline void receive(Lane& lane, const void* from, std::span<std::byte> many,
                    std::span<std::byte> few) {
  Receipt(lane, from, many, few).take(lane);
}

/// Lanes that are not in use. A call takes one and gives it back; so device memory is allocated
/// only while calls grow.
class LanePool {
 public:
  class Lease {
   public:
    Lease(LanePool& pool, std::unique_ptr<Lane> lane) : pool_(pool), lane_(std::move(lane)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (std::uncaught_exceptions() > exceptions_) end_work();
      pool_.give_back(std::move(lane_));
    }
    Lane* operator->() const { return lane_.get(); }
    Lane& operator*() const { return *lane_; }

   private:
    /// A call that fails may have begun some.
    void end_work() noexcept {
      try {
        synchronize(lane_->stream);
      } catch (...) {  // then it has ended
      }
    }

    LanePool& pool_;
    std::unique_ptr<Lane> lane_;
    int exceptions_ = std::uncaught_exceptions();
  };

  [[nodiscard]] Lease take();
  /// Ends those that are not in use.
  void clear();

 private:
  void give_back(std::unique_ptr<Lane> lane);

  std::mutex lock_;
  std::vector<std::unique_ptr<Lane>> idle_;
};

}  // namespace vecinal::cuda
