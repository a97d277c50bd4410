#include "host/engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/process_memory.h"
#include "host/base/status_macros.h"
#include "host/engine/action_session.h"
#include "host/engine/chain_cache.h"
#include "host/engine/thread_limit.h"
#include "host/engine/weight_report.h"
#include "host/engine/weights_for_request.h"
#include "host/plugins/plugin_fault.h"
#include "host/runtime/pipeline/damaged_weights.h"
#include "host/runtime/pipeline/pipeline.h"
#include "host/runtime/pipeline/request_check.h"

namespace patchbay {
namespace {

// Runs `work`, turning LibTorch's exceptions into a Status.
template <typename Result, typename Work>
Result Guarded(Work work) {
  try {
    const c10::InferenceMode inference_mode;
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory: ", error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("LibTorch: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  }
}

absl::StatusOr<at::Device> ResolveDevice(DeviceChoice choice) {
  if (choice == DeviceChoice::kCpu) return at::Device(at::kCPU);
  if (at::hasCUDA()) return at::Device(at::kCUDA);
  if (choice == DeviceChoice::kAuto) return at::Device(at::kCPU);
  return absl::FailedPreconditionError(
      "this machine has no GPU that LibTorch can use, or LibTorch was built without CUDA; use "
      "--device cpu");
}

bool ProcessorHasBFloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

absl::StatusOr<at::ScalarType> ResolvePrecision(PrecisionChoice choice, at::Device device) {
  switch (choice) {
    case PrecisionChoice::kFloat32:
      return at::kFloat;
    case PrecisionChoice::kBFloat16:
      return at::kBFloat16;
    case PrecisionChoice::kFloat16:
      if (device.is_cpu()) {
        return absl::InvalidArgumentError(
            "fp16 is slower than fp32 on a processor; use --precision bf16 or fp32");
      }
      return at::kHalf;
    case PrecisionChoice::kAuto:
      break;
  }
  return device.is_cuda() || ProcessorHasBFloat16() ? at::kBFloat16 : at::kFloat;
}

}  // namespace

class Engine::Model {
 public:
  static absl::StatusOr<std::unique_ptr<Model>> Open(const EngineOptions& options) {
    if (options.threads < 0 || options.threads > MostThreads()) {
      return absl::InvalidArgumentError(absl::StrCat(
          options.threads, " threads are not possible; allowed are 1 to ", MostThreads()));
    }
    if (options.threads > 0) at::set_num_threads(options.threads);
    ComputeOptions compute;
    compute.preview_decoder_file = options.preview_decoder_file;
    PATCHBAY_ASSIGN_OR_RETURN(compute.device, ResolveDevice(options.device));
    PATCHBAY_ASSIGN_OR_RETURN(compute.precision,
                              ResolvePrecision(options.precision, compute.device));
    PATCHBAY_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(options.model_path));
    return absl::WrapUnique(
        new Model(WeightsForRequest(std::move(checkpoint), compute,
                                    {options.tokenizer_folder, options.vocabulary_file},
                                    options.lora_application),
                  options.plugins));
  }

  absl::StatusOr<GenerationResult> Generate(const GenerationRequest& asked,
                                            GenerationObserver& observer) {
    std::vector<std::string> own_warnings;
    const GenerationRequest request = WithIntegers(asked, own_warnings);
    ResetPeakMemory();
    // Before gigabytes are read for it.
    PATCHBAY_RETURN_IF_ERROR(CheckRequest(request, weights_.description()));
    PATCHBAY_RETURN_IF_ERROR(ResolveSize(request, weights_.description()).status());
    PATCHBAY_ASSIGN_OR_RETURN(const ResolvedPrompts prompts, ResolvePrompts(request));
    if (observer.IsCancelled()) return absl::CancelledError("cancelled");
    PATCHBAY_ASSIGN_OR_RETURN(const WeightsForRequest::Ready ready,
                              weights_.Prepare(prompts.loras, !request.plugins.empty()));
    if (observer.IsCancelled()) return absl::CancelledError("cancelled");
    PATCHBAY_ASSIGN_OR_RETURN(const ChainCache::Use chain, chains_.ChainFor(request, *ready.model));
    PATCHBAY_RETURN_IF_ERROR(weights_.Release(chain.released()));
    chains_.ForgetStandIns(chain);
    absl::StatusOr<GenerationResult> result =
        GeneratePictures(*ready.model, ready.loras, chain.hooks(), request, prompts, observer);
    if (!result.ok()) {
      // What a plugin gave is checked at its edge: the weights are not to blame.
      return PluginFaultOf(result.status()) ? result.status()
                                            : WithDiagnosis(result.status(), prompts.loras);
    }
    chain.RecordSuccess();
    result->report.weight_bytes =
        WeightBytes(weights_.checkpoint().unet, *ready.model, chain.stand_ins());
    result->report.peak_memory_bytes = PeakMemoryBytes();
    std::vector<std::string>& warnings = result->report.warnings;
    for (const std::vector<std::string>& more : {ready.warnings, prompts.warnings, own_warnings}) {
      warnings.insert(warnings.begin(), more.begin(), more.end());
    }
    return result;
  }

