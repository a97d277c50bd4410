#include "bridges/comfyui/host_job.h"

#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {

absl::StatusOr<v1::Generation> RunHostJob(const v1::GenerationSettings& settings, NodeCall& call) {
  v1::CreateAndWatchGenerationRequest request;
  *request.mutable_settings() = settings;
  request.set_previews(call.on_preview != nullptr);
  bool known = false;
  absl::StatusOr<v1::Generation> ended =
      call.host.Generate(request, [&](const v1::GenerationEvent& event) {
        if (event.has_progress()) {
          call.on_progress(event.progress().step(), event.progress().steps());
        } else if (event.has_preview() && event.preview().jpegs_size() > 0 && call.on_preview) {
          call.on_preview(event.preview().jpegs(0));
        } else if (event.has_state_changed() && !known) {
          known = true;
          const std::string id = event.state_changed().id();
          HostSession& host = call.host;
          call.set_cancel([&host, id] { host.CancelGeneration(id).IgnoreError(); });
          if (call.is_interrupted()) host.CancelGeneration(id).IgnoreError();
        }
      });
  call.set_cancel({});
  BRIDGE_RETURN_IF_ERROR(ended.status());
  if (ended->state() == v1::GENERATION_STATE_CANCELLED) return absl::CancelledError("interrupted");
  if (ended->state() != v1::GENERATION_STATE_SUCCEEDED) {
    return absl::Status(static_cast<absl::StatusCode>(ended->error().code()),
                        ended->error().message());
  }
  return ended;
}

absl::StatusOr<ImageValue> PicturesOfJob(const v1::Generation& generation, NodeCall& call) {
  ImageValue image;
  for (const v1::GeneratedPicture& picture : generation.pictures()) {
    BRIDGE_ASSIGN_OR_RETURN(std::string bytes, call.host.Download(picture.artifact_id()));
    BRIDGE_ASSIGN_OR_RETURN(const Picture decoded, DecodePicture(bytes));
    image.pictures.push_back(WithChannels(decoded, 3));
    image.files.push_back(std::move(bytes));
  }
  return image;
}

}  // namespace patchbay::comfyui
