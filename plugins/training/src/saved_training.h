#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_SAVED_TRAINING_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_SAVED_TRAINING_H_

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "plugins/training/src/adamw.h"

namespace training {

// What a file holds beside the trained tensors, so that training can be taken up where it was left:
// every random number depends on the seed and the step's number alone, so the rest comes out as if
// it had never been left.

// Adds the optimizer's moments, "first_moment.NAME" and "second_moment.NAME". names: of what is
// trained, in the optimizer's order.
void AddMoments(const std::vector<std::string>& names, const AdamW& optimizer,
                std::map<std::string, at::Tensor>& tensors);

// A file's tensor of a shape; throws patchbay::Error where there is none.
using TensorReader =
    std::function<at::Tensor(const std::string& name, const std::vector<int64_t>& shape)>;

// The moments of parameters of these names; `steps` stays to be set.
void ReadMoments(const TensorReader& read, const std::vector<std::string>& names,
                 const std::vector<at::Tensor>& parameters, AdamW& optimizer);

// A number as a parameter's text: the shortest that no other number has.
std::string Spelled(double number);

// How the model's weights are kept, as the command line calls it: "fp32".
std::string PrecisionName(at::ScalarType type);

// What must be the same when it is taken up again, by name, as metadata: "parameter.NAME".
std::map<std::string, std::string> ParameterMetadata(
    const std::map<std::string, std::string>& parameters);

// Throws patchbay::Error, which begins with `field` and names the file, where the metadata says
// nothing of a parameter or another value of it.
void CheckParameters(const std::string& field, const std::string& file,
                     const std::map<std::string, std::string>& metadata,
                     const std::map<std::string, std::string>& parameters);

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_SAVED_TRAINING_H_
