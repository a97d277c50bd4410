// What a plugin does with files and pictures that users give it.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_writer.h"
#include "host/formats/picture.h"
#include "host/plugins/file_settings.h"
#include "host/validator/refusal.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

constexpr char kName[] = "given";
constexpr uint32_t kSeed = 20262;

// A file in memory: nothing is left of it when this process crashes in the plugin.
class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Make(std::string_view bytes) {
    MemoryFile file(memfd_create(kName, MFD_CLOEXEC));
    if (file.descriptor_ < 0 ||
        write(file.descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      return absl::InternalError("cannot make a file to try");
    }
    return file;
  }
  MemoryFile(MemoryFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  std::string path() const { return absl::StrCat("/proc/self/fd/", descriptor_); }

 private:
  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Attaches with the file at `path` as this setting: done, or refused with a reason.
Verdict Try(Trial& trial, const std::string& field, const std::string& path,
            const std::string& what) {
  const auto settings =
      PluginSettings::FromPairs(trial.library().description().fields, {{field, kName}});
  if (!settings.ok()) return FromStatus(settings.status());
  const auto chain = trial.Attach(*settings, {{kName, path}});
  if (chain.ok() || IsRefusal(chain.status())) return Pass();
  return Fail(absl::StrCat("with ", what, " as ", field, ": ", chain.status().ToString()));
}

// None at all, and a name that nobody has a file for: the host sees to that.
Verdict TryWithout(Trial& trial, const std::string& field) {
  const auto& fields = trial.library().description().fields;
  const auto none = PluginSettings::FromPairs(fields, {{field, ""}});
  if (!none.ok()) return FromStatus(none.status());
  if (const auto chain = trial.Attach(*none); !chain.ok() && !IsRefusal(chain.status())) {
    return Fail(absl::StrCat("without ", field, ": ", chain.status().ToString()));
  }
  const auto missing = PluginSettings::FromPairs(fields, {{field, kName}});
  if (!missing.ok()) return FromStatus(missing.status());
  const auto chain = trial.Attach(*missing);
  return chain.ok() ? Fail(absl::StrCat(field, " takes the name of no file")) : Pass();
}

struct Content {
  const char* what;
  std::string bytes;
};

std::vector<Content> FileContents() {
  std::mt19937 random(kSeed);
  std::string noise(4096, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  const std::string header_size("\x02\0\0\0\0\0\0\0", 8);
  return {{"an empty file", ""},
          {"a file of one byte", std::string(1, '\0')},
          {"a text", "This is not what was asked for.\n"},
          {"an empty JSON object", "{}"},
          {"a JSON list", "[1, \"two\", null]"},
          {"random bytes", noise},
          {"a safetensors file without tensors", header_size + "{}"},
          {"a safetensors file that ends early", std::string(7, '\xff')},
          {"a safetensors file with an endless header", std::string(8, '\xff') + "{}"}};
}

Verdict TakesFiles(Trial& trial, const std::string& field) {
  for (const Content& content : FileContents()) {
    const auto file = MemoryFile::Make(content.bytes);
    if (!file.ok()) return FromStatus(file.status());
    const Verdict verdict = Try(trial, field, file->path(), content.what);
    if (verdict.kind == Verdict::Kind::kFail) return verdict;
  }
  return Try(trial, field, "/nonexistent/file", "a file that has gone");
}

Picture Noise(int width, int height, int channels) {
  std::mt19937 random(kSeed);
  Picture picture{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i) {
    picture.pixels.push_back(static_cast<uint8_t>(random()));
  }
  return picture;
}

Verdict TakesPictures(Trial& trial, const std::string& field) {
  const std::pair<const char*, Picture> pictures[] = {
      {"a picture of one pixel", Noise(1, 1, 3)},
      {"a grey picture", Noise(64, 48, 1)},
      {"a half transparent picture", Noise(65, 33, 4)},
      {"a picture without anything to see", {16, 16, 4, std::vector<uint8_t>(16 * 16 * 4)}},
      {"a long, narrow picture", Noise(3, 700, 3)}};
  for (const auto& [what, picture] : pictures) {
    const auto png = EncodePng(picture);
    if (!png.ok()) return FromStatus(png.status());
    const auto file = MemoryFile::Make(*png);
    if (!file.ok()) return FromStatus(file.status());
    const Verdict verdict = Try(trial, field, file->path(), what);
    if (verdict.kind == Verdict::Kind::kFail) return verdict;
  }
  return Pass();
}

Verdict TakesClips(Trial& trial, const std::string& field) {
  Picture clear = Noise(40, 24, 4);
  for (size_t i = 3; i < clear.pixels.size(); i += 4) clear.pixels[i] = 0;
  const std::pair<const char*, std::vector<Picture>> clips[] = {
      {"a clip of one frame", {Noise(40, 24, 3)}},
      {"a clip of three frames", {Noise(40, 24, 3), Noise(40, 24, 3), Noise(40, 24, 3)}},
      {"a clip whose second frame is transparent", {Noise(40, 24, 4), clear}},
      {"a clip of very many frames", std::vector<Picture>(300, Noise(3, 2, 3))}};
  for (const auto& [what, frames] : clips) {
    const auto webp = EncodeClip(frames);
    if (!webp.ok()) return FromStatus(webp.status());
    const auto file = MemoryFile::Make(*webp);
    if (!file.ok()) return FromStatus(file.status());
    const Verdict verdict = Try(trial, field, file->path(), what);
    if (verdict.kind == Verdict::Kind::kFail) return verdict;
  }
  return Pass();
}

bool IsFile(const PluginField& field) { return field.type == PATCHBAY_FIELD_FILE; }
bool IsPicture(const PluginField& field) { return field.type == PATCHBAY_FIELD_PICTURE; }

using FieldCheck = Verdict (*)(Trial&, const std::string& field);

// For each field of the kind; skips plugins that have none.
std::function<Verdict(const Subject&, Place&)> ForFields(bool (*is_of_kind)(const PluginField&),
                                                         FieldCheck check) {
  return [is_of_kind, check](const Subject& subject, Place& place) -> Verdict {
    std::vector<std::string> fields;
    for (const PluginField& field : subject.manifest().description.fields) {
      if (is_of_kind(field)) fields.push_back(field.id);
    }
    if (fields.empty()) return Skip("it has no such parameter");
    const auto trial = Trial::Open(subject, place);
    if (!trial.ok()) return FromStatus(trial.status());
    for (const std::string& field : fields) {
      for (const FieldCheck each : {static_cast<FieldCheck>(TryWithout), check}) {
        Verdict verdict = each(**trial, field);
        if (verdict.kind == Verdict::Kind::kFail) return verdict;
      }
    }
    return Pass();
  };
}

}  // namespace

std::vector<Check> FileChecks() {
  return {{"parameter.files", "It takes or refuses files with anything in them",
           "Files are the user's: refuse what is in them with patchbay::Error and a reason.",
           "instance.create", ForFields(IsFile, TakesFiles)},
          {"parameter.pictures", "It takes or refuses pictures of any size",
           "Scale pictures, or refuse them with patchbay::Error and a reason.", "instance.create",
           ForFields(IsPicture, TakesPictures)},
          {"parameter.clips", "It takes or refuses clips of any length",
           "Ask for as many pictures as there are frames, or refuse with patchbay::Error and a "
           "reason.",
           "instance.create", ForFields(HasFrames, TakesClips)}};
}

}  // namespace patchbay
