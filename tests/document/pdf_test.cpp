#include "document/pdf.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "document/deflate.h"
#include "document/pdf_structure.h"
#include "image/jpeg.h"
#include "tests/support/pdf_pages.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {
namespace {

const std::string kData = std::string(OKO_TEST_DATA) + "/";
const std::string kText =
    "Съешь же ещё этих мягких французских булок,\nда выпей чаю. Цена: 1 250,00 руб.\n\n"
    "The quick brown fox jumps over the lazy dog.\nNaïve café — 3 × 4 = 12.\n";

/// The fraction of dark pixels in `box`.
double darkness(const image::Image& image, const Box& box) {
  int dark = 0, all = 0;
  for (int y = static_cast<int>(box.top); y < static_cast<int>(box.top + box.height); ++y) {
    for (int x = static_cast<int>(box.left); x < static_cast<int>(box.left + box.width); ++x) {
      ++all;
      if (image.rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                     static_cast<std::size_t>(x)) *
                    3] < 128) {
        ++dark;
      }
    }
  }
  return static_cast<double>(dark) / std::max(1, all);
}

class PdfTest : public ScratchFolderTest {};

TEST_F(PdfTest, TextOfAPageIsExactInBothLanguages) {
  const Pdf pdf(kData + "text.pdf");
  EXPECT_EQ(pdf.page_count(), 1);
  const auto page = pdf.text_layer(0);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->text(), kText);
  EXPECT_EQ(page->source, TextSource::kTextLayer);
}

TEST_F(PdfTest, BoxesLieOnTheLettersOfThePicture) {
  for (const char* name : {"text.pdf", "rotated.pdf", "sideways.pdf"}) {
    const Pdf pdf(kData + name);
    const auto page = pdf.text_layer(0);
    const image::Image picture = pdf.render(0);
    ASSERT_TRUE(page) << name;
    EXPECT_EQ(page->width, picture.width) << name;
    EXPECT_EQ(page->height, picture.height) << name;
    for (const Line& line : page->lines) {
      for (const Word& word : line.words) {
        if (word.text == "—" || word.text == "=") continue;  // little ink
        EXPECT_GT(darkness(picture, word.box), 0.08) << name << ": " << word.text;
        const Box above{word.box.left, 0, word.box.width, 20};
        EXPECT_EQ(darkness(picture, above), 0) << name;
      }
    }
  }
}

TEST_F(PdfTest, RotationAndCropBoxDecideSizeAndPlaces) {
  const Pdf pdf(kData + "rotated.pdf");  // crop box of 500 × 140 points, turned by 90 degrees
  const PageSize size = pdf.page_size(0);
  EXPECT_EQ(size.width_points, 140);
  EXPECT_EQ(size.height_points, 500);
  EXPECT_EQ(size.width, 583);
  EXPECT_EQ(size.height, 2083);
  EXPECT_EQ(pdf.text_layer(0)->text(), kText);
}

TEST_F(PdfTest, ReadsVerticalText) {
  EXPECT_EQ(Pdf(kData + "sideways.pdf").text_layer(0)->text(), "Снизу вверх\n\nDown we go\n");
}

TEST_F(PdfTest, AWordInTwoFontsIsOneWord) {
  EXPECT_EQ(Pdf(kData + "two_fonts.pdf").text_layer(0)->text(), "Проверка слов\n");
}

TEST_F(PdfTest, AScanOrGarbageIsNoTextLayer) {
  EXPECT_FALSE(Pdf(kData + "scan.pdf").text_layer(0));
  EXPECT_FALSE(Pdf(kData + "garbage_text.pdf").text_layer(0));
}

