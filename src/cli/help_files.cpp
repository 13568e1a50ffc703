#include "cli/help_files.h"

#include "base/file.h"
#include "cli/completions.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file_atomically(path, text);
}

}  // namespace

void write_help_files(const CommandSyntax& program, const std::vector<std::string>& models,
                      const ManPageInfo& info, const fs::path& share) {
  const bool is_english = user_language() == Language::kEnglish;
  const fs::path pages = share / "man" / (is_english ? "man1" : "ru/man1");
  write(pages / "oko.1", man_page(program, program, info));
  for (const CommandSyntax& each : program.commands) {
    write(pages / (man_page_name(each) + ".1"), man_page(program, each, info));
  }
  if (!is_english) return;
  write(share / "bash-completion/completions/oko", bash_completion(program, models));
  write(share / "zsh/site-functions/_oko", zsh_completion(program, models));
  write(share / "fish/vendor_completions.d/oko.fish", fish_completion(program, models));
}

}  // namespace oko::cli
