#include "tests/support/graph_counter.h"

#include <dlfcn.h>
#include <mlx/compile.h>
#include <mlx/fast.h>
#include <mlx/mlx.h>
#include <mlx/primitives.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

namespace oko {
namespace {

namespace mx = mlx::core;
using Id = std::uintptr_t;

/// One kernel on a GPU: the operations between `inputs` and the array that is its key.
struct Fused {
  std::string name;
  std::set<Id> inputs;
};

// A model's arrays belong to one thread; the tests read after it has answered.
std::recursive_mutex guard;
GraphCounts counts;
std::unordered_map<Id, Fused> fused_arrays;
std::unordered_map<Id, int> evaluation_of;  ///< the number of the evaluation of an array
int evaluations = 0;
int waited_for = 0;          ///< the latest evaluation that the host has waited for
thread_local int depth = 0;  ///< of MLX's own calls among the functions below

/// MLX's function that `own` replaces.
template <typename Function>
Function* next(Function* own) {
  Dl_info info{};
  void* address = reinterpret_cast<void*>(own);
  if (::dladdr(address, &info) == 0 || info.dli_sname == nullptr) {
    throw std::runtime_error("the test program does not export its functions");
  }
  void* found = ::dlsym(RTLD_NEXT, info.dli_sname);
  if (found == nullptr) throw std::runtime_error(std::string("MLX has no ") + info.dli_sname);
  return reinterpret_cast<Function*>(found);
}

/// Kernels that Metal runs for an operation that is not fused.
int kernels_of(const std::string& name, const mx::array& array) {
  static const std::set<std::string> views{"AsStrided",  "Broadcast", "BroadcastAxes", "Depends",
                                           "ExpandDims", "Flatten",   "Reshape",       "Slice",
                                           "Split",      "Squeeze",   "StopGradient",  "Transpose",
                                           "Unflatten"};
  if (views.contains(name)) return 0;
  if (name == "Concatenate") return static_cast<int>(array.inputs().size());  // a copy each
  return 1;
}

bool is_pending(const mx::array& array) {
  return array.status() == mx::array::Status::unscheduled && array.has_primitive();
}

/// Counts the operations that an evaluation of arrays submits.
class Walk {
 public:
  void visit(const std::vector<mx::array>& outputs) {
    for (const mx::array& output : outputs) add(output);
    while (!waiting_.empty()) {
      const mx::array array = waiting_.back();
      waiting_.pop_back();
      const auto fused = fused_arrays.find(array.id());
      if (fused == fused_arrays.end()) {
        const std::string name = array.primitive().name();
        count(name, kernels_of(name, array), array);
        for (const mx::array& input : array.inputs()) add(input);
      } else {
        count(fused->second.name, 1, array);
        skip_inside(array, fused->second);
        fused_arrays.erase(fused);
      }
    }
  }

 private:
  void add(const mx::array& array) {
    if (is_pending(array) && seen_.insert(array.id()).second) waiting_.push_back(array);
  }

  void skip_inside(const mx::array& output, const Fused& fused) {
    std::vector<mx::array> inside{output};
    std::unordered_set<Id> passed{output.id()};
    while (!inside.empty()) {
      const mx::array array = inside.back();
      inside.pop_back();
      for (const mx::array& input : array.inputs()) {
        if (!is_pending(input)) continue;
        if (fused.inputs.contains(input.id())) {
          add(input);
        } else if (passed.insert(input.id()).second) {
          inside.push_back(input);
        }
      }
    }
  }

  static void count(const std::string& name, int kernels, const mx::array& array) {
    ++counts.nodes;
    counts.kernels += kernels;
    if (kernels == 0) return;
    counts.kernels_of[name] += kernels;
    counts.largest_buffer = std::max<std::uint64_t>(counts.largest_buffer, array.nbytes());
  }

