// A plugin whose actions use the model: one records while the host draws, as a calibration does,
// and one trains side branches of linear layers through it, as an adaptation does.

#include <c10/core/GradMode.h>
#include <patchbay/aten.h>

#include <cmath>
#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Record {
  int64_t steps = 6;
  int64_t pictures = 2;
};

struct Train {
  int64_t steps = 8;
};

struct Ask {
  bool with_prompts = true;
};

// A low-rank product beside a linear layer (arXiv:2106.09685).
struct Branch {
  at::Tensor down;  // [rank, in]
  at::Tensor up;    // [out, rank], zeros at first
};

class Study final : public patchbay::Plugin<patchbay::NoSettings> {
 public:
  static void describe(patchbay::Description<patchbay::NoSettings>& d) {
    d.id("test-study").title("Study").version("1.0.0").licence("CC0-1.0");
    d.summary("Has actions that use the model.");
    auto& record =
        d.action("record", &Study::RunRecord).title("Record").help("Draws and looks on.");
    record.field<1>(&Record::steps, "steps").range(1, 1000);
    record.field<2>(&Record::pictures, "pictures").range(1, 8);
    auto& train = d.action("train", &Study::RunTrain).title("Train").help("Fits side branches.");
    train.field<1>(&Train::steps, "steps").range(1, 1000);
    auto& ask = d.action("ask", &Study::RunAsk).title("Ask").help("Asks the model.");
    ask.field<1>(&Ask::with_prompts, "with_prompts");
  }

  void attach(patchbay::Attach& at) const override {
    // In jobs it does nothing at all.
    if (at.action() == "record") {
      for (const patchbay::Operator& site : at.denoiser().linears()) {
        site.observe([this, name = site.name()](const patchbay::Step& step, const at::Tensor& input,
                                                const at::Tensor&) {
          if (step.is_main()) ++seen_[name];
          largest_ = std::max(largest_, input.abs().max().item<double>());
        });
      }
    } else if (at.action() == "train") {
      for (const patchbay::Operator& site : at.denoiser().linears()) {
        if (site.diffusers_name().find("attn1.to_q") == std::string::npos) continue;
        Branch& branch = branches_.emplace_back();
        branch.down = at::randn({4, site.info().in_channels}) * 0.1;
        branch.up = at::zeros({site.info().out_channels, 4});
        site.transform(
            [&branch](const patchbay::Step&, const at::Tensor& input, const at::Tensor& output) {
              return output + at::linear(at::linear(input, branch.down), branch.up);
            });
      }
    }
  }

 private:
  static patchbay::ActionPrompts Prompts(int64_t pictures) {
    patchbay::ActionPrompts prompts;
    for (int64_t i = 0; i < pictures; ++i) {
      prompts.prompts.push_back("a picture of number " + std::to_string(i));
      prompts.negative_prompts.push_back("fog");
    }
    prompts.seed = 7;
    prompts.latent_height = prompts.latent_width = 8;
    return prompts;
  }

  void RunRecord(patchbay::Action& action, const Record& settings) {
    for (int64_t i = 0; i < settings.pictures; ++i) {
      action.progress(static_cast<double>(i) / static_cast<double>(settings.pictures), "drawing");
      action.set_prompts(Prompts(1));
      patchbay::ActionPass pass;
      pass.step_count = static_cast<int32_t>(settings.steps);
      pass.sampler = "euler";
      const at::Tensor latents = action.draw(pass);
      if (latents.sizes() != at::IntArrayRef({1, 4, 8, 8})) throw patchbay::Error("a wrong shape");
    }
    std::ostringstream text;
    int64_t least = -1;
    for (const auto& [site, count] : seen_) {
      if (least < 0 || count < least) least = count;
    }
    text << seen_.size() << " sites " << least << " times, "
         << (std::isfinite(largest_) && largest_ > 0 ? "some" : "nothing");
    action.result("seen.txt", text.str());
  }

  void RunTrain(patchbay::Action& action, const Train& settings) {
    action.set_prompts(Prompts(2));
    const patchbay::Model model = action.model();
    // The attachment ran where no gradients are: these are other tensors with the same numbers.
    std::vector<at::Tensor> parameters;
    for (Branch& branch : branches_) {
      for (at::Tensor* tensor : {&branch.down, &branch.up}) {
        *tensor = tensor->clone().requires_grad_();
        parameters.push_back(*tensor);
      }
    }
    const at::Tensor clean = model.noise({2, 4, 8, 8}, 1);
    const double sigma = model.sigma_of_timestep(400);
    patchbay::Evaluation question;
    question.latent = clean + sigma * model.noise({2, 4, 8, 8}, 2);
    question.sigma = sigma;
    std::ostringstream losses;
    for (int64_t step = 0; step < settings.steps; ++step) {
      question.with_gradients = true;
      const c10::AutoGradMode gradients(true);
      const at::Tensor loss = (model.denoise(question) - clean).square().mean();
      loss.backward();
      losses << loss.item<double>() << "\n";
      const c10::AutoGradMode no_gradients(false);
      for (at::Tensor& parameter : parameters) {
        const at::Tensor gradient = parameter.grad();
        if (!gradient.defined()) throw patchbay::Error("a parameter has no gradient");
        parameter.sub_(gradient / (gradient.norm() + 1e-12) * 0.05);
        parameter.mutable_grad() = at::Tensor();
      }
      action.progress(static_cast<double>(step + 1) / static_cast<double>(settings.steps),
                      "training");
    }
    action.result("losses.txt", losses.str());
  }

  void RunAsk(patchbay::Action& action, const Ask& settings) {
    const patchbay::Model model = action.model();
    if (settings.with_prompts) action.set_prompts(Prompts(2));
    const at::Tensor noise = model.noise({2, 4, 8, 8});
    patchbay::Evaluation question;
    question.sigma = model.sigma_of_timestep(500);
    question.latent = noise * question.sigma;
    const at::Tensor conditional = model.denoise(question);
    question.role = PATCHBAY_ROW_UNCONDITIONAL;
    const at::Tensor unconditional = model.denoise(question);
    if (at::equal(conditional, unconditional)) throw patchbay::Error("the prompts do not matter");
    question.role = PATCHBAY_ROW_CONDITIONAL;
    if (!at::equal(conditional, model.denoise(question))) throw patchbay::Error("not repeatable");
    const at::Tensor picture = model.decode_latent(conditional);
    std::ostringstream text;
    text << picture.sizes();
    action.result("picture.txt", text.str());
  }

  // The object of an action is its run's alone.
  mutable std::map<std::string, int64_t> seen_;
  mutable double largest_ = 0;
  mutable std::deque<Branch> branches_;
};

}  // namespace

PATCHBAY_PLUGIN(Study)
