#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/answer.h"
#include "bridges/webui/field_reader.h"
#include "bridges/webui/routes.h"
#include "bridges/webui/samplers.h"
#include "bridges/webui/scripts.h"

namespace patchbay::webui {
namespace {

// A failed list is an error; a JSON value is an answer.
HttpResponse AnswerOr(const absl::StatusOr<Json>& result) {
  return result.ok() ? Answer(*result) : StatusAnswer(result.status());
}

absl::StatusOr<Json> Options(Context& context) {
  Json options = context.options.All();
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Model> models, context.host.ListModels());
  absl::StatusOr<ModelTitle> model = context.ChosenModel(options);
  // A model that was chosen once and is gone: the default takes its place.
  if (!model.ok()) model = DefaultModel(models);
  if (model.ok()) {
    options["sd_model_checkpoint"] = model->title;
    options["sd_checkpoint_hash"] = model->hash;
  }
  return options;
}

HttpResponse SetOptions(Context& context, const HttpRequest& request) {
  FieldReader reader(request.body);
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  Json changes = reader.body();
  const auto name = changes.find("sd_model_checkpoint");
  if (name != changes.end() && name->is_string() && !name->get<std::string>().empty()) {
    const auto models = context.host.ListModels();
    if (!models.ok()) return StatusAnswer(models.status());
    const auto model = FindModel(*models, name->get<std::string>());
    if (!model.ok()) return ErrorAnswer(500, "RuntimeError", std::string(model.status().message()));
    *name = model->title;
    changes["sd_checkpoint_hash"] = model->hash;
  }
  std::vector<std::string> unknown;
  if (const absl::Status status = context.options.Set(changes, unknown); !status.ok()) {
    return StatusAnswer(status);
  }
  HttpResponse answer = Answer(nullptr);
  if (!unknown.empty()) {
    answer.headers.emplace_back("X-Ignored-Options", absl::CEscape(absl::StrJoin(unknown, ",")));
  }
  return answer;
}

absl::StatusOr<Json> Models(Context& context) {
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Model> models, context.host.ListModels());
  Json list = Json::array();
  for (const v1::Model& model : models) {
    const ModelTitle title = TitleOf(model);
    list.push_back({{"title", title.title},
                    {"model_name", title.model_name},
                    {"hash", title.hash},
                    {"sha256", nullptr},
                    {"filename", title.file_name},
                    {"config", nullptr}});
  }
  return list;
}

HttpResponse SamplerList() {
  Json list = Json::array();
  for (const SamplerName& sampler : Samplers()) {
    list.push_back(
        {{"name", sampler.name}, {"aliases", sampler.aliases}, {"options", Json::object()}});
  }
  return Answer(list);
}

HttpResponse SchedulerList() {
  Json list = Json::array();
  for (const SchedulerName& scheduler : Schedulers()) {
    list.push_back({{"name", scheduler.name},
                    {"label", scheduler.label},
                    {"aliases", scheduler.aliases},
                    {"default_rho", scheduler.default_rho},
                    {"need_inner_model", scheduler.need_inner_model}});
  }
  return Answer(list);
}

HttpResponse Upscalers() {
  Json list = Json::array();
  for (const char* name : {"None", "Lanczos", "Nearest"}) {
    list.push_back({{"name", name},
                    {"model_name", nullptr},
                    {"model_path", nullptr},
                    {"model_url", nullptr},
                    {"scale", 4}});
  }
  return Answer(list);
}

HttpResponse Loras(const Context& context) {
  Json list = Json::array();
  for (const NamedPath& file : context.loras.List()) {
    const std::string name = file.name.substr(file.name.rfind('/') + 1);
    list.push_back({{"name", name},
                    {"alias", name},
                    {"path", absl::StrCat(file.name, ".safetensors")},
                    {"metadata", Json::object()}});
  }
  return Answer(list);
}

HttpResponse Embeddings(const Context& context) {
  Json loaded = Json::object();
  for (const NamedPath& file : context.embeddings.List()) {
    loaded[file.name.substr(file.name.rfind('/') + 1)] = {{"step", nullptr},
                                                          {"sd_checkpoint", nullptr},
                                                          {"sd_checkpoint_name", nullptr},
                                                          {"shape", 0},
                                                          {"vectors", 0}};
  }
  return Answer({{"loaded", std::move(loaded)}, {"skipped", Json::object()}});
}

