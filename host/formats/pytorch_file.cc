#include "host/formats/pytorch_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/checked_math.h"
#include "host/base/excerpt.h"
#include "host/base/status_macros.h"
#include "host/formats/foreign_file.h"
#include "host/formats/pickle.h"
#include "host/formats/tensor_names.h"
#include "host/formats/zip_archive.h"

namespace patchbay {
namespace {

constexpr std::string_view kZip = "PK\x03\x04";
// A pickle of torch's magic number (torch/serialization.py, MAGIC_NUMBER), with which files from
// before PyTorch 1.6 begin.
constexpr std::string_view kLegacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::string_view kPickle = "/data.pkl";
// Tied weights and parts of one storage are written apart, which makes the result larger than the
// file, within reason.
constexpr uint64_t kMostGrowth = 8;

absl::Status CheckIsZip(absl::Span<const std::byte> content) {
  const std::string_view start(reinterpret_cast<const char*>(content.data()),
                               std::min<size_t>(content.size(), 64));
  if (start.substr(0, kZip.size()) == kZip) return absl::OkStatus();
  if (start.substr(0, kLegacy.size()) == kLegacy) {
    return absl::InvalidArgumentError(
        "it is in the format from before PyTorch 1.6, which is not read; write it anew with "
        "torch.save(torch.load(FILE, weights_only=True), NEW_FILE)");
  }
  if (!start.empty() && start[0] == '\x80') {
    return absl::InvalidArgumentError(
        "it is a pickle of its own and not a file that torch.save() writes since PyTorch 1.6; "
        "nothing of it was run");
  }
  if (const auto advice = DescribeForeignFile(content); advice.has_value()) {
    return absl::InvalidArgumentError(*advice);
  }
  return absl::InvalidArgumentError("it is no file that torch.save() has written");
}

// The archive's folder, whose name varies.
absl::StatusOr<std::string> RootOf(const ZipArchive& archive) {
  std::optional<std::string> root;
  for (const auto& [name, member] : archive.members()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    const std::string_view rest = std::string_view(name).substr(slash);
    if (rest == "/constants.pkl" || rest.substr(0, 6) == "/code/") {
      return absl::InvalidArgumentError(
          "it is a TorchScript archive, which holds a program beside its tensors; in Python, "
          "torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE) writes the tensors alone");
    }
    if (rest == kPickle) root = name.substr(0, slash);
  }
  if (root.has_value()) return *root;
  return absl::InvalidArgumentError(
      "it is a zip archive without a data.pkl, and so no file that torch.save() has written");
}

// A tensor's elements, row by row, from a storage that holds them all.
std::string Gathered(const PickledTensor& tensor, std::string_view storage, uint64_t count) {
  const size_t width = ElementSize(tensor.type);
  std::string bytes(count * width, '\0');
  std::vector<int64_t> index(tensor.shape.size(), 0);
  uint64_t place = tensor.offset;
  for (uint64_t i = 0; i < count; ++i) {
    std::memcpy(bytes.data() + i * width, storage.data() + place * width, width);
    for (size_t axis = index.size(); axis-- > 0;) {
      place += static_cast<uint64_t>(tensor.strides[axis]);
      if (++index[axis] < tensor.shape[axis]) break;
      place -=
          static_cast<uint64_t>(tensor.strides[axis]) * static_cast<uint64_t>(tensor.shape[axis]);
      index[axis] = 0;
    }
  }
  return bytes;
}

bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

// Fetches storages of an archive, each once, and cuts tensors out of them.
class StorageReader {
 public:
  StorageReader(const ZipArchive& archive, std::string root, uint64_t most_bytes,
                std::deque<std::string>& kept)
      : archive_(archive), root_(std::move(root)), left_(most_bytes), kept_(kept) {}

  absl::StatusOr<SafetensorsTensor> Read(const PickledTensor& tensor) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string_view storage, Storage(tensor));
    const size_t width = ElementSize(tensor.type);
    // No more than the storage has: no overflow.
    uint64_t count = 1;
    for (const int64_t size : tensor.shape) {
      if (size == 0) count = 0;
    }
    for (const int64_t size : tensor.shape) count *= count == 0 ? 0 : static_cast<uint64_t>(size);
    if (count * width > left_) {
      return absl::InvalidArgumentError(
          "its tensors share their numbers so often that they would take many times the file's "
          "size");
    }
    left_ -= count * width;
    std::string_view bytes;
    if (count > 0) {
      bytes = storage.substr(tensor.offset * width, count * width);
      if (!IsContiguous(tensor)) bytes = kept_.emplace_back(Gathered(tensor, storage, count));
    }
    return SafetensorsTensor{
        tensor.type, tensor.shape,
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())};
  }

 private:
  absl::StatusOr<std::string_view> Storage(const PickledTensor& tensor) {
    const std::string member = absl::StrCat(root_, "/data/", tensor.storage);
    const auto found = archive_.members().find(member);
    const auto bytes = CheckedMultiply(tensor.storage_elements, ElementSize(tensor.type));
    if (found == archive_.members().end() || !bytes || found->second.size != *bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the bytes of its storage \"", Excerpt(tensor.storage),
                       "\" are missing or of another number than the pickle says; download the "
                       "file again"));
    }
    const auto known = storages_.find(member);
    if (known != storages_.end()) return known->second;
    PATCHBAY_ASSIGN_OR_RETURN(std::string content, archive_.Read(member));
    return storages_.emplace(member, kept_.emplace_back(std::move(content))).first->second;
  }

  const ZipArchive& archive_;
  const std::string root_;
  uint64_t left_;  // bytes of tensors
  std::deque<std::string>& kept_;
  std::map<std::string, std::string_view> storages_;
};

absl::Status ReadInto(absl::Span<const std::byte> content, PytorchTensors& result) {
  PATCHBAY_RETURN_IF_ERROR(CheckIsZip(content));
  PATCHBAY_ASSIGN_OR_RETURN(const ZipArchive archive, ZipArchive::Open(content));
  PATCHBAY_ASSIGN_OR_RETURN(const std::string root, RootOf(archive));
  if (archive.members().contains(root + "/byteorder")) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string order, archive.Read(root + "/byteorder"));
    if (order != "little") {
      return absl::InvalidArgumentError(
          "it was written on a machine of another byte order; write it anew on an ordinary one");
    }
  }
  const PickleLimits limits;
  if (archive.members().at(root + std::string(kPickle)).size > limits.max_bytes) {
    return absl::InvalidArgumentError("its pickle is far larger than tensors need");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const std::string program, archive.Read(root + std::string(kPickle)));
  PATCHBAY_ASSIGN_OR_RETURN(
      const Pickle pickle,
      ReadPickle(
          absl::MakeConstSpan(reinterpret_cast<const std::byte*>(program.data()), program.size()),
          limits));
  PATCHBAY_ASSIGN_OR_RETURN(NamedTensors named, NameTensors(*pickle.root));
  result.left_out = std::move(named.left_out);
  StorageReader reader(archive, root, CheckedMultiply(kMostGrowth, content.size()).value_or(0),
                       result.storages);
  for (const auto& [name, tensor] : named.tensors) {
    PATCHBAY_ASSIGN_OR_RETURN(result.tensors[name], reader.Read(*tensor));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PytorchTensors> ReadPytorchFile(std::string_view name,
                                               absl::Span<const std::byte> content) {
  PytorchTensors result;
  const absl::Status status = ReadInto(content, result);
  if (status.ok()) return result;
  return absl::Status(status.code(), absl::StrCat(std::string(name), ": ", status.message()));
}

}  // namespace patchbay
