#include "image/heif.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace oko::image {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kBoxHeader = 8;  // size and type
constexpr std::size_t kFullBox = 4;    // version and flags
constexpr std::size_t kMostBoxes = 100'000;

std::uint64_t number(Bytes bytes, std::size_t at, std::size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return 0;
  std::uint64_t value = 0;
  for (const std::byte byte : bytes.subspan(at, size)) {
    value = value << 8 | static_cast<std::uint64_t>(byte);
  }
  return value;
}

void append(std::vector<std::byte>& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::byte>(value >> 8 * i & 255));
}

void append(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string_view letters_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// ISO/IEC 14496-12: a size, a type, a content. Sizes of 64 bits are those of media only.
struct Box {
  std::string_view type;
  Bytes whole;
  Bytes content;
};

std::vector<Box> boxes_in(Bytes bytes) {
  std::vector<Box> boxes;
  while (bytes.size() >= kBoxHeader && boxes.size() < kMostBoxes) {
    std::uint64_t size = number(bytes, 0, 4);
    std::size_t header = kBoxHeader;
    if (size == 0) size = bytes.size();
    if (size == 1) {
      size = number(bytes, kBoxHeader, 8);
      header = 2 * kBoxHeader;
    }
    if (size < header || size > bytes.size()) return boxes;
    const Bytes whole = bytes.first(size);
    boxes.push_back({letters_of(bytes.subspan(4, 4)), whole, whole.subspan(header)});
    bytes = bytes.subspan(size);
  }
  return boxes;
}

Bytes find(const std::vector<Box>& boxes, std::string_view type) {
  const auto found = std::ranges::find(boxes, type, &Box::type);
  return found == boxes.end() ? Bytes{} : found->content;
}

/// The boxes of `meta`, whose content begins as that of a full box.
std::vector<Box> boxes_of_meta(Bytes bytes) {
  const Bytes meta = find(boxes_in(bytes), "meta");
  return meta.size() < kFullBox ? std::vector<Box>{} : boxes_in(meta.subspan(kFullBox));
}

/// A reference of one item to others (`iref`); ids have 16 bits in version 0, else 32.
struct Reference {
  std::string_view type;
  std::uint64_t from = 0;
  std::vector<std::uint64_t> to;
};

std::size_t id_size(Bytes iref) {
  return number(iref, 0, 1) == 0 ? 2 : 4;
}

std::vector<Reference> references_in(Bytes iref) {
  if (iref.size() < kFullBox) return {};
  const std::size_t size = id_size(iref);
  std::vector<Reference> references;
  for (const Box& box : boxes_in(iref.subspan(kFullBox))) {
    Reference reference{box.type, number(box.content, 0, size), {}};
    const std::uint64_t count = number(box.content, size, 2);
    for (std::uint64_t i = 0; i < count && (i + 2) * size + 2 <= box.content.size(); ++i) {
      reference.to.push_back(number(box.content, size + 2 + i * size, size));
    }
    references.push_back(std::move(reference));
  }
  return references;
}

std::uint64_t primary_item(const std::vector<Box>& meta) {
  const Bytes pitm = find(meta, "pitm");
  return number(pitm, kFullBox, number(pitm, 0, 1) == 0 ? 2 : 4);
}

/// The type of an item by `iinf`; empty if it is not there.
std::string_view type_of_item(const std::vector<Box>& meta, std::uint64_t item) {
  const Bytes iinf = find(meta, "iinf");
  const std::size_t start = kFullBox + (number(iinf, 0, 1) == 0 ? 2 : 4);
  if (iinf.size() < start) return {};
  for (const Box& infe : boxes_in(iinf.subspan(start))) {
    const std::size_t size = number(infe.content, 0, 1) == 2 ? 2 : 4;
    const std::size_t type_at = kFullBox + size + 2;
    if (infe.type != "infe" || number(infe.content, kFullBox, size) != item) continue;
    return infe.content.size() < type_at + 4 ? std::string_view{}
                                             : letters_of(infe.content.subspan(type_at, 4));
  }
  return {};
}

/// The first picture that `item` is made of (tiles of a grid, the base of a gain map); 0: none.
std::uint64_t first_part(const std::vector<Reference>& references, std::uint64_t item) {
  for (const Reference& each : references) {
    if (each.type == "dimg" && each.from == item && !each.to.empty()) return each.to[0];
  }
  return 0;
}

/// `iref` with one target of each auxiliary picture: `primary` if that is one of them.
std::vector<std::byte> with_single_targets(Bytes iref, std::uint64_t primary) {
  const std::size_t size = id_size(iref);
  std::vector<std::byte> content(iref.begin(), iref.begin() + kFullBox);
  const std::vector<Box> boxes = boxes_in(iref.subspan(kFullBox));
  const std::vector<Reference> references = references_in(iref);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const Reference& each = references[i];
    if (each.type != "auxl" || each.to.size() < 2) {
      append(content, boxes[i].whole);
      continue;
    }
    append(content, kBoxHeader + 2 * size + 2, 4);
    append(content, boxes[i].whole.subspan(4, 4));
    append(content, each.from, size);
    append(content, 1, 2);
    append(content, std::ranges::count(each.to, primary) > 0 ? primary : each.to[0], size);
  }
  return content;
}

