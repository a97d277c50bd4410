#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/picture_text.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

std::string Text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The file with the graph, the page's workflow, and A1111's text: it opens in both worlds.
std::string FileOf(const ImageValue& image, size_t i, const NodeCall& call) {
  std::map<std::string, std::string> texts = {{"prompt", Text(call.prompt)}};
  if (call.extra_pnginfo.is_object()) {
    for (const auto& [name, value] : call.extra_pnginfo.items()) texts[name] = Text(value);
  }
  // The host's own file is the same picture and need not be made again.
  const bool is_as_drawn = i < image.files.size();
  return WithPictureText(is_as_drawn ? image.files[i] : EncodePng(image.pictures[i]), texts);
}

// A prefix with ComfyUI's variables filled in: %width% and %height% are the picture's, %year% and
// so on this machine's time.
std::string Filled(const std::string& prefix, const Picture& picture) {
  if (!absl::StrContains(prefix, '%')) return prefix;
  const absl::CivilSecond now = absl::ToCivilSecond(absl::Now(), absl::LocalTimeZone());
  const auto two_digits = [](int number) { return absl::StrFormat("%02d", number); };
  return absl::StrReplaceAll(prefix, {{"%width%", absl::StrCat(picture.width)},
                                      {"%height%", absl::StrCat(picture.height)},
                                      {"%year%", absl::StrCat(now.year())},
                                      {"%month%", two_digits(now.month())},
                                      {"%day%", two_digits(now.day())},
                                      {"%hour%", two_digits(now.hour())},
                                      {"%minute%", two_digits(now.minute())},
                                      {"%second%", two_digits(now.second())}});
}

Values Store(NodeCall& call, const std::string& type, const std::string& prefix) {
  const auto& image = call.Get<ImageValue>("images");
  Json images = Json::array();
  for (size_t i = 0; i < image.pictures.size(); ++i) {
    BRIDGE_ASSIGN_OR_RETURN(Json stored,
                            call.folders.StoreNumbered(type, Filled(prefix, image.pictures.front()),
                                                       ".png", FileOf(image, i, call)));
    images.push_back(std::move(stored));
  }
  call.ui = {{"images", std::move(images)}};
  return std::vector<NodeValue>{};
}

NodeClass Output(const std::string& name, const std::string& title, const std::string& category,
                 std::function<Values(NodeCall&)> run) {
  NodeClass node;
  node.name = name;
  node.display_name = title;
  node.category = category;
  node.inputs = {SocketInput("images", "IMAGE")};
  node.is_output = true;
  node.run = std::move(run);
  return node;
}

}  // namespace

void AddOutputNodes(NodeCatalogue& catalogue) {
  NodeClass save = Output("SaveImage", "Save Image", "image", [](NodeCall& call) -> Values {
    return Store(call, "output", call.Text("filename_prefix"));
  });
  save.inputs.push_back(TextInput("filename_prefix", false, "ComfyUI"));
  Add(catalogue, std::move(save));
  Add(catalogue, Output("PreviewImage", "Preview Image", "image", [](NodeCall& call) -> Values {
        return Store(call, "temp", "ComfyUI_temp");
      }));
  NodeClass socket =
      Output("SaveImageWebsocket", "SaveImageWebsocket", "api/image", [](NodeCall& call) -> Values {
        for (const Picture& picture : call.Get<ImageValue>("images").pictures) {
          call.on_socket_picture(EncodePng(picture));
        }
        return std::vector<NodeValue>{};
      });
  Add(catalogue, std::move(socket));
  NodeClass any;
  any.name = "PreviewAny";
  any.display_name = "Preview Any";
  any.category = "utils";
  any.inputs = {SocketInput("source", "*")};
  any.is_output = true;
  any.run = [](NodeCall& call) -> Values {
    const Json* value = std::get_if<Json>(&*call.inputs.at("source"));
    const std::string text = value == nullptr     ? "a value without text"
                             : value->is_string() ? value->get<std::string>()
                                                  : Text(*value);
    call.ui = {{"text", Json::array({text})}};
    return std::vector<NodeValue>{};
  };
  Add(catalogue, std::move(any));
}

void AddPrimitiveNodes(NodeCatalogue& catalogue) {
  const auto add = [&catalogue](const std::string& name, const std::string& title,
                                InputSpec input) {
    NodeClass node;
    node.name = name;
    node.display_name = title;
    node.category = "utils/primitive";
    const std::string type = input.type.get<std::string>();
    node.inputs = {std::move(input)};
    node.outputs = {{type, type}};
    node.run = [](NodeCall& call) -> Values {
      return std::vector<NodeValue>{call.Get<Json>("value")};
    };
    Add(catalogue, std::move(node));
  };
  InputSpec whole = IntInput("value", 0, INT64_MIN, INT64_MAX);
  whole.options = {{"min", INT64_MIN}, {"max", INT64_MAX}, {"control_after_generate", true}};
  add("PrimitiveInt", "Int", std::move(whole));
  InputSpec number{"value", "FLOAT", {{"min", -1e300}, {"max", 1e300}}};
  add("PrimitiveFloat", "Float", std::move(number));
  add("PrimitiveString", "String", {"value", "STRING"});
  add("PrimitiveStringMultiline", "String (Multiline)", {"value", "STRING", {{"multiline", true}}});
  add("PrimitiveBoolean", "Boolean", {"value", "BOOLEAN"});
}

}  // namespace patchbay::comfyui
