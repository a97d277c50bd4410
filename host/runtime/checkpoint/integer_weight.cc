#include "host/runtime/checkpoint/integer_weight.h"

namespace patchbay {
namespace {

// values: [outputs, positions, inputs]
at::Tensor Unrotated(const at::Tensor& values) {
  const at::Tensor h = at::tensor({1.0f, 1.0f, 1.0f, -1.0f, 1.0f, 1.0f, -1.0f, 1.0f,  //
                                   1.0f, -1.0f, 1.0f, 1.0f, -1.0f, 1.0f, 1.0f, 1.0f})
                           .view({4, 4}) /
                       2;
  const at::Tensor matrix = at::kron(h, at::kron(h, h));
  return at::matmul(values.unflatten(2, {-1, IntegerWeight::kGroup}), matrix).flatten(2);
}

at::Tensor ValuesOf(const IntegerWeight::Part& part, int bits, bool rotated) {
  at::Tensor integers = part.integers;
  if (bits == 4) {
    integers = at::stack({integers.bitwise_and(0x0f), integers.bitwise_right_shift(4)}, 3)
                   .flatten(2)
                   .narrow(2, 0, part.inputs);
  }
  at::Tensor values = integers.to(at::kFloat);
  if (bits == 4) {
    values.sub_(8);
    values.mul_(part.multiples.to(at::kFloat)
                    .repeat_interleave(IntegerWeight::kGroup, 2)
                    .narrow(2, 0, part.inputs));
  }
  values.mul_(part.steps.view({-1, 1, 1}));
  return rotated && part.inputs % IntegerWeight::kGroup == 0 ? Unrotated(values) : values;
}

}  // namespace

at::Tensor IntegerWeight::Values() const {
  std::vector<at::Tensor> values;
  for (const Part& part : parts) values.push_back(ValuesOf(part, bits, rotated));
  const at::Tensor all = values.size() == 1 ? values.front() : at::cat(values, 2);
  return all.transpose(1, 2).reshape(shape).contiguous();
}

int64_t IntegerWeight::ByteCount() const {
  size_t bytes = 0;
  for (const Part& part : parts) {
    bytes += part.integers.nbytes() + part.steps.nbytes();
    if (part.multiples.defined()) bytes += part.multiples.nbytes();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace patchbay
