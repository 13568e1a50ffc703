#include "cli/find_model.h"

#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "cli/ask.h"
#include "cli/closest.h"
#include "cli/near_path.h"
#include "cli/pull_model.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "hub/hub_access.h"
#include "hub/model_path.h"
#include "hub/repository.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

/// The name by which `oko pull` knows a model; empty: it is no name.
std::string name_to_pull(const std::string& given) {
  const std::string name = hub::plain_model_name(given);
  if (const std::string known = hub::short_name_of(name); !known.empty()) return known;
  const bool is_known = name == hub::kDefaultEmbeddingModel ||
                        !hub::repository_of_short_name(name).empty() ||
                        hub::is_repository_name(name);
  return is_known ? name : "";
}

LocalizedText size_of(const std::string& name) {
  const auto bytes = hub::download_bytes_of(name);
  return bytes ? format_bytes(*bytes) : tr("size unknown", "размер неизвестен");
}

/// The hint for a model that is not there.
LocalizedText hint_of(const std::string& given, const std::string& to_pull) {
  // A folder of the working folder is meant by its path or by its whole name.
  if (given.find('/') != std::string::npos) {
    if (const std::string folder = nearest_path(given, EntryKind::kFolder); !folder.empty()) {
      return tr("did you mean {}?", "может быть, {}?", folder);
    }
  }
  if (!to_pull.empty()) {
    return hub::hub_access().offline
               ? tr("HF_HUB_OFFLINE is set; without it: oko pull {}   ({})",
                    "задана HF_HUB_OFFLINE; без неё: oko pull {}   ({})", to_pull, size_of(to_pull))
               : format_text("oko pull {}   ({})", to_pull, size_of(to_pull));
  }
  std::vector<std::string> names = hub::short_names();
  names.emplace_back(hub::kDefaultEmbeddingModel);
  std::string meant = closest(given, names);
  if (meant.empty()) meant = nearest_path(given, EntryKind::kFolder);
  if (!meant.empty()) return tr("did you mean {}?", "может быть, {}?", meant);
  return tr("give the model's folder, or its name: ORG/NAME",
            "укажите папку модели или её имя: ORG/NAME");
}

bool wants_to_pull(const std::string& given, const std::string& to_pull, const StopToken& stop) {
  const auto bytes = hub::download_bytes_of(to_pull);
  return ask(bytes ? words("{} is not on this machine: {}. Pull now?",
                           "{} ещё не скачана: {}. Скачать сейчас?", given, format_bytes(*bytes))
                   : words("{} is not on this machine, and its size is unknown. Pull now?",
                           "{} ещё не скачана, размер неизвестен. Скачать сейчас?", given),
             EnterMeans::kYes, stop);
}

}  // namespace

fs::path find_or_pull_model(const std::string& name, const CommonOptions& options,
                            const StopToken& stop) {
  try {
    return hub::find_model(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kModelNotFound) throw;
    const std::string to_pull = name_to_pull(name);
    const bool is_path =
        name.find('/') != std::string::npos && !nearest_path(name, EntryKind::kFolder).empty();
    if (to_pull.empty() || is_path || options.quiet || !can_ask() || hub::hub_access().offline ||
        !wants_to_pull(name, to_pull, stop)) {
      throw Error(error.code(), error.message(), hint_of(name, to_pull));
    }
  }
  return pull_model({.name = name_to_pull(name)}, /*keep_source=*/false, options.quiet, stop)
      .folder;
}

}  // namespace oko::cli
