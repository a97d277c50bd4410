#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <boost/dll/shared_library.hpp>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sum.grpc.pb.h"
#include "tests/one_process/tensor_work.h"

namespace patchbay {
namespace {

using test::one_process::Adder;
using test::one_process::Numbers;
using test::one_process::Total;

class AdderService final : public Adder::CallbackService {
  grpc::ServerUnaryReactor* Sum(grpc::CallbackServerContext* context, const Numbers* numbers,
                                Total* total) override {
    total->set_value(SumWithTensors({numbers->values().begin(), numbers->values().end()}));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class OneProcess : public testing::Test {
 protected:
  OneProcess() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = Adder::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                               grpc::InsecureChannelCredentials()));
  }

  float Sum(const std::vector<float>& values) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    Numbers numbers;
    numbers.mutable_values()->Add(values.begin(), values.end());
    Total total;
    const grpc::Status status = stub_->Sum(&context, numbers, &total);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return total.value();
  }

  AdderService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Adder::Stub> stub_;
};

bool IsMapped(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(file) != std::string::npos) return true;
  }
  return false;
}

TEST_F(OneProcess, ComputesInsideAHandler) {
  EXPECT_EQ(Sum({1, 2, 3.5f}), 6.5f);
  EXPECT_EQ(Sum(std::vector<float>(1000, 1)), 1000);
}

TEST_F(OneProcess, CatchesLibTorchsExceptions) {
  EXPECT_NE(MessageOfFailure().find("mat1 and mat2"), std::string::npos) << MessageOfFailure();
  EXPECT_EQ(Sum({1}), 1);
}

TEST_F(OneProcess, OpensAndUnloadsASharedLibraryWhileServing) {
  {
    const boost::dll::shared_library library(
        PLUGIN_PATH, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    EXPECT_EQ(library.get<int()>("patchbay_test_answer")(), 42);
    EXPECT_TRUE(IsMapped(PLUGIN_PATH));
    EXPECT_EQ(Sum({4, 5}), 9);
  }
  EXPECT_FALSE(IsMapped(PLUGIN_PATH));
  EXPECT_EQ(Sum({4, 5}), 9);
}

TEST_F(OneProcess, KeepsAbseilsStatusWhole) {
  const absl::Status status = absl::InvalidArgumentError("because");
  EXPECT_EQ(status.ToString(), "INVALID_ARGUMENT: because");
}

}  // namespace
}  // namespace patchbay
