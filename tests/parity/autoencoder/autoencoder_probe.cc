// patchbay_autoencoder_probe FOLDER INPUT OUTPUT [TILE OVERLAP]: encodes and decodes in fp32 with
// the autoencoder of a diffusers folder. INPUT holds any of `pictures`, `noise` and `latents`;
// OUTPUT gets `mean`, `sample`, `decoded` and `preview`, the fitted one. With TILE and OVERLAP
// (latent units) in tiles.
//
// patchbay_autoencoder_probe --tiny PATH INPUT OUTPUT: the same with a tiny autoencoder's file or
// folder; OUTPUT gets `encoded` and `decoded`.

#include <iostream>
#include <string>
#include <vector>

#include "host/base/status_macros.h"
#include "host/runtime/autoencoder/autoencoder.h"
#include "host/runtime/autoencoder/preview_decoder.h"
#include "host/runtime/autoencoder/tiny_autoencoder.h"
#include "host/runtime/checkpoint/folder_weights.h"
#include "host/runtime/checkpoint/text_file.h"
#include "tests/parity/checkpoint/dump.h"

namespace patchbay {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

absl::StatusOr<Tensors> ReadTensors(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  Tensors tensors;
  for (const auto& [name, stored] : file.tensors()) {
    tensors[name] = ViewStoredWeight(stored, file.file()).tensor.clone();
  }
  return tensors;
}

absl::StatusOr<std::unique_ptr<const Autoencoder>> LoadAutoencoder(const std::string& folder) {
  std::vector<std::string> warnings;
  const std::string config_path = folder + "/config.json";
  PATCHBAY_ASSIGN_OR_RETURN(const std::string json, ReadTextFile(config_path));
  PATCHBAY_ASSIGN_OR_RETURN(const AutoencoderConfig config,
                            ParseAutoencoderConfig(json, config_path, warnings));
  PATCHBAY_ASSIGN_OR_RETURN(WeightMap weights,
                            OpenFolderWeights(folder, "diffusion_pytorch_model", ""));
  WeightReader reader(folder, std::move(weights), at::kFloat, at::kCPU);
  return Autoencoder::Load(reader, config);
}

absl::Status Run(const std::string& folder, const std::string& input, const std::string& output,
                 const AutoencoderOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto autoencoder, LoadAutoencoder(folder));
  PATCHBAY_ASSIGN_OR_RETURN(Tensors given, ReadTensors(input));
  Tensors results;
  if (given.count("pictures") > 0) {
    results["mean"] = autoencoder->Encode(given["pictures"], {}, options);
    if (given.count("noise") > 0) {
      results["sample"] = autoencoder->Encode(given["pictures"], given["noise"], options);
    }
  }
  if (given.count("latents") > 0) {
    results["decoded"] = autoencoder->Decode(given["latents"], options);
    results["preview"] = PreviewDecoder::Fit(*autoencoder)->Decode(given["latents"]);
  }
  return DumpTensors(output, results);
}

absl::Status RunTiny(const std::string& path, const std::string& input, const std::string& output) {
  PATCHBAY_ASSIGN_OR_RETURN(Tensors given, ReadTensors(input));
  Tensors results;
  if (given.count("pictures") > 0) {
    PATCHBAY_ASSIGN_OR_RETURN(
        const auto encoder, TinyAutoencoder::Open(path, TinyHalf::kEncoder, at::kFloat, at::kCPU));
    results["encoded"] = encoder->Forward(given["pictures"]);
  }
  if (given.count("latents") > 0) {
    PATCHBAY_ASSIGN_OR_RETURN(
        const auto decoder, TinyAutoencoder::Open(path, TinyHalf::kDecoder, at::kFloat, at::kCPU));
    results["decoded"] = decoder->Forward(given["latents"]);
  }
  return DumpTensors(output, results);
}

absl::Status Main(const std::vector<std::string>& arguments) {
  const c10::InferenceMode inference;
  if (arguments.size() == 4 && arguments[0] == "--tiny") {
    return RunTiny(arguments[1], arguments[2], arguments[3]);
  }
  AutoencoderOptions options;
  if (arguments.size() == 5) {
    options.tiling.mode = TilingOptions::Mode::kAlways;
    options.tiling.tile = std::stoll(arguments[3]);
    options.tiling.overlap = std::stoll(arguments[4]);
  } else if (arguments.size() != 3) {
    return absl::InvalidArgumentError(
        "usage: FOLDER INPUT OUTPUT [TILE OVERLAP] | --tiny PATH "
        "INPUT OUTPUT");
  }
  return Run(arguments[0], arguments[1], arguments[2], options);
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) {
  const absl::Status status = patchbay::Main({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::cerr << std::string(status.message()) << "\n";
  return 1;
}
