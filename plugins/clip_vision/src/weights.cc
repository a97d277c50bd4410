#include "plugins/clip_vision/src/weights.h"

#include <patchbay/aten.h>

#include <utility>

namespace clip_vision {

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t side : shape) text += (text.empty() ? "" : "x") + std::to_string(side);
  return text.empty() ? "a single number" : text;
}

Weights::Weights(const patchbay::TensorFile& file)
    : name_(file.path()),
      names_(file.names()),
      read_([file](const std::string& tensor) { return file.tensor(tensor); }) {
  for (const std::string& tensor : names_) shapes_[tensor] = file.shape(tensor);
}

Weights::Weights(std::string name, std::map<std::string, at::Tensor> tensors)
    : name_(std::move(name)) {
  for (const auto& [tensor, values] : tensors) {
    names_.push_back(tensor);
    shapes_[tensor] = values.sizes().vec();
  }
  read_ = [tensors = std::move(tensors)](const std::string& tensor) { return tensors.at(tensor); };
}

const std::vector<int64_t>& Weights::Shape(const std::string& tensor) const {
  const auto found = shapes_.find(tensor);
  if (found == shapes_.end()) {
    throw patchbay::Error(name_ + " has no tensor \"" + tensor + "\"");
  }
  return found->second;
}

int64_t Weights::Side(const std::string& tensor, size_t dimension) const {
  const std::vector<int64_t>& shape = Shape(tensor);
  if (dimension >= shape.size()) {
    throw patchbay::Error(name_ + ": \"" + tensor + "\" is " + ShapeText(shape) +
                          ", which has too few dimensions");
  }
  return shape[dimension];
}

at::Tensor Weights::Read(const std::string& tensor, const std::vector<int64_t>& shape) const {
  const std::vector<int64_t>& stored = Shape(tensor);
  if (stored != shape) {
    throw patchbay::Error(name_ + ": \"" + tensor + "\" is " + ShapeText(stored) + " and not " +
                          ShapeText(shape));
  }
  const at::Tensor values = read_(tensor);
  if (!values.is_floating_point()) {
    throw patchbay::Error(name_ + ": \"" + tensor + "\" holds no real numbers");
  }
  return values.to(at::kFloat);
}

}  // namespace clip_vision
