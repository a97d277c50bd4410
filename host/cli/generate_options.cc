#include "host/cli/generate_options.h"

#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/cli/option_values.h"
#include "host/engine/plugin_access.h"
#include "host/formats/picture.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

absl::StatusOr<Picture> ReadPicture(const std::string& option, const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!file.ok()) {
    return absl::Status(file.status().code(), absl::StrCat(option, ": ", file.status().message()));
  }
  auto picture = DecodePicture((*file)->bytes());
  if (!picture.ok()) {
    return absl::Status(picture.status().code(),
                        absl::StrCat(option, " ", path, ": ", picture.status().message()));
  }
  return picture;
}

// PATH or PATH:WEIGHT. A colon that no number follows belongs to the path.
LoraChoice ParseLora(const std::string& text) {
  LoraChoice lora{text};
  const size_t colon = text.rfind(':');
  double weight = 1.0;
  if (colon != std::string::npos && absl::SimpleAtod(text.substr(colon + 1), &weight)) {
    lora.path = text.substr(0, colon);
    lora.unet_weight = lora.text_weight = weight;
  }
  return lora;
}

absl::StatusOr<LatentBuffer> ReadLatent(const std::string& option, const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  const auto found = file.tensors().find("latent");
  if (found == file.tensors().end() || found->second.type != ElementType::kFloat32 ||
      found->second.shape.size() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        option, " ", path, " must hold a tensor \"latent\" of type F32 and shape [B, C, h, w]"));
  }
  LatentBuffer latent;
  latent.shape = found->second.shape;
  latent.values.resize(found->second.bytes.size() / sizeof(float));
  std::memcpy(latent.values.data(), found->second.bytes.data(), found->second.bytes.size());
  return latent;
}

// Any of these makes the request one for a part of the steps.
void DeclareStepRange(CLI::App& command, GenerationRequest& request) {
  const auto range = [&request]() -> StepRange& {
    if (!request.range.has_value()) request.range.emplace();
    return *request.range;
  };
  command.add_option_function<int>(
      "--first-step", [range](int first) { range().first = first; },
      "Leave out so many steps (--compat comfyui)");
  command.add_option_function<int>(
      "--end-step", [range](int end) { range().end = end; },
      "Stop before this step (--compat comfyui)");
  command.add_flag_callback(
      "--no-added-noise", [range] { range().adds_noise = false; },
      "The start has its noise already (--compat comfyui)");
  command.add_flag_callback(
      "--keep-noise", [range] { range().keeps_noise = true; },
      "Keep the noise that is left at --end-step (--compat comfyui)");
}

// More are refused whatever the model.
constexpr int kMostSteps = 1000;
constexpr int kMostPictures = 64;

}  // namespace

