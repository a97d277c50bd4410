#include "host/plugins/site_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace patchbay {
namespace {

patchbay_site_kind KindOf(SiteKind kind) {
  switch (kind) {
    case SiteKind::kLinear:
      return PATCHBAY_SITE_LINEAR;
    case SiteKind::kConvolution:
      return PATCHBAY_SITE_CONVOLUTION;
    case SiteKind::kAttention:
      return PATCHBAY_SITE_ATTENTION;
    case SiteKind::kTransformer:
      return PATCHBAY_SITE_TRANSFORMER;
    case SiteKind::kResnet:
      return PATCHBAY_SITE_RESNET;
    case SiteKind::kDownsample:
      return PATCHBAY_SITE_DOWNSAMPLE;
    case SiteKind::kUpsample:
      return PATCHBAY_SITE_UPSAMPLE;
    case SiteKind::kBlock:
      return PATCHBAY_SITE_BLOCK;
    case SiteKind::kEncoderStage:
      return PATCHBAY_SITE_ENCODER_STAGE;
    case SiteKind::kDecoderStage:
      return PATCHBAY_SITE_DECODER_STAGE;
  }
  return PATCHBAY_SITE_BLOCK;
}

// Which part of the network a site's name puts it in: "unet.down.1.attn.0" is down block 1.
std::pair<patchbay_part, int32_t> PartOf(const Site& site) {
  const std::vector<std::string> words = absl::StrSplit(site.name, '.');
  if (words.size() < 2) return {PATCHBAY_PART_NONE, -1};
  if (words[1] == "mid") return {PATCHBAY_PART_MIDDLE, -1};
  int32_t block = -1;
  if (words.size() < 3 || !absl::SimpleAtoi(words[2], &block)) return {PATCHBAY_PART_NONE, -1};
  if (words[1] == "down") return {PATCHBAY_PART_DOWN, block};
  if (words[1] == "up") return {PATCHBAY_PART_UP, block};
  return {PATCHBAY_PART_NONE, -1};
}

// Every down block but the last ends in a downsampler.
int32_t ScaleAt(patchbay_part part, int32_t block, int32_t levels) {
  switch (part) {
    case PATCHBAY_PART_DOWN:
      return 1 << block;
    case PATCHBAY_PART_MIDDLE:
      return 1 << (levels - 1);
    case PATCHBAY_PART_UP:
      return 1 << (levels - 1 - block);
    default:
      return 1;
  }
}

patchbay_site Describe(const Site& site, int32_t levels) {
  const auto [part, block] = PartOf(site);
  uint32_t flags = 0;
  if (site.kind == SiteKind::kAttention) {
    flags = site.is_cross_attention ? PATCHBAY_SITE_CROSS_ATTENTION : PATCHBAY_SITE_SELF_ATTENTION;
  }
  if (site.is_from_text) flags |= PATCHBAY_SITE_FROM_TEXT;
  return {.struct_size = sizeof(patchbay_site),
          .index = static_cast<uint32_t>(site.index),
          .kind = KindOf(site.kind),
          .flags = flags,
          .name = site.name.c_str(),
          .diffusers_name = site.diffusers_name.c_str(),
          .ldm_name = site.ldm_name.c_str(),
          .part = part,
          .block = block,
          .scale = ScaleAt(part, block, levels),
          .in_channels = site.in_channels,
          .out_channels = site.out_channels,
          .heads = site.heads,
          .skip_split = site.skip_split,
          .kernel = site.kernel,
          .stride = site.stride,
          .padding = site.padding};
}

}  // namespace

std::vector<patchbay_site> ListSites(const SiteTable& sites) {
  int32_t levels = 1;
  for (const Site& site : sites.sites()) {
    const auto [part, block] = PartOf(site);
    if (part == PATCHBAY_PART_DOWN) levels = std::max(levels, block + 1);
  }
  std::vector<patchbay_site> list;
  for (const Site& site : sites.sites()) list.push_back(Describe(site, levels));
  return list;
}

}  // namespace patchbay
