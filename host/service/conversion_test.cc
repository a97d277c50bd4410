#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/job_json.h"
#include "host/service/error_conversion.h"
#include "host/service/job_conversion.h"
#include "host/service/settings_conversion.h"

namespace patchbay {
namespace {

using google::protobuf::util::MessageDifferencer;

// No field has its default, so that a field that is forgotten shows.
JobRequest Unusual() {
  JobRequest request;
  request.model = "sd/xl";
  request.seed = 0xffffffffffffffffu;
  request.image_artifact_id = "image";
  request.mask_artifact_id = "mask";
  request.initial_latent_artifact_id = "latent";
  request.start_latent_artifact_id = "start";
  request.loras = {{"artifact", "", 0.1, -0.3, "title"}, {"", "name", 2, 3, ""}};
  request.embeddings = {{"e", "1"}};
  request.wildcards = {{"w", "2"}, {"v", "3"}};
  request.prompt_loras = {{"l", "4"}};
  request.plugin_files = {{"p.png", "5"}};
  request.format = PictureFormat::kWebp;
  request.without_default_plugins = true;
  request.plugin_failure_policy = PluginFailurePolicy::kSkip;
  GenerationRequest& settings = request.settings;
  settings.prompt = "apple";
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

TEST(ConversionTest, KeepsEverySetting) {
  const auto back = SettingsFromProto(SettingsToProto(Unusual()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(JobRequestJson(*back), JobRequestJson(Unusual()));
}

TEST(ConversionTest, AnEmptyMessageMeansTheDefaults) {
  const auto request = SettingsFromProto({});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(JobRequestJson(*request), "{}");
}

TEST(ConversionTest, EveryFieldOfTheMessageIsRead) {
  // Each field that is set must change what is drawn.
  const google::protobuf::Descriptor* descriptor = v1::GenerationSettings::descriptor();
  const v1::GenerationSettings all = SettingsToProto(Unusual());
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = descriptor->field(i);
    v1::GenerationSettings without = all;
    without.GetReflection()->ClearField(&without, field);
    const auto request = SettingsFromProto(without);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_NE(JobRequestJson(*request), JobRequestJson(Unusual())) << field->name();
  }
}

TEST(ConversionTest, SpellsPluginSettingsAsTheyAreTyped) {
  v1::GenerationSettings settings;
  auto& values = *settings.add_plugins()->mutable_settings();
  settings.mutable_plugins(0)->set_plugin_id("p");
  values["a"].set_bool_value(true);
  values["b"].set_int_value(-3);
  values["c"].set_double_value(0.1);
  values["d"].set_string_value("text");
  values["e"].mutable_list_value()->add_values()->set_double_value(1.5);
  values["e"].mutable_list_value()->add_values()->set_int_value(2);
  const auto request = SettingsFromProto(settings);
  ASSERT_TRUE(request.ok()) << request.status();
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"a", "true"}, {"b", "-3"}, {"c", "0.1"}, {"d", "text"}, {"e", "1.5/2"}};
  EXPECT_EQ(request->settings.plugins[0].settings, wanted);
  values["f"].mutable_list_value()->add_values()->set_artifact_id("x");
  EXPECT_EQ(SettingsFromProto(settings).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConversionTest, AnArtifactAsASettingGetsAName) {
  const std::string id(64, 'a'), other(64, 'b');
  v1::GenerationSettings settings;
  v1::NamedFile& file = *settings.add_plugin_files();
  file.set_name("p.png");
  file.set_artifact_id("5");
  for (const char* plugin : {"one", "two"}) {
    v1::PluginChoice& choice = *settings.add_plugins();
    choice.set_plugin_id(plugin);
    (*choice.mutable_settings())["file"].set_artifact_id(id);
    (*choice.mutable_settings())["none"].set_artifact_id("");
  }
  (*settings.mutable_plugins(1)->mutable_settings())["picture"].set_artifact_id(other);
  const auto request = SettingsFromProto(settings);
  ASSERT_TRUE(request.ok()) << request.status();
  const std::string name(12, 'a'), other_name(12, 'b');
  const std::vector<std::pair<std::string, std::string>> one = {{"file", name}, {"none", ""}};
  const std::vector<std::pair<std::string, std::string>> two = {
      {"file", name}, {"none", ""}, {"picture", other_name}};
  EXPECT_EQ(request->settings.plugins[0].settings, one);
  EXPECT_EQ(request->settings.plugins[1].settings, two);
  const std::vector<NamedArtifact> files = {{"p.png", "5"}, {name, id}, {other_name, other}};
  EXPECT_EQ(request->plugin_files, files);
  // Told again, it is the same.
  const auto again = SettingsFromProto(SettingsToProto(*request));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(JobRequestJson(*again), JobRequestJson(*request));
}

Job Finished() {
  Job job;
  job.id = "a-b";
  job.state = JobState::kSucceeded;
  job.request = Unusual();
  job.priority = -4;
  job.create_time = absl::FromUnixMillis(1'700'000'000'123);
  job.start_time = job.create_time + absl::Seconds(1);
  job.finish_time = job.create_time + absl::Seconds(2);
  job.queue_position = 3;
  job.attempts = 2;
  job.progress = JobProgress{1, 2, 3, 0.5};
  job.last_sequence = 99;
  job.result.emplace();
  job.result->pictures = {{"p", 12}};
  job.result->latent_artifact_id = "l";
  job.result->load_seconds = 5;
  job.result->report.seed = 1;
  job.result->report.size = {8, 16};
  job.result->report.step_seconds = {1, 2};
  job.result->report.warnings = {"w"};
  job.result->report.plugins = "a 1.0";
  return job;
}

TEST(ConversionTest, KeepsJobs) {
  const v1::Generation proto = JobToProto(Finished());
  const auto job = JobFromProto(proto);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(MessageDifferencer::Equals(JobToProto(*job), proto));
  EXPECT_EQ(job->create_time, Finished().create_time);
  EXPECT_EQ(JobResultJson(*job->result), JobResultJson(*Finished().result));
  EXPECT_EQ(proto.pictures(0).media_type(), "image/webp");
}

TEST(ConversionTest, KeepsEvents) {
  for (const JobEvent& event : {JobEvent{1, absl::UnixEpoch(), JobStateChange{Finished()}},
                                JobEvent{2, absl::UnixEpoch(), JobProgress{0, 1, 2, 0.5}},
                                JobEvent{3, absl::UnixEpoch(), JobPreview{0, 1, {"a", "b"}}}}) {
    const v1::GenerationEvent proto = EventToProto(event);
    const auto back = EventFromProto(proto);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->what.index(), event.what.index());
    EXPECT_TRUE(MessageDifferencer::Equals(EventToProto(*back), proto));
  }
}

TEST(ConversionTest, KeepsErrorsWithTheirDetails) {
  const absl::Status error =
      WithDetails(absl::ResourceExhaustedError("full"),
                  {"QUEUE_FULL", {{"depth", "3"}}, absl::Milliseconds(2500)});
  const grpc::Status sent = ToGrpcStatus(error);
  EXPECT_EQ(sent.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const absl::Status back = FromGrpcStatus(sent);
  EXPECT_EQ(back.code(), error.code());
  EXPECT_EQ(back.message(), "full");
  EXPECT_EQ(DetailsOf(back).reason, "QUEUE_FULL");
  EXPECT_EQ(DetailsOf(back).metadata.at("depth"), "3");
  EXPECT_EQ(DetailsOf(back).retry_delay, absl::Milliseconds(2500));
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(ConversionTest, ForeignErrorsKeepTheirSentence) {
  const absl::Status back =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no route", "not a message"));
  EXPECT_EQ(back.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(back.message(), "no route");
}

}  // namespace
}  // namespace patchbay
