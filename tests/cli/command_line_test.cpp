// Arguments of commands, messages for wrong usage, and the help.
#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/error.h"
#include "cli/help.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

using Texts = std::vector<std::string>;

/// Targets of the options and arguments of the test commands.
struct Values {
  Texts files;
  std::string format = "text";
  std::string output;
  std::optional<std::string> prefix;
  Texts languages;
  float sure = 0.5f;
  std::size_t threads = 4;
  std::uint64_t seed = 0;
  std::optional<int> bits;
  bool json = false, silent = false;
  std::string shape;
  std::filesystem::path folder;
  std::string command;  ///< that ran
};

void add_read(Command& program, Values& values) {
  Command& read = program.add_command("read", words("Reads.", "Читает."));
  read.add_argument("FILE", &values.files, words("files", "файлы")).required();
  read.add_option("--format", &values.format, words("what to print", "что печатать"))
      .one_of({"text", "json"})
      .show_default();
  read.add_option("-o,--output;--old", &values.output, words("a file", "файл"))
      .names(ValueKind::kFile);
  read.add_option("--prefix", &values.prefix, "");
  read.add_option("--languages", &values.languages, "")
      .comma_separated()
      .label(words("LANGS", "ЯЗЫКИ"));
  read.add_option("--sure", &values.sure, words("from 0 to 1", "от 0 до 1"))
      .range(0, 1)
      .show_default();
  read.add_option("--threads", &values.threads, words("threads", "потоки"))
      .range(1, 1024)
      .in(OptionGroup::kMemoryAndSpeed);
  read.add_option("--seed", &values.seed, "");
  read.add_option("--bits", &values.bits, "").one_of({"4", "8"});
  const Option json = read.add_flag("-j,--json", &values.json, words("one object", "объект"));
  read.add_flag("--silent", &values.silent, "silent").needs(json);
  read.hide("--silent");
  read.suggest("--pdf", "--format pdf");
  read.set_footer(words("Example:\n  oko read a", "Пример:\n  oko read a"));
  read.on_run([&] { values.command = "read"; });
}

void add_make(Command& program, Values& values) {
  Command& make = program.add_command("make", words("Makes.", "Делает."));
  Command& model = make.add_command("model", words("A model.", "Модель."));
  model.add_argument("SHAPE", &values.shape, "").required();
  model.add_option("--out", &values.folder, "").required();
  model.on_run([&] { values.command = "make model"; });
  make.add_command("key", words("A key.", "Ключ.")).on_run([&] { values.command = "make key"; });
}

class CommandLineTest : public ::testing::Test {
 protected:
  void SetUp() override { set_user_language(Language::kEnglish); }

  std::optional<std::string> parse(Texts arguments) {
    values_ = {};
    Command program("oko", words("A program.", "Программа."));
    program.add_version([] { return "oko 1.2"; });
    program.begin_group(words("Reading", "Чтение"));
    add_read(program, values_);
    program.suggest("print", "oko read");
    program.begin_group("");
    add_make(program, values_);
    std::vector<char*> pointers;
    for (std::string& each : arguments) pointers.push_back(each.data());
    auto text = program.parse(pointers);
    if (!text) program.run();
    return text;
  }

  Values values_of(const Texts& arguments) {
    EXPECT_EQ(parse(arguments), std::nullopt);
    return values_;
  }

  std::string refusal(const Texts& arguments, Language language) {
    try {
      const auto text = parse(arguments);
      return text ? "printed: " + *text : "ran: " + values_.command;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_FALSE(error.hint().empty());
      return error.message().in(language);
    }
  }

  void expect_refused(const Texts& arguments, const std::string& english,
                      const std::string& russian) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    EXPECT_EQ(refusal(arguments, Language::kEnglish), "wrong usage: " + english);
    EXPECT_EQ(refusal(arguments, Language::kRussian), "неверный вызов: " + russian);
  }

  Values values_;
};

TEST_F(CommandLineTest, RefusesUnknownOptionsCommandsAndArguments) {
  expect_refused({"read", "--foo", "a"}, "no option --foo", "нет ключа --foo");
  expect_refused({"read", "--foo"}, "no option --foo", "нет ключа --foo");
  expect_refused({"read", "--foo=1", "a"}, "no option --foo", "нет ключа --foo");
  expect_refused({"read", "-x", "a"}, "no option -x", "нет ключа -x");
  expect_refused({"read", "-house"}, "no option -house", "нет ключа -house");
  expect_refused({"--json"}, "no option --json", "нет ключа --json");
  expect_refused({"write"}, "no command write", "нет команды write");
  expect_refused({"make", "tea"}, "no command tea", "нет команды tea");
  expect_refused({"make", "model", "s", "t", "--out", "d"}, "unexpected argument t",
                 "лишний аргумент t");
  expect_refused({"make", "key", "--", "-x"}, "unexpected argument -x", "лишний аргумент -x");
}

