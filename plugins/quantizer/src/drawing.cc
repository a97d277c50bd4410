#include "drawing.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace quantizer {
namespace {

constexpr size_t kMostPromptBytes = 1 << 20;

// Things, places, people, materials, light and styles.
constexpr const char* kBuiltInPrompts[] = {
    "a red apple, noto style, on a blue background",
    "a photograph of an old fisherman mending a net at a harbour, morning light",
    "a city street in the rain at night, neon signs mirrored on wet asphalt",
    "a bowl of ramen with egg and spring onions on a wooden table, seen from above",
    "a watercolour painting of mountains behind a lake in autumn",
    "a dog jumping through a sprinkler on a green lawn, water drops in the sun",
    "a portrait of a woman with freckles and a woollen scarf, soft window light",
    "an isometric drawing of a small library with stairs and many books",
    "a steam locomotive crossing a stone bridge in the fog",
    "a glass vase with tulips beside a pile of folded linen",
    "two children building a sandcastle on the beach, kites in the sky",
    "a close photograph of a beetle on a leaf with dew",
    "an astronaut standing in a field of sunflowers, oil painting",
    "a kitchen with white tiles, copper pots and a sleeping cat",
    "a group of people dancing in a village square, lanterns in the trees",
    "a poster of a mountain bike race, flat colours, bold shapes"};

std::vector<std::string> ReadPrompts(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw patchbay::Error("prompts: " + path + " cannot be read");
  if (static_cast<size_t>(file.tellg()) > kMostPromptBytes) {
    throw patchbay::Error("prompts: " + path + " is larger than 1 MiB, too large for prompts");
  }
  file.seekg(0);
  std::vector<std::string> prompts;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) prompts.push_back(line);
  }
  if (prompts.empty()) {
    throw patchbay::Error("prompts: " + path + " has none; a prompt in each line is wanted");
  }
  return prompts;
}

}  // namespace

std::vector<std::string> PromptsOf(const Drawing& drawing) {
  std::vector<std::string> prompts(std::begin(kBuiltInPrompts), std::end(kBuiltInPrompts));
  if (!drawing.prompts.path.empty()) prompts = ReadPrompts(drawing.prompts.path);
  prompts.resize(std::min(prompts.size(), static_cast<size_t>(drawing.pictures)));
  return prompts;
}

void SetPicture(const patchbay::Action& action, const Drawing& drawing, const std::string& prompt,
                int64_t index) {
  const int64_t pixels = action.model().info().pixels_per_latent_pixel;
  if (drawing.size % pixels != 0) {
    throw patchbay::Error("size: " + std::to_string(drawing.size) + " is no multiple of " +
                          std::to_string(pixels));
  }
  patchbay::ActionPrompts prompts;
  prompts.prompts = {prompt};
  prompts.seed = static_cast<uint64_t>(drawing.seed + index);
  prompts.latent_height = prompts.latent_width = drawing.size / pixels;
  action.set_prompts(prompts);
}

patchbay::ActionPass PassOf(const Drawing& drawing) {
  patchbay::ActionPass pass;
  pass.step_count = static_cast<int32_t>(drawing.steps);
  pass.guidance_scale = drawing.guidance;
  return pass;
}

}  // namespace quantizer
