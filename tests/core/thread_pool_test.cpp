#include "core/thread_pool.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "core/parallel.hpp"

namespace vecinal {
namespace {

/// Runs a loop in which every worker takes part, and returns their threads.
std::set<std::thread::id> threads_of_a_loop(unsigned workers) {
  std::mutex lock;
  std::set<std::thread::id> seen;
  std::atomic<unsigned> here{0};
  parallel_for({.count = workers, .grain = 1, .threads = workers},
               [&](std::size_t, std::size_t, unsigned) {
                 {
                   const std::lock_guard guard(lock);
                   seen.insert(std::this_thread::get_id());
                 }
                 ++here;
                 while (here < workers) std::this_thread::yield();
               });
  return seen;
}

TEST(ThreadPool, LoopsUseTheSameThreads) {
  const std::set<std::thread::id> first = threads_of_a_loop(2);
  EXPECT_EQ(first.size(), 2U);
  EXPECT_EQ(threads_of_a_loop(2), first);
}

TEST(ThreadPool, LoopsAtTheSameTimeHaveThreadsOfTheirOwn) {
  std::vector<std::thread> callers;
  std::atomic<std::size_t> sum{0};
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) sum += threads_of_a_loop(3).size();
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4U * 50 * 3);
}

TEST(ThreadPool, LoopsMayBeNested) {
  std::atomic<std::size_t> sum{0};
  parallel_for({.count = 4, .grain = 1, .threads = 3},
               [&](std::size_t, std::size_t, unsigned) { sum += threads_of_a_loop(3).size(); });
  EXPECT_EQ(sum, 4U * 3);
}

TEST(ThreadPool, HelpersRunOneTaskAfterTheOther) {
  struct Work {
    std::atomic<int> sum{0};
    std::atomic<int> done{0};
  } work;
  const Helper::Task add{[](void* of, unsigned number) {
                           auto& mine = *static_cast<Work*>(of);
                           mine.sum += static_cast<int>(number);
                           ++mine.done;
                         },
                         &work, 3};
  Helper helper;
  for (int i = 1; i <= 100; ++i) {
    helper.start(add);
    while (work.done < i) std::this_thread::yield();
  }
  EXPECT_EQ(work.sum, 300);
}

TEST(ThreadPool, AChildStartsItsOwnThreads) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer ends children that start threads";
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer ends children that start threads";
#endif
#endif
  ASSERT_EQ(threads_of_a_loop(3).size(), 3U);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(threads_of_a_loop(3).size() == 3 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(threads_of_a_loop(3).size(), 3U);
}

}  // namespace
}  // namespace vecinal
