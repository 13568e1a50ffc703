// Hostile or damaged pickles are refused, by the machine itself or by its user.
#include "checkpoint/pickle.h"

#include <chrono>
#include <span>

#include "base/file.h"
#include "base/localized_text.h"
#include "checkpoint/torch_checkpoint.h"
#include "tests/checkpoint/torch_files.h"
#include "tests/support/sanitizers.h"
#include "tests/support/weight_files.h"

namespace oko::checkpoint {
namespace {

using namespace torch_files;
using namespace std::string_literals;

class PickleTest : public ::testing::Test {
 protected:
};

Pickle read(const std::string& bytes) {
  static constexpr std::string_view kGlobals[] = {"known function"};
  return parse_pickle(std::as_bytes(std::span(bytes)), kGlobals, "m.bin");
}

void expect_pickle_refused(const std::string& bytes, std::vector<std::string> parts) {
  parts.push_back("m.bin: data.pkl");
  expect_bad_model([&] { read(bytes); }, parts);
}

TensorTable parse_file(const std::string& file) {
  return parse_torch_checkpoint(std::as_bytes(std::span(file)), "m.bin");
}

std::string repeated(const std::string& piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

/// Parses: the result must be a table whose tensors lie in the file, or kBadModel.
void expect_safe(const std::string& file) {
  // An exact copy, so that AddressSanitizer sees a read past its end.
  const std::vector<char> copy(file.begin(), file.end());
  try {
    for (const auto& [name, info] :
         parse_torch_checkpoint(std::as_bytes(std::span(copy)), "m.bin")) {
      ASSERT_GT(info.size, 0u);
      ASSERT_LE(info.offset, file.size());
      ASSERT_LE(info.size, file.size() - info.offset);
    }
  } catch (const Error& error) {
    ASSERT_EQ(error.code(), ErrorCode::kBadModel);
  }
}

TEST_F(PickleTest, ValuesAreRead) {
  std::string bytes = "\x80\x04";
  bytes += "\x95" + little(3, 8);
  bytes += "(N\x88\x89G" + std::string(8, 'x');
  bytes += "K\xFFM\xFF\xFFJ\xFF\xFF\xFF\xFF";
  bytes += "\x8a\x00\x8a\x01\x80\x8a\x02\x80\x00"s;
  bytes += "\x8a\x08" + little(std::uint64_t{1} << 63, 8);
  bytes += "\x8a\x09" + std::string(9, 'x');
  for (const char* opcode : {"U\x01", "\x8c\x01"}) bytes += opcode + "a"s;
  for (const char* opcode : {"T", "X"}) bytes += opcode + little(1, 4) + "b";
  bytes += "t.";
  const Pickle pickle = read(bytes);
  std::vector<std::int64_t> numbers;
  std::string texts;
  int others = 0;
  for (const std::uint32_t item : pickle.items(pickle.root())) {
    const PickleValue& value = pickle.at(item);
    if (value.kind == PickleKind::kInteger) numbers.push_back(value.number);
    if (value.kind == PickleKind::kText) texts += value.text;
    if (value.kind == PickleKind::kOther) ++others;
  }
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{255, 65535, -1, 0, -128, 128, INT64_MIN}));
  EXPECT_EQ(texts, "aabb");
  EXPECT_EQ(others, 5);
}

TEST_F(PickleTest, SharedValuesAreTheSameValue) {
  const std::string recalls = "\x94h\0j\0\0\0\0q\0h\0"s;
  const std::string bytes = "\x80\x04](" + text("a") + recalls + "e.";
  const Pickle pickle = read(bytes);
  const auto items = pickle.items(pickle.root());
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(std::count(items.begin(), items.end(), items[0]), 4);
}

TEST_F(PickleTest, RecordsCallsWithoutExecutingThem) {
  const Pickle pickle = read("\x80\x02" + global("known", "function") + integer(7) + "\x85R.");
  EXPECT_EQ(pickle.root().kind, PickleKind::kCall);
  EXPECT_EQ(pickle.root().text, "known function");
  EXPECT_EQ(pickle.at(pickle.items(pickle.root())[0]).number, 7);
}

TEST_F(PickleTest, GlobalsOutsideTheListAreRefusedByName) {
  for (const auto& [module, name] :
       {std::pair{"os", "system"}, std::pair{"posix", "system"}, std::pair{"builtins", "eval"},
        std::pair{"subprocess", "Popen"}, std::pair{"known", "function2"},
        std::pair{"torch", "load"}, std::pair{"collections", "OrderedDict.__init__"}}) {
    const std::string shown_name = fmt::format("asks for {}.{}", module, name);
    const std::string harm = tuple({text("touch /tmp/harm")}) + "R";
    expect_pickle_refused(pickle(global(module, name) + harm), {shown_name});
    expect_pickle_refused(pickle(text(module) + text(name) + "\x93" + harm), {shown_name});
    // Also if nothing calls it, or deep in a skipped value.
    expect_pickle_refused(pickle(dict({{"a", tuple({global(module, name)})}})), {shown_name});
  }
  expect_pickle_refused(pickle("c" + std::string(300, 'm') + "\nname\n"), {"line"});
  expect_pickle_refused(
      "\x80\x02"
      "cos",
      {"line"});
  expect_pickle_refused(pickle(integer(1) + text("system") + "\x93"), {"without a name"});
}

TEST_F(PickleTest, OpcodesOutsideTheListAreRefusedByName) {
  expect_pickle_refused(pickle("(i"
                               "os\nsystem\n"),
                        {"INST"});
  expect_pickle_refused(pickle("2"), {"DUP"});
  expect_pickle_refused(pickle("\x81"), {"NEWOBJ (0x81)"});
  expect_pickle_refused(pickle("\x82\x01"), {"EXT1"});
  expect_pickle_refused(pickle("P0\n"), {"PERSID"});
  expect_pickle_refused(pickle("I1\n"), {"INT"});
  expect_pickle_refused(pickle("\x8d"), {"BINUNICODE8"});
  expect_pickle_refused(pickle("\xFF"), {"0xff"});
  expect_pickle_refused(pickle(std::string(1, '\0')), {"0x00"});
  std::string known = "(.JKMNQRTUXabcehj]qrst)u}G\x80\x85\x86\x87\x88\x89\x8a\x8c\x93\x94\x95";
  for (int opcode = 0; opcode < 256; ++opcode) {
    if (known.find(static_cast<char>(opcode)) != std::string::npos) continue;
    expect_pickle_refused(pickle(std::string(1, static_cast<char>(opcode))), {"opcode"});
  }
  expect_pickle_refused("\x80\x01}.", {"protocol 1"});
  expect_pickle_refused("\x80\x06}.", {"protocol 6"});
}

TEST_F(PickleTest, RefusesCallsOfNonFunctions) {
  expect_pickle_refused(pickle("N)R"), {"not a function"});
  expect_pickle_refused(pickle(global("known", "function") + "NR"), {"not a function"});
  expect_pickle_refused(pickle(global("collections", "OrderedDict") + integer(1) + "\x85R"),
                        {"OrderedDict"});
  expect_pickle_refused(pickle("NQ"), {"storage"});
  expect_pickle_refused(pickle(")Nb"), {"state"});
  expect_pickle_refused(pickle("]Nb"), {"state"});
}

TEST_F(PickleTest, MissingValuesAreRefused) {
  for (const char* body :
       {"",     "R",     "NR",  "Q",      "\x85",    "N\x86", "NN\x87", "a",     "]a",     "s",
        "}s",   "}Ns",   "b",   "}b",     "(b",      "\x93",  "N\x93",  "q\x01", "(q\x01", "N(a",
        "]N(a", "}NN(s", "N(R", "N(\x85", "NN(\x86", "(",     "N(",     "(("}) {
    SCOPED_TRACE(body);
    expect_pickle_refused(pickle(body), {"not there"});
  }
  for (const char* body : {"t", "Nt", "e", "]e", "u", "}u"}) {
    SCOPED_TRACE(body);
    expect_pickle_refused(pickle(body), {"mark that is not there"});
  }
  for (const char* body : {"N(e", ")(e", "}(e", "](u", "}(Nu", "NNa", "NNNs", "]NNs"}) {
    SCOPED_TRACE(body);
    expect_pickle_refused(pickle(body), {"cannot hold"});
  }
  expect_pickle_refused(pickle("NN"), {"left over"});
  expect_pickle_refused(pickle("(N"), {"left over"});
}

TEST_F(PickleTest, RefusesMemoOfAMissingValue) {
  expect_pickle_refused(pickle("h"s + '\0'), {"number 0 of 0"});
  expect_pickle_refused(pickle("Nq"s + '\0' + "h\x01"), {"number 1 of 1"});
  expect_pickle_refused(pickle("j\xFF\xFF\xFF\xFF"), {"number 4294967295"});
  expect_pickle_refused(pickle("Nr\xFF\xFF\xFF\xFF"), {"number 4294967295 after 0"});
  expect_pickle_refused(pickle("Nq\x01"), {"number 1 after 0"});
}

TEST_F(PickleTest, LengthsBeyondThePickleAreRefused) {
  expect_pickle_refused(pickle("X\xFF\xFF\xFF\xFF"), {"4294967295 bytes"});
  expect_pickle_refused(pickle("X\x10\x27\0\0"s), {"10000 bytes wanted"});
  expect_pickle_refused(pickle("T\xFF\xFF\xFF\x7F"), {"2147483647 bytes"});
  expect_pickle_refused(pickle("U\xFF"), {"255 bytes wanted"});
  expect_pickle_refused(pickle("\x8a\xFF"), {"255 bytes wanted"});
  for (const std::uint64_t size : {std::uint64_t{100}, (std::uint64_t{1} << 63) - 1,
                                   std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    expect_pickle_refused(pickle(std::string("\x95").append(little(size, 8))), {"frame"});
  }
  expect_pickle_refused("", {"ends in the middle"});
  expect_pickle_refused("\x80", {"ends in the middle"});
  expect_pickle_refused("\x80\x02", {"ends in the middle"});
}

TEST_F(PickleTest, NestingIsLimited) {
  expect_pickle_refused(pickle(repeated("(", 1'000'000)), {"deeply"});
  expect_pickle_refused(pickle(")" + repeated("\x85", 1'000'000)), {"deeply"});
  expect_pickle_refused(pickle(repeated("(", 900) + "N" + repeated("t", 900)), {"deeply"});
  expect_pickle_refused(pickle(repeated("]", 900) + repeated("a", 899)), {"deeply"});
  // A list that contains itself many times.
  expect_pickle_refused(pickle("]q"s + '\0' + repeated("h"s + '\0' + "a", 100)), {"deeply"});
  read(pickle(repeated("(", 60) + "N" + repeated("t", 60)));
}

TEST_F(PickleTest, SharingDoesNotMultiply) {
  // Each tuple holds the one before it twice: 2^60 values, if they were copied.
  std::string doubled = "N";
  for (char i = 0; i < 60; ++i) doubled += "q"s + i + "h"s + i + "\x86";
  EXPECT_EQ(read(pickle(doubled)).size(), 61u);

  // A dictionary of 100,000 items under 100,000 names.
  std::string held = "}q"s + '\0' + "(";
  for (int i = 0; i < 100'000; ++i) held += "K\x01K\x02";
  held += "u";
  std::string file = "}(" + text("x") + held;
  for (int i = 0; i < 100'000; ++i) file += text(std::to_string(i)) + "h"s + '\0';
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(parse_file(checkpoint(pickle(file + "u"))).empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(PickleTest, ValuesAreLimited) {
  expect_pickle_refused(pickle(repeated("N", (1 << 20) + 1)), {"1048576 values on the stack"});
  expect_pickle_refused(pickle("]" + repeated("Na", (1 << 22) + 1)), {"more than 4194304 values"});
  expect_pickle_refused(pickle(text(std::string(1'000'001, 'x'))), {"1000001 bytes", "1000000"});
}

TEST_F(PickleTest, LargePicklesAreRefusedUnread) {
  const std::string file = checkpoint(repeated("N", 64'000'001));
  expect_bad_model([&] { parse_file(file); }, {"data.pkl takes 64000001 bytes"});
}

std::string real_file() {
  return read_file(std::filesystem::path(OKO_TEST_DATA) / "torch" / "parameter.pt", 100'000,
                   ErrorCode::kFailed);
}

std::string small_file() {
  return zip_file(
      {{"m/data.pkl", pickle(dict({{"t", pickled({})}, {"p", parameter(pickled({}))}}))},
       {"m/data/0", std::string(48, 'a'), 0, 0, true}},
      {.zip64 = true});
}

TEST_F(PickleTest, FilesCutAnywhereAreSafe) {
  for (const std::string& whole : {real_file(), small_file()}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string cut = whole.substr(0, size);
      expect_bad_model([&] { parse_file(cut); }, {});
    }
  }
}

TEST_F(PickleTest, PicklesCutAnywhereAreRefused) {
  const std::string whole = pickle(dict({{"t", pickled({})}, {"p", parameter(pickled({}))}}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string file = checkpoint(whole.substr(0, size));
    expect_bad_model([&] { parse_file(file); }, {});
  }
}

TEST_F(PickleTest, FilesWithAnyByteChangedAreSafe) {
  std::string file = small_file();
  for (std::size_t i = 0; i < file.size(); ++i) {
    const char kept = file[i];
    for (int value = 0; value < 256; value += repetitions(1, 7)) {
      file[i] = static_cast<char>(value);
      expect_safe(file);
    }
    file[i] = kept;
  }
  file = real_file();
  for (std::size_t i = 0; i < file.size(); i += repetitions(1, 5)) {
    const char kept = file[i];
    for (const int change : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF, 0x7F}) {
      file[i] = static_cast<char>(kept ^ change);
      expect_safe(file);
    }
    file[i] = kept;
  }
}

}  // namespace
}  // namespace oko::checkpoint