TEST_F(PdfTest, APosterKeepsTheLimitOfPixels) {
  const Pdf pdf(kData + "poster.pdf");  // 200 × 200 inches
  const PageSize size = pdf.page_size(0);
  EXPECT_EQ(size.width, 4472);
  EXPECT_NEAR(size.resolution, 22.36, 0.01);
  EXPECT_EQ(pdf.text_layer(0)->text(), "Плакат\n");
  const Pdf small(kData + "poster.pdf", {.max_pixels = 10'000});
  const image::Image picture = small.render(0);
  EXPECT_EQ(picture.width, 100);
  EXPECT_EQ(picture.height, 100);
}

TEST_F(PdfTest, APasswordIsNamedInBothLanguages) {
  const auto open = [] { Pdf(kData + "locked.pdf"); };
  EXPECT_EQ(message_of(open, ErrorCode::kUnsupported),
            kData + "locked.pdf: the PDF is protected by a password");
  EXPECT_EQ(message_of(open, ErrorCode::kUnsupported, Language::kRussian),
            kData + "locked.pdf: PDF защищён паролем");
}

TEST_F(PdfTest, RefusesOtherFilesWithTheCause) {
  const std::string text = read_file(kData + "text.pdf", 1'000'000, ErrorCode::kFailed);
  const auto message = [&](const std::string& name, std::string_view bytes,
                           ErrorCode code = ErrorCode::kBadInput) {
    write_file_atomically(folder_ / name, bytes);
    return message_of([&] { Pdf(folder_ / name); }, code);
  };
  EXPECT_NE(message("notes.pdf", "just text", ErrorCode::kUnsupported)
                .find("is not a PDF (it starts like plain text)"),
            std::string::npos);
  EXPECT_NE(message("half.pdf", std::string_view(text).substr(0, text.size() / 2)).find("cut off"),
            std::string::npos);
  EXPECT_NE(message("junk.pdf", "%PDF-1.4\n\x01\x02 junk\n%%EOF\n").find("is damaged"),
            std::string::npos);
  EXPECT_NE(message_of([] { Pdf(kData + "no_pages.pdf"); }, ErrorCode::kBadInput).find("no pages"),
            std::string::npos);
  EXPECT_NE(message_of([&] { Pdf(folder_ / "none.pdf"); }, ErrorCode::kNotFound).find("no such"),
            std::string::npos);
}

TEST_F(PdfTest, ADamagedPageIsNamedAndTheOthersAreRead) {
  const Pdf pdf(kData + "damaged_page.pdf");
  EXPECT_FALSE(pdf.text_layer(1));
  EXPECT_EQ(message_of([&] { pdf.render(1); }, ErrorCode::kBadInput),
            kData + "damaged_page.pdf, page 2: is damaged");
  EXPECT_EQ(pdf.text_layer(2)->text(), "Page 3\n");
  EXPECT_NE(message_of([&] { pdf.render(3); }, ErrorCode::kNotFound).find("has no page 4, only 3"),
            std::string::npos);
}

/// A page of 360 × 720 points with that content, and a JPEG named /Im.
std::string page_objects(const std::string& content, const std::string& jpeg) {
  return "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 360 720]>>endobj\n"
         "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>"
         "/XObject<</Im 6 0 R>>>>>>endobj\n" +
         pdf_stream(4, "/Filter/FlateDecode", content) +
         "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n" +
         pdf_stream(6,
                    "/Type/XObject/Subtype/Image/Width 64/Height 64/ColorSpace/DeviceRGB"
                    "/BitsPerComponent 8/Filter/DCTDecode",
                    jpeg);
}

std::string jpeg_of_noise() {
  image::Image noise{64, 64, {}, 0};
  for (int i = 0; i < 64 * 64 * 3; ++i) noise.rgb.push_back(static_cast<std::uint8_t>(i * i % 251));
  return image::encode_jpeg(noise, 90);
}

TEST_F(PdfTest, TruncatedContentIsDamagedEvenIfItsStartDraws) {
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += "BT /F 12 Tf 20 " + std::to_string(700 - i * 16) + " Td (Line " +
             std::to_string(i * i * 7919) + ") Tj ET\n";
  }
  const std::string whole = deflated(lines);
  std::string overwritten = whole;
  overwritten.replace(overwritten.size() / 2, 8, std::string(8, '\xFF'));
  for (const std::string& content : {whole.substr(0, whole.size() / 2), overwritten}) {
    write_pdf(folder_ / "page.pdf", page_objects(content, jpeg_of_noise()));
    const Pdf pdf(folder_ / "page.pdf");
    EXPECT_FALSE(pdf.text_layer(0));
    EXPECT_NE(message_of([&] { pdf.render(0); }, ErrorCode::kBadInput).find("page 1: is damaged"),
              std::string::npos);
  }
  constexpr std::size_t kChecksum = 4;
  write_pdf(folder_ / "page.pdf",
            page_objects(whole.substr(0, whole.size() - kChecksum), jpeg_of_noise()));
  const std::string text = Pdf(folder_ / "page.pdf").text_layer(0)->text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 40) << text;
}

