#include <chrono>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/routes.h"
#include "bridges/common/json_text.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = 64 << 20;
constexpr size_t kMostListed = 10'000;

// Files of the one user. Settings are one of them.
class UserFiles {
 public:
  explicit UserFiles(const std::string& data) {
    std::error_code ignored;
    fs::create_directories(fs::path(data) / "user" / "default", ignored);
    root_ = fs::weakly_canonical(fs::path(data) / "user" / "default", ignored);
  }

  // PERMISSION_DENIED for a name that leads out of the folder.
  absl::StatusOr<fs::path> PathOf(const std::string& name) const {
    const fs::path path = (root_ / name).lexically_normal();
    std::error_code error;
    const fs::path real = fs::weakly_canonical(path, error);
    const auto leaves = [this](const fs::path& place) {
      const fs::path relative = place.lexically_relative(root_);
      return relative.empty() || *relative.begin() == "..";
    };
    if (name.find('\0') != name.npos || fs::path(name).is_absolute() || error || leaves(path) ||
        leaves(real)) {
      return absl::PermissionDeniedError("this file name leads out of the user's folder");
    }
    return path;
  }

  // The first visit shows the default workflow instead of a tour: Comfy.TutorialCompleted.
  Json Settings() const {
    const auto text = ReadWholeFile(SettingsPath(), kMaxFileBytes);
    Json settings = {{"Comfy.TutorialCompleted", true}};
    if (!text.ok()) return settings;
    const Json kept = ParseJsonText(*text);
    if (kept.is_object()) settings.update(kept);
    return settings;
  }

  absl::Status ChangeSettings(const Json& changes) {
    const std::lock_guard lock(settings_mutex_);
    Json settings = Settings();
    settings.update(changes);
    return WriteWholeFile(SettingsPath(),
                          settings.dump(2, ' ', false, Json::error_handler_t::replace));
  }

  const fs::path& root() const { return root_; }

 private:
  std::string SettingsPath() const { return (root_ / "comfy.settings.json").string(); }

  fs::path root_;
  std::mutex settings_mutex_;
};

int64_t Modified(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::milliseconds>(system.time_since_epoch()).count();
}

Json FileInfo(const fs::path& path, const std::string& shown) {
  std::error_code ignored;
  return {{"path", shown}, {"size", fs::file_size(path, ignored)}, {"modified", Modified(path)}};
}

absl::StatusOr<HttpResponse> ListFiles(const UserFiles& files, const HttpRequest& request) {
  const std::string folder = request.Query("dir");
  if (folder.empty()) return absl::InvalidArgumentError("Directory not provided");
  BRIDGE_ASSIGN_OR_RETURN(const fs::path path, files.PathOf(folder));
  std::error_code error;
  // The page asks for its workflows before it has saved one.
  if (folder == "workflows") fs::create_directories(path, error);
  if (!fs::is_directory(path, error)) return absl::NotFoundError("Requested directory not found");
  const bool recurse = request.Query("recurse") == "true";
  const bool full = request.Query("full_info") == "true", split = request.Query("split") == "true";
  Json list = Json::array();
  for (fs::recursive_directory_iterator entry(path, error), end;
       !error && entry != end && list.size() < kMostListed; entry.increment(error)) {
    if (!recurse) entry.disable_recursion_pending();
    if (!entry->is_regular_file(error)) continue;
    const fs::path relative = entry->path().lexically_relative(path);
    if (full) {
      list.push_back(FileInfo(entry->path(), relative.generic_string()));
    } else if (split) {
      Json parts = Json::array({relative.generic_string()});
      for (const fs::path& part : relative) parts.push_back(part.string());
      list.push_back(std::move(parts));
    } else {
      list.push_back(relative.generic_string());
    }
  }
  return JsonAnswer(list);
}

absl::StatusOr<HttpResponse> GetFile(const UserFiles& files, const HttpRequest& request) {
  const std::string& name = request.captures.at("file");
  BRIDGE_ASSIGN_OR_RETURN(const fs::path path, files.PathOf(name));
  BRIDGE_ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(path.string(), kMaxFileBytes));
  return HttpResponse{200, MediaTypeOf(name), std::move(bytes), {}};
}

