#include "plugins/animatediff/src/motion_file.h"

#include <patchbay/error.h>

#include <algorithm>
#include <set>

#include "plugins/training/src/content_hash.h"

namespace animatediff {
namespace {

using clip_vision::ShapeText;
using clip_vision::Weights;

constexpr int64_t kUsualHeads = 8;
constexpr int64_t kUsualGroups = 32;
constexpr char kModules[] = ".motion_modules.";

[[noreturn]] void Refuse(const Weights& weights, const std::string& reason) {
  throw patchbay::Error("module: " + weights.name() + " " + reason);
}

// How tensors are called below "{block}.motion_modules.{j}.".
struct Naming {
  bool is_diffusers = false;
  std::string prefix;  // of all names in the file: "" or "module."

  std::string OfModule() const { return is_diffusers ? "" : "temporal_transformer."; }
  std::string Attention(size_t a) const {
    return is_diffusers ? "attn" + std::to_string(a + 1) : "attention_blocks." + std::to_string(a);
  }
  std::string Norm(size_t a) const {
    return is_diffusers ? "norm" + std::to_string(a + 1) : "norms." + std::to_string(a);
  }
  // Behind as many attentions.
  std::string FeedForwardNorm(size_t attentions) const {
    return is_diffusers ? Norm(attentions) : "ff_norm";
  }
  // Below the layer.
  std::string Positions(size_t a) const {
    return is_diffusers ? "pos_embed.pe" : Attention(a) + ".pos_encoder.pe";
  }
};

Naming NamingOf(const Weights& weights) {
  for (const std::string& name : weights.names()) {
    const size_t found = name.find(kModules);
    if (found == std::string::npos) continue;
    Naming naming;
    naming.is_diffusers = name.find(".temporal_transformer.") == std::string::npos;
    naming.prefix = name.rfind("module.", 0) == 0 ? "module." : "";
    return naming;
  }
  Refuse(weights,
         "is no motion module of AnimateDiff: it has no tensors with \".motion_modules.\" in their "
         "names; take a .safetensors file such as mm_sd_v15_v2, or what diffusers' "
         "MotionAdapter saves");
}

// The modules that a file has: "down_blocks.0.motion_modules.0".
std::set<std::string> ModulesIn(const Weights& weights, const Naming& naming) {
  std::set<std::string> found;
  for (const std::string& name : weights.names()) {
    const size_t place = name.find(kModules);
    if (place == std::string::npos || name.rfind(naming.prefix, 0) != 0) continue;
    const size_t end = name.find('.', place + sizeof(kModules) - 1);
    found.insert(name.substr(naming.prefix.size(), end - naming.prefix.size()));
  }
  return found;
}

void CheckStructure(const Weights& weights, const Naming& naming,
                    const std::vector<MotionPlace>& places) {
  if (weights.Has(naming.prefix + "conv_in.weight")) {
    Refuse(weights,
           "has a first convolution of its own, as PIA's modules do, which take a picture beside "
           "the latent; take a module of AnimateDiff");
  }
  std::set<std::string> found = ModulesIn(weights, naming);
  const auto missing = std::find_if(places.begin(), places.end(), [&](const MotionPlace& place) {
    return place.required && !found.contains(place.name);
  });
  for (const MotionPlace& place : places) found.erase(place.name);
  if (missing == places.end() && found.empty()) return;
  Refuse(weights,
         "is for a network of another structure: it has " +
             (missing == places.end() ? *found.begin() + ", for which this model has no place"
                                      : "no " + missing->name + ", which follows " +
                                            missing->after + " in this model") +
             "; or it is damaged");
}

// Reads the tensors of one module.
class ModuleReader {
 public:
  ModuleReader(const Weights& weights, const Naming& naming, const MotionPlace& place,
               training::ContentHash& hash)
      : weights_(weights),
        naming_(naming),
        place_(place),
        base_(naming.prefix + place.name + "." + naming.OfModule()),
        hash_(hash) {}

  MotionModule Read(const ModuleFacts& facts) const {
    MotionModule module;
    module.name = place_.name;
    module.channels = place_.channels;
    module.heads = facts.heads.value_or(kUsualHeads);
    module.norm_groups = facts.norm_groups.value_or(kUsualGroups);
    module.norm_over_frames = facts.norm_over_frames.value_or(naming_.is_diffusers);
    CheckWidth();
    const int64_t width = weights_.Side(base_ + "proj_in.weight", 0);
    CheckDivides(module, width);
    hash_.Add(std::to_string(module.heads) + " " + std::to_string(module.norm_groups) + " " +
              (module.norm_over_frames ? "over frames" : "each frame"));
    module.norm = Norm("norm", place_.channels);
    module.in = Linear("proj_in", width, place_.channels);
    for (size_t n = 0; HasLayer(n); ++n) module.layers.push_back(ReadLayer(n, width));
    if (module.layers.empty()) {
      Refuse(weights_, "has no tensors \"" + base_ + "transformer_blocks.0...\"; it is damaged");
    }
    module.out = Linear("proj_out", place_.channels, width);
    CheckAllIsRead();
    return module;
  }

 private:
  // What is left over would be missed: a layer behind a gap, or a kind of module that has more.
  void CheckAllIsRead() const {
    for (const std::string& name : weights_.names()) {
      if (name.rfind(base_, 0) != 0 || read_.contains(name)) continue;
      Refuse(weights_, "has \"" + name + "\", which AnimateDiff's modules do not have where it " +
                           "stands; it is damaged, or of another kind");
    }
  }

