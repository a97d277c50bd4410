// PackedWeight to and from the order in which files have its integers.

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "packed_weight.h"

namespace quantizer {
namespace {

int64_t HalvesUp(int64_t count) { return (count + 1) / 2; }

void CheckTensor(const at::Tensor& tensor, at::ScalarType type, at::IntArrayRef shape,
                 const char* name) {
  TORCH_CHECK(tensor.defined() && tensor.scalar_type() == type && tensor.sizes() == shape &&
                  tensor.is_contiguous(),
              "a stored weight's ", name, " are not [", shape, "]");
}

}  // namespace

int64_t PackedWeight::PlaceOf(int64_t output, int64_t tap, int64_t input) const {
  const int64_t group =
      (output / kPanel * taps_ + tap) * (padded_inputs_ / kGroup) + input / kGroup;
  return (group * kPanel + output % kPanel) * kGroup + input % kGroup;
}

size_t PackedWeight::ScaleIndex(int64_t output, int64_t tap, int64_t input) const {
  const int64_t group = (output / kPanel * taps_ + tap) * scale_groups() + input / kScaleGroup;
  return static_cast<size_t>(group * kPanel + output % kPanel);
}

int PackedWeight::NibbleAt(int64_t output, int64_t tap, int64_t input) const {
  constexpr int64_t kHalf = kPanel * kGroup / 2;
  const int64_t place = PlaceOf(output, tap, input);
  const int64_t in_group = place % (2 * kHalf);
  const uint8_t byte = data_.data()[place / (2 * kHalf) * kHalf + in_group % kHalf];
  return in_group < kHalf ? byte & 0x0f : byte >> 4;
}

void PackedWeight::SetNibble(int64_t output, int64_t tap, int64_t input, int nibble) {
  constexpr int64_t kHalf = kPanel * kGroup / 2;
  const int64_t place = PlaceOf(output, tap, input);
  const int64_t in_group = place % (2 * kHalf);
  uint8_t& byte = data_.data()[place / (2 * kHalf) * kHalf + in_group % kHalf];
  byte = static_cast<uint8_t>(in_group < kHalf ? (byte & 0xf0) | nibble
                                               : (byte & 0x0f) | (nibble << 4));
}

StoredWeight PackedWeight::Stored() const {
  StoredWeight stored;
  stored.inputs = inputs_;
  stored.steps = at::empty({outputs_}, at::kFloat);
  std::copy_n(step_.data(), outputs_, stored.steps.mutable_data_ptr<float>());
  if (bits_ == 8) {
    stored.integers = at::empty({outputs_, taps_, inputs_}, at::kChar);
    auto* integer = stored.integers.mutable_data_ptr<int8_t>();
    const auto* const data = reinterpret_cast<const int8_t*>(data_.data());
    for (int64_t output = 0; output < outputs_; ++output) {
      for (int64_t tap = 0; tap < taps_; ++tap) {
        for (int64_t input = 0; input < inputs_; ++input) {
          *integer++ = data[PlaceOf(output, tap, input)];
        }
      }
    }
    return stored;
  }
  stored.integers = at::empty({outputs_, taps_, HalvesUp(inputs_)}, at::kByte);
  stored.multiples = at::empty({outputs_, taps_, scale_groups_of_inputs()}, at::kByte);
  auto* integer = stored.integers.mutable_data_ptr<uint8_t>();
  auto* multiple = stored.multiples.mutable_data_ptr<uint8_t>();
  for (int64_t output = 0; output < outputs_; ++output) {
    for (int64_t tap = 0; tap < taps_; ++tap) {
      for (int64_t input = 0; input < inputs_; input += 2) {
        const int upper = input + 1 < inputs_ ? NibbleAt(output, tap, input + 1) : 8;
        *integer++ = static_cast<uint8_t>(NibbleAt(output, tap, input) | (upper << 4));
      }
      for (int64_t input = 0; input < inputs_; input += kScaleGroup) {
        *multiple++ = scale_[ScaleIndex(output, tap, input)];
      }
    }
  }
  return stored;
}

PackedWeight::PackedWeight(const StoredWeight& stored, std::vector<int64_t> shape,
                           const at::Tensor& bias, const Options& options)
    : PackedWeight(std::move(shape), bias, options) {
  CheckTensor(stored.steps, at::kFloat, {outputs_}, "steps");
  if (bits_ == 8) {
    CheckTensor(stored.integers, at::kChar, {outputs_, taps_, inputs_}, "integers");
  } else {
    CheckTensor(stored.integers, at::kByte, {outputs_, taps_, HalvesUp(inputs_)}, "integers");
    CheckTensor(stored.multiples, at::kByte, {outputs_, taps_, scale_groups_of_inputs()},
                "multiples");
  }
  std::copy_n(stored.steps.const_data_ptr<float>(), outputs_, step_.data());
  at::parallel_for(0, panels(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t output = begin * kPanel; output < std::min(outputs_, end * kPanel); ++output) {
      UnpackRow(stored, output);
    }
  });
}

void PackedWeight::UnpackRow(const StoredWeight& stored, int64_t output) {
  int32_t sum = 0;
  for (int64_t tap = 0; tap < taps_; ++tap) {
    const int64_t row = output * taps_ + tap;
    if (bits_ == 8) {
      const int8_t* const integers = stored.integers.const_data_ptr<int8_t>() + row * inputs_;
      auto* const data = reinterpret_cast<int8_t*>(data_.data());
      for (int64_t input = 0; input < inputs_; ++input) {
        data[PlaceOf(output, tap, input)] = integers[input];
        sum += integers[input];
      }
      continue;
    }
    const uint8_t* const integers =
        stored.integers.const_data_ptr<uint8_t>() + row * HalvesUp(inputs_);
    const uint8_t* const multiples =
        stored.multiples.const_data_ptr<uint8_t>() + row * scale_groups_of_inputs();
    for (int64_t input = 0; input < inputs_; ++input) {
      const int nibble = input % 2 == 0 ? integers[input / 2] & 0x0f : integers[input / 2] >> 4;
      const uint8_t multiple = multiples[input / kScaleGroup];
      SetNibble(output, tap, input, nibble);
      scale_[ScaleIndex(output, tap, input)] = multiple;
      sum += (nibble - 8) * multiple;
    }
  }
  sum_[static_cast<size_t>(output)] = sum;
}

}  // namespace quantizer
