#include "host/runtime/checkpoint/integer_weight_file.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/integer_weight.h"

namespace patchbay {
namespace {

using Json = nlohmann::json;
using Tensors = std::map<std::string, SafetensorsTensor, std::less<>>;
using Metadata = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kFormat = "patchbay-integer-weights/1";
// As any network's, and so that products of sizes stay small.
constexpr int64_t kLargestSize = 1 << 20;
constexpr int64_t kLargestKernel = 16;

// Reads the entry of one weight and finds its parts among a file's tensors.
class WeightParser {
 public:
  WeightParser(std::string where, const std::string& name, const Tensors& tensors,
               const std::shared_ptr<const MappedFile>& file)
      : where_(std::move(where)), name_(name), tensors_(tensors), file_(file) {}

  absl::StatusOr<IntegerWeight> Parse(const Json& entry) {
    IntegerWeight weight;
    PATCHBAY_RETURN_IF_ERROR(ReadEntry(entry, weight));
    for (size_t part = 0; part < weight.parts.size(); ++part) {
      PATCHBAY_RETURN_IF_ERROR(ReadPart(part, weight));
    }
    return weight;
  }
  // The tensors that belong to it.
  const std::vector<std::string>& used() const { return used_; }

 private:
  absl::Status Fail(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(where_, ": ", name_, ": ", std::string(what)));
  }

  static bool IsSize(const Json& value, int64_t largest) {
    return value.is_number_unsigned() && value.get<uint64_t>() >= 1 &&
           value.get<uint64_t>() <= static_cast<uint64_t>(largest);
  }

  absl::Status ReadEntry(const Json& entry, IntegerWeight& weight) const {
    const bool is_whole = entry.is_object() && entry.contains("shape") && entry.contains("bits") &&
                          entry.contains("rotated") && entry.contains("inputs") &&
                          entry["shape"].is_array() && entry["inputs"].is_array() &&
                          entry["rotated"].is_boolean();
    if (!is_whole) return Fail("its entry needs `shape`, `bits`, `rotated` and `inputs`");
    const Json& shape = entry["shape"];
    for (size_t i = 0; i < shape.size(); ++i) {
      if (!IsSize(shape[i], i < 2 ? kLargestSize : kLargestKernel)) {
        return Fail("`shape` has something that is no size");
      }
      weight.shape.push_back(shape[i].get<int64_t>());
    }
    if (weight.shape.size() != 2 && weight.shape.size() != 4) {
      return Fail("`shape` should have 2 or 4 sizes");
    }
    if (entry["bits"] != 8 && entry["bits"] != 4) return Fail("`bits` should be 8 or 4");
    weight.bits = entry["bits"].get<int>();
    weight.rotated = entry["rotated"].get<bool>();
    int64_t inputs = 0;
    for (const Json& part : entry["inputs"]) {
      if (!IsSize(part, weight.shape[1])) return Fail("`inputs` has something that is no size");
      inputs += part.get<int64_t>();
      weight.parts.push_back({part.get<int64_t>(), {}, {}, {}});
      if (weight.parts.size() > 2) return Fail("it should have one or two parts");
    }
    if (inputs != weight.shape[1]) {
      return Fail(absl::StrCat("the parts have ", inputs, " inputs, and it has ", weight.shape[1]));
    }
    return absl::OkStatus();
  }

  absl::Status ReadPart(size_t number, IntegerWeight& weight) {
    IntegerWeight::Part& part = weight.parts[number];
    const std::string prefix = absl::StrCat(name_, ".", number, ".");
    const int64_t outputs = weight.outputs();
    const int64_t positions = weight.positions();
    const bool is_small = weight.bits == 4;
    PATCHBAY_ASSIGN_OR_RETURN(
        part.integers,
        Find(prefix + "integers", is_small ? ElementType::kUInt8 : ElementType::kInt8,
             {outputs, positions, is_small ? (part.inputs + 1) / 2 : part.inputs}));
    PATCHBAY_ASSIGN_OR_RETURN(part.steps, Find(prefix + "steps", ElementType::kFloat32, {outputs}));
    const bool are_steps =
        at::logical_and(at::isfinite(part.steps), part.steps >= 0).all().item<bool>();
    if (!are_steps) return Fail("its steps are not finite or negative; the file is damaged");
    if (!is_small) return absl::OkStatus();
    const int64_t groups = (part.inputs + IntegerWeight::kGroup - 1) / IntegerWeight::kGroup;
    PATCHBAY_ASSIGN_OR_RETURN(part.multiples, Find(prefix + "multiples", ElementType::kUInt8,
                                                   {outputs, positions, groups}));
    if (part.multiples.min().item<uint8_t>() >= 1 &&
        part.multiples.max().item<uint8_t>() <= IntegerWeight::kLargestMultiple) {
      return absl::OkStatus();
    }
    return Fail(absl::StrCat("its multiples are not from 1 to ",
                             static_cast<int>(IntegerWeight::kLargestMultiple),
                             "; the file is damaged"));
  }

  absl::StatusOr<at::Tensor> Find(std::string name, ElementType type,
                                  const std::vector<int64_t>& shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return Fail(absl::StrCat("there is no tensor ", name));
    if (found->second.type != type || found->second.shape != shape) {
      return Fail(absl::StrCat(name, " should be ", std::string(ElementTypeName(type)), " [",
                               absl::StrJoin(shape, ", "), "]"));
    }
    used_.push_back(std::move(name));
    return ViewStoredWeight(found->second, file_).tensor;
  }

