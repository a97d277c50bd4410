#include "bridges/webui/start_latent.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/latent_file.h"
#include "bridges/common/status_macros.h"
#include "bridges/common/stepless_settings.h"

namespace patchbay::webui {
namespace {

constexpr int kLatentScale = 8;

absl::StatusOr<FloatPlanes> Encoded(HostSession& host, const std::string& model,
                                    const Picture& picture) {
  const int width = picture.width / kLatentScale * kLatentScale;
  const int height = picture.height / kLatentScale * kLatentScale;
  if (width == 0 || height == 0) {
    return absl::InvalidArgumentError("pictures to encode have at least 8x8 pixels");
  }
  const Picture whole =
      Crop(picture, (picture.width - width) / 2, (picture.height - height) / 2, width, height);
  v1::CreateAndWatchGenerationRequest request;
  BRIDGE_ASSIGN_OR_RETURN(const std::string image, host.Upload(EncodePng(whole)));
  *request.mutable_settings() = EncodingSettings(model, image, width, height);
  BRIDGE_ASSIGN_OR_RETURN(const v1::Generation encoded,
                          host.Generate(request, [](const v1::GenerationEvent&) {}));
  if (encoded.state() != v1::GENERATION_STATE_SUCCEEDED) {
    return absl::Status(static_cast<absl::StatusCode>(encoded.error().code()),
                        absl::StrCat("the picture was not encoded: ", encoded.error().message()));
  }
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, host.Download(encoded.latent_artifact_id()));
  return ReadHostLatentFile(bytes);
}

absl::StatusOr<FloatPlanes> NoiseOf(const std::vector<NoiseSeed>& seeds, int channels, int height,
                                    int width) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes all,
                          ZeroPlanes(static_cast<int>(seeds.size()), channels, height, width));
  for (size_t i = 0; i < seeds.size(); ++i) {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes one, FirstNoise(seeds[i], channels, height, width));
    std::copy(one.values.begin(), one.values.end(), all.Plane(static_cast<int>(i), 0));
  }
  return all;
}

// The host paints a place of the latent anew where the first of its pixels is half white or more.
void PutUnderMask(const Picture& mask, const FloatPlanes& numbers, FloatPlanes& latent) {
  for (int b = 0; b < latent.batch; ++b) {
    for (int c = 0; c < latent.channels; ++c) {
      for (int y = 0; y < latent.height; ++y) {
        for (int x = 0; x < latent.width; ++x) {
          if (*mask.At(x * kLatentScale, y * kLatentScale) < 128) continue;
          latent.At(b, c, y, x) = numbers.At(b, c, y, x);
        }
      }
    }
  }
}

}  // namespace

absl::StatusOr<LatentShape> LatentShapeOf(HostSession& host, const std::string& model) {
  BRIDGE_ASSIGN_OR_RETURN(const Json description, host.InspectModel(model));
  LatentShape shape;
  shape.channels = description.value("latent_channels", shape.channels);
  shape.shows_mask = description.value("in_channels", shape.channels) > shape.channels;
  return shape;
}

absl::StatusOr<std::string> UploadNoise(HostSession& host, const std::vector<NoiseSeed>& seeds,
                                        const LatentShape& shape, int width, int height) {
  BRIDGE_ASSIGN_OR_RETURN(
      const FloatPlanes noise,
      NoiseOf(seeds, shape.channels, height / kLatentScale, width / kLatentScale));
  return host.Upload(HostLatentFile(noise));
}

absl::StatusOr<std::string> UploadStartLatent(HostSession& host, const std::string& model,
                                              const StartPicture& start, int width, int height,
                                              int batch, uint64_t seed) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes latent, Encoded(host, model, start.image));
  BRIDGE_ASSIGN_OR_RETURN(latent, Interpolate(latent, width / kLatentScale, height / kLatentScale,
                                              Interpolation::kBilinear));
  if (start.latent_fill == LatentFill::kZeros) {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes zeros,
                            ZeroPlanes(1, latent.channels, latent.height, latent.width));
    PutUnderMask(*start.mask, zeros, latent);
  } else if (start.latent_fill == LatentFill::kNoise) {
    std::vector<NoiseSeed> seeds(static_cast<size_t>(batch));
    for (size_t i = 0; i < seeds.size(); ++i) seeds[i].seed = seed + i;
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes noise,
                            NoiseOf(seeds, latent.channels, latent.height, latent.width));
    BRIDGE_ASSIGN_OR_RETURN(latent, RepeatedTo(latent, batch));
    PutUnderMask(*start.mask, noise, latent);
  }
  return host.Upload(HostLatentFile(latent));
}

}  // namespace patchbay::webui
