#include <benchmark/benchmark.h>

#include <cstdint>

#include "image/resize.h"
#include "models/qwen3_vl/image_processor.h"

namespace oko {
namespace {

image::Image noise(int width, int height) {
  image::Image image{width, height, {}};
  image.rgb.resize(std::size_t{3} * width * height);
  std::uint32_t state = 1;
  for (auto& byte : image.rgb) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

void resize_12_mpx_to_1_mpx(benchmark::State& state) {
  const image::Image picture = noise(4000, 3000);
  for (auto _ : state) benchmark::DoNotOptimize(image::resize_bicubic(picture, 1152, 864));
}
BENCHMARK(resize_12_mpx_to_1_mpx)->Unit(benchmark::kMillisecond);

void resize_quarter_to_1_mpx(benchmark::State& state) {
  const image::Image picture = noise(512, 512);
  for (auto _ : state) benchmark::DoNotOptimize(image::resize_bicubic(picture, 1024, 1024));
}
BENCHMARK(resize_quarter_to_1_mpx)->Unit(benchmark::kMillisecond);

void preprocess_1_mpx(benchmark::State& state) {
  const image::Image picture = noise(1024, 1024);
  const models::qwen3_vl::ImageProcessorConfig config;
  for (auto _ : state) benchmark::DoNotOptimize(preprocess(picture, config));
}
BENCHMARK(preprocess_1_mpx)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace oko
