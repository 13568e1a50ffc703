#include "engine/plan.h"

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"
#include "engine/largest.h"
#include "engine/reductions.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "ocr/memory_estimate.h"

namespace oko::engine {

namespace bge = models::bge_m3;
namespace qwen = models::qwen3_vl;
using budget::System;

namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint64_t kFirst = 8'000 * kMegabyte;  // of memory: the measured Mac

constexpr double kComfortableSpare = 0.15;  // of the machine's memory

/// The default of oko on a Mac.
bool is_on_gpu(const PlanOptions& options) {
  return options.system == System::kMac;
}

/// A Mac's GPU, or oko's kernels.
tensor::MemoryModel memory_of(const PlanOptions& options, std::uint64_t number_bytes) {
  if (!is_on_gpu(options)) return {};
  return {.graph = true, .fused = true, .number_bytes = number_bytes};
}

int kv_bits_of(const PlanOptions& options) {
  return kv_bits_on(is_on_gpu(options), options.kv_bits);
}

GenerationMemory generation(const PlanOptions& options, std::int64_t pixels,
                            std::int64_t text_tokens) {
  const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(pixels))));
  const qwen::ImageSize picture{side, side};
  return estimate({.pictures = {&picture, 1},
                   .text_tokens = static_cast<std::uint64_t>(text_tokens),
                   .max_tokens = static_cast<std::uint64_t>(options.answer_tokens),
                   .kv_type = kv_type_of(kv_bits_of(options)),
                   .memory = memory_of(options, options.vision_language.config.number_bytes)},
                  options.vision_language.config, options.vision_language.processor);
}

/// The budget, at most the machine's memory.
std::uint64_t usable_budget(const PlanOptions& options, const Plan& plan) {
  return std::min(plan.budget, options.physical_bytes);
}

/// The budget of a machine with `physical_bytes` of memory if nothing else runs.
std::uint64_t budget_of_machine(System system, std::uint64_t physical_bytes) {
  budget::MemoryStatus whole;
  whole.physical_bytes = whole.available_bytes = physical_bytes;
  return default_budget(system, whole);
}

void find_limits(const PlanOptions& options, Plan& plan) {
  const std::uint64_t fixed = plan.runtime + ocr::kEngineBytes +
                              options.vision_language.weight_bytes +
                              (plan.mode == Mode::kResident ? options.embedding.weight_bytes : 0);
  const auto fits = [&](std::int64_t pixels, std::int64_t text_tokens) {
    return fixed + generation(options, pixels, text_tokens).largest().total() <=
           usable_budget(options, plan);
  };
  const int side_step =
      options.vision_language.processor.patch_size * options.vision_language.processor.merge_size;
  const std::int64_t most_pixels = options.vision_language.processor.max_pixels;
  const std::int64_t most_steps =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(std::sqrt(most_pixels)) / side_step);
  const std::int64_t steps = largest<std::int64_t>(
      std::min<std::int64_t>(8, most_steps), most_steps,
      [&](auto count) { return fits(count * side_step * count * side_step, options.text_tokens); });
  plan.largest_picture = steps * side_step * steps * side_step;
  const std::int64_t picture_tokens = options.pixels_read() / (side_step * side_step);
  const std::int64_t most_text = options.vision_language.config.text.max_position_embeddings -
                                 options.answer_tokens - picture_tokens;
  constexpr std::int64_t kLeastText = 16;
  if (most_text < kLeastText) return;  // the model's positions end before
  const std::int64_t text = largest<std::int64_t>(
      kLeastText, most_text, [&](auto tokens) { return fits(options.pixels, tokens); });
  if (text > 0) {
    plan.largest_context =
        static_cast<std::uint64_t>(text + options.answer_tokens + picture_tokens);
  }
}

/// Advice on the budget, on other programs, or on the machine.
LocalizedText advice_to_make_room(const PlanOptions& options, const Plan& plan) {
  const bool fits_machine = plan.taken() <= plan.machine_budget;
  if (plan.budget < plan.machine_budget && fits_machine) {
    return tr("raise {}, up to {}; {} is sufficient",
              "{}, до {}: столько у машины для oko есть; хватит и {}", Knob{"budget"},
              budget::memory_limit_text(plan.machine_budget),
              budget::memory_size_text(plan.taken()));
  }
  if (plan.taken() <= budget_of_machine(options.system, options.physical_bytes)) {
    return tr("close other large programs, a browser above all",
              "закройте другие большие программы, прежде всего браузер");
  }
  constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;
  std::uint64_t gibibytes = options.physical_bytes / kGibibyte + 1;
  while (budget_of_machine(options.system, gibibytes * kGibibyte) < plan.taken()) ++gibibytes;
  return tr("a smaller model, or a machine with at least {}GB of memory",
            "модель поменьше или машина, где памяти не меньше {}GB", gibibytes);
}

void advise(const PlanOptions& options, Plan& plan) {
  if (plan.budget > plan.machine_budget) {
    plan.advice.push_back(
        tr("{} {}: the machine has no more memory for oko, and swaps beyond that",
           "{} {}: больше у машины для oko рядом с системой нет, дальше — подкачка", Knob{"budget"},
           budget::memory_limit_text(plan.machine_budget)));
  }
  if (plan.verdict == Verdict::kComfortable) return;
  if (options.kv_bits > 8 && kv_bits_on(is_on_gpu(options), 8) == 8) {
    plan.advice.push_back(tr("{} 8 halves the KV cache ({} for each 1000 tokens)",
                             "{} 8 вдвое уменьшит KV-кэш ({} на каждые 1000 токенов)",
                             Knob{"kv_bits"}, format_bytes(1000 * plan.kv_per_token)));
  }
  // A GPU shrinks larger ones in any case.
  const bool shrinks_by_budget = !is_on_gpu(options) || plan.largest_picture < kGraphPixels;
  if (plan.largest_picture > 0 && shrinks_by_budget &&
      plan.largest_picture < options.vision_language.processor.max_pixels) {
    plan.advice.push_back(tr("{} {}: larger pictures are shrunk to that by themselves",
                             "{} {}: картинки больше и так уменьшаются до этого",
                             Knob{"max_pixels"}, plan.largest_picture));
  }
  plan.advice.push_back(advice_to_make_room(options, plan));
}

