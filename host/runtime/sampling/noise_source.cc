#include "host/runtime/sampling/noise_source.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <vector>

#include "host/runtime/sampling/brownian_motion.h"
#include "host/runtime/sampling/philox.h"

namespace patchbay {
namespace {

at::Generator CpuGenerator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

at::Tensor DrawOnCpu(at::IntArrayRef shape, const at::Generator& generator) {
  return at::randn(shape, generator, at::TensorOptions().dtype(at::kFloat));
}

}  // namespace

struct NoiseSource::State {
  State(CompatProfile whose, uint64_t first_seed)
      : profile(whose),
        seed(first_seed),
        generator(CpuGenerator(first_seed)),
        step_generator(CpuGenerator(first_seed + 1)) {}

  // One draw for each picture of the batch, each from its own generator.
  at::Tensor DrawByPicture(at::IntArrayRef shape) {
    std::vector<at::Tensor> pictures;
    for (int64_t i = 0; i < shape.front(); ++i) {
      if (static_cast<size_t>(i) == by_picture.size()) {
        by_picture.emplace_back(seed + static_cast<uint64_t>(i));
      }
      pictures.push_back(by_picture[static_cast<size_t>(i)].Draw(shape.slice(1)));
    }
    return at::stack(pictures);
  }

  BrownianMotion MakePath(std::vector<int64_t> shape, uint64_t path_seed, double sigma_min,
                          double sigma_max) const {
    const bool like_gpu = profile == CompatProfile::kA1111;
    return BrownianMotion(static_cast<float>(sigma_min), static_cast<float>(sigma_max), path_seed,
                          std::move(shape),
                          [like_gpu](uint32_t node_seed, at::IntArrayRef node_shape) {
                            return like_gpu ? PhiloxGenerator(node_seed).Draw(node_shape)
                                            : DrawOnCpu(node_shape, CpuGenerator(node_seed));
                          });
  }

  void MakePaths(at::IntArrayRef shape, double sigma_min, double sigma_max) {
    if (profile != CompatProfile::kA1111) {
      paths.push_back(MakePath(shape.vec(), seed, sigma_min, sigma_max));
      return;
    }
    for (int64_t i = 0; i < shape.front(); ++i) {
      paths.push_back(
          MakePath(shape.slice(1).vec(), seed + static_cast<uint64_t>(i), sigma_min, sigma_max));
    }
  }

  CompatProfile profile;
  uint64_t seed;
  at::Generator generator;
  at::Generator step_generator;
  std::vector<PhiloxGenerator> by_picture;
  std::vector<BrownianMotion> paths;  // one, or one a picture
};

NoiseSource::NoiseSource(CompatProfile profile, uint64_t seed)
    : state_(std::make_unique<State>(profile, seed)) {}
NoiseSource::NoiseSource(NoiseSource&&) noexcept = default;
NoiseSource& NoiseSource::operator=(NoiseSource&&) noexcept = default;
NoiseSource::~NoiseSource() = default;

at::Tensor NoiseSource::Draw(at::IntArrayRef shape) {
  return state_->profile == CompatProfile::kA1111 ? state_->DrawByPicture(shape)
                                                  : DrawOnCpu(shape, state_->generator);
}

at::Tensor NoiseSource::DrawForStep(at::IntArrayRef shape) {
  return state_->profile == CompatProfile::kComfyUi ? DrawOnCpu(shape, state_->step_generator)
                                                    : Draw(shape);
}

at::Tensor NoiseSource::DrawFromPath(at::IntArrayRef shape, double sigma, double sigma_next,
                                     double sigma_min, double sigma_max) {
  if (state_->paths.empty()) state_->MakePaths(shape, sigma_min, sigma_max);
  // Time runs upwards, sampling downwards. Levels are fp32 in the original: the path's finest
  // intervals are narrow enough for that to matter.
  const auto from = static_cast<float>(sigma_next);
  const auto to = static_cast<float>(sigma);
  std::vector<at::Tensor> increments;
  for (const BrownianMotion& path : state_->paths) {
    increments.push_back(-path.Increment(from, to));
  }
  const at::Tensor noise =
      state_->profile == CompatProfile::kA1111 ? at::stack(increments) : increments.front();
  return noise / std::sqrt(to - from);
}

void NoiseSource::BeginPass() { state_->paths.clear(); }

}  // namespace patchbay
