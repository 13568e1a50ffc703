#include "engine/generator.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"
#include "engine/generation_task.h"
#include "engine/prefill_batch.h"
#include "engine/stopwatch.h"
#include "tensor/device.h"
#include "tensor/logit_rows.h"

namespace oko::engine {

namespace mx = tensor::mx;
namespace qwen = models::qwen3_vl;

namespace {

/// Fraction of the progress before the first token that stands for the vision tower, if there are
/// pictures.
constexpr double kVisionShare = 0.7;

/// The tokens that end an answer: all that the model's files name, and the end of a turn.
std::vector<std::int32_t> end_tokens_of(const qwen::GenerationConfig& config,
                                        const text::Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids = config.eos_token_ids;
  for (const std::string& token : {config.eos_token, std::string("<|im_end|>")}) {
    if (const auto id = tokenizer.special_token(token)) ids.push_back(*id);
  }
  return ids;
}

/// Nothing: the model does not think, or ends its thoughts with letters.
std::optional<ThoughtTokens> thought_tokens_of(text::ChatStyle style,
                                               const text::Tokenizer& tokenizer) {
  const auto begin = tokenizer.special_token("<think>");
  const auto end = tokenizer.special_token("</think>");
  if (style == text::ChatStyle::kInstruct || !begin || !end) return std::nullopt;
  return ThoughtTokens{*begin, *end, style == text::ChatStyle::kThinking};
}

}  // namespace

GenerationHandle& GenerationHandle::operator=(GenerationHandle&& other) noexcept {
  cancel();
  answer_ = std::move(other.answer_);
  return *this;
}

Generator::Generator(GeneratorOptions options)
    : options_(std::move(options)),
      planner_(options_.vision_language_model, tokenizer_, options_.graph_pixels),
      tokenizer_(text::Tokenizer::load(options_.vision_language_model)),
      generation_config_(qwen::GenerationConfig::load(options_.vision_language_model)),
      end_tokens_(end_tokens_of(generation_config_, tokenizer_)),
      thoughts_(thought_tokens_of(planner_.chat_style(), tokenizer_)),
      host_(host_or_own(options_.host, options_.threads)),
      loaded_(options_.vision_language_model, options_.prepare_weights,
              {options_.image_cache_bytes, options_.prefix_cache_bytes}, *host_),
      registration_(*host_, loaded_, loaded_.needed_bytes()),
      answer_forms_(tokenizer_, end_tokens_, thoughts_, *host_) {}

Generator::~Generator() {
  host_->scheduler().run([this] { end_all(); });
  host_->scheduler().forget(*this);
}

TextRoom Generator::text_room(const GenerationRequest& request) const {
  return planner_.text_room(request, [&](const budget::TagBytes& bytes) {
    return host_->fits_budget(registration_, bytes);
  });
}

std::uint64_t Generator::least_bytes(const GenerationRequest& request,
                                     const std::vector<qwen::ImageSize>& sizes) const {
  return knobs_for(request, sizes, std::numeric_limits<std::uint64_t>::max()).budget_bytes;
}

Knobs Generator::knobs_for(const GenerationRequest& request,
                           const std::vector<qwen::ImageSize>& sizes, std::uint64_t bytes) const {
  return planner_.knobs_for(planner_.shape_of(request, sizes), registration_.weight_bytes(), bytes);
}

std::size_t Generator::count_prompt_tokens(const GenerationRequest& request) const {
  const auto fits = [&](const budget::TagBytes& bytes) {
    return host_->fits_budget(registration_, bytes);
  };
  return planner_.plan(request, fits).prompt.ids.size();
}

GenerationHandle Generator::submit(GenerationRequest request, const StopToken& stop) {
  auto task = std::make_unique<GenerationTask>();
  task->count = count_request();
  task->request = std::move(request);
  task->lease = admit(*task, stop);
  task->begin_to_measure();
  preprocess(*task);
  GenerationHandle handle(task->answer);
  {
    const MutexLock lock(mutex_);
    submitted_.push_back(std::move(task));
  }
  host_->scheduler().wake(*this);
  return handle;
}

GenerationResult Generator::generate(GenerationRequest request, const TextSink& on_text,
                                     const StopToken& stop, const ProgressSink& on_progress) {
  GenerationHandle handle = submit(std::move(request), stop);
  try {
    double reported = 0;
    while (const std::optional<AnswerUpdate> update = handle.next(stop)) {
      if (on_progress && update->progress != reported) on_progress(update->progress);
      reported = update->progress;
      if (on_text && !update->text.empty()) on_text(update->text);
      if (update->is_finished) return handle.wait();
    }
    throw_cancelled();
  } catch (...) {
    handle.cancel();
    while (!handle.next()->is_finished) {  // its memory is free when this returns
    }
    throw;
  }
}

/// Counts one more request while the result lives.
std::shared_ptr<void> Generator::count_request() {
  const std::size_t others = requests_.fetch_add(1);
  std::shared_ptr<void> count(nullptr, [this](void*) { requests_.fetch_sub(1); });
  if (others >= options_.max_requests) {
    throw Error(ErrorCode::kBusy,
                tr("{} requests run or wait, which is the limit",
                   "выполняются или ждут запросы, {}: больше нельзя", others),
                tr("try again when one has ended", "повторите, когда один из них закончится"));
  }
  return count;
}

/// Plans the request and waits until its memory is free.
std::unique_ptr<ModelLease> Generator::admit(GenerationTask& task, const StopToken& stop) {
  GenerationPlanner::Plan& plan = task.plan;
  plan = planner_.plan(task.request, [&](const budget::TagBytes& bytes) {
    return host_->fits_budget(registration_, bytes);
  });
  task.result.reductions = plan.reductions;
  GenerationStats& stats = task.result.stats;
  stats.image_tokens = plan.image_tokens;
  stats.prompt_tokens = static_cast<int>(plan.prompt.ids.size());
  const GenerationMemory& memory = plan.memory;
  stats.predicted_memory = memory.totals();
  if (!host_->fits_budget(registration_, memory.largest())) {
    const std::uint64_t overhead =
        host_->budget_for(registration_, {}) - registration_.weight_bytes();
    const std::uint64_t budget = host_->budget_bytes();
    Knobs knobs =
        knobs_for(task.request, sizes_of(task.request), budget - std::min(budget, overhead));
    knobs.budget_bytes += overhead;
    throw budget::OverBudget(knobs.budget_bytes, budget, budget_hint(knobs));
  }
  return host_->admit(registration_, {memory.sequence, memory.workspace()},
                      tr("raise {}", "увеличьте {}", Knob{"budget"}), stop,
                      task.request.images_reservation.get());
}

/// Makes the patches and the prompt for the model.
void Generator::preprocess(GenerationTask& task) const {
  const Stopwatch watch;
  std::vector<qwen::PromptImage> images;
  for (const SharedImage& image : task.request.images) {
    task.patches.push_back(
        qwen::preprocess(*image, planner_.processor_for(task.plan.settings.max_pixels)));
    images.push_back({task.patches.back().grid_thw, ImageCache::key_of(task.patches.back())});
  }
  task.prompt = qwen::layout_prompt(std::move(task.plan.prompt.ids), images, planner_.config());
  task.result.stats.preprocess_seconds = watch.seconds();
  task.result.stats.memory.preprocess = task.take_peak();
}

bool Generator::step() noexcept {
  begin_submitted();
  end_stopped();
  if (!tasks_.empty()) {
    if (!wired_) wired_ = tasks_.front()->lease->wire();
    if (!buffers_) buffers_.emplace();
    bound_buffers();
    GenerationTask* const reading = next_reading();
    const bool decodes = std::any_of(tasks_.begin(), tasks_.end(), [](const TaskPointer& task) {
      return task->phase() == GenerationPhase::kDecode;
    });
    if (reading != nullptr && (is_reads_turn_ || !decodes)) {
      read(*reading);
    } else {
      decode();
    }
    is_reads_turn_ = !is_reads_turn_;
  }
  tell_ended();
  const MutexLock lock(mutex_);
  return !tasks_.empty() || !submitted_.empty();
}

void Generator::begin_submitted() {
  while (tasks_.size() < std::max<std::size_t>(options_.max_sequences, 1)) {
    TaskPointer task;
    {
      const MutexLock lock(mutex_);
      if (submitted_.empty()) return;
      // Answers that have begun end with the weights that they began with.
      if (!tasks_.empty() && !submitted_.front()->lease->is_current()) return;
      task = std::move(submitted_.front());
      submitted_.pop_front();
    }
    begin(std::move(task));
  }
}

void Generator::begin(TaskPointer task) {
  tasks_.push_back(std::move(task));
  GenerationTask& begun = *tasks_.back();
  try {
    throw_if_stopped(begun.stop_token());
    begun.lease->load();
    GenerationStats& stats = begun.result.stats;
    stats.load_seconds = loaded_.take_load_seconds();
    stats.copied_weight_bytes = loaded_.model().copied_weight_bytes();
    stats.weight_bytes = registration_.weight_bytes();
    resume(begun);
  } catch (...) {
    end(begun, std::current_exception());
  }
}

void Generator::resume(GenerationTask& task) {
  task.sequence = loaded_.prefix_cache.find(task.prompt, kv_type_of(task.plan.settings.kv_bits),
                                            task.initial_capacity());
  if (!task.sequence) return;
  const std::size_t length = task.sequence->length();
  task.result.stats.cached_tokens = static_cast<int>(length);
  for (const qwen::ImageSpan& image : task.prompt.images) {
    if (image.first + image.count > length) break;
    task.patches[task.features.size()] = {};
    task.features.push_back(qwen::ImageFeatures::none());
    ++task.result.stats.cached_images;
  }
}

void Generator::end_stopped() {
  {
    const MutexLock lock(mutex_);
    for (auto task = submitted_.begin(); task != submitted_.end();) {
      const auto next = std::next(task);
      if ((*task)->stop_token().stop_requested()) tasks_.splice(tasks_.end(), submitted_, task);
      task = next;
    }
  }
  std::vector<GenerationTask*> stopped;
  for (const TaskPointer& task : tasks_) {
    if (task->stop_token().stop_requested()) stopped.push_back(task.get());
  }
  for (GenerationTask* task : stopped) {
    try {
      if (task->phase() == GenerationPhase::kDecode) keep_prefix(*task);
      throw_cancelled();
    } catch (...) {
      end(*task, std::current_exception());
    }
  }
}

void Generator::end_all() noexcept {
  {
    const MutexLock lock(mutex_);
    tasks_.splice(tasks_.end(), submitted_);
  }
  for (const TaskPointer& task : tasks_) task->answer->request_stop();
  end_stopped();
  tell_ended();
}

GenerationTask* Generator::next_reading() {
  const auto reading = std::find_if(tasks_.begin(), tasks_.end(), [](const TaskPointer& task) {
    return task->phase() != GenerationPhase::kDecode;
  });
  if (reading == tasks_.end()) return nullptr;
  tasks_.splice(tasks_.end(), tasks_, reading);  // the others come first the next time
  return tasks_.back().get();
}

void Generator::read(GenerationTask& task) {
  if (task.phase() == GenerationPhase::kPrefill) {
    const PrefillBatch batch = batch_prompts(task, tasks_);
    run_together(batch.tasks, &Generator::read_prompts);
    // The arrays that are kept for the next step must fit what stays reserved.
    if (batch.tasks.size() > 1) tensor::trim_memory(workspace_bytes());
    return;
  }
  try {
    task.lease->guard([&] { encode_next_image(task); });
  } catch (...) {
    end(task, std::current_exception());
  }
}

void Generator::encode_next_image(GenerationTask& task) {
  GenerationStats& stats = task.result.stats;
  const Stopwatch watch;
  const std::size_t index = task.features.size();
  const qwen::ContentKey& key = task.prompt.images[index].key;
  if (const qwen::ImageFeatures* cached = loaded_.image_cache.find(key)) {
    task.features.push_back(*cached);
    ++stats.cached_images;
  } else {
    task.features.push_back(
        loaded_.model().encode_image(std::move(task.patches[index]), task.stop_token()));
    loaded_.image_cache.put(key, task.features.back());
  }
  task.patches[index] = {};
  stats.vision_seconds += watch.seconds();
  task.report(kVisionShare * static_cast<double>(index + 1) /
              static_cast<double>(task.patches.size()));
  if (task.phase() == GenerationPhase::kVision) return;
  if (tasks_.size() == 1) tensor::trim_memory();  // the tower's arrays are larger than any to come
  stats.memory.vision = task.take_peak();
  stats.mlx_memory.vision = buffers_->take_peak();
}

/// The logits after each chunk if the chunks are the last of their prompts, else none. After an
/// error the sequences have their length of before.
std::vector<mx::array> Generator::read_chunks(std::span<const qwen::PromptChunk> chunks,
                                              const StopToken& stop) const {
  try {
    const mx::array hidden = loaded_.model().read_chunks(chunks, stop);
    if (chunks.front().last < chunks.front().prompt->size()) return {};
    std::vector<mx::array> logits = loaded_.model().last_logits(hidden, chunks);
    for (mx::array& row : logits) row.eval();
    return logits;
  } catch (...) {
    for (const qwen::PromptChunk& chunk : chunks) chunk.sequence->truncate(chunk.first);
    throw;
  }
}

/// Reads the next chunk of one prompt, or the ends of several.
void Generator::read_prompts(const std::vector<GenerationTask*>& tasks) {
  const Stopwatch watch;
  std::vector<qwen::PromptChunk> chunks;
  std::size_t tokens = 0;
  for (GenerationTask* task : tasks) {
    chunks.push_back(task->next_chunk(loaded_.model()));
    tokens += chunks.back().size();
  }
  const std::vector<mx::array> logits = read_chunks(chunks, AnyStop(tasks).token());
  const double seconds = watch.seconds() / static_cast<double>(tokens);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    GenerationTask& task = *tasks[i];
    task.result.stats.prefill_seconds += seconds * static_cast<double>(chunks[i].size());
    const double done = task.patches.empty() ? 0.0 : kVisionShare;
    task.report(done + (1 - done) * static_cast<double>(chunks[i].last) /
                           static_cast<double>(task.prompt.size()));
    if (logits.empty()) continue;
    try {
      task.lease->guard([&] { begin_answer(task, logits[i]); });
    } catch (...) {
      end(task, std::current_exception());
    }
  }
}