TEST_F(CommandLineTest, RefusesMissingArguments) {
  expect_refused({"read", "--json"}, "FILE is missing", "не хватает аргумента ФАЙЛ");
  expect_refused({"make", "model", "s"}, "--out is missing", "не хватает --out");
  expect_refused({"read", "a", "--format"}, "--format needs a value", "у --format нет значения");
  expect_refused({"read", "a", "-o"}, "-o needs a value", "у -o нет значения");
  expect_refused({"read", "a", "--format="}, "--format needs a value", "у --format нет значения");
  expect_refused({"read", "a", "--output="}, "--output needs a value", "у --output нет значения");
  expect_refused({"read", "a", "--output", ""}, "--output needs a value",
                 "у --output нет значения");
  expect_refused({"read", "--seed=", "7"}, "--seed needs a value", "у --seed нет значения");
}

TEST_F(CommandLineTest, RefusesValuesThatAreNoNumber) {
  for (const char* text :
       {"nan", "NaN", "-nan", "inf", "infinity", "0x1", "1,5", "1e", "0.5x", "."})
    expect_refused({"read", "a", "--sure", text},
                   std::string("--sure: ") + text + " is not a number",
                   std::string("--sure: ") + text + " — не число");
  for (const char* text : {"nan", "1.5", "0x10", "1e3", "-", "7 "})
    expect_refused({"read", "a", "--seed", text},
                   std::string("--seed: ") + text + " is not an integer",
                   std::string("--seed: ") + text + " — не целое число");
}

TEST_F(CommandLineTest, RefusesNumbersOutOfRangeAndNamesIt) {
  for (const char* text : {"-0.1", "1.001", "1e99", "1e999", "-1e999"})
    expect_refused({"read", "a", "--sure", text},
                   std::string("--sure: ") + text + " is not in the range 0 to 1",
                   std::string("--sure: ") + text + " — не в пределах от 0 до 1");
  for (const char* text : {"0", "1025", "-5", "99999999999999999999"})
    expect_refused({"read", "a", "--threads", text},
                   std::string("--threads: ") + text + " is not in the range 1 to 1024",
                   std::string("--threads: ") + text + " — не в пределах от 1 до 1024");
  for (const char* text : {"-1", "18446744073709551616"})
    expect_refused(
        {"read", "a", "--seed", text},
        std::string("--seed: ") + text + " is not in the range 0 to 18446744073709551615",
        std::string("--seed: ") + text + " — не в пределах от 0 до 18446744073709551615");
}

TEST_F(CommandLineTest, RefusesValuesThatAreNotOneOfTheSet) {
  expect_refused({"read", "a", "--format", "xml"}, "--format: xml is not one of text, json",
                 "--format: xml — не из списка text, json");
  expect_refused({"read", "a", "--bits", "7"}, "--bits: 7 is not one of 4, 8",
                 "--bits: 7 — не из списка 4, 8");
  expect_refused({"read", "a", "--bits", "99999999999"}, "--bits: 99999999999 is not one of 4, 8",
                 "--bits: 99999999999 — не из списка 4, 8");
}

TEST_F(CommandLineTest, RefusesOptionsGivenTwiceAndValuesOfFlags) {
  expect_refused({"read", "a", "--format", "text", "--format", "json"},
                 "--format is given more than once", "ключ --format указан больше одного раза");
  expect_refused({"read", "a", "--json=x"}, "--json takes no value",
                 "--json не принимает значения");
}

TEST_F(CommandLineTest, RefusesAnOptionThatWouldBeIgnoredWithoutAnother) {
  expect_refused({"read", "a", "--silent"}, "--silent goes only with --json",
                 "--silent указывают только вместе с --json");
  EXPECT_TRUE(values_of({"read", "a", "--silent", "-j"}).silent);
}

TEST_F(CommandLineTest, ReadsValuesOfEveryKind) {
  const Values values =
      values_of({"read", "a", "--format", "json", "-oout", "b", "--sure=0.25", "--threads", "1024",
                 "--seed", "18446744073709551615", "--bits", "+8", "--json", "c"});
  EXPECT_EQ(values.command, "read");
  EXPECT_EQ(values.files, (Texts{"a", "b", "c"}));
  EXPECT_EQ(values.format, "json");
  EXPECT_EQ(values.output, "out");
  EXPECT_EQ(values.sure, 0.25f);
  EXPECT_EQ(values.threads, 1024u);
  EXPECT_EQ(values.seed, UINT64_MAX);
  EXPECT_EQ(values.bits, 8);
  EXPECT_TRUE(values.json);
  const Values made = values_of({"make", "model", "small", "--out", "folder"});
  EXPECT_EQ(made.command, "make model");
  EXPECT_EQ(made.shape, "small");
  EXPECT_EQ(made.folder, "folder");
}