void DeclareGenerateOptions(CLI::App& command, GenerateOptions& options) {
  GenerationRequest& request = options.request;
  command.add_option("PROMPT", request.prompt, "What to draw")->required();
  command.add_option("--negative", request.negative_prompt, "What to keep away from");
  command.add_option(
      "--model", options.model,
      "Diffusers folder, safetensors or GGUF file (default: the model that comes with "
      "Patchbay)");
  command.add_option("--steps", request.steps, "Sampling steps")
      ->check(CLI::Range(1, kMostSteps))
      ->capture_default_str();
  command.add_option("--guidance", request.guidance_scale, "Guidance scale; 1 switches it off")
      ->capture_default_str();
  command.add_option(
      "--sampler", request.sampler,
      "ddim ddpm euler euler_a heun lms dpm2 dpm2_a dpmpp_2m dpmpp_2s_a dpmpp_sde "
      "dpmpp_2m_sde dpmpp_3m_sde unipc unipc_bh2 plms lcm (default: the model's own)");
  command.add_option(
      "--schedule", request.schedule,
      "normal karras exponential sgm_uniform simple beta ddim_uniform "
      "linear_quadratic kl_optimal leading linspace trailing (default: the profile's)");
  command
      .add_option_function<std::string>(
          "--seed", [&options](const std::string& text) { options.seed = *ParseSeed(text); },
          "Seed, 0 to 2^64 - 1; negative: a random one")
      ->check(CheckedBy(ParseSeed))
      ->default_str("-1");
  command.add_option("--batch", request.batch, "Pictures drawn together")
      ->check(CLI::Range(1, kMostPictures))
      ->capture_default_str();
  command
      .add_option("--size", options.size,
                  "Width x height, multiples of 8 (default: the model's own)")
      ->check(CheckedBy(ParseSize));
  command.add_option_function<double>(
      "--eta",
      [&request](double eta) {
        request.eta = eta;
        request.eta_given = true;
      },
      "Share of fresh noise in each step (default: 0 for ddim, 1 for ancestral samplers)");
  command.add_option("--compat", options.compat, "Whose conventions: diffusers, comfyui or a1111")
      ->check(CLI::IsMember({"diffusers", "comfyui", "a1111"}))
      ->capture_default_str();
  command.add_option("--clip-skip", request.clip_skip,
                     "Text encoder layer to use, counted as the --compat profile counts");
  command.add_option("--image", options.image_file, "Picture to start from (img2img, inpainting)");
  command.add_option("--strength", request.strength, "How far from --image, in (0, 1]")
      ->capture_default_str();
  command.add_option("--mask", options.mask_file,
                     "White is painted anew, black is kept; where the mask is transparent "
                     "anywhere, its opacity counts instead: opaque is painted anew");
  command.add_flag_function(
      "--overlay,!--no-overlay", [&request](int64_t count) { request.overlay = count > 0; },
      "Put --image itself where nothing is painted (default: with --compat a1111)");
  command.add_option("--hires", options.hires_size, "Size of a second pass, width x height")
      ->check(CheckedBy(ParseSize));
  options.of_hires = {
      command.add_option("--hires-strength", options.hires_strength, "Strength of the second pass")
          ->capture_default_str(),
      command.add_option("--hires-steps", options.hires_steps,
                         "Steps of the second pass (default: as many as in the first)")};
  command.add_option("--lora", options.loras, "LoRA file, PATH or PATH:WEIGHT (repeatable)")
      ->take_all();
  command.add_option("--lora-folder", request.lora_folder,
                     "Folder where <lora:name:weight> in the prompt finds its file (--compat "
                     "a1111)");
  command
      .add_option(
          "--plugin", options.plugins,
          "Technique that takes part, ID or ID:field=value,... (repeatable). A value with a "
          "comma stands in double quotes. Where a field takes a file or a picture, write its "
          "path; with --host also the name of a file in the server's folder")
      ->take_all();
  command
      .add_option("--plugins", options.plugin_folders,
                  "Folder that holds plugins' folders, such as a plugin's build/plugins "
                  "(repeatable); those that come with the program are found without it")
      ->take_all()
      ->check(CLI::ExistingDirectory);
  command.add_flag("--plugins-in-this-order", request.plugins_in_given_order,
                   "Run plugins in the order given, instead of the one that they declare");
  DeclareEngineOptions(command, options.engine);
  command.add_option("--embedding", request.embeddings, "Textual inversion file (repeatable)")
      ->take_all();
  command.add_option("--wildcards", request.wildcard_folder,
                     "Folder where __name__ in the prompt finds name.txt");
  command.add_option("--initial-latent", options.initial_latent_file,
                     "safetensors file with the starting noise as tensor \"latent\"");
  command.add_option("--save-latent", options.save_latent_file,
                     "Write the sampler's result as tensor \"latent\" to this safetensors file");
  command.add_option("--start-latent", options.start_latent_file,
                     "safetensors file whose tensor \"latent\" to start from, in place of --image");
  command.add_flag("--latent-only", request.without_pictures,
                   "Write no picture, only --save-latent");
  DeclareStepRange(command, request);
  command.add_option("--preview", options.preview_file,
                     "PNG file that shows the state after each step");
  command
      .add_option("-o,--output", options.output_file,
                  "Picture to write: .png, .jpg or .webp; with --batch numbers are added")
      ->capture_default_str();
  command.add_flag("--json", options.json,
                   "Print one JSON object about the job instead of progress");
  RefuseEmptyValues(command, {"PROMPT", "--negative"});
}

absl::Status CompleteRequest(GenerateOptions& options) {
  GenerationRequest& request = options.request;
  for (const std::string& text : options.plugins) {
    PATCHBAY_ASSIGN_OR_RETURN(ChosenPlugin plugin, ParseChosenPlugin(text));
    request.plugins.push_back(std::move(plugin));
  }
  request.compat = ParseCompatProfile(options.compat).value_or(CompatProfile::kDiffusers);
  request.seed = options.seed.has_value() ? *options.seed : std::random_device{}();
  if (!options.size.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(request.size, ParseSize(options.size));
  }
  if (!options.image_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(request.image, ReadPicture("--image", options.image_file));
  }
  if (!options.mask_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(request.mask, ReadPicture("--mask", options.mask_file));
  }
  if (!options.hires_size.empty()) {
    HiresPass hires;
    PATCHBAY_ASSIGN_OR_RETURN(hires.size, ParseSize(options.hires_size));
    hires.strength = options.hires_strength;
    hires.steps = options.hires_steps;
    request.hires = hires;
  }
  for (const std::string& lora : options.loras) request.loras.push_back(ParseLora(lora));
  if (!options.initial_latent_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(request.initial_latent,
                              ReadLatent("--initial-latent", options.initial_latent_file));
  }
  if (!options.start_latent_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(request.start_latent,
                              ReadLatent("--start-latent", options.start_latent_file));
  }
  request.keep_latent = !options.save_latent_file.empty();
  return absl::OkStatus();
}

absl::Status CheckRequestFiles(const GenerationRequest& request) {
  for (const LoraChoice& lora : request.loras) {
    PATCHBAY_RETURN_IF_ERROR(MappedFile::Open(lora.path).status());
  }
  for (const std::string& embedding : request.embeddings) {
    PATCHBAY_RETURN_IF_ERROR(MappedFile::Open(embedding).status());
  }
  return absl::OkStatus();
}

std::vector<std::string> UnusedOptions(const GenerateOptions& options) {
  std::vector<std::string> unused;
  if (!options.hires_size.empty()) return unused;
  for (const CLI::Option* option : options.of_hires) {
    if (option->count() == 0) continue;
    unused.push_back(absl::StrCat(option->get_name(), " means nothing without --hires"));
  }
  return unused;
}

}  // namespace patchbay
