#include "decoding/page_messages.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace oko::decoding {
namespace {

constexpr int kMostPages = 10'000'000;
constexpr int kLongestSide = 1'000'000;  // pixels; a product of two has 64 bits
constexpr std::uint64_t kMostDecodeBytes = std::uint64_t{1} << 50;  // so has a sum with others
// Seconds since 1970 of the years 1 and 9999.
constexpr std::int64_t kFirstTime = -62'135'596'800, kLastTime = 253'402'300'799;

double finite(MessageReader& from) {
  const auto value = from.number<double>();
  if (!std::isfinite(value)) throw BadMessage();
  return value;
}

float finite_float(MessageReader& from) {
  const auto value = from.number<float>();
  if (!std::isfinite(value)) throw BadMessage();
  return value;
}

void write(MessageWriter& to, const document::Box& box) {
  for (const float value : {box.left, box.top, box.width, box.height}) to.number(value);
}

document::Box read_box(MessageReader& from) {
  document::Box box;
  for (float* value : {&box.left, &box.top, &box.width, &box.height}) *value = finite_float(from);
  return box;
}

void write(MessageWriter& to, const LocalizedText& text) {
  to.localized(text);
}

void write(MessageWriter& to, const document::Word& word);
void write(MessageWriter& to, const document::Line& line);
void write(MessageWriter& to, const document::TextBlock& block);

template <typename Item>
void write_all(MessageWriter& to, const std::vector<Item>& items) {
  to.number(std::uint64_t{items.size()});
  for (const Item& item : items) write(to, item);
}

template <typename Read>
auto read_all(MessageReader& from, const Read& read) {
  std::vector<decltype(read(from))> items;
  for (std::size_t left = from.count(); left > 0; --left) items.push_back(read(from));
  return items;
}

void write(MessageWriter& to, const document::Word& word) {
  to.text(word.text);
  write(to, word.box);
  to.number(word.confidence);
  to.text(word.language);
  to.kind(word.source);
}

document::Word read_word(MessageReader& from) {
  document::Word word;
  word.text = from.text();
  word.box = read_box(from);
  word.confidence = from.within(0.0F, 1.0F);
  word.language = from.text();
  word.source = from.kind(document::TextSource::kBoth);
  return word;
}

void write(MessageWriter& to, const document::Line& line) {
  write_all(to, line.words);
  write(to, line.box);
  to.number(line.confidence);
  to.number(line.block);
}

document::Line read_line(MessageReader& from) {
  document::Line line;
  line.words = read_all(from, read_word);
  line.box = read_box(from);
  line.confidence = from.within(0.0F, 1.0F);
  line.block = from.within(0, std::numeric_limits<int>::max());
  return line;
}

LocalizedText read_note(MessageReader& from) {
  return from.localized();
}

void write(MessageWriter& to, const document::TextBlock& block) {
  to.kind(block.kind);
  to.number(block.level);
  to.text(block.text);
}

document::TextBlock read_block(MessageReader& from) {
  constexpr int kDeepest = 1000;
  document::TextBlock block;
  block.kind = from.kind(document::TextBlock::Kind::kCode);
  block.level = from.within(0, kDeepest);
  block.text = from.text();
  const bool has_controls = std::any_of(block.text.begin(), block.text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t';
  });
  if (block.text.empty() || has_controls) throw BadMessage();
  return block;
}

void write(MessageWriter& to, const document::Page& page) {
  to.number(page.width);
  to.number(page.height);
  write_all(to, page.lines);
  to.kind(page.source);
  to.number(page.is_doubtful);
  write_all(to, page.notes);
}

document::Page read_text_page(MessageReader& from) {
  document::Page page;
  page.width = from.within(1, kLongestSide);
  page.height = from.within(1, kLongestSide);
  page.lines = read_all(from, read_line);
  page.source = from.kind(document::TextSource::kBoth);
  page.is_doubtful = from.flag();
  page.notes = read_all(from, read_note);
  return page;
}

}  // namespace

void write(MessageWriter& to, const image::Limits& limits) {
  to.number(limits.max_pixels);
  to.number(limits.max_file_bytes);
  to.number(limits.max_decoded_pixels);
}

image::Limits read_limits(MessageReader& from) {
  image::Limits limits;
  limits.max_pixels = from.number<std::uint64_t>();
  limits.max_file_bytes = from.number<std::uint64_t>();
  limits.max_decoded_pixels = from.number<std::uint64_t>();
  return limits;
}

void write(MessageWriter& to, const document::PdfOptions& options) {
  to.number(options.resolution);
  to.number(options.max_pixels);
  to.text(options.password);
  to.number(options.takes_password);
}

