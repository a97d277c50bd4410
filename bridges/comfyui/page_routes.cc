#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "bridges/comfyui/page_extension.h"
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
    return WithoutCaching({200, "text/javascript; charset=utf-8", std::string(kPageExtension), {}});
  });
  const std::string root = context.folders.frontend;
  router.Add("GET", "/{file...}",
             [root](Request request) { return PageFile(root, request.captures.at("file")); });
}

}  // namespace patchbay::comfyui
