#include "host/engine/jobs/job_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

using Json = nlohmann::json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Writes fields that differ from those of a default object; `fallback` is such an object.
class FieldWriter {
 public:
  template <typename Value>
  void operator()(const char* name, const Value& value, const Value& fallback) {
    if (value != fallback) json[name] = value;
  }
  template <typename Value>
  void operator()(const char* name, const std::optional<Value>& value,
                  const std::optional<Value>&) {
    if (value.has_value()) json[name] = *value;
  }
  Json json = Json::object();
};

// Reads the same fields; wrong types make nlohmann throw.
class FieldReader {
 public:
  explicit FieldReader(const Json& json) : json_(json) {}
  template <typename Value>
  void operator()(const char* name, Value& value, const Value&) {
    if (json_.contains(name)) json_.at(name).get_to(value);
  }
  template <typename Value>
  void operator()(const char* name, std::optional<Value>& value, const std::optional<Value>&) {
    if (json_.contains(name)) value = json_.at(name).get<Value>();
  }

 private:
  const Json& json_;
};

// Every plain field of a request, once for writing and reading.
template <typename Visitor, typename Request>
void VisitFields(Visitor& visit, Request& request, const JobRequest& fallback) {
  visit("model", request.model, fallback.model);
  visit("seed", request.seed, fallback.seed);
  visit("without_default_plugins", request.without_default_plugins,
        fallback.without_default_plugins);
  visit("plugin_failure_policy", request.plugin_failure_policy, fallback.plugin_failure_policy);
  visit("image", request.image_artifact_id, fallback.image_artifact_id);
  visit("mask", request.mask_artifact_id, fallback.mask_artifact_id);
  visit("initial_latent", request.initial_latent_artifact_id, fallback.initial_latent_artifact_id);
  visit("start_latent", request.start_latent_artifact_id, fallback.start_latent_artifact_id);
  auto& settings = request.settings;
  const GenerationRequest& usual = fallback.settings;
  visit("prompt", settings.prompt, usual.prompt);
  visit("negative_prompt", settings.negative_prompt, usual.negative_prompt);
  visit("steps", settings.steps, usual.steps);
  visit("guidance_scale", settings.guidance_scale, usual.guidance_scale);
  visit("sampler", settings.sampler, usual.sampler);
  visit("schedule", settings.schedule, usual.schedule);
  visit("eta", settings.eta, usual.eta);
  visit("eta_given", settings.eta_given, usual.eta_given);
  visit("batch", settings.batch, usual.batch);
  visit("clip_skip", settings.clip_skip, usual.clip_skip);
  visit("strength", settings.strength, usual.strength);
  visit("keep_latent", settings.keep_latent, usual.keep_latent);
  visit("without_pictures", settings.without_pictures, usual.without_pictures);
  visit("overlay", settings.overlay, usual.overlay);
  visit("plugins_in_given_order", settings.plugins_in_given_order, usual.plugins_in_given_order);
}

Json SizeJson(const PictureSize& size) { return {size.width, size.height}; }
PictureSize ParseSize(const Json& json) { return {json.at(0).get<int>(), json.at(1).get<int>()}; }

void WriteNamed(Json& json, const char* name, const std::vector<NamedArtifact>& files) {
  for (const NamedArtifact& file : files) json[name].push_back({file.name, file.artifact_id});
}

void ReadNamed(const Json& json, const char* name, std::vector<NamedArtifact>& files) {
  for (const Json& file : json.value(name, Json::array())) {
    files.push_back({file.at(0).get<std::string>(), file.at(1).get<std::string>()});
  }
}

void WriteLoras(Json& json, const std::vector<JobLora>& loras) {
  for (const JobLora& lora : loras) {
    json["loras"].push_back({{"artifact", lora.artifact_id},
                             {"name", lora.name},
                             {"unet_weight", lora.unet_weight},
                             {"text_weight", lora.text_weight},
                             {"title", lora.title}});
  }
}

void ReadLoras(const Json& json, std::vector<JobLora>& loras) {
  for (const Json& lora : json.value("loras", Json::array())) {
    loras.push_back({lora.value("artifact", ""), lora.value("name", ""),
                     lora.value("unet_weight", 1.0), lora.value("text_weight", 1.0),
                     lora.value("title", "")});
  }
}

void WritePlugins(Json& json, const std::vector<ChosenPlugin>& plugins) {
  for (const ChosenPlugin& plugin : plugins) {
    json["plugins"].push_back(
        {{"id", plugin.id}, {"settings", plugin.settings}, {"build", plugin.build}});
  }
}

void ReadPlugins(const Json& json, std::vector<ChosenPlugin>& plugins) {
  for (const Json& plugin : json.value("plugins", Json::array())) {
    ChosenPlugin chosen;
    plugin.at("id").get_to(chosen.id);
    plugin.at("settings").get_to(chosen.settings);
    chosen.build = plugin.value("build", "");
    plugins.push_back(std::move(chosen));
  }
}

StepRange RangeFrom(const Json& json) {
  StepRange range;
  range.first = json.at("first");
  if (json.contains("end")) range.end = json.at("end").get<int>();
  range.adds_noise = json.at("adds_noise");
  range.keeps_noise = json.at("keeps_noise");
  return range;
}

