#ifndef PATCHBAY_ABI_MODEL_H_
#define PATCHBAY_ABI_MODEL_H_

#include <stdint.h>

#include "patchbay/abi/status.h"
#include "patchbay/abi/step.h"
#include "patchbay/abi/tensor.h"

#if defined(__cplusplus)
extern "C" {
#endif

typedef int32_t patchbay_model_family;

/* Told from the shapes of the weights and the model's own configuration, never from a file's name.
 */
enum {
  PATCHBAY_MODEL_OTHER = 0,
  PATCHBAY_MODEL_SD1 = 1,
  PATCHBAY_MODEL_SD2 = 2,
  PATCHBAY_MODEL_SDXL = 3,
  PATCHBAY_MODEL_SDXL_REFINER = 4
};

enum {
  /* Distilled to be drawn without guidance in few steps (Turbo, LCM). */
  PATCHBAY_MODEL_FEW_STEPS = 1u << 0,
  /* Takes a mask and a masked picture beside the latent (9 channels). */
  PATCHBAY_MODEL_INPAINTING = 1u << 1
};

typedef struct patchbay_model_info {
  uint32_t struct_size;
  patchbay_model_family family;
  uint32_t flags;
  patchbay_prediction prediction;
  /* Channels of a latent, latent pixels of the pictures the model was trained on, and pixels of a
   * picture for each latent pixel. */
  int64_t latent_channels;
  int64_t native_latent_height;
  int64_t native_latent_width;
  int64_t pixels_per_latent_pixel;
  /* Training steps of its noise schedule. */
  int64_t training_steps;
  /* The width of its text's hidden states. */
  int64_t text_features;
  /* Tells this model from every other: a hash of its configuration and weights' headers. */
  const char* fingerprint;
  /* What messages call it: the name of its file or folder. */
  const char* name;
  /* Draft. The plan, in the words of the plugin "quantizer", by which layers compute whose weights
   * the model's file stores as integers; NULL where it stores none. */
  const char* integer_plan;
} patchbay_model_info;

typedef int32_t patchbay_site_kind;

enum {
  PATCHBAY_SITE_LINEAR = 0,
  PATCHBAY_SITE_CONVOLUTION = 1,
  PATCHBAY_SITE_ATTENTION = 2,
  PATCHBAY_SITE_TRANSFORMER = 3,
  PATCHBAY_SITE_RESNET = 4,
  PATCHBAY_SITE_DOWNSAMPLE = 5,
  PATCHBAY_SITE_UPSAMPLE = 6,
  PATCHBAY_SITE_BLOCK = 7,
  /* One entry of the encoder: what puts one skip connection aside. */
  PATCHBAY_SITE_ENCODER_STAGE = 8,
  /* One entry of the decoder: what takes one skip connection back. */
  PATCHBAY_SITE_DECODER_STAGE = 9
};

enum { PATCHBAY_SITE_SELF_ATTENTION = 1u << 0, PATCHBAY_SITE_CROSS_ATTENTION = 1u << 1 };
/* Draft. A linear layer that gives cross-attention its keys or values: computed from the prompt
 * alone, once for all steps. */
enum { PATCHBAY_SITE_FROM_TEXT = 1u << 2 };

typedef int32_t patchbay_part;

enum {
  PATCHBAY_PART_NONE = 0,
  PATCHBAY_PART_DOWN = 1,
  PATCHBAY_PART_MIDDLE = 2,
  PATCHBAY_PART_UP = 3
};

/* A named place in the denoiser. */
typedef struct patchbay_site {
  uint32_t struct_size;
  /* Valid for this attach only. */
  uint32_t index;
  patchbay_site_kind kind;
  uint32_t flags;
  /* "unet.down.1.attn.0.self" */
  const char* name;
  /* "down_blocks.1.attentions.0.transformer_blocks.0.attn1" */
  const char* diffusers_name;
  /* "input_blocks.4.1.transformer_blocks.0.attn1", or "" */
  const char* ldm_name;
  patchbay_part part;
  /* The number of its down or up block, else -1. */
  int32_t block;
  /* The latent's pixels for each pixel of the feature map here, in one direction: 1, 2, 4, 8. */
  int32_t scale;
  int64_t in_channels;
  int64_t out_channels;
  /* Attention: number of heads, else 0. */
  int64_t heads;
  /* Linear layers and convolutions behind a decoder stage's concatenation: how many of the input's
   * channels came from below; the rest came over the skip connection. Else 0. */
  int64_t skip_split;
  /* Convolutions: their own, else 0. */
  int64_t kernel;
  int64_t stride;
  int64_t padding;
} patchbay_site;

enum {
  /* Draft; in actions only. What the result owes to tensors of the plugin's hooks that require
   * gradients can be differentiated through: it carries LibTorch's graph (exact tier). */
  PATCHBAY_EVALUATE_WITH_GRADIENTS = 1u << 0
};

/* What the network is asked for by patchbay_model_functions.denoise. */
typedef struct patchbay_evaluation {
  uint32_t struct_size;
  /* [B, C, h, w] at noise level `sigma`; B is the job's number of pictures, or 1 with role _OTHER,
   * and h and w are any that the network takes. */
  patchbay_tensor latent;
  double sigma;
  /* PATCHBAY_ROW_CONDITIONAL or _UNCONDITIONAL: the job's prompt or its negative. _OTHER: `text`.
   */
  patchbay_row_role role;
  /* [1 or B, T, text_features], or NULL. */
  patchbay_tensor text;
  /* The plugin's overlay that is active for this run, or 0. Hooks without an overlay are active
   * too. */
  uint32_t overlay;
  uint32_t flags; /* PATCHBAY_EVALUATE_... */
} patchbay_evaluation;

typedef struct patchbay_model patchbay_model;

/* What a hook may ask of the model. [job], and only from within a hook that is given a model; an
 * action's own model is asked on the action's thread. */
typedef struct patchbay_model_functions {
  uint32_t struct_size;
  /* Runs the network beside the sampler. `denoised` is its idea of the clean latent, [B, C, h, w],
   * fp32. Changes no state of the sampler. The hooks of the chain are called with
   * PATCHBAY_EVALUATION_AUXILIARY; the caller's own step-level hooks are not. */
  patchbay_status (*denoise)(const patchbay_model* model, const patchbay_evaluation* evaluation,
                             patchbay_tensor* denoised, patchbay_error* error);
  /* Standard normal noise that depends on nothing but the job's seeds, the step, the plugin's id
   * and `draw`: the same picture gets the same noise in every batch and after every swap. `shape`
   * begins with the number of pictures. */
  patchbay_status (*noise)(const patchbay_model* model, const int64_t* shape, uint32_t dimensions,
                           uint64_t draw, patchbay_tensor* noise, patchbay_error* error);
  /* A number in [0, 1) of the same kind, from the first picture's seed. */
  patchbay_status (*uniform)(const patchbay_model* model, uint64_t draw, double* number);
  /* Between training steps (may be fractional) and noise levels. */
  double (*sigma_of_timestep)(const patchbay_model* model, double timestep);
  double (*timestep_of_sigma)(const patchbay_model* model, double sigma);
  /* picture: [B, 3, H, W] in -1..1. latent: [B, C, h, w], scaled as the denoiser takes it. */
  patchbay_status (*encode_picture)(const patchbay_model* model, patchbay_tensor picture,
                                    patchbay_tensor* latent, patchbay_error* error);
  patchbay_status (*decode_latent)(const patchbay_model* model, patchbay_tensor latent,
                                   patchbay_tensor* picture, patchbay_error* error);
  /* What a network that takes a mask (PATCHBAY_MODEL_INPAINTING) is told from its next run in this
   * pass on, in place of what the request says. mask: [1 or B, 1, h, w], 1 where it is to paint.
   * masked_latent: [1 or B, C, h, w], what encode_picture gives for the picture with 0 where it is
   * to be painted. FAILED_PRECONDITION: the network takes no mask, or another plugin has told it in
   * this pass. */
  patchbay_status (*set_inpainting)(const patchbay_model* model, patchbay_tensor mask,
                                    patchbay_tensor masked_latent, patchbay_error* error);
  /* How many steps the pass will make in all, for plugins that make the sampler go back: progress
   * is then told in steps made, out of that many. INVALID_ARGUMENT: fewer than step_count. */
  patchbay_status (*announce_steps)(const patchbay_model* model, int64_t steps,
                                    patchbay_error* error);
  /* Draft. The hidden states of a text, [1, T, text_features], read and encoded as the job's prompt
   * is (role _CONDITIONAL) or its negative (_UNCONDITIONAL): the same tokenizer, profile, clip
   * skip, textual inversions and LoRAs. Of a text with prompt editing, what holds now. T may be
   * another than the job's. INVALID_ARGUMENT: a text of several operands (AND), or one too long. */
  patchbay_status (*encode_text)(const patchbay_model* model, const char* text,
                                 patchbay_row_role role, patchbay_tensor* hidden_states,
                                 patchbay_error* error);
  /* Draft. Where the job's prompts have a phrase: [R, T], 1 at the tokens of each occurrence, else
   * 0. R counts the network's conditional rows in their order (pictures, for each operand of AND),
   * T is the length of their hidden states without what hooks have appended. A phrase is a word or
   * several, in any case; its tokens have to follow each other. */
  patchbay_status (*phrase_positions)(const patchbay_model* model, const char* phrase,
                                      patchbay_tensor* positions, patchbay_error* error);
  /* Draft. The job's prompt for a picture, or its negative prompt, as it was written; NULL where
   * there is none. Lives until the pass ends. */
  const char* (*prompt)(const patchbay_model* model, uint32_t picture, patchbay_row_role role);
  /* Draft. Adds a sentence to the warnings of the job's report, once however often it is said. In
   * actions nobody reads them. */
  patchbay_status (*warn)(const patchbay_model* model, const char* text, patchbay_error* error);
} patchbay_model_functions;

struct patchbay_model {
  uint32_t struct_size;
  const patchbay_model_info* info;
  const patchbay_model_functions* functions;
  void* host; /* the host's own */
};

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_MODEL_H_ */
