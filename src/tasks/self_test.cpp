#include "tasks/self_test.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "budget/memory_size.h"
#include "engine/plan.h"
#include "engine/stopwatch.h"
#include "ocr/score.h"
#include "tasks/doctor_pictures.h"
#include "tasks/read_pages.h"
#include "tensor/cpu/roofline_probe.h"
#include "tensor/device.h"
#include "tensor/matmul_check.h"
#include "testing/benchmark.h"
#include "testing/benchmark_pass.h"
#include "testing/model_switch.h"
#include "testing/reference_models.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;
using testing::StageDifference;

/// Of references, their models and passes.
constexpr std::uint64_t kSmallWork = 60'000'000;
constexpr std::size_t kReadBytes = std::size_t{128} << 20;

LocalizedText report_hint() {
  return tr("answers may be wrong here: report it with the output of oko doctor --json",
            "ответы здесь могут быть неверны: сообщите, приложив вывод oko doctor --json");
}

LocalizedText gpu_hint() {
  return tr("set OKO_DEVICE=cpu until it is mended, and report it with oko doctor --json",
            "пока это не исправлено, задайте OKO_DEVICE=cpu и сообщите, приложив oko doctor "
            "--json");
}

void fail(Check& check, const LocalizedText& hint) {
  check.health = Health::kError;
  check.hint = hint;
}

/// The largest difference of a stage from its reference, relative to the largest number.
struct Tolerance {
  double vision = 0;
  double text = 0;     ///< of the prompt and the answer
  double vector = 0;   ///< dense, ColBERT
  double weights = 0;  ///< sparse: errors of a hidden state add up in a token's weight

  double of(const std::string& stage) const {
    if (stage == "sparse") return weights;
    if (stage == "dense" || stage == "colbert") return vector;
    return stage == "prompt" || stage == "answer" ? text : vision;
  }
};

// f32 against f32; then what products of int16 and int8 and an f16 KV cache cost, three times what
// was measured.
constexpr Tolerance kExact{1e-4, 1e-4, 1e-4, 1e-4};
constexpr Tolerance kInteger{3e-3, 3e-3, 5e-2, 1.5e-1};
// As graph_parity_test.cpp and graph_bge_m3_parity_test.cpp; a vector's largest number is 0.2.
constexpr Tolerance kGraph{10 * 0x1p-9, 60 * 0x1p-9, 50 * 0x1p-9, 100 * 0x1p-9};

LocalizedText name_of_stage(const std::string& stage) {
  if (stage == "patches") return tr("patches", "патчи");
  if (stage == "vision") return tr("vision", "зрение");
  if (stage == "deepstack") return "DeepStack";
  if (stage == "prompt") return tr("prompt", "запрос");
  if (stage == "answer") return tr("answer", "ответ");
  return stage == "colbert" ? "ColBERT" : stage;
}

void add_differences(Check& check, const std::vector<StageDifference>& all,
                     const Tolerance& tolerance, const std::string& prefix,
                     const LocalizedText& hint, const char* device = "CPU:") {
  for (const StageDifference& each : all) {
    check.text += format_text("{} {} {:.0e}", check.text.empty() ? device : ",",
                              name_of_stage(each.stage), each.difference);
    check.figures.emplace_back(prefix + each.stage, each.difference);
    if (!(each.difference <= tolerance.of(each.stage))) fail(check, hint);
  }
}

/// Selects a device for a check and then that of the process.
class OnDevice {
 public:
  OnDevice(tensor::Device device, tensor::cpu::Precision precision, std::size_t threads)
      : threads_(threads) {
    tensor::prepare_device(
        {.device = device, .half = half_, .threads = threads, .precision = precision});
  }
  ~OnDevice() { tensor::prepare_device({.device = before_, .half = half_, .threads = threads_}); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  tensor::Device before_ = tensor::device();
  tensor::HalfDtype half_ = tensor::half_dtype();
  std::size_t threads_;
};

/// The checks in their order, and what several of them need.
class SelfTest {
 public:
  SelfTest(const SelfTestOptions& options, const CheckSink& sink)
      : options_(options), sink_(sink) {}