JobRequest RequestFrom(const Json& json) {
  JobRequest request;
  FieldReader reader(json);
  VisitFields(reader, request, JobRequest());
  request.settings.compat =
      ParseCompatProfile(json.value("compat", "diffusers")).value_or(CompatProfile::kDiffusers);
  request.format = ParsePictureFormat(json.value("format", "png")).value_or(PictureFormat::kPng);
  if (json.contains("size")) request.settings.size = ParseSize(json.at("size"));
  if (json.contains("hires")) {
    const Json& hires = json.at("hires");
    request.settings.hires =
        HiresPass{ParseSize(hires.at("size")), hires.at("strength"), hires.at("steps")};
  }
  if (json.contains("range")) request.settings.range = RangeFrom(json.at("range"));
  ReadPlugins(json, request.settings.plugins);
  ReadLoras(json, request.loras);
  ReadNamed(json, "embeddings", request.embeddings);
  ReadNamed(json, "wildcards", request.wildcards);
  ReadNamed(json, "prompt_loras", request.prompt_loras);
  ReadNamed(json, "plugin_files", request.plugin_files);
  return request;
}

JobResult ResultFrom(const Json& json) {
  JobResult result;
  for (const Json& picture : json.at("pictures")) {
    result.pictures.push_back({picture.at(0).get<std::string>(), picture.at(1).get<uint64_t>()});
  }
  result.latent_artifact_id = json.value("latent", "");
  result.load_seconds = json.value("load_seconds", 0.0);
  GenerationReport& report = result.report;
  report.seed = json.value("seed", uint64_t{0});
  report.size = ParseSize(json.at("size"));
  report.sampler = json.value("sampler", "");
  report.schedule = json.value("schedule", "");
  report.step_seconds = json.value("step_seconds", std::vector<double>());
  report.text_seconds = json.value("text_seconds", 0.0);
  report.vae_seconds = json.value("vae_seconds", 0.0);
  report.total_seconds = json.value("total_seconds", 0.0);
  report.weight_bytes = json.value("weight_bytes", std::map<std::string, uint64_t>());
  report.peak_memory_bytes = json.value("peak_memory_bytes", uint64_t{0});
  report.plugins = json.value("plugins", "");
  report.warnings = json.value("warnings", std::vector<std::string>());
  return result;
}

template <typename Value, typename Read>
absl::StatusOr<Value> Parse(std::string_view text, Read read) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return absl::InvalidArgumentError("not a JSON object");
  try {
    return read(json);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("a field cannot be read: ", error.what()));
  }
}

}  // namespace

std::string JobRequestJson(const JobRequest& request) {
  FieldWriter writer;
  VisitFields(writer, request, JobRequest());
  Json& json = writer.json;
  if (request.settings.compat != CompatProfile::kDiffusers) {
    json["compat"] = std::string(CompatProfileName(request.settings.compat));
  }
  if (request.format != PictureFormat::kPng) {
    json["format"] = std::string(PictureFormatName(request.format));
  }
  if (request.settings.size.has_value()) json["size"] = SizeJson(*request.settings.size);
  if (const auto& hires = request.settings.hires; hires.has_value()) {
    json["hires"] = {
        {"size", SizeJson(hires->size)}, {"strength", hires->strength}, {"steps", hires->steps}};
  }
  if (const auto& range = request.settings.range; range.has_value()) {
    json["range"] = {{"first", range->first},
                     {"adds_noise", range->adds_noise},
                     {"keeps_noise", range->keeps_noise}};
    if (range->end.has_value()) json["range"]["end"] = *range->end;
  }
  WritePlugins(json, request.settings.plugins);
  WriteLoras(json, request.loras);
  WriteNamed(json, "embeddings", request.embeddings);
  WriteNamed(json, "wildcards", request.wildcards);
  WriteNamed(json, "prompt_loras", request.prompt_loras);
  WriteNamed(json, "plugin_files", request.plugin_files);
  return Dump(json);
}

absl::StatusOr<JobRequest> ParseJobRequest(std::string_view json) {
  return Parse<JobRequest>(json, RequestFrom);
}

std::string JobResultJson(const JobResult& result) {
  const GenerationReport& report = result.report;
  Json json = {{"pictures", Json::array()},
               {"latent", result.latent_artifact_id},
               {"load_seconds", result.load_seconds},
               {"seed", report.seed},
               {"size", SizeJson(report.size)},
               {"sampler", report.sampler},
               {"schedule", report.schedule},
               {"step_seconds", report.step_seconds},
               {"text_seconds", report.text_seconds},
               {"vae_seconds", report.vae_seconds},
               {"total_seconds", report.total_seconds},
               {"weight_bytes", report.weight_bytes},
               {"peak_memory_bytes", report.peak_memory_bytes},
               {"plugins", report.plugins},
               {"warnings", report.warnings}};
  for (const Artifact& picture : result.pictures) {
    json["pictures"].push_back({picture.id, picture.size_bytes});
  }
  return Dump(json);
}

absl::StatusOr<JobResult> ParseJobResult(std::string_view json) {
  return Parse<JobResult>(json, ResultFrom);
}

std::string JobErrorJson(const absl::Status& error) {
  const ErrorDetails details = DetailsOf(error);
  return Dump({{"code", static_cast<int>(error.code())},
               {"message", std::string(error.message())},
               {"reason", details.reason},
               {"metadata", details.metadata}});
}

absl::Status ParseJobError(std::string_view json, absl::Status& error) {
  using Metadata = std::map<std::string, std::string>;
  auto read = Parse<absl::Status*>(json, [&error](const Json& fields) {
    error = absl::Status(static_cast<absl::StatusCode>(fields.at("code").get<int>()),
                         fields.value("message", ""));
    ErrorDetails details{fields.value("reason", ""), fields.value("metadata", Metadata()),
                         std::nullopt};
    if (!details.reason.empty()) error = WithDetails(error, details);
    return &error;
  });
  return read.status();
}

}  // namespace patchbay
