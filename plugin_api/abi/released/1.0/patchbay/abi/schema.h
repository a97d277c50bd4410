#ifndef PATCHBAY_ABI_SCHEMA_H_
#define PATCHBAY_ABI_SCHEMA_H_

#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* What a plugin can be asked to do differently. One description serves the command line, the gRPC
 * API, ComfyUI's nodes, AUTOMATIC1111's script arguments and the plugin's README. */

typedef int32_t patchbay_field_type;

enum {
  PATCHBAY_FIELD_BOOL = 1,
  PATCHBAY_FIELD_INT = 2,    /* 64 bits */
  PATCHBAY_FIELD_DOUBLE = 3, /* finite */
  PATCHBAY_FIELD_STRING = 4,
  PATCHBAY_FIELD_CHOICE = 5,      /* one of `choices`, by its id */
  PATCHBAY_FIELD_INT_LIST = 6,    /* on the command line separated by "/" */
  PATCHBAY_FIELD_DOUBLE_LIST = 7, /* likewise */
  PATCHBAY_FIELD_PICTURE =
      8,                  /* a picture that the user gives; RGBA, 8 bits, [1, 4, H, W] in 0..1 */
  PATCHBAY_FIELD_FILE = 9 /* a file that the user gives, or one of the host's folder */
};

typedef int32_t patchbay_unit;

enum {
  PATCHBAY_UNIT_NONE = 0,
  PATCHBAY_UNIT_PIXEL = 1,
  PATCHBAY_UNIT_LATENT_PIXEL = 2,
  PATCHBAY_UNIT_STEP = 3,
  PATCHBAY_UNIT_FRACTION_OF_STEPS = 4, /* 0 at the first step, 1 after the last */
  PATCHBAY_UNIT_TIMESTEP = 5,          /* training steps, 0..999 */
  PATCHBAY_UNIT_SIGMA = 6,
  PATCHBAY_UNIT_RATIO = 7,
  PATCHBAY_UNIT_SECOND = 8,
  PATCHBAY_UNIT_DEGREE = 9,
  PATCHBAY_UNIT_MEBIBYTE = 10
};

enum {
  PATCHBAY_FIELD_ADVANCED = 1u << 0,  /* front ends may fold it away */
  PATCHBAY_FIELD_MULTILINE = 1u << 1, /* of a string */
  PATCHBAY_FIELD_DEPRECATED = 1u << 2,
  /* Draft. Of a picture: it may be a clip, an animation or a video, whose frames come as
   * [F, 4, H, W]; a still picture is one frame. */
  PATCHBAY_FIELD_FRAMES = 1u << 3
};

typedef struct patchbay_choice {
  uint32_t struct_size;
  const char* id;    /* what requests say; never changes */
  const char* label; /* what people read */
} patchbay_choice;

typedef struct patchbay_field {
  uint32_t struct_size;
  /* Names the field in every request. Lower case letters, digits and "_". Never used again for
   * anything else. */
  const char* id;
  /* Positive; its place among positional arguments. Never used again for anything else. */
  int32_t number;
  patchbay_field_type type;
  const char* label; /* "Guidance scale" */
  const char* help;  /* one or two sentences */
  const char* group; /* a heading under which front ends put it, or "" */
  patchbay_unit unit;
  uint32_t flags;
  /* Numbers: what is accepted, what a slider offers, and its step. Ignored for other types. */
  double minimum;
  double maximum;
  double soft_minimum;
  double soft_maximum;
  double step;
  /* The default, in the spelling of the command line: "true", "0.7", "1/2/3". */
  const char* default_text;
  const patchbay_choice* choices;
  uint32_t choice_count;
  /* Shown only while another field has this value, "field=value"; or "". */
  const char* visible_if;
} patchbay_field;

/* A setting's value. Only what `type` names is valid. */
typedef struct patchbay_value {
  uint32_t struct_size;
  int32_t number; /* the field's */
  patchbay_field_type type;
  int64_t integer;                  /* BOOL (0 or 1), INT */
  double real;                      /* DOUBLE */
  const char* text;                 /* STRING, CHOICE, FILE (an absolute path by now) */
  const int64_t* ints;              /* INT_LIST */
  const double* reals;              /* DOUBLE_LIST */
  uint32_t count;                   /* of the list */
  struct AtenTensorOpaque* picture; /* PICTURE; NULL when none was given */
} patchbay_value;

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_SCHEMA_H_ */
