#include "host/plugins/breadcrumb_file.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

const std::string kPlugin = "swap";
const std::string kBuild(64, 'a');
const std::string kHook = "patchbay.hook.guidance/1";
const std::string kNone;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCatchesSignals = false;
#else
constexpr bool kCatchesSignals = true;
#endif

// What is found after a process that does this.
std::optional<CrashSite> After(const std::function<void(BreadcrumbFile&)>& work) {
  const std::string path = testing::TempDir() + "/breadcrumbs";
  unlink(path.c_str());
  const pid_t child = fork();
  if (child == 0) {
    auto file = BreadcrumbFile::Open(path);
    if (!file.ok()) _exit(1);
    work(**file);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  auto file = BreadcrumbFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  return (*file)->former_crash();
}

void EnterPlugin(BreadcrumbFile& file, int step = 3) { file.Enter({kPlugin, kBuild, kHook, step}); }

TEST(BreadcrumbFileTest, FindsNothingAfterAGoodEnd) {
  EXPECT_FALSE(After([](BreadcrumbFile& file) {
                 EnterPlugin(file);
                 file.Leave();
               }).has_value());
}

TEST(BreadcrumbFileTest, NamesWhereTheProcessCrashed) {
  if (!kCatchesSignals) GTEST_SKIP() << "the sanitizer has the signals";
  const auto crash = After([](BreadcrumbFile& file) {
    EnterPlugin(file, 7);
    std::raise(SIGSEGV);
  });
  ASSERT_TRUE(crash.has_value());
  EXPECT_EQ(crash->plugin, kPlugin);
  EXPECT_EQ(crash->build, kBuild);
  EXPECT_EQ(crash->hook, kHook);
  EXPECT_EQ(crash->step, 7);
  EXPECT_EQ(crash->signal, SIGSEGV);
}

// By way of a volatile, so that the compiler cannot make a loop of it.
int Recurse(int depth) {
  volatile char frame[4096];
  frame[depth % 4096] = static_cast<char>(depth);
  return depth < 0 ? 0 : Recurse(depth + 1) + frame[0];
}

TEST(BreadcrumbFileTest, NamesWhereTheStackOverflowed) {
  if (!kCatchesSignals) GTEST_SKIP() << "the sanitizer has the signals";
  const auto crash = After([](BreadcrumbFile& file) {
    std::thread([&file] {
      EnterPlugin(file, 7);
      volatile int depth = 0;
      Recurse(depth);
    }).join();
  });
  ASSERT_TRUE(crash.has_value());
  EXPECT_EQ(crash->plugin, kPlugin);
  EXPECT_EQ(crash->signal, SIGSEGV);
}

TEST(BreadcrumbFileTest, ASignalIsKnownToBeMissing) {
  const auto crash = After([](BreadcrumbFile& file) {
    EnterPlugin(file);
    std::raise(SIGKILL);
  });
  ASSERT_TRUE(crash.has_value());
  EXPECT_EQ(crash->signal, 0);
}

TEST(BreadcrumbFileTest, DoesNotBlameAPluginForTheHostsOwnCode) {
  EXPECT_FALSE(After([](BreadcrumbFile&) { std::raise(SIGSEGV); }).has_value());
  EXPECT_FALSE(After([](BreadcrumbFile& file) {
                 EnterPlugin(file);
                 file.Enter({kNone, kNone, kNone, 0});
                 std::raise(SIGSEGV);
               }).has_value());
}

TEST(BreadcrumbFileTest, BlamesTheThreadThatCrashed) {
  if (!kCatchesSignals) GTEST_SKIP() << "the sanitizer has the signals";
  const auto crash = After([](BreadcrumbFile& file) {
    std::thread([&file] { file.Enter({"other", kBuild, kHook, 0}); }).join();
    EnterPlugin(file);
    std::raise(SIGABRT);
  });
  ASSERT_TRUE(crash.has_value());
  EXPECT_EQ(crash->plugin, kPlugin);
}

TEST(BreadcrumbFileTest, BlamesTheHookForWhichAnotherThreadWorked) {
  if (!kCatchesSignals) GTEST_SKIP() << "the sanitizer has the signals";
  const auto crash = After([](BreadcrumbFile& file) {
    EnterPlugin(file);
    std::thread([] { std::raise(SIGFPE); }).join();
  });
  ASSERT_TRUE(crash.has_value());
  EXPECT_EQ(crash->signal, SIGFPE);
}

TEST(BreadcrumbFileTest, IsClearOnceItWasRead) {
  const std::string path = testing::TempDir() + "/breadcrumbs";
  After([](BreadcrumbFile& file) {
    EnterPlugin(file);
    std::raise(SIGKILL);
  });
  EXPECT_FALSE((*BreadcrumbFile::Open(path))->former_crash().has_value());
}

}  // namespace
}  // namespace patchbay
