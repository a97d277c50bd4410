#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_WEIGHTS_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_WEIGHTS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace patchbay {
class TensorFile;
}

namespace clip_vision {

// Named tensors of a file that a user gives, checked on their way in. Errors are patchbay::Error
// and name the file and the tensor. Any thread.
class Weights {
 public:
  // Reads from the file when asked.
  explicit Weights(const patchbay::TensorFile& file);
  // From memory; `name` is what errors call it.
  Weights(std::string name, std::map<std::string, at::Tensor> tensors);
  // Of several files, which have no tensor in common.
  static Weights Joined(std::string name, const std::vector<Weights>& files);

  // Those whose names begin with `prefix`, under the rest of their names. Errors say the whole.
  Weights Under(const std::string& prefix) const;

  const std::string& name() const { return name_; }
  const std::vector<std::string>& names() const { return names_; }
  bool Has(const std::string& tensor) const { return shapes_.contains(tensor); }
  // Its shape; throws where there is no such tensor.
  const std::vector<int64_t>& Shape(const std::string& tensor) const;
  // One side of it; throws also where it has fewer sides.
  int64_t Side(const std::string& tensor, size_t dimension) const;

  // In fp32 on the CPU. Throws where there is no such tensor, where it has another shape, and where
  // it holds no real numbers.
  at::Tensor Read(const std::string& tensor, const std::vector<int64_t>& shape) const;
  // The same in the file's own type.
  at::Tensor ReadStored(const std::string& tensor, const std::vector<int64_t>& shape) const;
  // int8 on the CPU. Throws where there is no such tensor, where it has another shape or type.
  at::Tensor ReadIntegers(const std::string& tensor, const std::vector<int64_t>& shape) const;

 private:
  at::Tensor ReadOf(const std::string& tensor, const std::vector<int64_t>& shape) const;

  Weights() = default;

  std::string name_;
  std::string prefix_;  // of all names, where errors say them
  std::vector<std::string> names_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::function<at::Tensor(const std::string&)> read_;
};

// "320x768", "a single number".
std::string ShapeText(const std::vector<int64_t>& shape);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_WEIGHTS_H_
