#include "host/formats/pickle_machine.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/base/excerpt.h"
#include "host/base/status_macros.h"
#include "host/formats/pickle_globals.h"

namespace patchbay {
namespace {

// Opcodes by their names in Lib/pickletools.py.
enum Opcode : uint8_t {
  kProto = 0x80,
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kMark = '(',
  kBinUnicode = 'X',
  kGlobal = 'c',
  kReduce = 'R',
  kBinPersId = 'Q',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kSetItem = 's',
  kSetItems = 'u',
  kAppend = 'a',
  kAppends = 'e',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kNone = 'N',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBuild = 'b',
  kStop = '.',
  kInst = 'i',  // refused, but by the name that it gives
};

constexpr uint64_t kProtocol = 2;

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("its pickle is damaged: ", std::string(what), "; download the file again"));
}

}  // namespace

absl::StatusOr<Pickle> ReadPickle(absl::Span<const std::byte> content, const PickleLimits& limits) {
  if (content.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("its pickle has ", content.size(),
                                                   " bytes; at most ", limits.max_bytes,
                                                   " are read, far more than tensors need"));
  }
  return PickleMachine(content, limits).Run();
}

absl::StatusOr<Pickle> PickleMachine::Run() {
  while (!done_) {
    PATCHBAY_ASSIGN_OR_RETURN(const uint64_t opcode, Unsigned(1));
    PATCHBAY_RETURN_IF_ERROR(Step(static_cast<uint8_t>(opcode)));
  }
  return std::move(pickle_);
}

absl::Status PickleMachine::Step(uint8_t opcode) {
  switch (opcode) {
    case kProto: {
      PATCHBAY_ASSIGN_OR_RETURN(const uint64_t protocol, Unsigned(1));
      if (protocol == kProtocol) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("it is pickled in protocol ", protocol,
                       "; only 2 is read, which torch.save() writes if nobody asks for another"));
    }
    case kBinUnicode:
      return PushText();
    case kGlobal:
      return PushGlobal();
    case kInst:
      PATCHBAY_RETURN_IF_ERROR(PushGlobal());
      return Collect(opcode);  // refused whatever it names
    case kReduce:
      return Call();
    case kBinPersId:
      return PushStorage();
    case kBuild:
      return SetState();
    case kMark:
      marks_.push_back(stack_.size());
      return absl::OkStatus();
    case kBinInt:
    case kBinInt1:
    case kBinInt2:
    case kLong1:
    case kBinFloat:
      return PushNumber(opcode);
    case kBinPut:
    case kLongBinPut:
      return Remember(opcode);
    case kBinGet:
    case kLongBinGet:
      return Recall(opcode);
    case kStop: {
      PATCHBAY_ASSIGN_OR_RETURN(pickle_.root, Pop());
      done_ = true;
      return absl::OkStatus();
    }
    case kEmptyDict:
    case kEmptyList:
    case kEmptyTuple:
    case kNewTrue:
    case kNewFalse:
    case kNone:
      return PushConstant(opcode);
    default:
      return Collect(opcode);
  }
}

absl::Status PickleMachine::PushConstant(uint8_t opcode) {
  switch (opcode) {
    case kEmptyDict:
      return Push(Value::Kind::kDictionary);
    case kEmptyList:
      return Push(Value::Kind::kList);
    case kEmptyTuple:
      return Push(Value::Kind::kTuple);
    case kNone:
      return Push(Value::Kind::kNone);
    default:
      PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kBool));
      stack_.back()->integer = opcode == kNewTrue ? 1 : 0;
      return absl::OkStatus();
  }
}

absl::Status PickleMachine::PushNumber(uint8_t opcode) {
  if (opcode == kBinFloat) {
    PATCHBAY_ASSIGN_OR_RETURN(const auto bytes, Bytes(sizeof(double)));
    uint64_t bits = 0;
    for (const std::byte byte : bytes) bits = bits << 8 | static_cast<uint64_t>(byte);
    PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kReal));
    stack_.back()->real = std::bit_cast<double>(bits);
    return absl::OkStatus();
  }
  uint64_t width = opcode == kBinInt ? 4 : opcode == kBinInt2 ? 2 : 1;
  if (opcode == kLong1) {
    PATCHBAY_ASSIGN_OR_RETURN(width, Unsigned(1));
    if (width > sizeof(int64_t)) return Damaged("it has a number of more than 64 bits");
  }
  PATCHBAY_ASSIGN_OR_RETURN(uint64_t number, Unsigned(width));
  const bool has_sign = opcode == kBinInt || opcode == kLong1;
  if (has_sign && width > 0 && width < sizeof(number) && (number >> (8 * width - 1)) != 0) {
    number |= ~uint64_t{0} << (8 * width);
  }
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kInteger));
  stack_.back()->integer = static_cast<int64_t>(number);
  return absl::OkStatus();
}

