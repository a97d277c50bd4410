#include "host/runtime/lora/weight_change.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace patchbay {
namespace {

at::Tensor Get(const LoraModule& module, LoraRole role) {
  return module.tensors.at(role).to(at::kFloat);
}

at::Tensor Matrix(const at::Tensor& tensor) {
  return tensor.dim() > 2 ? tensor.flatten(1) : tensor;
}

// sum over i, j of core[i, j, kh, kw] out[i, o] in[j, n]: a convolution in Tucker form.
at::Tensor Tucker(const at::Tensor& core, const at::Tensor& out, const at::Tensor& in) {
  return at::einsum("ijkl,io,jn->onkl", {core, out, in});
}

at::Tensor LoraProduct(const LoraModule& module) {
  const at::Tensor up = Matrix(Get(module, LoraRole::kUp));
  const at::Tensor down = Get(module, LoraRole::kDown);
  if (!module.Has(LoraRole::kMid)) return at::mm(up, Matrix(down));
  return Tucker(Get(module, LoraRole::kMid), up.t(), Matrix(down));
}

at::Tensor HadaFactor(const LoraModule& module, LoraRole a, LoraRole b, LoraRole core) {
  const at::Tensor left = Get(module, a);
  const at::Tensor right = Get(module, b);
  return module.Has(core) ? Tucker(Get(module, core), left, right) : at::mm(left, right);
}

at::Tensor LokrProduct(const LoraModule& module) {
  const at::Tensor first = module.Has(LoraRole::kLokrW1) ? Get(module, LoraRole::kLokrW1)
                                                         : at::mm(Get(module, LoraRole::kLokrW1A),
                                                                  Get(module, LoraRole::kLokrW1B));
  at::Tensor second;
  if (module.Has(LoraRole::kLokrW2)) {
    second = Get(module, LoraRole::kLokrW2);
  } else if (module.Has(LoraRole::kLokrT2)) {
    second = Tucker(Get(module, LoraRole::kLokrT2), Get(module, LoraRole::kLokrW2A),
                    Get(module, LoraRole::kLokrW2B));
  } else {
    second = at::mm(Get(module, LoraRole::kLokrW2A), Matrix(Get(module, LoraRole::kLokrW2B)));
  }
  at::Tensor spread = first;
  while (spread.dim() < second.dim()) spread = spread.unsqueeze(-1);
  // kron views its result and refuses the permuted layout that einsum leaves.
  return at::kron(spread.contiguous(), second.contiguous());
}

// The unscaled change, in whatever shape the formula gives it.
at::Tensor Product(const LoraModule& module) {
  if (module.Has(LoraRole::kDiff)) return Get(module, LoraRole::kDiff);
  if (module.Has(LoraRole::kDown)) return LoraProduct(module);
  if (module.Has(LoraRole::kHadaW1A)) {
    return HadaFactor(module, LoraRole::kHadaW1A, LoraRole::kHadaW1B, LoraRole::kHadaT1) *
           HadaFactor(module, LoraRole::kHadaW2A, LoraRole::kHadaW2B, LoraRole::kHadaT2);
  }
  return LokrProduct(module);
}

// The rank that alpha is divided by; 0 where no factor is of low rank.
int64_t Rank(const LoraModule& module) {
  for (const LoraRole role :
       {LoraRole::kDown, LoraRole::kHadaW1B, LoraRole::kLokrW2B, LoraRole::kLokrW1B}) {
    if (module.Has(role)) return module.tensors.at(role).size(0);
  }
  return 0;
}

// m V / |V|, rows or columns of V.
at::Tensor WithMagnitude(const LoraModule& module, const at::Tensor& direction) {
  const bool peft = module.Has(LoraRole::kDoraMagnitude);
  const at::Tensor magnitude = Get(module, peft ? LoraRole::kDoraMagnitude : LoraRole::kDoraScale);
  const bool rows = peft || magnitude.size(0) == direction.size(0);
  const int64_t axis = rows ? 0 : 1;
  std::vector<int64_t> shape(static_cast<size_t>(direction.dim()), 1);
  shape[static_cast<size_t>(axis)] = direction.size(axis);
  const at::Tensor norm = direction.transpose(0, axis).flatten(1).norm(2, 1).reshape(shape);
  return direction * (magnitude.reshape(shape) / norm);
}

bool HasMagnitude(const LoraModule& module) {
  return module.Has(LoraRole::kDoraScale) || module.Has(LoraRole::kDoraMagnitude);
}

std::string Shape(at::IntArrayRef sizes) {
  return absl::StrCat("[", absl::StrJoin(sizes, ", "), "]");
}

}  // namespace

double LoraScale(const LoraModule& module) {
  const int64_t rank = Rank(module);
  if (rank == 0 || module.Has(LoraRole::kDiff)) return 1.0;
  double alpha = module.metadata_alpha.value_or(static_cast<double>(rank));
  if (module.Has(LoraRole::kAlpha)) alpha = Get(module, LoraRole::kAlpha).item<double>();
  const double divisor = static_cast<double>(rank);
  return alpha / (module.root_rank ? std::sqrt(divisor) : divisor);
}

bool ChangesWeight(const LoraModule& module) {
  return module.Has(LoraRole::kDiff) || module.Has(LoraRole::kDown) ||
         module.Has(LoraRole::kHadaW1A) || module.Has(LoraRole::kLokrW1) ||
         module.Has(LoraRole::kLokrW1A);
}

std::string ShapeComplaint(const LoraModule& module, at::IntArrayRef weight) {
  try {
    // On the meta device only shapes are computed, whatever the formula.
    LoraModule shapes = module;
    for (auto& [role, tensor] : shapes.tensors) tensor = tensor.to(at::Device(at::kMeta));
    const at::Tensor product = Product(shapes);
    int64_t numbers = 1;
    for (const int64_t size : weight) numbers *= size;
    if (weight.empty() || product.numel() != numbers || product.size(0) != weight[0]) {
      return absl::StrCat("it changes a weight of shape ", Shape(product.sizes()),
                          ", and the model's is ", Shape(weight));
    }
    if (HasMagnitude(module)) WithMagnitude(shapes, product.reshape(weight));
    if (module.Has(LoraRole::kAlpha) && module.tensors.at(LoraRole::kAlpha).numel() != 1) {
      return "its alpha is not one number";
    }
  } catch (const c10::Error&) {
    return "its tensors do not fit each other";
  }
  return "";
}

at::Tensor ChangedWeight(const LoraModule& module, const at::Tensor& weight, double strength) {
  const at::Tensor change = Product(module).reshape(weight.sizes()) * LoraScale(module);
  if (!HasMagnitude(module)) return weight + change * strength;
  return weight + strength * (WithMagnitude(module, weight + change) - weight);
}

}  // namespace patchbay
