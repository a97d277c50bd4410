#ifndef PATCHBAY_HOST_RUNTIME_NN_SITE_H_
#define PATCHBAY_HOST_RUNTIME_NN_SITE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "host/runtime/nn/operator_storage.h"

namespace patchbay {

// What stands at a site.
enum class SiteKind {
  kLinear,
  kConvolution,
  kAttention,    // self- or cross-attention with its projections
  kTransformer,  // a spatial transformer: norm, projections and its blocks
  kResnet,
  kDownsample,
  kUpsample,
  kBlock,  // a whole down, mid or up block
  // One entry of the encoder or the decoder as LDM counts them: what puts one skip connection
  // aside, and what takes one back.
  kEncoderStage,
  kDecoderStage,
};

// "linear", "convolution", "attention" ...
std::string_view SiteKindName(SiteKind kind);

// A site's number within its component, in the order in which the network runs. Valid for one
// loaded model only; names are what stays.
enum class SiteIndex : int32_t {};

// A named place in a network where techniques can hang something.
struct Site {
  SiteIndex index{};
  SiteKind kind = SiteKind::kLinear;
  // Our stable name, such as "unet.down.1.attn.0.block.0.self.to_q".
  std::string name;
  // The module's path in diffusers, such as
  // "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q".
  std::string diffusers_name;
  // The module's path in latent diffusion's single files, such as
  // "input_blocks.4.1.transformer_blocks.0.attn1.to_q"; empty where these have no such module
  // (whole blocks), or for components other than the U-Net.
  std::string ldm_name;
  // Width of the input and of the output in channels; 0 where it does not apply.
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  // Attention: its heads; and whether keys and values come from the text.
  int64_t heads = 0;
  bool is_cross_attention = false;
  // Linear layers: whether these are such keys or values, computed once for all steps.
  bool is_from_text = false;
  // Convolutions.
  int64_t kernel = 0;
  int64_t stride = 0;
  int64_t padding = 0;
  // Where the input is a feature map joined with a skip connection: how many of its channels are
  // the map's.
  int64_t skip_split = 0;
};

// All sites of one component. Immutable once the component is loaded; any thread may read.
class SiteTable {
 public:
  // `component` is the first word of every name: "unet", "text_encoder", "vae".
  explicit SiteTable(std::string component);

  const std::vector<Site>& sites() const { return sites_; }
  const Site& operator[](SiteIndex index) const { return sites_[static_cast<size_t>(index)]; }

  // Finds a site by our name, by the diffusers path, with or without "unet." before it, or by the
  // LDM path, with or without "model.diffusion_model.". In our names "block.0." may be left out
  // where a transformer has a single block.
  std::optional<SiteIndex> Find(std::string_view name) const;

  // Gives the sites their LDM names, found from their diffusers paths; only while the component is
  // being built.
  void AddLdmNames(
      absl::FunctionRef<std::optional<std::string>(std::string_view diffusers_name)> ldm_name_of);

  // Adds a site; only while the component is being built.
  SiteIndex Add(SiteKind kind, std::string diffusers_name, int64_t in_channels,
                int64_t out_channels);
  // Adds encoder or decoder stage `number`: "unet.encoder.3", LDM's "input_blocks.3". Stages are no
  // modules of diffusers and have no name there.
  SiteIndex AddStage(SiteKind kind, int64_t number, int64_t in_channels, int64_t out_channels);
  // Where a linear layer or convolution keeps its weight; null for other sites.
  std::shared_ptr<OperatorStorage> Storage(SiteIndex index) const;
  // Only while the component is being built.
  void SetStorage(SiteIndex index, std::shared_ptr<OperatorStorage> storage);

  // To say more of a site; only while the component is being built.
  Site& Edit(SiteIndex index) { return sites_[static_cast<size_t>(index)]; }

 private:
  std::string component_;
  std::vector<Site> sites_;
  std::map<SiteIndex, std::shared_ptr<OperatorStorage>> storages_;
  std::map<std::string, SiteIndex, std::less<>> by_name_;
};

// Our name for a module of the U-Net, without the component: "down_blocks.1.attentions.0" gives
// "down.1.attn.0". Other components keep their diffusers paths.
std::string ShortenedPath(std::string_view diffusers_path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_SITE_H_
