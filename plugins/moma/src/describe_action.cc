#include "plugins/moma/src/describe_action.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/clip_vision/src/file_stamp.h"
#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/llava/src/model_folder.h"
#include "plugins/moma/src/embedding.h"
#include "plugins/moma/src/reference_picture.h"
#include "plugins/safetensors/src/safetensors_bytes.h"

namespace moma {
namespace {

clip_vision::Weights OpenWeights(const llava::ModelFolder& folder, const OpenFile& open) {
  std::vector<clip_vision::Weights> files;
  for (const std::string& path : folder.weights) {
    files.emplace_back(open(patchbay::File{path}));
  }
  return clip_vision::Weights::Joined("llava: " + folder.config, files);
}

// All that an answer depends on. Weights are told apart by their files' sizes and times: to read
// them would take longer than some questions.
std::string IdentityOf(const llava::ModelFolder& folder, const llava::PictureText& text,
                       const at::Tensor& square) {
  std::string identity = "patchbay.moma.description/1\n";
  for (const std::string& path : folder.weights) identity += clip_vision::FileStamp(path);
  identity += clip_vision::FileStamp(folder.config) + clip_vision::FileStamp(folder.tokenizer);
  const at::Tensor plain = square.contiguous();
  const std::string_view bytes(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  return identity + "\n" + std::to_string(std::hash<std::string_view>()(bytes)) + "\n" +
         text.before + "\n" + text.after;
}

void GiveResult(const patchbay::Action& action, const DescriptionRequest& request,
                const at::Tensor& state, bool is_cached) {
  action.result(request.name,
                safetensors::SafetensorsBytes({{kEmbedding, state}},
                                              {{"subject", request.subject},
                                               {"prompt", request.prompt},
                                               {"from_cache", is_cached ? "true" : "false"}}));
}

}  // namespace

void RunDescribe(const patchbay::Action& action, const DescriptionRequest& request,
                 const OpenFile& open) {
  CheckRequest(request);
  const at::Tensor& mask = request.mask.rgba;
  const Subject subject = CutOut(ReadSubject(request.image.rgba, mask, /*loose=*/false));
  const llava::ModelFolder folder = llava::FindModelFolder(request.llava.path);
  const llava::LlavaConfig config =
      llava::ReadLlavaConfig(llava::ReadText(folder.config), "llava: " + folder.config);
  const llava::Llava model(OpenWeights(folder, open), config, llava::OpenTokenizer(folder));
  const at::Tensor square = FitSquare(OverWhite(subject), model.picture_size(), Margin::kWhite);
  const llava::PictureText question = QuestionOf(request);

  const DescriptionCache cache(IdentityOf(folder, question, square));
  at::Tensor state = cache.Find(config.language.width, open);
  const bool is_cached = state.defined();
  bool is_kept = true;
  if (!is_cached) {
    state = model.LastState(
        clip_vision::Normalised(square.unsqueeze(0)), question,
        [&](double fraction) { action.progress(fraction, "the language model reads"); });
    if (!state.isfinite().all().item<bool>()) {
      throw patchbay::Error("llava: " + folder.config +
                                ": the language model gave numbers that are not finite; its "
                                "weights are damaged",
                            PATCHBAY_DATA_LOSS);
    }
    is_kept = cache.Keep(state);
  }
  GiveResult(action, request, state, is_cached);
  action.progress(1, is_cached ? "taken from the cache: the same has been asked before"
                     : is_kept ? "read"
                               : "read; the cache folder cannot be written");
}

}  // namespace moma