TEST_F(PdfTest, TruncatedJpegIsDamagedButNotOneWithoutEndMarker) {
  const std::string content = deflated("q 300 0 0 300 20 20 cm /Im Do Q");
  const std::string whole = jpeg_of_noise();
  for (const char* end : {"", "\xFF\xD9"}) {
    write_pdf(folder_ / "cut.pdf", page_objects(content, whole.substr(0, whole.size() / 2) + end));
    EXPECT_NE(message_of([&] { Pdf(folder_ / "cut.pdf").render(0); }, ErrorCode::kBadInput)
                  .find("page 1: is damaged"),
              std::string::npos);
  }
  write_pdf(folder_ / "whole.pdf", page_objects(content, whole.substr(0, whole.size() - 2)));
  EXPECT_NO_THROW(Pdf(folder_ / "whole.pdf").render(0));
  image::Image margin{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 255), 0};
  std::fill_n(margin.rgb.begin(), 64 * 32 * 3, 0);
  const std::string white_below = image::encode_jpeg(margin, 90);
  write_pdf(folder_ / "white.pdf",
            page_objects(content, white_below.substr(0, white_below.size() - 2)));
  EXPECT_NO_THROW(Pdf(folder_ / "white.pdf").render(0));
}

TEST_F(PdfTest, CountsAndDropsHiddenText) {
  const std::string text = "BT /F 12 Tf 20 500 Td (word) Tj ET ";
  const std::string scan = "q 360 0 0 720 0 0 cm /Im Do Q ", bar = "0 g 0 490 200 40 re f ";
  const std::string paper =
      image::encode_jpeg({64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 255), 0}, 90);
  const auto is_seen = [&](const std::string& content, const std::string& picture) {
    write_pdf(folder_ / "page.pdf", page_objects(deflated(content), picture));
    const TextLayer layer = Pdf(folder_ / "page.pdf").read_text_layer(0);
    EXPECT_NE(layer.page.has_value(), layer.words_unseen == 1) << content;
    return layer.page.has_value();
  };
  const std::string noise = jpeg_of_noise();
  EXPECT_FALSE(is_seen("1 g " + text, noise)) << "white on white";
  EXPECT_TRUE(is_seen(bar + "1 g " + text, noise)) << "white on black";
  EXPECT_TRUE(is_seen("1 g 0 0 360 720 re f 0 g " + text, noise)) << "black on white";
  EXPECT_FALSE(is_seen(text + bar, noise));
  EXPECT_FALSE(is_seen(text + "q 100 0 0 40 10 490 cm /Im Do Q", noise)) << "under a small picture";
  EXPECT_TRUE(is_seen(text + "20 495 200 2 re f", noise)) << "underlined";
  EXPECT_TRUE(is_seen("q BT 7 Tr /F 12 Tf 20 500 Td (word) Tj ET 0 490 200 40 re f Q", noise))
      << "letters filled by what comes later";
  EXPECT_TRUE(is_seen(text + scan, noise)) << "what a program read in the scan";
  EXPECT_TRUE(is_seen(scan + "1 g " + text, paper)) << "the same, in white";
  EXPECT_TRUE(is_seen(scan + "3 Tr " + text, noise)) << "the same, invisible";
  EXPECT_FALSE(is_seen(scan + "3 Tr " + text + bar, noise)) << "blacked out";
}