TEST_F(CommandLineTest, OptionsThatAreNotGivenStayAsTheyAre) {
  const Values values = values_of({"read", "a"});
  EXPECT_EQ(values.format, "text");
  EXPECT_EQ(values.threads, 4u);
  EXPECT_EQ(values.bits, std::nullopt);
  EXPECT_EQ(values.prefix, std::nullopt);
  EXPECT_FALSE(values.json);
}

TEST_F(CommandLineTest, TakesTextsAsTheyAre) {
  const Texts odd{"[a,b]", "[[aa]]", "\1[", "%%",    "{}", "",
                  "a,b",   "make",   "-",   "\"a\"", "/x", "a b"};
  Texts arguments = odd;
  arguments.insert(arguments.begin(), "read");
  EXPECT_EQ(values_of(arguments).files, odd);
  EXPECT_EQ(values_of({"read", "--", "-x", "--json", "--format="}).files,
            (Texts{"-x", "--json", "--format="}));
  EXPECT_EQ(values_of({"read", "--output=[[aa]]", "a"}).output, "[[aa]]");
  EXPECT_EQ(values_of({"read", "--output", "a=b", "a"}).output, "a=b");
}

TEST_F(CommandLineTest, EmptyTextIsAValueOfAnOptionalOne) {
  for (const Texts& given : {Texts{"--prefix", ""}, Texts{"--prefix="}}) {
    Texts arguments{"read"};
    arguments.insert(arguments.end(), given.begin(), given.end());
    arguments.push_back("a");
    const Values values = values_of(arguments);
    EXPECT_EQ(values.prefix, "");
    EXPECT_EQ(values.files, Texts{"a"});
  }
}

TEST_F(CommandLineTest, ListsOfOptionsAreSeparatedByCommasAndTakeNoFiles) {
  const Values values = values_of({"read", "--languages", "ru,en", "a", "--languages=de", "b"});
  EXPECT_EQ(values.languages, (Texts{"ru", "en", "de"}));
  EXPECT_EQ(values.files, (Texts{"a", "b"}));
}

TEST_F(CommandLineTest, HelpIsInTheUsersLanguage) {
  EXPECT_EQ(parse({"read", "--help"}).value_or(""), R"(Reads.

Usage: oko read [OPTIONS] FILE...

Arguments:
  FILE...                 files

Options:
      --format text|json  what to print [default: text]
  -o, --output FILE       a file
      --prefix TEXT
      --languages LANGS
      --sure N            from 0 to 1 [default: 0.5]
      --seed N
      --bits 4|8
  -j, --json              one object

Memory and speed:
      --threads N         threads

General:
  -h, --help              print this help

Example:
  oko read a
)");
  set_user_language(Language::kRussian);
  EXPECT_EQ(parse({"read", "-h"}).value_or(""), R"(Читает.

Вызов: oko read [КЛЮЧИ] ФАЙЛ...

Аргументы:
  ФАЙЛ...                 файлы

Ключи:
      --format text|json  что печатать [по умолчанию: text]
  -o, --output ФАЙЛ       файл
      --prefix ТЕКСТ
      --languages ЯЗЫКИ
      --sure N            от 0 до 1 [по умолчанию: 0.5]
      --seed N
      --bits 4|8
  -j, --json              объект

Память и скорость:
      --threads N         потоки

Общие:
  -h, --help              показать эту справку

Пример:
  oko read a
)");
  EXPECT_EQ(parse({"--help"}).value_or(""), R"(Программа.

Вызов: oko [КЛЮЧИ] КОМАНДА

Чтение:
  read  Читает

Команды:
  make  Делает

Общие:
  -V, --version  показать версию
  -h, --help     показать эту справку
)");
}

