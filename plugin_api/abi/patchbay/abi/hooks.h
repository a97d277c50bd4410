#ifndef PATCHBAY_ABI_HOOKS_H_
#define PATCHBAY_ABI_HOOKS_H_

#include <stdint.h>

#include "patchbay/abi/model.h"
#include "patchbay/abi/status.h"
#include "patchbay/abi/step.h"
#include "patchbay/abi/tensor.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* The extension points. Each has an id, PATCHBAY_HOOK_..., which ends in a revision, and a function
 * type of the same name. `data` is what the plugin registered beside the function. All hooks are
 * [job] and return a status; what they leave in an out parameter of type patchbay_tensor becomes
 * the host's. A transforming hook that leaves NULL changes nothing.
 *
 * Feature maps are [B, C, H, W], tokens [B, T, C]. B counts the rows of the network's batch, see
 * patchbay_step.rows. Their type is the model's precision. Latents and predictions are fp32. */

/* How a convolution moves over its input, the same in both directions. */
typedef struct patchbay_convolution_geometry {
  uint32_t struct_size;
  int64_t stride;
  int64_t padding;
  int64_t dilation;
} patchbay_convolution_geometry;

/* What every hook is told. */
typedef struct patchbay_call {
  uint32_t struct_size;
  const patchbay_step* step;
  /* What this plugin's begin_pass hook left, else NULL. */
  void* pass_state;
  const patchbay_model* model;
  /* The site that the hook hangs on, as it was described at attach; NULL for the others. */
  const patchbay_site* site;
  patchbay_error* error;
  /* Operator hooks on convolutions: that of this call, which a geometry hook may have made another
   * than the site's. NULL for the others. */
  const patchbay_convolution_geometry* geometry;
} patchbay_call;

/* ---- One pass ---- */

/* Called when a pass begins, before its first latent is made. `state` is handed to every hook of
 * this plugin within the pass. */
#define PATCHBAY_HOOK_BEGIN_PASS "patchbay.hook.begin_pass/1"
typedef patchbay_status (*patchbay_begin_pass)(void* data, const patchbay_call* call, void** state);

/* Called once for each begin_pass that succeeded: also after an error or a cancellation. */
#define PATCHBAY_HOOK_END_PASS "patchbay.hook.end_pass/1"
typedef void (*patchbay_end_pass)(void* data, void* state);

/* The noisy latent that the sampler starts from, [B, C, h, w]. */
#define PATCHBAY_HOOK_FIRST_LATENT "patchbay.hook.first_latent/1"
/* The latent before each step. */
#define PATCHBAY_HOOK_BEFORE_STEP "patchbay.hook.before_step/1"
/* The sampler's result, before it is decoded or enlarged. */
#define PATCHBAY_HOOK_LAST_LATENT "patchbay.hook.last_latent/1"
/* A job's pictures, [B, 3, H, W] in -1..1, once decoded. May come back with another H and W. */
#define PATCHBAY_HOOK_PICTURE "patchbay.hook.picture/1"
typedef patchbay_status (*patchbay_latent_edit)(void* data, const patchbay_call* call,
                                                patchbay_tensor latent, patchbay_tensor* edited);

/* ---- One step ---- */

/* The guidance scale of this evaluation. */
#define PATCHBAY_HOOK_GUIDANCE_SCALE "patchbay.hook.guidance_scale/1"
typedef patchbay_status (*patchbay_guidance_scale)(void* data, const patchbay_call* call,
                                                   double* scale);

/* What the network has said of one latent, in the form of clean latents ("denoised"), [B, C, h, w]
 * each, B the number of pictures. */
typedef struct patchbay_prediction_set {
  uint32_t struct_size;
  /* What the network was asked about, at noise level step.sigma. In after_step, what it was asked
   * about last, at noise level `sigma`. */
  patchbay_tensor latent;
  double sigma;
  patchbay_tensor conditional;
  /* NULL where it was not computed: guidance scale 1, and no plugin requires it. */
  patchbay_tensor unconditional;
  /* After classifier-free guidance (arXiv:2207.12598) and the guidance hooks before this one. */
  patchbay_tensor guided;
  double guidance_scale;
} patchbay_prediction_set;

/* Edits `guided`. Hooks are called in the chain's order, each seeing the one's before it. */
#define PATCHBAY_HOOK_GUIDANCE "patchbay.hook.guidance/1"
typedef patchbay_status (*patchbay_guidance)(void* data, const patchbay_call* call,
                                             const patchbay_prediction_set* predictions,
                                             patchbay_tensor* guided);

