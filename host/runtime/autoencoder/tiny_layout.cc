#include "host/runtime/autoencoder/tiny_layout.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

struct Dialect {
  const char* decoder;
  const char* encoder;
  // The number of the decoder's first convolution.
  int first;
};

// diffusers; files that hold both halves of the original; each half in a file of its own.
constexpr Dialect kDialects[] = {
    {"decoder.layers", "encoder.layers", 0},
    {"taesd_decoder", "taesd_encoder", 1},
    {"decoder", "encoder", 1},
    {"", "", 1},
};

// More modules than any such network has: a number beyond is no module's.
constexpr int kMostModules = 100;

std::string Name(const std::string& path, int index, std::string_view rest) {
  return absl::StrCat(path, path.empty() ? "" : ".", index, ".", std::string(rest));
}

// The highest number that follows `path`; nothing when none does.
std::optional<int> LastModule(const WeightMap& weights, const std::string& path) {
  const std::string prefix = path.empty() ? "" : path + ".";
  std::optional<int> last;
  for (auto it = weights.lower_bound(prefix); it != weights.end() && it->first.starts_with(prefix);
       ++it) {
    const std::string_view rest = std::string_view(it->first).substr(prefix.size());
    int number = 0;
    if (absl::SimpleAtoi(std::string(rest.substr(0, rest.find('.'))), &number) && number >= 0 &&
        number < kMostModules) {
      last = std::max(last.value_or(0), number);
    }
  }
  return last;
}

class LayoutReader {
 public:
  LayoutReader(const WeightMap& weights, TinyHalf half, std::string path, int first, int last)
      : weights_(weights), half_(half), path_(std::move(path)), first_(first), last_(last) {}

  TinyLayer At(int index) const {
    if (index == first_ || index == last_) return TinyLayer::kConvolution;
    const bool decoder = half_ == TinyHalf::kDecoder;
    if (IsConvolution(index)) {
      if (Has(index, "bias")) return TinyLayer::kConvolution;
      return decoder ? TinyLayer::kConvolutionWithoutBias : TinyLayer::kHalving;
    }
    if (!IsEmpty(index)) return TinyLayer::kBlock;
    if (!decoder) return TinyLayer::kHalving;
    if (index == first_ + 1) return TinyLayer::kRelu;
    if (IsEmpty(index + 1)) return TinyLayer::kUpsample;
    if (IsConvolution(index + 1) && !Has(index + 1, "bias")) return TinyLayer::kUpsample;
    // Two in a row: the convolution after an upsampling is missing.
    if (IsEmpty(index - 1) && index - 1 != first_ + 1) return TinyLayer::kConvolutionWithoutBias;
    return TinyLayer::kBlock;
  }

  bool IsConvolution(int index) const { return Has(index, "weight") || Has(index, "bias"); }

 private:
  bool IsEmpty(int index) const { return !HasPrefix(weights_, Name(path_, index, "")); }
  bool Has(int index, std::string_view name) const {
    return weights_.find(Name(path_, index, name)) != weights_.end();
  }

  const WeightMap& weights_;
  TinyHalf half_;
  std::string path_;
  int first_;
  int last_;
};

// The original numbers both halves alike, but only the encoder has a module 0 with weights.
bool IsOtherHalf(const WeightMap& weights, TinyHalf half) {
  const bool has_zero = HasPrefix(weights, "0.");
  return half == TinyHalf::kDecoder ? has_zero : !has_zero;
}

}  // namespace

absl::StatusOr<TinyLayout> FindTinyLayout(const WeightMap& weights, TinyHalf half,
                                          const std::string& file) {
  const bool decoder = half == TinyHalf::kDecoder;
  for (const Dialect& dialect : kDialects) {
    TinyLayout layout;
    layout.path = decoder ? dialect.decoder : dialect.encoder;
    layout.first = decoder ? dialect.first : 0;
    const std::optional<int> last = LastModule(weights, layout.path);
    if (!last || *last <= layout.first) continue;
    if (layout.path.empty() && IsOtherHalf(weights, half)) {
      return absl::InvalidArgumentError(absl::StrCat(
          file, " is a tiny autoencoder's ", decoder ? "encoder" : "decoder", ", not its ",
          decoder ? "decoder; use the file that is called taesd_decoder"
                  : "encoder; use the file that is called taesd_encoder"));
    }
    // A last module that is no convolution is not the last.
    const LayoutReader guess(weights, half, layout.path, layout.first, *last + 1);
    const int end = guess.IsConvolution(*last) ? *last : *last + 1;
    const LayoutReader reader(weights, half, layout.path, layout.first, end);
    for (int i = layout.first; i <= end; ++i) layout.layers.push_back(reader.At(i));
    return layout;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      file, " is no tiny autoencoder (TAESD): it has neither ",
      decoder ? "decoder.layers.0.weight, as in diffusers' AutoencoderTiny, nor 1.weight, as in "
                "the original's taesd_decoder.safetensors"
              : "encoder.layers.0.weight, as in diffusers' AutoencoderTiny, nor 0.weight, as in "
                "the original's taesd_encoder.safetensors"));
}

}  // namespace patchbay
