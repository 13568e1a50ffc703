#include "tensor/device_report.h"

#include <dlfcn.h>
#include <hwy/targets.h>
#include <mlx/device.h>
#include <mlx/version.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <variant>

#include "base/error.h"
#include "base/mapped_file.h"
#include "tensor/device.h"

namespace oko::tensor {

namespace mx = mlx::core;

namespace {

constexpr int kFirstWithAccelerators = 17;  // MLX: is_nax_available
constexpr std::string_view kAcceleratorKernel = "steel_gemm_fused_nax";

using Properties = std::unordered_map<std::string, std::variant<std::string, std::size_t>>;

std::string text_of(const Properties& properties, const char* key) {
  const auto found = properties.find(key);
  if (found == properties.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second);
  return text != nullptr ? *text : "";
}

std::uint64_t number_of(const Properties& properties, const char* key) {
  const auto found = properties.find(key);
  if (found == properties.end()) return 0;
  const auto* number = std::get_if<std::size_t>(&found->second);
  return number != nullptr ? *number : 0;
}

}  // namespace

std::string mlx_version() {
  return mx::version();
}

int generation_of(std::string_view architecture) {
  constexpr std::string_view kApple = "applegpu_g";
  if (!architecture.starts_with(kApple)) return 0;
  int generation = 0;
  for (const char c : architecture.substr(kApple.size(), 2)) {
    if (c < '0' || c > '9') break;
    generation = 10 * generation + (c - '0');
  }
  return generation;
}

std::optional<Gpu> find_gpu() {
  if (mx::device_count(mx::Device::gpu) == 0) return std::nullopt;
  const mx::Device device(mx::Device::gpu);
  const auto& info = mx::device_info(device);
  const Properties properties(info.begin(), info.end());
  Gpu gpu{.name = text_of(properties, "device_name"),
          .architecture = text_of(properties, "architecture")};
  gpu.generation = generation_of(gpu.architecture);
  gpu.memory_bytes =
      std::max(number_of(properties, "memory_size"), number_of(properties, "total_memory"));
  gpu.working_set_bytes = number_of(properties, "max_recommended_working_set_size");
  return gpu;
}

std::string kernel_name() {
  if (on_gpu()) {
    const std::optional<Gpu> gpu = find_gpu();
    return gpu && !gpu->architecture.empty() ? gpu->architecture : "gpu";
  }
  // Of the sets that the kernels are built for, the best is the lowest bit.
  const std::int64_t sets = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(sets & -sets);
}

KernelFit kernel_fit(int generation, const std::filesystem::path& kernels) {
  if (generation < kFirstWithAccelerators) return KernelFit::kFits;
  try {
    const MappedFile file(kernels, ErrorCode::kFailed);
    const std::span<const std::byte> bytes = file.bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool found = text.find(kAcceleratorKernel) != std::string_view::npos;
    return found ? KernelFit::kFits : KernelFit::kLacksAccelerators;
  } catch (const Error&) {
    return KernelFit::kUnknown;
  }
}

std::filesystem::path kernel_file() {
  Dl_info library{};
  const auto address = reinterpret_cast<const void*>(&mx::version);
  if (::dladdr(address, &library) == 0 || library.dli_fname == nullptr) return {};
  return std::filesystem::path(library.dli_fname).parent_path() / "mlx.metallib";
}

}  // namespace oko::tensor
