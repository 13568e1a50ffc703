#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/file.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/model_host.h"
#include "image/image.h"
#include "server/api_server.h"
#include "server/page_json.h"
#include "tasks/read_pages.h"
#include "tests/server/api_client.h"
#include "tests/server/test_helpers.h"
#include "tests/server/test_server.h"
#include "tests/support/pdf_pages.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"

namespace oko::server {
namespace {

using nlohmann::json;

const std::filesystem::path kReceipt =
    std::filesystem::path(OKO_SOURCE_DIR) / "demo/pages/receipt.png";

const std::filesystem::path kDocuments =
    std::filesystem::path(OKO_SOURCE_DIR) / "tests/document/data";

class OcrApiTest : public ScratchFolderTest {
 protected:
  static void SetUpTestSuite() {
    host_ = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
    server_ = std::make_unique<ApiServer>(
        ApiServerOptions{.http = {},
                         .access = {},
                         .models = {.host = host_, .models = {}, .align = [](const auto&) {}},
                         .version = "test",
                         .log = {}});
  }
  static void TearDownTestSuite() {
    server_.reset();
    host_.reset();
  }

  static ApiAnswer post(const json& body, const std::string& headers = "") {
    return ask(server_->port(), "POST", "/v1/ocr", body.dump(), headers);
  }
  /// A form with a file and other fields.
  static ApiAnswer post_form(const std::string& path, const std::string& file,
                             const std::string& bytes, const json& fields = json::object()) {
    std::string body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + file +
                       "\"\r\n\r\n" + bytes + "\r\n--x";
    for (const auto& [name, value] : fields.items()) {
      body += "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" +
              value.get<std::string>() + "\r\n--x";
    }
    return ask(server_->port(), "POST", path, body + "--\r\n",
               "Content-Type: multipart/form-data; boundary=x\r\n");
  }
  static std::string uri_of(const std::string& bytes) {
    return "data:application/octet-stream;base64," + base64_of(bytes);
  }

  /// What `oko ocr` reads.
  static json expected_of(const std::filesystem::path& path) {
    tasks::PageReader reader({path.string()}, {});
    json pages = json::array();
    reader.read(
        [&](const tasks::ReadPage& read) {
          pages.push_back(json::parse(dump(json_of(read.page, 0.5f))));
        },
        {});
    return pages;
  }

  /// Pages with text of their own, whose sides are parts of 400 and 200 points.
  std::string pdf(int count = 2, double part = 1) const {
    std::string objects = "3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n", kids;
    for (int page = 1; page <= count; ++page) {
      const int number = 2 + 2 * page;
      kids += std::to_string(number) + " 0 R ";
      objects += fmt::format(
          "{} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 {} {}]/Contents {} 0 R"
          "/Resources<</Font<</F 3 0 R>>>>>>endobj\n",
          number, 400 * part, 200 * part, number + 1);
      objects += pdf_stream(number + 1, "",
                            fmt::format("{0} 0 0 {0} 0 0 cm BT /F 20 Tf 20 100 Td (The words of "
                                        "page {1} are here.) Tj ET",
                                        part, page));
    }
    objects += fmt::format("2 0 obj<</Type/Pages/Count {}/Kids[{}]>>endobj\n", count, kids);
    write_pdf(folder_ / "pages.pdf", objects);
    return bytes_of(folder_ / "pages.pdf");
  }

  static ApiServerOptions options_with_helper(std::vector<std::string> arguments) {
    ApiServerOptions options = test_server_options({}, host_);
    options.models.helpers = test_helpers(std::move(arguments));
    return options;
  }

