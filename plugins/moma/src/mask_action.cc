#include "plugins/moma/src/mask_action.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "plugins/moma/src/reference_picture.h"

namespace moma {

void DescribeMask(patchbay::ActionFields<MaskRequest>& d) {
  d.title("Show the mask")
      .help("Where on the picture the subject is: the mask that a job would use, as mask.png.");
  d.field<1>(&MaskRequest::image, "image")
      .label("Picture")
      .help("What the subject is taken from. Of any size and kind.");
  d.field<2>(&MaskRequest::mask, "mask")
      .label("Mask")
      .help(
          "As in a job. Without: where the picture is opaque, or what stands out from its border.");
}

void RunMask(const patchbay::Action& action, const MaskRequest& request) {
  if (!request.image.rgba.defined()) {
    throw patchbay::Error("image: there is no picture of the subject; give one");
  }
  const Subject subject = ReadSubject(request.image.rgba, request.mask.rgba, /*loose=*/false);
  if (subject.is_everywhere && !request.mask.rgba.defined()) {
    throw patchbay::Error(
        "image: nothing stands out from the picture's border; give a mask, or a picture with "
        "transparency");
  }
  action.result("mask.png", MaskAsPng(subject.mask));
}

std::string MaskAsPng(const at::Tensor& mask) {
  const at::Tensor pixels = (mask.to(at::kByte) * 255).contiguous();
  const auto height = static_cast<int>(pixels.size(0));
  const auto width = static_cast<int>(pixels.size(1));
  std::string file;
  const auto append = [](void* to, void* bytes, int count) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes),
                                          static_cast<size_t>(count));
  };
  if (stbi_write_png_to_func(append, &file, width, height, 1, pixels.const_data_ptr(), width) ==
      0) {
    throw patchbay::Error("the mask of " + std::to_string(width) + "x" + std::to_string(height) +
                              " pixels could not be written as a PNG file",
                          PATCHBAY_INTERNAL);
  }
  return file;
}

}  // namespace moma