void Generator::begin_answer(GenerationTask& task, const mx::array& logits) {
  GenerationStats& stats = task.result.stats;
  if (tasks_.size() == 1) tensor::trim_memory();  // a token's arrays are small
  stats.memory.prefill = task.take_peak();
  stats.mlx_memory.prefill = buffers_->take_peak();
  const GenerationRequest& request = task.request;
  task.writer.emplace(tokenizer_, end_tokens_, thoughts_, request, task.plan.max_tokens,
                      *task.answer);
  LogitsProcessors processors;
  if (request.form) processors.push_back(request.form->begin());
  if (tensor::uses_graph() && !request.lookup && processors.empty() &&
      DeviceDecoder::can_choose(request.sampling)) {
    bound_buffers();
    task.device_decoder.emplace(logits, request.sampling, task.plan.max_tokens);
  } else {
    task.host_decoder.emplace(*task.sequence, task.prompt.ids, tensor::LogitRows(logits),
                              request.sampling, request.lookup, std::move(processors));
  }
}

void Generator::decode() {
  std::vector<GenerationTask*> host, device;
  std::vector<GenerationTask*> decoding;
  for (const TaskPointer& task : tasks_) {
    if (task->phase() == GenerationPhase::kDecode) decoding.push_back(task.get());
  }
  for (GenerationTask* task : decoding) {
    if (task->device_decoder) {
      device.push_back(task);
    } else if (choose_on_host(*task)) {
      host.push_back(task);
    }
  }
  run_together(host, &Generator::read_on_host);
  run_together(device, &Generator::decode_on_device);
}