  static inline std::shared_ptr<engine::ModelHost> host_;
  static inline std::unique_ptr<ApiServer> server_;
};

TEST_F(OcrApiTest, ReadsAPictureAsTheProgramDoes) {
  const json expected = expected_of(kReceipt).at(0);
  ASSERT_FALSE(expected.at("lines").empty());
  const ApiAnswer answer = post({{"file", uri_of(bytes_of(kReceipt))}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json object = answer.parsed();
  EXPECT_EQ(object.at("text"), expected.at("text"));
  EXPECT_FALSE(object.at("engine").get<std::string>().empty());
  const json& page = object.at("pages").at(0);
  for (const char* key : {"source", "width", "height", "text", "lines"}) {
    EXPECT_EQ(page.at(key), expected.at(key)) << key;
  }
  EXPECT_EQ(page.at("page"), 1);

  const ApiAnswer form =
      post_form("/v1/ocr", "a/receipt.png", bytes_of(kReceipt), {{"format", "text"}});
  EXPECT_EQ(form.body, expected.at("text").get<std::string>());
  EXPECT_NE(form.header.find("Content-Type: text/plain"), std::string::npos) << form.header;
}

TEST_F(OcrApiTest, ADecoderThatCrashesEndsItsRequestAlone) {
  ApiServer server(options_with_helper({"once", (folder_ / "starts").string(), "crash"}));
  const std::string body = json{{"file", uri_of(pdf())}}.dump();
  const ApiAnswer crashed = ask(server.port(), "POST", "/v1/ocr", body, "");
  EXPECT_EQ(crashed.status, 400) << crashed.body;
  const std::string message = crashed.parsed().at("error").at("message").get<std::string>();
  EXPECT_TRUE(message.starts_with("file: could not be decoded: its decoder crashed")) << message;
  const ApiAnswer next = ask(server.port(), "POST", "/v1/ocr", body, "");
  EXPECT_EQ(next.status, 200) << next.body;
  EXPECT_EQ(next.parsed().at("pages").size(), 2u);
  EXPECT_EQ(next.parsed().at("text"), post(json::parse(body)).parsed().at("text"));
}

TEST_F(OcrApiTest, DecodersThatAreKilledAreNotTheClientsFault) {
  ApiServer server(options_with_helper({"killed", "ready"}));
  const ApiAnswer answer =
      ask(server.port(), "POST", "/v1/ocr", json{{"file", uri_of(pdf())}}.dump(), "");
  EXPECT_EQ(answer.status, 500) << answer.body;
  EXPECT_NE(answer.body.find("could not be decoded: its decoder crashed"), std::string::npos)
      << answer.body;
}

TEST_F(OcrApiTest, GivesTheMemoryOfItsEngineBack) {
  EXPECT_EQ(post({{"image", base64_of(bytes_of(kReceipt))}, {"languages", "en-US"}}).status, 200);
  budget::MemoryBudget& budget = host_->memory_budget();
  EXPECT_GT(budget.held()[budget::Tag::kOcr], 0u);
  EXPECT_EQ(budget.transient_bytes(), 0u);
  budget.evict_idle(budget::EvictionOrder::kIdleModel, budget::Evictable::Clock::time_point::max(),
                    {});
  EXPECT_EQ(budget.held()[budget::Tag::kOcr], 0u);
}

TEST_F(OcrApiTest, ReadsThePagesOfAPdfThatAreAskedFor) {
  const json all = post({{"file", uri_of(pdf())}}).parsed();
  ASSERT_EQ(all.at("pages").size(), 2u) << all;
  EXPECT_EQ(all.at("text"), "The words of page 1 are here.\n\fThe words of page 2 are here.\n");
  EXPECT_EQ(all.at("pages")[1].at("source"), "text_layer");
  const json second = post_form("/v1/ocr", "a.pdf", pdf(), {{"pages", "2"}}).parsed();
  ASSERT_EQ(second.at("pages").size(), 1u) << second;
  EXPECT_EQ(second.at("pages")[0].at("page"), 2);
  EXPECT_EQ(second.at("pages")[0].at("pages"), 2);
  EXPECT_EQ(post({{"file", uri_of(pdf())}, {"pages", 2}}).parsed().at("pages"), second.at("pages"));
  const ApiAnswer missing = post({{"file", uri_of(pdf())}, {"pages", "3"}});
  EXPECT_EQ(missing.status, 400) << missing.body;
  EXPECT_EQ(missing.body.find("/tmp"), std::string::npos) << missing.body;
}

TEST_F(OcrApiTest, DrawsPagesThatAreAskedFor) {
  const json drawn =
      post({{"file", uri_of(pdf())}, {"page_images", true}, {"pages", "2"}}).parsed();
  ASSERT_EQ(drawn.at("pages").size(), 1u);
  json page = drawn.at("pages")[0];
  const std::string image = page.at("image");
  constexpr std::string_view kStart = "data:image/jpeg;base64,";
  ASSERT_EQ(image.substr(0, kStart.size()), kStart);
  write_file_atomically(folder_ / "page.jpg", bytes_of_base64(image.substr(kStart.size())).value());
  const image::Image picture = image::load((folder_ / "page.jpg").string(), {});
  // Of the page's shape, and of a bounded size: the page has 400 × 200 points.
  EXPECT_NEAR(static_cast<double>(picture.width) / picture.height, 2, 0.01);
  EXPECT_GT(picture.width, 1000);
  EXPECT_LE(picture.width * picture.height, 2'000'000);
  const json& box = page.at("lines")[0].at("box");
  const double scale = static_cast<double>(picture.width) / page.at("width").get<double>();
  const auto darkest_in = [&](double left, double top, double width, double height) {
    int darkest = 255;
    for (int y = static_cast<int>(top * scale); y < (top + height) * scale; ++y) {
      for (int x = static_cast<int>(left * scale); x < (left + width) * scale; ++x) {
        const std::size_t at = (static_cast<std::size_t>(y) * picture.width + x) * 3;
        darkest = std::min<int>(darkest, picture.rgb[at]);
      }
    }
    return darkest;
  };
  const double left = box[0], top = box[1], width = box[2], height = box[3];
  EXPECT_LT(darkest_in(left, top, width, height), 60) << "ink";
  EXPECT_GT(darkest_in(left, 0, width, top - height), 200) << "paper";

  const json both = post({{"file", uri_of(pdf())}, {"page_images", true}}).parsed().at("pages");
  EXPECT_EQ(both[1].at("image"), image);
  EXPECT_NE(both[0].at("image"), image);
  const json form = post_form("/v1/ocr", "a.pdf", pdf(),
                              {{"page_images", "true"}, {"force", "false"}, {"pages", "2"}})
                        .parsed();
  EXPECT_EQ(form.at("pages")[0].at("image"), image);
  page.erase("image");
  const json plain = post({{"file", uri_of(pdf())}, {"pages", "2"}}).parsed();
  EXPECT_EQ(plain.at("pages")[0], page) << "without it, no picture and the same text";
  const ApiAnswer receipt = post_form("/v1/ocr", "receipt.png", bytes_of(kReceipt),
                                      {{"page_images", "true"}, {"min_confidence", "1"}});
  EXPECT_TRUE(receipt.parsed().at("pages")[0].contains("image"));
  EXPECT_NE(receipt.body.find("\"unsure\":true"), std::string::npos);
  EXPECT_EQ(host_->memory_budget().transient_bytes(), 0u);
}

TEST_F(OcrApiTest, DrawsTheFirstPagesOfMany) {
  const json pages =
      post({{"file", uri_of(pdf(25, 0.1))}, {"page_images", true}}).parsed().at("pages");
  ASSERT_EQ(pages.size(), 25u);
  EXPECT_TRUE(pages[23].contains("image"));
  EXPECT_FALSE(pages[24].contains("image"));
  EXPECT_EQ(pages[24].at("text"), "The words of page 25 are here.\n");
}

TEST_F(OcrApiTest, APageThatCannotBeReadLeavesTheOthers) {
  const std::string damaged = uri_of(bytes_of(kDocuments / "damaged_page.pdf"));
  const ApiAnswer answer = post({{"file", damaged}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find("\"error\""), std::string::npos) << answer.body;
  EXPECT_EQ(answer.body.find("oko-request-"), std::string::npos) << answer.body;
  EXPECT_FALSE(answer.parsed().at("text").get<std::string>().empty());
}

TEST_F(OcrApiTest, TakesThePasswordOfAPdf) {
  const std::string locked = uri_of(bytes_of(kDocuments / "locked.pdf"));
  EXPECT_EQ(post({{"file", locked}}).status, 415);
  const ApiAnswer answer = post({{"file", locked}, {"password", "secret"}});
  EXPECT_EQ(answer.status, 200) << answer.body;
}

TEST_F(OcrApiTest, ReadsThePictureOfAPageIfItIsAsked) {
  const json page =
      post({{"file", uri_of(pdf())}, {"pages", "1"}, {"force", true}}).parsed().at("pages")[0];
  EXPECT_EQ(page.at("source"), "ocr");
}

TEST_F(OcrApiTest, WritesHocr) {
  const ApiAnswer answer =
      post_form("/v1/ocr", "<i>.pdf", pdf(), {{"format", "hocr"}, {"pages", "2"}});
  EXPECT_NE(answer.header.find("Content-Type: text/html"), std::string::npos);
  EXPECT_NE(answer.body.find("image &quot;&lt;i&gt;.pdf&quot;; bbox"), std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find("ocrx_word"), std::string::npos);
  EXPECT_NE(answer.body.find("x_source &quot;&lt;i&gt;.pdf&quot; 1"), std::string::npos);
  EXPECT_NE(answer.body.find(">words</span>"), std::string::npos);
}

TEST_F(OcrApiTest, AnswersAsIosOcrServerDoes) {
  const json expected = expected_of(kReceipt).at(0);
  const json object = post_form("/upload", "receipt.png", bytes_of(kReceipt)).parsed();
  EXPECT_EQ(object.at("success"), true);
  EXPECT_EQ(object.at("ocr_result"), expected.at("text"));
  EXPECT_EQ(object.at("image_width"), expected.at("width"));
  EXPECT_EQ(object.at("image_height"), expected.at("height"));
  const json& word = expected.at("lines")[0].at("words")[0];
  const json& box = object.at("ocr_boxes").at(0);
  EXPECT_EQ(box.at("text"), word.at("text"));
  EXPECT_EQ(json({box.at("x"), box.at("y"), box.at("w"), box.at("h")}), word.at("box"));

  const ApiAnswer none = post_form("/upload", "a.png", "no picture");
  EXPECT_EQ(none.status, 415);
  EXPECT_EQ(none.parsed().at("success"), false);
  EXPECT_NE(none.parsed().at("message").get<std::string>().find("a.png"), std::string::npos);
  EXPECT_EQ(post_form("/upload", "a.pdf", pdf()).status, 413) << "it has one page";
}

TEST_F(OcrApiTest, LongFieldsTakeLittleMemory) {
  if (OKO_SANITIZED) GTEST_SKIP() << "sanitizers take more";
  constexpr std::size_t kBytes = 8'000'000;
  const std::uint64_t before = budget::private_bytes();
  budget::PeakSampler sampler;
  const json nested{{"force", std::string(kBytes, '[')}};
  EXPECT_EQ(post_form("/v1/ocr", "a.png", "no picture", nested).status, 400);
  const json many{{"file", base64_of("no picture")}, {"languages", std::string(kBytes, ',')}};
  EXPECT_EQ(post(many).status, 400);
  EXPECT_LT(sampler.peak_bytes() - before, 20 * kBytes);
}

TEST_F(OcrApiTest, SaysWhatIsWrong) {
  const std::string file = uri_of(bytes_of(kReceipt));
  std::string ranges = "1";
  for (int i = 0; i < 1000; ++i) ranges += ",1";
  const struct {
    json body;
    int status;
    const char* names;
  } kCases[] = {
      {json::object(), 400, "file"},
      {{{"file", "../etc/passwd"}}, 400, "base64"},
      {{{"file", "http://x.example/a.png"}}, 400, "file"},
      {{{"file", ""}}, 400, "empty"},
      {{{"file", base64_of("no picture")}}, 415, "file"},
      {{{"file", base64_of("no picture")}}, 415, "use a PDF, JPEG"},
      {{{"file", file}, {"format", "pdf"}}, 400, "format"},
      {{{"file", file}, {"languages", json::array()}}, 400, "languages"},
      {{{"file", file}, {"languages", {1}}}, 400, "languages"},
      {{{"file", file}, {"languages", "xx-XX"}}, 400, "xx-XX"},
      {{{"file", file}, {"pages", "3-1"}}, 400, "pages"},
      {{{"file", file}, {"pages", ranges}}, 400, "pages: more than 1000 ranges"},
      {{{"file", file}, {"min_confidence", 2}}, 400, "min_confidence"},
      {{{"file", file}, {"force", "yes"}}, 400, "force"},
  };
  for (const auto& [body, status, names] : kCases) {
    const ApiAnswer answer = post(body);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_NE(answer.parsed().at("error").at("message").get<std::string>().find(names),
              std::string::npos)
        << answer.body;
    EXPECT_EQ(answer.body.find("/tmp"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(
      ask(server_->port(), "POST", "/v1/ocr", "--x\r\n", "Content-Type: multipart/form-data\r\n")
          .status,
      400);
  const std::string part = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\na\r\n";
  const ApiAnswer two = ask(server_->port(), "POST", "/v1/ocr", part + part + "--x--\r\n",
                            "Content-Type: multipart/form-data; boundary=x\r\n");
  EXPECT_EQ(two.status, 400);
  EXPECT_NE(two.body.find("more than one file"), std::string::npos) << two.body;
}

}  // namespace
}  // namespace oko::server