document::PdfOptions read_pdf_options(MessageReader& from) {
  document::PdfOptions options;
  options.resolution = finite(from);
  options.max_pixels = from.number<std::uint64_t>();
  options.password = from.text();
  options.takes_password = from.flag();
  return options;
}

void write(MessageWriter& to, const Error& error) {
  to.kind(error.code());
  to.localized(error.message());
  to.localized(error.hint());
}

Error read_error(MessageReader& from) {
  const auto code = from.kind(ErrorCode::kCancelled);
  LocalizedText message = from.localized();
  LocalizedText hint = from.localized();
  // A helper decodes a file: all else is not its to say.
  return {is_of_input(code) ? code : ErrorCode::kFailed, std::move(message), std::move(hint)};
}

void write(MessageWriter& to, const image::Header& header) {
  to.kind(header.format);
  for (const int value : {header.width, header.height, header.pages, header.others, header.shrink})
    to.number(value);
  to.number(header.decode_bytes);
  to.number(header.taken.has_value());
  if (header.taken) to.number(std::int64_t{header.taken->time_since_epoch().count()});
}

image::Header read_header(MessageReader& from) {
  image::Header header;
  header.format = from.kind(image::Format::kBmp);
  header.width = from.within(1, kLongestSide);
  header.height = from.within(1, kLongestSide);
  header.pages = from.within(1, kMostPages);
  header.others = from.within(0, std::numeric_limits<int>::max());
  header.shrink = from.within(1, 8);
  header.decode_bytes = from.within(std::uint64_t{0}, kMostDecodeBytes);
  if (from.flag()) {
    header.taken =
        std::chrono::sys_seconds(std::chrono::seconds(from.within(kFirstTime, kLastTime)));
  }
  return header;
}

void write(MessageWriter& to, const image::Image& image) {
  for (const int value : {image.width, image.height, image.stored_width, image.stored_height})
    to.number(value);
  to.number(image.resolution);
}

image::Image read_image(MessageReader& from) {
  image::Image image;
  for (int* value : {&image.width, &image.height, &image.stored_width, &image.stored_height})
    *value = from.within(0, kLongestSide);
  image.resolution = finite(from);
  return image;
}

void write(MessageWriter& to, const document::PageSize& size) {
  to.number(size.width_points);
  to.number(size.height_points);
  to.number(size.width);
  to.number(size.height);
  to.number(size.resolution);
}

document::PageSize read_page_size(MessageReader& from) {
  document::PageSize size;
  size.width_points = finite(from);
  size.height_points = finite(from);
  size.width = from.within(1, kLongestSide);
  size.height = from.within(1, kLongestSide);
  size.resolution = finite(from);
  return size;
}

void write(MessageWriter& to, const document::PdfPage& page) {
  const document::TextLayer& layer = page.layer;
  to.number(layer.page.has_value());
  if (layer.page) write(to, *layer.page);
  for (const std::size_t count :
       {layer.characters, layer.words_hidden, layer.words_unseen, layer.words_outside}) {
    to.number(std::uint64_t{count});
  }
  to.number(layer.keeps_outside);
  to.number(page.plausible);
  write_all(to, page.unclear);
  write_all(to, page.pictures);
  write(to, page.image);
  write_all(to, page.notes);
}

document::PdfPage read_page(MessageReader& from) {
  document::PdfPage page;
  document::TextLayer& layer = page.layer;
  if (from.flag()) layer.page = read_text_page(from);
  for (std::size_t* count :
       {&layer.characters, &layer.words_hidden, &layer.words_unseen, &layer.words_outside}) {
    *count = from.number<std::uint64_t>();
  }
  layer.keeps_outside = from.flag();
  page.plausible = from.flag();
  page.unclear = read_all(from, read_box);
  page.pictures = read_all(from, read_box);
  page.image = read_image(from);
  page.notes = read_all(from, read_note);
  return page;
}

void write(MessageWriter& to, const document::TextDocument& text) {
  to.text(text.title);
  to.text(text.language);
  to.number(text.date.has_value());
  if (text.date) to.number(std::int64_t{text.date->time_since_epoch().count()});
  write_all(to, text.blocks);
  write_all(to, text.notes);
}

document::TextDocument read_text_document(MessageReader& from) {
  constexpr std::int64_t kZone = 86'400;  // seconds, by which a date in UTC may be in another year
  document::TextDocument text;
  text.title = from.text();
  text.language = from.text();
  if (from.flag()) {
    text.date = std::chrono::sys_seconds(
        std::chrono::seconds(from.within(kFirstTime - kZone, kLastTime + kZone)));
  }
  text.blocks = read_all(from, read_block);
  text.notes = read_all(from, read_note);
  return text;
}

}  // namespace oko::decoding