/// The sizes of a plan, without what follows from them.
Plan sizes_of(const PlanOptions& options) {
  Plan plan;
  plan.reserve = reserve_of(options.system, options.physical_bytes);
  plan.gpu = options.gpu_bytes;
  if (options.system == System::kMac && plan.gpu == 0) {
    plan.gpu = gpu_working_set(options.physical_bytes);
  }
  plan.machine_budget = options.machine_budget_bytes != 0
                            ? options.machine_budget_bytes
                            : budget_of_machine(options.system, options.physical_bytes);
  plan.budget = options.budget_bytes != 0 ? options.budget_bytes : plan.machine_budget;
  plan.runtime = runtime_bytes(is_on_gpu(options));
  plan.ocr = ocr::kEngineBytes + ocr::kPageBytes;
  plan.generation = generation(options, options.pixels, options.text_tokens);
  constexpr std::uint64_t kManyTokens = 256'000;
  plan.kv_per_token =
      qwen::kv_bytes(options.vision_language.config.text, kManyTokens, kManyTokens,
                     kv_type_of(kv_bits_of(options)),
                     memory_of(options, options.vision_language.config.number_bytes)) /
      kManyTokens;
  const auto embed_tokens = static_cast<std::uint64_t>(options.embed_tokens);
  plan.embed = bge::pass_bytes(options.embedding.config, embed_tokens, {},
                               memory_of(options, options.embedding.config.number_bytes)) +
               bge::encoding_bytes(options.embedding.config, 1, embed_tokens, {});
  return plan;
}

/// All of oko while it describes a picture; before that it may have read its text.
std::uint64_t describing_bytes(const Plan& plan) {
  return std::max(plan.generation.largest().total(), ocr::kPageBytes);
}

/// Sets the spare bytes and the verdict of oko with `taken` bytes.
void judge(const PlanOptions& options, std::uint64_t taken, Plan& plan) {
  const std::uint64_t usable = usable_budget(options, plan);
  plan.spare = static_cast<std::int64_t>(usable) - static_cast<std::int64_t>(taken);
  if (plan.spare < 0) return;
  const std::int64_t in_memory = static_cast<std::int64_t>(std::min(usable, plan.machine_budget)) -
                                 static_cast<std::int64_t>(taken);
  const bool comfortable = static_cast<double>(in_memory) >=
                           kComfortableSpare * static_cast<double>(options.physical_bytes);
  plan.verdict = comfortable ? Verdict::kComfortable : Verdict::kOnTheEdge;
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kComfortable:
      return "comfortable";
    case Verdict::kOnTheEdge:
      return "on_the_edge";
    case Verdict::kDoesNotFit:
      return "does_not_fit";
  }
  return "";
}

Reserve reserve_of(System system, std::uint64_t physical_bytes) {
  if (system == System::kLinux) return {physical_bytes / 10, 0};
  const std::uint64_t beyond = physical_bytes - std::min(physical_bytes, kFirst);
  return {3'000 * kMegabyte + beyond / 7, 500 * kMegabyte};
}

std::uint64_t gpu_working_set(std::uint64_t physical_bytes) {
  return physical_bytes / 3 * 2;
}

std::uint64_t default_budget(System system, const budget::MemoryStatus& status,
                             std::uint64_t gpu_bytes) {
  const std::uint64_t reserve = reserve_of(system, status.physical_bytes).total();
  const std::uint64_t rest = status.physical_bytes - std::min(status.physical_bytes, reserve);
  std::uint64_t available = status.available_bytes + status.private_bytes;
  if (system == System::kLinux) return std::min(rest, available);
  if (status.available_bytes == 0) available = rest;  // not known
  available = std::max(available, status.physical_bytes / 2);
  return std::min(
      {rest, available, gpu_bytes != 0 ? gpu_bytes : gpu_working_set(status.physical_bytes)});
}

Plan make_plan(const PlanOptions& options) {
  Plan plan = sizes_of(options);
  const std::uint64_t describing = describing_bytes(plan);
  const std::uint64_t fixed = plan.runtime + ocr::kEngineBytes;
  plan.resident = fixed + options.vision_language.weight_bytes + options.embedding.weight_bytes +
                  std::max(describing, plan.embed);
  plan.sequential = fixed + std::max(options.vision_language.weight_bytes + describing,
                                     options.embedding.weight_bytes + plan.embed);
  plan.mode = plan.resident <= usable_budget(options, plan) ? Mode::kResident : Mode::kSequential;
  judge(options, plan.taken(), plan);
  find_limits(options, plan);
  advise(options, plan);
  return plan;
}

Verdict verdict_on_vision_language(const PlanOptions& options) {
  Plan plan = sizes_of(options);
  judge(options,
        plan.runtime + ocr::kEngineBytes + options.vision_language.weight_bytes +
            describing_bytes(plan),
        plan);
  return plan.verdict;
}

Verdict verdict_on_embedding(const PlanOptions& options) {
  Plan plan = sizes_of(options);
  judge(options, plan.runtime + options.embedding.weight_bytes + plan.embed, plan);
  return plan.verdict;
}

}  // namespace oko::engine
