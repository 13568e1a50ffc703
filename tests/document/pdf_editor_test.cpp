// Text that oko adds to pages of a PDF, read by PDFium.
#include "document/pdf_editor.h"

#include "document/pdf.h"
#include "tests/support/pdf_pages.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {
namespace {

const PdfOptions kPixelsArePoints{.resolution = 72};  // pixels are points

Page page_of_words(int width, int height) {
  Page page{width, height, {}};
  page.lines.push_back({{{"Вторая", {20, 40, 60, 10}, 1, {}}, {"строка", {85, 40, 50, 10}, 1, {}}},
                        {20, 40, 115, 10},
                        1,
                        0});
  return page;
}

class PdfEditorTest : public ScratchFolderTest {
 protected:
  /// A page with inherited boxes and resources, `entries`, and content that leaves the coordinates
  /// changed.
  std::filesystem::path write_page(const std::string& entries, const std::string& more = {}) {
    const auto path = folder_ / "in.pdf";
    write_pdf(path,
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[-50 20 250 220]"
              "/Resources<</ProcSet[/PDF]>>>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R" +
                  entries + ">>endobj\n" + pdf_stream(4, "", "0 0 30 20 re f q 3 0 0 3 9 9 cm") +
                  more);
    return path;
  }

  /// Adds words to the first page, and opens the result.
  Pdf with_words(const std::filesystem::path& path) {
    const Pdf pdf(path, kPixelsArePoints);
    const PageSize size = pdf.page_size(0);
    auto editor = PdfEditor::open(InputFile(path, ErrorCode::kBadInput), pdf.page_count());
    editor->add_text(0, pdf.sheet(0), page_of_words(size.width, size.height));
    editor->write(folder_ / "out.pdf");
    return Pdf(folder_ / "out.pdf", kPixelsArePoints);
  }
};

TEST_F(PdfEditorTest, PlacesTextOnRotatedAndCroppedPages) {
  for (const char* entries :
       {"", "/Rotate 90", "/Rotate 180", "/Rotate -90", "/CropBox[-40 40 200 210]",
        "/CropBox[-40 40 200 210]/Rotate 270", "/UserUnit 2", "/Resources<<>>"}) {
    const std::filesystem::path path = write_page(entries);
    const image::Image before = Pdf(path, kPixelsArePoints).render(0);
    const Pdf pdf = with_words(path);
    EXPECT_EQ(pdf.render(0).rgb, before.rgb) << entries;
    const auto text = pdf.text_layer(0);
    ASSERT_TRUE(text) << entries;
    ASSERT_EQ(text->text(), "Вторая строка\n") << entries;
    const Box& box = text->lines[0].words[1].box;
    EXPECT_NEAR(box.left, 85, 1) << entries;
    EXPECT_NEAR(box.top, 40, 1.5) << entries;
    EXPECT_NEAR(box.width, 50, 1) << entries;
    EXPECT_NEAR(box.height, 10, 2) << entries;
  }
}

TEST_F(PdfEditorTest, StreamsOfThePageAreCopiedAsTheyAre) {
  const std::string jpeg = "\xFF\xD8 not decoded \xFF\xD9", fax(1000, '\x5A');
  with_words(
      write_page("/Resources<</XObject<</A 5 0 R/B 6 0 R>>>>",
                 pdf_stream(5,
                            "/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray"
                            "/BitsPerComponent 8/Filter/DCTDecode",
                            jpeg) +
                     pdf_stream(6,
                                "/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray"
                                "/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1>>",
                                fax)));
  const std::string out = read_file(folder_ / "out.pdf", 1'000'000, ErrorCode::kFailed);
  EXPECT_NE(out.find(jpeg), std::string::npos);
  EXPECT_NE(out.find(fax), std::string::npos);
  EXPECT_LT(out.size(), std::filesystem::file_size(folder_ / "in.pdf") + 4000);
}

TEST_F(PdfEditorTest, APageThatIsThereTwiceGetsTheTextOfEach) {
  write_pdf_with_table(
      folder_ / "in.pdf",
      "2 0 obj<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2/MediaBox[0 0 300 200]>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/Resources<</Font 4 0 R>>>>endobj\n"
      "4 0 obj<</OkoText 5 0 R>>endobj\n5 0 obj<</Type/Font>>endobj\n");
  const Pdf pdf(folder_ / "in.pdf", kPixelsArePoints);
  auto editor = PdfEditor::open(InputFile(folder_ / "in.pdf", ErrorCode::kBadInput), 2);
  ASSERT_TRUE(editor);
  EXPECT_FALSE(editor->is_changed());
  editor->add_text(1, pdf.sheet(1), page_of_words(300, 200));
  EXPECT_TRUE(editor->is_changed());
  editor->write(folder_ / "out.pdf");
  const Pdf out(folder_ / "out.pdf", kPixelsArePoints);
  EXPECT_EQ(out.text_layer(0).value_or(Page{}).text(), "");
  EXPECT_EQ(out.text_layer(1)->text(), "Вторая строка\n");
}

TEST_F(PdfEditorTest, AnEncryptedFileStaysEncrypted) {
  const auto path = write_page("");
  {
    const auto locked = folder_ / "locked.pdf";  // qpdf keeps no copy of the name
    QpdfFile qpdf;
    ASSERT_TRUE(qpdf.open(InputFile(path, ErrorCode::kBadInput).map()));
    qpdf_init_write(qpdf, locked.c_str());
    qpdf_set_r6_encryption_parameters2(qpdf, "", "owner", QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
                                       QPDF_TRUE, QPDF_TRUE, QPDF_FALSE, qpdf_r3p_none, QPDF_TRUE);
    ASSERT_EQ(qpdf_write(qpdf) & QPDF_ERRORS, 0);
  }
  EXPECT_EQ(with_words(folder_ / "locked.pdf").text_layer(0)->text(), "Вторая строка\n");
  QpdfFile out;
  ASSERT_TRUE(out.open(InputFile(folder_ / "out.pdf", ErrorCode::kBadInput).map()));
  EXPECT_TRUE(qpdf_is_encrypted(out));
  EXPECT_FALSE(qpdf_allow_modify_other(out));
}

TEST_F(PdfEditorTest, InvisibleTextIsTakenOutOfOnePageAndItsForms) {
  const std::string form = "/Type/XObject/Subtype/Form/BBox[0 0 300 200]/Resources 5 0 R";
  write_pdf_with_table(
      folder_ / "in.pdf",
      "2 0 obj<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 300 200]/Resources"
      "<</Font<</F 8 0 R>>/XObject<</A 7 0 R>>>>>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/Contents 6 0 R>>endobj\n"
      "4 0 obj<</Type/Page/Parent 2 0 R/Contents 6 0 R>>endobj\n"
      "5 0 obj<</Font<</F 8 0 R>>>>endobj\n" +
          pdf_stream(6, "",
                     "/A Do BT /F 10 Tf 20 20 Td (seen) Tj ET BT 3 Tr 0 60 Td (hidden) Tj ET") +
          pdf_stream(7, form,
                     "BT 3 Tr /F 10 Tf 20 90 Td (deeper) Tj ET "
                     "BT 0 Tr /F 10 Tf 20 120 Td (kept) Tj ET") +
          "8 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
  auto editor = PdfEditor::open(InputFile(folder_ / "in.pdf", ErrorCode::kBadInput), 2);
  ASSERT_TRUE(editor);
  editor->remove_invisible_text(0);
  editor->write(folder_ / "out.pdf");
  const Pdf out(folder_ / "out.pdf", kPixelsArePoints);
  EXPECT_EQ(out.text_layer(0)->text(), "kept\n\nseen\n");
  EXPECT_EQ(out.text_layer(1)->text(), "kept\n\ndeeper\n\nhidden\n\nseen\n");
  EXPECT_EQ(out.read_text_layer(1, /*only_painted=*/true).page->text(), "kept\n\nseen\n");
}

TEST_F(PdfEditorTest, EmptyOutlinesAndFormsAreNotMoreThanPages) {
  const auto has_more = [&](const std::string& entries) {
    write_file_atomically(folder_ / "more.pdf",
                          "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R" + entries +
                              ">>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                              "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
                              "4 0 obj<</Title(a)>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
    return PdfEditor::open(InputFile(folder_ / "more.pdf", ErrorCode::kBadInput), 1)
        ->has_more_than_pages();
  };
  for (const char* empty : {"", "/Outlines<</Type/Outlines>>", "/AcroForm<</Fields[]>>",
                            "/Names<</EmbeddedFiles<</Names[]>>>>"}) {
    EXPECT_FALSE(has_more(empty)) << empty;
  }
  for (const char* more : {"/Outlines<</First 4 0 R/Last 4 0 R>>", "/AcroForm<</Fields[4 0 R]>>",
                           "/Names<</EmbeddedFiles<</Names[(a)4 0 R]>>>>"}) {
    EXPECT_TRUE(has_more(more)) << more;
  }
}

TEST_F(PdfEditorTest, RefusesToLeaveAResultThatIsNotWhole) {
  const auto path = write_page("/Resources<</XObject<</A 5 0 R>>>>",
                               pdf_stream(5, "", std::string(300'000, 'x')));
  const auto write = [&] {
    const InputFile file(path, ErrorCode::kBadInput);
    auto editor = PdfEditor::open(file, 1);
    editor->add_text(0, Pdf(path, kPixelsArePoints).sheet(0), page_of_words(300, 200));
    editor->write(folder_ / "out.pdf");
  };
  write();
  const auto whole = static_cast<rlim_t>(std::filesystem::file_size(folder_ / "out.pdf"));
  for (const rlim_t size : {rlim_t{100}, rlim_t{4096}, whole / 2, whole - 300, whole - 8}) {
    const FileSizeLimit full(size);
    EXPECT_EQ(message_of(write, ErrorCode::kFailed),
              (folder_ / "out.pdf").string() + ": cannot be written: File too large")
        << size << " of " << whole;
  }
}

TEST_F(PdfEditorTest, RefusesFileWithAnotherPageCountThanPdfium) {
  EXPECT_FALSE(PdfEditor::open(InputFile(write_page(""), ErrorCode::kBadInput), 2));
}

}  // namespace
}  // namespace oko::document
