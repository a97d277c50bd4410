#include "host/service/error_conversion.h"

#include <cmath>
#include <string>

#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

constexpr char kDomain[] = "patchbay";
constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

template <typename Message>
void AddDetail(const char* type_url, const Message& message, v1::ErrorStatus& error) {
  google::protobuf::Any& detail = *error.add_details();
  detail.set_type_url(type_url);
  message.SerializeToString(detail.mutable_value());
}

}  // namespace

v1::ErrorStatus ErrorToProto(const absl::Status& status) {
  v1::ErrorStatus error;
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  const ErrorDetails details = DetailsOf(status);
  v1::ErrorInfo info;
  info.set_reason(details.reason.empty() ? absl::StatusCodeToString(status.code())
                                         : details.reason);
  info.set_domain(kDomain);
  info.mutable_metadata()->insert(details.metadata.begin(), details.metadata.end());
  AddDetail(kErrorInfoUrl, info, error);
  if (details.retry_delay.has_value()) {
    v1::RetryInfo retry;
    const double seconds = absl::ToDoubleSeconds(*details.retry_delay);
    retry.mutable_retry_delay()->set_seconds(static_cast<int64_t>(seconds));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>((seconds - std::floor(seconds)) * 1e9));
    AddDetail(kRetryInfoUrl, retry, error);
  }
  return error;
}

absl::Status ErrorFromProto(const v1::ErrorStatus& error) {
  const absl::Status status(static_cast<absl::StatusCode>(error.code()), error.message());
  ErrorDetails details;
  for (const google::protobuf::Any& detail : error.details()) {
    v1::ErrorInfo info;
    v1::RetryInfo retry;
    if (detail.type_url() == kErrorInfoUrl && info.ParseFromString(detail.value())) {
      details.reason = info.reason();
      details.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (detail.type_url() == kRetryInfoUrl && retry.ParseFromString(detail.value())) {
      details.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                            absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  return details.reason.empty() ? status : WithDetails(status, details);
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      ErrorToProto(status).SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  v1::ErrorStatus error;
  if (!status.error_details().empty() && error.ParseFromString(status.error_details()) &&
      error.code() == static_cast<int>(status.error_code())) {
    return ErrorFromProto(error);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace patchbay
