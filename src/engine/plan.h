#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "budget/memory_probe.h"
#include "engine/estimate.h"
#include "models/bge_m3/config.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"

namespace oko::engine {

/// The program itself: its code's data, tables, threads. With a GPU also the driver and compiled
/// kernels, of which others measured 100 to 150 MB with Metal; not measured with oko.
constexpr std::uint64_t runtime_bytes(bool gpu) {
  return gpu ? 200'000'000 : 60'000'000;
}

/// Bytes that are not for oko.
struct Reserve {
  std::uint64_t system = 0;   ///< the system and other programs
  std::uint64_t display = 0;  ///< frame buffers, which share the memory on a Mac

  std::uint64_t total() const { return system + display; }
};

/// The reserve of a machine. macOS takes 2.5-3 GB of 8 after login; users of larger machines keep
/// more programs open. On Linux it is a tenth, as on a server.
Reserve reserve_of(budget::System system, std::uint64_t physical_bytes);

/// The estimated memory that macOS lets the GPU keep: two thirds, as Metal's
/// recommendedMaxWorkingSetSize on small machines (10.7 of 16 GiB; later systems allow a little
/// more).
std::uint64_t gpu_working_set(std::uint64_t physical_bytes);

/// The budget of oko, weights included: the memory without the reserve, but at most the memory that
/// is available now or belongs to this process. On a Mac at most the memory that the GPU may keep,
/// `gpu_bytes` (0: unknown), and at least half of the memory, whatever other programs have: macOS
/// compresses idle ones, which the available memory does not show. On a Mac of 8 GB one model at a
/// time needs half.
std::uint64_t default_budget(budget::System system, const budget::MemoryStatus& status,
                             std::uint64_t gpu_bytes = 0);

/// A model, from its folder or, before a download, from known figures.
struct VisionLanguageModel {
  std::string name;
  std::uint64_t weight_bytes = 0;
  bool is_on_disk = false;  ///< otherwise `weight_bytes` are an estimate
  models::qwen3_vl::Config config = {};
  models::qwen3_vl::ImageProcessorConfig processor = {};
};
struct EmbeddingModel {
  std::string name;
  std::uint64_t weight_bytes = 0;
  bool is_on_disk = false;
  models::bge_m3::Config config = {};
};

struct PlanOptions {
  budget::System system = budget::System::kMac;
  std::uint64_t physical_bytes = 0;
  std::uint64_t gpu_bytes = 0;  ///< that the GPU may keep; 0: as on a Mac of that size
  /// The machine's memory for oko; 0: its memory without the reserve.
  std::uint64_t machine_budget_bytes = 0;
  std::uint64_t budget_bytes = 0;  ///< for oko; 0: all of the machine's memory for it
  VisionLanguageModel vision_language;
  EmbeddingModel embedding;
  std::int64_t pixels = 1024 * 1024;  ///< of the usual picture
  int text_tokens = 1024;             ///< of the usual prompt with it: the question, read text
  int answer_tokens = 1024;
  int embed_tokens = 2048;  ///< of the usual pass
  int kv_bits = 16;

  /// Size of the usual picture, resized for the model.
  std::int64_t pixels_read() const {
    return std::min(pixels, vision_language.processor.max_pixels);
  }
};

enum class Verdict { kComfortable, kOnTheEdge, kDoesNotFit };

/// "comfortable", "on_the_edge", "does_not_fit": for JSON.
const char* name_of(Verdict verdict);

/// Both models stay loaded, or one is unloaded before the other is loaded.
enum class Mode { kResident, kSequential };

/// Bytes, unless stated otherwise.
struct Plan {
  Reserve reserve;
  std::uint64_t gpu = 0;             ///< that the GPU may keep; 0: there is none
  std::uint64_t machine_budget = 0;  ///< that the machine has for oko
  std::uint64_t budget = 0;          ///< may be more
  std::uint64_t runtime = 0;
  std::uint64_t ocr = 0;        ///< an engine at work on a page; not while a model works
  GenerationMemory generation;  ///< of the usual request
  std::uint64_t kv_per_token = 0;
  std::uint64_t embed = 0;       ///< the usual pass at work
  std::uint64_t resident = 0;    ///< all of oko with both models
  std::uint64_t sequential = 0;  ///< with one at a time
  Mode mode = Mode::kResident;
  Verdict verdict = Verdict::kDoesNotFit;
  std::int64_t spare = 0;             ///< of the machine, in this mode; negative: missing bytes
  std::uint64_t largest_context = 0;  ///< tokens of prompt and answer, usual picture included
  std::int64_t largest_picture = 0;   ///< pixels, with the usual text; 0: not even a small one
  std::vector<LocalizedText> advice;  ///< changes that make it fit

  std::uint64_t taken() const { return mode == Mode::kResident ? resident : sequential; }
};

Plan make_plan(const PlanOptions& options);

/// The verdict on one of the models at its usual work, the other not loaded.
Verdict verdict_on_vision_language(const PlanOptions& options);
Verdict verdict_on_embedding(const PlanOptions& options);

}  // namespace oko::engine