TEST_F(PdfTest, DropsTextOfFormsAndMembershipsInHiddenLayers) {
  const auto unseen = [&](const std::string& layers) {
    write_file_atomically(
        folder_ / "page.pdf",
        "%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[7 0 R]/D<<" + layers +
            ">>>>>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>"
            "/XObject<</Fm 6 0 R/Seen 9 0 R>>/Properties<</M 8 0 R>>>>>>endobj\n" +
            pdf_stream(4, "",
                       "BT /F 10 Tf 20 150 Td (final) Tj ET /Fm Do /Seen Do "
                       "/OC /M BDC BT /F 10 Tf 20 120 Td (first draft) Tj ET EMC") +
            "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n" +
            pdf_stream(6,
                       "/Type/XObject/Subtype/Form/BBox[0 0 300 200]/OC 7 0 R"
                       "/Resources<</Font<</F 5 0 R>>>>",
                       "BT /F 10 Tf 20 90 Td (second draft) Tj ET") +
            pdf_stream(9,
                       "/Type/XObject/Subtype/Form/BBox[0 0 300 200]"
                       "/Resources<</Font<</F 5 0 R>>>>",
                       "BT /F 10 Tf 20 60 Td (approved) Tj ET") +
            "7 0 obj<</Type/OCG/Name(Drafts)>>endobj\n8 0 obj<</Type/OCMD/OCGs 7 0 R>>endobj\n"
            "trailer<</Root 1 0 R>>\n%%EOF\n");
    return Pdf(folder_ / "page.pdf").read_text_layer(0).words_unseen;
  };
  EXPECT_EQ(unseen(""), 0U);
  EXPECT_EQ(unseen("/OFF[7 0 R]"), 4U);
}

/// A page that shows one grey picture, coded by `entries`.
std::string page_with_picture(const std::string& entries, const std::string& data) {
  return "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 360 720]>>endobj\n"
         "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources"
         "<</XObject<</Im 5 0 R>>>>>>endobj\n" +
         pdf_stream(4, "", "q 300 0 0 300 20 20 cm /Im Do Q") +
         pdf_stream(5, "/Type/XObject/Subtype/Image/ColorSpace/DeviceGray" + entries, data);
}

TEST_F(PdfTest, TruncatedDeflatedPictureIsDamaged) {
  const std::string pixels = deflated(jpeg_of_noise());
  const auto write = [&](const std::string& data) {
    write_pdf(folder_ / "page.pdf",
              page_with_picture("/Width 32/Height 32/BitsPerComponent 8/Filter/FlateDecode", data));
  };
  write(pixels);
  EXPECT_NO_THROW(Pdf(folder_ / "page.pdf").render(0));
  write(pixels.substr(0, pixels.size() / 2));
  EXPECT_NE(message_of([&] { Pdf(folder_ / "page.pdf").render(0); }, ErrorCode::kBadInput)
                .find("page 1: is damaged"),
            std::string::npos);
}

