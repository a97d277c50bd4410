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

Weights Weights::Joined(std::string name, const std::vector<Weights>& files) {
  Weights joined;
  joined.name_ = std::move(name);
  std::map<std::string, size_t> owners;
  for (size_t i = 0; i < files.size(); ++i) {
    for (const std::string& tensor : files[i].names_) {
      const auto [owner, is_new] = owners.emplace(tensor, i);
      if (!is_new) {
        throw patchbay::Error(joined.name_ + ": the tensor \"" + tensor + "\" is both in " +
                              files[owner->second].name_ + " and in " + files[i].name_ +
                              "; leave one of them");
      }
      joined.names_.push_back(tensor);
      joined.shapes_[tensor] = files[i].Shape(tensor);
    }
  }
  joined.read_ = [files, owners = std::move(owners)](const std::string& tensor) {
    return files[owners.at(tensor)].read_(tensor);
  };
  return joined;
}

Weights Weights::Under(const std::string& prefix) const {
  Weights part;
  part.name_ = name_;
  part.prefix_ = prefix_ + prefix;
  for (const std::string& tensor : names_) {
    if (tensor.rfind(prefix, 0) != 0) continue;
    part.names_.push_back(tensor.substr(prefix.size()));
    part.shapes_[part.names_.back()] = shapes_.at(tensor);
  }
  part.read_ = [read = read_, prefix](const std::string& tensor) { return read(prefix + tensor); };
  return part;
}

const std::vector<int64_t>& Weights::Shape(const std::string& tensor) const {
  const auto found = shapes_.find(tensor);
  if (found == shapes_.end()) {
    throw patchbay::Error(name_ + " has no tensor \"" + prefix_ + tensor + "\"");
  }
  return found->second;
}

int64_t Weights::Side(const std::string& tensor, size_t dimension) const {
  const std::vector<int64_t>& shape = Shape(tensor);
  if (dimension >= shape.size()) {
    throw patchbay::Error(name_ + ": \"" + prefix_ + tensor + "\" is " + ShapeText(shape) +
                          ", which has too few dimensions");
  }
  return shape[dimension];
}

at::Tensor Weights::Read(const std::string& tensor, const std::vector<int64_t>& shape) const {
  return ReadStored(tensor, shape).to(at::kFloat);
}

at::Tensor Weights::ReadOf(const std::string& tensor, const std::vector<int64_t>& shape) const {
  const std::vector<int64_t>& stored = Shape(tensor);
  if (stored != shape) {
    throw patchbay::Error(name_ + ": \"" + prefix_ + tensor + "\" is " + ShapeText(stored) +
                          " and not " + ShapeText(shape));
  }
  return read_(tensor);
}

at::Tensor Weights::ReadStored(const std::string& tensor, const std::vector<int64_t>& shape) const {
  const at::Tensor values = ReadOf(tensor, shape);
  if (!values.is_floating_point()) {
    throw patchbay::Error(name_ + ": \"" + prefix_ + tensor + "\" holds no real numbers");
  }
  return values;
}

at::Tensor Weights::ReadIntegers(const std::string& tensor,
                                 const std::vector<int64_t>& shape) const {
  const at::Tensor values = ReadOf(tensor, shape);
  if (values.scalar_type() != at::kChar) {
    throw patchbay::Error(name_ + ": \"" + prefix_ + tensor + "\" holds no integers of 8 bits");
  }
  return values;
}

}  // namespace clip_vision