  std::vector<mx::array> waiting_;
  std::unordered_set<Id> seen_;
};

/// A call of MLX from outside MLX.
class Call {
 public:
  Call() { ++depth; }
  ~Call() { --depth; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  static bool is_outer() { return depth == 1; }
};

/// Counts an evaluation, and its sync if the host `waits` for it. Results of one evaluation come
/// together: waiting for the second of them is no sync. A wait counts even if its result is already
/// there, which depends on the machine's load.
void count_evaluation(const std::vector<mx::array>& outputs, bool waits) {
  if (!Call::is_outer()) return;
  const std::scoped_lock lock(guard);
  if (std::any_of(outputs.begin(), outputs.end(), is_pending)) {
    ++evaluations;
    for (const mx::array& output : outputs) {
      if (is_pending(output)) evaluation_of[output.id()] = evaluations;
    }
    Walk().visit(outputs);
  }
  if (!waits) return;
  int latest = 0;
  for (const mx::array& output : outputs) {
    const auto found = evaluation_of.find(output.id());
    if (found != evaluation_of.end()) latest = std::max(latest, found->second);
  }
  if (latest > waited_for) {
    ++counts.syncs;
    if (latest == evaluations) ++counts.stalls;
  }
  waited_for = std::max(waited_for, latest);
}

/// `output` is computed from `inputs` by one kernel.
mx::array as_one(const std::string& name, const std::vector<mx::array>& inputs, mx::array output) {
  if (!is_pending(output)) return output;
  Fused fused{name, {}};
  for (const mx::array& input : inputs) fused.inputs.insert(input.id());
  const std::scoped_lock lock(guard);
  fused_arrays[output.id()] = std::move(fused);
  return output;
}

/// True if Metal has an attention kernel (mlx/backend/metal/scaled_dot_product_attention.cpp).
bool has_attention_kernel(const mx::array& queries) {
  static const std::set<int> few{64, 96, 128, 192, 256}, many{64, 72, 80, 96, 128, 192, 256};
  return (queries.shape(2) > 8 ? many : few).contains(queries.shape(-1));
}

}  // namespace

const GraphCounts& graph_counts() {
  return counts;
}

void reset_graph_counts() {
  const std::scoped_lock lock(guard);
  counts = {};
}

}  // namespace oko

namespace mlx::core {

using oko::as_one;
using oko::Call;
using oko::count_evaluation;
using oko::next;

void array::eval() {
  const Call call;
  count_evaluation({*this}, true);
  // The name has no type of the standard library in it: it is the same everywhere.
  static const auto real =
      reinterpret_cast<void (*)(array*)>(::dlsym(RTLD_NEXT, "_ZN3mlx4core5array4evalEv"));
  real(this);
}

void eval(std::vector<array> outputs) {
  const Call call;
  count_evaluation(outputs, true);
  static auto* const real = next(static_cast<void (*)(std::vector<array>)>(&eval));
  real(std::move(outputs));
}

void async_eval(std::vector<array> outputs) {
  const Call call;
  count_evaluation(outputs, false);
  static auto* const real = next(static_cast<void (*)(std::vector<array>)>(&async_eval));
  real(std::move(outputs));
}

array dequantize(const array& w, const array& scales, const std::optional<array>& biases,
                 std::optional<int> group_size, std::optional<int> bits, const std::string& mode,
                 const std::optional<array>& global_scale, std::optional<Dtype> dtype,
                 StreamOrDevice s) {
  static auto* const real = next(&dequantize);
  return as_one("Dequantize", {w, scales, *biases},
                real(w, scales, biases, group_size, bits, mode, global_scale, dtype, s));
}

std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::vector<array> (*function)(const std::vector<array>&), bool shapeless) {
  using Compile = std::function<std::vector<array>(const std::vector<array>&)>(
      std::vector<array>(*)(const std::vector<array>&), bool);
  static auto* const real = next(static_cast<Compile*>(&compile));
  return [compiled = real(function, shapeless)](const std::vector<array>& inputs) {
    std::vector<array> outputs = compiled(inputs);
    for (const array& output : outputs) as_one("Compiled", inputs, output);
    return outputs;
  };
}

namespace fast {

array rms_norm(const array& x, const std::optional<array>& weight, float eps, StreamOrDevice s) {
  static auto* const real = next(&rms_norm);
  return as_one("RMSNorm", {x, *weight}, real(x, weight, eps, s));
}

array layer_norm(const array& x, const std::optional<array>& weight,
                 const std::optional<array>& bias, float eps, StreamOrDevice s) {
  static auto* const real = next(&layer_norm);
  return as_one("LayerNorm", {x, *weight, *bias}, real(x, weight, bias, eps, s));
}

array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           const array& offset, const std::optional<array>& freqs, StreamOrDevice s) {
  using Rope = array(const array&, int, bool, std::optional<float>, float, const array&,
                     const std::optional<array>&, StreamOrDevice);
  static auto* const real = next(static_cast<Rope*>(&rope));
  std::vector<array> inputs{x, offset};
  if (freqs) inputs.push_back(*freqs);
  return as_one("RoPE", inputs, real(x, dims, traditional, base, scale, offset, freqs, s));
}

array scaled_dot_product_attention(
    const array& queries, const array& keys, const array& values, const float scale,
    const std::string& mask_mode,
    // NOLINTNEXTLINE(performance-unnecessary-value-param): as MLX has it
    std::optional<array> mask, const std::optional<array>& sinks, bool force_fused,
    StreamOrDevice s) {
  static auto* const real = next(&scaled_dot_product_attention);
  const auto scores =
      static_cast<std::uint64_t>(queries.shape(0)) * static_cast<std::uint64_t>(queries.shape(1)) *
      static_cast<std::uint64_t>(queries.shape(2)) * static_cast<std::uint64_t>(keys.shape(2));
  oko::counts.most_scores = std::max(oko::counts.most_scores, scores);
  array out = real(queries, keys, values, scale, mask_mode, mask, sinks, force_fused, s);
  if (!oko::has_attention_kernel(queries)) return out;
  return as_one("ScaledDotProductAttention", {queries, keys, values}, std::move(out));
}

}  // namespace fast
}  // namespace mlx::core
