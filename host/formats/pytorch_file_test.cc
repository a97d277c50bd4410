#include "host/formats/pytorch_file.h"

#include <zlib.h>

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/pickle_test_data.h"

namespace patchbay {
namespace {

using namespace pickled;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Number16(uint32_t value) { return Number32(value).substr(0, 2); }

// A zip archive (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.16) of stored members.
struct Zip {
  struct Member {
    std::string name;
    std::string bytes;
    uint32_t method = 0;
    uint32_t flags = 0;
    uint32_t checksum_change = 0;
    uint32_t size_change = 0;  // of what the directory says
  };
  std::vector<Member> members;

  std::string File() const {
    std::string file;
    std::string directory;
    for (const Member& member : members) {
      const uint32_t checksum =
          static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(member.bytes.data()),
                                      static_cast<uInt>(member.bytes.size()))) ^
          member.checksum_change;
      const auto size = static_cast<uint32_t>(member.bytes.size());
      const std::string common = Number16(member.flags) + Number16(member.method) + Number32(0) +
                                 Number32(checksum) + Number32(size) +
                                 Number32(size + member.size_change) +
                                 Number16(static_cast<uint32_t>(member.name.size())) + Number16(0);
      directory += "PK\x01\x02" + Number16(20) + Number16(20) + common + Number16(0) + Number16(0) +
                   Number16(0) + Number32(0) + Number32(static_cast<uint32_t>(file.size())) +
                   member.name;
      file += "PK\x03\x04" + Number16(20) + common + member.name + member.bytes;
    }
    const auto count = static_cast<uint32_t>(members.size());
    return file + directory + "PK\x05\x06" + Number32(0) + Number16(count) + Number16(count) +
           Number32(static_cast<uint32_t>(directory.size())) +
           Number32(static_cast<uint32_t>(file.size())) + Number16(0);
  }
};

std::string Floats(std::initializer_list<float> numbers) {
  return {reinterpret_cast<const char*>(std::data(numbers)), numbers.size() * sizeof(float)};
}

// What torch.save() writes of a value that uses a storage "0" of six numbers.
Zip Saved(const std::string& value) {
  return {{{"archive/data.pkl", Program(value)},
           {"archive/byteorder", "little"},
           {"archive/data/0", Floats({0, 1, 2, 3, 4, 5})},
           {"archive/version", "3\n"}}};
}

absl::StatusOr<PytorchTensors> Read(const std::string& file) {
  return ReadPytorchFile("x.pt", BytesOf(file));
}

std::string Complaint(const std::string& file) {
  const auto tensors = Read(file);
  if (tensors.ok()) return "accepted";
  EXPECT_EQ(tensors.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(tensors.status().message()), HasSubstr("x.pt: "));
  return std::string(tensors.status().message());
}

std::vector<float> Numbers(const SafetensorsTensor& tensor) {
  std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  return numbers;
}

TEST(PytorchFileTest, ReadsWholeTensorsAndViews) {
  const std::string storage = Storage("FloatStorage", "0", 6);
  const auto read = Read(
      Saved(
          Dictionary(
              {Text("whole"), Tensor(storage, 0, Tuple({Int(2), Int(3)}), Tuple({Int(3), Int(1)})),
               Text("turned"), Tensor(storage, 0, Tuple({Int(3), Int(2)}), Tuple({Int(1), Int(3)})),
               Text("part"), Tensor(storage, 4, Tuple({Int(2)}), Tuple({Int(1)})), Text("empty"),
               Tensor(storage, 0, Tuple({Int(0), Int(7)}), Tuple({Int(7), Int(1)})), Text("one"),
               Tensor(storage, 3, Tuple({}), Tuple({}))}))
          .File());
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& tensors = read->tensors;
  EXPECT_THAT(Numbers(tensors.at("whole")), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(tensors.at("whole").shape, ElementsAre(2, 3));
  EXPECT_THAT(Numbers(tensors.at("turned")), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(Numbers(tensors.at("part")), ElementsAre(4, 5));
  EXPECT_THAT(Numbers(tensors.at("one")), ElementsAre(3));
  EXPECT_TRUE(tensors.at("empty").bytes.empty());
  EXPECT_THAT(tensors.at("empty").shape, ElementsAre(0, 7));
}

TEST(PytorchFileTest, NamesNestedTensors) {
  const auto read = Read(
      Saved(Dictionary({Text("outer"), Dictionary({Text("1.to_k"), Vector("0", 6)}), Text("list"),
                        "](" + Vector("0", 6) +
                            "N"
                            "e",
                        Text("step"), Int(3)}))
          .File());
  ASSERT_TRUE(read.ok()) << read.status();
  std::vector<std::string> names;
  for (const auto& [name, tensor] : read->tensors) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("list.0", "outer.1.to_k"));
  EXPECT_THAT(read->left_out, ElementsAre("list.1", "step"));
}

TEST(PytorchFileTest, TakesTheStateDictOutOfACheckpoint) {
  const auto read =
      Read(Saved(Dictionary({Text("global_step"), Int(3), Text("state_dict"),
                             Dictionary({Text("w"), Vector("0", 6)}), Text("optimizer"),
                             Dictionary({Text("m"), Vector("0", 6)})}))
               .File());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->tensors.size(), 1u);
  EXPECT_EQ(read->tensors.begin()->first, "w");
  EXPECT_THAT(read->left_out, ElementsAre("global_step", "optimizer"));
}

