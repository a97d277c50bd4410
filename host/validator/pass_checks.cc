// Drawing with the plugin on the tiny model.

#include <ATen/Parallel.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/validator/check.h"
#include "host/validator/drawing.h"
#include "host/validator/hook_watch.h"
#include "host/validator/process_state.h"
#include "host/validator/tiny_model.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

constexpr double kMostSeconds = 5.0;

// A plugin on a model, with its hooks watched.
struct Stage {
  Trial& trial;
  const ModelHooks& hooks;  // the plugin's own
  HookWatch& watch;
  ModelHooks watched;

  absl::StatusOr<LatentBuffer> Draw(const GenerationRequest& request,
                                    std::optional<int> cancel_before = std::nullopt) const {
    return patchbay::Draw(trial.model(), &watched, request, cancel_before);
  }
};

using StageCheck = std::function<Verdict(const Stage&)>;

// Attaches the plugin and watches its hooks.
std::function<Verdict(const Subject&, Place&)> OnStage(StageCheck check,
                                                       HookWatch::Options options = {},
                                                       at::ScalarType precision = at::kFloat) {
  return [=](const Subject& subject, Place& place) -> Verdict {
    const auto trial = Trial::Open(subject, place, precision);
    if (!trial.ok()) return FromStatus(trial.status());
    const auto chain = (*trial)->Attach();
    if (!chain.ok()) return FromStatus(chain.status());
    place.Set("");
    HookWatch watch(options, place);
    const ModelHooks& hooks = (*chain)->hooks();
    return check({**trial, hooks, watch, watch.Around(hooks, (*trial)->site_names())});
  };
}

Verdict Listed(const std::vector<std::string>& hooks, const char* what) {
  if (hooks.empty()) return Pass();
  const size_t shown = std::min<size_t>(hooks.size(), 3);
  return Fail(absl::StrCat(what, ": ", absl::StrJoin(hooks.begin(), hooks.begin() + shown, "; "),
                           hooks.size() > shown ? "; ..." : ""));
}

Verdict Runs(const Stage& stage) {
  const auto drawn = stage.Draw(TrialRequest());
  const HookWatch::Findings findings = stage.watch.findings();
  if (!findings.threw.empty()) return Listed(findings.threw, "an exception left the plugin");
  if (!drawn.ok()) return Fail(std::string(drawn.status().message()));
  if (findings.calls == 0) return Skip("no hook was called with these settings");
  std::string counts;
  for (const auto& [hook, calls] : findings.calls_by_hook) {
    absl::StrAppend(&counts, counts.empty() ? "" : ", ", hook, " ", calls, " times");
  }
  return Pass(counts);
}

// That the plugin takes part in this job without an error.
StageCheck Draws(const std::function<void(GenerationRequest&)>& change) {
  return [change](const Stage& stage) {
    GenerationRequest request = TrialRequest();
    change(request);
    return FromStatus(stage.Draw(request).status());
  };
}

Verdict DrawsWithManySamplers(const Stage& stage) {
  for (const char* sampler : {"ddim", "euler_a", "heun", "dpmpp_2m", "dpmpp_sde", "unipc"}) {
    GenerationRequest request = TrialRequest();
    request.sampler = sampler;
    request.size = PictureSize{kTinyModelPixels, kTinyModelPixels};
    if (const auto drawn = stage.Draw(request); !drawn.ok()) {
      return Fail(absl::StrCat(sampler, ": ", drawn.status().message()));
    }
  }
  return Pass();
}

