#ifndef PATCHBAY_HOST_RUNTIME_NN_MODULE_SCOPE_H_
#define PATCHBAY_HOST_RUNTIME_NN_MODULE_SCOPE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// The place of a module while its component is being built: where its weights are and which path
// its site gets. Cheap to copy; refers to the reader and the table, which must outlive it.
class ModuleScope {
 public:
  ModuleScope(WeightReader& weights, SiteTable& sites) : weights_(&weights), sites_(&sites) {}

  // The scope of a submodule: Child("attn1"), Child("resnets", 0).
  ModuleScope Child(std::string_view name) const;
  ModuleScope Child(std::string_view name, int64_t index) const;

  const std::string& path() const { return path_; }
  at::ScalarType precision() const { return weights_->precision(); }
  at::Device device() const { return weights_->device(); }

  // Tensors of this module, see WeightReader; `name` is "weight" or "bias" or a path below the
  // module.
  bool Has(std::string_view name) const;
  std::vector<int64_t> Shape(std::string_view name) const;
  at::Tensor Read(std::string_view name, at::IntArrayRef shape) const;
  at::Tensor ReadOptional(std::string_view name, at::IntArrayRef shape) const;
  // This module's "weight" where it is a linear layer or convolution.
  at::Tensor ReadOperator(at::IntArrayRef shape) const;
  // How many children name.0, name.1, ... have any tensor.
  int64_t CountChildren(std::string_view name) const;

  // Registers this module as a site.
  SiteIndex AddSite(SiteKind kind, int64_t in_channels, int64_t out_channels) const;
  // All sites of the component so far, to add to or to say more of.
  SiteTable& sites() const { return *sites_; }

 private:
  std::string Full(std::string_view name) const;

  WeightReader* weights_;
  SiteTable* sites_;
  std::string path_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_MODULE_SCOPE_H_
