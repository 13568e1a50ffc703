#include "tests/text/corpus.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

constexpr std::size_t kChunkBytes = 1024;
constexpr const char* kSeparators[] = {"", "", " ", " ", " ", "\n", ", ", "\r\n"};
constexpr std::pair<char32_t, char32_t> kBlocks[] = {
    {0x00, 0x80},       {0x80, 0x250},      {0x300, 0x370},   {0x370, 0x530},    {0x590, 0x780},
    {0x900, 0xE00},     {0x1100, 0x1200},   {0x1DC0, 0x2070}, {0x2070, 0x2C00},  {0x3000, 0x3200},
    {0x4E00, 0x4F00},   {0xAC00, 0xAD00},   {0xA800, 0xAB00}, {0xF900, 0x10000}, {0x10000, 0x12000},
    {0x1D100, 0x1D200}, {0x1F000, 0x1FB00}, {0, 0x110000},
};

}  // namespace

std::uint64_t CorpusRandom::below(std::uint64_t limit) {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) % limit;
}

Corpus::Corpus() {
  const auto tree = nlohmann::json::parse(
      read_file(OKO_SOURCE_DIR "/tests/text/data/fragments.json", 1'000'000, ErrorCode::kFailed));
  tree.at("prose").get_to(prose_);
  tree.at("pieces").get_to(pieces_);
}

std::string Corpus::chunk(std::uint64_t seed) const {
  CorpusRandom random(seed);
  std::string out;
  while (out.size() < kChunkBytes) {
    const std::uint64_t kind = random.below(20);
    if (kind < 16) {
      const auto& group = kind < 9 ? prose_ : pieces_;
      out += group[random.below(group.size())];
    } else if (kind < 18) {
      const auto [low, high] = kBlocks[random.below(std::size(kBlocks))];
      for (std::uint64_t left = 1 + random.below(12); left > 0; --left) {
        const auto point = static_cast<char32_t>(low + random.below(high - low));
        if (point < 0xD800 || point >= 0xE000) append_utf8(out, point);
      }
    } else if (kind == 18) {
      const std::string& piece = pieces_[random.below(pieces_.size())];
      for (std::uint64_t left = 1 + random.below(9); left > 0; --left) out += piece;
    } else if (random.below(4) == 0) {
      for (std::uint64_t left = 1 + random.below(6); left > 0; --left) {
        out.push_back(static_cast<char>(random.below(256)));
      }
    } else {
      out.append(random.below(40), ' ');
    }
    out += kSeparators[random.below(std::size(kSeparators))];
  }
  return out;
}

}  // namespace oko::text
