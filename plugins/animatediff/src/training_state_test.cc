#include "plugins/animatediff/src/training_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "plugins/animatediff/src/motion_test_data.h"
#include "plugins/testing/refusal.h"

namespace animatediff {
namespace {

using testing::HasSubstr;

// A safetensors file's tensors and metadata.
struct Parsed {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

Parsed Parse(const std::string& bytes) {
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof(size));
  const auto header = nlohmann::json::parse(bytes.substr(8, size));
  Parsed parsed;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      parsed.metadata = entry.get<std::map<std::string, std::string>>();
      continue;
    }
    const auto begin = entry["data_offsets"][0].get<size_t>();
    at::Tensor tensor = at::empty(entry["shape"].get<std::vector<int64_t>>(), at::kFloat);
    std::memcpy(tensor.data_ptr(), bytes.data() + 8 + size + begin, tensor.nbytes());
    parsed.tensors[name] = tensor;
  }
  return parsed;
}

class TrainingStateTest : public testing::Test {
 protected:
  TrainingStateTest() {
    AdaptationFacts& facts = state_.adaptation.facts;
    facts.rank = 2;
    facts.base_model = "base";
    facts.module = "module";
    facts.clip = "clip";
    facts.steps = 5;
    state_.adaptation.modules = {RandomLora(*file_.modules[0], 2)};
    for (at::Tensor& tensor : TensorsOf(state_.adaptation)) tensor.set_data(tensor.to(at::kFloat));
    state_.optimizer.Begin(TensorsOf(state_.adaptation));
    for (const at::Tensor& moment : state_.optimizer.second_moments) moment.uniform_();
    state_.parameters = {{"seed", "42"}, {"rank", "2"}};
  }

  TrainingState Read(const std::string& bytes, const TrainingState& expected) const {
    const Parsed parsed = Parse(bytes);
    // As from a file, where a key that there is not reads as nothing.
    std::map<std::string, std::string> metadata;
    for (const std::string& key : StateKeys(expected.parameters)) {
      const auto found = parsed.metadata.find(key);
      metadata[key] = found == parsed.metadata.end() ? "" : found->second;
    }
    return ReadState(clip_vision::Weights("s.st", parsed.tensors), metadata, file_, expected);
  }
  std::string Refusal(const std::string& bytes,
                      const std::function<void(TrainingState&)>& change) const {
    TrainingState expected = state_;
    change(expected);
    return patchbay::Refusal([&] { Read(bytes, expected); });
  }

  const MotionFile file_ = RandomMotionFile(8, 4);
  TrainingState state_;
};

TEST_F(TrainingStateTest, ComesBackWithItsMoments) {
  TrainingState expected = state_;
  expected.adaptation.modules.clear();
  expected.adaptation.facts.steps = 0;
  const TrainingState again = Read(StateBytes(file_, state_), expected);
  EXPECT_EQ(again.optimizer.steps, 5);
  EXPECT_EQ(again.adaptation.facts.steps, 5);
  const auto before = TensorsOf(state_.adaptation);
  const auto after = TensorsOf(again.adaptation);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(at::equal(after[i], before[i]));
    EXPECT_TRUE(at::equal(again.optimizer.first_moments[i], state_.optimizer.first_moments[i]));
    EXPECT_TRUE(at::equal(again.optimizer.second_moments[i], state_.optimizer.second_moments[i]));
  }
}

TEST_F(TrainingStateTest, RefusesToGoOnWithSomethingElse) {
  const std::string bytes = StateBytes(file_, state_);
  EXPECT_EQ(Refusal(bytes, [](TrainingState&) {}), "");
  EXPECT_THAT(Refusal(bytes, [](TrainingState& s) { s.adaptation.facts.clip = "other"; }),
              HasSubstr("resume: s.st is of training on another clip"));
  EXPECT_THAT(Refusal(bytes, [](TrainingState& s) { s.parameters["seed"] = "43"; }),
              HasSubstr("another seed (42, and now it is 43)"));
  EXPECT_THAT(Refusal(bytes, [](TrainingState& s) { s.adaptation.facts.module = "other"; }),
              HasSubstr("another motion module"));
  EXPECT_THAT(Refusal(AdaptationBytes(file_, state_.adaptation), [](TrainingState&) {}),
              HasSubstr("holds no training to go on with"));
}

}  // namespace
}  // namespace animatediff
