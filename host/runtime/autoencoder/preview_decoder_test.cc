#include "host/runtime/autoencoder/preview_decoder.h"

#include <unistd.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/safetensors.h"
#include "host/runtime/autoencoder/random_autoencoder.h"

namespace patchbay {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kWidth = 8;

using Tensors = std::map<std::string, at::Tensor>;

// A TAESD half as the original's Sequential numbers it, with random weights, and what it computes,
// written down from the published source with plain operators.
class Sequence {
 public:
  explicit Sequence(TinyHalf half) : half_(half) {
    at::manual_seed(3);
    const bool decoder = half == TinyHalf::kDecoder;
    if (decoder) index_ = 1;
    Conv(decoder ? 4 : 3, kWidth, true);
    if (decoder) index_ += 1;
    for (const int blocks : decoder ? std::vector{3, 3, 3, 1} : std::vector{1, 3, 3, 3}) {
      const bool first = decoder ? index_ == 3 : index_ == 1;
      if (!first) {
        if (decoder) ++index_;
        Conv(kWidth, kWidth, false);
      }
      for (int i = 0; i < blocks; ++i) Block();
    }
    Conv(kWidth, decoder ? 3 : 4, true);
  }

  Tensors tensors;

  at::Tensor Run(at::Tensor x) const {
    const bool decoder = half_ == TinyHalf::kDecoder;
    x = decoder ? at::tanh(x / 3) * 3 : (x + 1) / 2;
    bool first = true;
    for (const auto& [index, block] : order_) {
      if (block) {
        at::Tensor y = Apply(x, absl::StrCat(index, ".conv.0"), 1).relu();
        y = Apply(y, absl::StrCat(index, ".conv.2"), 1).relu();
        x = (Apply(y, absl::StrCat(index, ".conv.4"), 1) + x).relu();
        continue;
      }
      const bool resampling = tensors.count(absl::StrCat(index, ".bias")) == 0;
      if (resampling && decoder) x = at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
      x = Apply(x, absl::StrCat(index), resampling && !decoder ? 2 : 1);
      if (decoder && first) x = x.relu();
      first = false;
    }
    return decoder ? x * 2 - 1 : x;
  }

 private:
  at::Tensor Apply(const at::Tensor& x, const std::string& name, int64_t stride) const {
    const auto bias = tensors.find(name + ".bias");
    return at::conv2d(x, tensors.at(name + ".weight"),
                      bias == tensors.end() ? at::Tensor() : bias->second, stride, 1);
  }
  void Fill(const std::string& name, int64_t in, int64_t out, bool bias) {
    tensors[name + ".weight"] = at::randn({out, in, 3, 3}) / std::sqrt(static_cast<double>(in) * 9);
    if (bias) tensors[name + ".bias"] = at::randn({out}) * 0.2;
  }
  void Conv(int64_t in, int64_t out, bool bias) {
    Fill(absl::StrCat(index_), in, out, bias);
    order_.emplace_back(index_++, false);
  }
  void Block() {
    for (const int part : {0, 2, 4}) {
      Fill(absl::StrCat(index_, ".conv.", part), kWidth, kWidth, true);
    }
    order_.emplace_back(index_++, true);
  }

  TinyHalf half_;
  int index_ = 0;
  std::vector<std::pair<int, bool>> order_;
};

// diffusers has no clamp in its sequence, so its numbers are one lower in the decoder.
Tensors DiffusersNames(const Tensors& tensors, const std::string& half) {
  Tensors renamed;
  for (const auto& [name, tensor] : tensors) {
    const size_t point = name.find('.');
    const int index = std::stoi(name.substr(0, point)) - (half == "decoder" ? 1 : 0);
    renamed[absl::StrCat(half, ".layers.", index, name.substr(point))] = tensor;
  }
  return renamed;
}

class TinyAutoencoderTest : public testing::Test {
 protected:
  TinyAutoencoderTest() : decoder_(TinyHalf::kDecoder), encoder_(TinyHalf::kEncoder) {}
  ~TinyAutoencoderTest() override { unlink(path_.c_str()); }

  void Write(const Tensors& tensors) {
    std::map<std::string, SafetensorsTensor, std::less<>> stored;
    for (const auto& [name, tensor] : tensors) {
      stored[name] = {ElementType::kFloat32, tensor.sizes().vec(),
                      absl::MakeConstSpan(static_cast<const std::byte*>(tensor.const_data_ptr()),
                                          tensor.nbytes())};
    }
    ASSERT_TRUE(WriteSafetensors(path_, stored).ok());
  }

