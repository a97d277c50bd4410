#include "host/runtime/sampling/noise_schedule_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "host/runtime/sampling/noise_schedule.h"

namespace patchbay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string MessageFor(const char* json) {
  const auto config = ParseNoiseScheduleConfig(json);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(config.status().message());
}

// Betas of 1/2 leave 1/2 and then 1/4 of the picture: sigma^2 = (1 - alpha) / alpha is 1, then 3.
TEST(NoiseScheduleConfigTest, TrainedBetasTakeThePlaceOfTheSchedule) {
  const auto config =
      ParseNoiseScheduleConfig(R"({"num_train_timesteps": 2, "trained_betas": [0.5, 0.5]})");
  ASSERT_TRUE(config.ok()) << config.status();
  const NoiseSchedule schedule(*config);
  ASSERT_EQ(schedule.sigmas().size(), 2);
  EXPECT_NEAR(schedule.sigmas()[0], 1, 1e-6);
  EXPECT_NEAR(schedule.sigmas()[1], std::sqrt(3.0), 1e-6);
}

TEST(NoiseScheduleConfigTest, NamesTheFileAndTheEntry) {
  for (const auto& [entry, json] : std::initializer_list<std::pair<const char*, const char*>>{
           {"trained_betas", R"({"trained_betas": [0.5, 0.5]})"},
           {"trained_betas", R"({"num_train_timesteps": 2, "trained_betas": [0.5, 1.5]})"},
           {"trained_betas", R"({"trained_betas": "many"})"},
           {"timestep_spacing", R"({"timestep_spacing": "lagging"})"},
           {"prediction_type", R"({"prediction_type": 3})"},
           {"prediction_type", R"({"prediction_type": "velocity"})"},
           {"steps_offset", R"({"steps_offset": 1000})"},
           {"steps_offset", R"({"steps_offset": -1})"},
           {"steps_offset", R"({"steps_offset": 1.5})"},
           {"num_train_timesteps", R"({"num_train_timesteps": 1})"},
           {"beta_schedule", R"({"beta_schedule": "cosine"})"},
           {"beta_start", R"({"beta_start": 0.5, "beta_end": 0.1})"},
           {"final_sigmas_type", R"({"final_sigmas_type": "one"})"},
           {"solver_order", R"({"solver_order": 9})"},
           {"thresholding", R"({"thresholding": true})"},
           {"use_karras_sigmas", R"({"use_karras_sigmas": "yes"})"},
           {"sigma_min", R"({"_class_name": "EDMEulerScheduler", "sigma_min": -1})"}}) {
    EXPECT_THAT(MessageFor(json),
                AllOf(HasSubstr("scheduler/scheduler_config.json"), HasSubstr(entry)));
  }
  EXPECT_THAT(MessageFor("{"), HasSubstr("not a JSON object"));
}

TEST(NoiseScheduleConfigTest, WarnsOfWhatIsNotUnderstood) {
  const auto config = ParseNoiseScheduleConfig(
      R"({"_diffusers_version": "1", "thresholding": false, "lower_order_final": true,
          "trained_betas": null, "use_flow_sigmas": true})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->warnings, ElementsAre(HasSubstr("use_flow_sigmas")));
  EXPECT_THAT(ParseNoiseScheduleConfig("{}")->warnings, IsEmpty());
}

}  // namespace
}  // namespace patchbay
