#include "tasks/doctor.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/heap.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;
using tasks::Check;
using tasks::Health;

struct DoctorArguments {
  CommonOptions common;
  bool json = false;
};

/// Takes a person out of texts: the home folder becomes "~", and the user's name in other paths
/// "USER".
class Anonymizer {
 public:
  Anonymizer() {
    const char* home = std::getenv("HOME");
    const passwd* user = ::getpwuid(::getuid());
    if (user != nullptr) {
      add(user->pw_dir, "~");
      if (user->pw_name != nullptr && *user->pw_name != '\0') {
        replaced_.emplace_back(fmt::format("/{}/", user->pw_name), "/USER/");
      }
    }
    add(home, "~");
  }

  std::string operator()(std::string text) const {
    // Backwards: $HOME first, then the account's folder, then the name.
    for (auto each = replaced_.rbegin(); each != replaced_.rend(); ++each) {
      for (std::size_t at = text.find(each->first); at != text.npos;
           at = text.find(each->first, at + each->second.size())) {
        text.replace(at, each->first.size(), each->second);
      }
    }
    return text;
  }

 private:
  void add(const char* folder, const char* name) {
    const std::string path = folder == nullptr ? "" : folder;
    if (path.size() > 1) replaced_.emplace_back(path, name);
  }

  std::vector<std::pair<std::string, std::string>> replaced_;
};

std::string label_of(Health health) {
  switch (health) {
    case Health::kOk:
      return words("ok", "в порядке");
    case Health::kWarning:
      return words("warning", "внимание");
    case Health::kError:
      return words("error", "ошибка");
  }
  return {};
}

/// Prints checks as they end, or keeps them for one JSON object.
class Report {
 public:
  explicit Report(const DoctorArguments& options) : options_(options) {}

  void add(const Check& check) {
    ++counts_[static_cast<std::size_t>(check.health)];
    if (options_.json) {
      checks_.push_back(json_of(check));
    } else {
      print_check(check);
    }
  }

  /// Throws kFailed if a check has.
  void finish() const {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    if (options_.json) {
      const Health worst = counts_[2] > 0   ? Health::kError
                           : counts_[1] > 0 ? Health::kWarning
                                            : Health::kOk;
      print_json({{"version", OKO_VERSION},
                  {"status", name_of(worst)},
                  {"seconds", std::round(taken.count() * 1000) / 1000},
                  {"checks", checks_}});
    } else {
      print(words("\n{} ok, {} warnings, {} errors, {:.1f} s\n",
                  "\nв порядке: {}, замечаний: {}, ошибок: {}, {:.1f} с\n", counts_[0], counts_[1],
                  counts_[2], taken.count()));
    }
    if (counts_[2] == 0) return;
    throw Error(ErrorCode::kFailed,
                tr("{} of {} checks failed", "не пройдено проверок: {} из {}", counts_[2],
                   counts_[0] + counts_[1] + counts_[2]),
                tr("for a report: oko doctor --json, which has no personal data",
                   "для отчёта: oko doctor --json, личных данных в нём нет"));
  }

 private:
  std::string text(const LocalizedText& localized) const {
    return printable(anonymous_(shown(localized)));
  }

  ordered_json json_of(const Check& check) const {
    ordered_json object{
        {"name", check.name}, {"status", name_of(check.health)}, {"text", text(check.text)}};
    if (!check.hint.empty()) object["hint"] = text(check.hint);
    ordered_json figures = ordered_json::object();
    for (const auto& [key, figure] : check.figures) {
      std::visit([&, &key = key](const auto& value) { figures[key] = value; }, figure);
      if (figures[key].is_string()) figures[key] = anonymous_(figures[key].get<std::string>());
    }
    object["figures"] = figures;
    return object;
  }

  void print_check(const Check& check) const {
    // fmt counts letters, not bytes.
    print(fmt::format("{:<9}  {:<11}  {}\n", label_of(check.health), shown(check.title),
                      text(check.text)));
    if (check.hint.empty()) return;
    print(fmt::format("{:24}{}\n", "", words("hint: {}", "подсказка: {}", text(check.hint))));
  }

  const DoctorArguments& options_;
  const Anonymizer anonymous_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::array<int, 3> counts_{};  ///< by Health
  ordered_json checks_ = ordered_json::array();
};

void run(const DoctorArguments& options) {
  configure_heap();
  const Interrupt interrupt(Interrupt::kPatience);  // loading of an OCR engine checks for no stop
  Report report(options);
  const tasks::CheckSink sink = [&](const Check& check) { report.add(check); };
  tasks::check_machine({.version = OKO_VERSION,
                        .budget_bytes = budget_of(options.common),
                        .stop = interrupt.token()},
                       sink);
  report.finish();
}

}  // namespace

void add_doctor(Command& program) {
  auto options = std::make_shared<DoctorArguments>();
  Command& command =
      program.add_command("doctor", words("Checks this machine and that oko computes right on it.",
                                          "Проверяет эту машину и верно ли на ней считает oko."));
  command.set_footer(words("Example:\n  oko doctor", "Пример:\n  oko doctor"));
  command.add_flag("--json", &options->json,
                   words("one JSON object for a bug report, without personal data",
                         "объект JSON для отчёта об ошибке, без личных данных"));
  add_common_options(command, options->common);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
