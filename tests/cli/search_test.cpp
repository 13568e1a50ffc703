// `oko index`, `oko search` and `oko eval search`: their output, and their refusals.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "index/sqlite_database.h"
#include "index/sqlite_schema.h"
#include "index/sqlite_store.h"
#include "index/words_tokenizer.h"
#include "tests/support/library_commands.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/sanitizers.h"
#include "tests/support/text_pages.h"

namespace oko {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string kTinyModel = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl";

class SearchTest : public LibraryCommandsTest {};

TEST_F(SearchTest, FindsAPassageWithItsWordsMarked) {
  file("a.txt", "Квитанция об оплате воды за март.");
  file("b.txt", "A letter to the landlord.");
  ASSERT_EQ(index_folder().status, 0);
  const ProcessResult result = run({"search", "квитанции", "воды", "--mode", "text", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::vector<json> found = objects(result);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["file"], (folder_ / "files/a.txt").string());
  EXPECT_EQ(found[0]["rank"], 1);
  EXPECT_EQ(found[0]["kind"], "text");
  const std::string snippet = found[0]["snippet"];
  std::vector<std::string> marked;
  for (const json& mark : found[0]["marks"]) {
    marked.push_back(
        snippet.substr(mark[0], mark[1].get<std::size_t>() - mark[0].get<std::size_t>()));
  }
  EXPECT_EQ(marked, (std::vector<std::string>{"Квитанция", "воды"}));
}

TEST_F(SearchTest, ClusterThatDoesNotAnswerIsNamedWithoutThePassword) {
  const std::string place = "opensearch://me:secret@127.0.0.1:1/papers";
  const ProcessResult result = run({"search", "чай", "--mode", "text", "--library", place});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("http://127.0.0.1:1/papers: no connection"), std::string::npos)
      << result.err;
  EXPECT_EQ(result.err.find("secret"), std::string::npos) << result.err;
  EXPECT_EQ(run({"search", "чай", "--library", "opensearch://me:secret@host"}).status, 2);
}

TEST_F(SearchTest, AllMeasuresAreExplained) {
  file("a.txt", "Квитанция об оплате воды.");
  ASSERT_EQ(index_folder().status, 0);
  const std::vector<json> found = objects(run({"search", "оплата воды", "--explain", "--json"}));
  ASSERT_EQ(found.size(), 1u);
  double sum = 0;
  for (const char* score : {"dense", "sparse", "words", "colbert"}) {
    EXPECT_TRUE(found[0]["scores"].contains(score)) << score;
    sum += found[0]["parts"][score].get<double>();
  }
  EXPECT_GT(sum, 0);
  EXPECT_NEAR(sum, found[0]["score"].get<double>(), 2e-4);
  const json words =
      objects(run({"search", "вода", "--mode", "text", "--explain", "--json"})).at(0);
  EXPECT_EQ(words["parts"], (json{{"words", words["score"]}}));
  const ProcessResult shown = run({"search", "вода", "--mode", "text", "--explain"});
  EXPECT_NE(shown.out.find(" = words "), std::string::npos) << shown.out;
}

TEST_F(SearchTest, WrongValuesAreRefusedWithAnObject) {
  file("a.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  const auto refusal = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"search", "чай", "--mode", "text", "--json"});
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    const std::vector<json> lines = objects(result);
    return lines.size() == 1 && lines[0]["error"]["code"] == "usage"
               ? lines[0]["error"]["message"].get<std::string>()
               : result.out;
  };
  EXPECT_EQ(refusal({"--kind", ""}), "wrong usage: --kind needs a value");
  EXPECT_EQ(refusal({"--kind", "pdf,"}), "wrong usage: --kind needs a value");
  EXPECT_EQ(refusal({"--kind", "pdf,foo"}),
            "wrong usage: --kind: foo is not one of picture, pdf, text");
  EXPECT_EQ(refusal({"--from", "2025", "--to", "2024-12-31"}),
            "--from 2025 is later than --to 2024-12-31: no file is of such a date");
  EXPECT_EQ(refusal({"--top", "many"}), "wrong usage: --top: many is not an integer");
  EXPECT_EQ(run({"search", "чай", "--mode", "text", "--from", "2024", "--to", "2024"}).status, 0);
  const ProcessResult rule = index_folder({"--exclude", "", "--json"});
  EXPECT_EQ(rule.status, 2);
  EXPECT_EQ(objects(rule).at(0)["error"]["message"], "wrong usage: --exclude needs a value");
  const ProcessResult path = run({"index", "", "--prune", "--json"});
  EXPECT_EQ(path.status, 2);
  EXPECT_EQ(objects(path).at(0)["error"]["message"], "a PATH is empty");
}

TEST_F(SearchTest, PictureHasThePageAndTheBoxOfTheLine) {
  if (!OKO_HAS_TESSERACT) GTEST_SKIP() << "the picture of this test is read by Tesseract";
  fs::create_directories(folder_ / "files");
  fs::copy_file(OKO_SOURCE_DIR "/demo/pages/receipt.png", folder_ / "files/receipt.png");
  ASSERT_EQ(index_folder().status, 0);
  const std::vector<json> found =
      objects(run({"search", "кассовый чек", "--mode", "text", "--json"}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["origin"], "ocr");
  EXPECT_EQ(found[0]["kind"], "picture");
  ASSERT_EQ(found[0]["box"].size(), 4u);
  EXPECT_GT(found[0]["page_height"], 100);
  EXPECT_LT(found[0]["box"][1], 0.3 * found[0]["page_height"].get<double>());
}

TEST_F(SearchTest, RunsAreSummedUpAndListTheirFiles) {
  file("a.txt", "один");
  file("b.md", "# два");
  file("c.bin", std::string("\x7f"
                            "ELF\0",
                            5));
  file("d", "");
  file("e.bin", "");
  const std::vector<json> first = objects(index_folder({"--json"}));
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0]["outcome"], "added");
  EXPECT_EQ(first[2]["added"], 2);
  EXPECT_EQ(first[2]["skipped"], (json{{"unknown_kind", 1}, {"empty", 2}}));
  EXPECT_EQ(first[2]["library"]["documents"], 2);
  fs::remove(folder_ / "files/a.txt");
  const ProcessResult second = index_folder();
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_NE(second.out.find("- " + (folder_ / "files/a.txt").string()), std::string::npos);
  EXPECT_NE(second.out.find("1 removed, 1 unchanged"), std::string::npos) << second.out;
  EXPECT_NE(second.err.find("1 file was left out: oko reads no such files"), std::string::npos);
  EXPECT_NE(second.err.find("2 files were left out: empty"), std::string::npos) << second.err;
}

