#ifndef PATCHBAY_BRIDGES_COMMON_STEPLESS_SETTINGS_H_
#define PATCHBAY_BRIDGES_COMMON_STEPLESS_SETTINGS_H_

#include <string>

#include "patchbay/v1/generation_service.pb.h"

namespace patchbay {

// Settings of a generation that samples nothing, for a model's autoencoder alone: what it starts
// from is decoded. Sides in pixels, multiples of 8.
v1::GenerationSettings SettingsWithoutSteps(const std::string& model, int width, int height,
                                            int batch);

// Of one whose result is the latent of an uploaded picture of that size.
v1::GenerationSettings EncodingSettings(const std::string& model,
                                        const std::string& image_artifact_id, int width,
                                        int height);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_STEPLESS_SETTINGS_H_
