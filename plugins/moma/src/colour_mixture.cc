#include "plugins/moma/src/colour_mixture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace moma {
namespace {

constexpr size_t kComponents = 5;  // GrabCut's
constexpr int kRounds = 10;        // of k-means
// Added to each variance, so that areas of one colour have a density: two steps of 255.
constexpr double kLeastVariance = (2.0 / 255) * (2.0 / 255);

using Matrix = std::array<Colour, 3>;

double SquaredDistance(const Colour& one, const Colour& other) {
  double sum = 0;
  for (size_t i = 0; i < 3; ++i) sum += (one[i] - other[i]) * (one[i] - other[i]);
  return sum;
}

// Far from each other: the first colour, then again and again the one farthest from all so far.
std::vector<Colour> Centres(const std::vector<Colour>& colours) {
  std::vector<Colour> centres = {colours.front()};
  std::vector<double> nearest(colours.size(), std::numeric_limits<double>::infinity());
  while (centres.size() < kComponents) {
    for (size_t i = 0; i < colours.size(); ++i) {
      nearest[i] = std::min(nearest[i], SquaredDistance(colours[i], centres.back()));
    }
    const auto farthest = std::max_element(nearest.begin(), nearest.end());
    if (*farthest <= kLeastVariance) break;
    centres.push_back(colours[static_cast<size_t>(farthest - nearest.begin())]);
  }
  return centres;
}

size_t Nearest(const std::vector<Colour>& centres, const Colour& colour) {
  const auto nearer = [&](const Colour& one, const Colour& other) {
    return SquaredDistance(one, colour) < SquaredDistance(other, colour);
  };
  return static_cast<size_t>(std::min_element(centres.begin(), centres.end(), nearer) -
                             centres.begin());
}

void MoveToMeans(const std::vector<Colour>& colours, const std::vector<size_t>& owners,
                 std::vector<Colour>& centres) {
  std::vector<Colour> sums(centres.size(), Colour{});
  std::vector<double> counts(centres.size(), 0);
  for (size_t i = 0; i < colours.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) sums[owners[i]][c] += colours[i][c];
    ++counts[owners[i]];
  }
  for (size_t k = 0; k < centres.size(); ++k) {
    if (counts[k] == 0) continue;
    for (size_t c = 0; c < 3; ++c) centres[k][c] = sums[k][c] / counts[k];
  }
}

double Determinant(const Matrix& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
         m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

// Of a symmetric matrix, by its cofactors.
Matrix Inverse(const Matrix& m, double determinant) {
  Matrix inverse = {};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      const size_t a = (i + 1) % 3, b = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
      inverse[j][i] = (m[a][c] * m[b][d] - m[a][d] * m[b][c]) / determinant;
    }
  }
  return inverse;
}

}  // namespace

ColourMixture ColourMixture::Fit(const std::vector<Colour>& colours) {
  std::vector<Colour> centres = Centres(colours);
  std::vector<size_t> owners(colours.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < colours.size(); ++i) owners[i] = Nearest(centres, colours[i]);
    MoveToMeans(colours, owners, centres);
  }
  return Learn(colours, owners, centres.size());
}

ColourMixture ColourMixture::Refitted(const std::vector<Colour>& colours) const {
  std::vector<size_t> owners;
  owners.reserve(colours.size());
  for (const Colour& colour : colours) {
    const auto likelier = [&](const Component& one, const Component& other) {
      return Cost(one, colour) < Cost(other, colour);
    };
    owners.push_back(static_cast<size_t>(
        std::min_element(components_.begin(), components_.end(), likelier) - components_.begin()));
  }
  return Learn(colours, owners, components_.size());
}

ColourMixture ColourMixture::Learn(const std::vector<Colour>& colours,
                                   const std::vector<size_t>& owners, size_t count) {
  std::vector<Colour> means(count, Colour{});
  MoveToMeans(colours, owners, means);
  std::vector<Matrix> products(count, Matrix{});
  std::vector<double> counts(count, 0);
  for (size_t n = 0; n < colours.size(); ++n) {
    const size_t k = owners[n];
    ++counts[k];
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) {
        products[k][i][j] += (colours[n][i] - means[k][i]) * (colours[n][j] - means[k][j]);
      }
    }
  }
  ColourMixture mixture;
  for (size_t k = 0; k < count; ++k) {
    if (counts[k] == 0) continue;
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) products[k][i][j] /= counts[k];
      products[k][i][i] += kLeastVariance;
    }
    const double determinant = Determinant(products[k]);
    const double share = counts[k] / static_cast<double>(colours.size());
    mixture.components_.push_back({-std::log(share) + 0.5 * std::log(determinant), means[k],
                                   Inverse(products[k], determinant)});
  }
  return mixture;
}

double ColourMixture::Cost(const Component& component, const Colour& colour) {
  double sum = 0;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      sum += (colour[i] - component.mean[i]) * component.precision[i][j] *
             (colour[j] - component.mean[j]);
    }
  }
  return component.constant + 0.5 * sum;
}

double ColourMixture::Cost(const Colour& colour) const {
  double least = std::numeric_limits<double>::infinity();
  for (const Component& component : components_) least = std::min(least, Cost(component, colour));
  return least;
}

}  // namespace moma
