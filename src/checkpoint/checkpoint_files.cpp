#include "checkpoint/checkpoint_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"

namespace oko::checkpoint {
namespace {

namespace fs = std::filesystem;
using Files = std::vector<fs::path>;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

[[noreturn]] void fail_missing(const fs::path& path) {
  throw Error(
      ErrorCode::kBadModel,
      tr("{}: this part of the model is missing", "{}: этой части модели нет", path.string()),
      tr("the download is incomplete: download the model again",
         "загрузка не завершена: скачайте модель заново"));
}

std::optional<int> number_in(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0) return {};
  return number;
}

/// Shards by their names, "STEM-00002-of-00003EXTENSION": of each total, the file of each number.
std::map<int, std::map<int, fs::path>> sets_of_shards(const fs::path& model_dir,
                                                      const CheckpointFormat& format) {
  std::map<int, std::map<int, fs::path>> sets;
  const std::string front = std::string(format.stem) + "-";
  constexpr std::string_view kOf = "-of-";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(model_dir, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(front) || entry.path().extension() != format.extension) continue;
    std::string_view middle = name;
    middle.remove_prefix(front.size());
    middle.remove_suffix(std::string_view(format.extension).size());
    const std::size_t of = middle.find(kOf);
    if (of == std::string_view::npos || !is_file(entry.path())) continue;
    const auto number = number_in(middle.substr(0, of));
    const auto total = number_in(middle.substr(of + kOf.size()));
    if (number && total && *number >= 1 && *number <= *total) sets[*total][*number] = entry.path();
  }
  return sets;
}

/// True if one of the safetensors files has a layer that MLX has quantized.
bool is_quantized(const Files& files) {
  return std::any_of(files.begin(), files.end(), [](const fs::path& path) {
    try {
      const MappedFile file(path, ErrorCode::kBadModel);
      const TensorTable table = parse_safetensors(file.bytes(), file.bytes().size(), path.string());
      return std::any_of(table.begin(), table.end(),
                         [](const auto& tensor) { return tensor.first.ends_with(".scales"); });
    } catch (const Error&) {
      return false;
    }
  });
}

bool config_says_quantized(const fs::path& model_dir) {
  try {
    const auto config = read_json_object(model_dir / "config.json", ErrorCode::kBadModel);
    const auto is_object = [&](const char* key) {
      const auto found = config.find(key);
      return found != config.end() && found->is_object();
    };
    return is_object("quantization") || is_object("quantization_config");
  } catch (const Error&) {
    return false;
  }
}

/// The first candidate that is quantized, or is not, as config.json says; else the first one.
const Files& choose(const std::vector<Files>& candidates, const fs::path& model_dir) {
  if (candidates.size() == 1) return candidates.front();
  const bool quantized = config_says_quantized(model_dir);
  const auto fitting = std::find_if(candidates.begin(), candidates.end(), [&](const Files& files) {
    return is_quantized(files) == quantized;
  });
  return fitting == candidates.end() ? candidates.front() : *fitting;
}

/// Called if no candidate is complete: throws for the missing part of one that was begun.
void require_none(const fs::path& model_dir, const CheckpointFormat& format, const Files& indexed,
                  const std::map<int, std::map<int, fs::path>>& sets) {
  for (const fs::path& path : indexed) {
    if (!is_file(path)) fail_missing(path);
  }
  for (const auto& [total, shards] : sets) {
    for (int number = 1; number <= total; ++number) {
      if (shards.contains(number)) continue;
      fail_missing(model_dir / fmt::format("{}-{:05}-of-{:05}{}", format.stem, number, total,
                                           format.extension));
    }
  }
  std::error_code ignored;
  const fs::path single = model_dir / (std::string(format.stem) + format.extension);
  if (fs::is_symlink(single, ignored)) fail_missing(single);
}

