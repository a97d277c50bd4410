#include "plugins/moma/src/injection.h"

#include <ATen/CPUGeneratorImpl.h>

#include <utility>

namespace moma {
namespace {

// Of the reference's noise: the same for every picture, whatever the job's seeds are.
constexpr uint64_t kNoiseSeed = 0x6d6f6d61;
// Context rows that the authors' code loses in the reference pass.
constexpr int64_t kLostRows = 4;

std::vector<patchbay_row_role> RolesOf(const patchbay::Step& step,
                                       const patchbay::AttentionCall& call) {
  if (static_cast<int64_t>(step.row_count) != call.query.size(0) ||
      call.grid.height * call.grid.width != call.query.size(1)) {
    throw patchbay::Error(
        "MoMA cannot follow an attention whose rows another plugin has rearranged; use one of the "
        "two",
        PATCHBAY_FAILED_PRECONDITION);
  }
  return {step.rows, step.rows + step.row_count};
}

// A part of the pictures would be taken for the first ones.
void CheckSeesAll(const patchbay::Step& step, const Pass& pass) {
  if (step.picture_count == pass.pictures) return;
  throw patchbay::Error("MoMA has to see all " + std::to_string(pass.pictures) +
                            " pictures of the job at once, and another plugin draws " +
                            std::to_string(step.picture_count) +
                            " of them at a time; draw no more together than that one does",
                        PATCHBAY_FAILED_PRECONDITION);
}

// Runs of the network for texts that are not the job's have no subject.
bool IsForThePrompt(const std::vector<patchbay_row_role>& roles) {
  for (const patchbay_row_role role : roles) {
    if (role == PATCHBAY_ROW_OTHER) return false;
  }
  return true;
}

}  // namespace

Injection::Injection(const Prepared& prepared, Options options)
    : prepared_(&prepared), options_(std::move(options)) {
  if (options_.subject.empty()) options_.subject = prepared.tokens_subject;
}

Pass Injection::Begin(const patchbay::Step& step) const {
  const patchbay::Model model = step.model();
  if (prepared_->content.empty()) {
    model.warn(
        "there are neither tokens nor an image encoder in the adapter, so only the identity branch "
        "works: the subject's looks are taken over, and not what a language model has seen in it");
  }
  if (prepared_->is_everywhere) {
    model.warn(options_.has_mask_of_its_own
                   ? "the mask is white all over, so that the background counts as the subject"
               : options_.compat
                   ? "there is no mask, so that the background counts as the subject"
                   : "there is no mask, the picture is opaque, and nothing stands out from its "
                     "border, so that its background counts as the subject");
  }
  if (prepared_->was_found) {
    model.warn(
        "there is no mask, so the subject is what stands out from the picture's border; the action "
        "mask shows it");
  }
  if (options_.subject.empty()) {
    model.warn(
        "no subject was named, so the whole of the drawn picture is acted on; name the thing, as "
        "in subject=dog");
  }
  const std::string& made_for = prepared_->tokens_prompt;
  if (!made_for.empty() && model.prompt().find(made_for) == std::string::npos) {
    model.warn("the tokens were made for another prompt, \"" + made_for.substr(0, 200) + "\"");
  }
  return {prepared_->self.size(), step.picture_count};
}

bool Injection::SelfActsAt(int32_t index, double timestep) const {
  return timestep < options_.self_until && (index > 0 || options_.compat);
}

void Injection::BeforeStep(const patchbay::Step& step) const {
  Pass& pass = step.state<Pass>();
  if (!pass.map.is_empty()) {
    const at::Tensor rows = pass.map.Take(options_.mask_threshold, options_.compat);
    const int64_t pictures = step.picture_count;
    at::Tensor mask = rows.narrow(0, rows.size(0) - pictures, pictures).clone();
    // A prompt without the subject has no place for it: it is acted on everywhere.
    const at::Tensor found = pass.positions.any(1).view({-1, pictures}).any(0);
    for (int64_t i = 0; i < pictures; ++i) {
      if (!found[i].item<bool>()) mask[i].fill_(1);
    }
    pass.SetMask(mask);
  } else {
    pass.SetMask({});
  }
  if (!acts_on_self() || pass.is_recorded) return;
  // Methods of second order also look at the level that the step ends with.
  const bool acts = SelfActsAt(step.index, step.timestep) ||
                    (step.sigma_next > 0 &&
                     SelfActsAt(step.index, step.model().timestep_of_sigma(step.sigma_next)));
  if (acts) RecordReference(step);
}

void Injection::RecordReference(const patchbay::Step& step) const {
  const patchbay::Model model = step.model();
  const at::Tensor latent = model.encode_picture(prepared_->reference).to(at::kFloat);
  at::Generator generator = at::detail::createCPUGenerator(kNoiseSeed);
  const double sigma = model.sigma_of_timestep(0);
  patchbay::Evaluation run;
  run.latent = latent + sigma * at::randn(latent.sizes(), generator).to(latent.device());
  run.sigma = sigma;
  run.role = PATCHBAY_ROW_OTHER;
  run.text = model.encode_text(options_.subject);
  if (options_.compat) run.text = run.text.narrow(1, 0, run.text.size(1) - kLostRows);
  run.overlay = options_.overlay;
  model.denoise(run);
  step.state<Pass>().is_recorded = true;
}

void Injection::Record(const patchbay::Step& step, const patchbay::AttentionCall& call,
                       size_t block) const {
  RolesOf(step, call);
  const at::Tensor mask = AtQueries(prepared_->reference_mask.unsqueeze(0).to(at::kFloat),
                                    call.grid.height, call.grid.width)
                              .flatten() > 0;
  step.state<Pass>().references[block] =
      Recorded(prepared_->self[block], call.key, call.value, mask, /*uniform=*/options_.compat);
}

at::Tensor Injection::SelfTerm(const patchbay::Step& step, const patchbay::AttentionCall& call,
                               size_t block) const {
  if (!SelfActsAt(step.index, step.timestep)) return {};
  Pass& pass = step.state<Pass>();
  const image_prompt::KeysAndValues& reference = pass.references[block];
  if (!reference.keys.defined()) return {};
  const std::vector<patchbay_row_role> roles = RolesOf(step, call);
  if (!IsForThePrompt(roles)) return {};
  CheckSeesAll(step, pass);
  const double factor = options_.strength * prepared_->self[block].scale * options_.factors[block];
  const at::Tensor term = image_prompt::Attended(reference, call.query, call.heads, roles) * factor;
  const at::Tensor gate =
      pass.GateAt(call.grid.height, call.grid.width, step.row_count, call.query.options());
  return gate.defined() ? term * gate : term;
}

at::Tensor Injection::CrossTerm(const patchbay::Step& step, const patchbay::AttentionCall& call,
                                size_t block) const {
  const std::vector<patchbay_row_role> roles = RolesOf(step, call);
  if (!IsForThePrompt(roles)) return {};
  Pass& pass = step.state<Pass>();
  CheckSeesAll(step, pass);
  if (seeks_subject() && step.is_main() && step.evaluation_index == 0) {
    SeekSubject(step, call, pass);
  }
  if (!acts_on_cross()) return {};
  image_prompt::KeysAndValues& tokens = pass.tokens[block];
  if (!tokens.keys.defined()) {
    const image_prompt::KeysAndValues& made = prepared_->content[block];
    tokens = {made.keys.to(call.query.options()), made.values.to(call.query.options())};
  }
  const double factor = options_.content * options_.factors[block];
  const at::Tensor term = image_prompt::Attended(tokens, call.query, call.heads, roles) * factor;
  const at::Tensor gate =
      pass.GateAt(call.grid.height, call.grid.width, step.row_count, call.query.options());
  return gate.defined() ? term * gate : term;
}

void Injection::SeekSubject(const patchbay::Step& step, const patchbay::AttentionCall& call,
                            Pass& pass) const {
  if (pass.positions_step != step.index) {
    pass.positions = step.model().phrase_positions(options_.subject) > 0;
    pass.positions_step = step.index;
    if (!pass.positions.any().item<bool>()) {
      step.model().warn("the prompt does not have the subject, \"" + options_.subject +
                        "\", so the whole of the drawn picture is acted on; name it in the prompt");
    }
  }
  if (!pass.positions.any().item<bool>()) return;
  const int64_t pictures = step.picture_count;
  const at::Tensor nowhere =
      at::zeros({call.query.size(1)}, call.query.options().dtype(at::kFloat));
  std::vector<at::Tensor> maps(static_cast<size_t>(pictures), nowhere);
  std::vector<at::Tensor> others(maps);  // of unconditional rows
  int64_t conditional = 0;
  const auto attention = [&](int64_t row, int64_t positions) {
    const at::Tensor tokens = pass.positions[positions].nonzero().squeeze(1);
    return tokens.size(0) == 0 ? nowhere
                               : AttentionTo(call.query[row], call.key[row], call.heads, tokens);
  };
  for (int64_t row = 0; row < static_cast<int64_t>(step.row_count); ++row) {
    const auto picture = static_cast<size_t>(row % pictures);
    if (step.rows[row] == PATCHBAY_ROW_CONDITIONAL) {
      maps[picture] = maps[picture] + attention(row, conditional++);
    } else if (options_.compat) {
      others[picture] = attention(row, row % pictures);
    }
  }
  if (options_.compat && conditional < static_cast<int64_t>(step.row_count)) {
    maps.insert(maps.begin(), others.begin(), others.end());
  }
  pass.map.Add(at::stack(maps), call.grid.height, call.grid.width, step.latent_height,
               step.latent_width);
}

}  // namespace moma
