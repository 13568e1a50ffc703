#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "budget/memory_meter.h"
#include "engine/answer_stream.h"
#include "engine/answer_writer.h"
#include "engine/device_decoder.h"
#include "engine/generation_planner.h"
#include "engine/host_decoder.h"
#include "engine/model_host.h"
#include "engine/stopwatch.h"
#include "models/qwen3_vl/model.h"
#include "models/qwen3_vl/prompt_layout.h"

namespace oko::engine {

/// The next kind of step of a request.
enum class GenerationPhase { kVision, kPrefill, kDecode };

/// One request on its way through the model. Its states:
///
///     caller's thread                         model thread
///     planned -> admitted -> submitted  --->  kVision: one picture a step
///       |           |                            |
///       v           v                         kPrefill: one chunk a step
///     refused     cancelled                      |
///                                             kDecode: one token a step
///                                                |
///                                             ended: answer, error or cancelled
///
/// A cached picture needs no step, and a request without pictures begins in kPrefill. A stop or an
/// error ends every state; memory is released before the caller learns of the end. The task owns
/// all that it needs. The caller's thread makes it, then only the model thread touches it.
struct GenerationTask {
  std::shared_ptr<void> count;  ///< among the requests that run or wait
  GenerationRequest request;
  std::shared_ptr<AnswerStream> answer = std::make_shared<AnswerStream>();
  GenerationPlanner::Plan plan;
  std::vector<models::qwen3_vl::Patches> patches;  ///< each until it has been encoded
  models::qwen3_vl::PromptLayout prompt;
  std::unique_ptr<ModelLease> lease;

  std::vector<models::qwen3_vl::ImageFeatures> features;
  std::optional<models::qwen3_vl::SequenceState> sequence;
  std::optional<AnswerWriter> writer;
  std::optional<HostDecoder> host_decoder;      ///< one of the two, in kDecode
  std::optional<DeviceDecoder> device_decoder;  ///< in a graph if the host needs no logits

  /// Set when a pass with other prompts was stopped: stops of others cannot hold it up again.
  bool reads_alone = false;

  std::vector<std::int32_t> answer_ids;  ///< chosen so far, the end token too

  GenerationResult result;
  Stopwatch since_submit;
  Stopwatch since_first_token;
  std::optional<budget::MemoryMeter> meter;  ///< if the request measures its memory

  GenerationPhase phase() const;
  std::size_t initial_capacity() const;  ///< of `sequence`, in tokens
  std::size_t unread_tokens() const;     ///< of the prompt
  /// Tokens of the prompt that a pass reads at most.
  std::size_t chunk_tokens() const { return static_cast<std::size_t>(plan.settings.prefill_chunk); }
  /// The chunk that is read next. Makes `sequence` for the first one.
  models::qwen3_vl::PromptChunk next_chunk(const models::qwen3_vl::Model& model);
  /// Bytes that are reserved for the phase, without decoded pictures.
  std::uint64_t phase_bytes() const;
  StopToken stop_token() const { return answer->stop_token(); }
  void report(double done) const { answer->report(done); }

  /// Starts the meter after admission, so that memory of others during its wait does not count.
  void begin_to_measure();
  /// Peak bytes since the last call, above those at the start; 0 if the task measures nothing.
  std::uint64_t take_peak();

  /// The text that `sequence` has read: the prompt and a part of the answer.
  models::qwen3_vl::PromptLayout text_read();

  /// Releases all memory; on the model thread, which made the arrays. `workspace_bytes`: those of
  /// the other tasks, whose next steps reuse the arrays.
  void release(std::uint64_t workspace_bytes);
};

}  // namespace oko::engine
