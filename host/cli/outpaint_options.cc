#include "host/cli/outpaint_options.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/cli/option_values.h"
#include "host/engine/plugin_access.h"
#include "host/engine/plugin_values.h"
#include "host/formats/picture.h"

namespace patchbay {
namespace {

// Of a canvas, and so of a margin.
constexpr int kMostSide = 16384;

absl::Status NothingToPaint() {
  return absl::InvalidArgumentError(
      "nothing would be painted: give a margin on one side at least, or a mask");
}

absl::StatusOr<Picture> ReadPictureFile(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  absl::StatusOr<Picture> picture = DecodePicture(file->bytes());
  if (picture.ok()) return picture;
  return absl::Status(picture.status().code(),
                      absl::StrCat(path, ": ", picture.status().message()));
}

// Pixels that are less than half opaque, which the plugin paints.
bool HasHoles(const Picture& picture) {
  if (picture.channels != 4) return false;
  for (size_t i = 3; i < picture.pixels.size(); i += 4) {
    if (picture.pixels[i] < 128) return true;
  }
  return false;
}

absl::StatusOr<PictureMargins> MarginsOf(const OutpaintOptions& options, PictureSize picture) {
  if (!options.margins.empty()) return ParseMargins(options.margins);
  if (options.target_size.empty()) return PictureMargins{};
  PATCHBAY_ASSIGN_OR_RETURN(const PictureSize target, ParseSize(options.target_size));
  return MarginsToSize(picture, target);
}

int RoundedUp(int length) { return (length + kCanvasStep - 1) / kCanvasStep * kCanvasStep; }

}  // namespace

absl::StatusOr<PictureMargins> ParseMargins(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  PictureMargins margins{};
  bool is_whole = parts.size() == 1 || parts.size() == margins.size();
  for (size_t side = 0; is_whole && side < margins.size(); ++side) {
    int& margin = margins[side];
    is_whole = absl::SimpleAtoi(parts[parts.size() == 1 ? 0 : side], &margin) && margin >= 0 &&
               margin <= kMostSide;
  }
  if (!is_whole) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" are no margins; they are pixels at the left, above, at the ",
                     "right and below, 0 to ", kMostSide,
                     " each, such as 64,0,64,0, or one number for all sides"));
  }
  return margins;
}

absl::StatusOr<PictureMargins> MarginsToSize(PictureSize picture, PictureSize target) {
  const int wide = target.width - picture.width;
  const int high = target.height - picture.height;
  if (wide < 0 || high < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the picture is ", picture.width, "x",
                                                   picture.height, ", which does not fit into ",
                                                   target.width, "x", target.height));
  }
  return PictureMargins{wide / 2, high / 2, wide - wide / 2, high - high / 2};
}

absl::StatusOr<OutpaintPlan> PlanOutpainting(const OutpaintOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const Picture picture, ReadPictureFile(options.picture_file));
  return PlanOutpainting(options, {picture.width, picture.height}, HasHoles(picture));
}

absl::StatusOr<OutpaintPlan> PlanOutpainting(const OutpaintOptions& options, PictureSize picture,
                                             bool has_holes) {
  OutpaintPlan plan;
  plan.picture = picture;
  PATCHBAY_ASSIGN_OR_RETURN(plan.margins, MarginsOf(options, plan.picture));
  const bool has_margin =
      std::any_of(plan.margins.begin(), plan.margins.end(), [](int margin) { return margin > 0; });
  if (!has_margin && options.mask_file.empty() && !has_holes) return NothingToPaint();
  const auto [left, top, right, bottom] = plan.margins;
  const int width = left + plan.picture.width + right;
  const int height = top + plan.picture.height + bottom;
  if (std::max(width, height) > kMostSide) {
    return absl::InvalidArgumentError(absl::StrCat("picture and margins are ", width, "x", height,
                                                   " pixels; at most ", kMostSide,
                                                   " a side can be drawn"));
  }
  const int64_t most = PictureLimits().max_pixels;
  if (int64_t{width} * height > most) {
    return absl::InvalidArgumentError(absl::StrCat("picture and margins are ", width, "x", height,
                                                   "; at most ", most, " pixels can be drawn"));
  }
  return plan;
}

SettingPairs Overridden(SettingPairs settings, const SettingPairs& given) {
  for (const auto& [field, value] : given) {
    std::erase_if(settings, [&](const auto& pair) { return pair.first == field; });
  }
  settings.insert(settings.end(), given.begin(), given.end());
  return settings;
}

absl::StatusOr<std::pair<std::string, std::string>> ParseSetting(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no setting; write FIELD=VALUE, such as rank=8"));
  }
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

void AddPlugin(const std::string& id, const SettingPairs& settings, GenerateOptions& generate) {
  std::string* place = nullptr;
  SettingPairs all = settings;
  for (std::string& plugin : generate.plugins) {
    const auto given = ParseChosenPlugin(plugin);
    // What is wrong with the text is told when it is used.
    if (!given.ok() || given->id != id) continue;
    place = &plugin;
    all = Overridden(std::move(all), given->settings);
    break;
  }
  std::string text = absl::StrCat(id, ":");
  for (const auto& [field, value] : all) {
    absl::StrAppend(&text, text.back() == ':' ? "" : ",", field, "=", QuoteSetting(value));
  }
  if (place != nullptr) {
    *place = std::move(text);
  } else {
    generate.plugins.push_back(std::move(text));
  }
}

void AddOutpainting(const OutpaintOptions& options, const OutpaintPlan& plan,
                    GenerateOptions& generate) {
  const auto [left, top, right, bottom] = plan.margins;
  SettingPairs settings = {{"picture", options.picture_file},
                           {"left", absl::StrCat(left)},
                           {"top", absl::StrCat(top)},
                           {"right", absl::StrCat(right)},
                           {"bottom", absl::StrCat(bottom)}};
  if (!options.mask_file.empty()) settings.emplace_back("mask", options.mask_file);
  if (options.feathering >= 0)
    settings.emplace_back("feathering", absl::StrCat(options.feathering));
  AddPlugin(kOutpainterPlugin, settings, generate);
  generate.size = absl::StrCat(RoundedUp(left + plan.picture.width + right), "x",
                               RoundedUp(top + plan.picture.height + bottom));
}

}  // namespace patchbay
