#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "bridges/comfyui/routes.h"

namespace patchbay::comfyui {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = 256u << 20;
constexpr char kExtensionPath[] = "/extensions/patchbay/patchbay.js";
constexpr char kWithoutPage[] =
    "<!doctype html><title>Patchbay</title><p>This is Patchbay's ComfyUI API. The page is not "
    "installed here: give the folder \"static\" of the Python package comfyui-frontend-package "
    "with --comfyui-frontend.";

// Refreshes the page's nodes when plugins change, and lists them in a side panel.
constexpr char kExtension[] = R"js(import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

async function refreshNodes() {
  await app.extensionManager?.command?.execute?.("Comfy.RefreshNodeDefinitions");
}

async function draw(element) {
  const builds = await (await api.fetchApi("/patchbay/plugins")).json();
  element.replaceChildren();
  for (const build of builds) {
    const row = document.createElement("div");
    row.className = "patchbay-plugin";
    row.style.cssText = "padding:8px;border-bottom:1px solid #8884";
    const title = document.createElement("b");
    title.textContent = `${build.name || build.id} ${build.version}`;
    const facts = document.createElement("div");
    facts.style.cssText = "font-size:smaller;opacity:.8;overflow-wrap:anywhere";
    const state = build.state.replace("PLUGIN_STATE_", "").toLowerCase();
    facts.textContent = `${build.build.slice(0, 12)} · ${state}` +
      (build.fault_count ? ` · ${build.fault_count} faults: ${build.fault}` : "");
    row.append(title, facts);
    const act = (label, action, query) => {
      const button = document.createElement("button");
      button.textContent = label;
      button.style.cssText = "margin:4px 4px 0 0";
      button.onclick = async () => {
        const answer = await api.fetchApi(
          `/patchbay/plugins/${encodeURIComponent(build.id)}/${action}${query}`, { method: "POST" });
        if (!answer.ok) alert(await answer.text());
        await draw(element);
      };
      row.append(button);
    };
    if (state === "active") {
      act("Roll back", "roll-back", "");
      act("Retire", "retire", "");
    } else {
      act("Activate", "activate", `?build=${build.build}`);
    }
    element.append(row);
  }
  if (!builds.length) element.textContent = "The server has no plugins.";
}

app.registerExtension({
  name: "patchbay.plugins",
  setup() {
    let panel = null;
    app.extensionManager?.registerSidebarTab?.({
      id: "patchbay-plugins",
      icon: "pi pi-bolt",
      title: "Plugins",
      tooltip: "Patchbay plugins",
      type: "custom",
      render: (element) => { panel = element; draw(element); },
    });
    api.addEventListener("patchbay_plugins", async () => {
      await refreshNodes();
      if (panel?.isConnected) await draw(panel);
    });
  },
});
)js";

HttpResponse WithoutCaching(HttpResponse response) {
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("Pragma", "no-cache");
  response.headers.emplace_back("Expires", "0");
  return response;
}

HttpResponse PageFile(const std::string& root, const std::string& asked) {
  const std::string name = asked.empty() ? "index.html" : asked;
  if (root.empty()) {
    if (!asked.empty()) return JsonAnswer({{"detail", "Not Found"}}, 404);
    return WithoutCaching({200, "text/html; charset=utf-8", kWithoutPage, {}});
  }
  std::error_code error;
  const fs::path folder = fs::canonical(root, error);
  const fs::path path = fs::weakly_canonical(folder / fs::path(name).relative_path(), error);
  const fs::path relative = path.lexically_relative(folder);
  if (error || relative.empty() || *relative.begin() == "..") {
    return {403, "text/plain; charset=utf-8", "403: Forbidden", {}};
  }
  auto bytes = ReadWholeFile(path.string(), kMaxFileBytes);
  if (!bytes.ok() || !fs::is_regular_file(path, error)) {
    return {404, "text/plain; charset=utf-8", "404: Not Found", {}};
  }
  HttpResponse response{200, MediaTypeOf(name), *std::move(bytes), {}};
  const bool is_code =
      absl::EndsWith(name, ".html") || absl::EndsWith(name, ".js") || absl::EndsWith(name, ".css");
  return is_code ? WithoutCaching(std::move(response)) : response;
}

}  // namespace

void AddPageRoutes(Context& context, HttpRouter& router) {
  using Request = const HttpRequest&;
  AddTwice(router, "GET", "/extensions",
           [](Request) { return JsonAnswer(Json::array({kExtensionPath})); });
  AddTwice(router, "GET", kExtensionPath, [](Request) {
    return WithoutCaching({200, "text/javascript; charset=utf-8", kExtension, {}});
  });
  const std::string root = context.folders.frontend;
  router.Add("GET", "/{file...}",
             [root](Request request) { return PageFile(root, request.captures.at("file")); });
}

}  // namespace patchbay::comfyui