  void CheckWidth() const {
    const std::string tensor = base_ + "norm.weight";
    const std::vector<int64_t>& shape = weights_.Shape(tensor);
    if (shape == std::vector<int64_t>{place_.channels}) return;
    Refuse(weights_, "is for another model: \"" + tensor + "\" is " + ShapeText(shape) + ", and " +
                         place_.after + " gives " + std::to_string(place_.channels) + " channels");
  }

  void CheckDivides(const MotionModule& module, int64_t width) const {
    const auto check = [&](int64_t count, int64_t whole, const char* what, const char* key) {
      if (count >= 1 && whole >= 1 && whole % count == 0) return;
      Refuse(weights_, std::string("cannot have ") + std::to_string(count) + " " + what + " in " +
                           place_.name + ", which is " + std::to_string(whole) +
                           " wide; write their number into the file's metadata as " + key);
    };
    check(module.heads, width, "heads", "num_attention_heads");
    check(module.norm_groups, module.channels, "groups of its norm", "norm_num_groups");
  }

  bool HasLayer(size_t n) const { return HasAny(Layer(n)); }
  std::string Layer(size_t n) const { return "transformer_blocks." + std::to_string(n) + "."; }
  bool HasAny(const std::string& part) const {
    const auto first =
        std::lower_bound(weights_.names().begin(), weights_.names().end(), base_ + part);
    return first != weights_.names().end() && first->rfind(base_ + part, 0) == 0;
  }

  TemporalLayer ReadLayer(size_t n, int64_t width) const {
    TemporalLayer layer;
    for (size_t a = 0; HasAny(Layer(n) + naming_.Attention(a) + "."); ++a) {
      layer.attentions.push_back(ReadAttention(n, a, width));
    }
    if (layer.attentions.empty()) {
      Refuse(weights_, "has no tensors \"" + base_ + Layer(n) + naming_.Attention(0) +
                           "...\"; it is damaged");
    }
    layer.norm = Norm(Layer(n) + naming_.FeedForwardNorm(layer.attentions.size()), width);
    const std::string feed_forward = Layer(n) + "ff.net.";
    const int64_t inner = weights_.Side(base_ + feed_forward + "2.weight", 1);
    layer.feed_in = Linear(feed_forward + "0.proj", 2 * inner, width);
    layer.feed_out = Linear(feed_forward + "2", width, inner);
    return layer;
  }

  TemporalAttention ReadAttention(size_t n, size_t a, int64_t width) const {
    const std::string name = Layer(n) + naming_.Attention(a) + ".";
    TemporalAttention attention;
    attention.norm = Norm(Layer(n) + naming_.Norm(a), width);
    const std::string positions = Layer(n) + naming_.Positions(a);
    const int64_t frames = weights_.Side(base_ + positions, 1);
    if (frames < 1) Refuse(weights_, "has \"" + base_ + positions + "\" for no frame at all");
    attention.positions = Tensor(positions, {1, frames, width}).squeeze(0);
    attention.query = Tensor(name + "to_q.weight", {width, width});
    attention.key = Tensor(name + "to_k.weight", {width, width});
    attention.value = Tensor(name + "to_v.weight", {width, width});
    attention.out = Linear(name + "to_out.0", width, width);
    return attention;
  }

  NormWeights Norm(const std::string& name, int64_t width) const {
    return {Tensor(name + ".weight", {width}), Tensor(name + ".bias", {width})};
  }
  LinearWeights Linear(const std::string& name, int64_t outputs, int64_t inputs) const {
    return {Tensor(name + ".weight", {outputs, inputs}), Tensor(name + ".bias", {outputs})};
  }
  at::Tensor Tensor(const std::string& name, const std::vector<int64_t>& shape) const {
    const at::Tensor tensor = weights_.Read(base_ + name, shape);
    read_.insert(base_ + name);
    if (!tensor.isfinite().all().item<bool>()) {
      Refuse(weights_, "has numbers in \"" + base_ + name + "\" that are not finite");
    }
    hash_.Add(place_.name + name);
    hash_.Add(tensor);
    return tensor;
  }

  const Weights& weights_;
  const Naming& naming_;
  const MotionPlace& place_;
  const std::string base_;
  training::ContentHash& hash_;
  mutable std::set<std::string> read_;
};

}  // namespace

MotionFile ReadMotionFile(const Weights& weights, const ModuleFacts& facts,
                          const std::vector<MotionPlace>& places,
                          const at::TensorOptions& options) {
  const Naming naming = NamingOf(weights);
  CheckStructure(weights, naming, places);
  const std::set<std::string> found = ModulesIn(weights, naming);
  MotionFile file;
  training::ContentHash hash;
  for (const MotionPlace& place : places) {
    std::optional<MotionModule>& module = file.modules.emplace_back();
    if (!found.contains(place.name)) continue;
    module = ModuleReader(weights, naming, place, hash).Read(facts);
    const int64_t longest = module->longest_window();
    file.longest_window =
        file.longest_window == 0 ? longest : std::min(file.longest_window, longest);
    module = module->To(options);
  }
  file.hash = hash.Text();
  return file;
}

}  // namespace animatediff
