#include "bridges/comfyui/ip_adapter_presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay::comfyui {
namespace {

using testing::HasSubstr;

TEST(IpAdapterPresets, NameThePublishedFiles) {
  const auto files = [](const std::string& preset, const std::string& family) {
    const absl::StatusOr<IpAdapterFiles> found = FilesOfIpAdapterPreset(preset, family);
    return found.ok() ? found->adapter + " " + found->encoder
                      : std::string(found.status().message());
  };
  EXPECT_EQ(files("PLUS (high strength)", "sd1"),
            "ip-adapter-plus_sd15.safetensors CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors");
  EXPECT_EQ(files("STANDARD (medium strength)", "sdxl"),
            "ip-adapter_sdxl_vit-h.safetensors CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors");
  EXPECT_EQ(files("VIT-G (medium strength)", "sdxl"),
            "ip-adapter_sdxl.safetensors CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors");
  EXPECT_EQ(files("Composition", "sd1"),
            "ip_plus_composition_sd15.safetensors CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors");
  EXPECT_THAT(files("FULL FACE - SD1.5 only (portraits stronger)", "sdxl"),
              HasSubstr("not for SDXL"));
  EXPECT_THAT(files("PLUS (high strength)", "sd2"), HasSubstr("sd2"));
}

TEST(IpAdapterPresets, AreAllForStableDiffusion1) {
  std::vector<std::string> presets = IpAdapterPresets();
  EXPECT_EQ(presets.size(), 6u);
  presets.push_back(CommunityIpAdapterPresets().front());
  for (const std::string& preset : presets) {
    EXPECT_TRUE(FilesOfIpAdapterPreset(preset, "sd1").ok()) << preset;
  }
}

}  // namespace
}  // namespace patchbay::comfyui
