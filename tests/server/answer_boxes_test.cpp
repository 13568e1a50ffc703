#include "server/answer_boxes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/sanitizers.h"

namespace oko::server {
namespace {

constexpr int kSides[] = {1, 2, 3, 7, 28, 640, 999, 1000, 1001, 4032, 65'535, 100'000};

/// As JSON shows them, without names and sizes.
std::string places_of(const std::string& answer,
                      const std::vector<PictureSize>& pictures = {{2000, 500}}) {
  Json places = Json::array();
  for (const Json& each : json_of(boxes_of(answer, pictures), pictures)) {
    places.push_back(each.contains("point") ? each.at("point") : each.at("box"));
  }
  return places.dump();
}

TEST(AnswerBoxesTest, CornersAreExactAndTheRestIsInOrder) {
  for (const int side : kSides) {
    EXPECT_EQ(pixels_of(0, side), 0);
    EXPECT_EQ(pixels_of(1000, side), side);
    double last = -1;
    for (int coordinate = 0; coordinate <= 1000; ++coordinate) {
      const double pixels = pixels_of(coordinate, side);
      EXPECT_GE(pixels, last);
      EXPECT_LE(std::abs(pixels - coordinate * (side / 1000.0)), 0.05 + 1e-9) << side;
      last = pixels;
    }
  }
}

TEST(AnswerBoxesTest, BoxesLieInPicturesOfAnySize) {
  std::minstd_rand random(1);
  std::uniform_int_distribution<int> coordinate(-200, 1200);
  for (const int width : kSides) {
    for (const int height : kSides) {
      const Json numbers{coordinate(random), coordinate(random), coordinate(random),
                         coordinate(random)};
      const auto boxes = boxes_of(Json{{"bbox_2d", numbers}}.dump(), {{width, height}});
      ASSERT_EQ(boxes.size(), 1u) << numbers;
      const AnswerBox& box = boxes.front();
      EXPECT_GE(box.left, 0);
      EXPECT_GE(box.top, 0);
      EXPECT_GE(box.width, 0);
      EXPECT_GE(box.height, 0);
      EXPECT_LE(box.left + box.width, width + 1e-6);
      EXPECT_LE(box.top + box.height, height + 1e-6);
    }
  }
}

TEST(AnswerBoxesTest, ReadsWhatModelsWrite) {
  EXPECT_EQ(places_of(R"([{"bbox_2d": [0, 0, 1000, 1000], "label": "sky"}])"),
            "[[0.0,0.0,2000.0,500.0]]");
  EXPECT_EQ(places_of("Here:\n```json\n[\n\t{\"bbox_2d\": [100, 200, 300, 400]},\n"
                      "\t{\"point_2d\": [500, 500]}\n]\n```\nDone [1]."),
            "[[200.0,100.0,400.0,100.0],[1000.0,250.0]]");
  EXPECT_EQ(places_of(R"({"objects": {"cats": [{"bbox": [1.5, 2, 3, 4]}]}})"),
            "[[3.0,1.0,3.0,1.0]]");
  EXPECT_EQ(places_of(R"([{"bbox_2d": [0, 0, 10, 10]}, {"bbox_2d": [0, 0, 20, 20]}, {"bbox_)"),
            "[[0.0,0.0,20.0,5.0],[0.0,0.0,40.0,10.0]]")
      << "the answer was cut";
  const auto boxes = boxes_of(
      R"([{"bbox_2d":[0,0,1,1],"label":"кот \"}"},{"bbox_2d":[0,0,1,1],"text_content":"5"},
          {"bbox_2d":[0,0,1,1],"label":7}])",
      {{10, 10}});
  ASSERT_EQ(boxes.size(), 3u);
  EXPECT_EQ(boxes[0].label, "кот \"}");
  EXPECT_EQ(boxes[1].label, "5");
  EXPECT_EQ(boxes[2].label, "");
}

