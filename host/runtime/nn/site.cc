#include "host/runtime/nn/site.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace patchbay {
namespace {

struct Word {
  std::string_view diffusers;
  std::string_view ours;
};

constexpr Word kWords[] = {
    {"down_blocks", "down"},    {"mid_block", "mid"},  {"up_blocks", "up"},
    {"attentions", "attn"},     {"resnets", "resnet"}, {"transformer_blocks", "block"},
    {"attn1", "self"},          {"attn2", "cross"},    {"downsamplers", "downsample"},
    {"upsamplers", "upsample"},
};

std::string WithoutSingleBlock(const std::string& name) {
  return absl::StrReplaceAll(name, {{".block.0.", "."}});
}

}  // namespace

std::string_view SiteKindName(SiteKind kind) {
  switch (kind) {
    case SiteKind::kLinear:
      return "linear";
    case SiteKind::kConvolution:
      return "convolution";
    case SiteKind::kAttention:
      return "attention";
    case SiteKind::kTransformer:
      return "transformer";
    case SiteKind::kResnet:
      return "resnet";
    case SiteKind::kDownsample:
      return "downsample";
    case SiteKind::kUpsample:
      return "upsample";
    case SiteKind::kBlock:
      return "block";
    case SiteKind::kEncoderStage:
      return "encoder stage";
    case SiteKind::kDecoderStage:
      return "decoder stage";
  }
  return "unknown";
}

std::string ShortenedPath(std::string_view diffusers_path) {
  std::vector<std::string> words = absl::StrSplit(std::string(diffusers_path), '.');
  for (std::string& word : words) {
    for (const Word& known : kWords) {
      if (word == known.diffusers) {
        word = known.ours;
        break;
      }
    }
  }
  return absl::StrJoin(words, ".");
}

SiteTable::SiteTable(std::string component) : component_(std::move(component)) {}

SiteIndex SiteTable::Add(SiteKind kind, std::string diffusers_name, int64_t in_channels,
                         int64_t out_channels) {
  const SiteIndex index = static_cast<SiteIndex>(sites_.size());
  Site site;
  site.index = index;
  site.kind = kind;
  site.name = absl::StrCat(component_, ".",
                           component_ == "unet" ? ShortenedPath(diffusers_name) : diffusers_name);
  site.diffusers_name = std::move(diffusers_name);
  site.in_channels = in_channels;
  site.out_channels = out_channels;
  by_name_.emplace(site.name, index);
  by_name_.emplace(site.diffusers_name, index);
  by_name_.emplace(absl::StrCat(component_, ".", site.diffusers_name), index);
  sites_.push_back(std::move(site));
  return index;
}

SiteIndex SiteTable::AddStage(SiteKind kind, int64_t number, int64_t in_channels,
                              int64_t out_channels) {
  const bool encodes = kind == SiteKind::kEncoderStage;
  Site site;
  site.index = static_cast<SiteIndex>(sites_.size());
  site.kind = kind;
  site.name = absl::StrCat(component_, encodes ? ".encoder." : ".decoder.", number);
  site.ldm_name = absl::StrCat(encodes ? "input_blocks." : "output_blocks.", number);
  site.in_channels = in_channels;
  site.out_channels = out_channels;
  by_name_.emplace(site.name, site.index);
  by_name_.emplace(site.ldm_name, site.index);
  by_name_.emplace(absl::StrCat("model.diffusion_model.", site.ldm_name), site.index);
  sites_.push_back(std::move(site));
  return sites_.back().index;
}

std::shared_ptr<OperatorStorage> SiteTable::Storage(SiteIndex index) const {
  const auto found = storages_.find(index);
  return found == storages_.end() ? nullptr : found->second;
}

void SiteTable::SetStorage(SiteIndex index, std::shared_ptr<OperatorStorage> storage) {
  storages_[index] = std::move(storage);
}

void SiteTable::AddLdmNames(
    absl::FunctionRef<std::optional<std::string>(std::string_view)> ldm_name_of) {
  for (Site& site : sites_) {
    if (site.diffusers_name.empty()) continue;
    const std::optional<std::string> ldm_name = ldm_name_of(site.diffusers_name);
    if (!ldm_name) continue;
    site.ldm_name = *ldm_name;
    by_name_.emplace(site.ldm_name, site.index);
    by_name_.emplace(absl::StrCat("model.diffusion_model.", site.ldm_name), site.index);
  }
}

std::optional<SiteIndex> SiteTable::Find(std::string_view name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
  // The short form "down.1.attn.0.self" stands for block 0 only if there is no block 1.
  std::optional<SiteIndex> match;
  for (const Site& site : sites_) {
    if (WithoutSingleBlock(site.name) != name) continue;
    const std::string second = absl::StrReplaceAll(site.name, {{".block.0.", ".block.1."}});
    if (by_name_.find(second) != by_name_.end()) return std::nullopt;
    match = site.index;
  }
  return match;
}

}  // namespace patchbay
