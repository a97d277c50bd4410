#include "host/formats/pickle.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/pickle_test_data.h"

namespace patchbay {
namespace {

using namespace pickled;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PickledValue::Kind;

Pickle Read(const std::string& value) {
  const std::string program = Program(value);
  absl::StatusOr<Pickle> pickle = ReadPickle(BytesOf(program));
  EXPECT_TRUE(pickle.ok()) << pickle.status();
  return pickle.ok() ? std::move(*pickle) : Pickle();
}

std::string ProgramComplaint(const std::string& program, const PickleLimits& limits = {}) {
  const absl::StatusOr<Pickle> pickle = ReadPickle(BytesOf(program), limits);
  if (pickle.ok()) return "accepted";
  EXPECT_EQ(pickle.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(pickle.status().message());
}

std::string Complaint(const std::string& value, const PickleLimits& limits = {}) {
  return ProgramComplaint(Program(value), limits);
}

TEST(PickleTest, ReadsNumbersAndTexts) {
  const Pickle pickle =
      Read(Tuple({Int(-7), "K\x09", "M\x01\x02", std::string("\x8a\x02\xff\x7f", 4),
                  std::string("\x8a\x01\xfe", 3), std::string("\x8a\x00", 2),
                  std::string("G\x3f\xf8\0\0\0\0\0\0", 9), "\x88", "\x89", "N", Text("word")}));
  const auto& items = pickle.root->items;
  ASSERT_EQ(items.size(), 11u);
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < 6; ++i) numbers.push_back(items[i]->integer);
  EXPECT_THAT(numbers, ElementsAre(-7, 9, 0x201, 0x7fff, -2, 0));
  EXPECT_EQ(items[6]->real, 1.5);
  EXPECT_EQ(items[7]->integer, 1);
  EXPECT_EQ(items[8]->integer, 0);
  EXPECT_EQ(items[9]->kind, Kind::kNone);
  EXPECT_EQ(items[10]->text, "word");
}

TEST(PickleTest, ReadsContainers) {
  const Pickle pickle =
      Read(Tuple({"](K\x01K\x02"
                  "e",
                  "]K\x03"
                  "a",
                  "}" + Text("a") + "K\x04s", Dictionary({Text("b"), "N"}), "N\x85", "NN\x86",
                  "NNN\x87", ")"}));
  std::vector<size_t> sizes;
  for (const PickledValue* item : pickle.root->items) sizes.push_back(item->items.size());
  EXPECT_THAT(sizes, ElementsAre(2, 1, 2, 2, 1, 2, 3, 0));
  EXPECT_EQ(pickle.root->items[2]->items[1]->integer, 4);
}

TEST(PickleTest, RemembersAndRecalls) {
  const std::string value = Tuple(
      {Text("a") + "q\x05", "h\x05", Text("b") + "r" + Number32(70000), "j" + Number32(70000)});
  const Pickle pickle = Read(value);
  EXPECT_EQ(pickle.root->items[0], pickle.root->items[1]);
  EXPECT_EQ(pickle.root->items[3]->text, "b");
}

TEST(PickleTest, ReadsTensors) {
  const std::string shape = Tuple({Int(2), Int(3)});
  const Pickle pickle =
      Read(Tensor(Storage("BFloat16Storage", "12", 9), 2, shape, Tuple({Int(1), Int(2)})));
  ASSERT_EQ(pickle.root->kind, Kind::kTensor);
  const PickledTensor& tensor = *pickle.root->tensor;
  EXPECT_EQ(tensor.type, ElementType::kBFloat16);
  EXPECT_EQ(tensor.storage, "12");
  EXPECT_EQ(tensor.storage_elements, 9u);
  EXPECT_EQ(tensor.offset, 2u);
  EXPECT_THAT(tensor.shape, ElementsAre(2, 3));
  EXPECT_THAT(tensor.strides, ElementsAre(1, 2));
}

TEST(PickleTest, ReadsParametersAndStateDicts) {
  const std::string parameter = Global("torch._utils", "_rebuild_parameter") +
                                Tuple({Vector("0", 4), "\x88", EmptyOrderedDict()}) + "R";
  // With its attribute _metadata.
  const std::string state = EmptyOrderedDict() + "(" + Text("w") + parameter + "u" +
                            Dictionary({Text("_metadata"), EmptyOrderedDict()}) + "b";
  const Pickle pickle = Read(state);
  ASSERT_EQ(pickle.root->items.size(), 2u);
  EXPECT_THAT(pickle.root->items[1]->tensor->shape, ElementsAre(4));
}

TEST(PickleTest, RefusesWhatMayRunCodeByItsName) {
  const std::string system = Global("posix", "system") + Tuple({Text("rm")}) + "R";
  EXPECT_THAT(Complaint(system), HasSubstr("\"posix.system\""));
  EXPECT_THAT(Complaint("(" + Text("ls") + "iposix\nsystem\n"), HasSubstr("posix.system"));
  EXPECT_THAT(Complaint(Global("builtins", "eval")), HasSubstr("builtins.eval"));
  EXPECT_THAT(Complaint(Global("torch", "load")), HasSubstr("torch.load"));
  EXPECT_THAT(Complaint(Global("torch.nn.modules.linear", "Linear")), HasSubstr("Linear"));
  EXPECT_THAT(Complaint(Global("collections", "OrderedDict.fromkeys")), HasSubstr("fromkeys"));
  // NEWOBJ, OBJ, STACK_GLOBAL, EXT1, the text of protocol 0.
  for (const char* const opcode : {"\x81", "o", "\x93", "\x82", "S'a'\n"}) {
    EXPECT_THAT(Complaint(Tuple({}) + opcode), HasSubstr("may run code")) << opcode;
  }
  EXPECT_THAT(ProgramComplaint("\x80\x04N."), HasSubstr("protocol 4"));
}

TEST(PickleTest, CallsNothingElse) {
  // A storage's type, a tensor, a text.
  EXPECT_THAT(Complaint(Global("torch", "HalfStorage") + ")R"), HasSubstr("damaged"));
  EXPECT_THAT(Complaint(Vector("0", 2) + ")R"), HasSubstr("cannot be called"));
  EXPECT_THAT(Complaint(Text("posix.system") + ")R"), HasSubstr("cannot be called"));
  EXPECT_THAT(Complaint(Global("collections", "OrderedDict") + Tuple({"]"}) + "R"),
              HasSubstr("OrderedDict"));
  // Attributes of a list and of a function.
  EXPECT_THAT(Complaint("]" + Dictionary({}) + "b"), HasSubstr("attributes"));
  EXPECT_THAT(Complaint(Global("collections", "OrderedDict") + Dictionary({}) + "b"),
              HasSubstr("attributes"));
}

TEST(PickleTest, RefusesTensorsBeyondTheirStorage) {
  const auto complaint = [](int32_t offset, const std::string& shape, const std::string& strides) {
    return Complaint(Tensor(Storage("FloatStorage", "0", 6), offset, shape, strides));
  };
  const std::string beyond = "beyond its storage";
  EXPECT_THAT(complaint(1, Tuple({Int(6)}), Tuple({Int(1)})), HasSubstr(beyond));
  EXPECT_THAT(complaint(0, Tuple({Int(2), Int(3)}), Tuple({Int(4), Int(1)})), HasSubstr(beyond));
  EXPECT_THAT(complaint(0, Tuple({Int(1 << 30), Int(1 << 30), Int(1 << 30)}),
                        Tuple({Int(1 << 30), Int(1 << 30), Int(1)})),
              HasSubstr(beyond));
  // More elements than the storage has, though none lies beyond it.
  EXPECT_THAT(complaint(0, Tuple({Int(4), Int(3)}), Tuple({Int(1), Int(1)})), HasSubstr(beyond));
  EXPECT_THAT(complaint(7, Tuple({Int(0)}), Tuple({Int(1)})), HasSubstr(beyond));
  EXPECT_THAT(complaint(0, Tuple({Int(2)}), Tuple({})), HasSubstr("proper shape"));
  EXPECT_THAT(complaint(0, Tuple({Int(-1)}), Tuple({Int(1)})), HasSubstr("proper shape"));
  EXPECT_THAT(complaint(0, Int(2), Tuple({Int(1)})), HasSubstr("proper shape"));
  EXPECT_EQ(complaint(6, Tuple({Int(0)}), Tuple({Int(1)})), "accepted");
  EXPECT_EQ(complaint(0, Tuple({}), Tuple({})), "accepted");
}

TEST(PickleTest, RefusesTensorsThatRepeatTheirNumbers) {
  const std::string storage = Storage("FloatStorage", "0", 6);
  EXPECT_THAT(Complaint(Tensor(storage, 0, Tuple({Int(7)}), Tuple({Int(0)}))),
              HasSubstr("expand()"));
  EXPECT_THAT(Complaint(Tensor(storage, 0, Tuple({Int(1 << 30), Int(1 << 30), Int(1 << 30)}),
                               Tuple({Int(0), Int(0), Int(0)}))),
              HasSubstr("expand()"));
  EXPECT_EQ(Complaint(Tensor(storage, 0, Tuple({Int(1), Int(6)}), Tuple({Int(0), Int(1)}))),
            "accepted");
}

TEST(PickleTest, RefusesDamage) {
  const std::string whole = Program(Dictionary({Text("w"), Vector("0", 4)}));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(ProgramComplaint(whole.substr(0, length)), "accepted") << length;
  }
  for (const char* const value :
       {"", "t", "u", "a",
        "K\x01K\x02"
        "a",
        "h\x01", "q\x01", "}(K\x01u", "K\x01(\x85", "Q", "NQ", "R", "b", "(."}) {
    EXPECT_THAT(Complaint(value), HasSubstr("damaged")) << value;
  }
  EXPECT_THAT(Complaint(std::string("\x8a\x09"
                                    "123456789")),
              HasSubstr("64 bits"));
  EXPECT_THAT(Complaint(Tuple({Text("storage"), Text("x"), Text("0"), Text("cpu"), Int(1)}) + "Q"),
              HasSubstr("no storage"));
}

TEST(PickleTest, KeepsWithinItsLimits) {
  PickleLimits limits;
  limits.max_values = 10;
  EXPECT_THAT(Complaint("(" + std::string(20, 'N') + "t", limits), HasSubstr("more than the 10"));
  limits = {};
  limits.max_bytes = 10;
  EXPECT_THAT(Complaint(Text("longer than that"), limits), HasSubstr("at most 10"));
  limits = {};
  limits.max_rank = 2;
  EXPECT_THAT(Complaint(Tensor(Storage("FloatStorage", "0", 1), 0, Tuple({Int(1), Int(1), Int(1)}),
                               Tuple({Int(1), Int(1), Int(1)})),
                        limits),
              HasSubstr("proper shape"));
}

}  // namespace
}  // namespace patchbay
