#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/core_count.h"
#include "base/error.h"
#include "base/file.h"
#include "base/system_info.h"
#include "base/system_reason.h"
#include "budget/address_space.h"
#include "budget/memory_probe.h"
#include "budget/memory_size.h"
#include "engine/plan.h"
#include "hub/hub_access.h"
#include "hub/model_path.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "ocr/engine.h"
#include "tasks/doctor.h"
#include "tasks/doctor_models.h"
#include "tensor/device.h"
#include "tensor/device_report.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLittleDisk = 8'000'000'000;  // a large model and its aligned copy

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

void warn(Check& check, const LocalizedText& hint) {
  check.health = Health::kWarning;
  check.hint = hint;
}

/// The words of `list` with spaces between them.
std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& each : list) text += (text.empty() ? "" : " ") + each;
  return text;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

void check_build(const MachineOptions& options, Check& check) {
#if defined(NDEBUG)
  const bool optimized = true;
#else
  const bool optimized = false;
#endif
  check.text = options.version + ", " + compiler();
  check.figures = {
      {"version", options.version}, {"compiler", compiler()}, {"optimized", optimized}};
  if (optimized) return;
  check.text += tr(", a debug build", ", отладочная сборка");
  warn(check, tr("build with CMAKE_BUILD_TYPE=Release: a debug build is many times slower",
                 "соберите с CMAKE_BUILD_TYPE=Release: отладочная сборка во много раз медленнее"));
}

void check_chip(Check& check) {
  const std::string features = joined(processor_features());
  check.text = format_text("{}, {}, {}", processor_name(), features.empty() ? "-" : features,
                           tr("cores for oko: {}", "ядер для oko: {}", physical_core_count()));
  check.figures = {{"processor", processor_name()},
                   {"features", features},
                   {"cores", number(physical_core_count())}};
  const bool has_vectors =
      features.find("AVX2") != std::string::npos || features.find("NEON") != std::string::npos;
  if (has_vectors) return;
  warn(check, tr("without AVX2 models run several times slower: prefer a newer processor",
                 "без AVX2 модели работают в разы медленнее: лучше процессор поновее"));
}

LocalizedText text_of(budget::Pressure pressure) {
  switch (pressure) {
    case budget::Pressure::kNormal:
      return tr("normal", "обычная");
    case budget::Pressure::kWarning:
      return tr("raised", "повышенная");
    case budget::Pressure::kCritical:
      return tr("critical", "критическая");
  }
  return {};
}

const char* key_of(budget::Pressure pressure) {
  constexpr std::array kKeys{"normal", "warning", "critical"};
  return kKeys[static_cast<std::size_t>(pressure)];
}

void check_memory(Check& check) {
  const budget::MemoryStatus status = budget::make_memory_probe()->status();
  const budget::Swap swap = budget::swap();
  check.text =
      tr("{}, available {}; pressure {}, swap in use {}",
         "{}, доступно {}; нагрузка {}, в подкачке {}", budget::memory_text(status.physical_bytes),
         budget::memory_text(status.available_bytes), text_of(status.pressure),
         budget::memory_text(swap.used_bytes));
  check.figures = {{"physical_bytes", number(status.physical_bytes)},
                   {"available_bytes", number(status.available_bytes)},
                   {"pressure", key_of(status.pressure)},
                   {"swap_total_bytes", number(swap.total_bytes)},
                   {"swap_used_bytes", number(swap.used_bytes)}};
  constexpr std::uint64_t kMuchSwap = 4;  // a quarter of the memory
  const bool swaps = swap.used_bytes > status.physical_bytes / kMuchSwap;
  if (status.pressure == budget::Pressure::kNormal && !swaps) return;
  warn(check, tr("close other programs, or oko will be slow",
                 "закройте другие программы, иначе oko будет работать медленно"));
}

void check_limits(Check& check) {
  const auto space = budget::address_space();
  const std::uint64_t machine = budget::hardware_bytes();
  const std::uint64_t granted = budget::make_memory_probe()->status().physical_bytes;
  const bool in_group = granted != 0 && granted < machine - machine / 16;
  check.text = in_group ? tr("the container may take {} of {}", "контейнеру можно занять {} из {}",
                             budget::memory_text(granted), budget::memory_text(machine))
                        : tr("no limit of a container", "контейнер не ограничивает");
  check.figures = {{"hardware_bytes", number(machine)}, {"container_limit", in_group}};
  if (!space) {
    check.text += tr(", none of ulimit", ", ulimit тоже");
    return;
  }
  check.text += format_text(", {} {}", space->setting, budget::memory_text(space->limit));
  check.figures.emplace_back("address_space_bytes", number(space->limit));
  check.figures.emplace_back("address_space_left_bytes", number(space->left()));
  if (space->left() >= machine) return;
  warn(check, tr("models are mapped into the address space: raise {}, or remove it",
                 "модели отображаются в адресное пространство: увеличьте {} или снимите предел",
                 space->setting));
}