absl::StatusOr<HttpResponse> PostFile(const UserFiles& files, const HttpRequest& request) {
  const std::string& name = request.captures.at("file");
  BRIDGE_ASSIGN_OR_RETURN(const fs::path path, files.PathOf(name));
  std::error_code error;
  if (request.Query("overwrite", "true") == "false" && fs::exists(path, error)) {
    return HttpResponse{409, "text/plain; charset=utf-8", "File already exists", {}};
  }
  fs::create_directories(path.parent_path(), error);
  BRIDGE_RETURN_IF_ERROR(WriteWholeFile(path.string(), request.body));
  if (request.Query("full_info") == "true") return JsonAnswer(FileInfo(path, name));
  return JsonAnswer(name);
}

absl::StatusOr<HttpResponse> DeleteFile(const UserFiles& files, const HttpRequest& request) {
  BRIDGE_ASSIGN_OR_RETURN(const fs::path path, files.PathOf(request.captures.at("file")));
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return absl::NotFoundError("File not found");
  fs::remove(path, error);
  return HttpResponse{204, "text/plain", "", {}};
}

// POST /userdata/{file}/move/{dest}, whose names hold their slashes as %2F.
absl::StatusOr<HttpResponse> MoveFile(const UserFiles& files, const HttpRequest& request) {
  BRIDGE_ASSIGN_OR_RETURN(const fs::path from, files.PathOf(request.captures.at("file")));
  const std::string& name = request.captures.at("dest");
  BRIDGE_ASSIGN_OR_RETURN(const fs::path to, files.PathOf(name));
  std::error_code error;
  if (!fs::is_regular_file(from, error)) return absl::NotFoundError("File not found");
  if (request.Query("overwrite", "true") == "false" && fs::exists(to, error)) {
    return HttpResponse{409, "text/plain; charset=utf-8", "File already exists", {}};
  }
  fs::create_directories(to.parent_path(), error);
  fs::rename(from, to, error);
  if (error) return absl::InvalidArgumentError("the file cannot be moved there");
  if (request.Query("full_info") == "true") return JsonAnswer(FileInfo(to, name));
  return JsonAnswer(name);
}

absl::StatusOr<HttpResponse> PostSettings(UserFiles& files, const HttpRequest& request) {
  Json body = ParseJsonText(request.body);
  if (body.is_discarded()) return absl::InvalidArgumentError("the body is no JSON text");
  if (const auto id = request.captures.find("id"); id != request.captures.end()) {
    body = Json{{id->second, body}};
  }
  if (!body.is_object()) return absl::InvalidArgumentError("settings must be an object");
  BRIDGE_RETURN_IF_ERROR(files.ChangeSettings(body));
  return HttpResponse{};
}

}  // namespace

void AddUserRoutes(Context& context, HttpRouter& router) {
  using Request = const HttpRequest&;
  const auto files = std::make_shared<UserFiles>(context.folders.data);
  using Handler = absl::StatusOr<HttpResponse> (*)(const UserFiles&, const HttpRequest&);
  const auto add = [&](const char* method, const std::string& path, Handler handler) {
    AddTwice(router, method, path, [files, handler](Request request) {
      auto response = handler(*files, request);
      return response.ok() ? *std::move(response) : Refusal(response.status());
    });
  };
  AddTwice(router, "GET", "/users", [](Request) {
    return JsonAnswer({{"storage", "server"}, {"migrated", true}});
  });
  AddTwice(router, "GET", "/settings", [files](Request) { return JsonAnswer(files->Settings()); });
  AddTwice(router, "GET", "/settings/{id}", [files](Request request) {
    return JsonAnswer(files->Settings().value(request.captures.at("id"), Json()));
  });
  for (const char* path : {"/settings", "/settings/{id}"}) {
    AddTwice(router, "POST", path, [files](Request request) {
      auto response = PostSettings(*files, request);
      return response.ok() ? *std::move(response) : Refusal(response.status());
    });
  }
  add("GET", "/userdata", ListFiles);
  add("POST", "/userdata/{file}/move/{dest}", MoveFile);
  add("GET", "/userdata/{file...}", GetFile);
  add("POST", "/userdata/{file...}", PostFile);
  add("DELETE", "/userdata/{file...}", DeleteFile);
}

}  // namespace patchbay::comfyui
