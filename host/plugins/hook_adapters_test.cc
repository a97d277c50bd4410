#include "host/plugins/hook_adapters.h"

#include <ATen/ATen.h>

#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/plugins/plugin_fault.h"
#include "host/runtime/hooks/tensor_handle.h"
#include "patchbay/abi/hooks.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

// A plugin's side: `data` of every hook is one of these.
struct Behaviour {
  std::function<at::Tensor(const at::Tensor&)> edit = [](const at::Tensor& t) { return t + 1; };
  patchbay_status status = PATCHBAY_OK;
  int32_t next = 1;
  int64_t stride = 1;
  std::chrono::milliseconds own_time{0};
  int64_t pictures = 1;
  int64_t first = 0;
  int released = 0;

  static patchbay_status Latent(void* data, const patchbay_call*, patchbay_tensor latent,
                                patchbay_tensor* edited) {
    auto* const self = static_cast<Behaviour*>(data);
    const at::Tensor result = self->edit(Borrowed(latent));
    if (result.defined()) *edited = NewHandle(result);
    return self->status;
  }
  static patchbay_status AfterStep(void* data, const patchbay_call*, patchbay_tensor,
                                   const patchbay_prediction_set*, patchbay_tensor*,
                                   patchbay_next_step* next) {
    next->index = static_cast<Behaviour*>(data)->next;
    return PATCHBAY_OK;
  }
  static patchbay_status Geometry(void* data, const patchbay_call*,
                                  patchbay_convolution_geometry* geometry) {
    geometry->stride = static_cast<Behaviour*>(data)->stride;
    return PATCHBAY_OK;
  }
  static patchbay_status Operator(void* data, const patchbay_call* call, patchbay_tensor input,
                                  patchbay_tensor, patchbay_tensor* edited) {
    auto* const self = static_cast<Behaviour*>(data);
    self->stride = call->geometry == nullptr ? 0 : call->geometry->stride;
    const at::Tensor result = self->edit(Borrowed(input));
    if (result.defined()) *edited = NewHandle(result);
    return self->status;
  }
  // Asks the host once, and is `own_time` at it by itself.
  static patchbay_status Denoise(void* data, const patchbay_call* call, patchbay_tensor latent,
                                 const patchbay_inner_denoise* inner, patchbay_denoised* denoised) {
    std::this_thread::sleep_for(static_cast<Behaviour*>(data)->own_time);
    return inner->call(inner->host, latent, denoised, call->error);
  }
  // Asks about a part of the pictures, or about a part as if it were all.
  static patchbay_status DenoiseSome(void* data, const patchbay_call* call, patchbay_tensor latent,
                                     const patchbay_inner_denoise* inner,
                                     patchbay_denoised* denoised) {
    auto* const self = static_cast<Behaviour*>(data);
    const at::Tensor some = Borrowed(latent).narrow(0, 0, self->pictures);
    if (self->first < 0) return inner->call(inner->host, Lend(some), denoised, call->error);
    patchbay_denoised part = {sizeof(patchbay_denoised), nullptr, nullptr};
    const patchbay_status status =
        inner->call_pictures(inner->host, Lend(some), self->first, &part, call->error);
    if (status != PATCHBAY_OK) return status;
    denoised->conditional = NewHandle(at::cat({Adopted(part.conditional), some}));
    return PATCHBAY_OK;
  }
  static void Release(void* data) { ++static_cast<Behaviour*>(data)->released; }
};

class HookAdaptersTest : public testing::Test {
 protected:
  HookAdaptersTest() {
    step_.struct_size = sizeof(step_);
    step_.step_count = 4;
    site_.struct_size = sizeof(site_);
    site_.name = "unet.down.0.downsample";
  }

  template <typename Function>
  void Hang(const char* id, Function function) {
    patchbay_hook hook{};
    hook.struct_size = sizeof(hook);
    hook.id = id;
    hook.function = reinterpret_cast<patchbay_function>(function);
    hook.data = &behaviour_;
    hook.release = &Behaviour::Release;
    const HookKind* const kind = FindHookKind(id);
    ASSERT_NE(kind, nullptr);
    const bool has_site = kind->place != HookPlace::kPass;
    kind->add(std::make_shared<const HookTarget>(owner_, hook, has_site ? &site_ : nullptr),
              *owner_, SiteIndex{0}, 1, collection_);
  }

  at::Tensor EditLatent() {
    return collection_.hooks.sampling.before_step.front()(evaluation(), latent_);
  }

  // The status that `work` throws.
  static absl::Status Failure(const std::function<void()>& work) {
    try {
      work();
    } catch (const HookFailure& failure) {
      return failure.status();
    }
    return absl::OkStatus();
  }

