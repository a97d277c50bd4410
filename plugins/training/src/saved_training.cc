#include "plugins/training/src/saved_training.h"

#include <patchbay/error.h>

#include <charconv>

namespace training {
namespace {

constexpr char kFirst[] = "first_moment.";
constexpr char kSecond[] = "second_moment.";
constexpr char kParameter[] = "parameter.";

}  // namespace

void AddMoments(const std::vector<std::string>& names, const AdamW& optimizer,
                std::map<std::string, at::Tensor>& tensors) {
  for (size_t i = 0; i < names.size(); ++i) {
    tensors[kFirst + names[i]] = optimizer.first_moments.at(i);
    tensors[kSecond + names[i]] = optimizer.second_moments.at(i);
  }
}

void ReadMoments(const TensorReader& read, const std::vector<std::string>& names,
                 const std::vector<at::Tensor>& parameters, AdamW& optimizer) {
  optimizer.Begin(parameters);
  for (size_t i = 0; i < names.size(); ++i) {
    const std::vector<int64_t> shape = parameters.at(i).sizes().vec();
    optimizer.first_moments[i] = read(kFirst + names[i], shape);
    optimizer.second_moments[i] = read(kSecond + names[i], shape);
  }
}

std::string Spelled(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number, std::chars_format::general);
  return {text, end.ptr};
}

std::string PrecisionName(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "fp32";
    case at::kBFloat16:
      return "bf16";
    case at::kHalf:
      return "fp16";
    default:
      return c10::toString(type);
  }
}

std::map<std::string, std::string> ParameterMetadata(
    const std::map<std::string, std::string>& parameters) {
  std::map<std::string, std::string> metadata;
  for (const auto& [name, value] : parameters) metadata[kParameter + name] = value;
  return metadata;
}

void CheckParameters(const std::string& field, const std::string& file,
                     const std::map<std::string, std::string>& metadata,
                     const std::map<std::string, std::string>& parameters) {
  for (const auto& [name, value] : parameters) {
    const auto found = metadata.find(kParameter + name);
    if (found == metadata.end() || found->second.empty()) {
      throw patchbay::Error(field + ": " + file +
                            " holds no training to go on with; take a state.safetensors");
    }
    if (found->second == value) continue;
    throw patchbay::Error(field + ": " + file + " was trained with another " + name + " (" +
                          found->second + ", and now it is " + value +
                          "); training goes on with the same");
  }
}

}  // namespace training
