#include "bridges/common/latent_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bridges/common/json.h"
#include "bridges/common/status_macros.h"

namespace patchbay {
namespace {

constexpr char kHostTensor[] = "latent";
constexpr char kComfyTensor[] = "latent_tensor";
constexpr char kFormatMark[] = "latent_format_version_0";
constexpr double kSd1Scale = 0.18215;
constexpr uint64_t kMaxHeader = 16 << 20;
constexpr size_t kAlignment = 8;

static_assert(sizeof(float) == 4);

// A file of one tensor and empty ones. Numbers are little-endian, as this machine's are.
std::string File(const char* name, const FloatPlanes& latent, const char* mark, Json metadata) {
  const size_t bytes = latent.values.size() * sizeof(float);
  Json header = {{name,
                  {{"dtype", "F32"},
                   {"shape", {latent.batch, latent.channels, latent.height, latent.width}},
                   {"data_offsets", {0, bytes}}}}};
  if (mark != nullptr) {
    header[mark] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {bytes, bytes}}};
  }
  if (!metadata.empty()) header["__metadata__"] = std::move(metadata);
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const uint64_t length = text.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += text;
  file.append(reinterpret_cast<const char*>(latent.values.data()), bytes);
  return file;
}

absl::Status Damaged(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("this is no file of latents: ", why));
}

absl::StatusOr<Json> HeaderOf(std::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return Damaged("it is too short");
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxHeader || length > bytes.size() - sizeof(length)) {
    return Damaged("its header is longer than the file");
  }
  Json header = Json::parse(bytes.substr(sizeof(length), length), nullptr, false);
  if (!header.is_object()) return Damaged("its header is no JSON object");
  return header;
}

float FloatOfHalf(uint16_t half) {
  const int sign = half >> 15, exponent = half >> 10 & 31, fraction = half & 1023;
  const double size = exponent == 0    ? std::ldexp(fraction, -24)
                      : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                       : std::ldexp(fraction + 1024, exponent - 25);
  return static_cast<float>(sign == 0 ? size : -size);
}

// The four sides, each at least 1.
absl::StatusOr<FloatPlanes> Shaped(const Json& entry) {
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array() || shape->size() != 4 ||
      !std::all_of(shape->begin(), shape->end(), [](const Json& side) {
        return side.is_number_unsigned() && side.get<uint64_t>() <= 1 << 20;
      })) {
    return Damaged("its shape is not [B, C, h, w]");
  }
  const auto side = [&](size_t i) { return (*shape)[i].get<int>(); };
  return ZeroPlanes(side(0), side(1), side(2), side(3));
}

absl::StatusOr<FloatPlanes> Tensor(std::string_view bytes, const Json& header, const char* name) {
  const auto entry = header.find(name);
  if (entry == header.end() || !entry->is_object()) {
    return Damaged(absl::StrCat("it has no tensor \"", name, "\""));
  }
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes planes, Shaped(*entry));
  const std::string type = entry->value("dtype", Json()).dump();
  const size_t size = type == "\"F32\"" ? 4 : type == "\"F16\"" ? 2 : 0;
  if (size == 0) return Damaged(absl::StrCat("its numbers are ", type, ", not F32 or F16"));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  const std::string_view data = bytes.substr(sizeof(length) + length);
  const auto offsets = entry->find("data_offsets");
  const bool whole = offsets != entry->end() && offsets->is_array() && offsets->size() == 2 &&
                     (*offsets)[0].is_number_unsigned() && (*offsets)[1].is_number_unsigned();
  const uint64_t begin = whole ? (*offsets)[0].get<uint64_t>() : 0;
  const uint64_t end = whole ? (*offsets)[1].get<uint64_t>() : 0;
  if (end > data.size() || begin > end || end - begin != planes.values.size() * size) {
    return Damaged("its numbers are missing");
  }
  if (size == sizeof(float)) {
    std::memcpy(planes.values.data(), data.data() + begin, end - begin);
    return planes;
  }
  for (size_t i = 0; i < planes.values.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, data.data() + begin + i * size, size);
    planes.values[i] = FloatOfHalf(half);
  }
  return planes;
}

}  // namespace

std::string HostLatentFile(const FloatPlanes& latent) {
  return File(kHostTensor, latent, nullptr, Json::object());
}

absl::StatusOr<FloatPlanes> ReadHostLatentFile(std::string_view bytes) {
  BRIDGE_ASSIGN_OR_RETURN(const Json header, HeaderOf(bytes));
  return Tensor(bytes, header, kHostTensor);
}

std::string ComfyLatentFile(const FloatPlanes& latent,
                            const std::map<std::string, std::string>& texts) {
  return File(kComfyTensor, latent, kFormatMark, Json(texts));
}

absl::StatusOr<FloatPlanes> ReadComfyLatentFile(std::string_view bytes) {
  BRIDGE_ASSIGN_OR_RETURN(const Json header, HeaderOf(bytes));
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes planes, Tensor(bytes, header, kComfyTensor));
  if (header.contains(kFormatMark)) return planes;
  for (float& value : planes.values) value *= static_cast<float>(1 / kSd1Scale);
  return planes;
}

}  // namespace patchbay
