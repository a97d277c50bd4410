#ifndef PATCHBAY_HOST_SERVICE_BACKEND_H_
#define PATCHBAY_HOST_SERVICE_BACKEND_H_

#include "host/engine/jobs/action_runner.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/engine_executor.h"
#include "host/engine/jobs/job_queue.h"
#include "host/engine/jobs/model_registry.h"
#include "host/engine/jobs/plugin_administration.h"

namespace patchbay {

// What the services serve. Everything outlives the server.
struct Backend {
  JobQueue* queue;
  ArtifactStore* artifacts;
  ModelRegistry* models;
  EngineExecutor* executor;
  PluginAdministration* plugins;
  ActionRunner* actions;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_BACKEND_H_