TEST_F(SearchTest, NamesWithLineBreaksTakeOneLine) {
  file("a\n- b\x1b[2J.txt", "чай");
  file("copy.txt", "чай");
  const ProcessResult result = index_folder();
  EXPECT_NE(result.out.find("+ " + (folder_ / "files/a - b [2J.txt").string() + "\n"),
            std::string::npos)
      << result.out;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 3) << result.out;
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
}

TEST_F(SearchTest, FileThatCannotBeReadIsNamedAndTheOthersAreIndexed) {
  file("good.txt", "хороший файл");
  file("broken.png", "\x89PNG\r\n\x1a\nbroken");
  file("empty.pdf", "");
  const ProcessResult result = index_folder();
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_NE(
      result.err.find("2 of 3 files could not be read: " + (folder_ / "files/broken.png").string() +
                      ", " + (folder_ / "files/empty.pdf").string()),
      std::string::npos)
      << result.err;
  const ProcessResult second = index_folder();
  EXPECT_EQ(second.status, 0);
  EXPECT_NE(second.err.find("2 files could not be read in an earlier run: --retry"),
            std::string::npos)
      << second.err;
  EXPECT_EQ(objects(run({"search", "хороший", "--mode", "text", "--json"})).size(), 1u);
}

TEST_F(SearchTest, PicturesAreDescribedAndHaveSidecars) {
  fs::create_directories(folder_ / "files");
  fs::copy_file(OKO_SOURCE_DIR "/demo/images/hearts.jpg", folder_ / "files/hearts.jpg");
  ASSERT_EQ(index_folder().status, 0);
  const ProcessResult second =
      index_folder({"--caption", "--caption-model", kTinyModel, "--sidecar", "--json"});
  EXPECT_EQ(second.status, 0) << second.err;
  const std::vector<json> lines = objects(second);
  ASSERT_EQ(lines.size(), 2u) << second.out;
  EXPECT_EQ(lines[0]["outcome"], "captioned");
  EXPECT_EQ(lines[1]["unchanged"], 1);
  EXPECT_EQ(lines[1]["captioned"], 1);
  EXPECT_EQ(lines[1]["sidecars"], 1);
  EXPECT_TRUE(fs::exists(folder_ / "files/hearts.jpg.xmp"));
  const auto store = index::SqliteStore::open(folder_ / "home/library.db");
  const std::vector<index::StoredChunk> chunks = store->chunks_of(1);
  ASSERT_FALSE(chunks.empty());
  EXPECT_EQ(chunks.back().chunk.origin, index::TextOrigin::kCaption);
  const std::vector<json> third = objects(index_folder({"--json"}));
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0]["skipped"]["sidecar"], 1);
  EXPECT_EQ(store->chunks_of(1).back().chunk.text, chunks.back().chunk.text);
  fs::rename(folder_ / "files/hearts.jpg", folder_ / "files/moved.jpg");
  const std::vector<json> moved = objects(index_folder({"--json"}));
  EXPECT_EQ(moved.back()["sidecars_moved"], 1);
  EXPECT_FALSE(fs::exists(folder_ / "files/hearts.jpg.xmp"));
  EXPECT_TRUE(fs::exists(folder_ / "files/moved.jpg.xmp"));
}