  const std::string where_;
  const std::string& name_;
  const Tensors& tensors_;
  const std::shared_ptr<const MappedFile>& file_;
  std::vector<std::string> used_;
};

struct IntegerWeights {
  std::map<std::string, IntegerWeight> weights;
  std::vector<std::string> tensors;  // the names of their parts
};

absl::StatusOr<IntegerWeights> ParseAll(const std::string& path, const Tensors& tensors,
                                        const Metadata& metadata,
                                        const std::shared_ptr<const MappedFile>& file) {
  const std::string where = absl::StrCat(path, ", metadata ", std::string(kIntegerWeightsKey));
  const auto text = metadata.find(kIntegerWeightsKey);
  const Json json =
      text == metadata.end() ? Json() : Json::parse(text->second, nullptr, /*throws=*/false);
  if (!json.is_object() || json.value("format", Json()) != kFormat || !json.contains("weights") ||
      !json["weights"].is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " should be an object with `format` \"",
                                                   std::string(kFormat), "\" and `weights`"));
  }
  IntegerWeights all;
  for (const auto& [name, entry] : json["weights"].items()) {
    WeightParser parser(where, name, tensors, file);
    PATCHBAY_ASSIGN_OR_RETURN(IntegerWeight weight, parser.Parse(entry));
    all.weights.emplace(name, std::move(weight));
    all.tensors.insert(all.tensors.end(), parser.used().begin(), parser.used().end());
  }
  return all;
}

// The element type of a tensor that is written.
absl::StatusOr<ElementType> TypeOf(const std::string& name, const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return ElementType::kFloat32;
    case at::kHalf:
      return ElementType::kFloat16;
    case at::kBFloat16:
      return ElementType::kBFloat16;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is of the type ", at::toString(tensor.scalar_type()),
                       "; only fp32, fp16 and bf16 can stay in floating point"));
  }
}

absl::Status CheckShape(const std::string& name, const IntegerWeight& integers,
                        const WeightMap& unet) {
  const auto found = unet.find(name);
  if (found == unet.end()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is no weight of this U-Net"));
  }
  const at::Tensor& tensor = found->second.tensor;
  if (tensor.numel() == c10::multiply_integers(integers.shape) && tensor.dim() >= 2 &&
      tensor.size(0) == integers.shape[0] && tensor.size(1) == integers.shape[1]) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name, " has the shape ", absl::StrJoin(found->second.tensor.sizes(), " x "),
      " in this U-Net and ", absl::StrJoin(integers.shape, " x "), " among the integers"));
}

}  // namespace

bool HasIntegerWeights(const SafetensorsFile& file) {
  return file.metadata().find(kIntegerWeightsKey) != file.metadata().end();
}

absl::StatusOr<CheckpointFile> OpenIntegerWeights(const SafetensorsFile& file) {
  PATCHBAY_ASSIGN_OR_RETURN(IntegerWeights integers,
                            ParseAll(file.path(), file.tensors(), file.metadata(), file.file()));
  CheckpointFile content = ContentOf(file);
  for (const std::string& name : integers.tensors) content.tensors.erase(name);
  for (auto& [name, weight] : integers.weights) {
    const bool is_new =
        content.tensors.emplace(name, ViewStoredWeight(std::move(weight), file.file())).second;
    if (is_new) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), " has ", name, " as integers and in floating point"));
  }
  return content;
}

absl::Status WriteIntegerWeights(const std::string& path, const WeightMap& unet,
                                 const std::vector<std::string_view>& integers,
                                 const std::string& plan) {
  constexpr char kSource[] = "the quantizer's weights";
  Tensors tensors;
  Json entries = Json::object();
  for (const std::string_view file : integers) {
    Tensors of_file;
    Metadata metadata;
    const auto bytes =
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(file.data()), file.size());
    PATCHBAY_RETURN_IF_ERROR(ParseSafetensors(kSource, bytes, {}, of_file, metadata));
    PATCHBAY_ASSIGN_OR_RETURN(const IntegerWeights parsed,
                              ParseAll(kSource, of_file, metadata, nullptr));
    for (const auto& [name, weight] : parsed.weights) {
      PATCHBAY_RETURN_IF_ERROR(CheckShape(name, weight, unet));
    }
    tensors.merge(of_file);
    entries.update(Json::parse(metadata.find(kIntegerWeightsKey)->second)["weights"]);
    // A linear layer may be stored as a 1x1 convolution.
    for (const auto& [name, weight] : parsed.weights) {
      entries[name]["shape"] = unet.find(name)->second.tensor.sizes().vec();
    }
  }
  std::vector<at::Tensor> kept;
  for (const auto& [name, stored] : unet) {
    if (entries.contains(name)) continue;
    const at::Tensor values = stored.is_quantized() ? stored.Values().to(at::kHalf) : stored.tensor;
    kept.push_back(values.contiguous());
    const at::Tensor& tensor = kept.back();
    PATCHBAY_ASSIGN_OR_RETURN(const ElementType type, TypeOf(name, tensor));
    tensors[name] = {type, tensor.sizes().vec(),
                     absl::MakeConstSpan(static_cast<const std::byte*>(tensor.const_data_ptr()),
                                         tensor.nbytes())};
  }
  const Json weights = {{"format", kFormat}, {"weights", std::move(entries)}};
  return WriteSafetensors(
      path, tensors,
      {{std::string(kIntegerWeightsKey), weights.dump()}, {std::string(kIntegerPlanKey), plan}});
}

}  // namespace patchbay
