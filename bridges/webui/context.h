#ifndef PATCHBAY_BRIDGES_WEBUI_CONTEXT_H_
#define PATCHBAY_BRIDGES_WEBUI_CONTEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/host_session.h"
#include "bridges/webui/model_names.h"
#include "bridges/webui/option_store.h"
#include "bridges/webui/prompt_styles.h"
#include "bridges/webui/task_board.h"

namespace patchbay::webui {

// Folders of the bridge's machine; an empty one has no files.
struct Folders {
  std::string data;  // settings and styles.csv
  std::string loras, embeddings, wildcards;
};

// What all requests share. Any thread.
struct Context {
  Context(HostSession& session, const Folders& paths)
      : host(session),
        folders(paths),
        options(paths.data.empty() ? "" : paths.data + "/webui-options.json"),
        loras(paths.loras, ".safetensors"),
        embeddings(paths.embeddings, ".safetensors"),
        wildcards(paths.wildcards, ".txt") {}

  HostSession& host;
  const Folders folders;
  OptionStore options;
  TaskBoard board;
  FileFolder loras, embeddings, wildcards;

  // styles.csv of the data folder, read anew.
  std::vector<PromptStyle> Styles() const {
    const auto csv = ReadWholeFile(folders.data + "/styles.csv", 16 << 20);
    return csv.ok() ? ParseStyles(*csv) : std::vector<PromptStyle>();
  }

  // The model that `options` name; the host's default when they name none.
  absl::StatusOr<ModelTitle> ChosenModel(const Json& all_options) {
    auto models = host.ListModels();
    if (!models.ok()) return models.status();
    const auto name = all_options.at("sd_model_checkpoint").get<std::string>();
    return name.empty() ? DefaultModel(*models) : FindModel(*models, name);
  }
};

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_CONTEXT_H_
