#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/catalogue_reader.h"
#include "bridges/comfyui/routes.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

// The ComfyUI and page versions whose protocol this is.
constexpr char kComfyUiVersion[] = "0.3.64";
constexpr char kFrontendVersion[] = "1.44.19";

std::pair<uint64_t, uint64_t> MemoryTotalAndFree() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  uint64_t kibibytes = 0, total = 0, available = 0;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == "MemTotal:") total = kibibytes * 1024;
    if (name == "MemAvailable:") available = kibibytes * 1024;
  }
  return {total, available};
}

HttpResponse SystemStats() {
  const auto [total, available] = MemoryTotalAndFree();
  return JsonAnswer({{"system",
                      {{"os", "posix"},
                       {"ram_total", total},
                       {"ram_free", available},
                       {"comfyui_version", kComfyUiVersion},
                       {"required_frontend_version", kFrontendVersion},
                       {"installed_templates_version", nullptr},
                       {"required_templates_version", nullptr},
                       {"python_version", "none (Patchbay " PATCHBAY_VERSION ")"},
                       {"pytorch_version", "LibTorch"},
                       {"embedded_python", false},
                       {"argv", Json::array({"patchbay-bridges"})}}},
                     {"devices", Json::array({{{"name", "Patchbay server"},
                                               {"type", "cpu"},
                                               {"index", 0},
                                               {"vram_total", total},
                                               {"vram_free", available},
                                               {"torch_vram_total", total},
                                               {"torch_vram_free", available}}})}});
}

HttpResponse ObjectInfo(Context& context, const std::string& only) {
  const auto catalogue = context.catalogues.Read();
  if (!catalogue.ok()) return Refusal(catalogue.status());
  Json info = Json::object();
  for (const auto& [name, node] : **catalogue) {
    if (only.empty() || name == only) info[name] = node.Describe();
  }
  return JsonAnswer(info);
}

const std::vector<std::string>& ModelFolders() {
  static const auto& folders = *new std::vector<std::string>{
      "checkpoints", "loras",          "vae",       "diffusion_models", "text_encoders",
      "embeddings",  "upscale_models", "controlnet"};
  return folders;
}

absl::StatusOr<std::vector<std::string>> FilesIn(Context& context, const std::string& folder) {
  if (std::find(ModelFolders().begin(), ModelFolders().end(), folder) == ModelFolders().end()) {
    return absl::NotFoundError(absl::StrCat("there is no model folder ", folder));
  }
  const auto sources = ReadSources(context.host, context.loras, *context.pictures);
  if (!sources.ok()) return sources.status();
  if (folder == "checkpoints") return sources->checkpoints;
  if (folder == "loras") return sources->loras;
  std::vector<std::string> names;
  if (folder != "embeddings") return names;
  for (const NamedPath& file : context.embeddings.List()) {
    names.push_back(absl::StrCat(file.name, ".safetensors"));
  }
  return names;
}

// GET /experiment/models/{folder}.
HttpResponse ModelFiles(Context& context, const std::string& folder) {
  const auto names = FilesIn(context, folder);
  if (!names.ok()) return Refusal(names.status());
  Json files = Json::array();
  for (const std::string& name : *names) {
    files.push_back(
        {{"name", name}, {"pathIndex", 0}, {"modified", 0}, {"created", 0}, {"size", 0}});
  }
  return JsonAnswer(files);
}

HttpResponse PluginList(Context& context) {
  const auto builds = context.host.ListPluginBuilds();
  if (!builds.ok()) return Refusal(builds.status());
  Json list = Json::array();
  for (const v1::Plugin& plugin : *builds) {
    list.push_back({{"id", plugin.id()},
                    {"name", plugin.name()},
                    {"version", plugin.version()},
                    {"build", plugin.build()},
                    {"description", plugin.description()},
                    {"state", v1::PluginState_Name(plugin.state())},
                    {"place", plugin.place()},
                    {"fault_count", plugin.fault_count()},
                    {"fault", plugin.fault().message()}});
  }
  return JsonAnswer(list);
}

