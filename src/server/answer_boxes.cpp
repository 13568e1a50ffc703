#include "server/answer_boxes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/rounded.h"

namespace oko::server {
namespace {

constexpr double kScale = 1000;                     // of Qwen3-VL's coordinates
constexpr int kDeepest = 64;                        // levels of JSON
constexpr std::size_t kMostRead = 8 * 1024 * 1024;  // bytes of answers, some of them again
constexpr std::array kKeys{"bbox_2d", "bbox", "point_2d"};

/// The place behind the bracket that closes the one at `at`, outside of strings; npos: it stays
/// open.
std::size_t end_of_json(std::string_view text, std::size_t at) {
  int depth = 0;
  bool is_text = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (is_text) {
      if (c == '\\') {
        ++at;
      } else {
        is_text = c != '"';
      }
    } else if (c == '"') {
      is_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return std::string_view::npos;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

std::string label_of(const RequestJson& object) {
  for (const char* key : {"label", "text_content", "text"}) {
    const auto found = object.find(key);
    if (found != object.end() && found->is_string()) return found->get<std::string>();
  }
  return {};
}

/// The coordinates of an object, two of a point or four; empty: it names no place.
std::vector<double> place_of(const RequestJson& object, bool& is_named) {
  for (const char* key : kKeys) {
    const auto found = object.find(key);
    if (found == object.end()) continue;
    is_named = true;
    const std::size_t count = std::string_view(key) == "point_2d" ? 2 : 4;
    const bool fits =
        found->is_array() && found->size() == count &&
        std::ranges::all_of(*found, [](const RequestJson& each) { return each.is_number(); });
    return fits ? found->get<std::vector<double>>() : std::vector<double>();
  }
  return {};
}

/// Collects the places of one answer.
class BoxReader {
 public:
  explicit BoxReader(const std::vector<PictureSize>& pictures) : pictures_(pictures) {}

  void read(std::string_view text) {
    std::size_t left = kMostRead;
    for (std::size_t at = text.find_first_of("[{"); at != std::string_view::npos;
         at = text.find_first_of("[{", at)) {
      const std::size_t end = end_of_json(text, at);
      const std::size_t read = std::min(end, text.size()) - at;
      if (read > left) return;
      left -= read;
      const RequestJson value = end == std::string_view::npos
                                    ? RequestJson()
                                    : RequestJson::parse(text.substr(at, end - at), nullptr, false);
      // Within brackets that are no JSON, or stay open, there may be some.
      const bool is_json = value.is_array() || value.is_object();
      if (is_json) add(value);
      at = is_json ? end : at + 1;
    }
  }

  std::vector<AnswerBox> take() { return std::move(boxes_); }

 private:
  void add(const RequestJson& value) {
    if (value.is_object()) {
      bool is_named = false;
      const std::vector<double> place = place_of(value, is_named);
      if (!place.empty()) add_place(value, place);
      if (is_named) return;
    }
    if (value.is_structured()) {
      for (const RequestJson& each : value) add(each);
    }
  }

  void add_place(const RequestJson& object, const std::vector<double>& place) {
    if (boxes_.size() == kMostBoxes) return;
    AnswerBox box{.label = label_of(object), .image = image_of(object), .is_point = false};
    const PictureSize& size = pictures_[box.image - 1];
    box.is_point = place.size() == 2;
    const double x1 = pixels_of(place[0], size.width), y1 = pixels_of(place[1], size.height);
    const double x2 = box.is_point ? x1 : pixels_of(place[2], size.width);
    const double y2 = box.is_point ? y1 : pixels_of(place[3], size.height);
    box.left = std::min(x1, x2);
    box.top = std::min(y1, y2);
    box.width = rounded(std::abs(x2 - x1), 1);
    box.height = rounded(std::abs(y2 - y1), 1);
    boxes_.push_back(std::move(box));
  }

  std::size_t image_of(const RequestJson& object) const {
    const auto found = object.find("image");
    const bool is_number = found != object.end() && found->is_number_unsigned();
    const std::uint64_t number = is_number ? found->get<std::uint64_t>() : 0;
    return number >= 1 && number <= pictures_.size() ? static_cast<std::size_t>(number)
                                                     : pictures_.size();
  }

  const std::vector<PictureSize>& pictures_;
  std::vector<AnswerBox> boxes_;
};

}  // namespace

double pixels_of(double coordinate, int side) {
  return rounded(std::min(std::max(0.0, coordinate), kScale) / kScale * side, 1);
}

std::vector<AnswerBox> boxes_of(std::string_view answer, const std::vector<PictureSize>& pictures) {
  if (pictures.empty()) return {};
  BoxReader reader(pictures);
  reader.read(answer);
  return reader.take();
}

Json json_of(const std::vector<AnswerBox>& boxes, const std::vector<PictureSize>& pictures) {
  Json list = Json::array();
  for (const AnswerBox& box : boxes) {
    const PictureSize& size = pictures.at(box.image - 1);
    Json object{{"label", box.label},
                {"image", box.image},
                {"size", Json::array({size.width, size.height})}};
    if (box.is_point) {
      object["point"] = Json::array({box.left, box.top});
    } else {
      object["box"] = Json::array({box.left, box.top, box.width, box.height});
    }
    list.push_back(std::move(object));
  }
  return list;
}

void add_boxes(const std::optional<std::vector<PictureSize>>& pictures, std::string_view answer,
               Json& object) {
  if (pictures) object["boxes"] = json_of(boxes_of(answer, *pictures), *pictures);
}

}  // namespace oko::server
