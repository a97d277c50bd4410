#include "host/plugins/descriptor_reader.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

patchbay_field GoodField(const char* id, int32_t number) {
  patchbay_field field{};
  field.struct_size = sizeof(field);
  field.id = id;
  field.number = number;
  field.type = PATCHBAY_FIELD_BOOL;
  field.label = field.help = field.group = field.visible_if = "";
  field.default_text = "true";
  return field;
}

patchbay_descriptor GoodDescriptor() {
  patchbay_descriptor descriptor{};
  descriptor.struct_size = sizeof(descriptor);
  descriptor.id = "good";
  descriptor.version = "1.0.0";
  descriptor.title = descriptor.summary = descriptor.source = descriptor.licence = "";
  return descriptor;
}

// A plugin of a later minor version has larger structs; the host knows their beginnings.
TEST(DescriptorReaderTest, StepsOverWhatLaterVersionsAdd) {
  struct LaterField {
    patchbay_field known;
    const char* added;
  };
  LaterField fields[] = {{GoodField("first", 1), "?"}, {GoodField("second", 2), "?"}};
  for (LaterField& field : fields) field.known.struct_size = sizeof(field);
  patchbay_descriptor descriptor = GoodDescriptor();
  descriptor.fields = &fields[0].known;
  descriptor.field_count = 2;
  const auto read = ReadDescriptor(descriptor);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->fields.size(), 2);
  EXPECT_EQ(read->fields[1].id, "second");
  EXPECT_EQ(read->fields[1].number, 2);
}

TEST(DescriptorReaderTest, RefusesDamage) {
  patchbay_descriptor descriptor = GoodDescriptor();
  descriptor.title = nullptr;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("title: is NULL"));

  descriptor = GoodDescriptor();
  descriptor.struct_size = 16;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()), HasSubstr("struct_size"));

  descriptor = GoodDescriptor();
  descriptor.field_count = 1;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("fields: is NULL"));

  patchbay_field fields[] = {GoodField("first", 1), GoodField("second", 2)};
  descriptor.fields = fields;
  descriptor.field_count = 4000000000u;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("has 4000000000 elements"));
  descriptor.field_count = 2;
  fields[1].struct_size = 8;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("differ in struct_size"));
  fields[0].struct_size = 0;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("smaller than this ABI's"));

  const std::string long_text(70000, 'x');
  descriptor = GoodDescriptor();
  descriptor.summary = long_text.c_str();
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("more than 65536 bytes"));

  const char* const hooks[] = {"patchbay.hook.guidance/1", nullptr};
  descriptor = GoodDescriptor();
  descriptor.required_hooks = hooks;
  descriptor.required_hook_count = 2;
  EXPECT_THAT(std::string(ReadDescriptor(descriptor).status().message()),
              HasSubstr("required_hooks: is NULL"));
}

}  // namespace
}  // namespace patchbay
