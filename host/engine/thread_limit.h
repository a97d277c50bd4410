#ifndef PATCHBAY_HOST_ENGINE_THREAD_LIMIT_H_
#define PATCHBAY_HOST_ENGINE_THREAD_LIMIT_H_

namespace patchbay {

// The most threads that an engine can be told to compute with: four for each that the processor
// runs at once. More make nothing faster, and very many take the whole machine down.
int MostThreads();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_THREAD_LIMIT_H_
