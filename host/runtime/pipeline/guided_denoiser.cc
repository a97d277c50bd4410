#include "host/runtime/pipeline/guided_denoiser.h"

#include <algorithm>

#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// The stage that holds during a call; calls beyond the plan (a plugin's or a solver's extra ones)
// see the last.
size_t StageAt(const std::vector<ConditioningStage>& stages, int64_t call) {
  const auto after = std::find_if(stages.begin(), stages.end(),
                                  [call](const auto& stage) { return call < stage.end_call; });
  return static_cast<size_t>(after == stages.end() ? std::distance(stages.begin(), after) - 1
                                                   : std::distance(stages.begin(), after));
}

at::Tensor RepeatedNumbers(const std::vector<double>& numbers, int64_t rows) {
  return at::tensor(numbers, at::kFloat).unsqueeze(0).expand({rows, -1});
}

// How distilled models are told the guidance scale (arXiv:2310.04378, section 4.3): sines, then
// cosines, of (scale - 1) * 1000.
at::Tensor GuidanceEmbedding(int64_t width, double guidance_scale, int64_t rows) {
  const SinusoidalEmbedding embedding{width, /*cosine_first=*/false, /*shift=*/1.0};
  return embedding.Forward(at::full({rows}, (guidance_scale - 1.0) * 1000.0, at::kFloat));
}

}  // namespace

GuidedDenoiser::GuidedDenoiser(const UNet& unet, const Conditioning& conditioning,
                               const Sizes& sizes, const at::Tensor& extra_channels,
                               const OperatorTable& operators)
    : unet_(unet),
      conditioning_(conditioning),
      sizes_(sizes),
      extra_channels_(extra_channels),
      operators_(operators) {}

absl::StatusOr<const GuidedDenoiser::Rows*> GuidedDenoiser::RowsFor(int64_t call,
                                                                    bool with_negative) {
  const Key key{StageAt(conditioning_.positive, call),
                with_negative ? StageAt(conditioning_.negative, call) : 0, with_negative};
  const auto found = rows_.find(key);
  if (found != rows_.end()) return &found->second;
  PATCHBAY_ASSIGN_OR_RETURN(Rows rows, MakeRows(key));
  return &rows_.emplace(key, std::move(rows)).first->second;
}

absl::StatusOr<GuidedDenoiser::Rows> GuidedDenoiser::MakeRows(const Key& key) const {
  Rows rows;
  rows.has_negative = key.has_negative;
  std::vector<at::Tensor> hidden, pooled, sizes;
  const auto add = [&](const ConditioningPart& part, const std::vector<double>& numbers) {
    hidden.push_back(part.hidden);
    if (part.pooled.defined()) pooled.push_back(part.pooled);
    if (!numbers.empty()) sizes.push_back(RepeatedNumbers(numbers, part.hidden.size(0)));
  };
  if (key.has_negative) {
    add(conditioning_.negative[key.negative_stage].parts.front(), sizes_.negative);
  }
  for (const ConditioningPart& part : conditioning_.positive[key.positive_stage].parts) {
    add(part, sizes_.positive);
    rows.part_weights.push_back(
        at::tensor(part.weights, at::kFloat).to(part.hidden.device()).view({-1, 1, 1, 1}));
  }
  UNetText text;
  text.hidden_states = at::cat(hidden);
  if (!pooled.empty()) text.pooled = at::cat(pooled);
  if (!sizes.empty()) text.time_ids = at::cat(sizes).to(text.hidden_states.device());
  PATCHBAY_ASSIGN_OR_RETURN(rows.text, unet_.PrepareText(text, operators_));
  return rows;
}

bool GuidedDenoiser::HasSinglePart(int64_t call) const {
  const auto& parts = conditioning_.positive[StageAt(conditioning_.positive, call)].parts;
  const auto& weights = parts.front().weights;
  return parts.size() == 1 &&
         std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 1.0; });
}

absl::StatusOr<GuidedOutput> GuidedDenoiser::Run(const at::Tensor& sample, double timestep,
                                                 double guidance_scale, int64_t call) {
  const int64_t guidance_features = unet_.guidance_features();
  // A distilled model has guidance built in.
  const bool with_negative =
      guidance_features == 0 && (guidance_scale != 1.0 || !HasSinglePart(call));
  PATCHBAY_ASSIGN_OR_RETURN(const Rows* rows, RowsFor(call, with_negative));
  const int64_t copies = static_cast<int64_t>(rows->part_weights.size()) + (with_negative ? 1 : 0);

  UNetInput input;
  const at::Tensor joined =
      extra_channels_.defined() ? at::cat({sample, extra_channels_}, 1) : sample;
  input.sample = joined.repeat({copies, 1, 1, 1});
  input.timestep = at::full({1}, timestep, sample.options().dtype(at::kFloat));
  if (guidance_features > 0) {
    input.guidance_embedding =
        GuidanceEmbedding(guidance_features, guidance_scale, input.sample.size(0))
            .to(sample.device());
  }
  const auto outputs = unet_.Forward(input, rows->text, operators_).to(at::kFloat).chunk(copies, 0);

  GuidedOutput result;
  if (!with_negative) {
    result.guided = outputs.front();
    return result;
  }
  result.unconditional = outputs.front();
  result.guided = result.unconditional;
  for (size_t i = 1; i < outputs.size(); ++i) {
    const at::Tensor direction = outputs[i] - result.unconditional;
    result.guided = result.guided + guidance_scale * rows->part_weights[i - 1] * direction;
  }
  return result;
}

}  // namespace patchbay