absl::Status PickleMachine::Collect(uint8_t opcode) {
  switch (opcode) {
    case kTuple1:
    case kTuple2:
    case kTuple3:
      return PushTuple(static_cast<size_t>(opcode - kTuple1) + 1);
    case kTuple: {
      PATCHBAY_ASSIGN_OR_RETURN(const std::vector<Value*> items, PopToMark());
      PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kTuple));
      stack_.back()->items.assign(items.begin(), items.end());
      return absl::OkStatus();
    }
    case kAppend:
    case kSetItem: {
      std::vector<Value*> items(opcode == kAppend ? 1 : 2);
      for (auto item = items.rbegin(); item != items.rend(); ++item) {
        PATCHBAY_ASSIGN_OR_RETURN(*item, Pop());
      }
      PATCHBAY_ASSIGN_OR_RETURN(Value * container, Pop());
      stack_.push_back(container);
      return Append(container, items);
    }
    case kAppends:
    case kSetItems: {
      PATCHBAY_ASSIGN_OR_RETURN(const std::vector<Value*> items, PopToMark());
      PATCHBAY_ASSIGN_OR_RETURN(Value * container, Pop());
      stack_.push_back(container);
      return Append(container, items);
    }
    default:
      return absl::InvalidArgumentError(absl::StrFormat(
          "its pickle has the opcode 0x%02x at byte %d, which no file of tensors needs; it is not "
          "read, as it may run code",
          opcode, static_cast<int64_t>(position_) - 1));
  }
}

absl::Status PickleMachine::Append(Value* container, const std::vector<Value*>& items) {
  const bool is_dictionary = container->kind == Value::Kind::kDictionary;
  if (!is_dictionary && container->kind != Value::Kind::kList) {
    return Damaged("it adds entries to something that takes none");
  }
  if (is_dictionary && items.size() % 2 != 0) return Damaged("a key has no value");
  container->items.insert(container->items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status PickleMachine::Remember(uint8_t opcode) {
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t place, Unsigned(opcode == kBinPut ? 1 : 4));
  if (stack_.empty()) return Damaged("it remembers what is not there");
  if (memo_.size() >= limits_.max_values) return Damaged("it remembers too much");
  memo_[place] = stack_.back();
  return absl::OkStatus();
}

absl::Status PickleMachine::Recall(uint8_t opcode) {
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t place, Unsigned(opcode == kBinGet ? 1 : 4));
  const auto found = memo_.find(place);
  if (found == memo_.end()) return Damaged("it recalls what it has not remembered");
  stack_.push_back(found->second);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushText() {
  PATCHBAY_ASSIGN_OR_RETURN(const uint64_t length, Unsigned(4));
  PATCHBAY_ASSIGN_OR_RETURN(const auto bytes, Bytes(length));
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kText));
  stack_.back()->text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return absl::OkStatus();
}

absl::Status PickleMachine::PushGlobal() {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string_view module, Line());
  PATCHBAY_ASSIGN_OR_RETURN(const std::string_view name, Line());
  const std::string global = absl::StrCat(std::string(module), ".", std::string(name));
  if (!IsKnownGlobal(global)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it asks Python for \"", Excerpt(global),
        "\", which builds no tensor and may run any code; nothing of it has been run, and the file "
        "is not read; take one from a source you trust that holds tensors only"));
  }
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kGlobal));
  stack_.back()->text = global;
  return absl::OkStatus();
}

absl::Status PickleMachine::PushTuple(size_t count) {
  std::vector<const Value*> items(count);
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    PATCHBAY_ASSIGN_OR_RETURN(*item, Pop());
  }
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kTuple));
  stack_.back()->items = std::move(items);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushStorage() {
  PATCHBAY_ASSIGN_OR_RETURN(const Value* id, Pop());
  PATCHBAY_ASSIGN_OR_RETURN(PickledTensor storage, StorageOf(*id));
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kStorage));
  stack_.back()->tensor = std::move(storage);
  return absl::OkStatus();
}

