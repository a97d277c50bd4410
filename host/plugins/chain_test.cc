#include "host/plugins/chain.h"

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/plugins/plugin_fault.h"
#include "host/plugins/plugin_host.h"
#include "host/plugins/testing/plugin_folder.h"

namespace patchbay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Chains of the test plugins, attached to a denoiser without sites.
class ChainTest : public testing::Test {
 protected:
  ChainTest() {
    PluginHostOptions options;
    options.folders = {TEST_PLUGINS_FOLDER};
    auto host = PluginHost::Open(options);
    EXPECT_TRUE(host.ok()) << host.status();
    host_ = *std::move(host);
    model_.struct_size = sizeof(model_);
    model_.fingerprint = "";
  }

  absl::StatusOr<std::shared_ptr<const Chain>> Build(const std::vector<ChosenPlugin>& plugins,
                                                     bool is_explicit = false) {
    return host_->BuildChain(plugins, is_explicit, {sites_, model_});
  }

  // What the chain makes of guidance that went from 0 (conditional) to 1.
  static double Guided(const Chain& chain) {
    patchbay_step step{};
    step.struct_size = sizeof(step);
    step.step_count = 1;
    const std::vector<PluginInPass> plugins(chain.builds().size());
    PredictionSet set{at::zeros({1, 4, 8, 8}), 1.0, at::zeros({1, 4, 8, 8}), {},
                      at::ones({1, 4, 8, 8}),  7.5};
    for (const auto& hook : chain.hooks().sampling.guidance) {
      const at::Tensor edited = hook({step, plugins}, set);
      if (edited.defined()) set.guided = edited;
    }
    return set.guided.mean().item<double>();
  }

  std::unique_ptr<PluginHost> host_;
  SiteTable sites_{"unet"};
  patchbay_model_info model_{};
};

TEST_F(ChainTest, TakesTheFilesOfARequest) {
  const std::vector<ChosenPlugin> plugins = {{"test-exact", {{"plan", "plan.json"}}}};
  const auto missing = Build(plugins);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("plugin test-exact: setting \"plan\": there is no file \"plan.json\""));
  ASSERT_TRUE(PluginFaultOf(missing.status()).has_value());
  EXPECT_EQ(PluginFaultOf(missing.status())->plugin, "test-exact");
  const std::vector<PluginFile> files = {{"plan.json", "/etc/hostname", "digest"}};
  const auto chain = host_->BuildChain(plugins, false, {sites_, model_, nullptr, "", files});
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_THAT((*chain)->hooks().text, HasSubstr("(plan=plan.json)"));
  EXPECT_THAT(host_->FileIdentities(plugins, files).value(), ElementsAre("digest"));
  const absl::Status none = host_->FileIdentities(plugins, {}).status();
  EXPECT_EQ(PluginFaultOf(none)->plugin, "test-exact");
}

TEST_F(ChainTest, OrdersPluginsAndSaysWhatItIs) {
  const auto chain = Build({{"test-exact", {}}, {"test-plain", {{"factor", "0.8"}}}});
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_THAT((*chain)->hooks().plugin_ids, ElementsAre("test-plain", "test-exact"));
  EXPECT_THAT((*chain)->hooks().text, HasSubstr("test-plain 1.0.0 (factor=0.8) "));
  const ChainPlan& plan = (*chain)->plan();
  ASSERT_EQ(plan.links.size(), 2u);
  EXPECT_THAT(plan.links[0].settings,
              ElementsAre(std::pair("factor", "0.8"), std::pair("way", "scale")));
  EXPECT_THAT(plan.links[0].hooks, ElementsAre("patchbay.hook.guidance/1"));
  EXPECT_EQ(plan.links[0].build, (*chain)->builds()[0]);
}

TEST_F(ChainTest, HooksActOneAfterAnother) {
  const auto one = Build({{"test-plain", {{"factor", "0.8"}}}});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_NEAR(Guided(**one), 0.8, 1e-6);
  const auto both =
      Build({{"test-plain", {{"factor", "0.8"}}}, {"test-exact", {{"factor", "0.5"}}}});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_NEAR(Guided(**both), 0.4, 1e-6);
}

TEST_F(ChainTest, ARepeatablePluginActsOnceForEachOfItsSettings) {
  const ChosenPlugin first = {"test-exact", {{"factor", "0.5"}}};
  const ChosenPlugin second = {"test-exact", {{"factor", "0.6"}}};
  const auto both = Build({first, {"test-plain", {{"factor", "0.8"}}}, second});
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_THAT((*both)->hooks().plugin_ids, ElementsAre("test-plain", "test-exact", "test-exact"));
  EXPECT_NEAR(Guided(**both), 0.24, 1e-6);
  EXPECT_NE((*both)->plan().digest, (*Build({first, first}))->plan().digest);
  EXPECT_NE((*Build({first, second}))->plan().digest, (*Build({second, first}))->plan().digest);
}

TEST_F(ChainTest, ItsDigestNamesBuildsSettingsAndOrder) {
  const std::vector<ChosenPlugin> plugins = {{"test-plain", {{"factor", "0.8"}}},
                                             {"test-stable", {}}};
  const std::string digest = (*Build(plugins))->plan().digest;
  EXPECT_EQ((*Build(plugins))->plan().digest, digest);
  EXPECT_EQ((*Build({plugins[1], plugins[0]}))->plan().digest, digest);
  // What is at its default may be said or not.
  EXPECT_EQ(
      (*Build({{"test-plain", {{"way", "scale"}, {"factor", "0.8"}}}, plugins[1]}))->plan().digest,
      digest);
  EXPECT_NE((*Build({{"test-plain", {}}, plugins[1]}))->plan().digest, digest);
  EXPECT_NE((*Build({plugins[0]}))->plan().digest, digest);
}

TEST_F(ChainTest, RefusesWhatCannotBeAndBlamesThePlugin) {
  const absl::Status settings = Build({{"test-plain", {{"factor", "9"}}}}).status();
  EXPECT_THAT(std::string(settings.message()), HasSubstr("plugin test-plain: "));
  ASSERT_TRUE(PluginFaultOf(settings).has_value());
  EXPECT_EQ(PluginFaultOf(settings)->kind, PluginFault::Kind::kRefused);
  EXPECT_EQ(Build({{"test-plane", {}}}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Build({{"test-plain", {}}, {"test-plain", {}}}).ok());
  EXPECT_FALSE(Build({{"test-exact", {}}, {"test-plain", {}}}, true).ok());
}

TEST_F(ChainTest, SuspendedBuildsAreLeftAlone) {
  const std::string build = host_->Find("test-plain")->build;
  for (int i = 0; i < 3; ++i) host_->monitor().RecordFailure(build, absl::InternalError("why"));
  const absl::Status status = Build({{"test-plain", {}}}).status();
  EXPECT_EQ(PluginFaultOf(status)->kind, PluginFault::Kind::kSuspended);
  EXPECT_EQ(host_->Find("test-plain")->state, PluginState::kSuspended);
  EXPECT_FALSE(host_->Resolve({.choices = {{"test-plain", {}}}, .left_out = {}}).ok());
  const auto skipped =
      host_->Resolve({.choices = {{"test-plain", {}}}, .skips_unusable = true, .left_out = {}});
  ASSERT_TRUE(skipped.ok()) << skipped.status();
  EXPECT_TRUE(skipped->plugins.empty());
  EXPECT_EQ(skipped->warnings.size(), 1u);
}

TEST_F(ChainTest, NothingCanBeActivatedWithoutAStore) {
  EXPECT_EQ(host_->Activate("test-plain", "", {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace patchbay
