#include "document/docx_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/lower_case.h"
#include "document/xml_events.h"
#include "document/zip_parts.h"

namespace oko::document {
namespace {

using Kind = TextBlock::Kind;

bool is_word_space(std::string_view space) {
  return space.find("wordprocessingml") != std::string_view::npos;
}

/// The value of a property that may be switched off: <w:vanish w:val="0"/>.
bool is_on(const XmlAttributes& attributes) {
  const std::string_view value = attributes.value("val");
  return value != "0" && value != "false" && value != "off";
}

int number_in(std::string_view text, int otherwise) {
  return text.size() == 1 && text[0] >= '0' && text[0] <= '9' ? text[0] - '0' : otherwise;
}

/// The last letters of a name that are a level: "heading 2"; 0 if it is no heading.
int heading_level(std::string_view name) {
  const std::string lower = lower_case(name);
  if (lower == "title") return 1;
  if (lower == "subtitle") return 2;
  if (!lower.starts_with("heading")) return 0;
  return std::min(number_in(std::string_view(lower).substr(lower.size() - 1), 0), 6);
}

/// Levels of headings by the identifiers of styles (word/styles.xml).
class DocxStyles : public XmlHandler {
 public:
  void start(std::string_view space, std::string_view name,
             const XmlAttributes& attributes) override {
    if (!is_word_space(space)) return;
    if (name == "style") {
      id_ = attributes.value("styleId");
    } else if (name == "name") {
      set_level(heading_level(attributes.value("val")));
    } else if (name == "outlineLvl") {
      set_level(number_in(attributes.value("val"), 9) + 1);
    } else if (name == "basedOn" && !levels_.contains(id_)) {
      const auto base = levels_.find(std::string(attributes.value("val")));
      if (base != levels_.end()) levels_[id_] = base->second;
    }
  }
  void end(std::string_view /*space*/, std::string_view /*name*/) override {}
  void text(std::string_view /*text*/) override {}

  /// 0: it is no heading.
  int level_of(std::string_view id) const {
    const auto found = levels_.find(std::string(id));
    return found != levels_.end() ? found->second : heading_level(id);
  }

 private:
  void set_level(int level) {
    if (!id_.empty() && level >= 1 && level <= 6) levels_[id_] = level;
  }

  std::string id_;
  std::map<std::string, int> levels_;
};

/// docProps/core.xml.
class DocxProperties : public XmlHandler {
 public:
  explicit DocxProperties(TextDocument& document) : document_(document) {}

  void start(std::string_view /*space*/, std::string_view /*name*/,
             const XmlAttributes& /*attributes*/) override {
    value_.clear();
  }
  void text(std::string_view text) override {
    constexpr std::size_t kLongest = 4096;
    if (value_.size() < kLongest) value_ += text;
  }
  void end(std::string_view /*space*/, std::string_view name) override {
    if (name == "title") {
      document_.title = value_;
    } else if (name == "language") {
      document_.language = value_;
    } else if (name == "modified" || (name == "created" && !document_.date)) {
      document_.date = parse_iso_date(value_);
    }
    value_.clear();
  }

 private:
  TextDocument& document_;
  std::string value_;
};

/// A part with paragraphs: the body, a header, notes.
class DocxStory : public XmlHandler {
 public:
  DocxStory(const DocxStyles& styles, BlockWriter& writer) : styles_(styles), writer_(writer) {}

  void start(std::string_view space, std::string_view name,
             const XmlAttributes& attributes) override {
    if (skipped_ > 0 || is_left_out(name)) {
      ++skipped_;
    } else if (is_word_space(space)) {
      start_word(name, attributes);
    } else if (name == "t" && space.ends_with("/math")) {
      in_text_ = true;
    }
  }

  void end(std::string_view space, std::string_view name) override {
    if (skipped_ > 0) {
      --skipped_;
    } else if (name == "t") {
      in_text_ = false;
    } else if (is_word_space(space) && (name == "p" || name == "tr")) {
      end_frame(name == "tr");
    }
  }

  void text(std::string_view text) override {
    if (!in_text_ || skipped_ > 0 || is_hidden_ || frames_.empty()) return;
    writer_.require_room(frames_.back().text.size() + text.size());
    frames_.back().text += text;
  }

 private:
  /// An open paragraph or row; a text box puts paragraphs into a paragraph.
  struct Frame {
    Kind kind = Kind::kParagraph;
    int level = 0;
    std::string text = {};
    bool is_row = false;
  };

