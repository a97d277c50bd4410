#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_REQUEST_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_REQUEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/base/compat_profile.h"
#include "host/formats/picture.h"
#include "host/runtime/pipeline/chosen_plugin.h"

namespace patchbay {

struct PictureSize {
  int width = 0;
  int height = 0;
  bool operator==(const PictureSize&) const = default;
};

// Numbers in latent space, row-major [B, C, h, w].
struct LatentBuffer {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// A LoRA file and how strongly it is applied; 1 is its author's strength, 0 none, negative
// reverses.
struct LoraChoice {
  std::string path;
  double unet_weight = 1.0;
  double text_weight = 1.0;
  std::string title = {};  // for the picture's parameters; empty: the file's name
  bool operator==(const LoraChoice&) const = default;
};

// Draws over the result of the first pass again at a larger size.
struct HiresPass {
  PictureSize size;
  double strength = 0.7;  // in (0, 1]
  int steps = 0;          // 0: as many as in the first pass
};

// A part of a schedule's steps, so that several jobs can draw one picture in turn (ComfyUI's
// KSamplerAdvanced). In the ComfyUI profile only.
struct StepRange {
  // Steps that are left out at the beginning. As many as there are: nothing is sampled, the start
  // is the result.
  int first = 0;
  std::optional<int> end;  // the step before which it ends; absent: all are made
  // Whether noise of the first step's level is added to the start.
  bool adds_noise = true;
  // Whether a part that ends early keeps the noise that is left, instead of ending at level 0.
  bool keeps_noise = false;
  bool operator==(const StepRange&) const = default;
};

// Everything that decides what pictures a job makes. Value types only: front ends fill it in
// without seeing LibTorch. Absent options take the model's or the profile's own defaults.
struct GenerationRequest {
  std::string prompt;
  std::string negative_prompt;
  CompatProfile compat = CompatProfile::kDiffusers;

  int steps = 20;                       // at least 1
  double guidance_scale = 7.5;          // 1 switches classifier-free guidance off
  std::optional<std::string> sampler;   // default: the model's own, else euler
  std::optional<std::string> schedule;  // default: the profile's choice for the sampler
  double eta = 0.0;                     // DDIM's noise; ancestral samplers: unless given, 1
  bool eta_given = false;

  uint64_t seed = 0;
  int batch = 1;                    // pictures made together, at least 1
  std::optional<PictureSize> size;  // multiples of 8; default: what the model was made for
  std::optional<int> clip_skip;     // counted as the profile counts

  // img2img: start from this picture, noised to `strength`.
  std::optional<Picture> image;
  double strength = 0.75;  // in (0, 1]
  // In its place: a clean latent, or what a job before this one left; scaled as the denoiser takes
  // it, for one picture or for each of the batch.
  std::optional<LatentBuffer> start_latent;
  // Inpainting: white is painted anew, black is kept; where the mask is transparent anywhere, its
  // opacity counts instead of its colour. Needs a start.
  std::optional<Picture> mask;
  // Whether the start picture itself stands in the result where nothing is painted; else it is as
  // the autoencoder gives it back. Default: in A1111's profile, as A1111 does.
  std::optional<bool> overlay;
  std::optional<HiresPass> hires;

  std::vector<LoraChoice> loras;
  std::vector<std::string> embeddings;  // textual inversion files
  std::string wildcard_folder;          // where __name__ finds name.txt; empty: left as it is
  std::string lora_folder;              // where <lora:name> finds name.safetensors (A1111)

  // Techniques that take part. They run in an order that they declare themselves, or in this one.
  std::vector<ChosenPlugin> plugins;
  bool plugins_in_given_order = false;
  std::vector<PluginFile> plugin_files;  // that their settings name

  // In place of the seed's first draw: unit-variance noise. Noise of later steps comes from the
  // seed.
  std::optional<LatentBuffer> initial_latent;
  // Keep the sampler's result for the caller.
  bool keep_latent = false;
  // Spare the decoding: the latent is the result.
  bool without_pictures = false;
  std::optional<StepRange> range;

  bool has_start() const { return image.has_value() || start_latent.has_value(); }
};

// How long the parts of a job took, and what else is worth knowing about it.
struct GenerationReport {
  uint64_t seed = 0;
  PictureSize size;
  std::string sampler;
  std::string schedule;
  std::vector<double> step_seconds;
  double text_seconds = 0;
  double vae_seconds = 0;
  double total_seconds = 0;
  // The denoiser's weights as they were in memory, in bytes by type: "bf16", "int8".
  std::map<std::string, uint64_t> weight_bytes;
  // The most memory that the process held meanwhile, reading weights included.
  uint64_t peak_memory_bytes = 0;
  std::string plugins;  // the chain that ran, with its builds; empty: none
  std::vector<std::string> warnings;
};

struct GenerationResult {
  std::vector<Picture> pictures;       // one for each of the batch, RGB; none if not wanted
  std::optional<LatentBuffer> latent;  // scaled latents before the division by the scaling factor
  // The text chunks that pictures carry ("parameters"), one map for each of the batch.
  std::vector<std::map<std::string, std::string>> metadata;
  GenerationReport report;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_REQUEST_H_
