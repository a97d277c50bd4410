#include "plugins/animatediff/src/motion_model.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

namespace animatediff {
namespace {

constexpr std::uintmax_t kMostConfigBytes = 1 << 20;

// diffusers' config.json beside the file; empty where there is none.
std::string ConfigBeside(const std::string& path) {
  const std::filesystem::path config = std::filesystem::path(path).parent_path() / "config.json";
  std::error_code missing;
  const std::uintmax_t size = std::filesystem::file_size(config, missing);
  if (missing || size > kMostConfigBytes) return "";
  std::ifstream stream(config, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// Another one for every state of a file that its owner may change.
std::string KeyOf(const std::string& path, ModuleNorm norm) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  const auto time = std::filesystem::last_write_time(path, ignored).time_since_epoch().count();
  return path + "|" + std::to_string(size) + "|" + std::to_string(time) + "|" +
         std::to_string(static_cast<int>(norm));
}

ModuleFacts FactsOf(const patchbay::TensorFile& file, ModuleNorm norm) {
  ModuleFacts facts =
      FactsFrom(file.path(), file.metadata("num_attention_heads"), file.metadata("norm_num_groups"),
                file.metadata("norm_over_frames"), ConfigBeside(file.path()));
  if (norm != ModuleNorm::kAsFile) facts.norm_over_frames = norm == ModuleNorm::kClip;
  return facts;
}

}  // namespace

MotionFile OpenMotionFile(const patchbay::TensorFile& file, ModuleNorm norm,
                          const std::vector<MotionPlace>& places,
                          const at::TensorOptions& options) {
  return ReadMotionFile(clip_vision::Weights(file), FactsOf(file, norm), places, options);
}

MotionModel AttachMotionModel(patchbay::Attach& at, const patchbay::TensorFile& file,
                              ModuleNorm norm) {
  MotionModel model{MotionSitesOf(at.denoiser()), nullptr};
  model.file = &at.shared(KeyOf(file.path(), norm), [&] {
    return std::make_unique<MotionFile>(
        OpenMotionFile(file, norm, model.sites.places, OptionsOf(at.denoiser())));
  });
  return model;
}

}  // namespace animatediff