void append_box(std::vector<std::byte>& out, std::string_view type, Bytes content) {
  append(out, kBoxHeader + content.size(), 4);
  append(out, std::as_bytes(std::span(type)));
  append(out, content);
}

/// The changed boxes of `meta`. The bytes that `iref` loses go behind the name in `hdlr`, so that
/// nothing else moves.
std::vector<std::byte> changed_boxes(const std::vector<Box>& meta, std::uint64_t primary) {
  const Bytes old_iref = find(meta, "iref");
  const std::vector<std::byte> iref = old_iref.size() < kFullBox
                                          ? std::vector<std::byte>{}
                                          : with_single_targets(old_iref, primary);
  std::vector<std::byte> out;
  for (const Box& box : meta) {
    if (box.type == "iref" && !iref.empty()) {
      append_box(out, box.type, iref);
    } else if (box.type == "hdlr" && !iref.empty()) {
      std::vector<std::byte> content(box.content.begin(), box.content.end());
      content.resize(content.size() + old_iref.size() - iref.size());
      append_box(out, box.type, content);
    } else if (box.type == "pitm") {
      const std::size_t size = number(box.content, 0, 1) == 0 ? 2 : 4;
      std::vector<std::byte> content(box.content.begin(), box.content.begin() + kFullBox);
      append(content, primary, size);
      append_box(out, box.type, content);
    } else {
      append(out, box.whole);
    }
  }
  return out;
}

/// True if another item is another coding of `item`, or its stereo view.
bool is_alternative(const std::vector<Box>& meta, std::uint64_t item, std::uint64_t other) {
  constexpr std::size_t kFirst = kFullBox + 8;  // behind the number of the group and the count
  for (const Box& group : boxes_in(find(meta, "grpl"))) {
    if (group.type != "altr" && group.type != "ster") continue;
    bool has_item = false, has_other = false;
    for (std::size_t at = kFirst; at + 4 <= group.content.size(); at += 4) {
      has_item |= number(group.content, at, 4) == item;
      has_other |= number(group.content, at, 4) == other;
    }
    if (has_item && has_other) return true;
  }
  return false;
}

/// The pictures of the longest track; 0: there is none.
std::uint64_t frames_of_tracks(Bytes bytes) {
  constexpr std::size_t kCount = kFullBox + 4;  // behind the size of one
  std::uint64_t most = 0;
  for (const Box& track : boxes_in(find(boxes_in(bytes), "moov"))) {
    if (track.type != "trak") continue;
    const Bytes media = find(boxes_in(find(boxes_in(track.content), "mdia")), "minf");
    const Bytes sizes = find(boxes_in(find(boxes_in(media), "stbl")), "stsz");
    most = std::max(most, number(sizes, kCount, 4));
  }
  return most;
}

/// True if an item is a part of others, or belongs to one: a tile, a thumbnail, alpha, a gain map.
bool is_part(const std::vector<Reference>& references, std::uint64_t item) {
  return std::ranges::any_of(references, [&](const Reference& each) {
    if (each.type == "dimg") return std::ranges::count(each.to, item) > 0;
    return (each.type == "auxl" || each.type == "thmb") && each.from == item;
  });
}

}  // namespace

