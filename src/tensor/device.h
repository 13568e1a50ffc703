#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/cpu/matmul.h"

namespace oko::tensor {

/// The device of a model's operations.
enum class Device {
  kAuto,        ///< OKO_DEVICE=cpu or gpu if it is set, otherwise the GPU if MLX can use one
  kCpu,         ///< oko's kernels (tensor/cpu)
  kGpu,         ///< MLX's operations on the GPU
  kGraphOnCpu,  ///< MLX's operations on MLX's CPU device: slow, for tests of the GPU's path
};

/// "auto", "cpu", "gpu", "graph_on_cpu".
std::string_view name_of(Device device);

/// The dtype of bfloat16 weights in a graph, and so of its computation. GPUs of M1 and M2 have no
/// bfloat16 units: float16 is faster there, but ends at 65,504.
enum class HalfDtype {
  kAuto,      ///< kFloat16 if OKO_DTYPE=float16 is set, otherwise kAsStored
  kAsStored,  ///< of the model's file
  kFloat16,   ///< bfloat16 weights are converted into a copy when they are loaded
};

/// Sets the device of the whole process, and the dtype of a graph on it. Device::kAuto keeps an
/// earlier choice of both. Models that were loaded for another choice must be gone. Any thread may
/// call. Throws kUsage if OKO_DEVICE is neither cpu nor gpu, if OKO_DTYPE is not float16, or if
/// there is no GPU to use.
void select_device(Device device, HalfDtype half = HalfDtype::kAuto);

/// The device of the process, never kAuto. The first call selects it, see `select_device`.
Device device();

/// The device that `setting`, the value of OKO_DEVICE, asks for; empty: not set. Throws as
/// `select_device`.
Device device_of_setting(std::string_view setting, bool has_gpu);

/// True if `setting`, the value of OKO_DTYPE, asks for float16; empty: not set. Throws kUsage if it
/// is anything else.
HalfDtype half_of_setting(std::string_view setting);

/// True if layers build MLX's graph; otherwise they call oko's kernels.
bool uses_graph();

/// True if arrays live in a GPU's memory.
bool on_gpu();

/// The name of the GPU that models run on; empty if they run on the CPU.
std::string gpu_name();

/// The dtype that was selected with the device, never kAuto.
HalfDtype half_dtype();

/// True if bfloat16 weights become float16: in a graph with HalfDtype::kFloat16.
bool converts_to_float16();

/// The properties of a device on which predictions of memory depend.
struct MemoryModel {
  /// MLX's graph, which holds all arrays of a layer until it is evaluated; otherwise oko's kernels,
  /// which compute in f32 and free an array after its last use.
  bool graph = false;
  /// A graph on a GPU: norms, rotation, attention and activations are one kernel each. MLX's CPU
  /// device composes them of operations whose results are arrays.
  bool fused = true;
  std::uint64_t number_bytes = 4;  ///< of an activation
};

/// The model of this process's device; activations of a graph have `graph_number_bytes`.
MemoryModel memory_model(std::uint64_t graph_number_bytes);

struct DeviceOptions {
  Device device = Device::kAuto;
  HalfDtype half = HalfDtype::kAuto;
  /// Threads of the CPU kernels; 0: one a physical core. The first call in the process decides.
  std::size_t threads = 0;
  /// Precision of the CPU kernels' products: kFloat32, to compare with references, or each layer's.
  cpu::Precision precision = cpu::Precision::kInt16Activations;
};

/// Prepares the process and the calling thread, which owns MLX. Call it before any evaluation.
/// Throws as `select_device`.
void prepare_device(const DeviceOptions& options = {});

/// Returns to the system the memory that is kept for later arrays, and by the calling thread for
/// later products: all but about `kept` bytes.
void trim_memory(std::uint64_t kept = 0);

/// Returns the free memory of the heap to the system; the arrays of other threads stay. Any thread.
void trim_heap();

/// Bytes that the system lets the GPU keep in memory (Metal's recommendedMaxWorkingSetSize); 0
/// without a GPU.
std::uint64_t gpu_working_set_bytes();

/// Sets the bytes of the GPU's buffers that stay in memory between kernels, at most
/// `gpu_working_set_bytes`; 0, as at the start: the system takes them after about a second. Needs
/// macOS 15; without a GPU it does nothing.
void set_wired_limit(std::uint64_t bytes);

/// The options of `prepare_device`.
cpu::Precision cpu_precision();

}  // namespace oko::tensor
