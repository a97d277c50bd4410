#ifndef PATCHBAY_HOST_FORMATS_PICKLE_MACHINE_H_
#define PATCHBAY_HOST_FORMATS_PICKLE_MACHINE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/formats/pickle.h"

namespace patchbay {

// The machine that a pickle is a program for: a stack, marks on it, and a memo.
class PickleMachine {
 public:
  PickleMachine(absl::Span<const std::byte> content, const PickleLimits& limits)
      : content_(content), limits_(limits) {}

  absl::StatusOr<Pickle> Run();

 private:
  using Value = PickledValue;

  // One instruction. Sets done_ at the end.
  absl::Status Step(uint8_t opcode);
  absl::Status PushConstant(uint8_t opcode);
  absl::Status PushNumber(uint8_t opcode);
  absl::Status Collect(uint8_t opcode);
  absl::Status Remember(uint8_t opcode);
  absl::Status Recall(uint8_t opcode);

  absl::Status PushText();
  absl::Status PushGlobal();
  absl::Status PushTuple(size_t count);
  absl::Status PushStorage();
  absl::Status Call();
  absl::Status CallOrderedDict(const Value& arguments);
  absl::Status CallRebuildTensor(const Value& arguments);
  absl::Status CallRebuildParameter(const Value& arguments);
  absl::Status SetState();

  // Reading the program.
  absl::StatusOr<absl::Span<const std::byte>> Bytes(uint64_t count);
  absl::StatusOr<uint64_t> Unsigned(size_t bytes);
  absl::StatusOr<std::string_view> Line();

  // The stack. What lies below the last mark is out of reach.
  absl::StatusOr<Value*> New(Value::Kind kind);
  absl::Status Push(Value::Kind kind);
  absl::StatusOr<Value*> Pop();
  absl::StatusOr<std::vector<Value*>> PopToMark();
  absl::Status Append(Value* container, const std::vector<Value*>& items);

  absl::Span<const std::byte> content_;
  const PickleLimits& limits_;
  size_t position_ = 0;
  bool done_ = false;
  Pickle pickle_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, Value*> memo_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICKLE_MACHINE_H_