  absl::StatusOr<std::unique_ptr<const TinyAutoencoder>> Open(TinyHalf half) {
    return TinyAutoencoder::Open(path_, half, at::kFloat, at::kCPU);
  }

  // The message with which a decoder of these tensors is refused.
  std::string Complaint(const Tensors& tensors, TinyHalf half = TinyHalf::kDecoder) {
    Write(tensors);
    const auto opened = Open(half);
    if (opened.ok()) return "accepted";
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path_));
    return std::string(opened.status().message());
  }

  const c10::InferenceMode inference_;
  const std::string path_ =
      absl::StrCat(testing::TempDir(), "/taesd_test_", getpid(), ".safetensors");
  Sequence decoder_;
  Sequence encoder_;
};

TEST_F(TinyAutoencoderTest, DecodesFilesOfEitherNaming) {
  const at::Tensor latents = at::randn({2, 4, 5, 7}) * 2;
  const at::Tensor expected = decoder_.Run(latents);
  Tensors both = DiffusersNames(decoder_.tensors, "decoder");
  both.merge(DiffusersNames(encoder_.tensors, "encoder"));
  Tensors prefixed;
  for (const auto& [name, tensor] : decoder_.tensors) prefixed["taesd_decoder." + name] = tensor;
  prefixed["vae_scale"] = at::ones({1});
  for (const Tensors& tensors : {decoder_.tensors, both, prefixed}) {
    Write(tensors);
    const auto tiny = Open(TinyHalf::kDecoder);
    ASSERT_TRUE(tiny.ok()) << tiny.status();
    EXPECT_EQ((*tiny)->scale(), 8);
    EXPECT_EQ((*tiny)->latent_channels(), 4);
    const at::Tensor picture = (*tiny)->Forward(latents);
    ASSERT_EQ(picture.sizes(), (std::vector<int64_t>{2, 3, 40, 56}));
    EXPECT_LT((picture - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST_F(TinyAutoencoderTest, EncodesFilesOfEitherNaming) {
  const at::Tensor pictures = at::rand({2, 3, 24, 40}) * 2 - 1;
  const at::Tensor expected = encoder_.Run(pictures);
  for (const Tensors& tensors : {encoder_.tensors, DiffusersNames(encoder_.tensors, "encoder")}) {
    Write(tensors);
    const auto tiny = Open(TinyHalf::kEncoder);
    ASSERT_TRUE(tiny.ok()) << tiny.status();
    EXPECT_EQ((*tiny)->scale(), 8);
    EXPECT_EQ((*tiny)->latent_channels(), 4);
    const at::Tensor latents = (*tiny)->Forward(pictures);
    ASSERT_EQ(latents.sizes(), (std::vector<int64_t>{2, 4, 3, 5}));
    EXPECT_LT((latents - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST_F(TinyAutoencoderTest, NamesEveryMissingTensor) {
  for (const Sequence* half : {&decoder_, &encoder_}) {
    for (const auto& [name, tensor] : half->tensors) {
      Tensors tensors = half->tensors;
      tensors.erase(name);
      EXPECT_THAT(Complaint(tensors, half == &decoder_ ? TinyHalf::kDecoder : TinyHalf::kEncoder),
                  HasSubstr("missing: " + name))
          << name;
    }
  }
  Tensors tensors = decoder_.tensors;
  std::erase_if(tensors, [](const auto& item) { return item.first.starts_with("9."); });
  EXPECT_THAT(Complaint(tensors), HasSubstr("missing: 9.conv.0.weight"));
}

TEST_F(TinyAutoencoderTest, NamesWrongTensors) {
  Tensors tensors = DiffusersNames(decoder_.tensors, "decoder");
  tensors["decoder.layers.3.conv.2.weight"] = at::zeros({kWidth, 5, 3, 3});
  EXPECT_THAT(Complaint(tensors),
              HasSubstr("decoder.layers.3.conv.2.weight is [8, 5, 3, 3] and should be [any, 8, 3, "
                        "3]"));
  tensors = decoder_.tensors;
  tensors["19.weight"] = at::zeros({5, kWidth, 3, 3});
  EXPECT_THAT(Complaint(tensors), HasSubstr("19.weight is [5, 8, 3, 3]"));
  tensors = decoder_.tensors;
  tensors["5.norm.weight"] = at::zeros({1});
  EXPECT_THAT(Complaint(tensors), HasSubstr("not part of such a model: 5.norm.weight"));
}

TEST_F(TinyAutoencoderTest, SaysWhatAFileIsInstead) {
  EXPECT_THAT(Complaint(encoder_.tensors), HasSubstr("encoder, not its decoder"));
  EXPECT_THAT(Complaint(decoder_.tensors, TinyHalf::kEncoder),
              HasSubstr("decoder, not its encoder"));
  EXPECT_THAT(Complaint({{"decoder.conv_in.weight", at::zeros({1})}}),
              HasSubstr("no tiny autoencoder"));
  EXPECT_EQ(
      TinyAutoencoder::Open(path_ + "x", TinyHalf::kDecoder, at::kFloat, at::kCPU).status().code(),
      absl::StatusCode::kNotFound);
}

TEST_F(TinyAutoencoderTest, MakesPreviewsOfBoundedSize) {
  Write(decoder_.tensors);
  const auto preview = PreviewDecoder::Open(path_, 4, at::kFloat, at::kCPU);
  ASSERT_TRUE(preview.ok()) << preview.status();
  const at::Tensor latents = at::randn({1, 4, 6, 6}) * 3;
  EXPECT_LT(
      ((*preview)->Decode(latents) - decoder_.Run(latents).clamp(-1, 1)).abs().max().item<double>(),
      1e-5);
  // 128 x 32 units have the area of 64 x 64; twice as much is reduced by the square root of two.
  EXPECT_EQ((*preview)->Decode(at::randn({1, 4, 128, 32})).size(2), 1024);
  EXPECT_EQ((*preview)->Decode(at::randn({1, 4, 128, 64})).sizes(),
            (std::vector<int64_t>{1, 3, 91 * 8, 45 * 8}));
  EXPECT_THAT(std::string(PreviewDecoder::Open(path_, 16, at::kFloat, at::kCPU).status().message()),
              HasSubstr("latents of 4 channels, and this model's have 16"));
}

TEST(PreviewDecoderTest, FindsTheColoursOfALinearDecoder) {
  const at::Tensor factors = at::randn({3, 4}) * 0.2;
  const at::Tensor constant = at::randn({3}) * 0.1;
  const auto decode = [&](const at::Tensor& latents) {
    const at::Tensor colours =
        at::einsum("oc,bchw->bohw", {factors, latents}) + constant.view({1, 3, 1, 1});
    return at::upsample_nearest2d(colours, {latents.size(2) * 8, latents.size(3) * 8});
  };
  const auto preview = PreviewDecoder::Fit(4, decode);
  EXPECT_EQ(preview->scale(), 1);
  const at::Tensor latents = at::randn({2, 4, 9, 5});
  const at::Tensor expected =
      (at::einsum("oc,bchw->bohw", {factors, latents}) + constant.view({1, 3, 1, 1})).clamp(-1, 1);
  EXPECT_LT((preview->Decode(latents) - expected).abs().max().item<double>(), 1e-5);
}

// On plain colours the preview of a real network is nearer to its pictures than their mean is.
TEST(PreviewDecoderTest, FitsANetwork) {
  const c10::InferenceMode inference;
  const RandomAutoencoder random({16, 16, 32});
  const auto autoencoder = random.Load(at::kFloat);
  ASSERT_TRUE(autoencoder.ok());
  const auto preview = PreviewDecoder::Fit(**autoencoder);
  const at::Tensor latents = at::upsample_nearest2d(at::randn({1, 4, 8, 8}), {32, 32});
  const at::Tensor wanted = at::avg_pool2d((*autoencoder)->Decode(latents), {4, 4});
  const at::Tensor got = preview->Decode(latents);
  const double error = (got - wanted).square().mean().item<double>();
  const double variance =
      (wanted - wanted.mean(at::IntArrayRef{2, 3}, true)).square().mean().item<double>();
  EXPECT_LT(error, 0.85 * variance);
  EXPECT_TRUE(PreviewDecoder::Fit(**autoencoder)->Decode(latents).equal(got)) << "no randomness";
}

}  // namespace
}  // namespace patchbay
