#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/comma_list.h"
#include "base/error.h"
#include "base/rounded.h"
#include "document/pages.h"
#include "image/jpeg.h"
#include "image/resize.h"
#include "ocr/hocr.h"
#include "server/api.h"
#include "server/api_error.h"
#include "server/data_uri.h"
#include "server/multipart.h"
#include "server/page_json.h"
#include "server/request_json.h"
#include "server/uploaded_file.h"
#include "tasks/shared_reader.h"

namespace oko::server {
namespace {

constexpr std::size_t kMostPages = 200;
constexpr std::size_t kMostLanguages = 16;
constexpr std::size_t kMostImages = 24;         ///< of an answer
constexpr double kMostImagePixels = 2'000'000;  ///< A4 at 150 dots per inch
constexpr int kOcrJpegQuality = 80;
constexpr float kMinConfidence = 0.5f;  // as `oko ocr` has it

struct OcrRequest {
  std::string name;        ///< of the file, for messages and hOCR
  std::string bytes = {};  ///< of the file
  std::string format = "json";
  ocr::Options ocr = {};
  document::PagesOptions pages = {};
  bool page_images = false;
  float min_confidence = kMinConfidence;
};

/// Fields of a form as those of JSON: numbers and flags come as text. A long text is neither, and
/// its JSON might take much memory.
RequestJson json_of_field(const FormPart& part) {
  constexpr std::size_t kLongest = 64;  // bytes
  const bool is_value =
      part.name == "force" || part.name == "page_images" || part.name == "min_confidence";
  if (is_value && part.content.size() <= kLongest) {
    const RequestJson value = RequestJson::parse(part.content, nullptr, false);
    if (value.is_boolean() || value.is_number()) return value;
  }
  return std::string(part.content);
}

std::vector<std::string> languages_of(const RequestJson& value) {
  const auto expected = tr("a list of at most {}, or a string with commas",
                           "список, не больше {}, или строка с запятыми", kMostLanguages);
  std::vector<std::string> languages;
  if (value.is_string()) {
    languages = parts_at_commas(value.get_ref<const std::string&>(), kMostLanguages);
  } else if (value.is_array()) {
    for (const RequestJson& language : value) {
      if (!language.is_string()) refuse_value("languages", expected);
      languages.push_back(language.get<std::string>());
    }
  }
  if (languages.empty() || languages.size() > kMostLanguages) refuse_value("languages", expected);
  return languages;
}

void read_options(const RequestFields& fields, OcrRequest& request) {
  if (const auto format = fields.text("format")) {
    if (*format != "json" && *format != "text" && *format != "hocr") {
      refuse_value("format", tr("json, text or hocr", "json, text или hocr"));
    }
    request.format = *format;
  }
  if (const RequestJson* languages = fields.find("languages")) {
    request.ocr.languages = languages_of(*languages);
  }
  if (const RequestJson* pages = fields.find("pages")) {
    const std::string text =
        pages->is_number_unsigned() ? pages->dump() : fields.need_text("pages");
    request.pages.selection = document::PageSelection::parse(text, std::string("pages"));
  }
  request.pages.pdf.password = fields.text("password").value_or("");
  request.pages.ignores_text = fields.flag("force").value_or(false);
  request.page_images = fields.flag("page_images").value_or(false);
  request.min_confidence =
      static_cast<float>(fields.number("min_confidence", 0, 1).value_or(kMinConfidence));
}

OcrRequest parse_form(const HttpRequest& http) {
  OcrRequest request;
  RequestJson options = RequestJson::object();
  for (const FormPart& part : parse_multipart(http.header("content-type"), http.body)) {
    if (part.name != "file" && part.name != "image") {
      options[part.name] = json_of_field(part);
      continue;
    }
    if (!request.name.empty()) {
      throw Error(ErrorCode::kUsage,
                  tr("the form has more than one file", "в форме больше одного файла"));
    }
    request.name = part.file_name.empty() ? part.name : part.file_name;
    request.bytes = part.content;
  }
  if (request.bytes.empty()) {
    throw Error(ErrorCode::kUsage, tr("file is missing, or empty", "поля file нет, или оно пусто"));
  }
  read_options(RequestFields(options), request);
  return request;
}

OcrRequest parse_ocr(const HttpRequest& http) {
  if (is_multipart(http.header("content-type"))) return parse_form(http);
  const RequestJson body = parse_request(http.body);
  const RequestFields fields(body);
  const bool is_image = fields.find("file") == nullptr && fields.find("image") != nullptr;
  OcrRequest request{.name = is_image ? "image" : "file"};
  request.bytes = bytes_of_picture_text(fields.need_text(request.name), request.name);
  read_options(fields, request);
  return request;
}

/// The pages of a file, and the reasons why some of them could not be read.
struct OcrResult {
  struct Page {
    int number = 1;
    int of = 1;
    document::Page page = {};
    LocalizedText reduction = {};
    std::string image = {};  ///< a data URI; empty: none was asked for
    std::optional<Error> error = {};
  };
  std::vector<Page> pages;
};

/// True for an error of one page that does not affect the others.
bool is_of_one_page(const Error& error) {
  return is_of_input(error.code()) || error.code() == ErrorCode::kOverBudget;
}

/// A page as a JPEG file, for people to look at; empty if it cannot be drawn.
std::string image_of(const ApiContext& context, document::Pages& pages, std::size_t i,
                     const StopToken& stop) {
  constexpr std::uint64_t kBytesPerPixel = 6;  // what it is made of, and the file
  constexpr auto kBytes = static_cast<std::uint64_t>(kMostImagePixels) * kBytesPerPixel;
  try {
    const image::Fitted size =
        pages.fit(i, kBytes, [](const image::Header& header) { return header.decode_bytes; });
    budget::TagBytes bytes;
    bytes[budget::Tag::kImage] = size.header.decode_bytes + kBytes;
    const budget::Reservation memory = context.models.host().reserve(bytes, {}, stop);
    image::Image image = pages.show(i, size).image;
    const double scale =
        std::sqrt(kMostImagePixels / (static_cast<double>(image.width) * image.height));
    if (scale < 1) {
      image = image::resize_bicubic(image, std::max(static_cast<int>(image.width * scale), 1),
                                    std::max(static_cast<int>(image.height * scale), 1));
    }
    return "data:image/jpeg;base64," + base64_of(image::encode_jpeg(image, kOcrJpegQuality));
  } catch (const Error& error) {
    if (!is_of_one_page(error)) throw;
    return {};
  }
}

OcrResult::Page read_page(const ApiContext& context, document::Pages& pages, std::size_t i,
                          const OcrRequest& request, const StopToken& stop) {
  OcrResult::Page read{.number = pages.page_in_file(i) + 1, .of = pages.pages_of_file(i)};
  try {
    read.page = context.reader.read(pages, i, request.ocr, stop);
    if (read.page.source != document::TextSource::kTextLayer) read.reduction = pages.reduction(i);
    if (request.page_images && i < kMostImages) read.image = image_of(context, pages, i, stop);
  } catch (const Error& error) {
    if (pages.size() == 1 || !is_of_one_page(error)) throw;
    read.error = error;
  }
  return read;
}

/// Reads a file with errors that have the client's name of it.
OcrResult read_file(const ApiContext& context, const OcrRequest& request, std::size_t most_pages,
                    const StopToken& stop) {
  const UploadedFile file(request.name, request.bytes);
  document::PagesOptions options = context.reader.options_for(request.pages);
  options.decoder = context.models.decoder(stop);
  try {
    document::Pages pages({file.path()}, options);
    if (pages.size() > most_pages) {
      throw Error(ErrorCode::kTooLarge,
                  tr("{}: {} pages; one request reads at most {}",
                     "{}: страниц {}; за один запрос читается не больше {}", request.name,
                     pages.size(), most_pages),
                  tr("ask for a part of them in \"pages\"", "запросите часть: \"pages\""));
    }
    OcrResult result;
    for (std::size_t i = 0; i < pages.size(); ++i) {
      result.pages.push_back(read_page(context, pages, i, request, stop));
      OcrResult::Page& page = result.pages.back();
      if (page.error) page.error = file.named(*page.error);
      page.reduction = file.named(page.reduction);
    }
    const auto has_error = [](const OcrResult::Page& page) { return page.error.has_value(); };
    if (std::all_of(result.pages.begin(), result.pages.end(), has_error)) {
      throw Error(*result.pages.at(0).error);
    }
    return result;
  } catch (const Error& error) {
    throw file.named(error);
  }
}

Json json_of(const OcrResult::Page& read, float min_confidence, const HttpRequest& http) {
  Json object{{"page", read.number}, {"pages", read.of}};
  if (read.error) {
    object["error"] = {{"code", name_of(read.error->code())},
                       {"message", text_of(http, *read.error)}};
    return object;
  }
  object.update(server::json_of(read.page, min_confidence));
  Json notes = Json::array();
  const Language language = language_of(http);
  if (!read.reduction.empty()) notes.push_back(read.reduction.in(language));
  for (const LocalizedText& note : read.page.notes) notes.push_back(note.in(language));
  if (!notes.empty()) object["notes"] = std::move(notes);
  if (!read.image.empty()) object["image"] = read.image;
  return object;
}

/// The pages with a form feed between them; a page that could not be read is empty.
std::string text_of(const OcrResult& result) {
  std::string text;
  for (const OcrResult::Page& read : result.pages) {
    if (&read != &result.pages.front()) text += '\f';
    text += read.page.text();
  }
  return text;
}

std::string hocr_of(const OcrResult& result, const std::string& name) {
  ocr::HocrWriter writer;
  std::string text = writer.begin();
  for (const OcrResult::Page& read : result.pages) {
    if (read.error) {
      writer.skip_page();
    } else {
      text += writer.page(read.page, name, read.number - 1);
    }
  }
  return text + writer.end();
}

void read_text(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const OcrRequest request = parse_ocr(http);
  const OcrResult result = read_file(context, request, kMostPages, response.stop());
  if (request.format == "text") {
    response.send({.content_type = "text/plain; charset=utf-8"}, text_of(result));
  } else if (request.format == "hocr") {
    response.send({.content_type = "text/html; charset=utf-8"}, hocr_of(result, request.name));
  } else {
    Json pages = Json::array();
    for (const auto& read : result.pages) {
      pages.push_back(json_of(read, request.min_confidence, http));
    }
    response.send({}, dump({{"object", "ocr"},
                            {"id", http.id},
                            {"engine", ocr::engine_name()},
                            {"text", text_of(result)},
                            {"pages", std::move(pages)}}));
  }
}

/// What riddleling/iOS-OCR-Server answers, and paperless-gpt's provider "ios_ocr" reads: it takes
/// each box for a word.
void read_upload(const ApiContext& context, const HttpRequest& http, HttpResponse& response) {
  const OcrRequest request = parse_form(http);
  const OcrResult result = read_file(context, request, 1, response.stop());
  const document::Page& page = result.pages.at(0).page;
  Json boxes = Json::array();
  for (const document::Line& line : page.lines) {
    for (const document::Word& word : line.words) {
      boxes.push_back({{"text", word.text},
                       {"x", rounded(word.box.left, 1)},
                       {"y", rounded(word.box.top, 1)},
                       {"w", rounded(word.box.width, 1)},
                       {"h", rounded(word.box.height, 1)}});
    }
  }
  response.send({}, dump({{"success", true},
                          {"message", "File uploaded successfully"},
                          {"ocr_result", page.text()},
                          {"image_width", page.width},
                          {"image_height", page.height},
                          {"ocr_boxes", std::move(boxes)}}));
}

}  // namespace

std::vector<Route> ocr_routes(const ApiContext& context) {
  return {{"POST", "/v1/ocr",
           [&context](const HttpRequest& http, HttpResponse& response) {
             read_text(context, http, response);
           }},
          {"POST", "/upload", [&context](const HttpRequest& http, HttpResponse& response) {
             read_upload(context, http, response);
           }}};
}

}  // namespace oko::server
