#include "host/validator/refusing_model.h"

#include <cstdio>

namespace patchbay {
namespace {

patchbay_status Refuse(const patchbay_model* model, patchbay_error* error) {
  ++*static_cast<int64_t*>(model->host);
  if (error != nullptr) {
    std::snprintf(error->text, sizeof(error->text), "%s", RefusingModel::kText);
  }
  return PATCHBAY_UNAVAILABLE;
}

constexpr patchbay_model_functions kRefusing = {
    .struct_size = sizeof(patchbay_model_functions),
    .denoise = [](const patchbay_model* model, const patchbay_evaluation*, patchbay_tensor*,
                  patchbay_error* error) { return Refuse(model, error); },
    .noise = [](const patchbay_model* model, const int64_t*, uint32_t, uint64_t, patchbay_tensor*,
                patchbay_error* error) { return Refuse(model, error); },
    .uniform = [](const patchbay_model* model, uint64_t,
                  double*) { return Refuse(model, nullptr); },
    // These cannot fail.
    .sigma_of_timestep = [](const patchbay_model*, double) { return 1.0; },
    .timestep_of_sigma = [](const patchbay_model*, double) { return 500.0; },
    .encode_picture = [](const patchbay_model* model, patchbay_tensor, patchbay_tensor*,
                         patchbay_error* error) { return Refuse(model, error); },
    .decode_latent = [](const patchbay_model* model, patchbay_tensor, patchbay_tensor*,
                        patchbay_error* error) { return Refuse(model, error); },
    .set_inpainting = [](const patchbay_model* model, patchbay_tensor, patchbay_tensor,
                         patchbay_error* error) { return Refuse(model, error); },
    .announce_steps = [](const patchbay_model* model, int64_t,
                         patchbay_error* error) { return Refuse(model, error); },
    .encode_text = [](const patchbay_model* model, const char*, patchbay_row_role, patchbay_tensor*,
                      patchbay_error* error) { return Refuse(model, error); },
    .phrase_positions = [](const patchbay_model* model, const char*, patchbay_tensor*,
                           patchbay_error* error) { return Refuse(model, error); },
    .prompt = [](const patchbay_model*, uint32_t, patchbay_row_role) -> const char* {
      return nullptr;
    },
    .warn = [](const patchbay_model* model, const char*,
               patchbay_error* error) { return Refuse(model, error); },
};

}  // namespace

RefusingModel::RefusingModel(const Evaluation& evaluation)
    : step_(evaluation.step), plugins_(evaluation.plugins.begin(), evaluation.plugins.end()) {
  for (PluginInPass& plugin : plugins_) {
    plugin.model.functions = &kRefusing;
    plugin.model.host = &refused_;
  }
}

}  // namespace patchbay