TEST_F(SearchTest, CaptionsThatDoNotFitAreRefusedBeforeTheWork) {
  file("a.txt", "чай");
  const ProcessResult result =
      index_folder({"--caption", "--caption-model", kTinyModel, "--budget", "20MB"});
  EXPECT_EQ(result.status, 3) << result.err;
  EXPECT_NE(result.err.find("--caption-model"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(folder_ / "home/library.db"));
}

/// Megabytes of "--budget 78MB" in a hint; 0: there is none.
int asked_megabytes(const ProcessResult& result) {
  const std::string option = "--budget ";
  const std::size_t at = result.err.rfind(option);
  return at == std::string::npos ? 0 : std::stoi(result.err.substr(at + option.size()));
}

TEST_F(SearchTest, TheBudgetThatARefusalNamesIsSufficient) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "слово" + std::to_string(i) + " ";
  file("long.txt", text);
  const auto with_budget = [&](std::vector<std::string> arguments, int megabytes) {
    arguments.insert(arguments.end(), {"--budget", std::to_string(megabytes) + "MB"});
    return run(arguments);
  };
  const std::string model = RandomModels::get("bge-m3-small-8bit", 21);
  const std::vector<std::string> index{"index", (folder_ / "files").string(), "--model", model};
  const ProcessResult refused = with_budget(index, 20);
  EXPECT_EQ(refused.status, 3) << refused.err;
  const int least = asked_megabytes(refused);
  const ProcessResult indexed = with_budget(index, least);
  EXPECT_EQ(indexed.status, 0) << indexed.err;

  write_text_pages(folder_ / "files/book.pdf", 1);
  const int for_pages = asked_megabytes(with_budget(index, least));
  EXPECT_GT(for_pages, least);
  EXPECT_EQ(asked_megabytes(with_budget(index, for_pages - 1)), for_pages);
  const ProcessResult read = with_budget(index, for_pages);
  EXPECT_EQ(read.status, 0) << read.err;

  // The nearest line of the page is looked for, too: no word of the query is in it.
  const std::vector<std::string> search{"search", "картина", "--in", "*.pdf", "--json"};
  const ProcessResult no_search = with_budget(search, 20);
  EXPECT_EQ(no_search.status, 3);
  EXPECT_EQ(no_search.err.find("--max-tokens"), std::string::npos) << no_search.err;
  const ProcessResult found = with_budget(search, asked_megabytes(no_search));
  EXPECT_EQ(found.status, 0) << found.err;
  EXPECT_EQ(found.out, run(search).out);
  const int of_model = asked_megabytes(with_budget({"embed", "картина", "--model", model}, 20));
  EXPECT_GE(asked_megabytes(no_search), of_model + 16) << "with the library's cache";
}

TEST_F(SearchTest, FiltersRestrictAndRefuseWhatIsNoDate) {
  file("a/x.txt", "чай зелёный");
  file("b/y.md", "чай чёрный");
  ASSERT_EQ(index_folder().status, 0);
  const auto count = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"search", "чай", "--mode", "text", "--json"});
    return objects(run(options)).size();
  };
  EXPECT_EQ(count({}), 2u);
  EXPECT_EQ(count({"--in", (folder_ / "files/a").string()}), 1u);
  EXPECT_EQ(count({"--in", "*.md"}), 1u);
  EXPECT_EQ(count({"--kind", "pdf"}), 0u);
  for (const char* date :
       {"2024-13", "2024-02-30", "yesterday", "24", "2024-1-1", "2024-01-01-01"}) {
    for (const char* option : {"--from", "--to"}) {
      const ProcessResult result = run({"search", "чай", "--mode", "text", option, date});
      EXPECT_EQ(result.status, 2) << date;
      EXPECT_NE(result.err.find(option + std::string(" \"") + date + "\" is not a date"),
                std::string::npos)
          << result.err;
    }
  }
}

