#include "host/runtime/nn/module_scope.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/nn/onednn.h"

namespace patchbay {

std::string ModuleScope::Full(std::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrCat(path_, ".", std::string(name));
}

ModuleScope ModuleScope::Child(std::string_view name) const {
  ModuleScope child = *this;
  child.path_ = Full(name);
  return child;
}

ModuleScope ModuleScope::Child(std::string_view name, int64_t index) const {
  return Child(absl::StrCat(std::string(name), ".", index));
}

bool ModuleScope::Has(std::string_view name) const { return weights_->Has(Full(name)); }

std::vector<int64_t> ModuleScope::Shape(std::string_view name) const {
  return weights_->Shape(Full(name));
}

at::Tensor ModuleScope::Read(std::string_view name, at::IntArrayRef shape) const {
  return weights_->Read(Full(name), shape);
}

at::Tensor ModuleScope::ReadOptional(std::string_view name, at::IntArrayRef shape) const {
  return weights_->ReadOptional(Full(name), shape);
}

at::Tensor ModuleScope::ReadOperator(at::IntArrayRef shape) const {
  return weights_->ReadOperator(Full("weight"), shape, CanPackWeights(precision(), device()));
}

int64_t ModuleScope::CountChildren(std::string_view name) const {
  int64_t count = 0;
  while (true) {
    const std::string prefix = absl::StrCat(Full(name), ".", count, ".");
    const auto first = weights_->weights().lower_bound(prefix);
    if (first == weights_->weights().end() || !absl::StartsWith(first->first, prefix)) return count;
    ++count;
  }
}

SiteIndex ModuleScope::AddSite(SiteKind kind, int64_t in_channels, int64_t out_channels) const {
  return sites_->Add(kind, path_, in_channels, out_channels);
}

}  // namespace patchbay