Verdict LeavesInputsAlone(const Stage& stage) {
  if (const auto drawn = stage.Draw(TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  return Listed(stage.watch.findings().changed_inputs, "changed what it was lent");
}

Verdict StaysWithinTensors(const Stage& stage) {
  if (const auto drawn = stage.Draw(TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  return Listed(stage.watch.findings().wrote_outside, "wrote outside of a tensor");
}

// Tensors that are not dense may be refused, but never misread.
Verdict ReadsStrides(const Stage& stage) {
  const auto strided = stage.Draw(TrialRequest());
  if (!strided.ok()) {
    if (absl::IsUnimplemented(strided.status())) {
      return Skip(std::string(strided.status().message()));
    }
    return FromStatus(strided.status());
  }
  const auto dense = Draw(stage.trial.model(), &stage.hooks, TrialRequest());
  if (!dense.ok()) return FromStatus(dense.status());
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < dense->values.size(); ++i) {
    difference = std::max(difference, std::abs(double{dense->values[i]} - strided->values[i]));
    size = std::max(size, std::abs(double{dense->values[i]}));
  }
  // Another order of summation is allowed.
  if (difference <= 1e-3 * size) return Pass();
  return Fail(absl::StrCat("tensors that are not dense in memory give another picture (by ",
                           difference, " of ", size, ")"));
}

Verdict IsRepeatable(const Stage& stage) {
  const auto first = stage.Draw(TrialRequest());
  if (!first.ok()) return FromStatus(first.status());
  for (int i = 0; i < 2; ++i) {
    const auto again = stage.Draw(TrialRequest());
    if (!again.ok()) return FromStatus(again.status());
    if (!SameBits(*first, *again)) return Fail("the same job gives another picture");
  }
  return Pass();
}

Verdict LeavesNoTrace(const Stage& stage) {
  const auto before = Draw(stage.trial.model(), nullptr, TrialRequest());
  if (!before.ok()) return FromStatus(before.status());
  if (const auto with = stage.Draw(TrialRequest()); !with.ok()) return FromStatus(with.status());
  const auto after = Draw(stage.trial.model(), nullptr, TrialRequest());
  if (!after.ok()) return FromStatus(after.status());
  if (SameBits(*before, *after)) return Pass();
  return Fail("a job without the plugin gives another picture after one with it");
}

Verdict EndsItsPasses(const Stage& stage) {
  // A pass to its end, one that is cancelled, and two in one job.
  GenerationRequest request = TrialRequest();
  if (const auto drawn = stage.Draw(request); !drawn.ok()) return FromStatus(drawn.status());
  static_cast<void>(stage.Draw(request, 1));
  request.size = PictureSize{kTinyModelPixels, kTinyModelPixels};
  request.hires = HiresPass{{2 * kTinyModelPixels, 2 * kTinyModelPixels}, 0.7, 2};
  if (const auto drawn = stage.Draw(request); !drawn.ok()) return FromStatus(drawn.status());
  const HookWatch::Findings findings = stage.watch.findings();
  if (findings.passes_begun == 0) return Skip("it keeps no state");
  if (findings.passes_begun == findings.passes_ended) return Pass();
  return Fail(
      absl::StrCat(findings.passes_begun, " passes began and ", findings.passes_ended, " ended"));
}

Verdict KeepsNoMemory(const Stage& stage) {
  GenerationRequest request = TrialRequest();
  request.steps = 2;
  request.size = PictureSize{kTinyModelPixels, kTinyModelPixels};
  absl::Status status;
  const double without = GrowthPerCall(
      10, [&] { status.Update(Draw(stage.trial.model(), nullptr, request).status()); });
  const double with = GrowthPerCall(
      10, [&] { status.Update(Draw(stage.trial.model(), &stage.hooks, request).status()); });
  if (!status.ok()) return FromStatus(status);
  constexpr double kMostBytes = 2048;
  if (with - std::max(without, 0.0) <= kMostBytes) return Pass();
  return Fail(absl::StrCat(static_cast<int64_t>(with), " bytes stay behind after each job"));
}

Verdict IsQuick(const Stage& stage) {
  if (const auto drawn = stage.Draw(TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  const HookWatch::Findings findings = stage.watch.findings();
  if (findings.longest_seconds > kMostSeconds) {
    return Fail(absl::StrCat(findings.longest, " took ", findings.longest_seconds, " s"));
  }
  return Pass(absl::StrCat(static_cast<int>(findings.longest_seconds * 1000), " ms at most"));
}

Verdict ServesTwoJobs(const Stage& stage) {
  std::vector<GenerationRequest> requests(2, TrialRequest());
  requests[1].seed = 99;
  requests[1].steps = 4;
  std::vector<LatentBuffer> alone;
  for (const GenerationRequest& request : requests) {
    auto drawn = stage.Draw(request);
    if (!drawn.ok()) return FromStatus(drawn.status());
    alone.push_back(*std::move(drawn));
  }
  std::vector<absl::StatusOr<LatentBuffer>> together(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      at::set_num_threads(1);
      together[i] = stage.Draw(requests[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < 2; ++i) {
    if (!together[i].ok()) return FromStatus(together[i].status());
    if (!SameBits(alone[i], *together[i])) {
      return Fail("a job gives another picture while a second one runs");
    }
  }
  return Pass();
}

Verdict StartsNoThreads(const Stage& stage) {
  if (const auto drawn = Draw(stage.trial.model(), nullptr, TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  const int threads = ThreadCount();
  if (const auto drawn = stage.Draw(TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  const int more = ThreadCount() - threads;
  return more <= 0 ? Pass() : Fail(absl::StrCat("it left ", more, " threads behind"));
}

Verdict LetsItselfBeCancelled(const Stage& stage) {
  for (int evaluation = 0; evaluation < 3; ++evaluation) {
    const auto drawn = stage.Draw(TrialRequest(), evaluation);
    if (!absl::IsCancelled(drawn.status())) {
      return Fail(absl::StrCat("cancelled before evaluation ", evaluation,
                               ", the job says: ", drawn.status().ToString()));
    }
  }
  return FromStatus(stage.Draw(TrialRequest()).status());
}

Verdict HandsErrorsOn(const Stage& stage) {
  if (const auto drawn = stage.Draw(TrialRequest()); !drawn.ok()) {
    return FromStatus(drawn.status());
  }
  const HookWatch::Findings findings = stage.watch.findings();
  if (!findings.threw.empty()) return Listed(findings.threw, "an exception left the plugin");
  if (findings.refused == 0) return Skip("it asks the model for nothing");
  return Listed(findings.swallowed_errors, "went on although the model had failed");
}

constexpr PictureSize kNative = {kTinyModelPixels, kTinyModelPixels};
constexpr char kSizeAdvice[] = "Take sizes from the tensors and from Step, never from a table.";
constexpr char kReadAdvice[] =
    "What a hook is lent is read only: make a new tensor and return that.";

std::vector<Check> JobChecks() {
  return {
      {"pass.native_size", "It draws at the model's own size", kSizeAdvice, "tensor.bounds",
       OnStage(Draws([](GenerationRequest& r) { r.size = kNative; }))},
      {"pass.odd_size", "It draws at sizes that do not halve evenly", kSizeAdvice, "tensor.bounds",
       OnStage(Draws([](GenerationRequest& r) {
         r.size = PictureSize{136, 104};
       }))},
      {"pass.batch", "It draws three pictures at once", "Rows belong to pictures: see Step::rows.",
       "tensor.bounds", OnStage(Draws([](GenerationRequest& r) { r.batch = 3; }))},
      {"pass.no_guidance", "It draws without a negative prompt's prediction",
       "At scale 1 Guidance::uncond is undefined; Attach::require_unconditional() asks for it.",
       "tensor.bounds", OnStage(Draws([](GenerationRequest& r) { r.guidance_scale = 1.0; }))},
      {"pass.one_step", "It draws in one step", "step_count may be 1: do not divide by less.",
       "tensor.bounds", OnStage(Draws([](GenerationRequest& r) { r.steps = 1; }))},
      {"pass.samplers", "It draws with samplers of every kind",
       "Second-order samplers evaluate twice a step: see Step::evaluation_index.", "tensor.bounds",
       OnStage(DrawsWithManySamplers)},
      {"pass.hires", "It takes part in two passes of one job",
       "Sizes and step counts change between passes; keep state in the pass.", "tensor.bounds",
       OnStage(Draws([](GenerationRequest& r) {
         r.size = kNative;
         r.hires = HiresPass{{2 * kTinyModelPixels, 2 * kTinyModelPixels}, 0.7, 2};
       }))},
      {"pass.from_picture", "It draws over a picture",
       "Image to image starts in the middle of the schedule.", "tensor.bounds",
       OnStage(Draws([](GenerationRequest& r) {
         Picture picture;
         picture.width = picture.height = 2 * kTinyModelPixels;
         picture.channels = 3;
         picture.pixels.assign(size_t{3} * picture.width * picture.height, 120);
         r.image = std::move(picture);
       }))},
      {"pass.bfloat16", "It works on a model in bf16",
       "Feature maps have the model's type; results must have it too.", "tensor.bounds",
       OnStage(Draws([](GenerationRequest&) {}), {}, at::kBFloat16)},
  };
}

}  // namespace

std::vector<Check> PassChecks() {
  std::vector<Check> checks = {
      {"pass.runs", "A pass runs to its end",
       "The message names the hook. Report what goes wrong with patchbay::Error.",
       "instance.attach", OnStage(Runs, {.lending = Lending::kGuarded})},
      {"tensor.inputs", "It changes nothing that it was lent", kReadAdvice, "pass.runs",
       OnStage(LeavesInputsAlone, {.lending = Lending::kGuarded})},
      {"tensor.bounds", "It writes nowhere outside of tensors",
       "Check sizes before you write through a pointer.", "pass.runs",
       OnStage(StaysWithinTensors, {.lending = Lending::kGuarded})},
  };
  for (Check& check : JobChecks()) checks.push_back(std::move(check));
  const std::vector<Check> tensors = {
      {"tensor.strides", "It reads tensors that are not dense in memory",
       "Use strides, or call contiguous(); UNIMPLEMENTED says that you cannot.", "tensor.bounds",
       OnStage(ReadsStrides, {.lending = Lending::kStrided})},
      {"pass.repeatable", "The same job gives the same bits",
       "Take random numbers from Model::noise() and uniform() only.", "tensor.bounds",
       OnStage(IsRepeatable)},
      {"pass.no_trace", "A job without it is what it was before",
       "Change nothing in LibTorch or in the process: no seeds, no modes, no globals.",
       "tensor.bounds", OnStage(LeavesNoTrace)},
      {"pass.states", "Every pass that began has ended",
       "begin_pass either makes a state or fails.", "tensor.bounds", OnStage(EndsItsPasses)},
      {"pass.growth", "Jobs leave nothing behind",
       "Free what a pass or a step took; keep it in the pass's state.", "tensor.bounds",
       OnStage(KeepsNoMemory)},
      {"pass.quick", "No hook takes more than 5 seconds on a tiny model",
       "Prepare in attach() or begin_pass().", "tensor.bounds", OnStage(IsQuick)},
      {"thread.two_jobs", "Two jobs at once give what each gives alone",
       "An instance must not change while jobs run; keep state in the pass.", "pass.repeatable",
       OnStage(ServesTwoJobs)},
      {"thread.none_left", "It leaves no thread behind",
       "Join what you start before the hook ends.", "tensor.bounds", OnStage(StartsNoThreads)},
  };
  checks.insert(checks.end(), tensors.begin(), tensors.end());
  return checks;
}

std::vector<Check> PassFaultChecks() {
  return {
      {"fault.cancel", "A job can be cancelled before any evaluation",
       "Hand CANCELLED on; do not retry.", "tensor.bounds", OnStage(LetsItselfBeCancelled)},
      {"fault.model", "When the model fails, so does the hook that asked it",
       "Return the status that you were given, with its text.", "tensor.bounds",
       OnStage(HandsErrorsOn, {.model_fails = true})},
  };
}

}  // namespace patchbay
