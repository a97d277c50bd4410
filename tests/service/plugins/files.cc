// A plugin that shows which file and which pictures it was given: in the latent, and by an action.

#include <c10/core/GradMode.h>
#include <patchbay/aten.h>

#include <fstream>
#include <sstream>
#include <string>

namespace {

struct Settings {
  patchbay::File number;      // a text file with a number
  patchbay::Picture picture;  // its mean counts
  patchbay::Picture mask;
};

struct Echo {
  patchbay::File text;
  patchbay::Picture picture;
};

double NumberIn(const std::string& path) {
  double number = 0;
  if (path.empty()) return number;
  std::ifstream file(path);
  if (!(file >> number)) throw patchbay::Error("number: the file must begin with a number");
  return number;
}

double MeanOf(const patchbay::Picture& picture) {
  if (!picture.rgba.defined()) return 0;
  if (picture.rgba.dim() != 4 || picture.rgba.size(1) != 4) throw patchbay::Error("a wrong shape");
  return picture.rgba.mean().item<double>();
}

class Files final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-files").title("Files").version("1.0.0").licence("CC0-1.0");
    d.summary("Adds a number from a file, and the mean of pictures, to every prediction.");
    d.field<1>(&Settings::number, "number").label("Number");
    d.field<2>(&Settings::picture, "picture").label("Picture");
    d.field<3>(&Settings::mask, "mask").label("Mask");
    auto& echo = d.action("echo", &Files::Say).title("Echo").help("Says what it was given.");
    echo.field<1>(&Echo::text, "text");
    echo.field<2>(&Echo::picture, "picture");
  }

  void attach(patchbay::Attach& at) const override {
    const double offset = NumberIn(settings().number.path) + MeanOf(settings().picture) +
                          10 * MeanOf(settings().mask);
    at.guidance([offset](const patchbay::Step&, const patchbay::Guidance& g) {
      return g.guided + 0.1 * offset;
    });
  }

 private:
  void Say(patchbay::Action& action, const Echo& given) {
    std::ostringstream text;
    text << "own " << NumberIn(settings().number.path) << "\n";
    if (!given.text.path.empty()) {
      const std::string name = given.text.path.substr(given.text.path.rfind('/') + 1);
      text << name << ": " << std::ifstream(given.text.path).rdbuf() << "\n";
    }
    if (given.picture.rgba.defined()) {
      // An action may train with what it is given.
      const at::Tensor weight = at::ones({1}).requires_grad_();
      const c10::AutoGradMode gradients(true);
      (given.picture.rgba * weight).mean().backward();
      text << given.picture.rgba.sizes() << " mean " << weight.grad().item<double>() << "\n";
    }
    action.result("echo.txt", text.str());
  }
};

}  // namespace

PATCHBAY_PLUGIN(Files)