/// The usual work with the default models, as `oko plan` counts it.
engine::Plan usual_plan() {
  engine::PlanOptions options;
  options.vision_language.config = models::qwen3_vl::qwen3_vl_4b();
  options.vision_language.weight_bytes =
      models::qwen3_vl::weight_bytes(options.vision_language.config);
  options.embedding.config = models::bge_m3::bge_m3();
  options.embedding.weight_bytes = models::bge_m3::weight_bytes(options.embedding.config);
  options.system = budget::this_system();
  options.physical_bytes = budget::make_memory_probe()->status().physical_bytes;
  options.gpu_bytes = tensor::gpu_working_set_bytes();
  return engine::make_plan(options);
}

void check_budget(const MachineOptions& options, Check& check) {
  const engine::Plan plan = usual_plan();
  check.text = tr("oko may take {}; the default models need {}, one at a time {}",
                  "для oko {}; моделям по умолчанию нужно {}, по одной {}",
                  budget::memory_text(options.budget_bytes), budget::memory_text(plan.resident),
                  budget::memory_text(plan.sequential));
  check.figures = {{"budget_bytes", number(options.budget_bytes)},
                   {"both_models_bytes", number(plan.resident)},
                   {"one_model_bytes", number(plan.sequential)}};
  if (options.budget_bytes >= plan.sequential) return;
  warn(check, tr("close other programs, or take a smaller model: oko plan",
                 "закройте другие программы или возьмите модель поменьше: oko plan"));
}

void check_gpu(const MachineOptions& options, Check& check) {
  const std::optional<tensor::Gpu> gpu = tensor::find_gpu();
  check.figures = {{"device", std::string(name_of(tensor::device()))}};
  if (options.device_error) throw Error(*options.device_error);
  if (!gpu) {
    check.text = tr("no GPU: CPU kernels", "GPU нет: ядра для процессора");
    return;
  }
  check.text =
      format_text("{}, {}", gpu->name, gpu->architecture.empty() ? "?" : gpu->architecture);
  if (gpu->generation > 0) {
    check.text += tr(" (generation {})", " (поколение {})", gpu->generation);
  }
  if (gpu->working_set_bytes > 0) {
    check.text +=
        tr(", keeps up to {}", ", держит до {}", budget::memory_text(gpu->working_set_bytes));
  }
  check.figures.insert(check.figures.end(),
                       {{"name", gpu->name},
                        {"architecture", gpu->architecture},
                        {"generation", std::int64_t{gpu->generation}},
                        {"memory_bytes", number(gpu->memory_bytes)},
                        {"working_set_bytes", number(gpu->working_set_bytes)}});
  if (tensor::on_gpu()) return;
  check.text += tr("; not used", "; не используется");
  warn(check, tr("OKO_DEVICE=cpu turns it off: unset it", "её отключает OKO_DEVICE=cpu: уберите"));
}

void check_mlx(Check& check) {
  const std::optional<tensor::Gpu> gpu = tensor::find_gpu();
  check.text = "MLX " + tensor::mlx_version();
  check.figures = {{"version", tensor::mlx_version()}};
  if (!gpu || gpu->generation == 0) {
    check.text += tr(", no Metal kernels here", ", ядер Metal здесь нет");
    return;
  }
  switch (tensor::kernel_fit(gpu->generation, tensor::kernel_file())) {
    case tensor::KernelFit::kFits:
      check.text += tr(", its kernels fit the chip", ", ядра подходят чипу");
      check.figures.emplace_back("kernels", "fit");
      return;
    case tensor::KernelFit::kLacksAccelerators:
      check.text += tr(", without kernels for the chip's neural accelerators",
                       ", без ядер для нейроускорителей чипа");
      check.figures.emplace_back("kernels", "without_accelerators");
      return warn(check, tr("prompts and pictures are slower: update to macOS 26.2 or later and "
                            "build oko again",
                            "запросы и картинки читаются медленнее: обновите macOS до 26.2 или "
                            "новее и соберите oko заново"));
    case tensor::KernelFit::kUnknown:
      check.text += tr(", mlx.metallib is not next to it", ", рядом нет mlx.metallib");
      check.figures.emplace_back("kernels", "missing");
      return warn(check, tr("install oko again", "установите oko заново"));
  }
}

void check_ocr(Check& check) {
  check.text = ocr::engine_name();
  check.figures = {{"engine", ocr::engine_name()}};
  try {
    ocr::make_engine({});
  } catch (const Error& error) {
    check.health = Health::kError;
    check.text += format_text(": {}", error.message());
    check.hint = error.hint();
    check.figures.emplace_back("languages", "");
    return;
  }
  check.text += tr(", languages: ru, en", ", языки: ru, en");
  check.figures.emplace_back("languages", "ru en");
}

/// `path`, or the nearest folder above it that is there.
fs::path existing(fs::path path) {
  path = fs::absolute(path);
  while (!has_entry(path) && path.has_relative_path()) path = path.parent_path();
  return path;
}

/// The reason why no folder can be made or written at `path`; 0 if one can.
int reason_against_writing(const fs::path& path) {
  std::error_code ignored;
  const fs::path folder = existing(path);
  if (!fs::is_directory(folder, ignored)) return ENOTDIR;
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
}

