#include "tasks/doctor.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/data_folder.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/text_escape.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/terminal.h"
#include "cli/user_language.h"
#include "tasks/self_test.h"

namespace oko::cli {
namespace {

using nlohmann::ordered_json;
using tasks::Check;
using tasks::Health;

struct DoctorArguments {
  CommonOptions common;
  std::size_t threads = 0;
  bool json = false;
  bool models = false;
};

/// Takes a person out of texts: the home folder becomes "~", and the user's name in other paths
/// "USER".
class Anonymizer {
 public:
  Anonymizer() {
    const char* home = std::getenv("HOME");
    const passwd* user = ::getpwuid(::getuid());
    add(home, kHome);
    if (user == nullptr) return;
    add(user->pw_dir, kHome);
    add(("/" + std::string(user->pw_name)).c_str(), "/USER");
  }

  std::string operator()(std::string text) const {
    for (const auto& [path, name] : replaced_) {
      for (std::size_t at = text.find(path); at != text.npos; at = text.find(path, at + 1)) {
        const std::size_t end = at + path.size();
        // "/home/al" is not the home in "/home/alice", nor in "/backup/home/al".
        const bool goes_on = end < text.size() && is_of_name(text[end]);
        const bool is_inside = name == kHome && at > 0 && is_of_name(text[at - 1]);
        if (!goes_on && !is_inside) text.replace(at, path.size(), name);
      }
    }
    return text;
  }

 private:
  static constexpr const char* kHome = "~";

  /// True for characters of names of folders.
  static bool is_of_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  }

  void add(const char* folder, const char* name) {
    const std::string path = folder == nullptr ? "" : folder;
    if (path.size() > 1) replaced_.emplace_back(path, name);
  }

  std::vector<std::pair<std::string, std::string>> replaced_;  ///< in this order
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

/// Lines of words within `width` letters, all but the first one behind the columns of a check.
std::string wrapped(const std::string& text, std::size_t width) {
  constexpr std::size_t kIndent = 24;
  std::string lines;
  std::size_t column = kIndent;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const auto letters = static_cast<std::size_t>(
        std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    if (column > kIndent && column + 1 + letters > width) {
      lines += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += letters;
    at = end + 1;
  }
  return lines + "\n";
}

/// Prints checks as they end, or keeps them for one JSON object.
class Report {
 public:
  explicit Report(const DoctorArguments& options) : options_(options) {}

  void add(const Check& check) {
    ++counts_[static_cast<std::size_t>(check.health)];
    if (options_.json) {
      checks_.push_back(json_of(check));
    } else if (!options_.common.quiet || check.health != Health::kOk) {
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
    } else if (!options_.common.quiet) {
      print(words("\nok {}, warnings {}, errors {}, {:.1f} s\n",
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
    const std::string label = fmt::format("{:<9}", label_of(check.health));
    print(fmt::format("{}  {:<11}  {}", coloured(label, check.health), shown(check.title),
                      wrapped(text(check.text), layout_.width)));
    if (check.hint.empty()) return;
    const std::string hint = words("hint: {}", "подсказка: {}", text(check.hint));
    print(fmt::format("{:24}{}", "", wrapped(hint, layout_.width)));
  }

  /// Green, yellow, red (SGR, ECMA-48).
  std::string coloured(const std::string& label, Health health) const {
    constexpr std::array kColours{32, 33, 31};
    if (!layout_.bold) return label;
    return fmt::format("\x1b[{}m{}\x1b[0m", kColours[static_cast<std::size_t>(health)], label);
  }

  const DoctorArguments& options_;
  const HelpLayout layout_ = help_layout();
  const Anonymizer anonymous_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::array<int, 3> counts_{};  ///< by Health
  ordered_json checks_ = ordered_json::array();
};

void run(const DoctorArguments& options) {
  configure_heap();
  const Interrupt interrupt(Interrupt::kPatience);  // loading of an OCR engine checks for no stop
  Report report(options);
  const std::optional<Error> device_error = tasks::select_device_for_checks();
  const tasks::CheckSink sink = [&](const Check& check) { report.add(check); };
  tasks::check_machine({.version = OKO_VERSION,
                        .budget_bytes = budget_of(options.common),
                        .device_error = device_error,
                        .stop = interrupt.token()},
                       sink);
  tasks::run_self_test({.data = data_folder(),
                        .budget_bytes = budget_of(options.common),
                        .threads = options.threads,
                        .make_host = [&] { return make_host(options.common, options.threads); },
                        .real_model = options.models,
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
  command.add_flag("--models", &options->models,
                   words("also ask the default model, if it is here",
                         "спросить и модель по умолчанию, если она есть"));
  add_threads_option(command, options->threads);
  command.add_flag("-j,--json", &options->json,
                   words("one JSON object for a bug report, without personal data",
                         "объект JSON для отчёта об ошибке, без личных данных"));
  add_common_options(command, options->common);
  command.on_run([options] { run(*options); });
}

}  // namespace oko::cli
