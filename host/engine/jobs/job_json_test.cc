#include "host/engine/jobs/job_json.h"

#include <gtest/gtest.h>

#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

// No field has its default.
JobRequest Unusual() {
  JobRequest request;
  request.model = "sd/xl";
  request.seed = 0xffffffffffffffffu;
  request.image_artifact_id = "image";
  request.mask_artifact_id = "mask";
  request.initial_latent_artifact_id = "latent";
  request.start_latent_artifact_id = "start";
  request.loras = {{"artifact", "", 0.1, -0.3, "title"}, {"", "name", 1, 1, ""}};
  request.embeddings = {{"e", "1"}};
  request.wildcards = {{"w", "2"}, {"v", "3"}};
  request.prompt_loras = {{"l", "4"}};
  request.plugin_files = {{"p.png", "5"}};
  request.format = PictureFormat::kWebp;
  GenerationRequest& settings = request.settings;
  settings.prompt = "a \"red\" \xc3\xa4pfel\n";
  settings.negative_prompt = "blue";
  settings.compat = CompatProfile::kA1111;
  settings.steps = 7;
  settings.guidance_scale = 0.1;
  settings.sampler = "lcm";
  settings.schedule = "karras";
  settings.eta = 1.0 / 3;
  settings.eta_given = true;
  settings.batch = 3;
  settings.size = PictureSize{64, 128};
  settings.clip_skip = 2;
  settings.strength = 0.9;
  settings.hires = HiresPass{{256, 512}, 0.2, 5};
  settings.keep_latent = true;
  settings.without_pictures = true;
  settings.overlay = false;
  settings.range = StepRange{3, 6, false, true};
  settings.plugins = {{"a", {{"x", "1"}, {"y", "2/3"}}}, {"b", {}}};
  settings.plugins_in_given_order = true;
  return request;
}

TEST(JobJsonTest, KeepsEveryFieldOfARequest) {
  const std::string text = JobRequestJson(Unusual());
  const auto read = ParseJobRequest(text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(JobRequestJson(*read), text);
  const JobRequest wanted = Unusual();
  EXPECT_EQ(read->seed, wanted.seed);
  EXPECT_EQ(read->loras, wanted.loras);
  EXPECT_EQ(read->wildcards, wanted.wildcards);
  EXPECT_EQ(read->plugin_files, wanted.plugin_files);
  EXPECT_EQ(read->format, wanted.format);
  EXPECT_EQ(read->settings.prompt, wanted.settings.prompt);
  EXPECT_EQ(read->settings.compat, wanted.settings.compat);
  EXPECT_EQ(read->settings.eta, wanted.settings.eta);
  EXPECT_EQ(read->settings.size, wanted.settings.size);
  EXPECT_EQ(read->settings.hires->size, wanted.settings.hires->size);
  EXPECT_EQ(read->settings.hires->steps, wanted.settings.hires->steps);
  EXPECT_EQ(read->settings.plugins, wanted.settings.plugins);
  EXPECT_EQ(read->settings.clip_skip, wanted.settings.clip_skip);
  EXPECT_EQ(read->settings.range, wanted.settings.range);
  EXPECT_EQ(read->settings.overlay, wanted.settings.overlay);
}

TEST(JobJsonTest, LeavesDefaultsOut) { EXPECT_EQ(JobRequestJson({}), "{}"); }

TEST(JobJsonTest, RefusesWhatItDidNotWrite) {
  for (const char* text :
       {"", "[]", "{\"steps\": \"many\"}", "{\"size\": [1]}", "{\"hires\": {}}"}) {
    EXPECT_EQ(ParseJobRequest(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(JobJsonTest, KeepsResultsAndErrors) {
  JobResult result;
  result.pictures = {{"a", 1}, {"b", 2}};
  result.latent_artifact_id = "c";
  result.report.seed = 9;
  result.report.size = {8, 16};
  result.report.step_seconds = {0.5, 0.25};
  result.report.warnings = {"w"};
  result.report.weight_bytes = {{"int8", 5}, {"bf16", 7}};
  result.report.peak_memory_bytes = uint64_t{9} << 30;
  result.report.plugins = "a 1.0";
  const auto read = ParseJobResult(JobResultJson(result));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(JobResultJson(*read), JobResultJson(result));

  absl::Status error;
  ASSERT_TRUE(
      ParseJobError(JobErrorJson(WithReason(absl::DataLossError("bad"), "WHY")), error).ok());
  EXPECT_EQ(error.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(error.message(), "bad");
  EXPECT_EQ(DetailsOf(error).reason, "WHY");
}

}  // namespace
}  // namespace patchbay
