#include "host/formats/foreign_file.h"

#include <algorithm>
#include <string_view>

namespace patchbay {
namespace {

struct Signature {
  std::string_view start;
  std::string_view advice;
};

constexpr std::string_view kPickleAdvice =
    "this is a pickled PyTorch checkpoint, which can run any code when Python reads it; `patchbay "
    "convert FILE -o FILE.safetensors` makes a .safetensors file of it and runs nothing";

constexpr std::string_view kBarePickleAdvice =
    "this is pickled, by a PyTorch before 1.6 or by something else, and a pickle can run any code "
    "when Python reads it; in Python, torch.save(torch.load(FILE, weights_only=True), NEW_FILE) "
    "makes a file of it that `patchbay convert NEW_FILE -o FILE.safetensors` reads";

constexpr Signature kSignatures[] = {
    {"PK\x03\x04", kPickleAdvice},
    {"\x80\x02", kBarePickleAdvice},
    {"\x80\x03", kBarePickleAdvice},
    {"\x80\x04", kBarePickleAdvice},
    {"\x80\x05", kBarePickleAdvice},
    {"version https://git-lfs",
     "this is a Git LFS pointer, not the file itself; run `git lfs pull` in the model's repository "
     "or "
     "download the file from its web page"},
    {"<!DOCTYPE", "this is a web page, perhaps an error message; download the file again"},
    {"<!doctype", "this is a web page, perhaps an error message; download the file again"},
    {"<html", "this is a web page, perhaps an error message; download the file again"},
    {"GGUF", "this is a GGUF file; give it a name that ends in .gguf"},
};

}  // namespace

std::optional<std::string> DescribeForeignFile(absl::Span<const std::byte> content) {
  constexpr size_t kLongestSignature = 32;
  const std::string_view start(reinterpret_cast<const char*>(content.data()),
                               std::min(content.size(), kLongestSignature));
  for (const Signature& signature : kSignatures) {
    if (start.substr(0, signature.start.size()) == signature.start) {
      return std::string(signature.advice);
    }
  }
  return std::nullopt;
}

}  // namespace patchbay
