#ifndef PATCHBAY_HOST_ENGINE_PLUGIN_VALUES_H_
#define PATCHBAY_HOST_ENGINE_PLUGIN_VALUES_H_

// Plugins as values, for the layers above: what they say of themselves, how they are, what a chain
// of them is.
#include "host/plugins/chain_plan.h"
#include "host/plugins/file_settings.h"
#include "host/plugins/plugin_status.h"
#include "host/plugins/setting_value.h"
#include "host/plugins/settings_text.h"

#endif  // PATCHBAY_HOST_ENGINE_PLUGIN_VALUES_H_
