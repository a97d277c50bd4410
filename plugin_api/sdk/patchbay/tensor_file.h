#ifndef PATCHBAY_SDK_TENSOR_FILE_H_
#define PATCHBAY_SDK_TENSOR_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "patchbay/abi/plugin.h"
#include "patchbay/abi/tensor_file.h"
#include "patchbay/error.h"
#include "patchbay/tensor_tier.h"

namespace patchbay {

// A safetensors file that the user gives. The host has checked its header; names, shapes and values
// are the user's. Plugin::tensor_file() opens one. Any thread; copies share the file, which stays
// open until the last of them ends.
class TensorFile {
 public:
  // Throws what is wrong with the file, and names it. A pickled checkpoint is refused as such.
  TensorFile(const patchbay_host* host, const std::string& path)
      : functions_(functions_of(host)), path_(path) {
    sdk::HostCall call;
    patchbay_tensor_file* file = nullptr;
    call.check(functions_->open(path.c_str(), &file, call.error()));
    file_ = std::shared_ptr<patchbay_tensor_file>(file, functions_->close);
  }

  const std::string& path() const { return path_; }

  // In alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    const uint32_t count = functions_->count(file_.get());
    for (uint32_t i = 0; i < count; ++i) list.push_back(functions_->entry(file_.get(), i)->name);
    return list;
  }
  bool contains(const std::string& name) const { return entry(name) != nullptr; }
  // Throws where there is no such tensor.
  std::vector<int64_t> shape(const std::string& name) const {
    const patchbay_tensor_entry& found = existing(name);
    return {found.shape, found.shape + found.dimensions};
  }
  // As the format spells it: "F16". Throws where there is no such tensor.
  std::string type(const std::string& name) const { return existing(name).type; }

  // The tensor, read into memory of its own, of the file's type, on the CPU. Throws where there is
  // none of the name, or where the file has been changed since it was opened.
  Tensor tensor(const std::string& name) const {
    sdk::HostCall call;
    patchbay_tensor read = nullptr;
    call.check(functions_->read(file_.get(), name.c_str(), &read, call.error()));
    return sdk::adopt(read);
  }

  // What the header's metadata has under this key; empty where there is nothing.
  std::string metadata(const std::string& key) const {
    const char* const text = functions_->metadata(file_.get(), key.c_str());
    return text == nullptr ? "" : text;
  }

 private:
  static const patchbay_tensor_file_functions* functions_of(const patchbay_host* host) {
    const void* const found = host->extension(host, PATCHBAY_EXTENSION_TENSOR_FILES);
    if (found == nullptr) {
      throw Error("this host reads no files of tensors", PATCHBAY_UNIMPLEMENTED);
    }
    return static_cast<const patchbay_tensor_file_functions*>(found);
  }

  const patchbay_tensor_entry* entry(const std::string& name) const {
    return functions_->find(file_.get(), name.c_str());
  }
  const patchbay_tensor_entry& existing(const std::string& name) const {
    const patchbay_tensor_entry* const found = entry(name);
    if (found == nullptr) {
      throw Error(path_ + " has no tensor \"" + name + "\"", PATCHBAY_NOT_FOUND);
    }
    return *found;
  }

  const patchbay_tensor_file_functions* functions_;
  std::string path_;
  std::shared_ptr<patchbay_tensor_file> file_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_TENSOR_FILE_H_
