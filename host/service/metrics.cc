#include "host/service/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void Add(MetricType type, const char* name, const char* help, double value) {
    Start(type, name, help);
    Value(value, {});
  }
  void Start(MetricType type, const char* name, const char* help) {
    families_.push_back({name, help, type, {}});
  }
  void Value(double value, std::vector<prometheus::ClientMetric::Label> labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    // The type says which of the two is read.
    metric.counter.value = value;
    metric.gauge.value = value;
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

class BackendNumbers final : public prometheus::Collectable {
 public:
  explicit BackendNumbers(const Backend& backend) : backend_(backend) {}

  std::vector<MetricFamily> Collect() const override {
    const JobQueueStatus queue = backend_.queue->status();
    Families families;
    families.Start(MetricType::Counter, "patchbay_generations_total", "Ended generations.");
    families.Value(queue.succeeded, {{"outcome", "succeeded"}});
    families.Value(queue.failed, {{"outcome", "failed"}});
    families.Value(queue.cancelled, {{"outcome", "cancelled"}});
    families.Add(MetricType::Counter, "patchbay_generations_accepted_total",
                 "Accepted generations.", queue.accepted);
    families.Add(MetricType::Counter, "patchbay_generations_refused_total",
                 "Generations refused because the queue was full.", queue.refused);
    families.Add(MetricType::Counter, "patchbay_drawing_seconds_total", "Seconds spent on drawing.",
                 queue.drawing_seconds);
    families.Add(MetricType::Gauge, "patchbay_queue_length", "Generations that wait.",
                 queue.queued);
    families.Add(MetricType::Gauge, "patchbay_queue_capacity", "Generations that may wait.",
                 queue.capacity);
    families.Add(MetricType::Gauge, "patchbay_running", "Generations being drawn.", queue.running);
    families.Add(MetricType::Gauge, "patchbay_draining", "1 while nothing new is accepted.",
                 queue.draining ? 1 : 0);
    families.Add(MetricType::Gauge, "patchbay_artifact_bytes", "Bytes in the artifact store.",
                 static_cast<double>(backend_.artifacts->stored_bytes()));
    if (const auto models = backend_.models->List(); models.ok()) {
      int loaded = 0;
      for (const ModelEntry& model : *models) loaded += model.loaded ? 1 : 0;
      families.Add(MetricType::Gauge, "patchbay_models_loaded", "Models in memory.", loaded);
    }
    return families.Take();
  }

 private:
  const Backend backend_;
};

class HttpMetricsServer final : public MetricsServer {
 public:
  HttpMetricsServer(const std::string& address, const Backend& backend)
      : numbers_(std::make_shared<BackendNumbers>(backend)), exposer_(address, 1) {
    exposer_.RegisterCollectable(numbers_);
  }

 private:
  const std::shared_ptr<BackendNumbers> numbers_;
  prometheus::Exposer exposer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Backend& backend) {
  try {
    return std::make_unique<HttpMetricsServer>(address, backend);
  } catch (const std::exception& error) {  // civetweb's way to say that a port is taken
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics at ", address, ": ", error.what()));
  }
}

}  // namespace patchbay
