#ifndef PATCHBAY_SDK_DESCRIPTION_H_
#define PATCHBAY_SDK_DESCRIPTION_H_

#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "patchbay/abi/plugin.h"
#include "patchbay/action.h"
#include "patchbay/fields.h"

namespace patchbay {

// What an action takes; returned by Description::action() to say more of it.
template <class ActionSettings>
class ActionFields final : public Fields<ActionSettings> {
 public:
  ActionFields& title(const char* text) {
    title_ = this->keep(text);
    return *this;
  }
  // One or two sentences.
  ActionFields& help(const char* text) {
    help_ = this->keep(text);
    return *this;
  }

  // The rest is for the SDK.
  patchbay_action finish(const char* id) const {
    return {sizeof(patchbay_action),
            id,
            title_,
            help_,
            this->list().data(),
            static_cast<uint32_t>(this->list().size())};
  }

 private:
  const char* title_ = "";
  const char* help_ = "";
};

// Collects what a plugin says of itself and of its settings. Texts are copied.
template <class Settings>
class Description : public Fields<Settings> {
 public:
  Description() { descriptor_.phase = PATCHBAY_PHASE_NORMAL; }

  Description& id(const char* text) { return set(descriptor_.id, text); }
  Description& title(const char* text) { return set(descriptor_.title, text); }
  Description& version(const char* text) { return set(descriptor_.version, text); }
  // One sentence.
  Description& summary(const char* text) { return set(descriptor_.summary, text); }
  // Where the technique was published.
  Description& source(const char* text) { return set(descriptor_.source, text); }
  Description& licence(const char* spdx) { return set(descriptor_.licence, spdx); }
  Description& phase(patchbay_phase phase) {
    descriptor_.phase = phase;
    return *this;
  }
  // Its place among other plugins, by their ids.
  Description& before(const char* id) { return add(before_, id); }
  Description& after(const char* id) { return add(after_, id); }
  Description& conflicts(const char* id) { return add(conflicts_, id); }
  // The families of models that it is for, PATCHBAY_MODEL_...; without a call: any.
  Description& families(std::initializer_list<patchbay_model_family> list) {
    families_.assign(list.begin(), list.end());
    return *this;
  }
  // A chain may have the plugin several times, each with settings of its own.
  Description& repeatable() {
    descriptor_.flags |= PATCHBAY_PLUGIN_REPEATABLE;
    return *this;
  }
  // A hook without which the plugin cannot work: PATCHBAY_HOOK_...
  Description& requires_hook(const char* id) { return add(required_hooks_, id); }

  // A long-running operation outside of any job, see patchbay/action.h: calls
  //   void run(Action&, const ActionSettings&)
  // of the plugin with what a request says. The result takes the action's title, help and fields.
  template <class PluginClass, class ActionSettings>
  ActionFields<ActionSettings>& action(const char* id,
                                       void (PluginClass::*run)(Action&, const ActionSettings&)) {
    auto fields = std::make_shared<ActionFields<ActionSettings>>();
    actions_.push_back({this->keep(id), [fields](const char* name) { return fields->finish(name); },
                        [fields, run](void* plugin, Action& action) {
                          (static_cast<PluginClass*>(plugin)->*run)(
                              action,
                              fields->read(action.context().values, action.context().value_count));
                        }});
    return *fields;
  }

  // The rest is for the SDK.
  const patchbay_descriptor* finish() {
    descriptor_.struct_size = sizeof(descriptor_);
    for (const char** text : {&descriptor_.title, &descriptor_.summary, &descriptor_.source}) {
      if (*text == nullptr) *text = "";
    }
    if (descriptor_.id == nullptr) descriptor_.id = "";
    if (descriptor_.version == nullptr) descriptor_.version = "0.0.0";
    if (descriptor_.licence == nullptr) descriptor_.licence = "";
    descriptor_.fields = this->list().data();
    descriptor_.field_count = static_cast<uint32_t>(this->list().size());
    for (const ActionEntry& action : actions_) finished_.push_back(action.finish(action.id));
    descriptor_.actions = finished_.data();
    descriptor_.action_count = static_cast<uint32_t>(finished_.size());
    descriptor_.families = families_.data();
    descriptor_.family_count = static_cast<uint32_t>(families_.size());
    expose(before_, descriptor_.before, descriptor_.before_count);
    expose(after_, descriptor_.after, descriptor_.after_count);
    expose(conflicts_, descriptor_.conflicts, descriptor_.conflict_count);
    expose(required_hooks_, descriptor_.required_hooks, descriptor_.required_hook_count);
    return &descriptor_;
  }
  // Runs the action with this id; `plugin` is the object of the class that it is a member of.
  void run_action(void* plugin, const char* id, Action& action) const {
    for (const ActionEntry& entry : actions_) {
      if (std::strcmp(entry.id, id) == 0) return entry.run(plugin, action);
    }
    throw Error("there is no action \"" + std::string(id) + "\"", PATCHBAY_NOT_FOUND);
  }

 private:
  struct ActionEntry {
    const char* id;
    std::function<patchbay_action(const char* id)> finish;
    std::function<void(void* plugin, Action& action)> run;
  };

  Description& set(const char*& target, const char* text) {
    target = this->keep(text);
    return *this;
  }
  Description& add(std::vector<const char*>& list, const char* text) {
    list.push_back(this->keep(text));
    return *this;
  }
  static void expose(const std::vector<const char*>& list, const char* const*& target,
                     uint32_t& count) {
    target = list.data();
    count = static_cast<uint32_t>(list.size());
  }

  patchbay_descriptor descriptor_{};
  std::vector<const char*> before_, after_, conflicts_, required_hooks_;
  std::vector<patchbay_model_family> families_;
  std::vector<ActionEntry> actions_;
  std::vector<patchbay_action> finished_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_DESCRIPTION_H_
