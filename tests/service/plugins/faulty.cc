// A plugin that fails in the way that it is asked to, at the step that it is asked to.

#include <patchbay/aten.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <thread>

namespace {

enum class Way { kNone, kThrow, kNan, kShape, kSlow, kCrash, kOverflow, kKill, kEndInHost, kHang };

struct Settings {
  Way way = Way::kNone;
  int64_t step = 0;
  bool refuses = false;
  bool hangs = false;  // when it is attached
};

// By way of a volatile, so that the compiler does not see what it does.
void WriteTo(uintptr_t address) {
  volatile uintptr_t hidden = address;
  *reinterpret_cast<volatile int*>(hidden) = 1;
}

// The same way, so that the compiler cannot make a loop of it.
int Recurse(int depth) {
  volatile char frame[4096];
  frame[depth % 4096] = static_cast<char>(depth);
  return depth < 0 ? 0 : Recurse(depth + 1) + frame[0];
}

class Faulty final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-faulty").title("Faulty").version("1.0.0").licence("CC0-1.0");
    d.summary("Fails as it is asked to.");
    d.field<1>(&Settings::way, "way")
        .choices({{Way::kNone, "none", "Not at all"},
                  {Way::kThrow, "throw", "Throws"},
                  {Way::kNan, "nan", "Gives NaN"},
                  {Way::kShape, "shape", "Gives another shape"},
                  {Way::kSlow, "slow", "Takes half a second"},
                  {Way::kCrash, "crash", "Writes to address 8"},
                  {Way::kOverflow, "overflow", "Recurses without end"},
                  {Way::kKill, "kill", "Ends the process with SIGKILL"},
                  {Way::kEndInHost, "end-in-host", "Ends the process while it has the host decode"},
                  {Way::kHang, "hang", "Never comes back"}});
    d.field<2>(&Settings::step, "step").range(0, 1000);
    d.field<3>(&Settings::refuses, "refuses");
    d.field<4>(&Settings::hangs, "hangs");
  }

  void attach(patchbay::Attach& at) const override {
    if (settings().refuses) throw std::invalid_argument("refuses to be attached");
    if (settings().hangs) Hang();
    at.guidance([wanted = settings()](const patchbay::Step& step, const patchbay::Guidance& g) {
      return step.index == wanted.step ? Fail(wanted.way, step, g.guided) : g.guided;
    });
  }

 private:
  [[noreturn]] static void Hang() {
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
  }

  // All but a few microseconds are spent in the host.
  [[noreturn]] static void EndInHost(const patchbay::Model& model, const at::Tensor& latent) {
    std::thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      kill(getpid(), SIGKILL);
    }).detach();
    while (true) model.decode_latent(latent);
  }

  static at::Tensor Fail(Way way, const patchbay::Step& step, const at::Tensor& guided) {
    switch (way) {
      case Way::kNone:
        break;
      case Way::kThrow:
        throw std::runtime_error("thrown on purpose");
      case Way::kNan:
        return guided * std::numeric_limits<double>::quiet_NaN();
      case Way::kShape:
        return guided.narrow(1, 0, 1);
      case Way::kSlow:
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        break;
      case Way::kCrash:
        WriteTo(8);
        break;
      case Way::kOverflow:
        return guided + Recurse(0);
      case Way::kKill:
        std::raise(SIGKILL);
        break;
      case Way::kEndInHost:
        EndInHost(step.model(), guided);
      case Way::kHang:
        Hang();
    }
    return guided;
  }
};

}  // namespace

PATCHBAY_PLUGIN(Faulty)
