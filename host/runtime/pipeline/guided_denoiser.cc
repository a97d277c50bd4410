#include "host/runtime/pipeline/guided_denoiser.h"

#include <algorithm>
#include <utility>

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

// A prompt's hidden states after the chain's conditioning hooks.
at::Tensor EditedText(const ModelHooks* hooks, const Evaluation* evaluation, patchbay_row_role role,
                      at::Tensor hidden_states) {
  if (hooks == nullptr) return hidden_states;
  for (const auto& edit : hooks->sampling.conditioning) {
    at::Tensor edited = edit(*evaluation, role, hidden_states);
    if (edited.defined()) hidden_states = std::move(edited);
  }
  return hidden_states;
}

// Texts of one batch must be of one length. Hooks may append tokens to one and not to another; the
// shorter ones are repeated, which leaves cross-attention as it is when the lengths divide.
void BringToOneLength(std::vector<at::Tensor>& texts) {
  int64_t longest = 0;
  for (const at::Tensor& text : texts) longest = std::max(longest, text.size(1));
  for (at::Tensor& text : texts) {
    const int64_t length = text.size(1);
    if (length < longest && longest % length == 0) text = text.repeat({1, longest / length, 1});
  }
}

bool HasEqualRows(const at::Tensor& rows) {
  return rows.eq(rows.narrow(0, 0, 1)).all().item<bool>();
}

// One below the other, of each the rows of some pictures.
at::Tensor Joined(const std::vector<at::Tensor>& parts, int64_t first, int64_t count) {
  std::vector<at::Tensor> cut;
  for (const at::Tensor& part : parts) cut.push_back(part.narrow(0, first, count));
  return at::cat(cut);
}

}  // namespace

GuidedDenoiser::GuidedDenoiser(const UNet& unet, const Conditioning& conditioning,
                               const Sizes& sizes, at::Tensor extra_channels,
                               const OperatorTable& operators, const ModelHooks* hooks,
                               CancellationCheck is_cancelled)
    : unet_(unet),
      conditioning_(conditioning),
      sizes_(sizes),
      extra_channels_(std::move(extra_channels)),
      operators_(operators),
      hooks_(hooks),
      is_cancelled_(std::move(is_cancelled)) {}

GuidedDenoiser::Key GuidedDenoiser::KeyFor(const Request& request, bool with_positive,
                                           bool with_negative) const {
  return {with_positive ? StageAt(conditioning_.positive, request.call) : 0,
          with_negative ? StageAt(conditioning_.negative, request.call) : 0, with_positive,
          with_negative};
}

const GuidedDenoiser::Texts& GuidedDenoiser::TextsFor(const Key& key, const Request& request) {
  if (request.forgets_text) {
    texts_.erase(key);
    std::erase_if(contexts_, [&](const auto& entry) { return entry.first.first == key; });
  }
  const auto found = texts_.find(key);
  if (found != texts_.end()) return found->second;
  return texts_.emplace(key, MakeTexts(key, request.evaluation)).first->second;
}

GuidedDenoiser::Texts GuidedDenoiser::MakeTexts(const Key& key,
                                                const Evaluation* evaluation) const {
  Texts texts;
  const auto add = [&](const ConditioningPart& part, patchbay_row_role role,
                       const std::vector<double>& numbers) {
    texts.roles.push_back(role);
    texts.hidden.push_back(EditedText(hooks_, evaluation, role, part.hidden));
    if (part.pooled.defined()) texts.pooled.push_back(part.pooled);
    if (!numbers.empty()) {
      texts.sizes.push_back(RepeatedNumbers(numbers, part.hidden.size(0)).to(part.hidden.device()));
    }
  };
  if (key.has_negative) {
    add(conditioning_.negative[key.negative_stage].parts.front(), PATCHBAY_ROW_UNCONDITIONAL,
        sizes_.negative);
  }
  if (key.has_positive) {
    for (const ConditioningPart& part : conditioning_.positive[key.positive_stage].parts) {
      add(part, PATCHBAY_ROW_CONDITIONAL, sizes_.positive);
      texts.part_weights.push_back(
          at::tensor(part.weights, at::kFloat).to(part.hidden.device()).view({-1, 1, 1, 1}));
    }
  }
  BringToOneLength(texts.hidden);
  texts.are_alike = std::all_of(texts.hidden.begin(), texts.hidden.end(), HasEqualRows) &&
                    std::all_of(texts.pooled.begin(), texts.pooled.end(), HasEqualRows);
  return texts;
}

// Kept for what was asked last, and where all pictures are told the same for each number of them: a
// window over a long clip needs memory for its own pictures only.
absl::StatusOr<const TextContext*> GuidedDenoiser::ContextFor(const Key& key, const Texts& texts,
                                                              const Request& request) {
  Pictures pictures{request.first_picture, request.sample.size(0)};
  if (texts.are_alike) pictures.first = 0;
  const auto found = contexts_.find({key, pictures});
  if (found != contexts_.end()) return &found->second;
  if (!texts.are_alike) {
    std::erase_if(contexts_, [&](const auto& entry) { return entry.first.first == key; });
  }
  UNetText text;
  text.hidden_states = Joined(texts.hidden, pictures.first, pictures.count);
  if (!texts.pooled.empty()) text.pooled = Joined(texts.pooled, pictures.first, pictures.count);
  if (!texts.sizes.empty()) text.time_ids = Joined(texts.sizes, pictures.first, pictures.count);
  PATCHBAY_ASSIGN_OR_RETURN(TextContext context,
                            unet_.PrepareText(text, {operators_, request.evaluation}));
  return &contexts_.emplace(std::pair(key, pictures), std::move(context)).first->second;
}

