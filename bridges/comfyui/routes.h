#ifndef PATCHBAY_BRIDGES_COMFYUI_ROUTES_H_
#define PATCHBAY_BRIDGES_COMFYUI_ROUTES_H_

#include <memory>
#include <mutex>
#include <string>

#include "bridges/comfyui/prompt_queue.h"
#include "bridges/common/http_router.h"

namespace patchbay::comfyui {

// Folders of the bridge's machine; an empty one has no files.
struct Folders {
  std::string data;  // input, output, temp and the user's files; required
  std::string loras;
  std::string embeddings;
  std::string frontend;  // the page: the folder "static" of the package comfyui-frontend-package
};

// What all requests share. Any thread.
struct Context {
  Context(HostSession& session, const Folders& paths, std::unique_ptr<PictureFolders> made)
      : host(session),
        folders(paths),
        pictures(std::move(made)),
        loras(paths.loras, ".safetensors"),
        embeddings(paths.embeddings, ".safetensors"),
        catalogues(session, loras, *pictures),
        queue(session, *pictures, catalogues) {}

  HostSession& host;
  const Folders folders;
  const std::unique_ptr<PictureFolders> pictures;
  FileFolder loras, embeddings;
  CatalogueReader catalogues;
  PromptQueue queue;
  std::mutex plugin_order;  // held while a request changes the order of plugins
};

// prompt, queue, interrupt, free, history, jobs.
void AddPromptRoutes(Context& context, HttpRouter& router);
// object_info, models, embeddings, system_stats, features and what the page asks besides.
void AddInformationRoutes(Context& context, HttpRouter& router);
// upload, view.
void AddPictureRoutes(Context& context, HttpRouter& router);
// users, settings, userdata.
void AddUserRoutes(Context& context, HttpRouter& router);
// The page, its extensions; the last routes, since they take every path.
void AddPageRoutes(Context& context, HttpRouter& router);

// Adds a handler under `path` and under "/api" + `path`, as ComfyUI does.
void AddTwice(HttpRouter& router, const std::string& method, const std::string& path,
              const HttpHandler& handler, HandlerPace pace = HandlerPace::kShort);

HttpResponse JsonAnswer(const Json& body, int status = 200);
// ComfyUI's plain-text refusals: 400 for INVALID_ARGUMENT and FAILED_PRECONDITION, 403
// PERMISSION_DENIED, 404 NOT_FOUND,
// 503 for a host that is away or busy, else 500.
HttpResponse Refusal(const absl::Status& status);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_ROUTES_H_
