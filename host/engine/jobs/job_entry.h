#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_ENTRY_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_ENTRY_H_

#include <atomic>
#include <memory>
#include <utility>

#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_event_log.h"
#include "host/engine/jobs/job_queue.h"

namespace patchbay {

// What the queue holds of one job.
struct JobQueue::Entry {
  // Each attempt's events begin at its own number, so that numbers rise across restarts.
  Entry(Job accepted, uint64_t sequences_of_an_attempt)
      : job(std::move(accepted)),
        log(std::make_shared<JobEventLog>(static_cast<uint64_t>(job.attempts) *
                                          sequences_of_an_attempt)) {}

  Job job;  // under the queue's mutex
  const std::shared_ptr<JobEventLog> log;
  std::atomic<bool> cancelled = false;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_ENTRY_H_