/// Takes the tokens whose logits are available. Returns false if the answer has ended.
bool Generator::choose_on_host(GenerationTask& task) {
  try {
    while (const std::optional<std::int32_t> id = task.host_decoder->next()) {
      if (push(task, *id)) continue;
      finish(task);
      return false;
    }
  } catch (...) {
    end(task, std::current_exception());
    return false;
  }
  return true;
}

bool Generator::push(GenerationTask& task, std::int32_t id) {
  task.answer_ids.push_back(id);
  const bool reports = task.request.sampling.top_logprobs >= 0;
  const bool goes_on = task.writer->push(id, reports ? &task.host_decoder->report() : nullptr);
  if (task.writer->tokens() == 1 && task.result.stats.time_to_first_token_seconds == 0) {
    task.result.stats.time_to_first_token_seconds = task.since_submit.seconds();
    task.since_first_token = Stopwatch();
  }
  return goes_on;
}

/// Handles a failed pass of several tasks: tries each task alone, so that only those fail that
/// must. In a graph their sequences are no longer usable then. If one of them was stopped, the next
/// steps go on with the others.
void Generator::run_together(const std::vector<GenerationTask*>& tasks,
                             void (Generator::*pass)(const std::vector<GenerationTask*>&)) {
  if (tasks.empty()) return;
  std::exception_ptr error;
  try {
    return tasks.front()->lease->guard([&] { (this->*pass)(tasks); });
  } catch (const Error& thrown) {
    error = std::current_exception();
    if (tasks.size() > 1 && thrown.code() == ErrorCode::kCancelled) {
      for (GenerationTask* task : tasks) task->reads_alone = true;
      return;
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (tasks.size() == 1 || tensor::uses_graph()) {
    for (GenerationTask* task : tasks) end(*task, error);
    return;
  }
  for (GenerationTask* task : tasks) run_together({task}, pass);
}

void Generator::read_on_host(const std::vector<GenerationTask*>& tasks) {
  // With more rows than one sequence's drafts, answers would not be bitwise equal.
  const bool drafts = tasks.size() == 1;
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<qwen::NextTokens> next;
  ids.reserve(tasks.size());
  next.reserve(tasks.size());
  for (GenerationTask* task : tasks) ids.push_back(task->host_decoder->next_tokens(drafts));
  for (std::size_t i = 0; i < tasks.size(); ++i) next.push_back({&*tasks[i]->sequence, ids[i]});
  const tensor::LogitRows rows(loaded_.model().read_next(next));
  std::size_t row = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i]->host_decoder->observe(rows, row);
    row += ids[i].size();
  }
}

