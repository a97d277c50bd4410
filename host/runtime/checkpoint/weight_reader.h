#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_READER_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_READER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// Hands the tensors of one component to the modules that are being built from them, in the
// precision and on the device that they compute with, and keeps account: which names were asked for
// in vain, which had another shape than the module expects, which nobody asked for. Modules
// therefore need no error handling of their own; whoever builds a component calls Finish() at the
// end.
//
// One thread at a time.
class WeightReader {
 public:
  // Changes a tensor on its way in, for example by adding a LoRA's product; receives the diffusers
  // name and the tensor in fp32 and returns one of the same shape.
  using Adjustment = std::function<at::Tensor(const std::string& name, const at::Tensor& weight)>;
  // Whether Adjustment has anything to do for a name; other tensors skip the detour through fp32.
  using AdjustmentFilter = std::function<bool(const std::string& name)>;

  // `component` is what error messages call it, such as "the U-Net of model.safetensors".
  WeightReader(std::string component, WeightMap weights, at::ScalarType precision,
               at::Device device);

  void SetAdjustment(AdjustmentFilter filter, Adjustment adjustment);
  // From here on ReadOperator() only checks: the values are read later, by others.
  void DeferOperators() { defers_operators_ = true; }
  // Whether the values of a tensor are integers that the adjustment leaves as they are.
  bool IsIntegers(std::string_view name) const;
  // Names that a checkpoint may carry without any module reading them ("position_ids").
  void AllowUnread(std::function<bool(std::string_view name)> allowed);

  at::ScalarType precision() const { return precision_; }
  at::Device device() const { return device_; }

  bool Has(std::string_view name) const;
  // The stored shape; empty when there is no such tensor.
  std::vector<int64_t> Shape(std::string_view name) const;
  // Every name, in order.
  const WeightMap& weights() const { return weights_; }

  // The tensor, converted and copied to the device (never a view of the file). A size of -1 in
  // `shape` accepts anything; [out, in] also accepts [out, in, 1, 1] and the other way round, since
  // a 1x1 convolution and a linear layer are the same thing. When the tensor is missing or does not
  // fit, this is noted for Finish() and zeros of that shape come back.
  at::Tensor Read(std::string_view name, at::IntArrayRef shape);
  // Likewise; an undefined tensor, and no complaint, when there is no such tensor.
  at::Tensor ReadOptional(std::string_view name, at::IntArrayRef shape);
  // As Read, for a weight that is about to be put into another order elsewhere: the values are
  // valid until the next call of Lend, which reuses their memory, and must not be written to. New
  // memory for each weight would be cleared by the system first, which takes as long as the
  // conversion.
  at::Tensor Lend(std::string_view name, at::IntArrayRef shape);
  // The weight of a linear layer or convolution, which puts it into an order of its own where
  // `packs`: as Lend() there, else as Read(). When operators are deferred, the shape alone, on
  // LibTorch's meta device.
  at::Tensor ReadOperator(std::string_view name, at::IntArrayRef shape, bool packs);

  // INVALID_ARGUMENT naming the tensors that were missing, wrongly shaped or left over.
  absl::Status Finish() const;

 private:
  enum class Memory { kOwn, kLent, kNone };
  at::Tensor ReadInto(Memory memory, std::string_view name, at::IntArrayRef shape);
  at::Tensor Find(Memory memory, std::string_view name, at::IntArrayRef shape);
  at::Tensor Convert(Memory memory, const std::string& name, const StoredWeight& stored);
  at::Tensor Lent(const StoredWeight& stored);

  std::string component_;
  WeightMap weights_;
  at::ScalarType precision_;
  at::Device device_;
  bool defers_operators_ = false;
  AdjustmentFilter adjustment_filter_;
  Adjustment adjustment_;
  std::function<bool(std::string_view)> may_stay_unread_;
  std::set<std::string, std::less<>> read_;
  std::vector<std::string> missing_;
  std::vector<std::string> misshapen_;
  std::vector<std::string> not_real_;
  at::Tensor lent_memory_;  // [elements of the largest weight lent so far]
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_READER_H_
