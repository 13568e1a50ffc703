#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rounded.h"
#include "base/temporary_file.h"
#include "cli/commands.h"
#include "cli/embedding_model.h"
#include "cli/find_model.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "engine/embedder.h"
#include "hub/model_path.h"
#include "index/beir_folder.h"
#include "index/search_mode.h"
#include "index/sqlite_database.h"
#include "index/sqlite_store.h"
#include "tasks/eval_search.h"
#include "tasks/library_model.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct EvalSearchArguments {
  CommonOptions common;
  std::string folder;
  std::string model = hub::kDefaultEmbeddingModel;
  std::string passages = "short";
  tasks::Prefixes prefixes;
  tasks::EvalSearchOptions run;
  std::size_t threads = 0;
  bool json = false;
};

/// A folder that is removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((temporary_folder() / "oko-eval-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw Error(ErrorCode::kFailed, tr("{}: cannot be made", "{}: не создаётся", path_));
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  fs::path path() const { return path_; }

 private:
  std::string path_;
};

ordered_json weights_json(const index::FusionWeights& weights) {
  return {{"dense", rounded(weights.dense, 3)},
          {"sparse", rounded(weights.sparse, 3)},
          {"words", rounded(weights.words, 3)},
          {"colbert", rounded(weights.colbert, 3)}};
}

void print_mode_json(const tasks::EvalMode& measured) {
  for (const tasks::EvalGroup& group : measured.groups) {
    ordered_json line{{"mode", mode_name(measured.mode)}, {"group", group.name}};
    line["queries"] = group.queries;
    line["ndcg_at_10"] = rounded(group.metrics.ndcg_at_10, 4);
    line["recall_at_10"] = rounded(group.metrics.recall_at_10, 4);
    line["recall_at_100"] = rounded(group.metrics.recall_at_100, 4);
    line["mrr_at_10"] = rounded(group.metrics.mrr_at_10, 4);
    if (measured.mode == index::SearchMode::kHybrid) {
      line["weights"] = weights_json(measured.weights);
    }
    print_json(line);
  }
}

/// nDCG@10 of each group by mode, and the other figures of all queries.
void print_tables(const std::vector<tasks::EvalMode>& modes) {
  constexpr const char* kRow = "{:<24}";
  std::string head = fmt::format(kRow, "nDCG@10");
  for (const tasks::EvalMode& mode : modes) head += fmt::format(" {:>8}", mode_name(mode.mode));
  print(head + "\n");
  for (std::size_t i = 0; i < modes.front().groups.size(); ++i) {
    const tasks::EvalGroup& group = modes.front().groups[i];
    std::string row = fmt::format(kRow, fmt::format("{} ({})", group.name, group.queries));
    for (const tasks::EvalMode& mode : modes) {
      row += fmt::format(" {:8.3f}", mode.groups[i].metrics.ndcg_at_10);
    }
    print(row + "\n");
  }
  print("\n");
  const auto row_of_all = [&](const char* name, double index::RankingMetrics::*figure) {
    std::string row = fmt::format(kRow, name);
    for (const tasks::EvalMode& mode : modes) {
      row += fmt::format(" {:8.3f}", mode.groups.front().metrics.*figure);
    }
    print(row + "\n");
  };
  row_of_all("Recall@10", &index::RankingMetrics::recall_at_10);
  row_of_all("Recall@100", &index::RankingMetrics::recall_at_100);
  row_of_all("MRR@10", &index::RankingMetrics::mrr_at_10);
  const index::FusionWeights& weights = modes.back().weights;
  print(fmt::format("\nhybrid = {:.2f} dense + {:.2f} sparse + {:.2f} words + {:.2f} colbert\n",
                    weights.dense, weights.sparse, weights.words, weights.colbert));
}

void eval_search(EvalSearchArguments arguments) {
  const Interrupt interrupt(Interrupt::kPatience);
  const StopToken stop = interrupt.token();
  if (arguments.passages == "long") arguments.run.weights = index::kLongPassages;
  const fs::path model = find_or_pull_model(arguments.model, arguments.common, stop);
  const auto host =
      make_host(arguments.common, arguments.threads, index::SqliteDatabase::kCacheBytes);
  const auto embedder = make_embedder(model, arguments.common, host, stop);
  const TemporaryFolder folder;
  const auto store = index::SqliteStore::open_or_create(
      folder.path() / "library.db",
      tasks::library_model_of(arguments.model, model, *embedder, arguments.prefixes, stop),
      [&](index::LibraryModel& own) { tasks::learn_language_direction(*embedder, own, stop); });
  ProgressBar progress(words("searching", "ищу"), arguments.common.quiet);
  const std::vector<tasks::EvalMode> measured = tasks::eval_search(
      index::BeirFolder(arguments.folder), *store, *embedder, arguments.run,
      [&](double done) { progress.update(done); },
      [&](const LocalizedText& note) {
        progress.clear();
        if (!arguments.common.quiet) say_note(note);
      },
      stop);
  progress.clear();
  if (!arguments.json) {
    print_tables(measured);
    return;
  }
  for (const tasks::EvalMode& mode : measured) print_mode_json(mode);
}

}  // namespace

void add_eval_search(Command& eval) {
  auto arguments = std::make_shared<EvalSearchArguments>();
  Command& command =
      eval.add_command("search", words("How well queries find the documents that answer them.",
                                       "Насколько хорошо запросы находят документы с ответами."));
  command.set_footer(words(
      "FOLDER has the layout of BEIR: corpus.jsonl, queries.jsonl, qrels/test.tsv.\n\n"
      "Example:\n  oko eval search tests/index/data/evaluation --model multilingual-e5-small",
      "ПАПКА устроена как в BEIR: corpus.jsonl, queries.jsonl, qrels/test.tsv.\n\n"
      "Пример:\n  oko eval search tests/index/data/evaluation --model multilingual-e5-small"));
  command
      .add_argument("FOLDER", &arguments->folder,
                    words("documents, queries and judgments", "документы, запросы и оценки"))
      .names(ValueKind::kFolder)
      .required();
  command
      .add_option(
          "-m,--model", &arguments->model,
          words("name or folder of the embedding model", "имя или папка модели для векторов"))
      .names(ValueKind::kModel)
      .show_default();
  command
      .add_option("--split", &arguments->run.split,
                  words("judgments qrels/NAME.tsv", "оценки qrels/ИМЯ.tsv"))
      .show_default();
  add_prefix_options(command, arguments->prefixes);
  command
      .add_option("--passages", &arguments->passages,
                  words("weights for passages of this length", "веса для отрывков такой длины"))
      .one_of({"short", "long"})
      .show_default();
  command.add_flag(
      "--tune", &arguments->run.tunes,
      words("look for the weights with the best nDCG@10", "искать веса с лучшим nDCG@10"));
  add_threads_option(command, arguments->threads);
  command.add_flag("-j,--json", &arguments->json,
                   words("one JSON object per mode and group of queries",
                         "по объекту JSON на режим и группу запросов"));
  add_common_options(command, arguments->common);
  command.on_run([arguments] { eval_search(*arguments); });
}

}  // namespace oko::cli