/// True if each module that sentence-transformers' modules.json names has its settings; Normalize
/// may have none.
bool has_its_modules(const fs::path& model_dir) {
  const fs::path path = model_dir / "modules.json";
  if (!is_file(path)) return true;
  const nlohmann::json list = read_json(path, ErrorCode::kBadModel);
  const auto text_of = [](const nlohmann::json& item, const char* key) -> std::string {
    const auto found = item.is_object() ? item.find(key) : item.end();
    return found != item.end() && found->is_string() ? found->get<std::string>() : "";
  };
  return std::all_of(list.begin(), list.end(), [&](const nlohmann::json& item) {
    const std::string folder = text_of(item, "path");
    return folder.empty() || text_of(item, "type").ends_with(".Normalize") ||
           is_file(model_dir / folder / "config.json");
  });
}

}  // namespace

std::vector<fs::path> checkpoint_files(const fs::path& model_dir, const CheckpointFormat& format) {
  const std::string name = std::string(format.stem) + format.extension;
  const fs::path index = model_dir / (name + ".index.json");
  std::vector<Files> candidates;
  Files indexed;
  std::exception_ptr damaged_index;
  if (is_file(index)) {
    try {
      for (const std::string& shard : shard_names(index)) indexed.push_back(model_dir / shard);
    } catch (const Error&) {
      damaged_index = std::current_exception();
    }
    if (!indexed.empty() && std::all_of(indexed.begin(), indexed.end(), is_file)) {
      candidates.push_back(indexed);
    }
  }
  if (is_file(model_dir / name)) candidates.push_back({model_dir / name});
  const auto sets = sets_of_shards(model_dir, format);
  for (const auto& [total, shards] : sets) {
    if (static_cast<int>(shards.size()) != total) continue;
    Files files;
    for (const auto& [number, path] : shards) files.push_back(path);
    candidates.push_back(std::move(files));
  }
  if (!candidates.empty()) return choose(candidates, model_dir);
  if (damaged_index) std::rethrow_exception(damaged_index);
  require_none(model_dir, format, indexed, sets);
  return {};
}

void refuse_adapter(const fs::path& model_dir) {
  if (!is_file(model_dir / "adapter_config.json")) return;
  throw Error(ErrorCode::kBadModel,
              tr("{}: adapter_config.json: the weights belong together with a LoRA adapter, which "
                 "oko does not run",
                 "{}: adapter_config.json: к весам нужен адаптер LoRA, с которым oko не работает",
                 model_dir.string()),
              tr("merge the adapter into the weights (PEFT: merge_and_unload)",
                 "объедините адаптер с весами (PEFT: merge_and_unload)"));
}

bool is_whole_model(const fs::path& model_dir) {
  constexpr std::array kTokenizers = {"tokenizer.json", "sentencepiece.bpe.model", "vocab.json"};
  const auto has_file = [&](const char* name) { return is_file(model_dir / name); };
  if (!has_file("config.json") || std::none_of(kTokenizers.begin(), kTokenizers.end(), has_file)) {
    return false;
  }
  const auto is_true = [](const auto& question) {
    try {
      return question();
    } catch (const Error&) {
      return false;
    }
  };
  const auto has_weights = [&](const CheckpointFormat& format) {
    return is_true([&] { return !checkpoint_files(model_dir, format).empty(); });
  };
  return (has_weights(kSafetensorsFormat) || has_weights(kTorchFormat)) &&
         is_true([&] { return has_its_modules(model_dir); });
}

std::vector<std::string> unread_weights(const fs::path& model_dir) {
  constexpr std::array kExtensions = {".gguf",    ".safetensors", ".npz", ".onnx", ".h5",
                                      ".msgpack", ".pt",          ".pth", ".bin"};
  constexpr std::size_t kMost = 3;
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(model_dir, ignored)) {
    const std::string extension = entry.path().extension().string();
    if (std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end()) continue;
    names.insert(entry.path().filename().string());
  }
  std::vector<std::string> few(names.begin(), names.end());
  few.resize(std::min(few.size(), kMost));
  return few;
}

}  // namespace oko::checkpoint
