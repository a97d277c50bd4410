#include "host/runtime/text_encoder/textual_inversion.h"

#include <filesystem>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {
namespace {

// Longer ones than this fill several chunks; real ones have up to about 30 rows.
constexpr int64_t kMaxRows = 1024;

absl::StatusOr<at::Tensor> ReadRows(const SafetensorsFile& file, const std::string& key) {
  const SafetensorsTensor& stored = file.tensors().find(key)->second;
  const size_t rank = stored.shape.size();
  const bool usable = (rank == 1 || rank == 2) && stored.shape.back() > 0 &&
                      stored.shape.front() > 0 && (rank == 1 || stored.shape[0] <= kMaxRows);
  if (!usable) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": tensor \"", key,
                     "\" is no textual inversion; [width] or [rows, width] was expected, at most ",
                     kMaxRows, " rows"));
  }
  const at::Tensor rows = ViewStoredWeight(stored, file.file()).tensor.to(at::kFloat, false, true);
  if (!at::isfinite(rows).all().item<bool>()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": tensor \"", key, "\" holds NaN or infinite values"));
  }
  return rank == 1 ? rows.unsqueeze(0) : rows;
}

// The tensor for encoder `encoder` of `encoders`.
std::optional<at::Tensor> Fitting(const TextualInversion& embedding, size_t encoder,
                                  size_t encoders, int64_t width) {
  const auto& vectors = embedding.vectors;
  if (vectors.size() == encoders && vectors[encoder].size(1) == width) return vectors[encoder];
  for (const at::Tensor& candidate : vectors) {
    if (candidate.size(1) == width) return candidate;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<TextualInversion> ReadTextualInversion(const std::string& path) {
  const std::filesystem::path file_path(path);
  const std::string extension = absl::AsciiStrToLower(file_path.extension().string());
  if (extension == ".pt" || extension == ".bin" || extension == ".pth" || extension == ".ckpt") {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        " is a pickle, which can run any code when it is read, and is therefore refused; "
        "convert it in a Python that you trust: load it with torch.load(..., "
        "weights_only=True) and save its [rows, width] tensor under the key emb_params with "
        "safetensors.torch.save_file"));
  }
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  TextualInversion embedding;
  embedding.name = file_path.stem().string();
  embedding.token = embedding.name;
  const auto& tensors = file.tensors();
  std::vector<std::string> keys;
  for (const char* key : {"clip_l", "clip_g", "emb_params"}) {
    if (tensors.find(std::string_view(key)) != tensors.end()) keys.emplace_back(key);
  }
  if (keys.empty() && tensors.size() == 1) {
    keys.push_back(tensors.begin()->first);
    embedding.token = keys.front();
  }
  if (keys.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no textual inversion: it holds ", tensors.size(),
                     " tensors, none of them named emb_params, clip_l or clip_g"));
  }
  for (const std::string& key : keys) {
    PATCHBAY_ASSIGN_OR_RETURN(at::Tensor rows, ReadRows(file, key));
    if (!embedding.vectors.empty() && rows.size(0) != embedding.vectors.front().size(0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": its tensors have different numbers of rows"));
    }
    embedding.vectors.push_back(std::move(rows));
  }
  return embedding;
}

absl::StatusOr<std::vector<at::Tensor>> VectorsFor(absl::Span<const TextualInversion> embeddings,
                                                   size_t encoder, size_t encoders, int64_t width) {
  std::vector<at::Tensor> result;
  for (const TextualInversion& embedding : embeddings) {
    const auto vectors = Fitting(embedding, encoder, encoders, width);
    if (!vectors.has_value()) {
      std::string widths;
      for (const at::Tensor& one : embedding.vectors) {
        absl::StrAppend(&widths, widths.empty() ? "" : " and ", one.size(1));
      }
      return absl::InvalidArgumentError(
          absl::StrCat("the embedding \"", embedding.name, "\" is ", widths,
                       " wide and this model's text encoder ", width,
                       "; it was made for another kind of model (768: Stable Diffusion 1, 1024: "
                       "Stable Diffusion 2, 768 and 1280: SDXL)"));
    }
    result.push_back(*vectors);
  }
  return result;
}

std::vector<EmbeddingName> NamesOf(absl::Span<const TextualInversion> embeddings,
                                   absl::Span<const at::Tensor> vectors) {
  std::vector<EmbeddingName> names;
  for (size_t i = 0; i < embeddings.size(); ++i) {
    names.push_back({embeddings[i].name, embeddings[i].token, vectors[i].size(0)});
  }
  return names;
}

}  // namespace patchbay
