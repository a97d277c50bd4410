#include "plugins/llava/src/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "plugins/llava/src/sentencepiece_model.h"
#include "plugins/llava/src/tokenizer_json.h"

namespace llava {
namespace {

namespace fs = std::filesystem;

constexpr char kTokenizerJson[] = "tokenizer.json";
constexpr char kSentencePieceModel[] = "tokenizer.model";

constexpr uintmax_t kLargestText = 64 << 20;
constexpr size_t kMostFiles = 1024;

}  // namespace

ModelFolder FindModelFolder(const std::string& config_path) {
  const fs::path folder = fs::path(config_path).parent_path();
  ModelFolder found;
  found.config = config_path;
  std::error_code failed;
  for (const char* name : {kSentencePieceModel, kTokenizerJson}) {
    if (fs::is_regular_file(folder / name, failed)) found.tokenizer = (folder / name).string();
  }
  for (fs::directory_iterator file(folder, failed), end; !failed && file != end;
       file.increment(failed)) {
    std::error_code ignored;
    if (file->path().extension() != ".safetensors" || !file->is_regular_file(ignored)) continue;
    found.weights.push_back(file->path().string());
    if (found.weights.size() > kMostFiles) break;
  }
  std::sort(found.weights.begin(), found.weights.end());
  if (found.weights.empty() || found.weights.size() > kMostFiles) {
    throw patchbay::Error("llava: in " + folder.string() + ", where " +
                          fs::path(config_path).filename().string() + " lies, there are " +
                          (found.weights.empty() ? "no" : "too many") +
                          " files *.safetensors; name the config.json in the model's own folder, "
                          "with its weights and its tokenizer");
  }
  if (found.tokenizer.empty()) {
    throw patchbay::Error("llava: " + folder.string() +
                          " has no tokenizer.json and no tokenizer.model; take that of "
                          "llava-hf/llava-1.5-7b-hf, which serves all that are made from LLaMA or "
                          "Vicuna");
  }
  return found;
}

Tokenizer OpenTokenizer(const ModelFolder& folder) {
  const std::string content = ReadText(folder.tokenizer);
  const std::string name = "llava: " + folder.tokenizer;
  const bool is_json = fs::path(folder.tokenizer).filename() == kTokenizerJson;
  return Tokenizer(is_json ? ReadTokenizerJson(content, name)
                           : ReadSentencePieceModel(content, name));
}

std::string ReadText(const std::string& path) {
  std::error_code failed;
  const uintmax_t size = fs::file_size(path, failed);
  if (failed || size > kLargestText) {
    throw patchbay::Error("llava: " + path +
                          (failed ? " cannot be read" : " is larger than 64 MiB, and so is none"));
  }
  std::string text(size, '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.read(text.data(), static_cast<std::streamsize>(size));
  if (static_cast<uintmax_t>(stream.gcount()) != size) {
    throw patchbay::Error("llava: " + path + " cannot be read");
  }
  return text;
}

}  // namespace llava