absl::Status PickleMachine::Call() {
  PATCHBAY_ASSIGN_OR_RETURN(const Value* arguments, Pop());
  PATCHBAY_ASSIGN_OR_RETURN(const Value* callee, Pop());
  if (callee->kind != Value::Kind::kGlobal || arguments->kind != Value::Kind::kTuple) {
    return Damaged("it calls something that cannot be called");
  }
  if (callee->text == kOrderedDict) return CallOrderedDict(*arguments);
  if (callee->text == kRebuildTensor) return CallRebuildTensor(*arguments);
  if (callee->text == kRebuildParameter) return CallRebuildParameter(*arguments);
  return Damaged(absl::StrCat("it calls ", callee->text));
}

absl::Status PickleMachine::CallOrderedDict(const Value& arguments) {
  if (!arguments.items.empty()) return Damaged("an OrderedDict is made of something");
  return Push(Value::Kind::kDictionary);
}

absl::Status PickleMachine::CallRebuildTensor(const Value& arguments) {
  PATCHBAY_ASSIGN_OR_RETURN(PickledTensor tensor, TensorOf(arguments, limits_.max_rank));
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kTensor));
  stack_.back()->tensor = std::move(tensor);
  return absl::OkStatus();
}

absl::Status PickleMachine::CallRebuildParameter(const Value& arguments) {
  if (arguments.items.size() != 3 || arguments.items[0]->kind != Value::Kind::kTensor) {
    return Damaged("a parameter is made of no tensor");
  }
  PATCHBAY_RETURN_IF_ERROR(Push(Value::Kind::kTensor));
  stack_.back()->tensor = arguments.items[0]->tensor;
  return absl::OkStatus();
}

// torch.nn's state dicts have an attribute, _metadata, which says nothing of tensors.
absl::Status PickleMachine::SetState() {
  PATCHBAY_ASSIGN_OR_RETURN(const Value* state, Pop());
  PATCHBAY_ASSIGN_OR_RETURN(Value * object, Pop());
  if (object->kind != Value::Kind::kDictionary || state->kind != Value::Kind::kDictionary) {
    return Damaged("it sets the attributes of something that has none");
  }
  stack_.push_back(object);
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const std::byte>> PickleMachine::Bytes(uint64_t count) {
  if (count > content_.size() - position_) return Damaged("it ends too early");
  const auto bytes = content_.subspan(position_, count);
  position_ += count;
  return bytes;
}

absl::StatusOr<uint64_t> PickleMachine::Unsigned(size_t bytes) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto given, Bytes(bytes));
  uint64_t number = 0;
  for (size_t i = 0; i < given.size(); ++i) number |= static_cast<uint64_t>(given[i]) << (8 * i);
  return number;
}

absl::StatusOr<std::string_view> PickleMachine::Line() {
  const std::string_view rest(reinterpret_cast<const char*>(content_.data()) + position_,
                              content_.size() - position_);
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return Damaged("it ends within a name");
  position_ += end + 1;
  return rest.substr(0, end);
}

absl::StatusOr<PickledValue*> PickleMachine::New(Value::Kind kind) {
  if (pickle_.values.size() >= limits_.max_values) {
    return absl::InvalidArgumentError(absl::StrCat("it holds more than the ", limits_.max_values,
                                                   " values that are read; no model has so many"));
  }
  Value& value = pickle_.values.emplace_back();
  value.kind = kind;
  return &value;
}

absl::Status PickleMachine::Push(Value::Kind kind) {
  PATCHBAY_ASSIGN_OR_RETURN(Value * value, New(kind));
  stack_.push_back(value);
  return absl::OkStatus();
}

absl::StatusOr<PickledValue*> PickleMachine::Pop() {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) return Damaged("it uses a value that is not there");
  Value* const value = stack_.back();
  stack_.pop_back();
  return value;
}

absl::StatusOr<std::vector<PickledValue*>> PickleMachine::PopToMark() {
  if (marks_.empty()) return Damaged("it goes back to a mark that is not there");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Value*> values(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return values;
}

}  // namespace patchbay
