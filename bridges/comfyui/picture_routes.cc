#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridges/comfyui/multipart.h"
#include "bridges/comfyui/routes.h"
#include "bridges/common/json_text.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

// What an upload form says.
struct Upload {
  std::string name, content, type = "input", subfolder;
  bool overwrite = false;
  Json original;  // upload/mask: whose picture it belongs to
};

absl::StatusOr<Upload> ReadUpload(const HttpRequest& request) {
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<FormPart> parts,
                          ParseMultipart(request.Header("content-type"), request.body));
  Upload upload;
  for (const FormPart& part : parts) {
    const std::string content(part.content);
    if (part.name == "image") {
      upload.name = part.file_name;
      upload.content = content;
    } else if (part.name == "type" && !content.empty()) {
      upload.type = content;
    } else if (part.name == "subfolder") {
      upload.subfolder = content;
    } else if (part.name == "overwrite") {
      upload.overwrite = content == "true" || content == "1";
    } else if (part.name == "original_ref") {
      upload.original = ParseJsonText(content);
    }
  }
  if (upload.name.empty()) return absl::InvalidArgumentError("the form has no file \"image\"");
  return upload;
}

// The original with the mask's transparency.
absl::StatusOr<std::string> WithMask(const Upload& upload, const PictureFolders& folders) {
  if (!upload.original.is_object()) {
    return absl::InvalidArgumentError("the form has no \"original_ref\"");
  }
  const auto field = [&upload](const char* name, const char* otherwise) {
    const Json value = upload.original.value(name, Json(otherwise));
    return value.is_string() ? value.get<std::string>() : otherwise;
  };
  BRIDGE_ASSIGN_OR_RETURN(
      const std::string path,
      folders.PathOf(field("type", "output"), field("subfolder", ""), field("filename", "")));
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxFileBytes));
  BRIDGE_ASSIGN_OR_RETURN(Picture original, DecodePicture(bytes));
  BRIDGE_ASSIGN_OR_RETURN(Picture mask, DecodePicture(upload.content));
  mask = Resize(mask, original.width, original.height, ResizeFilter::kLanczos);
  for (size_t i = 3; i < original.pixels.size(); i += 4) original.pixels[i] = mask.pixels[i];
  return EncodePng(original);
}

HttpResponse PostUpload(Context& context, const HttpRequest& request, bool is_mask) {
  auto upload = ReadUpload(request);
  if (!upload.ok()) return Refusal(upload.status());
  if (is_mask) {
    auto merged = WithMask(*upload, *context.pictures);
    if (!merged.ok()) return Refusal(merged.status());
    upload->content = *std::move(merged);
  }
  const auto stored = context.pictures->StoreUpload(upload->type, upload->subfolder, upload->name,
                                                    upload->content, upload->overwrite);
  return stored.ok() ? JsonAnswer(*stored) : Refusal(stored.status());
}

// `preview=webp;90` and `channel=rgb|a`: the picture in another form.
absl::StatusOr<HttpResponse> Transformed(const std::string& bytes, const std::string& preview,
                                         const std::string& channel) {
  BRIDGE_ASSIGN_OR_RETURN(Picture picture, DecodePicture(bytes));
  if (channel == "rgb") picture = WithChannels(picture, 3);
  if (channel == "a") {
    for (size_t i = 0; i < picture.pixels.size(); i += 4) {
      picture.pixels[i] = picture.pixels[i + 1] = picture.pixels[i + 2] = picture.pixels[i + 3];
      picture.pixels[i + 3] = 255;
    }
  }
  const size_t semicolon = preview.find(';');
  int quality = 90;
  if (semicolon != preview.npos && !absl::SimpleAtoi(preview.substr(semicolon + 1), &quality)) {
    return absl::InvalidArgumentError("the preview's quality must be a number");
  }
  quality = std::clamp(quality, 1, 100);
  const std::string format = preview.substr(0, semicolon);
  if (format == "jpeg") return HttpResponse{200, "image/jpeg", EncodeJpeg(picture, quality), {}};
  if (format == "webp") return HttpResponse{200, "image/webp", EncodeWebp(picture, quality), {}};
  return HttpResponse{200, "image/png", EncodePng(picture), {}};
}

absl::StatusOr<HttpResponse> View(const Context& context, const HttpRequest& request) {
  std::string name = request.Query("filename"), type = request.Query("type", "output");
  if (name.empty()) return absl::NotFoundError("there is no file name");
  for (const char* annotated : {"input", "output", "temp"}) {
    const std::string tail = absl::StrCat(" [", annotated, "]");
    if (!absl::EndsWith(name, tail)) continue;
    name.resize(name.size() - tail.size());
    type = annotated;
  }
  BRIDGE_ASSIGN_OR_RETURN(const std::string path,
                          context.pictures->PathOf(type, request.Query("subfolder"), name));
  BRIDGE_ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(path, kMaxFileBytes));
  const std::string preview = request.Query("preview"), channel = request.Query("channel", "rgba");
  HttpResponse response{200, MediaTypeOf(name), std::move(bytes), {}};
  if (!preview.empty() || channel == "rgb" || channel == "a") {
    BRIDGE_ASSIGN_OR_RETURN(response, Transformed(response.body, preview, channel));
  }
  // What a browser would run is offered for download instead.
  const bool is_picture = response.content_type.starts_with("image/") &&
                          !absl::StrContains(response.content_type, "svg");
  if (!is_picture) response.content_type = "application/octet-stream";
  const std::string shown = name.substr(name.rfind('/') + 1);
  if (shown.find_first_of("\"\r\n") == shown.npos) {
    response.headers.emplace_back("Content-Disposition", absl::StrCat("filename=\"", shown, "\""));
  }
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

void AddPictureRoutes(Context& context, HttpRouter& router) {
  using Request = const HttpRequest&;
  AddTwice(router, "POST", "/upload/image",
           [&context](Request request) { return PostUpload(context, request, false); });
  AddTwice(router, "POST", "/upload/mask",
           [&context](Request request) { return PostUpload(context, request, true); });
  AddTwice(router, "GET", "/view", [&context](Request request) {
    auto response = View(context, request);
    return response.ok() ? *std::move(response) : Refusal(response.status());
  });
}

}  // namespace patchbay::comfyui