TEST_F(CommandLineTest, HelpIsWrappedAtTheWidthInLetters) {
  CommandSyntax command{.path = "oko see", .description = "Sees."};
  command.options.push_back({.names = {"-l", "--long"},
                             .description = "первое второе третье четвёртое\nпятое",
                             .has_value = true,
                             .choices = {"one", "two"}});
  command.options.push_back({.names = {"--a-name-of-more-than-26-letters"}, .description = "six"});
  EXPECT_EQ(help_text(command, {.width = 50}), R"(Sees.

Usage: oko see [OPTIONS]

Options:
  -l, --long one|two  первое второе третье
                      четвёртое
                      пятое
      --a-name-of-more-than-26-letters
                      six
)");
  command.footer = "/image FILE   add a picture to the next question\n//TEXT   ask";
  EXPECT_EQ(help_text(command, {.width = 40}), R"(Sees.

Usage: oko see [OPTIONS]

Options:
  -l, --long one|two
        первое второе третье четвёртое
        пятое
      --a-name-of-more-than-26-letters
        six

/image FILE   add a picture to the next
              question
//TEXT   ask
)") << "a narrow terminal";
  EXPECT_EQ(help_text({.path = "oko see", .description = "Sees."}, {.bold = true}),
            "Sees.\n\n\033[1mUsage:\033[0m oko see [OPTIONS]\n");
}

TEST_F(CommandLineTest, ACommandWithoutItsPartPrintsTheHelp) {
  EXPECT_EQ(parse({}), parse({"--help"}));
  EXPECT_EQ(parse({"make"}), parse({"make", "--help"}));
}

TEST_F(CommandLineTest, NamesOfEarlierVersionsWorkAndAreNotShown) {
  EXPECT_EQ(values_of({"read", "a", "--old", "x"}).output, "x");
  EXPECT_EQ(values_of({"read", "a", "--old=x"}).output, "x");
  EXPECT_TRUE(values_of({"read", "a", "-j"}).json);
  EXPECT_EQ(parse({"read", "--help"}).value_or("").find("--old"), std::string::npos);
  EXPECT_EQ(parse({"read", "--help"}).value_or("").find("--silent"), std::string::npos);
}

TEST_F(CommandLineTest, TheCaseOfAChoiceDoesNotCount) {
  EXPECT_EQ(values_of({"read", "a", "--format", "JSON"}).format, "json");
}

TEST_F(CommandLineTest, HintsNameWhatWasMeantAndTheHelpOfTheCommand) {
  const auto hint = [&](const Texts& arguments) -> std::string {
    try {
      parse(arguments);
      return "none";
    } catch (const Error& error) {
      return error.hint().in(Language::kEnglish);
    }
  };
  EXPECT_EQ(hint({"raed", "a"}), "did you mean read? See oko --help");
  EXPECT_EQ(hint({"print", "a"}), "did you mean oko read? See oko --help") << "another word for it";
  EXPECT_EQ(hint({"read", "--fromat", "json", "a"}), "did you mean --format? See oko read --help");
  EXPECT_EQ(hint({"read", "--lang", "ru", "a"}), "did you mean --languages? See oko read --help");
  EXPECT_EQ(hint({"read", "--pdf", "a"}), "did you mean --format pdf? See oko read --help");
  EXPECT_EQ(hint({"make", "model", "s", "--nothing"}), "see oko make model --help");
  EXPECT_EQ(hint({"read", "a", "--sure", "2"}), "see oko read --help");
  EXPECT_EQ(hint({"read", "a", "--old", "x", "--wrong"}), "see oko read --help");
}

TEST_F(CommandLineTest, HelpIsACommandToo) {
  EXPECT_EQ(parse({"help"}), parse({"--help"}));
  EXPECT_EQ(parse({"help", "make", "model"}), parse({"make", "model", "--help"}));
  EXPECT_EQ(parse({"help", "--", "read"}), parse({"read", "--help"}));
  EXPECT_EQ(parse({"help", "help"}), parse({"--help"}));
  expect_refused({"help", "nosuch"}, "no command nosuch", "нет команды nosuch");
  expect_refused({"help", "make", "tea"}, "no command tea", "нет команды tea");
}

TEST_F(CommandLineTest, OptionalArgumentsStandInBrackets) {
  const std::string help = parse({"read", "--help"}).value_or("");
  EXPECT_NE(help.find("Usage: oko read [OPTIONS] FILE...\n"), std::string::npos) << help;
  Command program("oko", "A program.");
  program.add_command("talk", "Talks.").add_argument("IMAGE", &values_.files, "pictures");
  char talk[] = "talk", option[] = "--help";
  char* const arguments[] = {talk, option};
  const std::string optional = program.parse(arguments).value_or("");
  EXPECT_NE(optional.find("Usage: oko talk [OPTIONS] [IMAGE...]\n"), std::string::npos) << optional;
}

TEST_F(CommandLineTest, VersionIsPrinted) {
  const std::string text = parse({"--version"}).value_or("");
  EXPECT_EQ(text, "oko 1.2\n");
  EXPECT_EQ(parse({"-V"}), text);
  EXPECT_EQ(parse({"version"}), text);
  expect_refused({"version", "2"}, "no command 2", "нет команды 2");
}

}  // namespace
}  // namespace oko::cli
