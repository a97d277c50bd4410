#ifndef PATCHBAY_PLUGINS_MOMA_SRC_COLOUR_MIXTURE_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_COLOUR_MIXTURE_H_

#include <array>
#include <vector>

namespace moma {

using Colour = std::array<double, 3>;  // 0..1

// How colours are spread: a mixture of normal distributions, each pixel being one component's alone
// (Rother et al., "GrabCut", 2004, section 3).
class ColourMixture {
 public:
  // Of at least one colour. The same colours in the same order give the same mixture.
  static ColourMixture Fit(const std::vector<Colour>& colours);

  // Once more, with each colour counted for the component under which it is likeliest.
  ColourMixture Refitted(const std::vector<Colour>& colours) const;

  // -log of the density at the likeliest component.
  double Cost(const Colour& colour) const;

 private:
  struct Component {
    double constant = 0;  // -log of the weight, and half the log of the covariance's determinant
    Colour mean = {};
    std::array<Colour, 3> precision = {};  // the covariance's inverse
  };

  static ColourMixture Learn(const std::vector<Colour>& colours, const std::vector<size_t>& owners,
                             size_t count);
  static double Cost(const Component& component, const Colour& colour);

  std::vector<Component> components_;
};

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_COLOUR_MIXTURE_H_
