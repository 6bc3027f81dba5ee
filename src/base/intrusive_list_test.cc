#include "src/base/intrusive_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace eventmq {
namespace {

struct Element {
  int number = 0;
  ListLink<Element> link;
};
using List = IntrusiveList<Element, &Element::link>;

class IntrusiveListTest : public ::testing::Test {
 protected:
  IntrusiveListTest() {
    for (int i = 0; i < 4; ++i) elements_[static_cast<size_t>(i)].number = i;
  }
  Element& at(size_t index) { return elements_[index]; }
  void fill() {
    for (Element& element : elements_) list_.push_back(element);
  }
  std::vector<int> forwards() const {
    std::vector<int> numbers;
    for (Element* element = list_.front(); element; element = List::next(*element)) numbers.push_back(element->number);
    return numbers;
  }
  std::vector<int> backwards() const {
    std::vector<int> numbers;
    for (Element* element = list_.back(); element; element = element->link.previous) {
      numbers.insert(numbers.begin(), element->number);
    }
    return numbers;
  }
  void expect(const std::vector<int>& numbers) {
    EXPECT_EQ(forwards(), numbers);
    EXPECT_EQ(backwards(), numbers);
    EXPECT_EQ(list_.size(), numbers.size());
    EXPECT_EQ(list_.empty(), numbers.empty());
  }

  std::array<Element, 4> elements_;
  List list_;
};

TEST_F(IntrusiveListTest, BeginsEmpty) {
  expect({});
  EXPECT_EQ(list_.front(), nullptr);
  EXPECT_EQ(list_.back(), nullptr);
}

TEST_F(IntrusiveListTest, KeepsTheOrderOfArrival) {
  fill();
  expect({0, 1, 2, 3});
}

TEST_F(IntrusiveListTest, LosesElementsAnywhere) {
  fill();
  list_.remove(at(2));
  expect({0, 1, 3});
  list_.remove(at(0));
  expect({1, 3});
  list_.remove(at(3));
  expect({1});
  list_.remove(at(1));
  expect({});
}

TEST_F(IntrusiveListTest, AnElementMayComeBack) {
  fill();
  list_.remove(at(1));
  EXPECT_FALSE(at(1).link.linked);
  list_.push_back(at(1));
  expect({0, 2, 3, 1});
}

TEST_F(IntrusiveListTest, MovesToTheBack) {
  fill();
  list_.move_to_back(at(0));
  expect({1, 2, 3, 0});
  list_.move_to_back(at(2));
  expect({1, 3, 0, 2});
  list_.move_to_back(at(2));
  expect({1, 3, 0, 2});
}

TEST_F(IntrusiveListTest, TheOnlyElementIsFrontAndBack) {
  list_.push_back(at(3));
  list_.move_to_back(at(3));
  expect({3});
  EXPECT_EQ(list_.front(), list_.back());
}

using IntrusiveListDeathTest = IntrusiveListTest;

TEST_F(IntrusiveListDeathTest, AddingTwiceIsABug) {
  list_.push_back(at(0));
  EXPECT_DEATH(list_.push_back(at(0)), "linked");
}

TEST_F(IntrusiveListDeathTest, RemovingAStrangerIsABug) { EXPECT_DEATH(list_.remove(at(0)), "linked"); }

}  // namespace
}  // namespace eventmq
