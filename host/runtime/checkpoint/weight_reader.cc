#include "host/runtime/checkpoint/weight_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace patchbay {
namespace {

// More names than this in one message help nobody.
constexpr size_t kNamesShown = 5;

// -1 stands for any size.
std::string ShapeText(at::IntArrayRef shape) {
  const auto size = [](std::string* text, int64_t value) {
    absl::StrAppend(text, value < 0 ? "any" : absl::StrCat(value));
  };
  return absl::StrCat("[", absl::StrJoin(shape, ", ", size), "]");
}

std::vector<int64_t> WithoutTrailingOnes(at::IntArrayRef shape) {
  std::vector<int64_t> result = shape.vec();
  if (result.size() == 4 && result[2] == 1 && result[3] == 1) result.resize(2);
  return result;
}

bool Fits(at::IntArrayRef stored, at::IntArrayRef wanted) {
  const auto a = WithoutTrailingOnes(stored);
  const auto b = WithoutTrailingOnes(wanted);
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](int64_t x, int64_t y) { return y < 0 || x == y; });
}

std::string Listed(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::string text = absl::StrJoin(names.begin(), names.begin() + static_cast<long>(shown), ", ");
  if (names.size() > shown) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

}  // namespace

WeightReader::WeightReader(std::string component, WeightMap weights, at::ScalarType precision,
                           at::Device device)
    : component_(std::move(component)),
      weights_(std::move(weights)),
      precision_(precision),
      device_(device) {}

void WeightReader::SetAdjustment(AdjustmentFilter filter, Adjustment adjustment) {
  adjustment_filter_ = std::move(filter);
  adjustment_ = std::move(adjustment);
}

void WeightReader::AllowUnread(std::function<bool(std::string_view name)> allowed) {
  may_stay_unread_ = std::move(allowed);
}

bool WeightReader::Has(std::string_view name) const {
  return weights_.find(name) != weights_.end();
}

std::vector<int64_t> WeightReader::Shape(std::string_view name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? std::vector<int64_t>() : found->second.tensor.sizes().vec();
}

at::Tensor WeightReader::Read(std::string_view name, at::IntArrayRef shape) {
  return ReadInto(Memory::kOwn, name, shape);
}

at::Tensor WeightReader::Lend(std::string_view name, at::IntArrayRef shape) {
  return ReadInto(Memory::kLent, name, shape);
}

at::Tensor WeightReader::ReadOperator(std::string_view name, at::IntArrayRef shape, bool packs) {
  if (defers_operators_) return ReadInto(Memory::kNone, name, shape);
  return packs ? Lend(name, shape) : Read(name, shape);
}

bool WeightReader::IsIntegers(std::string_view name) const {
  const auto found = weights_.find(name);
  return found != weights_.end() && found->second.integers != nullptr &&
         !(adjustment_ && adjustment_filter_(found->first));
}

at::Tensor WeightReader::ReadOptional(std::string_view name, at::IntArrayRef shape) {
  return Find(Memory::kOwn, name, shape);
}

at::Tensor WeightReader::ReadInto(Memory memory, std::string_view name, at::IntArrayRef shape) {
  at::Tensor weight = Find(memory, name, shape);
  if (weight.defined()) return weight;
  if (!Has(name)) missing_.emplace_back(name);
  std::vector<int64_t> sizes = shape.vec();
  std::replace(sizes.begin(), sizes.end(), int64_t{-1}, int64_t{1});
  return at::zeros(sizes, at::TensorOptions().dtype(precision_).device(device_));
}

at::Tensor WeightReader::Find(Memory memory, std::string_view name, at::IntArrayRef shape) {
  const auto found = weights_.find(name);
  if (found == weights_.end()) return at::Tensor();
  read_.emplace(name);
  const at::IntArrayRef stored = found->second.tensor.sizes();
  if (!Fits(stored, shape)) {
    misshapen_.push_back(absl::StrCat(std::string(name), " is ", ShapeText(stored),
                                      " and should be ", ShapeText(shape)));
    return at::Tensor();
  }
  if (!found->second.tensor.is_floating_point()) {
    not_real_.push_back(found->first);
    return at::Tensor();
  }
  at::Tensor weight = Convert(memory, found->first, found->second);
  if (stored.size() == shape.size()) return weight;
  std::vector<int64_t> sizes = WithoutTrailingOnes(stored);
  if (shape.size() == 4) sizes.insert(sizes.end(), {1, 1});
  return weight.reshape(sizes);
}

at::Tensor WeightReader::Convert(Memory memory, const std::string& name,
                                 const StoredWeight& stored) {
  if (memory == Memory::kNone) {
    return at::empty(stored.tensor.sizes(),
                     at::TensorOptions().dtype(precision_).device(at::kMeta));
  }
  const auto target = at::TensorOptions().dtype(precision_).device(device_);
  const bool adjusted = adjustment_ && adjustment_filter_(name);
  at::Tensor weight;
  if (adjusted) {
    weight = adjustment_(name, stored.Values().to(at::kFloat)).to(target, false, /*copy=*/true);
  } else if (memory == Memory::kLent && device_.is_cpu()) {
    weight = Lent(stored);
  } else {
    const bool is_view = !stored.is_quantized();
    weight = stored.Values().to(target, /*non_blocking=*/false, /*copy=*/is_view);
  }
  stored.Forget();
  return weight;
}

at::Tensor WeightReader::Lent(const StoredWeight& stored) {
  const int64_t elements = stored.tensor.numel();
  if (!lent_memory_.defined() || lent_memory_.numel() < elements) {
    lent_memory_ = at::Tensor();  // first give back, then take
    lent_memory_ = at::empty({elements}, precision_);
  }
  return lent_memory_.narrow(0, 0, elements).view(stored.tensor.sizes()).copy_(stored.Values());
}

absl::Status WeightReader::Finish() const {
  std::vector<std::string> unread;
  for (const auto& [name, stored] : weights_) {
    if (read_.count(name) == 0 && !(may_stay_unread_ && may_stay_unread_(name))) {
      unread.push_back(name);
    }
  }
  std::vector<std::string> complaints;
  if (!missing_.empty()) {
    complaints.push_back(absl::StrCat("missing: ", Listed(missing_)));
  }
  if (!misshapen_.empty()) {
    complaints.push_back(absl::StrCat("wrong shape: ", Listed(misshapen_)));
  }
  if (!not_real_.empty()) {
    complaints.push_back(
        absl::StrCat("whole numbers in place of floating-point weights: ", Listed(not_real_)));
  }
  if (!unread.empty()) {
    complaints.push_back(absl::StrCat("not part of such a model: ", Listed(unread)));
  }
  if (complaints.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(component_, " cannot be used: ", absl::StrJoin(complaints, "; ")));
}

}  // namespace patchbay
