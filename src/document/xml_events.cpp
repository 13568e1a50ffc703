#include "document/xml_events.h"

#include <libxml/parser.h>

#include <exception>
#include <new>
#include <string>

#include "base/error.h"
#include "base/text_escape.h"

namespace oko::document {
namespace {

std::string_view xml_view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

void ignore_xml_error(void* /*data*/, const char* /*format*/, ...) {}

// An attribute is five pointers: local name, prefix, URI, value, end of the value.
constexpr int kPointersOfAttribute = 5;

}  // namespace

const unsigned char** XmlAttributes::find(std::string_view local_name) const {
  for (int i = 0; i < count_; ++i) {
    const unsigned char** each = attributes_ + i * kPointersOfAttribute;
    if (xml_view(each[0]) == local_name) return each;
  }
  return nullptr;
}

bool XmlAttributes::has(std::string_view local_name) const {
  return find(local_name) != nullptr;
}

std::string_view XmlAttributes::value(std::string_view local_name) const {
  const unsigned char** found = find(local_name);
  if (found == nullptr) return {};
  return {reinterpret_cast<const char*>(found[3]), static_cast<std::size_t>(found[4] - found[3])};
}

struct XmlFeed::State {
  XmlHandler& handler;
  const BlockWriter& writer;
  std::string part;
  xmlParserCtxtPtr parser = nullptr;
  std::exception_ptr error = nullptr;
  bool has_doctype = false;
  int depth = 0;
  // Of the tag that is fed: libxml2 compares each attribute with all before.
  bool is_in_tag = false;
  char quote = '\0';
  int attributes = 0;

  void count_attributes(std::string_view piece) {
    constexpr int kMost = 2'000;
    for (const char c : piece) {
      if (c == '<') {  // never inside a tag
        is_in_tag = true;
        quote = '\0';
        attributes = 0;
      } else if (!is_in_tag) {
        continue;
      } else if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        is_in_tag = false;
      } else if (c == '=' && ++attributes > kMost) {
        throw Error(ErrorCode::kTooLarge, tr("{}: its part {} has a tag with over {} attributes",
                                             "{}: в его части {} есть тег, у которого больше {} "
                                             "атрибутов",
                                             writer.name(), excerpt(part), kMost));
      }
    }
  }

  /// Calls of a C library must not throw: an error waits here.
  template <typename Work>
  static void guarded(void* data, const Work& work) {
    auto& state = *static_cast<State*>(data);
    if (state.error != nullptr) return;
    try {
      work(state);
    } catch (...) {
      state.error = std::current_exception();
      xmlStopParser(state.parser);
    }
  }

  static void on_start(void* data, const xmlChar* name, const xmlChar* /*prefix*/,
                       const xmlChar* uri, int /*namespaces*/, const xmlChar** /*list*/, int count,
                       int /*defaulted*/, const xmlChar** attributes) {
    guarded(data, [&](State& state) {
      state.writer.require_depth(++state.depth);
      state.handler.start(xml_view(uri), xml_view(name), XmlAttributes(attributes, count));
    });
  }

  static void on_end(void* data, const xmlChar* name, const xmlChar* /*prefix*/,
                     const xmlChar* uri) {
    guarded(data, [&](State& state) {
      --state.depth;
      state.handler.end(xml_view(uri), xml_view(name));
    });
  }

  static void on_text(void* data, const xmlChar* text, int size) {
    guarded(data, [&](State& state) {
      state.handler.text({reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)});
    });
  }

  static void on_doctype(void* data, const xmlChar* /*name*/, const xmlChar* /*external*/,
                         const xmlChar* /*system*/) {
    auto& state = *static_cast<State*>(data);
    state.has_doctype = true;
    xmlStopParser(state.parser);
  }
};

XmlFeed::XmlFeed(XmlHandler& handler, const BlockWriter& writer, std::string_view part)
    : state_(std::make_unique<State>(
          State{.handler = handler, .writer = writer, .part = std::string(part)})) {
  xmlInitParser();
  // Of this thread. Errors of encodings have no other way, and would be printed.
  xmlSetGenericErrorFunc(nullptr, ignore_xml_error);
  xmlSAXHandler events{};
  events.initialized = XML_SAX2_MAGIC;
  events.startElementNs = State::on_start;
  events.endElementNs = State::on_end;
  events.characters = State::on_text;
  events.ignorableWhitespace = State::on_text;
  events.cdataBlock = State::on_text;
  events.internalSubset = State::on_doctype;
  events.warning = events.error = events.fatalError = ignore_xml_error;
  state_->parser = xmlCreatePushParserCtxt(&events, state_.get(), nullptr, 0, nullptr);
  if (state_->parser == nullptr) throw std::bad_alloc();
  xmlCtxtUseOptions(state_->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

XmlFeed::~XmlFeed() {
  if (state_->parser->myDoc != nullptr) xmlFreeDoc(state_->parser->myDoc);
  state_->parser->myDoc = nullptr;
  xmlFreeParserCtxt(state_->parser);
}

void XmlFeed::parse(std::string_view piece, bool is_last) {
  state_->count_attributes(piece);
  const int result =
      xmlParseChunk(state_->parser, piece.data(), static_cast<int>(piece.size()), is_last ? 1 : 0);
  if (state_->error != nullptr) std::rethrow_exception(state_->error);
  // A namespace that is not declared harms nothing.
  const bool is_well_formed =
      result == XML_ERR_OK || (result >= XML_NS_ERR_XML_NAMESPACE && result <= XML_NS_ERR_COLON);
  if (is_well_formed && !state_->has_doctype) return;
  throw Error(ErrorCode::kBadInput,
              tr("{}: its part {} is not proper XML", "{}: его часть {} — неверный XML",
                 state_->writer.name(), excerpt(state_->part)),
              tr("get the file again", "получите файл заново"));
}

void XmlFeed::feed(std::string_view piece) {
  parse(piece, false);
}

void XmlFeed::finish() {
  parse({}, true);
}

}  // namespace oko::document