// Lets an active plugin act before the one that acts before it now.
absl::Status MoveForward(Context& context, const std::string& id) {
  // Between reading the order and writing it no other request may write one.
  const std::lock_guard lock(context.plugin_order);
  HostSession& host = context.host;
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Plugin> builds, host.ListPluginBuilds());
  std::map<int, std::string> by_place;
  bool is_known = false;
  for (const v1::Plugin& plugin : builds) {
    is_known |= plugin.id() == id;
    if (plugin.place() > 0) by_place[plugin.place()] = plugin.id();
  }
  std::vector<std::string> ids;
  for (const auto& [place, active] : by_place) ids.push_back(active);
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (!is_known) return absl::NotFoundError("there is no such plugin");
  if (found == ids.end()) {
    return absl::FailedPreconditionError(absl::StrCat("plugin ", id, " is not active"));
  }
  if (found == ids.begin()) {
    return absl::FailedPreconditionError(absl::StrCat("plugin ", id, " is the first to act"));
  }
  std::iter_swap(found, found - 1);
  return host.OrderPlugins(ids);
}

// POST /patchbay/plugins/{id}/{action}, for the side panel.
HttpResponse ChangePlugin(Context& context, const HttpRequest& request) {
  const std::string& id = request.captures.at("id");
  const std::string& action = request.captures.at("action");
  absl::Status status =
      absl::NotFoundError("actions are activate, roll-back, retire and move-forward");
  if (action == "activate") {
    status = context.host.ActivatePlugin(id, request.Query("build"));
  } else if (action == "roll-back") {
    status = context.host.RollBackPlugin(id);
  } else if (action == "retire") {
    status = context.host.RetirePlugin(id);
  } else if (action == "move-forward") {
    status = MoveForward(context, id);
  }
  return status.ok() ? JsonAnswer(Json::object()) : Refusal(status);
}

}  // namespace

void AddInformationRoutes(Context& context, HttpRouter& router) {
  using Request = const HttpRequest&;
  const auto get = [&router](const std::string& path, const HttpHandler& handler) {
    AddTwice(router, "GET", path, handler);
  };
  const auto always = [&get](const std::string& path, const Json& answer) {
    get(path, [answer](Request) { return JsonAnswer(answer); });
  };
  get("/object_info", [&context](Request) { return ObjectInfo(context, ""); });
  get("/object_info/{class}",
      [&context](Request request) { return ObjectInfo(context, request.captures.at("class")); });
  get("/system_stats", [](Request) { return SystemStats(); });
  get("/features", [](Request) { return JsonAnswer(ClientHub::Features()); });
  get("/embeddings", [&context](Request) {
    Json names = Json::array();
    for (const NamedPath& file : context.embeddings.List()) names.push_back(file.name);
    return JsonAnswer(names);
  });
  always("/models", ModelFolders());
  get("/models/{folder}", [&context](Request request) {
    const auto names = FilesIn(context, request.captures.at("folder"));
    return names.ok() ? JsonAnswer(*names) : Refusal(names.status());
  });
  Json folders = Json::array();
  for (const std::string& name : ModelFolders()) {
    folders.push_back({{"name", name}, {"folders", Json::array({name})}});
  }
  always("/experiment/models", folders);
  get("/experiment/models/{folder}",
      [&context](Request request) { return ModelFiles(context, request.captures.at("folder")); });
  for (const char* path :
       {"/i18n", "/workflow_templates", "/global_subgraphs", "/node_replacements"}) {
    always(path, Json::object());
  }
  always("/internal/logs", "");
  always("/internal/logs/raw",
         {{"entries", Json::array()}, {"size", {{"cols", 80}, {"rows", 24}}}});
  router.Add("PATCH", "/internal/logs/subscribe",
             [](Request) { return JsonAnswer(Json::object()); });
  always("/internal/folder_paths", Json::object());
  always("/templates/index.json", Json::array());
  get("/patchbay/plugins", [&context](Request) { return PluginList(context); });
  AddTwice(router, "POST", "/patchbay/plugins/{id}/{action}",
           [&context](Request request) { return ChangePlugin(context, request); });
}

}  // namespace patchbay::comfyui