HttpResponse StyleList(const Context& context) {
  Json list = Json::array();
  for (const PromptStyle& style : context.Styles()) {
    list.push_back({{"name", style.name},
                    {"prompt", style.prompt},
                    {"negative_prompt", style.negative_prompt}});
  }
  return Answer(list);
}

// Plugins take the place of extensions.
absl::StatusOr<Json> Extensions(Context& context) {
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<PluginDescription> plugins, context.host.ListPlugins());
  Json list = Json::array();
  for (const PluginDescription& plugin : plugins) {
    list.push_back({{"name", plugin.plugin.id()},
                    {"remote", ""},
                    {"branch", ""},
                    {"commit_hash", plugin.plugin.build()},
                    {"commit_date", plugin.plugin.install_time().seconds()},
                    {"version", plugin.plugin.version()},
                    {"enabled", plugin.plugin.state() == v1::PLUGIN_STATE_ACTIVE}});
  }
  return list;
}

// Linux's count of kibibytes after "MemTotal:" and its like.
Json Memory() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  uint64_t kibibytes = 0, total = 0, available = 0;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == "MemTotal:") total = kibibytes * 1024;
    if (name == "MemAvailable:") available = kibibytes * 1024;
  }
  return {{"ram", {{"free", available}, {"used", total - available}, {"total", total}}},
          {"cuda", {{"error", "this is known to the server, not to its bridge"}}}};
}

HttpResponse CommandLineFlags() {
  return Answer({{"api", true},
                 {"nowebui", true},
                 {"api_log", false},
                 {"listen", false},
                 {"ckpt_dir", nullptr},
                 {"lora_dir", nullptr},
                 {"medvram", false},
                 {"lowvram", false}});
}

absl::StatusOr<Json> ForChosenModel(Context& context, bool load) {
  BRIDGE_ASSIGN_OR_RETURN(const ModelTitle model, context.ChosenModel(context.options.All()));
  BRIDGE_RETURN_IF_ERROR(load ? context.host.LoadModel(model.host_name)
                              : context.host.UnloadModel(model.host_name));
  return Json::object();
}

}  // namespace

void AddInformationRoutes(Context& context, HttpRouter& router) {
  const auto get = [&router](const std::string& path, HttpHandler handler) {
    router.Add("GET", "/sdapi/v1/" + path, std::move(handler));
  };
  using Request = const HttpRequest&;
  get("options", [&context](Request) { return AnswerOr(Options(context)); });
  router.Add("POST", "/sdapi/v1/options",
             [&context](Request request) { return SetOptions(context, request); });
  get("sd-models", [&context](Request) { return AnswerOr(Models(context)); });
  get("samplers", [](Request) { return SamplerList(); });
  get("schedulers", [](Request) { return SchedulerList(); });
  get("upscalers", [](Request) { return Upscalers(); });
  get("latent-upscale-modes", [](Request) { return Answer({{{"name", "Latent"}}}); });
  get("loras", [&context](Request) { return Loras(context); });
  get("embeddings", [&context](Request) { return Embeddings(context); });
  get("prompt-styles", [&context](Request) { return StyleList(context); });
  get("scripts", [&context](Request) -> HttpResponse {
    const auto plugins = context.host.ListPlugins();
    return plugins.ok() ? Answer(ScriptList(*plugins)) : StatusAnswer(plugins.status());
  });
  get("script-info", [&context](Request) -> HttpResponse {
    const auto plugins = context.host.ListPlugins();
    return plugins.ok() ? Answer(ScriptInfo(*plugins)) : StatusAnswer(plugins.status());
  });
  get("extensions", [&context](Request) { return AnswerOr(Extensions(context)); });
  get("memory", [](Request) { return Answer(Memory()); });
  get("cmd-flags", [](Request) { return CommandLineFlags(); });
  router.Add("POST", "/sdapi/v1/unload-checkpoint",
             [&context](Request) { return AnswerOr(ForChosenModel(context, false)); });
  router.Add(
      "POST", "/sdapi/v1/reload-checkpoint",
      [&context](Request) { return AnswerOr(ForChosenModel(context, true)); }, HandlerPace::kLong);
}

}  // namespace patchbay::webui