  absl::StatusOr<ChainPlan> Plan(const GenerationRequest& asked) {
    std::vector<std::string> warnings;
    const GenerationRequest request = WithIntegers(asked, warnings);
    PATCHBAY_ASSIGN_OR_RETURN(const ResolvedPrompts prompts, ResolvePrompts(request));
    PATCHBAY_ASSIGN_OR_RETURN(const WeightsForRequest::Ready ready,
                              weights_.Prepare(prompts.loras, !request.plugins.empty()));
    PATCHBAY_ASSIGN_OR_RETURN(const ChainCache::Use chain, chains_.ChainFor(request, *ready.model));
    ChainPlan plan = chain.plan();
    plan.warnings = ready.warnings;
    plan.warnings.insert(plan.warnings.end(), warnings.begin(), warnings.end());
    return plan;
  }

  absl::Status RunAction(const ChosenPlugin& plugin, const std::string& action,
                         const SettingPairs& settings, const std::vector<PluginFile>& files,
                         ActionObserver& observer) {
    PATCHBAY_ASSIGN_OR_RETURN(const ActionGround ground,
                              PrepareAction(plugin, action, files, observer));
    const Chain& chain = *ground.use.chain();
    PATCHBAY_ASSIGN_OR_RETURN(const PluginSettings values, chain.ActionSettings(action, settings));
    ActionSession session(*ground.model, *ground.info, chain.hooks(), observer);
    return chain.RunAction(action, values, chains_.ResourcesFor(files), session, observer);
  }

  double load_seconds() const { return weights_.load_seconds(); }

 private:
  // The request with the plugin that computes in the integers that the model's file stores, where
  // it does and the request does not name the plugin itself.
  GenerationRequest WithIntegers(const GenerationRequest& asked,
                                 std::vector<std::string>& warnings) const {
    static constexpr char kPlugin[] = "quantizer";
    GenerationRequest request = asked;
    const bool is_named =
        std::any_of(request.plugins.begin(), request.plugins.end(),
                    [](const ChosenPlugin& plugin) { return plugin.id == kPlugin; });
    if (weights_.checkpoint().integer_plan.empty() || is_named) return request;
    if (chains_.Offers(kPlugin)) {
      request.plugins.insert(request.plugins.begin(), ChosenPlugin{kPlugin, {}});
    } else {
      warnings.push_back(absl::StrCat(
          "the model's weights are integers, and there is no plugin ", kPlugin,
          " to compute with them; they become floating point, which takes the memory of that"));
    }
    return request;
  }

  // What an action stands on: its own chain, on weights that stay whatever jobs run meanwhile.
  struct ActionGround {
    explicit ActionGround(ChainCache& owner) : chains(&owner) {}
    ActionGround(ActionGround&& other) = default;
    ~ActionGround() {
      if (info == nullptr) return;
      use = ChainCache::Use();
      chains->Settle();
    }

    ChainCache* chains;
    std::shared_ptr<const LoadedModel> model;
    std::unique_ptr<const ModelInfo> info;
    ChainCache::Use use;  // refers to the others
  };

