#include "bridges/comfyui/latent_storage.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/host_job.h"
#include "bridges/common/latent_file.h"
#include "bridges/common/status_macros.h"
#include "bridges/common/stepless_settings.h"

namespace patchbay::comfyui {
namespace {

// What the numbers of an autoencoder are multiplied with for its family's denoiser (ComfyUI,
// comfy/latent_formats.py).
absl::StatusOr<double> ScaleOf(const LatentSpace& space, NodeCall& call) {
  if (!space.has_value()) return 1;
  BRIDGE_ASSIGN_OR_RETURN(const Json model, call.host.InspectModel(*space));
  const std::string family = model.value("family", "");
  if (family == "sd1" || family == "sd2") return 0.18215;
  if (family == "sdxl" || family == "sdxl_refiner" || family == "kolors") return 0.13025;
  return absl::UnimplementedError(
      absl::StrCat("latents of the model \"", *space, "\" (", family,
                   ") cannot be taken to another model or a file: their scale is not one number"));
}

absl::StatusOr<std::string> EncodedPicture(const Picture& picture, const std::string& model,
                                           NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string image, call.host.Upload(EncodePng(picture)));
  const v1::GenerationSettings settings =
      EncodingSettings(model, image, picture.width, picture.height);
  BRIDGE_ASSIGN_OR_RETURN(const v1::Generation encoded, RunHostJob(settings, call));
  return encoded.latent_artifact_id();
}

absl::StatusOr<FloatPlanes> Downloaded(const std::string& id, NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, call.host.Download(id));
  return ReadHostLatentFile(bytes);
}

absl::StatusOr<FloatPlanes> EncodedPictures(const LatentValue& latent, NodeCall& call) {
  FloatPlanes all;
  for (const Picture& picture : latent.unencoded.pictures) {
    if (call.is_interrupted()) return absl::CancelledError("interrupted");
    BRIDGE_ASSIGN_OR_RETURN(const std::string id,
                            EncodedPicture(picture, latent.model.value_or(""), call));
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes one, Downloaded(id, call));
    all.batch += one.batch;
    all.channels = one.channels;
    all.height = one.height;
    all.width = one.width;
    all.values.insert(all.values.end(), one.values.begin(), one.values.end());
  }
  if (all.batch == latent.batch) return all;
  return RepeatedTo(all, latent.batch);
}

absl::StatusOr<std::string> Stored(const FloatPlanes& numbers, NodeCall& call) {
  return call.host.Upload(HostLatentFile(numbers));
}

}  // namespace

absl::StatusOr<FloatPlanes> NumbersOf(const LatentValue& latent, NodeCall& call) {
  if (latent.numbers != nullptr) return *latent.numbers;
  if (!latent.artifact_id.empty()) return Downloaded(latent.artifact_id, call);
  if (!latent.unencoded.pictures.empty()) return EncodedPictures(latent, call);
  return ZeroPlanes(latent.batch, kLatentChannels, latent.height / kLatentScale,
                    latent.width / kLatentScale);
}

absl::StatusOr<FloatPlanes> NumbersIn(const LatentSpace& space, const LatentValue& latent,
                                      NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes numbers, NumbersOf(latent, call));
  if (latent.IsEmpty() || latent.model == space) return numbers;
  BRIDGE_ASSIGN_OR_RETURN(const double from, ScaleOf(latent.model, call));
  BRIDGE_ASSIGN_OR_RETURN(const double to, ScaleOf(space, call));
  if (from == to) return numbers;
  for (float& value : numbers.values) value = static_cast<float>(value * to / from);
  return numbers;
}

absl::StatusOr<std::string> ArtifactFor(const std::string& model, const LatentValue& latent,
                                        NodeCall& call) {
  if (latent.model == model) {
    if (!latent.artifact_id.empty()) return latent.artifact_id;
    if (latent.unencoded.pictures.size() == 1) {
      return EncodedPicture(latent.unencoded.pictures.front(), model, call);
    }
  }
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersIn(model, latent, call));
  return Stored(numbers, call);
}

LatentValue WithNumbers(const LatentValue& latent, FloatPlanes numbers) {
  LatentValue result = latent;
  result.unencoded = {};
  result.artifact_id.clear();
  result.decoded = {};
  result.width = numbers.width * kLatentScale;
  result.height = numbers.height * kLatentScale;
  result.batch = numbers.batch;
  result.numbers = std::make_shared<const FloatPlanes>(std::move(numbers));
  return result;
}

absl::StatusOr<ImageValue> Decode(const LatentValue& latent, const std::string& model,
                                  NodeCall& call) {
  v1::GenerationSettings settings =
      SettingsWithoutSteps(model, latent.width, latent.height, latent.batch);
  BRIDGE_ASSIGN_OR_RETURN(const std::string start, ArtifactFor(model, latent, call));
  settings.set_start_latent_artifact_id(start);
  BRIDGE_ASSIGN_OR_RETURN(const v1::Generation decoded, RunHostJob(settings, call));
  BRIDGE_ASSIGN_OR_RETURN(ImageValue image, PicturesOfJob(decoded, call));
  image.files.clear();  // they tell of this job, which drew nothing
  return image;
}

}  // namespace patchbay::comfyui
