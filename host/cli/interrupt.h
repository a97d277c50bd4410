#ifndef PATCHBAY_HOST_CLI_INTERRUPT_H_
#define PATCHBAY_HOST_CLI_INTERRUPT_H_

namespace patchbay {

// From now on Ctrl-C and a polite kill only set a flag, so that a job can end within a step and
// leave nothing half-written. A second Ctrl-C ends the process at once.
void CatchInterrupts();

// Whether one has come.
bool WasInterrupted();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_INTERRUPT_H_