TEST_F(SearchTest, DatesIncludeTheirFirstAndLastSecond) {
  using namespace std::chrono;
  char name = 'a';
  for (const sys_days day : {2021y / 1 / 1, 2021y / 6 / 1, 2021y / 6 / 15, 2021y / 6 / 16,
                             2021y / 7 / 1, 2022y / 1 / 1}) {
    for (const seconds before : {1s, 0s}) {
      const std::string file_name(1, name++);
      file(file_name + ".txt", "чай " + file_name);
      const timeval time{(sys_seconds(day) - before).time_since_epoch().count(), 0};
      const timeval times[] = {time, time};
      ASSERT_EQ(::utimes((folder_ / "files" / (file_name + ".txt")).c_str(), times), 0);
    }
  }
  ASSERT_EQ(index_folder().status, 0);
  const auto found = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"search", "чай", "--mode", "text", "--json", "--top", "100"});
    std::string names;
    for (const json& hit : objects(run(options))) {
      names += fs::path(hit["file"].get<std::string>()).stem();
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  EXPECT_EQ(found({"--from", "2021-06-15"}), "fghijkl");
  EXPECT_EQ(found({"--to", "2021-06-15"}), "abcdefg");
  EXPECT_EQ(found({"--from", "2021-06-15", "--to", "2021-06-15"}), "fg");
  EXPECT_EQ(found({"--from", "2021-06", "--to", "2021-06"}), "defghi");
  EXPECT_EQ(found({"--from", "2021", "--to", "2021"}), "bcdefghijk");
  EXPECT_EQ(found({"--from", "2021-07", "--to", "2021"}), "jk");
}

TEST_F(SearchTest, AFolderThatTheLibraryDoesNotHaveIsNamedWithThoseThatItHas) {
  for (int i = 0; i < 7; ++i) file("papers/" + std::to_string(i) + "/deep/a.txt", "чай");
  file("photos/b.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  const auto said = [&](const std::string& where) {
    return run({"search", "слон", "--mode", "text", "--in", where}).err;
  };
  const std::string elsewhere = said((folder_ / "elsewhere").string());
  EXPECT_NE(elsewhere.find("no file of " + (folder_ / "elsewhere").string()), std::string::npos)
      << elsewhere;
  EXPECT_NE(elsewhere.find("files of " + (folder_ / "files/papers").string() + ", " +
                           (folder_ / "files/photos").string() + "\n"),
            std::string::npos)
      << elsewhere;
  EXPECT_NE(said("*.pdf").find("no file of *.pdf"), std::string::npos);
  EXPECT_NE(said((folder_ / "files/photos").string()).find("nothing was found"), std::string::npos);
}

