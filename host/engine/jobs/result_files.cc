#include "host/engine/jobs/result_files.h"

#include <future>
#include <string>
#include <utility>

#include "host/base/status_macros.h"
#include "host/formats/safetensors_parts.h"

namespace patchbay {
namespace {

constexpr int kPreviewQuality = 80;
constexpr size_t kMaxPreviewBytes = 2 << 20;  // a gRPC message is at most 4 MiB

absl::StatusOr<Artifact> StoreLatent(const LatentBuffer& latent, ArtifactStore& artifacts) {
  SafetensorsTensor tensor;
  tensor.type = ElementType::kFloat32;
  tensor.shape = latent.shape;
  tensor.bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(latent.values.data()),
                                     latent.values.size() * sizeof(float));
  const std::map<std::string, SafetensorsTensor, std::less<>> tensors = {{"latent", tensor}};
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsParts parts, LayOutSafetensors(tensors));
  PATCHBAY_ASSIGN_OR_RETURN(const auto writer, artifacts.Begin(parts.size()));
  PATCHBAY_RETURN_IF_ERROR(writer->Append(parts.head));
  for (const std::string_view part : parts.tensors) {
    PATCHBAY_RETURN_IF_ERROR(writer->Append(part));
  }
  return writer->Finish();
}

}  // namespace

absl::StatusOr<JobResult> StoreResult(const JobExecutor::Outcome& outcome, PictureFormat format,
                                      ArtifactStore& artifacts) {
  JobResult result;
  result.report = outcome.result.report;
  result.load_seconds = outcome.load_seconds;
  // Beside the pictures: what takes long is to wait for the disk, and it is waited for once.
  std::future<absl::StatusOr<Artifact>> latent;
  if (outcome.result.latent.has_value()) {
    latent = std::async(std::launch::async,
                        [&] { return StoreLatent(*outcome.result.latent, artifacts); });
  }
  for (size_t i = 0; i < outcome.result.pictures.size(); ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(
        const std::string bytes,
        EncodePicture(outcome.result.pictures[i], outcome.result.metadata[i], format));
    PATCHBAY_ASSIGN_OR_RETURN(Artifact artifact, artifacts.Put(bytes));
    result.pictures.push_back(std::move(artifact));
  }
  if (latent.valid()) {
    PATCHBAY_ASSIGN_OR_RETURN(const Artifact artifact, latent.get());
    result.latent_artifact_id = artifact.id;
  }
  return result;
}

std::vector<std::string> EncodePreview(const std::vector<Picture>& pictures) {
  std::vector<std::string> jpegs;
  size_t bytes = 0;
  for (const Picture& picture : pictures) {
    absl::StatusOr<std::string> jpeg = EncodeJpeg(picture, kPreviewQuality);
    if (!jpeg.ok() || (bytes += jpeg->size()) > kMaxPreviewBytes) return {};
    jpegs.push_back(*std::move(jpeg));
  }
  return jpegs;
}

}  // namespace patchbay
