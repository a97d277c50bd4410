#ifndef PATCHBAY_HOST_PLUGINS_SITE_LIST_H_
#define PATCHBAY_HOST_PLUGINS_SITE_LIST_H_

#include <vector>

#include "host/runtime/nn/site.h"
#include "patchbay/abi/model.h"

namespace patchbay {

// A denoiser's sites as plugins see them. The table must outlive the list.
std::vector<patchbay_site> ListSites(const SiteTable& sites);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SITE_LIST_H_
