#include "host/cli/action_progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace patchbay {
namespace {

constexpr int kBarWidth = 30;
constexpr int kMostShown = 60;  // characters of what it does, so that a line stays a line

// What a plugin says goes to a terminal: without control characters.
std::string Printable(const std::string& text) {
  std::string printable;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    printable += byte < 0x20 || byte == 0x7f ? ' ' : character;
  }
  return printable;
}

}  // namespace

ActionProgress::ActionProgress() : terminal_(isatty(STDERR_FILENO)) {}

ActionProgress::~ActionProgress() {
  if (line_open_) std::fputc('\n', stderr);
}

void ActionProgress::Show(double fraction, const std::string& activity) {
  const std::string text = Printable(activity);
  const int percent = static_cast<int>(std::floor(fraction * 100));
  if (terminal_) {
    const int filled = static_cast<int>(fraction * kBarWidth);
    std::fprintf(stderr, "\r[%s%s] %3d %%  %-*.*s", std::string(filled, '#').c_str(),
                 std::string(kBarWidth - filled, '.').c_str(), percent, kMostShown, kMostShown,
                 text.c_str());
    line_open_ = true;
  } else if (percent / 10 != shown_tenth_) {
    std::fprintf(stderr, "%d %%%s%s\n", percent, text.empty() ? "" : "  ", text.c_str());
  }
  shown_tenth_ = percent / 10;
  std::fflush(stderr);
}

}  // namespace patchbay