void Generator::decode_on_device(const std::vector<GenerationTask*>& tasks) {
  std::vector<GenerationTask*> reading;
  std::vector<qwen::SequenceState*> sequences;
  std::vector<mx::array> ids;
  for (GenerationTask* task : tasks) {
    if (!task->device_decoder->wants_logits()) continue;
    reading.push_back(task);
    sequences.push_back(&*task->sequence);
    ids.push_back(task->device_decoder->input());
  }
  if (!reading.empty()) {
    const std::vector<mx::array> logits = loaded_.model().read_next(sequences, ids);
    for (std::size_t i = 0; i < reading.size(); ++i) {
      reading[i]->device_decoder->observe(logits[i]);
    }
  }
  for (GenerationTask* task : tasks) {
    try {
      if (!push(*task, task->device_decoder->read())) finish(*task);
    } catch (...) {
      end(*task, std::current_exception());
    }
  }
}

void Generator::keep_prefix(GenerationTask& task) {
  if (options_.prefix_cache_bytes == 0) return;
  qwen::PromptLayout text = task.text_read();
  budget::TagBytes kept;
  kept[budget::Tag::kKv] = task.sequence->allocated_bytes();
  task.lease->release(kept);  // the cache reserves it
  loaded_.prefix_cache.put(std::move(text), std::move(*task.sequence),
                           kv_type_of(task.plan.settings.kv_bits));
}