int64_t GuidedDenoiser::PromptLength(int64_t call) const {
  const auto& stages = conditioning_.positive;
  return stages[StageAt(stages, call)].parts.front().hidden.size(1);
}

bool GuidedDenoiser::HasSinglePart(int64_t call) const {
  const auto& parts = conditioning_.positive[StageAt(conditioning_.positive, call)].parts;
  const auto& weights = parts.front().weights;
  return parts.size() == 1 &&
         std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 1.0; });
}

absl::StatusOr<at::Tensor> GuidedDenoiser::RunNetwork(
    const Request& request, const TextContext& text,
    const std::vector<patchbay_row_role>& roles) const {
  UNetInput input;
  input.is_cancelled = is_cancelled_;
  const at::Tensor& sample = request.sample;
  const int64_t pictures = sample.size(0);
  const auto copies = static_cast<int64_t>(roles.size());
  const at::Tensor joined =
      extra_channels_.defined()
          ? at::cat({sample, extra_channels_.narrow(0, request.first_picture, pictures)}, 1)
          : sample;
  input.sample = joined.repeat({copies, 1, 1, 1});
  input.timestep = at::full({1}, request.timestep, sample.options().dtype(at::kFloat));
  if (unet_.guidance_features() > 0) {
    input.guidance_embedding =
        GuidanceEmbedding(unet_.guidance_features(), request.guidance_scale, input.sample.size(0))
            .to(sample.device());
  }
  at::Tensor output;
  if (hooks_ == nullptr) {
    output = unet_.Forward(input, text, operators_);
  } else {
    std::vector<patchbay_row_role> rows;
    for (const patchbay_row_role role : roles) {
      rows.insert(rows.end(), static_cast<size_t>(pictures), role);
    }
    patchbay_step step = OfPictures(request.evaluation->step, request.first_picture, pictures);
    step.rows = rows.data();
    step.row_count = static_cast<uint32_t>(rows.size());
    const Evaluation evaluation{step, request.evaluation->plugins};
    output = unet_.Forward(input, text, {operators_, &evaluation}, hooks_->denoiser);
  }
  if (!output.defined()) return absl::CancelledError("cancelled");
  return output.to(at::kFloat);
}

absl::StatusOr<GuidedOutput> GuidedDenoiser::Run(const Request& request) {
  // A distilled model has guidance built in.
  const bool with_negative = request.wants_unconditional ||
                             (unet_.guidance_features() == 0 &&
                              (request.guidance_scale != 1.0 || !HasSinglePart(request.call)));
  const Key key = KeyFor(request, /*with_positive=*/true, with_negative);
  const Texts& texts = TextsFor(key, request);
  PATCHBAY_ASSIGN_OR_RETURN(const TextContext* context, ContextFor(key, texts, request));
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor joined, RunNetwork(request, *context, texts.roles));
  const auto outputs = joined.chunk(static_cast<int64_t>(texts.roles.size()), 0);

  GuidedOutput result;
  if (!with_negative) {
    result.conditional = outputs.front();
    result.guided = outputs.front();
    return result;
  }
  result.unconditional = outputs.front();
  result.guided = result.unconditional;
  if (request.wants_conditional) result.conditional = result.unconditional;
  for (size_t i = 1; i < outputs.size(); ++i) {
    const at::Tensor direction = outputs[i] - result.unconditional;
    const at::Tensor weight =
        texts.part_weights[i - 1].narrow(0, request.first_picture, request.sample.size(0));
    result.guided = result.guided + request.guidance_scale * weight * direction;
    if (request.wants_conditional) result.conditional = result.conditional + weight * direction;
  }
  if (request.wants_conditional && HasSinglePart(request.call)) result.conditional = outputs[1];
  return result;
}

absl::StatusOr<at::Tensor> GuidedDenoiser::RunNegative(const Request& request) {
  const Key key = KeyFor(request, /*with_positive=*/false, /*with_negative=*/true);
  const Texts& texts = TextsFor(key, request);
  PATCHBAY_ASSIGN_OR_RETURN(const TextContext* context, ContextFor(key, texts, request));
  return RunNetwork(request, *context, texts.roles);
}

absl::StatusOr<at::Tensor> GuidedDenoiser::RunText(const Request& request, const at::Tensor& text) {
  const int64_t batch = request.sample.size(0);
  const ConditioningPart& part =
      conditioning_.positive[StageAt(conditioning_.positive, request.call)].parts.front();
  UNetText prompt;
  prompt.hidden_states = text.expand({batch, -1, -1});
  if (part.pooled.defined()) prompt.pooled = part.pooled.narrow(0, 0, batch);
  if (!sizes_.positive.empty()) {
    prompt.time_ids = RepeatedNumbers(sizes_.positive, batch).to(text.device());
  }
  PATCHBAY_ASSIGN_OR_RETURN(const TextContext context,
                            unet_.PrepareText(prompt, {operators_, request.evaluation}));
  return RunNetwork(request, context, {PATCHBAY_ROW_OTHER});
}

}  // namespace patchbay
