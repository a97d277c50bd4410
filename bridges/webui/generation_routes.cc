#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/picture.h"
#include "bridges/common/picture_text.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/answer.h"
#include "bridges/webui/drawing.h"
#include "bridges/webui/field_reader.h"
#include "bridges/webui/infotext.h"
#include "bridges/webui/routes.h"

namespace patchbay::webui {
namespace {

constexpr double kMaxFactor = 16;
constexpr int kMaxSide = 16384;

HttpResponse Generate(Context& context, const HttpRequest& request, bool is_img2img) {
  GenerationForm form;
  if (auto refusal = ReadGenerationForm(request.body, is_img2img, form)) return *std::move(refusal);
  return Draw(context, std::move(form));
}

Json StateOf(const TaskProgress& task) {
  const bool running = task.active;
  return {{"skipped", task.skipped},
          {"interrupted", task.interrupted},
          {"stopping_generation", task.interrupted},
          {"job", running ? task.id : ""},
          {"job_count", running ? task.job_count : 0},
          {"job_timestamp", running ? task.timestamp : "0"},
          {"job_no", running ? task.job_no : 0},
          {"sampling_step", running ? task.step : 0},
          {"sampling_steps", running ? task.steps : 0}};
}

HttpResponse Progress(Context& context, const HttpRequest& request) {
  const TaskProgress task = context.board.Current();
  Json image = nullptr;
  if (request.Query("skip_current_image") != "true" && !task.preview.empty()) {
    image = absl::Base64Escape(task.preview);
  }
  return Answer({{"progress", task.Fraction()},
                 {"eta_relative", task.SecondsLeft()},
                 {"state", StateOf(task)},
                 {"current_image", std::move(image)},
                 {"textinfo", nullptr},
                 {"current_task", task.active ? Json(task.id) : Json(nullptr)}});
}

// The only progress of A1111 that belongs to one request (modules/progress.py).
HttpResponse TaskProgressRoute(Context& context, const HttpRequest& request) {
  FieldReader reader(request.body);
  std::string id;
  int seen = -1;
  bool wants_preview = true;
  reader.Read("id_task", id);
  reader.Read("id_live_preview", seen);
  reader.Read("live_preview", wants_preview);
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  const std::optional<TaskProgress> found = context.board.Find(id);
  const TaskProgress task = found.value_or(TaskProgress());
  if (!task.active) {
    return Answer({{"active", false},
                   {"queued", task.queued},
                   {"completed", task.completed},
                   {"progress", nullptr},
                   {"eta", nullptr},
                   {"live_preview", nullptr},
                   {"id_live_preview", -1},
                   {"textinfo", task.queued ? "In queue..." : "Waiting..."}});
  }
  Json preview = nullptr;
  if (wants_preview && !task.preview.empty() && task.preview_number != seen) {
    preview = absl::StrCat("data:image/jpeg;base64,", absl::Base64Escape(task.preview));
  }
  return Answer({{"active", true},
                 {"queued", false},
                 {"completed", false},
                 {"progress", task.Fraction()},
                 {"eta", task.SecondsLeft()},
                 {"live_preview", std::move(preview)},
                 {"id_live_preview", task.preview.empty() ? -1 : task.preview_number},
                 {"textinfo", nullptr}});
}

HttpResponse PngInfo(const HttpRequest& request) {
  FieldReader reader(request.body);
  std::string image;
  reader.Read("image", image);
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  const auto bytes = PictureBytes(image);
  if (!bytes.ok()) return StatusAnswer(bytes.status());
  const auto texts = ReadPictureText(*bytes);
  if (!texts.ok()) return StatusAnswer(texts.status());
  Json items = Json::object();
  std::string info;
  for (const auto& [keyword, text] : *texts) {
    if (keyword == "parameters") {
      info = text;
    } else {
      items[keyword] = text;
    }
  }
  Json parameters = info.empty() ? Json::object() : ParseInfotext(info);
  return Answer(
      {{"info", info}, {"items", std::move(items)}, {"parameters", std::move(parameters)}});
}

// What extra-single-image and extra-batch-images say besides their pictures.
struct Upscaling {
  bool to_size = false;
  double factor = 2;
  int width = 512, height = 512;
  bool crop = true;
  std::string upscaler = "None";
};

Upscaling ReadUpscaling(FieldReader& reader) {
  Upscaling result;
  int mode = 0;
  reader.Read("resize_mode", mode);
  result.to_size = mode == 1;
  reader.Read("upscaling_resize", result.factor);
  reader.Read("upscaling_resize_w", result.width);
  reader.Read("upscaling_resize_h", result.height);
  reader.Read("upscaling_crop", result.crop);
  reader.Read("upscaler_1", result.upscaler);
  reader.CheckRange("resize_mode", mode, 0, 1);
  reader.CheckRange("upscaling_resize", result.factor, 0.01, kMaxFactor);
  reader.CheckRange("upscaling_resize_w", result.width, 1, kMaxSide);
  reader.CheckRange("upscaling_resize_h", result.height, 1, kMaxSide);
  return result;
}

absl::StatusOr<std::string> Upscaled(const std::string& base64, const Upscaling& wanted) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, PictureBytes(base64));
  BRIDGE_ASSIGN_OR_RETURN(const Picture picture, DecodePicture(bytes));
  ResizeFilter filter = ResizeFilter::kLanczos;
  if (absl::EqualsIgnoreCase(wanted.upscaler, "nearest")) {
    filter = ResizeFilter::kNearest;
  } else if (absl::EqualsIgnoreCase(wanted.upscaler, "none") || wanted.upscaler.empty()) {
    return absl::Base64Escape(EncodePng(picture));
  } else if (!absl::EqualsIgnoreCase(wanted.upscaler, "lanczos")) {
    return absl::NotFoundError(absl::StrCat("there is no upscaler \"", wanted.upscaler,
                                            "\"; there are None, Lanczos, Nearest"));
  }
  double factor = wanted.factor;
  if (wanted.to_size) {
    const double x = static_cast<double>(wanted.width) / picture.width;
    const double y = static_cast<double>(wanted.height) / picture.height;
    factor = wanted.crop ? std::max(x, y) : std::min(x, y);
  }
  const auto width = std::lround(picture.width * factor);
  const auto height = std::lround(picture.height * factor);
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    return absl::InvalidArgumentError(absl::StrCat("a picture of ", width, "x", height,
                                                   " cannot be made; a side has at most ", kMaxSide,
                                                   " pixels"));
  }
  Picture result = Resize(picture, static_cast<int>(width), static_cast<int>(height), filter);
  if (wanted.to_size && wanted.crop) {
    result = Crop(result, (result.width - wanted.width) / 2, (result.height - wanted.height) / 2,
                  wanted.width, wanted.height);
  }
  return absl::Base64Escape(EncodePng(result));
}