  void run() {
    tensor::prepare_device({.threads = options_.threads});
    check("matmul", tr("products", "умножение"), [this](Check& each) { check_products(each); });
    check("memory_speed", tr("reading", "чтение"), [this](Check& each) { check_reading(each); });
    if (!has_data()) return;
    if (tensor::uses_graph()) {
      check("references_gpu", tr("references", "эталоны"),
            [this](Check& each) { compare_on_gpu(each); });
    }
    check("references_cpu", tr("references", "эталоны"),
          [this](Check& each) { compare_on_cpu(each); });
    check("speed", tr("speed", "скорость"), [this](Check& each) { measure_speed(each); });
    check("zero_copy", tr("zero copy", "без копий"), [this](Check& each) { check_copies(each); });
    check("switch", tr("switch", "смена"), [this](Check& each) { measure_switch(each); });
    models_.reset();
    check("ocr_picture", tr("page", "страница"), [this](Check& each) { read_page(each); });
    check_pictures(options_, [this](const Check& each) { sink_(each); });
  }

 private:
  void check(const char* name, const LocalizedText& title,
             const std::function<void(Check&)>& function) {
    throw_if_stopped(options_.stop);
    run_check({.name = name, .title = title}, function, sink_);
  }

  /// Refuses work that would leave the budget.
  void require(std::uint64_t bytes) const {
    const std::uint64_t all = engine::runtime_bytes(tensor::on_gpu()) + bytes;
    if (all > options_.budget_bytes) throw budget::OverBudget(all, options_.budget_bytes);
  }

  bool has_data() {
    if (options_.data) return true;
    sink_({.name = "data",
           .title = tr("files", "файлы"),
           .health = Health::kError,
           .text = tr("the files of the self-test (share/oko) are missing",
                      "нет файлов для самопроверки (share/oko)"),
           .hint = tr("install oko again: its program needs ../share/oko",
                      "установите oko заново: рядом с программой нужна ../share/oko")});
    return false;
  }

  /// Made by the first check that needs them; each later one has their error too.
  const testing::ReferenceModels& models() {
    if (!models_) {
      models_ = std::make_unique<testing::ReferenceModels>(
          *options_.data / "self_test" / "references.json", options_.stop);
    }
    return *models_;
  }

  fs::path tiny_model() const { return *options_.data / "models" / "tiny-vl"; }

  void check_products(Check& check) const {
    require(kSmallWork);
    for (const tensor::MatmulDifference& each : tensor::check_matmuls()) {
      check.text += check.text.empty() ? tr("64 rows: ", "64 строки: ") : ", ";
      check.text += format_text("{} {:.0e}", each.kernel, each.difference);
      check.figures.emplace_back(each.kernel, each.difference);
      if (!each.is_right()) fail(check, tensor::uses_graph() ? gpu_hint() : report_hint());
    }
  }

  void check_reading(Check& check) const {
    require(kReadBytes);
    const double speed = tensor::cpu::measure_read_bandwidth(kReadBytes);
    check.text = tr("memory {:.1f} GB/s", "память {:.1f} ГБ/с", speed / 1e9);
    check.figures = {{"bytes_per_second", std::round(speed)}};
  }

  void compare_on_gpu(Check& check) {
    require(kSmallWork);
    add_differences(check, models().compare(options_.stop), kGraph, "", gpu_hint(), "GPU:");
  }

  /// In f32, which the references have, and with the kernels that models use.
  void compare_on_cpu(Check& check) {
    require(kSmallWork);
    using tensor::cpu::Precision;
    {
      const OnDevice cpu(tensor::Device::kCpu, Precision::kFloat32, options_.threads);
      add_differences(check, models().compare(options_.stop), kExact, "", report_hint());
    }
    const OnDevice cpu(tensor::Device::kCpu, Precision::kInt16Activations, options_.threads);
    double most = 0;
    Check used;
    const std::vector<StageDifference> all = models().compare(options_.stop);
    add_differences(used, all, kInteger, "integer_", report_hint());
    for (const StageDifference& each : all) most = std::max(most, each.difference);
    check.text += tr("; with integer products up to {:.0e}", "; в целых числах до {:.0e}", most);
    check.figures.insert(check.figures.end(), used.figures.begin(), used.figures.end());
    if (used.health == Health::kError) fail(check, used.hint);
  }

