#include "host/service/access_control.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

TEST(AccessControlTest, KnowsAddressesOfThisMachine) {
  for (const char* address :
       {"127.0.0.1:1", "127.1.2.3:0", "localhost:1", "[::1]:1", "unix:/a", "unix:b"}) {
    EXPECT_TRUE(IsLocalAddress(address)) << address;
  }
  for (const char* address : {"", ":1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.org:1",
                              "localhost.example.org:1", "dns:///localhost:1", "*:1"}) {
    EXPECT_FALSE(IsLocalAddress(address)) << address;
  }
}

TEST(AccessControlTest, KnowsPeersOnThisMachine) {
  for (const char* peer : {"ipv4:127.0.0.1:5", "ipv6:[::1]:5", "ipv6:%5B::1%5D:5", "unix:"}) {
    EXPECT_TRUE(IsLocalPeer(peer)) << peer;
  }
  for (const char* peer : {"", "ipv4:10.0.0.1:5", "ipv6:[2001::1]:5", "ipv6:[::11]:5"}) {
    EXPECT_FALSE(IsLocalPeer(peer)) << peer;
  }
}

}  // namespace
}  // namespace patchbay