HttpResponse ExtraSingleImage(const HttpRequest& request) {
  FieldReader reader(request.body);
  std::string image;
  reader.Read("image", image);
  const Upscaling wanted = ReadUpscaling(reader);
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  const auto result = Upscaled(image, wanted);
  if (!result.ok()) return StatusAnswer(result.status());
  return Answer({{"html_info", ""}, {"image", *result}});
}

HttpResponse ExtraBatchImages(const HttpRequest& request) {
  FieldReader reader(request.body);
  const Upscaling wanted = ReadUpscaling(reader);
  Json list = nullptr;
  reader.Read("imageList", list, /*or_list=*/true);
  if (!list.is_array()) {
    Json errors = reader.errors();
    errors.push_back({{"loc", {"body", "imageList"}},
                      {"msg", "field required"},
                      {"type", "value_error.missing"}});
    return ValidationAnswer(errors);
  }
  if (!reader.errors().empty()) return ValidationAnswer(reader.errors());
  Json images = Json::array();
  for (const Json& entry : list) {
    FieldReader fields(entry.dump(-1, ' ', false, Json::error_handler_t::replace));
    std::string data;
    fields.Read("data", data);
    if (!fields.errors().empty()) return ValidationAnswer(fields.errors());
    const auto result = Upscaled(data, wanted);
    if (!result.ok()) return StatusAnswer(result.status());
    images.push_back(*result);
  }
  return Answer({{"html_info", ""}, {"images", std::move(images)}});
}

HttpResponse Interrogate(const HttpRequest& request) {
  FieldReader reader(request.body);
  std::string model = "clip";
  reader.Read("model", model);
  if (model != "clip" && model != "deepdanbooru") {
    return ErrorAnswer(404, "HTTPException", "Model not found");
  }
  return ErrorAnswer(501, "HTTPException", "this server has no model that describes pictures");
}

}  // namespace

void AddGenerationRoutes(Context& context, HttpRouter& router) {
  const auto add = [&router](const char* method, const std::string& path, HttpHandler handler,
                             HandlerPace pace = HandlerPace::kShort) {
    router.Add(method, path, std::move(handler), pace);
  };
  using Request = const HttpRequest&;
  add(
      "POST", "/sdapi/v1/txt2img",
      [&context](Request request) { return Generate(context, request, false); },
      HandlerPace::kLong);
  add(
      "POST", "/sdapi/v1/img2img",
      [&context](Request request) { return Generate(context, request, true); }, HandlerPace::kLong);
  add("GET", "/sdapi/v1/progress",
      [&context](Request request) { return Progress(context, request); });
  add("POST", "/internal/progress",
      [&context](Request request) { return TaskProgressRoute(context, request); });
  add("GET", "/internal/pending-tasks", [&context](Request) {
    const std::vector<std::string> ids = context.board.Pending();
    return Answer({{"size", ids.size()}, {"tasks", ids}});
  });
  add("POST", "/sdapi/v1/interrupt", [&context](Request) {
    context.board.Interrupt();
    return Answer(Json::object());
  });
  add("POST", "/sdapi/v1/skip", [&context](Request) {
    context.board.Skip();
    return Answer(nullptr);
  });
  add("POST", "/sdapi/v1/png-info", PngInfo);
  add("POST", "/sdapi/v1/extra-single-image", ExtraSingleImage, HandlerPace::kLong);
  add("POST", "/sdapi/v1/extra-batch-images", ExtraBatchImages, HandlerPace::kLong);
  add("POST", "/sdapi/v1/interrogate", Interrogate);
}

}  // namespace patchbay::webui
