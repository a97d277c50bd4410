#include "host/engine/jobs/private_paths.h"

#include <gtest/gtest.h>

#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

TEST(PrivatePathsTest, LeavesTheLastNameOfAPath) {
  const PrivatePaths paths({"/srv/data", "/srv/models/", "", "/srv/my data"});
  EXPECT_EQ(paths.Hidden("cannot open /srv/data/artifacts/ab/abcd: No such file"),
            "cannot open abcd: No such file");
  EXPECT_EQ(paths.Hidden("(/srv/models/sd1/unet/config.json), \"/srv/data/work/1/x.png\""),
            "(config.json), \"x.png\"");
  EXPECT_EQ(paths.Hidden("/srv/my data/a.txt is bad. /srv/data/b.txt."), "a.txt is bad. b.txt.");
  EXPECT_EQ(paths.Hidden("cannot make /srv/data"), "cannot make data");
  // Others' paths, and what a client itself has written.
  EXPECT_EQ(paths.Hidden("/srv/database/x and /usr/lib/x"), "/srv/database/x and /usr/lib/x");
  EXPECT_EQ(paths.Hidden(""), "");
}

TEST(PrivatePathsTest, KeepsCodeAndDetails) {
  const PrivatePaths paths({"/srv/data"});
  const absl::Status status = paths.Hidden(
      WithReason(absl::DataLossError("/srv/data/x is cut"), error_reason::kArtifactDamaged));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "x is cut");
  EXPECT_EQ(DetailsOf(status).reason, error_reason::kArtifactDamaged);
}

}  // namespace
}  // namespace patchbay