  void measure_speed(Check& check) const {
    require(kSmallWork);
    testing::BenchmarkOptions options;
    options.model = tiny_model();
    options.threads = options_.threads;
    const std::unique_ptr<testing::BenchmarkPass> pass = make_pass(options, options_.stop);
    pass->warm_up();
    const double speed = options.tokens / pass->seconds();
    check.text =
        tr("{:.0f} tokens/s with the small model", "{:.0f} токенов/с у маленькой модели", speed);
    check.figures = {{"tokens_per_second", std::round(speed)}};
  }

  void check_copies(Check& check) const {
    require(kSmallWork);
    const testing::LoadMemory memory = testing::measure_load(tiny_model(), options_.stop);
    check.text =
        tr("{} of weights take {} of private memory", "веса {} занимают {} собственной памяти",
           format_bytes(memory.weight_bytes), format_bytes(memory.private_bytes));
    check.figures = {{"weight_bytes", static_cast<std::int64_t>(memory.weight_bytes)},
                     {"private_bytes", static_cast<std::int64_t>(memory.private_bytes)}};
    if (memory.private_bytes < memory.weight_bytes / 2) return;
    check.health = Health::kWarning;
    check.hint = tr("models take more memory than oko plan says: report it with oko doctor --json",
                    "модели займут больше, чем обещает oko plan: сообщите, приложив oko doctor "
                    "--json");
  }

  void measure_switch(Check& check) {
    require(kSmallWork);
    const testing::SwitchTimes times =
        testing::measure_switch(tiny_model(), models().embedding(), options_.stop);
    check.text = tr("to the other model {:.0f} ms, back {:.0f} ms",
                    "к другой модели {:.0f} мс, обратно {:.0f} мс", 1e3 * times.there_seconds,
                    1e3 * times.back_seconds);
    check.figures = {{"there_seconds", times.there_seconds}, {"back_seconds", times.back_seconds}};
  }

  void read_page(Check& check) const {
    constexpr std::uint64_t kMaxBytes = 1 << 20;
    constexpr double kFewErrors = 0.02, kManyErrors = 0.2;  // shares of the characters
    const fs::path folder = *options_.data / "self_test";
    const std::string truth = read_file(folder / "text.txt", kMaxBytes, ErrorCode::kFailed);
    const engine::Stopwatch watch;
    PageReader reader({(folder / "text.png").string()},
                      {.threads = 1, .budget_bytes = options_.budget_bytes});
    std::string text;
    reader.read(
        [&](const ReadPage& page) {
          if (page.error) throw *page.error;
          text += page.page.text();
        },
        options_.stop);
    const ocr::ErrorCount errors = ocr::compare_texts(truth, text).all_characters();
    check.text = tr("Russian and English: {} of {} characters wrong, {:.1f} s",
                    "по-русски и по-английски: неверных знаков {} из {}, {:.1f} с", errors.wrong,
                    errors.total, watch.seconds());
    check.figures = {{"characters", static_cast<std::int64_t>(errors.total)},
                     {"wrong", static_cast<std::int64_t>(errors.wrong)},
                     {"read_seconds", watch.seconds()}};
    if (errors.rate() <= kFewErrors) return;
    check.health = errors.rate() > kManyErrors ? Health::kError : Health::kWarning;
    check.hint = report_hint();
  }

  const SelfTestOptions& options_;
  const CheckSink& sink_;
  std::unique_ptr<testing::ReferenceModels> models_;
};

}  // namespace

void run_self_test(const SelfTestOptions& options, const CheckSink& sink) {
  SelfTest(options, sink).run();
}

}  // namespace oko::tasks