TEST(AnswerBoxesTest, AnObjectNamesItsPictureFromOne) {
  const std::vector<PictureSize> pictures{{10, 10}, {100, 100}, {1000, 1000}};
  for (const auto& [image, expected] :
       {std::pair("1", 1u), std::pair("2", 2u), std::pair("3", 3u), std::pair("4", 3u),
        std::pair("0", 3u), std::pair("-1", 3u), std::pair("1.0", 3u), std::pair("\"1\"", 3u),
        std::pair("99999999999999999999", 3u)}) {
    const auto boxes =
        boxes_of(std::string(R"({"bbox_2d":[0,0,1000,1000],"image":)") + image + "}", pictures);
    ASSERT_EQ(boxes.size(), 1u) << image;
    EXPECT_EQ(boxes[0].image, expected) << image;
    EXPECT_EQ(boxes[0].width, pictures[expected - 1].width);
  }
  EXPECT_EQ(boxes_of(R"({"bbox_2d":[0,0,1,1]})", pictures).at(0).image, 3u);
  EXPECT_TRUE(boxes_of(R"({"bbox_2d":[0,0,1,1]})", {}).empty());
}

TEST(AnswerBoxesTest, ClampsExchangesOrLeavesOut) {
  EXPECT_EQ(places_of(R"({"bbox_2d":[-5,-1e300,1e300,1001]})"), "[[0.0,0.0,2000.0,500.0]]");
  EXPECT_EQ(places_of(R"({"bbox_2d":[300,400,100,200]})"), "[[200.0,100.0,400.0,100.0]]");
  EXPECT_EQ(places_of(R"({"bbox_2d":[-0.0,-0,-0.0,-0]})"), "[[0.0,0.0,0.0,0.0]]");
  for (const char* answer :
       {R"({"bbox_2d":[1,2,3]})", R"({"bbox_2d":[1,2,3,4,5]})", R"({"bbox_2d":["1",2,3,4]})",
        R"({"bbox_2d":[null,2,3,4]})", R"({"bbox_2d":[true,2,3,4]})",
        R"({"bbox_2d":[[1,2],3,4,5]})", R"({"bbox_2d":"1,2,3,4"})", R"({"bbox_2d":{"x":1}})",
        R"({"bbox_2d":[NaN,2,3,4]})", R"({"bbox_2d":[1e999,2,3,4]})",
        R"({"bbox_2d":[Infinity,2,3,4]})", R"({"point_2d":[1,2,3,4]})",
        R"({"bbox_2d":[],"bbox":[1,2,3,4]})", "bbox_2d", "[", "{\"", "\"[{", "[[1,2,3,4]]", ""}) {
    EXPECT_EQ(places_of(answer), "[]") << answer;
  }
  EXPECT_EQ(places_of(R"({"bbox_2d":[NaN,2,3,4]} [{"bbox_2d":[0,0,1000,1000]}])"),
            "[[0.0,0.0,2000.0,500.0]]");
}

TEST(AnswerBoxesTest, HostileAnswersTakeNeitherTimeNorMemory) {
  const std::string box = R"({"bbox_2d":[1,2,3,4]})";
  std::string many = "[";
  for (int i = 0; i < 5000; ++i) many += box + ",";
  many.back() = ']';
  EXPECT_EQ(boxes_of(many, {{10, 10}}).size(), kMostBoxes);
  constexpr std::size_t kLong = repetitions(1 << 20, 1 << 17);
  for (const char* piece : {"[", "{", "[\"", "]", "{\"a\":", "[1,", "\\\"[", "{}", "[]"}) {
    std::string answer;
    while (answer.size() < kLong) answer += piece;
    EXPECT_TRUE(boxes_of(answer, {{10, 10}}).empty()) << piece;
  }
  EXPECT_EQ(boxes_of(std::string(63, '[') + box + std::string(63, ']'), {{10, 10}}).size(), 1u);
}

TEST(AnswerBoxesTest, AreAddedWhereTheyAreAskedFor) {
  Json object = Json::object();
  add_boxes(std::nullopt, R"({"bbox_2d":[0,0,1,1]})", object);
  EXPECT_FALSE(object.contains("boxes"));
  add_boxes(std::vector<PictureSize>{}, R"({"bbox_2d":[0,0,1,1]})", object);
  EXPECT_EQ(object.at("boxes"), Json::array());
  add_boxes(std::vector<PictureSize>{{30, 40}}, R"({"bbox_2d":[0,0,1000,500],"label":"a"})",
            object);
  EXPECT_EQ(object.dump(),
            R"({"boxes":[{"label":"a","image":1,"size":[30,40],"box":[0.0,0.0,30.0,20.0]}]})");
}

}  // namespace
}  // namespace oko::server
