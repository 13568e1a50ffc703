// Runs a fuzz target without a fuzzer: seeds, and mutations of them by a generator with a fixed
// seed, so that the same arguments try the same inputs everywhere.
//
//   NAME_fuzz_run [--iterations N] [--seconds S] [--seed N] [FILE | FOLDER]...
//
// Stops at whichever limit comes first. An input that crashes, or takes more than 20 seconds, is
// left in NAME_fuzz_run.failed, which can be named as a FILE with --iterations 0.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// A function of the sanitizers' run time, if there is one.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is theirs
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInput = 65'536;  // bytes
constexpr unsigned kMaxSeconds = 20;       // of one input

const Bytes* current_input = nullptr;
std::string failed_name;

void save_current_input() {
  if (current_input == nullptr) return;
  const int file = ::open(failed_name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ::write(file, current_input->data(), current_input->size()) < 0) return;
  ::close(file);
  constexpr std::string_view kMessage = "the input that failed is in the file ";
  if (::write(2, kMessage.data(), kMessage.size()) < 0 ||
      ::write(2, failed_name.data(), failed_name.size()) < 0 || ::write(2, "\n", 1) < 0) {
    return;
  }
}

void on_signal(int signal) {
  save_current_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Bytes& input) {
  // An exact copy, so that AddressSanitizer sees a read past its end.
  const Bytes copy(input.begin(), input.end());
  current_input = &copy;
  ::alarm(kMaxSeconds);
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  ::alarm(0);
  current_input = nullptr;
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  /// A seed after one to eight changes.
  Bytes next() {
    Bytes input = seeds_[below(seeds_.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), kMaxInput));
    return input;
  }

 private:
  /// A number in 0 .. bound - 1; 0 if the bound is 0. Not by std::uniform_int_distribution, which
  /// differs between libraries.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void change(Bytes& input) {
    const auto at = static_cast<std::ptrdiff_t>(below(input.size() + 1));
    const auto rest = static_cast<std::size_t>(std::ssize(input) - at);
    switch (below(9)) {
      case 0:
        if (rest > 0) input[at] ^= static_cast<std::uint8_t>(1 << below(8));
        break;
      case 1:
        if (rest > 0) input[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        input.resize(static_cast<std::size_t>(at));
        break;
      case 3:
        input.erase(input.begin() + at, input.begin() + at + length(rest));
        break;
      case 4: {
        const Bytes piece(input.begin() + at, input.begin() + at + length(rest));
        insert(input, piece);
        break;
      }
      case 5: {
        const Bytes& other = seeds_[below(seeds_.size())];
        const auto from = static_cast<std::ptrdiff_t>(below(other.size() + 1));
        const auto count = length(static_cast<std::size_t>(std::ssize(other) - from));
        insert(input, Bytes(other.begin() + from, other.begin() + from + count));
        break;
      }
      case 6:
        insert(input, interesting_text());
        break;
      case 7:
        overwrite(input, static_cast<std::size_t>(at), interesting_number());
        break;
      default:
        replace_decimal(input, static_cast<std::size_t>(at));
        break;
    }
  }

  /// A length: mostly short, sometimes all.
  std::ptrdiff_t length(std::size_t most) {
    return static_cast<std::ptrdiff_t>(
        below(below(4) == 0 ? most + 1 : std::min<std::size_t>(most, 16) + 1));
  }

  void insert(Bytes& input, const Bytes& piece) {
    const auto at = static_cast<std::ptrdiff_t>(below(input.size() + 1));
    input.insert(input.begin() + at, piece.begin(), piece.end());
  }

  static void overwrite(Bytes& input, std::size_t at, const Bytes& piece) {
    for (std::size_t i = 0; i < piece.size() && at + i < input.size(); ++i)
      input[at + i] = piece[i];
  }

  /// Replaces the next number that is written in digits.
  void replace_decimal(Bytes& input, std::size_t at) {
    const auto is_digit = [](std::uint8_t byte) { return byte >= '0' && byte <= '9'; };
    const auto first =
        std::find_if(input.begin() + static_cast<std::ptrdiff_t>(at), input.end(), is_digit);
    const auto last = std::find_if_not(first, input.end(), is_digit);
    if (first == last) return;
    static constexpr std::string_view kNumbers[] = {"0",
                                                    "1",
                                                    "-1",
                                                    "2147483647",
                                                    "2147483648",
                                                    "4294967296",
                                                    "9223372036854775807",
                                                    "18446744073709551615",
                                                    "18446744073709551616",
                                                    "1e999",
                                                    "1.5",
                                                    "null",
                                                    "\"1\"",
                                                    "[1]",
                                                    "{}"};
    const std::string_view number = kNumbers[below(std::size(kNumbers))];
    const auto place = input.erase(first, last);
    input.insert(place, number.begin(), number.end());
  }

  Bytes interesting_text() {
    static constexpr std::string_view kTexts[] = {"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                                  "{\"a\":{\"a\":{\"a\":{\"a\":",
                                                  "\"",
                                                  "\\",
                                                  "\\u0000",
                                                  "\\ud800",
                                                  ",",
                                                  ":",
                                                  "null",
                                                  "true",
                                                  "\xFF",
                                                  "\xC3",
                                                  "\xEF\xBB\xBF",
                                                  "\xF4\x90\x80\x80",
                                                  "-",
                                                  "."};
    const std::string_view text = kTexts[below(std::size(kTexts))];
    return Bytes(text.begin(), text.end());
  }

  /// 1, 2, 4 or 8 bytes of a number at some edge, in either byte order.
  Bytes interesting_number() {
    static constexpr std::uint64_t kNumbers[] = {0,
                                                 1,
                                                 0x7F,
                                                 0x80,
                                                 0xFF,
                                                 0x100,
                                                 0x7FFF,
                                                 0x8000,
                                                 0xFFFF,
                                                 0x10000,
                                                 0x7FFFFFFF,
                                                 0x80000000,
                                                 0xFFFFFFFF,
                                                 0x7FFFFFFFFFFFFFFF,
                                                 0x8000000000000000,
                                                 0xFFFFFFFFFFFFFFFF,
                                                 0xFFFFFFFFFFFFFFF8};
    const std::uint64_t number = kNumbers[below(std::size(kNumbers))];
    const std::size_t count = std::size_t{1} << below(4);
    const bool big_endian = below(2) == 0;
    Bytes bytes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = big_endian ? count - 1 - i : i;
      bytes.push_back(static_cast<std::uint8_t>(number >> (8 * place)));
    }
    return bytes;
  }

  const std::vector<Bytes>& seeds_;
  std::mt19937_64 random_;
};

/// The bytes of the files named, and of those in folders named, by name.
std::vector<Bytes> read_seeds(const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> files;
  for (const std::string& name : names) {
    if (!std::filesystem::is_directory(name)) {
      files.push_back(name);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(name)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Bytes> seeds;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      std::exit(2);
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t iterations = 20'000, seconds = 5, seed = 1;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    std::uint64_t* number = argument == "--iterations" ? &iterations
                            : argument == "--seconds"  ? &seconds
                            : argument == "--seed"     ? &seed
                                                       : nullptr;
    if (number == nullptr) {
      names.emplace_back(argument);
    } else if (++i < argc) {
      *number = std::strtoull(argv[i], nullptr, 10);
    }
  }
  failed_name = std::filesystem::path(argv[0]).filename().string() + ".failed";
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) {
    std::signal(signal, on_signal);
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current_input);

  std::vector<Bytes> seeds = read_seeds(names);
  for (const Bytes& input : seeds) run(input);
  seeds.emplace_back();
  Mutator mutator(seeds, seed);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  while (done < iterations &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(seconds)) {
    run(mutator.next());
    ++done;
  }
  std::printf("%zu seeds and %llu mutations of them passed\n", seeds.size(),
              static_cast<unsigned long long>(done));
}
