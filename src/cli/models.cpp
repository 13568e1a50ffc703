#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text_escape.h"
#include "cli/ask.h"
#include "cli/closest.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/plan.h"
#include "hub/hugging_face_cache.h"
#include "hub/installed_models.h"
#include "hub/model_path.h"
#include "hub/repository.h"
#include "hub/settings_files.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "tensor/device.h"
#include "tensor/weights.h"

namespace oko::cli {
namespace {

namespace bge = models::bge_m3;
namespace qwen = models::qwen3_vl;
using hub::InstalledModel;
using nlohmann::ordered_json;

struct ModelsArguments {
  CommonOptions common;
  bool json = false;
};

struct RemoveArguments {
  CommonOptions common;
  std::vector<std::string> names;
  bool yes = false;
};

enum class Kind { kUnknown, kVisionLanguage, kEmbedding };

/// What the files of a model say of it.
struct Description {
  Kind kind = Kind::kUnknown;  ///< unknown: oko does not run it
  int bits = 0;                ///< of most weights; 0: unknown
  bool is_source = false;      ///< it runs after oko convert only
  std::optional<engine::Verdict> verdict;
};

engine::PlanOptions plan_for_this_machine() {
  engine::PlanOptions options;
  options.system = budget::this_system();
  options.physical_bytes = budget::make_memory_probe()->status().physical_bytes;
  options.gpu_bytes = tensor::gpu_working_set_bytes();
  options.machine_budget_bytes = budget_of({});
  options.vision_language.config = qwen::qwen3_vl_4b();
  options.embedding.config = bge::bge_m3();
  return options;
}

template <typename Config>
int bits_of(const Config& config) {
  const auto quantization = config.quantization.of_layer("");
  return quantization ? quantization->bits : static_cast<int>(8 * config.number_bytes);
}

Description describe_files(const std::filesystem::path& folder, engine::PlanOptions machine) {
  Description found;
  const std::uint64_t bytes = tensor::Weights::bytes_on_disk(folder);
  found.is_source = bytes == 0;
  if (hub::model_type_of(folder) == "qwen3_vl") {
    machine.vision_language.config = qwen::Config::load(folder);
    machine.vision_language.processor = qwen::ImageProcessorConfig::of_model(folder);
    machine.vision_language.weight_bytes = bytes;
    found.kind = Kind::kVisionLanguage;
    found.bits = bits_of(machine.vision_language.config);
    if (bytes > 0) found.verdict = engine::verdict_on_vision_language(machine);
  } else {
    machine.embedding.config = bge::Config::load(folder);
    machine.embedding.weight_bytes = bytes;
    found.kind = Kind::kEmbedding;
    found.bits = bits_of(machine.embedding.config);
    if (bytes > 0) found.verdict = engine::verdict_on_embedding(machine);
  }
  return found;
}

Description describe_model(const InstalledModel& model, const engine::PlanOptions& machine) {
  if (!model.is_whole) return {};
  try {
    return describe_files(model.folder, machine);
  } catch (const Error&) {
    return {};  // of another kind
  }
}

std::string kind_text(const Description& found) {
  if (found.kind == Kind::kUnknown) return "-";
  return found.kind == Kind::kVisionLanguage
             ? words("pictures, {} bits", "картинки, {:бит|бита|бит}", Count(found.bits))
             : words("vectors, {} bits", "векторы, {:бит|бита|бит}", Count(found.bits));
}

std::string verdict_text(const InstalledModel& model, const Description& found) {
  if (!model.is_whole) return words("unfinished", "не докачана");
  if (found.kind == Kind::kUnknown) return words("not for oko", "не для oko");
  if (!found.verdict) return words("to convert", "преобразовать");
  switch (*found.verdict) {
    case engine::Verdict::kComfortable:
      return words("fits", "помещается");
    case engine::Verdict::kOnTheEdge:
      return words("on the edge", "на грани");
    case engine::Verdict::kDoesNotFit:
      return words("does not fit", "не помещается");
  }
  return {};
}

const char* state_of(const InstalledModel& model, const Description& found) {
  if (!model.is_whole) return "unfinished";
  if (found.kind == Kind::kUnknown) return "unknown";
  return found.is_source ? "to_convert" : "ready";
}

ordered_json json_of(const InstalledModel& model, const Description& found) {
  const bool is_own = model.place == InstalledModel::Place::kModelsFolder;
  ordered_json object = {{"name", model.name},
                         {"state", state_of(model, found)},
                         {"kind", nullptr},
                         {"bits", nullptr},
                         {"place", is_own ? "models_folder" : "hugging_face_cache"},
                         {"folder", nullptr},
                         {"size_bytes", model.bytes},
                         {"unfinished_bytes", model.unfinished_bytes},
                         {"aligned_copy_bytes", model.aligned_bytes},
                         {"link_target", nullptr},
                         {"verdict", nullptr}};
  if (!model.link_target.empty()) object["link_target"] = model.link_target.string();
  if (!model.folder.empty()) object["folder"] = model.folder.string();
  if (found.kind != Kind::kUnknown) {
    object["kind"] = found.kind == Kind::kEmbedding ? "embedding" : "vision_language";
    object["bits"] = found.bits;
  }
  if (found.verdict) object["verdict"] = engine::name_of(*found.verdict);
  return object;
}

/// `text`, as wide as `width` letters; those of both languages are one column wide.
std::string padded(const std::string& text, std::size_t width) {
  const auto letters = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  return text + std::string(letters < width ? width - letters : 1, ' ');
}

struct Row {
  std::string name, kind, size, verdict, place;
};

void print_rows(const std::vector<Row>& rows) {
  constexpr std::size_t kKind = 19, kSize = 9, kVerdict = 15;
  std::size_t name = 0;
  for (const Row& row : rows) name = std::max(name, row.name.size());
  for (const Row& row : rows) {
    print(one_line(padded(row.name, name + 2) + padded(row.kind, kKind) + padded(row.size, kSize) +
                   padded(row.verdict, kVerdict) + row.place) +
          "\n");
  }
}

Row row_of(const InstalledModel& model, const Description& found) {
  const bool is_own = model.place == InstalledModel::Place::kModelsFolder;
  const std::uint64_t bytes = model.folder.empty() ? model.unfinished_bytes : model.bytes;
  return {model.name, kind_text(found), shown(format_bytes(bytes)), verdict_text(model, found),
          is_own ? "oko" : "Hugging Face"};
}

/// What the rows do not say.
void print_notes(const hub::InstalledModels& all) {
  for (const InstalledModel& model : all.models) {
    if (!model.link_target.empty()) {
      print(words("{}: is a link to {}, where its {} are\n", "{}: ссылка на {}, её {} лежат там\n",
                  one_line(model.name), one_line(model.link_target.string()),
                  format_bytes(model.bytes)));
    }
    if (model.aligned_bytes > 0) {
      print(words("{}: its aligned copy takes {} more\n",
                  "{}: её выровненная копия занимает ещё {}\n", one_line(model.name),
                  format_bytes(model.aligned_bytes)));
    }
    if (model.unfinished_bytes > 0) {
      const std::string name = one_line(model.name);
      print(words("{}: an unfinished download has {}; oko pull {} goes on\n",
                  "{}: недокачанное занимает {}; продолжит oko pull {}\n", name,
                  format_bytes(model.unfinished_bytes),
                  name == hub::kEmbeddingSource ? hub::kDefaultEmbeddingModel : name));
    }
  }
  if (all.other_aligned_bytes > 0) {
    print(words("aligned copies of models in other folders take {}\n",
                "выровненные копии моделей из других папок занимают {}\n",
                format_bytes(all.other_aligned_bytes)));
  }
}

void print_table(const hub::InstalledModels& all, const engine::PlanOptions& machine) {
  std::vector<Row> rows{{words("NAME", "ИМЯ"), words("KIND", "ДЛЯ ЧЕГО"), words("SIZE", "РАЗМЕР"),
                         words("MEMORY", "ПАМЯТЬ"), words("KEPT BY", "ХРАНИТ")}};
  std::uint64_t own = 0, cached = 0;
  for (const InstalledModel& model : all.models) {
    rows.push_back(row_of(model, describe_model(model, machine)));
    const bool is_own = model.place == InstalledModel::Place::kModelsFolder;
    const std::uint64_t bytes = model.link_target.empty() ? model.bytes : 0;
    (is_own ? own : cached) += bytes + model.unfinished_bytes;
  }
  print_rows(rows);
  print("\n");
  print_notes(all);
  if (own > 0) {
    print(words("oko: {} in {}\n", "oko: {} в {}\n", format_bytes(own),
                one_line((oko_home() / "models").string())));
  }
  if (cached == 0) return;
  print(words("Hugging Face: {} in {}, which oko only reads\n",
              "Hugging Face: {} в {}, оттуда oko только читает\n", format_bytes(cached),
              one_line(hub::hugging_face_cache().string())));
}

void list(const ModelsArguments& options) {
  const hub::InstalledModels all = hub::installed_models();
  const engine::PlanOptions machine = plan_for_this_machine();
  if (options.json) {
    for (const InstalledModel& model : all.models) {
      print_json(json_of(model, describe_model(model, machine)));
    }
    return;
  }
  if (!all.models.empty()) return print_table(all, machine);
  print(words("no models yet: {} and {} have none\n", "моделей ещё нет: ни в {}, ни в {}\n",
              one_line((oko_home() / "models").string()),
              one_line(hub::hugging_face_cache().string())));
  if (!options.common.quiet) say_hint(tr("oko pull qwen3-vl-4b", "oko pull qwen3-vl-4b"));
}

/// The error of a name that is none, with the one that was meant.
Error with_meant_model(const Error& error, const std::string& name) {
  std::vector<std::string> names;
  for (const InstalledModel& model : hub::installed_models().models) names.push_back(model.name);
  const std::string meant = closest(name, names);
  if (error.code() != ErrorCode::kModelNotFound || meant.empty() || meant == name) return error;
  return {error.code(), error.message(), tr("did you mean {}?", "может быть, {}?", excerpt(meant))};
}

hub::ModelRemoval removal_of(const std::string& name) {
  try {
    return hub::ModelRemoval(name);
  } catch (const Error& error) {
    throw with_meant_model(error, name);
  }
}

bool is_confirmed(const RemoveArguments& options, const std::vector<hub::ModelRemoval>& removals) {
  if (options.yes) return true;
  if (!can_ask()) {
    throw Error(ErrorCode::kUsage,
                tr("there is no terminal to ask on: nothing is removed",
                   "нет терминала, чтобы спросить: ничего не удаляется"),
                tr("repeat the command with --yes", "повторите команду с --yes"));
  }
  std::uint64_t bytes = 0;
  std::string names;
  for (const hub::ModelRemoval& each : removals) {
    bytes += each.bytes();
    names += (names.empty() ? "" : ", ") + each.name();
  }
  return ask(words("remove {} ({})?", "удалить {} ({})?", names, format_bytes(bytes)));
}

void remove(const RemoveArguments& options) {
  std::vector<hub::ModelRemoval> removals;
  removals.reserve(options.names.size());
  for (const std::string& name : options.names) removals.push_back(removal_of(name));
  if (!is_confirmed(options, removals)) return;
  for (hub::ModelRemoval& each : removals) {
    each.run();
    if (options.common.quiet) continue;
    print(words("{}: removed, {} are free again\n", "{}: удалена, освободилось {}\n",
                one_line(each.name()), format_bytes(each.bytes())));
    if (!each.link_target().empty()) {
      say_note(words("{}: was a link, what it led to stays: {}",
                     "{}: это была ссылка, то, на что она вела, осталось: {}", each.name(),
                     each.link_target().string()));
    }
    if (each.cache_bytes() == 0) continue;
    say_note(
        words("{}: the Hugging Face cache still has {} of it, which oko does not touch: hf "
              "cache rm model/{} removes that",
              "{}: в кэше Hugging Face осталось {}, oko их не трогает: их удалит hf cache rm "
              "model/{}",
              each.name(), format_bytes(each.cache_bytes()), each.repository()));
  }
}

}  // namespace

void add_models(Command& program) {
  auto options = std::make_shared<ModelsArguments>();
  Command& command =
      program.add_command("models", words("Lists the models on this machine, and removes them.",
                                          "Показывает модели на этой машине и удаляет их."));
  command.set_footer(words("Examples:\n  oko models\n  oko models rm qwen3-vl-2b",
                           "Примеры:\n  oko models\n  oko models rm qwen3-vl-2b"));
  command.add_flag("-j,--json", &options->json,
                   words("one JSON object per model", "по объекту JSON на модель"));
  add_common_options(command, options->common);
  ignore_budget(command);
  command.on_run([options] { list(*options); });
  for (const char* name : {"list", "ls"}) command.suggest(name, "oko models");
  for (const char* name : {"remove", "delete"}) command.suggest(name, "oko models rm");

  auto removal = std::make_shared<RemoveArguments>();
  Command& rm = command.add_command(
      "rm", words("Removes what oko has stored of models. The Hugging Face cache stays as it is.",
                  "Удаляет то, что oko хранит от моделей. Кэш Hugging Face не меняется."));
  rm.add_argument("NAME", &removal->names,
                  words("models, as oko models names them", "модели, как их называет oko models"))
      .required();
  rm.add_flag("--yes", &removal->yes, words("do not ask", "не спрашивать"));
  add_common_options(rm, removal->common);
  ignore_budget(rm);
  rm.on_run([removal] { remove(*removal); });
}

}  // namespace oko::cli
