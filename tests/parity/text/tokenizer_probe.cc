// Prints token ids, for comparison with transformers.
//   patchbay_tokenizer_probe TOKENIZER transformers|openclip < texts.json
// TOKENIZER: a folder, or CLIP's merge list (.gz). Input: a JSON list of strings; output: a list of
// lists of ids, without start, end and padding.

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "host/runtime/prompt/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TOKENIZER transformers|openclip < texts.json\n", argv[0]);
    return 2;
  }
  const std::string path = argv[1];
  const auto tokenizer = path.ends_with(".gz") ? patchbay::Tokenizer::FromMergeListFile(path)
                                               : patchbay::Tokenizer::FromFolder(path);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.status().ToString().c_str());
    return 1;
  }
  const auto cleaning = std::string(argv[2]) == "openclip" ? patchbay::TextCleaning::kOpenClip
                                                           : patchbay::TextCleaning::kTransformers;
  nlohmann::json ids = nlohmann::json::array();
  for (const auto& text : nlohmann::json::parse(std::cin)) {
    ids.push_back(tokenizer->Encode(text.get<std::string>(), cleaning));
  }
  std::cout << ids << '\n';
  return 0;
}