/* Where the sampler goes after a step. */
typedef struct patchbay_next_step {
  uint32_t struct_size;
  /* Holds index + 1 at the call. Another number in 0..step_count makes the sampler go on there,
   * with the latent at that step's noise level; methods with a history begin anew. */
  int32_t index;
} patchbay_next_step;

/* Edits the latent that a step led to, at noise level step.sigma_next. */
#define PATCHBAY_HOOK_AFTER_STEP "patchbay.hook.after_step/1"
typedef patchbay_status (*patchbay_after_step)(void* data, const patchbay_call* call,
                                               patchbay_tensor latent,
                                               const patchbay_prediction_set* last,
                                               patchbay_tensor* edited, patchbay_next_step* next);

/* One evaluation of the denoiser: latent and noise level in, predictions out. */
typedef struct patchbay_denoised {
  uint32_t struct_size;
  patchbay_tensor conditional;
  patchbay_tensor unconditional; /* NULL where it is not needed */
} patchbay_denoised;

/* What the wrapped evaluation would do. May be called any number of times within the hook, with
 * latents of any size. The tensors of `denoised` are the caller's to release. */
typedef struct patchbay_inner_denoise {
  uint32_t struct_size;
  patchbay_status (*call)(void* host, patchbay_tensor latent, patchbay_denoised* denoised,
                          patchbay_error* error);
  void* host;
  /* Draft. The same for some of the pictures alone: `latent`, [count, C, h, w], stands for those
   * from `first` on among the ones that the hook was given. Whatever is called within sees a step
   * of these pictures only. OUT_OF_RANGE: there are not so many. */
  patchbay_status (*call_pictures)(void* host, patchbay_tensor latent, int64_t first,
                                   patchbay_denoised* denoised, patchbay_error* error);
} patchbay_inner_denoise;

/* Stands around each evaluation of the sampler: windows of a large latent, or of the pictures of a
 * clip; caches. */
#define PATCHBAY_HOOK_DENOISE "patchbay.hook.denoise/1"
typedef patchbay_status (*patchbay_denoise)(void* data, const patchbay_call* call,
                                            patchbay_tensor latent,
                                            const patchbay_inner_denoise* inner,
                                            patchbay_denoised* denoised);

/* ---- Sites of kind attention ---- */

typedef struct patchbay_grid {
  uint32_t struct_size;
  /* Tokens are its positions row by row: T = height * width. */
  int64_t height;
  int64_t width;
} patchbay_grid;

/* The tokens before the projections, after the layer norm. The result may have another batch and
 * another number of tokens, which then holds until the after hook. For self-attention only. */
#define PATCHBAY_HOOK_ATTENTION_BEFORE "patchbay.hook.attention.before/1"
/* The tokens after the output projection, before they are added to the residual. Where several
 * plugins hang on one site, these are called in the reverse order of the before hooks. */
#define PATCHBAY_HOOK_ATTENTION_AFTER "patchbay.hook.attention.after/1"
typedef patchbay_status (*patchbay_token_edit)(void* data, const patchbay_call* call,
                                               const patchbay_grid* grid, patchbay_tensor tokens,
                                               patchbay_tensor* edited);

typedef struct patchbay_attention {
  uint32_t struct_size;
  patchbay_grid grid; /* of the queries */
  int64_t heads;
  /* [B, T, heads * width], [B, S, heads * width] twice. */
  patchbay_tensor query;
  patchbay_tensor key;
  patchbay_tensor value;
  /* What the query was projected from, [B, T, C]. */
  patchbay_tensor tokens;
  /* The attention's result, before the output projection, [B, T, heads * width]; NULL for replace.
   */
  patchbay_tensor attended;
} patchbay_attention;

/* Computes what would be `attended`. One plugin a site. */
#define PATCHBAY_HOOK_ATTENTION_REPLACE "patchbay.hook.attention.replace/1"
/* Gives a term that is added to `attended`: other keys and values with a softmax of their own. */
#define PATCHBAY_HOOK_ATTENTION_EXTEND "patchbay.hook.attention.extend/1"
/* Looks on. What it leaves in `result` is an error. */
#define PATCHBAY_HOOK_ATTENTION_OBSERVE "patchbay.hook.attention.observe/1"
typedef patchbay_status (*patchbay_attend)(void* data, const patchbay_call* call,
                                           const patchbay_attention* attention,
                                           patchbay_tensor* result);

/* ---- Sites of kind encoder stage, decoder stage, resnet, transformer, block ---- */