  Evaluation evaluation() const { return {step_, plugins_}; }

  Behaviour behaviour_;
  HookMonitor monitor_{{.time_budget = std::chrono::milliseconds(50)}};
  const std::shared_ptr<const HookOwner> owner_ = std::make_shared<const HookOwner>(
      HookOwner{"test-plugin", std::string(64, 'a'), 0, &monitor_});
  patchbay_step step_{};
  patchbay_site site_{};
  std::vector<PluginInPass> plugins_ = std::vector<PluginInPass>(1);
  const at::Tensor latent_ = at::zeros({2, 4, 8, 8});
  HookCollection collection_;
};

TEST_F(HookAdaptersTest, GivesThePluginTheTensorAndTakesItsResult) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  EXPECT_TRUE(EditLatent().equal(latent_ + 1));
  behaviour_.edit = [](const at::Tensor&) { return at::Tensor(); };
  EXPECT_FALSE(EditLatent().defined());
  EXPECT_EQ(monitor_.FaultsOf(owner_->build).count, 0u);
}

TEST_F(HookAdaptersTest, ReleasesThePluginsDataOnce) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  EXPECT_EQ(behaviour_.released, 0);
  collection_ = {};
  EXPECT_EQ(behaviour_.released, 1);
}

TEST_F(HookAdaptersTest, RefusesWrongResultsAndNamesThePlugin) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  const std::pair<std::function<at::Tensor(const at::Tensor&)>, std::string> cases[] = {
      {[](const at::Tensor& t) { return t.narrow(1, 0, 3); },
       "gave a tensor [2, 3, 8, 8] where [2, 4, 8, 8] is wanted"},
      {[](const at::Tensor& t) { return t.to(at::kDouble); }, "type Double"},
      {[](const at::Tensor& t) { return t / 0; }, "not finite"},
      {[](const at::Tensor& t) {
         at::Tensor made = t.clone();
         made[1][3][7][7] = std::numeric_limits<float>::infinity();
         return made;
       },
       "not finite"},
      {[](const at::Tensor& t) {
         std::this_thread::sleep_for(std::chrono::milliseconds(60));
         return t;
       },
       "of the 50 ms that a hook may take"}};
  for (const auto& [edit, says] : cases) {
    behaviour_.edit = edit;
    const absl::Status failure = Failure([&] { EditLatent(); });
    EXPECT_THAT(std::string(failure.message()), HasSubstr(says));
    EXPECT_THAT(std::string(failure.message()),
                HasSubstr("plugin test-plugin, patchbay.hook.before_step/1"));
    const auto fault = PluginFaultOf(failure);
    ASSERT_TRUE(fault.has_value()) << says;
    EXPECT_EQ(fault->build, owner_->build);
    EXPECT_EQ(fault->kind, PluginFault::Kind::kFailed);
  }
  EXPECT_EQ(monitor_.FaultsOf(owner_->build).count, 5u);
}

TEST_F(HookAdaptersTest, LargeFiniteNumbersAreFine) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  behaviour_.edit = [](const at::Tensor& t) { return t + std::numeric_limits<float>::max(); };
  EXPECT_TRUE(Failure([&] { EditLatent(); }).ok());
}

TEST_F(HookAdaptersTest, BeingCancelledIsNoFault) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  behaviour_.status = PATCHBAY_CANCELLED;
  const absl::Status failure = Failure([&] { EditLatent(); });
  EXPECT_EQ(failure.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(PluginFaultOf(failure).has_value());
  EXPECT_EQ(monitor_.FaultsOf(owner_->build).count, 0u);
}

TEST_F(HookAdaptersTest, RefusingARequestIsNoFault) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  behaviour_.status = PATCHBAY_INVALID_ARGUMENT;
  const absl::Status failure = Failure([&] { EditLatent(); });
  EXPECT_EQ(failure.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(PluginFaultOf(failure).has_value());
  EXPECT_EQ(monitor_.FaultsOf(owner_->build).count, 0u);
  behaviour_.status = PATCHBAY_INTERNAL;
  EXPECT_FALSE(Failure([&] { EditLatent(); }).ok());
  EXPECT_EQ(monitor_.FaultsOf(owner_->build).count, 1u);
}

TEST_F(HookAdaptersTest, WhatTheHostIsAskedForIsNotThePluginsTimeEither) {
  Hang(PATCHBAY_HOOK_BEFORE_STEP, &Behaviour::Latent);
  std::chrono::nanoseconds host_time = std::chrono::seconds(7);  // of earlier calls
  plugins_.front().host_time = &host_time;
  behaviour_.edit = [&](const at::Tensor& t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    host_time += std::chrono::milliseconds(55);
    return t;
  };
  EXPECT_TRUE(Failure([&] { EditLatent(); }).ok());
  behaviour_.edit = [](const at::Tensor& t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    return t;
  };
  EXPECT_THAT(std::string(Failure([&] { EditLatent(); }).message()),
              HasSubstr("of the 50 ms that a hook may take"));
}