std::uint64_t other_heif_pictures(Bytes bytes) {
  static constexpr std::array<std::string_view, 6> kPictures = {"hvc1", "av01", "grid",
                                                                "iden", "iovl", "avc1"};
  const std::vector<Box> boxes = boxes_of_meta(bytes);
  const std::vector<Reference> references = references_in(find(boxes, "iref"));
  const std::uint64_t primary = primary_item(boxes);
  const Bytes iinf = find(boxes, "iinf");
  const std::size_t start = kFullBox + (number(iinf, 0, 1) == 0 ? 2 : 4);
  std::uint64_t others = 0;
  for (const Box& infe : boxes_in(iinf.subspan(std::min(start, iinf.size())))) {
    const std::size_t size = number(infe.content, 0, 1) == 2 ? 2 : 4;
    const std::uint64_t item = number(infe.content, kFullBox, size);
    const bool is_hidden = (number(infe.content, 3, 1) & 1) != 0;
    const std::size_t type_at = kFullBox + size + 2;
    if (is_hidden || item == primary || infe.content.size() < type_at + 4) continue;
    const bool is_picture =
        std::ranges::count(kPictures, letters_of(infe.content.subspan(type_at, 4))) > 0;
    if (is_picture && !is_part(references, item) && !is_alternative(boxes, primary, item)) ++others;
  }
  const std::uint64_t frames = frames_of_tracks(bytes);
  return others + (frames > 0 ? frames - 1 : 0);
}

std::optional<std::vector<std::byte>> readable_heif(Bytes bytes) {
  const Bytes meta = find(boxes_in(bytes), "meta");
  const std::vector<Box> boxes = boxes_of_meta(bytes);
  if (find(boxes, "pitm").size() < kFullBox + 2 || find(boxes, "hdlr").empty()) return std::nullopt;
  const std::vector<Reference> references = references_in(find(boxes, "iref"));
  std::uint64_t primary = primary_item(boxes);
  const bool is_tone_map = type_of_item(boxes, primary) == "tmap";
  const bool is_shared = std::ranges::any_of(
      references, [](const Reference& each) { return each.type == "auxl" && each.to.size() > 1; });
  if (is_tone_map) primary = first_part(references, primary);
  if ((!is_tone_map && !is_shared) || primary == 0) return std::nullopt;
  const std::vector<std::byte> changed = changed_boxes(boxes, primary);
  // Leave boxes of another form than written here, or with bytes between them, as they are.
  if (changed.size() != meta.size() - kFullBox) return std::nullopt;
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  std::ranges::copy(changed, file.begin() + (meta.data() + kFullBox - bytes.data()));
  return file;
}

bool is_cut_heif(Bytes bytes) {
  for (const Box& box : boxes_in(bytes)) bytes = bytes.subspan(box.whole.size());
  if (bytes.size() < kBoxHeader) return false;
  const std::string_view type = letters_of(bytes.subspan(4, 4));
  return type == "mdat" || type == "meta";
}

LocalizedText unusual_heif(Bytes bytes) {
  struct Coding {
    std::string_view type;
    std::string_view name;
  };
  static constexpr std::array kCodings = {
      Coding{"avc1", "AVC (H.264)"},   Coding{"jpeg", "JPEG"},
      Coding{"j2k1", "JPEG 2000"},     Coding{"vvc1", "VVC (H.266)"},
      Coding{"evc1", "EVC"},           Coding{"jxs1", "JPEG XS"},
      Coding{"unci", "uncompressed"},  Coding{"lhv1", "layered HEVC"},
      Coding{"hvt1", "a tile of HEVC"}};
  const std::vector<Box> boxes = boxes_of_meta(bytes);
  std::uint64_t item = primary_item(boxes);
  std::string_view type = type_of_item(boxes, item);
  const std::vector<Reference> references = references_in(find(boxes, "iref"));
  for (int depth = 0; depth < 8 && first_part(references, item) != 0; ++depth) {
    item = first_part(references, item);
    type = type_of_item(boxes, item);
  }
  if (type == "hvc1" || type == "av01" || type.empty()) return {};
  const auto found = std::ranges::find(kCodings, type, &Coding::type);
  return std::string(found == kCodings.end() ? type : found->name);
}

}  // namespace oko::image
