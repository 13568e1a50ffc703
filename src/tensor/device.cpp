#include "tensor/device.h"

#include <mlx/compile.h>
#include <mlx/device.h>
#include <mlx/memory.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>
#include <variant>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/allocator.h"
#include "tensor/cpu/integer_matmul.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::tensor {

namespace mx = mlx::core;

namespace {

constexpr const char* kVariable = "OKO_DEVICE";
constexpr const char* kDtypeVariable = "OKO_DTYPE";

std::mutex selecting;
std::atomic<Device> selected{Device::kAuto};
std::atomic<bool> float16{false};
std::atomic<cpu::Precision> precision{cpu::Precision::kInt16Activations};

/// Counts the GPUs that MLX can open: its is_available() is true on every Mac.
bool has_gpu() {
  return mx::device_count(mx::Device::gpu) > 0;
}

std::string_view environment(const char* name) {
  const char* setting = std::getenv(name);
  return setting != nullptr ? setting : "";
}

/// MLX has one default device for the process; each thread has streams of its own on it.
void use_in_mlx(Device device) {
  const bool gpu = device == Device::kGpu;
  mx::set_default_device(gpu ? mx::Device::gpu : mx::Device::cpu);
  // On its CPU device, MLX's compile() would run g++ at run time.
  if (gpu) {
    mx::enable_compile();
  } else {
    mx::disable_compile();
  }
}

}  // namespace

std::string_view name_of(Device device) {
  switch (device) {
    case Device::kAuto:
      return "auto";
    case Device::kCpu:
      return "cpu";
    case Device::kGpu:
      return "gpu";
    case Device::kGraphOnCpu:
      return "graph_on_cpu";
  }
  return {};
}

Device device_of_setting(std::string_view setting, bool has_gpu) {
  if (setting.empty()) return has_gpu ? Device::kGpu : Device::kCpu;
  if (setting == "cpu") return Device::kCpu;
  if (setting != "gpu") {
    throw Error(ErrorCode::kUsage,
                tr("{} is \"{}\", expected cpu or gpu", "{} — \"{}\", ожидается cpu или gpu",
                   kVariable, setting),
                tr("unset {0}, or set {0}=cpu", "уберите {0} или задайте {0}=cpu", kVariable));
  }
  if (!has_gpu) {
    throw Error(
        ErrorCode::kUsage,
        tr("{} is gpu, but this machine has no GPU that MLX can use",
           "{} — gpu, но здесь нет графического процессора, с которым работает MLX", kVariable),
        tr("unset {0}, or set {0}=cpu", "уберите {0} или задайте {0}=cpu", kVariable));
  }
  return Device::kGpu;
}

HalfDtype half_of_setting(std::string_view setting) {
  if (setting.empty()) return HalfDtype::kAsStored;
  if (setting == "float16") return HalfDtype::kFloat16;
  throw Error(
      ErrorCode::kUsage,
      tr("{} is {}, expected float16", "{} — {}, ожидается float16", kDtypeVariable, setting),
      tr("unset {0}, or set {0}=float16", "уберите {0} или задайте {0}=float16", kDtypeVariable));
}

void select_device(Device device, HalfDtype half) {
  const std::scoped_lock lock(selecting);
  if (device == Device::kAuto) {
    if (selected != Device::kAuto) return;
    device = device_of_setting(environment(kVariable), has_gpu());
  }
  if (half == HalfDtype::kAuto) half = half_of_setting(environment(kDtypeVariable));
  if (device == Device::kGpu) device_of_setting("gpu", has_gpu());  // throws if there is none
  use_in_mlx(device);
  float16 = half == HalfDtype::kFloat16;
  selected = device;
}

Device device() {
  if (selected == Device::kAuto) select_device(Device::kAuto);
  return selected;
}

bool uses_graph() {
  return device() != Device::kCpu;
}

bool on_gpu() {
  return device() == Device::kGpu;
}

std::string gpu_name() {
  if (!on_gpu()) return {};
  const auto info = mx::device_info(mx::Device::gpu);
  const auto found = info.find("device_name");
  if (found == info.end()) return {};
  const auto* name = std::get_if<std::string>(&found->second);
  return name != nullptr ? *name : std::string();
}

HalfDtype half_dtype() {
  device();
  return float16 ? HalfDtype::kFloat16 : HalfDtype::kAsStored;
}

bool converts_to_float16() {
  return uses_graph() && float16;
}

MemoryModel memory_model(std::uint64_t graph_number_bytes) {
  if (!uses_graph()) return {};
  return {.graph = true, .fused = on_gpu(), .number_bytes = graph_number_bytes};
}

void prepare_device(const DeviceOptions& options) {
  select_device(options.device, options.half);
  precision = options.precision;
  cpu::set_thread_count(options.threads);
  mx::set_cache_limit(idle_cache_bytes());
}

void trim_memory(std::uint64_t kept) {
  mx::clear_cache();
  if (kept < cpu::integer_input_bytes()) cpu::trim_integer_input();
  trim_array_pool(kept - std::min(kept, cpu::integer_input_bytes()));
}

std::uint64_t gpu_working_set_bytes() {
  if (!on_gpu()) return 0;
  const auto info = mx::device_info(mx::Device::gpu);
  const auto found = info.find("max_recommended_working_set_size");
  if (found == info.end()) return 0;
  const auto* bytes = std::get_if<std::size_t>(&found->second);
  return bytes != nullptr ? *bytes : 0;
}

void set_wired_limit(std::uint64_t bytes) {
  if (on_gpu()) mx::set_wired_limit(bytes);
}

cpu::Precision cpu_precision() {
  return precision;
}

}  // namespace oko::tensor