TEST_F(HookAdaptersTest, JumpsWithinThePassOnly) {
  Hang(PATCHBAY_HOOK_AFTER_STEP, &Behaviour::AfterStep);
  const PredictionSet last{latent_, 1.0, latent_, {}, latent_, 1.0};
  const auto jump = [&](int32_t to) {
    behaviour_.next = to;
    int32_t next = 1;
    collection_.hooks.sampling.after_step.front()(evaluation(), latent_, last, next);
    return next;
  };
  EXPECT_EQ(jump(0), 0);
  EXPECT_EQ(jump(4), 4);
  EXPECT_THAT(std::string(Failure([&] { jump(5); }).message()),
              HasSubstr("step 5 of a pass of 4 steps"));
  EXPECT_THAT(std::string(Failure([&] { jump(-1); }).message()), HasSubstr("step -1"));
}

TEST_F(HookAdaptersTest, WhatTheHostComputesIsNotThePluginsTime) {
  Hang(PATCHBAY_HOOK_DENOISE, &Behaviour::Denoise);
  const auto evaluate = [this](const at::Tensor& latent, int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    return DenoisedPair{latent + 1, {}};
  };
  const auto denoise = [&] {
    return collection_.hooks.sampling.denoise.front()(evaluation(), latent_, evaluate);
  };
  EXPECT_TRUE(denoise().conditional.equal(latent_ + 1));
  behaviour_.own_time = std::chrono::milliseconds(60);
  EXPECT_THAT(std::string(Failure([&] { denoise(); }).message()),
              HasSubstr("of the 50 ms that a hook may take"));
}

TEST_F(HookAdaptersTest, AsksAboutPicturesThatThereAre) {
  Hang(PATCHBAY_HOOK_DENOISE, &Behaviour::DenoiseSome);
  const auto denoise = [&] {
    return collection_.hooks.sampling.denoise.front()(
        evaluation(), latent_, [](const at::Tensor& latent, int64_t first) {
          return DenoisedPair{latent + 10 + first, {}};
        });
  };
  behaviour_.first = 1;
  EXPECT_TRUE(denoise().conditional[0].equal(latent_[0] + 11));
  for (const int64_t first : {int64_t{2}, std::numeric_limits<int64_t>::max()}) {
    behaviour_.first = first;
    EXPECT_THAT(std::string(Failure([&] { denoise(); }).message()),
                HasSubstr("were asked about of 2"));
  }
  behaviour_.first = -1;
  EXPECT_THAT(std::string(Failure([&] { denoise(); }).message()),
              HasSubstr("a latent of 1 pictures was asked about where there are 2"));
}

TEST_F(HookAdaptersTest, ChecksGeometry) {
  site_.kind = PATCHBAY_SITE_DOWNSAMPLE;
  Hang(PATCHBAY_HOOK_CONVOLUTION_GEOMETRY, &Behaviour::Geometry);
  const auto& edit = collection_.hooks.denoiser.resamplings.Find(SiteIndex{0})->geometry.front();
  ConvolutionGeometry geometry{2, 1, 1};
  behaviour_.stride = 4;
  edit(evaluation(), geometry);
  EXPECT_EQ(geometry.stride, 4);
  behaviour_.stride = 0;
  EXPECT_THAT(std::string(Failure([&] { edit(evaluation(), geometry); }).message()),
              HasSubstr("at unet.down.0.downsample: asked for stride 0"));
}

// A chain's stand-in for one operator, run on an input by itself.
class OperatorAdaptersTest : public HookAdaptersTest {
 protected:
  at::Tensor Run(const at::Tensor& input, const ConvolutionGeometry* geometry = nullptr) {
    HookCollection collected = std::move(collection_);
    collection_ = {};
    const ModelHooks hooks = Finish(std::move(collected), 1);
    const Evaluation at = evaluation();
    return hooks.denoiser.operators.Find(SiteIndex{0})
        ->Forward({input, geometry, &at}, [this](const at::Tensor& x) {
          ++originals_;
          return x * 2;
        });
  }

  int originals_ = 0;
};

