#include "bridges/webui/outpainting_script.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"

namespace patchbay::webui {
namespace {

constexpr char kMk2[] = "outpainting mk2";
constexpr char kPoorMans[] = "poor man's outpainting";
constexpr int kSideStep = 64;
constexpr int kMostPixels = 16384;
constexpr int kMostFeathering = 512;

// Where the arguments stand in a script's list.
struct Places {
  size_t pixels, blur, directions;
};

absl::StatusOr<int> ReadPixels(const Json& arguments, size_t place, const char* what, int otherwise,
                               int most) {
  if (place >= arguments.size() || arguments[place].is_null()) return otherwise;
  const Json& value = arguments[place];
  const double number = value.is_number() ? value.get<double>() : -1;
  if (!(number >= 0 && number <= most)) {
    return absl::InvalidArgumentError(absl::StrCat("script_args: number ", place + 1, " is ", what,
                                                   ", a number of pixels from 0 to ", most));
  }
  return static_cast<int>(std::lround(number));
}

absl::Status ReadDirections(const Json& directions, int pixels, Outpainting& outpainting) {
  if (!directions.is_array()) {
    return absl::InvalidArgumentError("script_args: the directions must be a list");
  }
  for (const Json& direction : directions) {
    int* const margin = direction == "left"    ? &outpainting.left
                        : direction == "right" ? &outpainting.right
                        : direction == "up"    ? &outpainting.top
                        : direction == "down"  ? &outpainting.bottom
                                               : nullptr;
    if (margin == nullptr) {
      return absl::InvalidArgumentError(
          "script_args: directions are \"left\", \"right\", \"up\" and \"down\"");
    }
    *margin = pixels;
  }
  return absl::OkStatus();
}

// Both margins of a side, so that the side becomes a multiple of 64.
void RoundUp(int length, int& before, int& after) {
  if (before + after == 0) return;
  const int whole = (length + before + after + kSideStep - 1) / kSideStep * kSideStep;
  const int more = whole - length;
  before = before * more / (before + after);
  after = more - before;
}

}  // namespace

bool IsOutpaintingScript(std::string_view name) {
  return absl::EqualsIgnoreCase(std::string(name), kMk2) ||
         absl::EqualsIgnoreCase(std::string(name), kPoorMans);
}

Json OutpaintingScripts() { return Json::array({kMk2, kPoorMans}); }

absl::StatusOr<Outpainting> ReadOutpainting(std::string_view name, const Json& arguments, int width,
                                            int height) {
  const bool is_mk2 = absl::EqualsIgnoreCase(std::string(name), kMk2);
  const Places places = is_mk2 ? Places{1, 2, 3} : Places{0, 1, 3};
  if (!arguments.is_array()) return absl::InvalidArgumentError("script_args must be a list");
  Outpainting outpainting;
  BRIDGE_ASSIGN_OR_RETURN(const int pixels, ReadPixels(arguments, places.pixels,
                                                       "the margins' width", 128, kMostPixels));
  BRIDGE_ASSIGN_OR_RETURN(
      outpainting.feathering,
      ReadPixels(arguments, places.blur, "the mask's blur", is_mk2 ? 8 : 4, kMostFeathering));
  const Json everywhere = Json::array({"left", "right", "up", "down"});
  const bool has_directions = places.directions < arguments.size();
  BRIDGE_RETURN_IF_ERROR(ReadDirections(has_directions ? arguments[places.directions] : everywhere,
                                        pixels, outpainting));
  RoundUp(width, outpainting.left, outpainting.right);
  RoundUp(height, outpainting.top, outpainting.bottom);
  if (outpainting.left + outpainting.right + outpainting.top + outpainting.bottom == 0) {
    return absl::InvalidArgumentError(
        "script_args: nothing would be painted; give pixels and a direction");
  }
  return outpainting;
}

}  // namespace patchbay::webui