TEST_F(SearchTest, RefusesAnEmptyQueryAndAMissingLibrary) {
  EXPECT_EQ(run({"search", "чай", "--mode", "text"}).status, 4);
  file("a.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  EXPECT_EQ(run({"search", " ", "--mode", "text"}).status, 2);
  const std::string pipe = folder_ / "pipe.db";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const ProcessResult piped = run({"search", "чай", "--mode", "text", "--library", pipe});
  EXPECT_EQ(piped.status, 2);
  EXPECT_NE(piped.err.find("is a device or a pipe"), std::string::npos) << piped.err;
  const ProcessResult nothing = run({"search", "слон", "--mode", "text"}, "ru");
  EXPECT_EQ(nothing.status, 0);
  EXPECT_NE(nothing.err.find("ничего не найдено"), std::string::npos) << nothing.err;
}

TEST_F(SearchTest, TheNextRunTakesTheModelOfTheLibrary) {
  file("a.txt", "Чай");
  ASSERT_EQ(index_folder({"--passage-prefix", "text: "}).status, 0);
  file("b.txt", "Coffee");
  const ProcessResult next = run({"index", (folder_ / "files").string(), "--json"});
  ASSERT_EQ(next.status, 0) << next.err;
  EXPECT_EQ(objects(next).back()["added"], 1);
}

TEST_F(SearchTest, LibraryOfAModelInAFolderIsSearchedFromAnother) {
  file("a.txt", "чай");
  const fs::path model = RandomModels::get("bge-m3-small-8bit", 21);
  const std::string relative = fs::relative(model);
  ASSERT_EQ(run({"index", (folder_ / "files").string(), "--model", relative}).status, 0);
  const fs::path here = fs::current_path();
  fs::current_path(folder_);
  const ProcessResult found = run({"search", "чай", "--json"});
  fs::current_path(here);
  EXPECT_EQ(found.status, 0) << found.err;
  EXPECT_EQ(objects(found).size(), 1u);
}

TEST_F(SearchTest, AnotherModelIsRefused) {
  file("a.txt", "чай");
  ASSERT_EQ(index_folder().status, 0);
  const ProcessResult result =
      run({"search", "чай", "--model", RandomModels::get("bge-m3-small-8bit", 22)});
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_NE(result.err.find("cannot be compared"), std::string::npos) << result.err;
}

TEST_F(SearchTest, PrefixesOfTheLibraryArePutBeforePassagesAndQueries) {
  file("a.txt", "зелёный чай");
  const std::vector<std::string> prefixes{"--passage-prefix", "хороший ", "--query-prefix",
                                          "хороший зелёный "};
  ASSERT_EQ(index_folder(prefixes).status, 0);
  const std::vector<json> found =
      objects(run({"search", "чай", "--mode", "dense", "--explain", "--json"}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_GT(found[0]["scores"]["dense"], 0.999) << "both are read as: хороший зелёный чай";
  const ProcessResult other = index_folder({"--query-prefix", "вопрос: "});
  EXPECT_EQ(other.status, 2);
  EXPECT_NE(other.err.find("--query-prefix \"хороший зелёный \""), std::string::npos) << other.err;
  EXPECT_EQ(index_folder(prefixes).status, 0);
  EXPECT_EQ(index_folder().status, 0) << "the library keeps its own";
}

TEST_F(SearchTest, ModelsNamedE5HaveThePrefixesOfE5) {
  file("a.txt", "чай");
  const auto prefixes_of = [&](const std::string& name) {
    fs::create_directory_symlink(RandomModels::get("bge-m3-small-8bit", 21), folder_ / name);
    const std::string library = (folder_ / (name + ".db")).string();
    EXPECT_EQ(run({"index", (folder_ / "files").string(), "--library", library, "--model",
                   (folder_ / name).string()})
                  .status,
              0);
    const index::LibraryModel model = index::SqliteStore::open(library)->model();
    EXPECT_TRUE(model.language_direction.empty()) << "random weights know no language";
    return model.query_prefix + "|" + model.passage_prefix;
  };
  EXPECT_EQ(prefixes_of("multilingual-e5-small-8bit"), "query: |passage: ");
  EXPECT_EQ(prefixes_of("E5-base-v2"), "query: |passage: ");
  EXPECT_EQ(prefixes_of("multilingual-e5-large-instruct"), "|");
  EXPECT_EQ(prefixes_of("me5-small"), "|");
}

/// A word that no other file has, and that is not near another one's.
std::string word_of(int file) {
  std::string word = "слово";
  for (int digit = 0; digit < 3; ++digit, file /= 10) {
    constexpr std::string_view kSyllables[] = {"ба", "ве", "ги", "до", "жу",
                                               "зы", "кэ", "ло", "мя", "ню"};
    word += kSyllables[file % 10];
  }
  return word;
}

TEST_F(SearchTest, KilledRunsLoseNothingThatTheyReported) {
  // A run commits every 512 passages, and each of these files has 15 or more.
  constexpr int kFiles = 50, kKills = repetitions(8, 4);
  std::string text;
  for (int i = 0; i < 300; ++i) text += " Строка номер " + std::to_string(i) + ".";
  for (int i = 0; i < kFiles; ++i) file(std::to_string(i) + ".txt", word_of(i) + text);
  const fs::path library = folder_ / "home/library.db";
  std::mt19937 random(5);
  std::set<std::string> reported;
  int killed = 0;
  bool any_reported = false;
  for (int i = 0; i < kKills; ++i) {
    if (i % 4 == 0) {  // from the start, so that there is work to kill
      fs::remove_all(folder_ / "home");
      reported.clear();
    }
    Process process({OKO_PROGRAM, "index", (folder_ / "files").string(), "--model",
                     RandomModels::get("bge-m3-small-8bit", 21), "--json"},
                    {"OKO_HOME=" + (folder_ / "home").string()});
    // Half of them after the first commit, which prints.
    if (i % 2 == 1) {
      EXPECT_TRUE(process.wait_for_output(60));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    process.signal(SIGKILL);
    const ProcessResult result = process.wait();
    killed += result.status == -SIGKILL;
    for (const json& line : objects(result)) {
      if (line.value("outcome", "") == "added") reported.insert(line["file"]);
    }
    any_reported |= !reported.empty();
    if (!fs::exists(library)) continue;
    index::SqliteDatabase database(library, index::SqliteDatabase::Access::kWrite);
    if (index::is_empty(database)) continue;
    index::register_words_tokenizer(database);  // SQLite 3.44 checks the index of words, too
    index::SqliteStatement check(database, "PRAGMA integrity_check");
    ASSERT_TRUE(check.step());
    ASSERT_EQ(check.text(0), "ok");
    std::set<std::string> known;
    index::SqliteStatement select(database, "SELECT path FROM documents");
    while (select.step()) EXPECT_TRUE(known.emplace(select.blob(0)).second);
    for (const std::string& path : reported) EXPECT_TRUE(known.contains(path)) << path;
  }
  EXPECT_GT(killed, 0);
  EXPECT_TRUE(any_reported);
  ASSERT_EQ(index_folder().status, 0);
  const auto store = index::SqliteStore::open(library);
  EXPECT_EQ(store->counts().documents, std::uint64_t{kFiles});
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(store->find_words(word_of(i), 10, {}).size(), 1u) << word_of(i);
  }
}

TEST_F(SearchTest, EvaluationGivesEachModeByGroup) {
  const fs::path set = folder_ / "set";
  fs::create_directories(set / "qrels");
  write_file_atomically(
      set / "corpus.jsonl",
      std::string_view("{\"_id\":\"1\",\"title\":\"\",\"text\":\"зелёный чай\","
                       "\"metadata\":{\"size\":\"short\"}}\n"
                       "{\"_id\":\"2\",\"title\":\"\",\"text\":\"black tea\"}\n"));
  write_file_atomically(
      set / "queries.jsonl",
      std::string_view("{\"_id\":\"a\",\"text\":\"чая\",\"metadata\":{\"language\":\"ru\"}}\n"
                       "{\"_id\":\"b\",\"text\":\"tea\",\"metadata\":{\"language\":\"en\"}}\n"));
  write_file_atomically(set / "qrels/test.tsv",
                        std::string_view("query-id\tcorpus-id\tscore\na\t1\t2\nb\t2\t1\n"));
  const ProcessResult result = run({"eval", "search", set.string(), "--model",
                                    RandomModels::get("bge-m3-small-8bit", 21), "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  std::size_t modes = 0, of_size = 0;
  for (const json& line : objects(result)) {
    if (line["group"] == "answer short") {
      EXPECT_EQ(line["queries"], 1);
      ++of_size;
    }
    if (line["group"] != "all") continue;
    ++modes;
    EXPECT_EQ(line["queries"], 2);
    if (line["mode"] == "text") {
      EXPECT_EQ(line["ndcg_at_10"], 1.0);
    }
  }
  EXPECT_EQ(modes, 5u);
  EXPECT_EQ(of_size, 5u);
  const auto notes_of = [&](std::string_view judgments) {
    write_file_atomically(set / "qrels/test.tsv", judgments);
    return run({"eval", "search", set.string(), "--model",
                RandomModels::get("bge-m3-small-8bit", 21), "--json"})
        .err;
  };
  EXPECT_EQ(
      notes_of("q\td\ts\na\t1\t1\na\t7\t1\na\t8\t1\na\t9\t0\nb\t1\t0\nc\t2\t1\n"),
      "oko: qrels/test.tsv: 1 query of it not in queries.jsonl: c\n"
      "oko: qrels/test.tsv: 1 query without a relevant document, whose figures are 0: b\n"
      "oko: qrels/test.tsv: 3 documents of it not in corpus.jsonl, so never found: 7, 8, 9\n");
  EXPECT_EQ(notes_of("q\td\ts\na\t1\t1\n"),
            "oko: qrels/test.tsv: 1 query without a judgment left out\n");
  EXPECT_NE(notes_of("q\td\ts\na\t7\t1\n").find("no document of it is in corpus.jsonl: 7"),
            std::string::npos);
  EXPECT_NE(notes_of("q\td\ts\na\t1\t1\na\t1\t2\n").find("1 is judged twice for a"),
            std::string::npos);
}

}  // namespace
}  // namespace oko
