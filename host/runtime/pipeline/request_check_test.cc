#include "host/runtime/pipeline/request_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace patchbay {
namespace {

using ::testing::HasSubstr;

ModelDescription Model() {
  ModelDescription model;
  model.path = "some/model";
  model.unet_width = 64;
  model.text_layers = {12};
  model.scheduler_json = R"({"_class_name": "DDIMScheduler"})";
  return model;
}

TEST(RequestCheckTest, LetsAnOrdinaryRequestPass) {
  EXPECT_EQ(CheckRequest({}, Model()), absl::OkStatus());
}

TEST(RequestCheckTest, NamesWhatIsWrong) {
  struct Case {
    std::function<void(GenerationRequest&)> spoil;
    const char* words;
  };
  const Case cases[] = {
      {[](auto& r) { r.steps = 0; }, "steps is 0"},
      {[](auto& r) { r.steps = 2147483647; }, "steps is 2147483647"},
      {[](auto& r) { r.guidance_scale = 1e9; }, "guidance scale is 1000000000"},
      {[](auto& r) { r.guidance_scale = NAN; }, "guidance scale is nan"},
      {[](auto& r) { r.eta = INFINITY; }, "eta is inf"},
      {[](auto& r) { r.strength = 7; }, "strength is 7"},  // with no picture that would use it
      {[](auto& r) {
         r.hires = HiresPass{{512, 512}, 0.7, -1};
       },
       "hires steps is -1"},
      {[](auto& r) {
         r.loras = {{"a.safetensors", NAN, 1}};
       },
       "LoRA a.safetensors is nan"},
      {[](auto& r) {
         r.loras = {{"a.safetensors", 1, 1e30}};
       },
       "LoRA a.safetensors is 1e+30"},
      {[](auto& r) { r.wildcard_folder = "/nowhere"; }, "no wildcard folder /nowhere"},
      {[](auto& r) { r.lora_folder = "/nowhere"; }, "no LoRA folder /nowhere"},
      {[](auto& r) { r.prompt.push_back('\0'); }, "prompt holds a zero byte"},
      {[](auto& r) { r.negative_prompt.assign(262145, 'x'); }, "it may have 262144"},
      {[](auto& r) { r.sampler = "eular"; }, "did you mean euler?"},
      {[](auto& r) { r.sampler = "foo"; }, "\"foo\" is unknown. Known are"},
      {[](auto& r) { r.schedule = "karas"; }, "karras"},
      {[](auto& r) { r.clip_skip = 40; }, "clip skip 40"},
      {[](auto& r) { r.clip_skip = -1; }, "clip skip -1"},
      {[](auto& r) {
         r.image = Picture{};
         r.size = PictureSize{512, 512};
         r.strength = 0.01;
       },
       "nothing to do"},
      {[](auto& r) {
         r.image = Picture{1, 1, 3, {0, 0, 0}};
       },
       "the start picture is 1x1 pixels; both sides must be from 8 to 16384"},
      {[](auto& r) {
         r.image = Picture{20000, 2, 1, std::vector<uint8_t>(40000)};
       },
       "the start picture is 20000x2 pixels; both sides must be from 8 to 16384"},
      {[](auto& r) {
         r.image = Picture{16392, 8, 1, std::vector<uint8_t>(16392 * 8)};
       },
       "16392x8"},
      {[](auto& r) {
         r.compat = CompatProfile::kA1111;
         r.sampler = "ddim";
         r.steps = 1;
       },
       "the sampler ddim makes no picture in 1 steps here; ask for more"},
      {[](auto& r) {
         r.compat = CompatProfile::kA1111;
         r.sampler = "PLMS";
         r.schedule = "karras";
         r.steps = 1;
       },
       "the sampler plms makes no picture"},
      {[](auto& r) {
         r.hires = HiresPass{{512, 512}, 0.01};
       },
       "hires pass"},
      {[](auto& r) {
         r.initial_latent = LatentBuffer{{1, 4, 1, 1}, {0, 0, 0, 0}};
       },
       "[1, 4, 1, 1], and this request needs [1, 4, 64, 64]"},
      {[](auto& r) {
         r.size = PictureSize{8, 8};
         r.initial_latent = LatentBuffer{{1, 4, 1, 1}, {0, NAN, 0, 0}};
       },
       "not finite"},
      {[](auto& r) {
         r.size = PictureSize{16384, 16384};
         r.batch = 64;
         r.guidance_scale = 1;
       },
       "smaller batch"},
  };
  for (const Case& wrong : cases) {
    GenerationRequest request;
    wrong.spoil(request);
    EXPECT_THAT(std::string(CheckRequest(request, Model()).message()), HasSubstr(wrong.words));
  }
}

TEST(RequestCheckTest, NamesTheModelWhoseSchedulerIsWrong) {
  ModelDescription model = Model();
  model.scheduler_json = R"({"timestep_spacing": "lagging"})";
  EXPECT_THAT(std::string(CheckRequest({}, model).message()),
              HasSubstr("some/model: scheduler/scheduler_config.json: `timestep_spacing`"));
}

TEST(RequestCheckTest, DoesNotWrapAnAbsurdOwnSize) {
  ModelDescription model = Model();
  model.native_size = (int64_t{1} << 32) + 512;
  EXPECT_FALSE(ResolveSize({}, model).ok());
}

}  // namespace
}  // namespace patchbay