TEST_F(PdfTest, PictureWithoutAllRowsIsDamagedForAnyFilter) {
  const auto is_damaged = [&](const std::string& entries, const std::string& data) {
    write_pdf(folder_ / "page.pdf", page_with_picture("/Width 32/Height 32" + entries, data));
    try {
      Pdf(folder_ / "page.pdf", {.resolution = 72}).render(0);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  const std::string pixels = jpeg_of_noise().substr(0, 32 * 32);
  const std::string half = pixels.substr(0, 600);
  EXPECT_FALSE(is_damaged("/BitsPerComponent 8", pixels));
  EXPECT_FALSE(is_damaged("/BitsPerComponent 8", pixels + half)) << "more than its rows";
  EXPECT_FALSE(is_damaged("/BitsPerComponent 4", pixels.substr(0, 32 * 16)));
  EXPECT_TRUE(is_damaged("/BitsPerComponent 8", half));
  EXPECT_TRUE(is_damaged("/BitsPerComponent 1", pixels.substr(0, 32 * 2)));
  std::string hex;
  for (const char c : half) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  EXPECT_TRUE(is_damaged("/BitsPerComponent 8/Filter/ASCIIHexDecode", hex + ">"));
  // A segment for a page of 32 × 32 pixels, and one of 100 bytes that are not there.
  const std::string page("\0\0\0\0\x30\0\1\0\0\0\x13\0\0\0\x20\0\0\0\x20", 19);
  const std::string rest(11, '\0');
  EXPECT_FALSE(is_damaged("/BitsPerComponent 1/Filter/JBIG2Decode", page + rest));
  EXPECT_TRUE(is_damaged("/BitsPerComponent 1/Filter/JBIG2Decode",
                         page + rest + std::string("\0\0\0\1\x26\0\1\0\0\0\x64..", 13)));
}

TEST_F(PdfTest, APictureWithinAFormIsDamagedWhereItsDataAre) {
  const std::string jpeg = jpeg_of_noise();
  const auto write = [&](const std::string& data) {
    write_pdf(folder_ / "page.pdf",
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 360 720]>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</Fm 5 0 R>>>>"
              ">>endobj\n" +
                  pdf_stream(4, "", "q 300 0 0 300 20 20 cm /Fm Do Q") +
                  pdf_stream(5,
                             "/Type/XObject/Subtype/Form/BBox[0 0 1 1]/Resources"
                             "<</XObject<</Im 6 0 R>>>>",
                             "/Im Do") +
                  pdf_stream(6,
                             "/Type/XObject/Subtype/Image/Width 64/Height 64/ColorSpace/DeviceRGB"
                             "/BitsPerComponent 8/Filter/DCTDecode",
                             data));
  };
  write(jpeg);
  EXPECT_NO_THROW(Pdf(folder_ / "page.pdf", {.resolution = 72}).render(0));
  write(jpeg.substr(0, jpeg.size() / 2));
  EXPECT_NE(message_of([&] { Pdf(folder_ / "page.pdf", {.resolution = 72}).render(0); },
                       ErrorCode::kBadInput)
                .find("page 1: is damaged"),
            std::string::npos);
}

TEST_F(PdfTest, TruncatedFaxIsDamagedButNotOneWithoutEndMarker) {
  const auto is_damaged = [&](const std::string& rows) {
    write_pdf(folder_ / "page.pdf",
              page_with_picture("/Width 64/Height 64/BitsPerComponent 1/Filter/CCITTFaxDecode"
                                "/DecodeParms<</K -1/Columns 64/Rows 64>>",
                                rows));
    try {
      Pdf(folder_ / "page.pdf").render(0);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  const std::string half(4, '\xFF');  // a bit for each row that is white as the one before
  EXPECT_TRUE(is_damaged(half));
  EXPECT_TRUE(is_damaged(half + std::string(3, '\xFF'))) << "an eighth is missing";
  EXPECT_TRUE(is_damaged(half + std::string(3, '\xFF') + "\xFC")) << "two rows are missing";
  EXPECT_FALSE(is_damaged(half + half));
  EXPECT_FALSE(is_damaged(half + std::string("\x00\x10\x01", 3))) << "it says that it ends";
}

TEST_F(PdfTest, TruncatedUncompressedTextIsDamaged) {
  const auto write = [&](const std::string& content) {
    write_pdf(folder_ / "page.pdf",
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]"
              "/Resources<</Font<</F 6 0 R>>>>>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R/Contents[4 0 R 5 0 R]>>endobj\n" +
                  pdf_stream(4, "", "BT /F 10 Tf 20 150 Td") + pdf_stream(5, "", content) +
                  "6 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
  };
  write("(first) Tj 0 -20 Td (seco");
  EXPECT_FALSE(Pdf(folder_ / "page.pdf").text_layer(0));
  EXPECT_NE(message_of([&] { Pdf(folder_ / "page.pdf").render(0); }, ErrorCode::kBadInput)
                .find("page 1: is damaged"),
            std::string::npos);
  write("(first) Tj 0 -20 Td (second) Tj");
  const Pdf without_end(folder_ / "page.pdf");
  EXPECT_EQ(without_end.text_layer(0)->text(), "first\nsecond\n");
  ASSERT_EQ(without_end.hidden_content(0).size(), 1u);
  EXPECT_EQ(without_end.hidden_content(0)[0].in(Language::kEnglish),
            "its content ends within text: the rest of it may be missing");
  write("(first) Tj 0 -20 Td (second) Tj ET");
  EXPECT_TRUE(Pdf(folder_ / "page.pdf").hidden_content(0).empty());
}

TEST_F(PdfTest, TruncatedContentIsDamagedForAnyFilter) {
  const std::string hex = "4254202F4620313020546620323020313530205464202866697273742920546A204554";
  const auto write = [&](const std::string& bytes) {
    write_pdf(folder_ / "page.pdf",
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]"
              "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
                  pdf_stream(4, "/Filter[/ASCIIHexDecode/RunLengthDecode]", bytes) +
                  "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
  };
  write("22" + hex + "80>");
  EXPECT_EQ(Pdf(folder_ / "page.pdf").text_layer(0)->text(), "first\n");
  write("22" + hex.substr(0, 60));
  EXPECT_NE(message_of([&] { Pdf(folder_ / "page.pdf").render(0); }, ErrorCode::kBadInput)
                .find("page 1: is damaged"),
            std::string::npos);
}

TEST_F(PdfTest, MissingContentIsDamagedAndNoContentIsAnEmptyPage) {
  const auto is_damaged = [&](const std::string& contents) {
    write_pdf(folder_ / "page.pdf",
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R" +
                  contents + ">>endobj\n" + pdf_stream(4, "", "0 0 72 36 re f"));
    try {
      Pdf(folder_ / "page.pdf", {.resolution = 72}).render(0);
      return false;
    } catch (const Error&) {
      return true;
    }
  };
  EXPECT_FALSE(is_damaged(""));
  EXPECT_FALSE(is_damaged("/Contents[]"));
  EXPECT_FALSE(is_damaged("/Contents 4 0 R"));
  EXPECT_TRUE(is_damaged("/Contents 9 0 R"));
  EXPECT_TRUE(is_damaged("/Contents[4 0 R 9 0 R]"));
  EXPECT_TRUE(is_damaged("/Thumb 8 0 R/Contents\n9\n0\nR/Annots[4 0 R 8 0 R]"));
  EXPECT_FALSE(is_damaged("/PieceInfo<</Contents 9 0 R>>")) << "not the content of the page";
}

TEST_F(PdfTest, AMissingLayerHidesNoOther) {
  for (const char* hidden : {"9 0 R", "<<>>"}) {
    write_file_atomically(folder_ / "page.pdf",
                          "%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/OCProperties"
                          "<</OCGs[<</Type/OCG/Name(a)>>]/D 4 0 R>>>>endobj\n"
                          "4 0 obj<</OFF[" +
                              std::string(hidden) +
                              "]>>endobj\n"
                              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                              "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
                              "trailer<</Root 1 0 R>>\n%%EOF\n");
    const InputFile file(folder_ / "page.pdf", ErrorCode::kBadInput);
    EXPECT_TRUE(PdfStructure(file.map()).hidden_layers().empty()) << hidden;
  }
}

TEST_F(PdfTest, APortfolioAndAFormOfXmlAreNamed) {
  write_file_atomically(
      folder_ / "cover.pdf",
      "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/Collection<</View/D>>/NeedsRendering true>>"
      "endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  const std::vector<LocalizedText> notes = Pdf(folder_ / "cover.pdf").hidden_content(0);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_TRUE(notes[0].contains("portfolio"));
  EXPECT_TRUE(notes[1].contains("XFA"));
}

/// A page with an inherited box, a link and a filled field of a form.
TEST_F(PdfTest, FormFieldIsDrawnAndReadButALinkIsNot) {
  write_file_atomically(
      folder_ / "form.pdf",
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>endobj\n"
      "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 360 720]>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/Annots[4 0 R 6 0 R]>>endobj\n"
      "4 0 obj<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(x)/F 4/P 3 0 R/Rect[36 36 108 72]"
      "/AP<</N 5 0 R>>>>endobj\n"
      "5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 72 36]/Length 12>>stream\n"
      "0 0 72 36 re f\nendstream endobj\n"
      "6 0 obj<</Type/Annot/Subtype/Link/Rect[36 360 108 400]>>endobj\n"
      "trailer<</Root 1 0 R>>\n%%EOF\n");
  const Pdf pdf(folder_ / "form.pdf", {.resolution = 72});
  const std::vector<Box> places = pdf.pictures(0);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_NEAR(places[0].left, 36, 0.01);
  EXPECT_NEAR(places[0].top, 648, 0.01);
  EXPECT_GT(darkness(pdf.render(0), places[0]), 0.9);
}

TEST_F(PdfTest, AWordDividedByASoftHyphenIsWholeAndAHardHyphenStays) {
  write_pdf(folder_ / "hyphens.pdf",
            "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]"
            "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
                pdf_stream(4, "",
                           "BT /F 10 Tf 12 TL 20 150 Td (a long agree~) Tj T* (ment and well-) Tj "
                           "T* (known wo~rds) Tj ET") +
                "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>endobj\n" +
                pdf_stream(6, "",
                           "begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
                           "1 beginbfrange <20> <7D> <0020> endbfrange\n"
                           "1 beginbfchar <7E> <00AD> endbfchar endcmap"));
  const Pdf pdf(folder_ / "hyphens.pdf");
  EXPECT_EQ(pdf.text_layer(0)->text(), "a long agreement\nand well-\nknown words\n");
  EXPECT_FALSE(pdf.render(0).rgb.empty());
}

TEST_F(PdfTest, LigaturesAreLettersOfOneWord) {
  write_pdf(folder_ / "ligatures.pdf",
            "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]"
            "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
                pdf_stream(4, "", "BT /F 10 Tf 20 150 Td (an oWce \\173ow) Tj ET") +
                "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>endobj\n" +
                pdf_stream(6, "",
                           "begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
                           "2 beginbfrange <20> <56> <0020> <58> <7A> <0058> endbfrange\n"
                           "2 beginbfchar <7B> <FB02> <57> <FB03> endbfchar endcmap"));
  EXPECT_EQ(Pdf(folder_ / "ligatures.pdf").text_layer(0)->text(), "an office flow\n");
}

TEST_F(PdfTest, TheUnitOfAPageDecidesItsSize) {
  write_pdf(folder_ / "unit.pdf",
            "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 72 144]>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/UserUnit 2>>endobj\n");
  const PageSize size = Pdf(folder_ / "unit.pdf").page_size(0);
  EXPECT_EQ(size.width_points, 144);
  EXPECT_EQ(size.height_points, 288);
  EXPECT_EQ(size.width, 600);
}

TEST_F(PdfTest, DetectsPdfByContent) {
  const std::string text = read_file(kData + "text.pdf", 1'000'000, ErrorCode::kFailed);
  write_file_atomically(folder_ / "late.png", std::string(1000, '\n') + text);
  EXPECT_TRUE(is_pdf(InputFile(folder_ / "late.png", ErrorCode::kBadInput)));
  write_file_atomically(folder_ / "too_late.pdf", std::string(1020, '\n') + text);
  EXPECT_FALSE(is_pdf(InputFile(folder_ / "too_late.pdf", ErrorCode::kBadInput)));
  write_file_atomically(folder_ / "comment.jpg", std::string_view("\xFF\xD8\xFF\xFE %PDF-1.4"));
  EXPECT_FALSE(is_pdf(InputFile(folder_ / "comment.jpg", ErrorCode::kBadInput)));
}

}  // namespace
}  // namespace oko::document
