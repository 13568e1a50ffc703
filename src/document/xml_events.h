#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// Attributes of an element, by local names.
class XmlAttributes {
 public:
  XmlAttributes(const unsigned char** attributes, int count)
      : attributes_(attributes), count_(count) {}

  /// The value, not unescaped twice; empty if there is none.
  std::string_view value(std::string_view local_name) const;
  bool has(std::string_view local_name) const;

 private:
  const unsigned char** find(std::string_view local_name) const;

  const unsigned char** attributes_;
  int count_;
};

/// Receives an XML file piece by piece. Functions may throw.
class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  virtual void start(std::string_view space, std::string_view name,
                     const XmlAttributes& attributes) = 0;
  virtual void end(std::string_view space, std::string_view name) = 0;
  virtual void text(std::string_view text) = 0;
};

/// A parser that is fed with pieces of one XML file, by libxml2. No entities of documents are
/// expanded, nothing is fetched: a document type definition ends the reading.
class XmlFeed {
 public:
  /// `part` stands for the file in messages.
  XmlFeed(XmlHandler& handler, const BlockWriter& writer, std::string_view part);
  ~XmlFeed();
  XmlFeed(const XmlFeed&) = delete;
  XmlFeed& operator=(const XmlFeed&) = delete;

  /// Throws kBadInput, kTooLarge and what the handler throws.
  void feed(std::string_view piece);
  /// The same, at the end of the file.
  void finish();

 private:
  struct State;
  void parse(std::string_view piece, bool is_last);
  std::unique_ptr<State> state_;
};

}  // namespace oko::document
