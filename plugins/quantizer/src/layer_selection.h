#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_LAYER_SELECTION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_LAYER_SELECTION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "plan.h"
#include "quantized_layer.h"

namespace quantizer {

// What a layer is, as far as its scheme depends on it.
struct LayerFacts {
  std::string diffusers_name;
  int64_t weights = 0;     // how many
  int64_t skip_split = 0;  // as patchbay_site has it
  // The text's keys and values, which are computed once a prompt: their inputs, the begin token's
  // outliers among them, stay in floating point.
  bool is_from_text = false;
};

// Decides how each layer computes: by a plan, or by one scheme for all.
class LayerSelection {
 public:
  // keep: parts of diffusers names, separated by "/", whose layers stay in floating point unless
  // the plan names them.
  LayerSelection(Plan plan, std::string keep);

  // Every planned layer must have a range (static quantisation).
  void RequireRanges() { ranges_required_ = true; }
  // Products in floating point instead of integers, for processors that are slow at them.
  void AvoidIntegerProducts() { integer_products_ = false; }

  // Nothing: the layer stays in floating point. Throws DocumentError when the plan asks for what
  // the layer cannot do.
  std::optional<LayerScheme> SchemeOf(const LayerFacts& layer) const;

  // What is wanted of the layer, whether or not this processor is fast at it. Throws DocumentError
  // when the plan wants what depends on the prompt only to multiply integers.
  const PlannedLayer& PlannedFor(const LayerFacts& layer) const;

  const Plan& plan() const { return plan_; }

 private:
  bool IsKept(const LayerFacts& layer) const;

  Plan plan_;
  std::string keep_;
  bool ranges_required_ = false;
  bool integer_products_ = true;
};

// Tells schemes apart: what packed layers are shared by.
std::string KeyOf(const LayerScheme& scheme);

// Where the channels of a skip connection begin if the layer treats both halves apart; else 0. Only
// shortcuts do: the other layer behind a skip connection is normalised before, its halves are
// alike.
int64_t SplitOf(const LayerFacts& layer);

// Whether the layer's input is also that of the layers beside it: queries, keys and values of
// self-attention.
bool SharesInput(const std::string& diffusers_name);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_LAYER_SELECTION_H_
