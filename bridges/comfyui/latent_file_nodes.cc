#include <sys/stat.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/latent_file.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
constexpr char kTesting[] = "_for_testing";

std::string Text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Values Save(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers,
                          NumbersIn(std::nullopt, call.Get<LatentValue>("samples"), call));
  std::map<std::string, std::string> texts = {{"prompt", Text(call.prompt)}};
  if (call.extra_pnginfo.is_object()) {
    for (const auto& [name, value] : call.extra_pnginfo.items()) texts[name] = Text(value);
  }
  BRIDGE_ASSIGN_OR_RETURN(
      Json stored, call.folders.StoreNumbered("output", call.Text("filename_prefix"), ".latent",
                                              ComfyLatentFile(numbers, texts)));
  call.ui = {{"latents", Json::array({std::move(stored)})}};
  return std::vector<NodeValue>{};
}

Values Load(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string path, call.folders.AnnotatedPath(call.Text("latent")));
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, kMaxFileBytes));
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes numbers, ReadComfyLatentFile(bytes));
  return std::vector<NodeValue>{WithNumbers(LatentValue(), std::move(numbers))};
}

// The file that the node loads, if its name leads to one.
bool FindFile(const Json& inputs, const PictureFolders& folders, struct stat& file) {
  if (!inputs.contains("latent") || !inputs["latent"].is_string()) return false;
  const auto path = folders.AnnotatedPath(inputs["latent"].get<std::string>());
  return path.ok() && stat(path->c_str(), &file) == 0 && S_ISREG(file.st_mode);
}

}  // namespace

void AddLatentFileNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  NodeClass save = MakeNode(
      "SaveLatent", "SaveLatent", kTesting,
      {SocketInput("samples", "LATENT"), TextInput("filename_prefix", false, "latents/ComfyUI")},
      {}, Save);
  save.is_output = true;
  Add(catalogue, std::move(save));
  NodeClass load = MakeNode("LoadLatent", "LoadLatent", kTesting,
                            {ComboInput("latent", sources.input_latents)}, {"LATENT"}, Load);
  load.change_token = [](const Json& inputs, const PictureFolders& folders) -> std::string {
    struct stat file = {};
    if (!FindFile(inputs, folders, file)) return "";
    return absl::StrCat(file.st_mtim.tv_sec, ".", file.st_mtim.tv_nsec, "/", file.st_size);
  };
  load.check = [](const Json& inputs, const PictureFolders& folders) -> std::string {
    struct stat file = {};
    if (!inputs.contains("latent") || !inputs["latent"].is_string()) return "";
    if (FindFile(inputs, folders, file)) return "";
    return absl::StrCat("Invalid latent file: ", inputs["latent"].get<std::string>());
  };
  load.checked_input = "latent";
  Add(catalogue, std::move(load));
}

}  // namespace patchbay::comfyui
