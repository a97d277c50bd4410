#ifndef PATCHBAY_HOST_CLI_INTERRUPT_H_
#define PATCHBAY_HOST_CLI_INTERRUPT_H_

namespace patchbay {

// What scripts can rely on: drawn or otherwise done; refused or failed; wrong usage; interrupted.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitWrongUsage = 2;
inline constexpr int kExitInterrupted = 130;

// From now on Ctrl-C, a polite kill and the end of the terminal only set a flag, so that a job can
// end within a step and leave nothing half-written; system calls that wait are interrupted. A
// second one ends the process at once, with kExitInterrupted.
void CatchInterrupts();

// Whether one has come.
bool WasInterrupted();

// Makes two other signals harmless or plain. Writing a file past the size that this process is
// allowed becomes an error of the write, so that its half is removed. Reading a mapped file that
// somebody has cut short in the meantime ends the process with one line that says so and
// kExitFailed: the bytes are gone, and no code that reads weights could go on without them.
void CatchFileSignals();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_INTERRUPT_H_
