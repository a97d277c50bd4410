#ifndef PATCHBAY_HOST_SERVICE_METRICS_H_
#define PATCHBAY_HOST_SERVICE_METRICS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/service/backend.h"

namespace patchbay {

// Answers Prometheus over HTTP at /metrics: jobs by outcome, queue, drawing time, store, models.
// Numbers are read when somebody asks; nothing is measured otherwise. Names begin with "patchbay_".
class MetricsServer {
 public:
  // address: "127.0.0.1:9100". What the backend names must outlive this. UNAVAILABLE when the port
  // cannot be had.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const Backend& backend);
  virtual ~MetricsServer() = default;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_METRICS_H_
