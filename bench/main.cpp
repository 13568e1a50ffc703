#include <benchmark/benchmark.h>

#include "base/heap.h"

int main(int argc, char** argv) {
  oko::configure_heap();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