  absl::StatusOr<ActionGround> PrepareAction(const ChosenPlugin& plugin, const std::string& action,
                                             const std::vector<PluginFile>& files,
                                             ActionObserver& observer) {
    PATCHBAY_RETURN_IF_ERROR(observer.TakeModel());
    const absl::Cleanup give_back = [&observer] { observer.GiveModelBack(); };
    GenerationRequest request;
    request.plugins = {plugin};
    request.plugin_files = files;
    ActionGround ground(chains_);
    PATCHBAY_ASSIGN_OR_RETURN(const WeightsForRequest::Ready ready,
                              weights_.Prepare({}, /*may_stand_in=*/true));
    ground.info = std::make_unique<const ModelInfo>(*ready.model);
    PATCHBAY_ASSIGN_OR_RETURN(ground.use,
                              chains_.ChainForAction(request, action, *ready.model, *ground.info));
    PATCHBAY_ASSIGN_OR_RETURN(ground.model, weights_.Hold(ground.use.released()));
    return ground;
  }

  // Names the tensor to blame when a network gave numbers that are not finite.
  absl::Status WithDiagnosis(const absl::Status& status, absl::Span<const LoraChoice> loras) const {
    if (!absl::IsDataLoss(status)) return status;
    if (const std::optional<std::string> damaged = FindDamagedLora(loras); damaged.has_value()) {
      return absl::DataLossError(absl::StrCat(
          *damaged, " holds numbers that are not finite; the file is damaged, get it again"));
    }
    const std::optional<std::string> damaged = FindDamagedWeight(weights_.checkpoint());
    if (!damaged.has_value()) return status;
    return absl::DataLossError(absl::StrCat(*damaged, " in ", weights_.description().path,
                                            " holds numbers that are not finite; the file is "
                                            "damaged, get it again"));
  }

  Model(WeightsForRequest weights, std::shared_ptr<PluginHost> plugins)
      : weights_(std::move(weights)), chains_(std::move(plugins)) {
    weights_.OnUnload([this] { chains_.Clear(); });
  }

  WeightsForRequest weights_;
  ChainCache chains_;  // refers to the weights, and so goes first
};

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  using Result = absl::StatusOr<std::unique_ptr<Engine>>;
  return Guarded<Result>([&]() -> Result {
    PATCHBAY_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, Model::Open(options));
    return absl::WrapUnique(new Engine(std::move(model)));
  });
}

Engine::Engine(std::unique_ptr<Model> model) : model_(std::move(model)) {}
Engine::~Engine() = default;

absl::StatusOr<GenerationResult> Engine::Generate(const GenerationRequest& request,
                                                  GenerationObserver& observer) {
  return Guarded<absl::StatusOr<GenerationResult>>(
      [&] { return model_->Generate(request, observer); });
}

absl::StatusOr<ChainPlan> Engine::Plan(const GenerationRequest& request) {
  return Guarded<absl::StatusOr<ChainPlan>>([&] { return model_->Plan(request); });
}

absl::Status Engine::RunAction(const ChosenPlugin& plugin, const std::string& action,
                               const SettingPairs& settings, const std::vector<PluginFile>& files,
                               ActionObserver& observer) {
  return Guarded<absl::Status>([&] {
    // What the action computes may need gradients.
    const c10::InferenceMode no_inference_mode(false);
    const c10::AutoGradMode no_gradients(false);
    return model_->RunAction(plugin, action, settings, files, observer);
  });
}

double Engine::load_seconds() const { return model_->load_seconds(); }

absl::StatusOr<std::string> DescribeModel(const std::string& path, bool json) {
  using Result = absl::StatusOr<std::string>;
  return Guarded<Result>([&]() -> Result {
    PATCHBAY_ASSIGN_OR_RETURN(const ModelDescription description, DescribeCheckpoint(path));
    return json ? DescriptionJson(description) : DescriptionText(description);
  });
}

absl::StatusOr<std::string> DescribeSites(const std::string& path) {
  using Result = absl::StatusOr<std::string>;
  return Guarded<Result>([&]() -> Result {
    PATCHBAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
    WeightReader weights(absl::StrCat("the U-Net of ", path), checkpoint.unet, at::kBFloat16,
                         at::kCPU);
    PATCHBAY_ASSIGN_OR_RETURN(const auto unet, UNet::Load(weights, checkpoint.unet_config));
    std::string text;
    for (const Site& site : unet->sites().sites()) {
      absl::StrAppend(&text, site.name, "\t", std::string(SiteKindName(site.kind)), "\t",
                      site.in_channels, " -> ", site.out_channels, "\t", site.diffusers_name, "\t",
                      site.ldm_name, "\n");
    }
    return text;
  });
}

}  // namespace patchbay
