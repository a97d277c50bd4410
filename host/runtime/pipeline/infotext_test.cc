#include "host/runtime/pipeline/infotext.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/sampling/sampler_names.h"

namespace patchbay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

DrawnPicture Drawn(const std::string& sampler, const std::string& schedule) {
  DrawnPicture picture;
  picture.prompt = "a cat";
  picture.model_name = "m.safetensors";
  picture.sampler = sampler;
  picture.schedule = schedule;
  picture.size = {512, 768};
  picture.seed = ~uint64_t{0};
  return picture;
}

TEST(InfotextTest, WritesAsA1111Does) {
  GenerationRequest request;
  request.compat = CompatProfile::kA1111;
  DrawnPicture picture = Drawn("dpmpp_2m", "karras");
  picture.negative_prompt = "blur";
  EXPECT_EQ(MakeInfotext(request, picture),
            "a cat\nNegative prompt: blur\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, "
            "CFG scale: 7.5, Seed: 18446744073709551615, Size: 512x768, Model: m.safetensors, "
            "Compat: a1111, Version: Patchbay " PATCHBAY_VERSION);
}

TEST(InfotextTest, EveryLabelNamesWhatItStandsFor) {
  for (const std::string& name : KnownSamplers()) {
    EXPECT_EQ(ResolveSampler(SamplerLabel(name))->sampler, name);
  }
  for (const std::string& name : KnownSchedules()) {
    EXPECT_EQ(*ResolveSchedule(ScheduleLabel(name)), name);
  }
  EXPECT_EQ(SamplerLabel("dpmpp_2s_a"), "DPM++ 2S a");
  EXPECT_EQ(ScheduleLabel("kl_optimal"), "KL Optimal");
  EXPECT_EQ(ScheduleLabel("trailing"), "trailing");
}

TEST(InfotextTest, LeavesA1111sOwnPlansAutomatic) {
  GenerationRequest request;
  EXPECT_THAT(MakeInfotext(request, Drawn("ddim", "leading")), HasSubstr("Schedule type: leading"));
  request.compat = CompatProfile::kA1111;
  EXPECT_THAT(MakeInfotext(request, Drawn("ddim", "leading")),
              HasSubstr("Sampler: DDIM, Schedule type: Automatic"));
  request.schedule = "trailing";
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "trailing")),
              HasSubstr("Schedule type: trailing"));
}

TEST(InfotextTest, GivesTheFirstPassSizeBesideTheSecond) {
  GenerationRequest request;
  request.hires = HiresPass{{1024, 1536}, 0.6, 12};
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "normal")),
              AllOf(HasSubstr("Size: 512x768"), HasSubstr("Denoising strength: 0.6"),
                    HasSubstr("Hires resize: 1024x1536, Hires steps: 12, Hires upscaler: Latent")));
  request.hires->steps = 0;
  request.image = Picture{};
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "normal")),
              AllOf(HasSubstr("Denoising strength: 0.75"), HasSubstr("Hires strength: 0.6"),
                    Not(HasSubstr("Hires steps"))));
}

TEST(InfotextTest, NamesEmbeddings) {
  GenerationRequest request;
  request.embeddings = {"x/style.safetensors", "y.safetensors"};
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "normal")),
              HasSubstr("Embeddings: \"style, y\""));
}

TEST(InfotextTest, NamesLorasWithTheirWeights) {
  GenerationRequest request;
  request.loras = {{"x/ink.safetensors", 0.8, 0.8}, {"y", 1, 0.5, "line, art"}};
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "normal")),
              HasSubstr("LoRAs: \"ink:0.8, line, art:1:0.5\""));
}

TEST(InfotextTest, NamesEtaWhereItCounts) {
  GenerationRequest request;
  request.eta = 0.5;
  EXPECT_THAT(MakeInfotext(request, Drawn("ddim", "leading")), Not(HasSubstr("Eta")));
  request.eta_given = true;
  EXPECT_THAT(MakeInfotext(request, Drawn("ddim", "leading")), HasSubstr(", Eta: 0.5"));
  EXPECT_THAT(MakeInfotext(request, Drawn("euler", "normal")), Not(HasSubstr("Eta")));
  request.eta = 1;
  EXPECT_THAT(MakeInfotext(request, Drawn("euler_a", "normal")), Not(HasSubstr("Eta")));
}

TEST(InfotextTest, NamesMasksAndPartsOfTheSteps) {
  GenerationRequest request;
  request.compat = CompatProfile::kComfyUi;
  request.start_latent = LatentBuffer{};
  request.mask = Picture{};
  request.range = StepRange{3, 9, false, true};
  EXPECT_THAT(
      MakeInfotext(request, Drawn("euler", "normal")),
      AllOf(HasSubstr("Start: latent, Mask blur: 0, Inpaint area: Whole picture, Masked content: "
                      "original"),
            HasSubstr("First step: 3, End step: 9, Added noise: no, Kept noise: yes")));
}

}  // namespace
}  // namespace patchbay
