#ifndef PATCHBAY_SDK_PLUGIN_H_
#define PATCHBAY_SDK_PLUGIN_H_

#include <memory>
#include <utility>

#include "patchbay/abi/plugin.h"
#include "patchbay/attach.h"
#include "patchbay/description.h"
#include "patchbay/tensor_file.h"

namespace patchbay {

// What a plugin derives from. An object has one set of settings and does not change; the host makes
// one for each distinct set. A plugin also has
//   static void describe(Description<Settings>& d);
template <class SettingsType>
class Plugin {
 public:
  using Settings = SettingsType;
  virtual ~Plugin() = default;

  // Hangs the plugin's functions on a model.
  virtual void attach(Attach& at) const = 0;

  const Settings& settings() const { return settings_; }

 protected:
  // Opens the safetensors file of a setting, in attach() or in an action. Throws what is wrong with
  // it.
  TensorFile tensor_file(const File& file) const { return TensorFile(host_, file.path); }

 private:
  template <class>
  friend class PluginExport;
  Settings settings_;
  const patchbay_host* host_ = nullptr;
};

// For plugins without settings.
struct NoSettings {};

// The C functions of one plugin class; made by PATCHBAY_PLUGIN.
template <class PluginClass>
class PluginExport {
 public:
  static const patchbay_descriptor* descriptor() noexcept {
    try {
      static const patchbay_descriptor* const finished = description().finish();
      return finished;
    } catch (...) {
      return nullptr;
    }
  }

  static patchbay_status create(const patchbay_host* host, const patchbay_value* values,
                                uint32_t value_count, patchbay_instance** instance,
                                patchbay_error* error) noexcept {
    return sdk::guard(error, [&] {
      auto plugin = std::make_unique<PluginClass>();
      plugin->host_ = host;
      plugin->settings_ = description().read(values, value_count);
      *instance = reinterpret_cast<patchbay_instance*>(plugin.release());
    });
  }

  static patchbay_status attach(patchbay_instance* instance, patchbay_attach* attach,
                                patchbay_error* error) noexcept {
    return sdk::guard(error, [&] {
      Attach at(attach);
      reinterpret_cast<const PluginClass*>(instance)->attach(at);
    });
  }

  static patchbay_status run_action(patchbay_instance* instance, const char* id,
                                    patchbay_action_context* context,
                                    patchbay_error* error) noexcept {
    return sdk::guard(error, [&] {
      Action action(context);
      description().run_action(reinterpret_cast<PluginClass*>(instance), id, action);
    });
  }

  static void destroy(patchbay_instance* instance) noexcept {
    delete reinterpret_cast<PluginClass*>(instance);
  }

 private:
  using Settings = typename PluginClass::Settings;

  static Description<Settings>& description() {
    static Description<Settings>* const made = [] {
      static Description<Settings> description;
      PluginClass::describe(description);
      return &description;
    }();
    return *made;
  }
};

}  // namespace patchbay

// Makes a class the plugin of this library; once, at global scope.
#define PATCHBAY_PLUGIN(PluginClass)                                                \
  namespace {                                                                       \
  const patchbay_plugin_functions patchbay_plugin_table = {                         \
      sizeof(patchbay_plugin_functions),                                            \
      &::patchbay::PluginExport<PluginClass>::descriptor,                           \
      &::patchbay::PluginExport<PluginClass>::create,                               \
      &::patchbay::PluginExport<PluginClass>::attach,                               \
      &::patchbay::PluginExport<PluginClass>::destroy,                              \
      &::patchbay::PluginExport<PluginClass>::run_action};                          \
  }                                                                                 \
  PATCHBAY_EXPORT const patchbay_entry patchbay_plugin = {                          \
      PATCHBAY_ABI_MAGIC,    sizeof(patchbay_entry), PATCHBAY_ABI_MAJOR,            \
      PATCHBAY_ABI_MINOR,    ::patchbay::sdk::kTier, ::patchbay::sdk::kFingerprint, \
      &patchbay_plugin_table};

#endif  // PATCHBAY_SDK_PLUGIN_H_
