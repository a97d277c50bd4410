#ifndef PATCHBAY_ABI_STEP_H_
#define PATCHBAY_ABI_STEP_H_

#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* Where in a job a hook is called. Sigma is the standard deviation of the noise in a latent whose
 * clean part has its own scale ("variance exploding", arXiv:2206.00364): x = x0 + sigma * noise. */

typedef int32_t patchbay_pass_kind;

enum {
  PATCHBAY_PASS_FIRST = 0,
  PATCHBAY_PASS_HIRES = 1 /* draws over the enlarged result of the first */
};

typedef int32_t patchbay_evaluation_kind;

enum {
  /* Not within a run of the network. */
  PATCHBAY_EVALUATION_NONE = 0,
  /* The sampler's own call. */
  PATCHBAY_EVALUATION_MAIN = 1,
  /* A call that a plugin makes beside it. */
  PATCHBAY_EVALUATION_AUXILIARY = 2
};

/* What a row of the network's batch is for. */
typedef int8_t patchbay_row_role;

enum {
  PATCHBAY_ROW_UNCONDITIONAL = 0, /* the negative prompt */
  PATCHBAY_ROW_CONDITIONAL = 1,
  PATCHBAY_ROW_OTHER = 2
};

typedef int32_t patchbay_prediction;

/* What the network's output stands for. */
enum {
  PATCHBAY_PREDICTS_NOISE = 0,    /* epsilon */
  PATCHBAY_PREDICTS_VELOCITY = 1, /* v (arXiv:2202.00512) */
  PATCHBAY_PREDICTS_SAMPLE = 2,
  PATCHBAY_PREDICTS_EDM = 3 /* F of arXiv:2206.00364, equation 7 */
};

enum {
  PATCHBAY_STEP_IMAGE_TO_IMAGE = 1u << 0, /* the pass started from a picture */
  PATCHBAY_STEP_INPAINTING = 1u << 1      /* a mask keeps part of it */
};

/* Immutable while the hook runs. */
typedef struct patchbay_step {
  uint32_t struct_size;
  patchbay_pass_kind pass;
  /* The step that is being made, 0..step_count-1, and how many the pass makes. The same for every
   * run of the network within a step; it moves backwards when a hook asks for that. */
  int32_t index;
  int32_t step_count;
  /* Counts the sampler's own runs of the network within this step: second-order samplers make two.
   */
  int32_t evaluation_index;
  patchbay_evaluation_kind evaluation_kind;
  uint32_t flags;
  /* Noise level of the latent at hand, that after the step (0 at the end), and the first one's. */
  double sigma;
  double sigma_next;
  /* In training steps; may be fractional. */
  double timestep;
  double guidance_scale;
  /* The levels between all steps: step_count + 1 numbers. */
  const double* sigmas;
  /* One for each picture of the batch. */
  const uint64_t* seeds;
  uint32_t picture_count;
  /* Roles of the rows of the network's batch; none outside of it. Row r belongs to picture
   * r % picture_count. */
  uint32_t row_count;
  const patchbay_row_role* rows;
  /* Latent pixels of the picture being drawn, and of the pictures the model was trained on. */
  int64_t latent_height;
  int64_t latent_width;
  int64_t native_latent_height;
  int64_t native_latent_width;
  /* Which plugin's auxiliary run this is; see patchbay_attach_functions.add_overlay. 0: none. */
  uint32_t overlay;
  /* The sampler's name: "dpmpp_2m". */
  const char* sampler;
} patchbay_step;

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_STEP_H_ */
