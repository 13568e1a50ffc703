#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oko::tensor {

/// The version of the MLX library in use.
std::string mlx_version();

/// A GPU that models may run on.
struct Gpu {
  std::string name;          ///< "Apple M2"
  std::string architecture;  ///< "applegpu_g14g"; empty: unknown
  int generation = 0;        ///< of Apple's architecture, 14; 0: unknown
  std::uint64_t memory_bytes = 0;
  std::uint64_t working_set_bytes = 0;  ///< that the system lets it keep; 0: unknown
};

/// The GPU that MLX finds, used or not. Nothing if there is none.
std::optional<Gpu> find_gpu();

/// The generation in the name of an architecture of Apple; 0 for other names.
int generation_of(std::string_view architecture);

/// What computes: the architecture of the GPU in use, else the instruction set that oko's kernels
/// use on this processor ("AVX3_DL", "NEON").
std::string kernel_name();

/// How MLX's compiled kernels suit a GPU.
enum class KernelFit {
  kFits,
  /// The GPU has neural accelerators (from generation 17, the M5), and the kernels do not use them.
  kLacksAccelerators,
  kUnknown,  ///< the file of the kernels cannot be read
};

/// Reads the whole file of kernels only for a GPU with neural accelerators.
KernelFit kernel_fit(int generation, const std::filesystem::path& kernels);

/// The file of MLX's kernels for Metal, next to its library. It need not exist.
std::filesystem::path kernel_file();

}  // namespace oko::tensor
