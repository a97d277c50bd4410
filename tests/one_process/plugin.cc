// A shared library that the test opens and closes while the service runs.
extern "C" __attribute__((visibility("default"))) int patchbay_test_answer() { return 42; }