void Generator::finish(GenerationTask& task) {
  GenerationStats& stats = task.result.stats;
  stats.decode_seconds = task.since_first_token.seconds();
  task.writer->finish();
  task.result.text = std::move(task.writer->text());
  task.result.thoughts = std::move(task.writer->thoughts());
  task.result.calls = std::move(task.writer->calls());
  task.result.logprobs = std::move(task.writer->logprobs());
  task.result.finish_reason = task.writer->finish_reason();
  task.result.stop = task.writer->stop();
  stats.generated_tokens = task.writer->tokens();
  stats.thought_tokens = task.writer->tokens_of_thoughts();
  if (task.host_decoder) {
    stats.drafted_tokens = task.host_decoder->drafted_tokens();
    stats.accepted_draft_tokens = task.host_decoder->accepted_draft_tokens();
  }
  stats.memory.decode = task.take_peak();
  stats.mlx_memory.decode = buffers_->take_peak();
  stats.mlx_peak_bytes = buffers_->peak_bytes();
  stats.memory.kv = task.sequence->bytes();
  if (task.meter) stats.peak_private_bytes = task.meter->peak_bytes();
  keep_prefix(task);
  end(task, nullptr);
}

void Generator::end(GenerationTask& task, std::exception_ptr error) {
  task.release(workspace_bytes(&task));
  const auto place = std::find_if(tasks_.begin(), tasks_.end(),
                                  [&](const TaskPointer& other) { return other.get() == &task; });
  assert(place != tasks_.end());
  ended_.emplace_back(std::move(*place), std::move(error));
  tasks_.erase(place);
}

std::uint64_t Generator::workspace_bytes(const GenerationTask* except) const {
  std::uint64_t bytes = 0;
  for (const TaskPointer& task : tasks_) {
    if (task.get() != except) bytes = std::max(bytes, task->plan.memory.workspace().total());
  }
  return bytes;
}

void Generator::tell_ended() {
  if (tasks_.empty()) {
    wired_.reset();
    buffers_.reset();
    buffer_bytes_ = 0;
    if (!ended_.empty()) tensor::trim_memory();  // with the arrays of the step that ended them
  }
  for (auto& [task, error] : ended_) {
    if (error) {
      task->answer->fail(std::move(error));
    } else {
      task->answer->finish(std::move(task->result));
    }
  }
  ended_.clear();
}

/// Bounds MLX's buffers: a single request gets the reservation of its phase, several get the
/// largest reservation of each.
void Generator::bound_buffers() {
  std::uint64_t bytes = 0;
  for (const TaskPointer& task : tasks_) {
    bytes += tasks_.size() == 1 ? task->phase_bytes() : task->plan.memory.largest().total();
  }
  if (bytes == buffer_bytes_ && buffers_->is_current()) return;
  buffers_->begin(bytes);
  buffer_bytes_ = bytes;
}

}  // namespace oko::engine