TEST(PytorchFileTest, RefusesOtherFilesWithAdvice) {
  const std::string legacy("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  EXPECT_THAT(Complaint(legacy), HasSubstr("before PyTorch 1.6"));
  EXPECT_THAT(Complaint(Program("N")), HasSubstr("a pickle of its own"));
  EXPECT_THAT(Complaint("version https://git-lfs.github.com/spec/v1"), HasSubstr("Git LFS"));
  EXPECT_THAT(Complaint(""), HasSubstr("no file that torch.save()"));
  EXPECT_THAT(Complaint(Zip{{{"a/b", "c"}}}.File()), HasSubstr("without a data.pkl"));
  Zip script = Saved(Vector("0", 6));
  script.members.push_back({"archive/code/__torch__.py", "import os"});
  EXPECT_THAT(Complaint(script.File()), HasSubstr("TorchScript"));
}

TEST(PytorchFileTest, RefusesCode) {
  EXPECT_THAT(Complaint(Saved(Dictionary({Text("w"), Global("os", "system")})).File()),
              HasSubstr("\"os.system\""));
}

TEST(PytorchFileTest, RefusesDamagedArchives) {
  const std::string good = Dictionary({Text("w"), Vector("0", 6)});
  ASSERT_EQ(Complaint(Saved(good).File()), "accepted");
  const std::string whole = Saved(good).File();
  EXPECT_THAT(Complaint(whole.substr(0, whole.size() / 2)), HasSubstr("damaged"));
  Zip zip = Saved(good);
  zip.members[2].checksum_change = 1;
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("damaged"));
  zip = Saved(good);
  zip.members[2].bytes.pop_back();
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("storage \"0\""));
  zip = Saved(good);
  zip.members[1].bytes = "big";
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("byte order"));
  zip = Saved(Dictionary({Text("w"), Vector("../0", 6)}));
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("missing"));
}

TEST(PytorchFileTest, RefusesWhatGrowsWhenItIsRead) {
  const std::string good = Dictionary({Text("w"), Vector("0", 6)});
  Zip zip = Saved(good);
  zip.members[2].method = 8;  // deflate
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("is compressed or encrypted"));
  zip = Saved(good);
  zip.members[2].size_change = 1u << 30;
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("missing or of another number"));
  zip = Saved(good);
  zip.members.push_back(zip.members[2]);
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("zip archive is damaged"));
  // Long names, which every entry would have a copy of.
  const std::string name(2000, 'k');
  EXPECT_THAT(Complaint(Saved(Dictionary({Text("w"), Vector(name, 6)})).File()),
              HasSubstr("a storage's name is too long"));
  EXPECT_THAT(Complaint(Saved(Dictionary({Text(name), Int(3)})).File()),
              HasSubstr("a name in it is too long"));
  EXPECT_THAT(Complaint(Saved(Dictionary({Text(name), Int(3), Text("state_dict"),
                                          Dictionary({Text("w"), Vector("0", 6)})}))
                            .File()),
              HasSubstr("a name in it is too long"));
  // One storage under many names; a dictionary in itself; dictionaries that hold the next twice.
  std::string many = "}(";
  for (int i = 0; i < 2000; ++i)
    many += Text(std::to_string(i)) + (i == 0 ? Vector("0", 6) + "q\x01" : "h\x01");
  zip = Saved(many + "u");
  EXPECT_EQ(Complaint(zip.File()), "accepted");
  zip.members[2].bytes.assign(1u << 20, 'x');
  zip.members[0].bytes = Program("}(" + Text("a") + Vector("0", 1 << 18) + "q\x01" + [] {
    std::string more;
    for (int i = 0; i < 20; ++i) more += Text(std::to_string(i)) + "h\x01";
    return more;
  }() + "u");
  EXPECT_THAT(Complaint(zip.File()), HasSubstr("many times the file's size"));
  EXPECT_THAT(Complaint(Saved("}q\x01(" + Text("a") + "h\x01u").File()), HasSubstr("without end"));
  std::string nested = "]q\x02";
  for (int i = 0; i < 30; ++i) nested = "](" + nested + "h\x02" + "eq\x02";
  EXPECT_THAT(Complaint(Saved(nested).File()), HasSubstr("without end"));
}

TEST(PytorchFileTest, RefusesNamesThatClash) {
  EXPECT_THAT(Complaint(Saved(Dictionary({Text("a.b"), Vector("0", 6), Text("a"),
                                          Dictionary({Text("b"), Vector("0", 6)})}))
                            .File()),
              HasSubstr("\"a.b\""));
  EXPECT_THAT(Complaint(Saved(Vector("0", 6)).File()), HasSubstr("without a name"));
  EXPECT_THAT(Complaint(Saved(Dictionary({Text("a"), Int(1)})).File()), HasSubstr("no tensors"));
  EXPECT_THAT(Complaint(Saved(Dictionary({"N", Vector("0", 6)})).File()), HasSubstr("no text"));
}

}  // namespace
}  // namespace patchbay