/* The feature map that a stage's layers have made, before it is put aside for the decoder. */
#define PATCHBAY_HOOK_ENCODER_BEFORE_SKIP "patchbay.hook.encoder.before_skip/1"
/* The same map on its way to the next stage, after it was put aside. */
#define PATCHBAY_HOOK_ENCODER_AFTER_SKIP "patchbay.hook.encoder.after_skip/1"
/* The input of a resnet, transformer, block or stage. */
#define PATCHBAY_HOOK_MODULE_BEFORE "patchbay.hook.module.before/1"
/* Its output. */
#define PATCHBAY_HOOK_MODULE_AFTER "patchbay.hook.module.after/1"
typedef patchbay_status (*patchbay_feature_edit)(void* data, const patchbay_call* call,
                                                 patchbay_tensor features, patchbay_tensor* edited);

/* What a decoder stage joins: the map from below and the skip connection. Where their sizes still
 * differ after all hooks, the host enlarges `below` to the skip's size (nearest). */
#define PATCHBAY_HOOK_DECODER_JOIN "patchbay.hook.decoder.join/1"
typedef patchbay_status (*patchbay_join)(void* data, const patchbay_call* call,
                                         patchbay_tensor below, patchbay_tensor skip,
                                         patchbay_tensor* edited_below,
                                         patchbay_tensor* edited_skip);

/* ---- Sites of kind downsample, upsample ---- */

/* The geometry of a downsampler's convolution, in and out. */
#define PATCHBAY_HOOK_CONVOLUTION_GEOMETRY "patchbay.hook.convolution.geometry/1"
typedef patchbay_status (*patchbay_geometry_edit)(void* data, const patchbay_call* call,
                                                  patchbay_convolution_geometry* geometry);

typedef int32_t patchbay_resize_mode;

enum { PATCHBAY_RESIZE_NEAREST = 0, PATCHBAY_RESIZE_BILINEAR = 1, PATCHBAY_RESIZE_BICUBIC = 2 };

typedef struct patchbay_upsample_target {
  uint32_t struct_size;
  /* Holds the size of the next skip connection at the call. */
  int64_t height;
  int64_t width;
  patchbay_resize_mode mode; /* holds NEAREST at the call */
} patchbay_upsample_target;

/* What an upsampler enlarges to before its convolution. */
#define PATCHBAY_HOOK_UPSAMPLE_TARGET "patchbay.hook.upsample.target/1"
typedef patchbay_status (*patchbay_upsample_edit)(void* data, const patchbay_call* call,
                                                  const int64_t input_size[2],
                                                  patchbay_upsample_target* target);

/* ---- Sites of kind linear, convolution ---- */

/* Computes the operator's output from its input: [..., out_channels] for linear layers,
 * [B, out_channels, H, W] for convolutions, of the input's type. One plugin a site. */
#define PATCHBAY_HOOK_OPERATOR_REPLACE "patchbay.hook.operator.replace/1"
/* Edits the output; `output` is the operator's own. */
#define PATCHBAY_HOOK_OPERATOR_TRANSFORM "patchbay.hook.operator.transform/1"
/* Looks on. What it leaves in `edited` is an error. */
#define PATCHBAY_HOOK_OPERATOR_OBSERVE "patchbay.hook.operator.observe/1"
typedef patchbay_status (*patchbay_operator)(void* data, const patchbay_call* call,
                                             patchbay_tensor input, patchbay_tensor output,
                                             patchbay_tensor* edited);

/* ---- Draft: designed with the techniques that need them, and not yet held stable ---- */

/* The prompt's hidden states, [B, T, text_features], B the number of pictures, before keys and
 * values are computed from them; once a pass for each role and stage of the prompt. Tokens may be
 * appended. */
#define PATCHBAY_HOOK_CONDITIONING "patchbay.hook.conditioning/1"
typedef patchbay_status (*patchbay_conditioning_edit)(void* data, const patchbay_call* call,
                                                      patchbay_row_role role,
                                                      patchbay_tensor hidden_states,
                                                      patchbay_tensor* edited);

/* The levels of a pass, step_count + 1 numbers that fall. */
#define PATCHBAY_HOOK_SCHEDULE "patchbay.hook.schedule/1"
typedef patchbay_status (*patchbay_schedule_edit)(void* data, const patchbay_call* call,
                                                  double* sigmas, uint32_t count);

/* What is added to the skip connections and to the middle block's output (ControlNet): residual
 * `index` of the encoder's stages, then one for the middle. NULL adds nothing; another size is
 * resized. */
#define PATCHBAY_HOOK_RESIDUAL "patchbay.hook.residual/1"
typedef patchbay_status (*patchbay_residual)(void* data, const patchbay_call* call, uint32_t index,
                                             patchbay_tensor features, patchbay_tensor* residual);

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_HOOKS_H_ */