void check_disk(Check& check) {
  const std::uint64_t free = fs::space(existing(oko_home())).available;
  check.text = tr("free at {}: {}", "свободно в {}: {}", oko_home().string(), format_bytes(free));
  check.figures = {{"free_bytes", number(free)}};
  for (const fs::path& folder : {oko_home(), oko_home() / "models",
                                 oko_home() / "models" / ".locks", oko_home() / "aligned"}) {
    const int reason = reason_against_writing(folder);
    if (reason == 0) continue;
    check.text += tr("; {} cannot be written: {}", "; {} не записывается: {}", folder.string(),
                     system_reason(reason));
    warn(check, tr("oko can keep no model there: set OKO_HOME to a folder that can be written",
                   "oko не сможет хранить там модели: укажите в OKO_HOME папку, в которую можно "
                   "писать"));
    if (reason == ENOTDIR) check.health = Health::kError;
    return;
  }
  if (free >= kLittleDisk) return;
  warn(check, tr("a model and its aligned copy take up to {}: free space, or set OKO_HOME to "
                 "another disk",
                 "модель и её выровненная копия займут до {}: освободите место или задайте "
                 "OKO_HOME на другом диске",
                 format_bytes(kLittleDisk)));
}

/// Of `oko pull`, which would refuse them.
void check_hub_settings(Check& check) {
  const auto fail = [&](const LocalizedText& what, const LocalizedText& hint) {
    check.health = Health::kError;
    check.text += "; " + what;
    check.hint = hint;
  };
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    const char* path = std::getenv(name);
    if (path == nullptr || *path == '\0' || has_entry(path)) continue;
    fail(tr("{} leads nowhere", "{} ведёт в никуда", name),
         tr("name the certificates in {}, or unset it", "укажите в {} сертификаты или уберите её",
            name));
  }
  try {
    hub::hub_access();
  } catch (const Error& error) {
    fail(tr("oko pull cannot ask the hub", "oko pull не сможет обратиться к хабу"), error.hint());
  }
}

/// Names only: values may be secret or have a person's name.
void check_settings(Check& check) {
  std::vector<std::string> set;
  for (const char* name : {"OKO_HOME",        "OKO_DEVICE",
                           "OKO_DTYPE",       "HF_HOME",
                           "HF_HUB_CACHE",    "HUGGINGFACE_HUB_CACHE",
                           "XDG_CACHE_HOME",  "HF_ENDPOINT",
                           "HF_HUB_OFFLINE",  "TRANSFORMERS_OFFLINE",
                           "HF_TOKEN",        "HUGGING_FACE_HUB_TOKEN",
                           "HF_TOKEN_PATH",   "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                           "TESSDATA_PREFIX", "HTTP_PROXY",
                           "HTTPS_PROXY",     "ALL_PROXY",
                           "http_proxy",      "https_proxy",
                           "all_proxy",       "no_proxy",
                           "NO_PROXY",        "LC_ALL",
                           "LC_MESSAGES",     "LANG",
                           "SSL_CERT_FILE",   "SSL_CERT_DIR",
                           "CURL_CA_BUNDLE",  "NO_COLOR",
                           "TMPDIR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') set.emplace_back(name);
  }
  check.text =
      set.empty() ? tr("none is set", "ни одна не задана") : format_text("{}", joined(set));
  check.figures = {{"set", joined(set)}};
  check_hub_settings(check);
}

}  // namespace

std::optional<Error> select_device_for_checks() {
  try {
    tensor::select_device(tensor::Device::kAuto);
    return std::nullopt;
  } catch (const Error& error) {
    const std::optional<tensor::Gpu> gpu = tensor::find_gpu();
    tensor::select_device(tensor::device_of_setting("", gpu.has_value()),
                          tensor::HalfDtype::kAsStored);
    return error;
  }
}

void check_machine(const MachineOptions& options, const CheckSink& sink) {
  const auto run = [&](const char* name, const LocalizedText& title, const auto& check) {
    throw_if_stopped(options.stop);
    run_check({.name = name, .title = title}, check, sink);
  };
  run("build", "oko", [&](Check& check) { check_build(options, check); });
  run("chip", tr("chip", "процессор"), check_chip);
  run("system", tr("system", "система"), [](Check& check) {
    check.text = system_name();
    check.figures = {{"name", system_name()}};
  });
  run("memory", tr("memory", "память"), check_memory);
  run("limits", tr("limits", "пределы"), check_limits);
  run("budget", tr("budget", "бюджет"), [&](Check& check) { check_budget(options, check); });
  run("gpu", "GPU", [&](Check& check) { check_gpu(options, check); });
  run("mlx", "MLX", check_mlx);
  run("ocr", tr("text", "текст"), check_ocr);
  check_models(options.stop, sink);
  run("disk", tr("disk", "диск"), check_disk);
  run("settings", tr("variables", "переменные"), check_settings);
}

}  // namespace oko::tasks
