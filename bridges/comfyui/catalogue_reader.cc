#include "bridges/comfyui/catalogue_reader.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/common/model_file_name.h"
#include "bridges/common/plugin_value.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

// Builds, settings and order of the plugins that act in every generation; equal texts, equal
// pictures.
std::string ActiveBuilds(const std::vector<PluginDescription>& plugins) {
  std::string text;
  for (const PluginDescription& plugin : plugins) {
    absl::StrAppend(&text, plugin.plugin.id(), "=", plugin.plugin.build(), "/",
                    plugin.plugin.state(), "/", plugin.plugin.place());
    Json settings = Json::object();
    for (const v1::Parameter& parameter : plugin.parameters) {
      const auto found = plugin.plugin.settings().find(parameter.id());
      if (found != plugin.plugin.settings().end()) {
        settings[parameter.id()] = JsonOfValue(found->second);
      }
    }
    absl::StrAppend(&text, settings.dump(), ";");
  }
  return text;
}

// Equal texts, equal classes. Protobuf may write the same map in another order: the classes are
// then made anew, and are the same.
std::string TextOf(const CatalogueSources& sources) {
  std::string text = absl::StrCat(sources.default_model, "\n", sources.active_builds);
  for (const auto* names :
       {&sources.checkpoints, &sources.loras, &sources.input_pictures, &sources.input_latents}) {
    absl::StrAppend(&text, "\n");
    for (const std::string& name : *names) absl::StrAppend(&text, name.size(), ":", name);
  }
  for (const PluginDescription& plugin : sources.plugins) {
    absl::StrAppend(&text, "\n", plugin.plugin.SerializeAsString());
    for (const v1::Parameter& parameter : plugin.parameters) {
      absl::StrAppend(&text, "\n", parameter.SerializeAsString());
    }
  }
  return text;
}

NodeCatalogue CatalogueOf(const CatalogueSources& sources) {
  NodeCatalogue catalogue;
  AddLoaderNodes(sources, catalogue);
  AddConditioningNodes(catalogue);
  AddSamplingNodes(sources, catalogue);
  AddCustomSamplingNodes(sources, catalogue);
  AddSigmasNodes(catalogue);
  AddAutoencoderNodes(catalogue);
  AddLatentNodes(catalogue);
  AddLatentBatchNodes(catalogue);
  AddLatentTransformNodes(catalogue);
  AddLatentBlendNodes(catalogue);
  AddLatentFileNodes(sources, catalogue);
  AddImageNodes(sources, catalogue);
  AddImageBlendNodes(catalogue);
  AddMaskNodes(catalogue);
  AddOutputNodes(catalogue);
  AddPrimitiveNodes(catalogue);
  AddPluginNodes(sources, catalogue);
  AddIpAdapterNodes(sources, catalogue);
  return catalogue;
}

}  // namespace

absl::StatusOr<CatalogueSources> ReadSources(HostSession& host, const FileFolder& loras,
                                             const PictureFolders& folders) {
  CatalogueSources sources;
  // Every prompt waits for these two answers; asked for together, for the longer of them.
  std::future<absl::StatusOr<std::vector<PluginDescription>>> plugins =
      std::async(std::launch::async, [&host] { return host.ListPlugins(); });
  BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Model> models, host.ListModels());
  for (const v1::Model& model : models) {
    const std::string name = ModelFileName(model.name());
    if (model.is_default()) sources.default_model = model.name();
    // The page takes the first of the list where a workflow's own is missing.
    sources.checkpoints.insert(
        model.is_default() ? sources.checkpoints.begin() : sources.checkpoints.end(), name);
  }
  if (std::find(sources.checkpoints.begin(), sources.checkpoints.end(), kDefaultCheckpoint) ==
      sources.checkpoints.end()) {
    sources.checkpoints.push_back(kDefaultCheckpoint);
  }
  for (const NamedPath& file : loras.List()) {
    sources.loras.push_back(absl::StrCat(file.name, ".safetensors"));
  }
  sources.input_pictures = folders.InputPictures();
  sources.input_latents = folders.InputLatents();
  BRIDGE_ASSIGN_OR_RETURN(sources.plugins, plugins.get());
  sources.active_builds = ActiveBuilds(sources.plugins);
  return sources;
}

absl::StatusOr<std::shared_ptr<const NodeCatalogue>> CatalogueReader::Read() {
  BRIDGE_ASSIGN_OR_RETURN(const CatalogueSources sources, ReadSources(host_, loras_, folders_));
  std::string text = TextOf(sources);
  const std::lock_guard lock(mutex_);
  if (last_ == nullptr || sources_ != text) {
    last_ = std::make_shared<const NodeCatalogue>(CatalogueOf(sources));
    sources_ = std::move(text);
  }
  return last_;
}

}  // namespace patchbay::comfyui