  /// Deleted text, the old place of moved text, and what stands for content of another version.
  static bool is_left_out(std::string_view name) {
    static constexpr std::array<std::string_view, 6> kNames{"del",       "moveFrom", "Fallback",
                                                            "instrText", "delText",  "pPrChange"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
  }

  void start_word(std::string_view name, const XmlAttributes& attributes) {
    if (name == "p" || name == "tr") {
      frames_.push_back({.is_row = name == "tr"});
      is_hidden_ = false;
    } else if (name == "tc") {
      if (!frames_.empty() && frames_.back().is_row && !frames_.back().text.empty()) {
        frames_.back().text += '\t';
      }
    } else if (name == "r") {
      is_hidden_ = false;
    } else if (name == "vanish") {
      is_hidden_ = is_on(attributes);
    } else if (name == "t") {
      in_text_ = true;
    } else if (!frames_.empty()) {
      start_in_paragraph(frames_.back(), name, attributes);
    }
  }

  void start_in_paragraph(Frame& frame, std::string_view name, const XmlAttributes& attributes) {
    if (name == "pStyle" || name == "outlineLvl") {
      const std::string_view value = attributes.value("val");
      const int level = name == "pStyle" ? styles_.level_of(value) : number_in(value, 9) + 1;
      if (level < 1 || level > 6) return;
      frame.kind = Kind::kHeading;
      frame.level = level;
    } else if (name == "numPr" && frame.kind == Kind::kParagraph) {
      frame.kind = Kind::kListItem;
      frame.level = 1;
    } else if (name == "ilvl" && frame.kind == Kind::kListItem) {
      frame.level = number_in(attributes.value("val"), 8) + 1;
    } else if (is_hidden_) {
      return;
    } else if (name == "tab" || name == "ptab") {
      // <w:tab w:pos=…> is a stop of the ruler.
      if (!attributes.has("pos")) frame.text += '\t';
    } else if (name == "br" || name == "cr") {
      frame.text += '\n';
    } else if (name == "noBreakHyphen") {
      frame.text += '-';
    }
  }

  void end_frame(bool is_row) {
    if (frames_.empty() || frames_.back().is_row != is_row) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    is_hidden_ = false;
    const bool is_in_row = !frames_.empty() && frames_.back().is_row;
    if (is_in_row && !is_row) {
      std::string& row = frames_.back().text;
      std::replace(frame.text.begin(), frame.text.end(), '\t', ' ');
      if (!row.empty() && row.back() != '\t' && !frame.text.empty()) row += '\n';
      row += frame.text;
      return;
    }
    if (is_row) frame.kind = Kind::kTableRow;
    writer_.add(frame.kind, frame.level, frame.text);
  }

  const DocxStyles& styles_;
  BlockWriter& writer_;
  std::vector<Frame> frames_;
  int skipped_ = 0;  ///< open elements of what is left out
  bool in_text_ = false;
  bool is_hidden_ = false;
};

/// The target of the relation to the main part in _rels/.rels.
class DocxRelations : public XmlHandler {
 public:
  void start(std::string_view /*space*/, std::string_view name,
             const XmlAttributes& attributes) override {
    if (name != "Relationship" || !attributes.value("Type").ends_with("/officeDocument")) return;
    std::string_view target = attributes.value("Target");
    if (target.starts_with('/')) target.remove_prefix(1);
    main_part = target;
  }
  void end(std::string_view /*space*/, std::string_view /*name*/) override {}
  void text(std::string_view /*text*/) override {}

  std::string main_part = "word/document.xml";
};

class DocxReader {
 public:
  DocxReader(std::string_view bytes, BlockWriter& writer)
      : parts_(bytes, writer), writer_(writer) {}

  void read() {
    DocxRelations relations;
    read_part("_rels/.rels", relations);
    if (!parts_.has(relations.main_part)) {
      throw Error(ErrorCode::kBadInput, tr("{}: is a ZIP file without a text of Word",
                                           "{}: это архив ZIP без текста Word", writer_.name()));
    }
    const std::string folder = relations.main_part.substr(0, relations.main_part.rfind('/') + 1);
    DocxProperties properties(writer_.document());
    read_part("docProps/core.xml", properties);
    read_part(folder + "styles.xml", styles_);
    read_story(relations.main_part);
    for (const char* name : {"footnotes.xml", "endnotes.xml", "comments.xml"}) {
      read_story(folder + name);
    }
    read_margins(folder);
    note_left_out(folder);
  }

 private:
  void read_part(const std::string& name, XmlHandler& handler) {
    XmlFeed feed(handler, writer_, name);
    const bool is_there = parts_.read(name, [&](std::string_view piece) {
      feed.feed(piece);
      return true;
    });
    if (is_there) feed.finish();
  }

  void read_story(const std::string& name) {
    DocxStory story(styles_, writer_);
    read_part(name, story);
  }

  /// Headers and footers; those of the first page and of even pages are often the same.
  void read_margins(const std::string& folder) {
    TextDocument& document = writer_.document();
    std::vector<std::string> names = parts_.names();
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::set<std::string> known;
    for (const std::string& name : names) {
      if (!name.starts_with(folder) || !name.ends_with(".xml")) continue;
      const std::string_view file = std::string_view(name).substr(folder.size());
      if (!file.starts_with("header") && !file.starts_with("footer")) continue;
      const std::size_t before = document.blocks.size();
      read_story(name);
      std::string text;
      for (std::size_t i = before; i < document.blocks.size(); ++i) text += document.blocks[i].text;
      if (!known.insert(text).second) document.blocks.resize(before);
    }
  }

  void note_left_out(const std::string& folder) {
    const auto count_in = [&](const std::string& inside) {
      return std::count_if(parts_.names().begin(), parts_.names().end(),
                           [&](const std::string& name) {
                             return name.starts_with(inside) && name.size() > inside.size();
                           });
    };
    if (const auto pictures = count_in(folder + "media/"); pictures > 0) {
      writer_.document().notes.push_back(
          tr("its pictures were not read: {}", "картинки в нём не прочитаны: {}", Count(pictures)));
    }
    if (const auto files = count_in(folder + "embeddings/"); files > 0) {
      writer_.document().notes.push_back(
          tr("files inside were not read: {}", "файлы внутри не прочитаны: {}", Count(files)));
    }
  }

  ZipParts parts_;
  BlockWriter& writer_;
  DocxStyles styles_;
};

}  // namespace

void read_docx_text(std::string_view bytes, BlockWriter& writer) {
  if (bytes.starts_with("\xD0\xCF\x11\xE0")) {
    throw Error(ErrorCode::kUnsupported,
                tr("{}: is protected by a password, or a file of Word before 2007",
                   "{}: защищён паролем или это файл Word до 2007 года", writer.name()),
                tr("save it as DOCX without a password", "сохраните его как DOCX без пароля"));
  }
  DocxReader(bytes, writer).read();
}

}  // namespace oko::document
