#ifndef PATCHBAY_PLUGINS_MOMA_SRC_DESCRIBE_ACTION_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_DESCRIBE_ACTION_H_

#include <patchbay/aten.h>

#include "plugins/moma/src/description_cache.h"
#include "plugins/moma/src/description_request.h"

namespace moma {

// What MoMA's language model makes of a picture and a prompt (arXiv:2404.05674, section 3.2): its
// hidden state at the last token, as the file that the parameter tokens takes. The same question
// is answered from a cache. Throws patchbay::Error.
void RunDescribe(const patchbay::Action& action, const DescriptionRequest& request,
                 const OpenFile& open);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_DESCRIBE_ACTION_H_
