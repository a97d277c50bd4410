#include "host/cli/convert_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/excerpt.h"
#include "host/base/file_writer.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/cli/option_values.h"
#include "host/formats/moma_layout.h"
#include "host/formats/pytorch_file.h"

namespace patchbay {
namespace {

struct Options {
  std::string input;
  std::string output;
};

void SayWhatIsLeftOut(const std::vector<std::string>& names) {
  if (names.empty()) return;
  constexpr size_t kMost = 5;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, names.size())));
  std::fprintf(stderr, "note: %zu%s entries are no tensors and were left out: %s%s\n", names.size(),
               names.size() == kMostNamesLeftOut ? " or more" : "",
               Excerpt(absl::StrJoin(first, ", ")).c_str(), names.size() > kMost ? "..." : "");
}

// Files of both kinds often lie side by side.
absl::Status CheckIsNew(const std::string& output) {
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored)) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(output, " is there already; name the file that is to be written with -o"));
}

absl::Status Convert(const Options& options) {
  const std::string output =
      options.output.empty()
          ? std::filesystem::path(options.input).replace_extension(".safetensors").string()
          : options.output;
  if (LeadToSameFile(options.input, output)) {
    return absl::InvalidArgumentError(
        absl::StrCat(output, " is the file that is to be converted; give another one with -o"));
  }
  if (options.output.empty()) {
    PATCHBAY_RETURN_IF_ERROR(CheckIsNew(output));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckWritable(output));
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(options.input));
  PATCHBAY_ASSIGN_OR_RETURN(PytorchTensors read, ReadPytorchFile(options.input, file->bytes()));
  std::map<std::string, std::string, std::less<>> metadata = {{"format", "pt"}};
  const bool is_moma = IsMomaFile(read.tensors);
  if (is_moma) {
    const absl::Status renamed = RenameMoma(read.tensors, metadata);
    if (!renamed.ok()) {
      return absl::Status(renamed.code(), absl::StrCat(options.input, ": ", renamed.message()));
    }
  }
  PATCHBAY_RETURN_IF_ERROR(file->CheckUnchanged());
  PATCHBAY_RETURN_IF_ERROR(WriteSafetensors(output, read.tensors, metadata));
  std::printf("%s\n", output.c_str());
  std::fprintf(stderr, "%zu tensors%s\n", read.tensors.size(),
               is_moma ? ", an adapter for the plugin moma" : "");
  SayWhatIsLeftOut(read.left_out);
  return absl::OkStatus();
}

}  // namespace

void AddConvertCommand(CLI::App& program, CommandAction& action) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "convert", "Make a safetensors file of a PyTorch file (.th, .pt, .pth, .bin, .ckpt)");
  command->footer(
      "Nothing of the file is run: what holds more than tensors is refused. Nested dictionaries' "
      "names are joined by dots; MoMA's attn_adapters_projectors.th becomes an adapter for the "
      "plugin moma.");
  command->add_option("FILE", options->input, "What torch.save() has written")->required();
  command->add_option("-o,--output", options->output,
                      "Where to write (default: beside it, as NAME.safetensors)");
  RefuseEmptyValues(*command, {});
  command->callback([&action, options] { action = [options] { return Convert(*options); }; });
}

}  // namespace patchbay