TEST_F(OperatorAdaptersTest, AReplacementRunsInsteadOfTheOriginal) {
  site_.out_channels = 5;
  behaviour_.edit = [](const at::Tensor& t) { return at::ones({t.size(0), 7, 5}); };
  Hang(PATCHBAY_HOOK_OPERATOR_REPLACE, &Behaviour::Operator);
  EXPECT_TRUE(Run(at::zeros({2, 7, 3})).equal(at::ones({2, 7, 5})));
  EXPECT_EQ(originals_, 0);
  EXPECT_EQ(behaviour_.stride, 0) << "a linear layer has no geometry";

  behaviour_.edit = [](const at::Tensor&) { return at::Tensor(); };
  Hang(PATCHBAY_HOOK_OPERATOR_REPLACE, &Behaviour::Operator);
  EXPECT_TRUE(Run(at::ones({2, 7, 3})).equal(at::full({2, 7, 3}, 2)));
  EXPECT_EQ(originals_, 1);
}

TEST_F(OperatorAdaptersTest, AReplacedConvolutionIsToldItsGeometryAndCheckedByIt) {
  site_.out_channels = 5;
  site_.kernel = 3;
  site_.stride = 2;  // the model's own, which does not count
  const ConvolutionGeometry geometry{4, 2, 2};
  const at::Tensor input = at::zeros({2, 3, 32, 16});
  const at::Tensor right = at::conv2d(input, at::zeros({5, 3, 3, 3}), {}, 4, 2, 2);
  behaviour_.edit = [&](const at::Tensor&) { return right; };
  Hang(PATCHBAY_HOOK_OPERATOR_REPLACE, &Behaviour::Operator);
  EXPECT_EQ(Run(input, &geometry).sizes(), right.sizes());
  EXPECT_EQ(behaviour_.stride, 4);

  behaviour_.edit = [&](const at::Tensor&) { return right.narrow(2, 1, 7); };
  Hang(PATCHBAY_HOOK_OPERATOR_REPLACE, &Behaviour::Operator);
  EXPECT_THAT(std::string(Failure([&] { Run(input, &geometry); }).message()),
              HasSubstr("gave a tensor [2, 5, 7, 4] where [2, 5, 8, 4] is wanted"));
}

TEST_F(OperatorAdaptersTest, ATransformationKeepsTheShape) {
  Hang(PATCHBAY_HOOK_OPERATOR_TRANSFORM, &Behaviour::Operator);
  EXPECT_TRUE(Run(at::ones({2, 7, 3})).equal(at::full({2, 7, 3}, 2)));
  EXPECT_EQ(originals_, 1);
  behaviour_.edit = [](const at::Tensor& t) { return t.narrow(2, 0, 1); };
  Hang(PATCHBAY_HOOK_OPERATOR_TRANSFORM, &Behaviour::Operator);
  EXPECT_THAT(std::string(Failure([&] {
                            Run(at::ones({2, 7, 3}));
                          }).message()),
              HasSubstr("gave a tensor [2, 7, 1] where [2, 7, 3] is wanted"));
}

TEST_F(OperatorAdaptersTest, AnObserverMayOnlyLookOn) {
  behaviour_.edit = [](const at::Tensor&) { return at::Tensor(); };
  Hang(PATCHBAY_HOOK_OPERATOR_OBSERVE, &Behaviour::Operator);
  EXPECT_TRUE(Run(at::ones({2, 7, 3})).equal(at::full({2, 7, 3}, 2)));
  behaviour_.edit = [](const at::Tensor& t) { return t; };
  Hang(PATCHBAY_HOOK_OPERATOR_OBSERVE, &Behaviour::Operator);
  EXPECT_THAT(std::string(Failure([&] {
                            Run(at::ones({2, 7, 3}));
                          }).message()),
              HasSubstr("may only look on"));
}

TEST_F(HookAdaptersTest, KnowsWhereHooksMayHang) {
  site_.kind = PATCHBAY_SITE_LINEAR;
  for (const HookKind& kind : OfferedHooks()) {
    const bool fits = kind.place == HookPlace::kPass || kind.place == HookPlace::kOperator;
    EXPECT_EQ(CheckPlace(kind, site_).ok(), fits) << kind.id;
  }
  const HookKind& attention = *FindHookKind(PATCHBAY_HOOK_ATTENTION_BEFORE);
  site_.kind = PATCHBAY_SITE_ATTENTION;
  site_.flags = PATCHBAY_SITE_CROSS_ATTENTION;
  EXPECT_THAT(std::string(CheckPlace(attention, site_).message()), HasSubstr("self-attentions"));
  site_.flags = PATCHBAY_SITE_SELF_ATTENTION;
  EXPECT_TRUE(CheckPlace(attention, site_).ok());
  EXPECT_EQ(FindHookKind("patchbay.hook.guidance/2"), nullptr);
}

}  // namespace
}  // namespace patchbay
