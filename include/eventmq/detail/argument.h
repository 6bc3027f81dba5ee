// One JSON value into one C++ value, strictly: no silent narrowing, truncation or conversion. Not for direct use.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "eventmq/json.h"

namespace eventmq::detail {

// The second half of a sentence that begins with the parameter's name: "must be a string, not 5".
struct BadArgument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::string describe(const Json& value) {
  if (value.is_string()) return "a string";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.dump();
}

[[noreturn]] inline void refuse(const std::string& expected, const Json& value) {
  throw BadArgument("must be " + expected + ", not " + describe(value));
}

// As std::in_range, for the types of characters too.
template <class T>
bool in_range_of(int64_t number) {
  if (number < 0) return std::is_signed_v<T> && number >= static_cast<int64_t>(std::numeric_limits<T>::min());
  return static_cast<uint64_t>(number) <= static_cast<uint64_t>(std::numeric_limits<T>::max());
}
template <class T>
bool in_range_of(uint64_t number) {
  return number <= static_cast<uint64_t>(std::numeric_limits<T>::max());
}

template <class T>
T read_whole_number(const Json& value) {
  const std::string expected = "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                               std::to_string(std::numeric_limits<T>::max());
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (!in_range_of<T>(number)) refuse(expected, value);
    return static_cast<T>(number);
  }
  if (value.is_number_integer()) {
    const auto number = value.get<int64_t>();
    if (!in_range_of<T>(number)) refuse(expected, value);
    return static_cast<T>(number);
  }
  if (!value.is_number_float()) refuse("a whole number", value);
  // 2.0 is a whole number too. Every double below 2^53 in size converts exactly.
  const auto number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) > 9007199254740992.0) refuse("a whole number", value);
  if (!in_range_of<T>(static_cast<int64_t>(number))) refuse(expected, value);
  return static_cast<T>(number);
}

template <class T>
struct ArgumentReader {
  static T read(const Json& value) {
    try {
      return value.get<T>();
    } catch (const Json::exception& error) {
      throw BadArgument(std::string("does not fit: ") + error.what());
    }
  }
};

template <class T>
T read_argument(const Json& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) refuse("true or false", value);
    return value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    return read_whole_number<T>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) refuse("a number", value);
    if (std::abs(value.get<double>()) > std::numeric_limits<T>::max()) refuse("a number that fits", value);
    return value.get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) refuse("a string", value);
    return value.get<std::string>();
  } else {
    return ArgumentReader<T>::read(value);
  }
}

template <class T>
struct ArgumentReader<std::optional<T>> {
  static std::optional<T> read(const Json& value) {
    if (value.is_null()) return std::nullopt;
    return read_argument<T>(value);
  }
};

template <class T>
struct ArgumentReader<std::vector<T>> {
  static std::vector<T> read(const Json& value) {
    if (!value.is_array()) refuse("a list", value);
    std::vector<T> elements;
    elements.reserve(value.size());
    for (const Json& element : value) {
      try {
        elements.push_back(read_argument<T>(element));
      } catch (const BadArgument& error) {
        throw BadArgument("has an element " + std::to_string(elements.size() + 1) + " that " + error.what());
      }
    }
    return elements;
  }
};

template <class T>
struct ArgumentReader<std::map<std::string, T>> {
  static std::map<std::string, T> read(const Json& value) {
    if (!value.is_object()) refuse("an object", value);
    std::map<std::string, T> members;
    for (const auto& [key, member] : value.items()) {
      try {
        members.emplace(key, read_argument<T>(member));
      } catch (const BadArgument& error) {
        throw BadArgument("has a member \"" + key + "\" that " + error.what());
      }
    }
    return members;
  }
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
Json json_of_result(T&& value) {
  using Plain = std::decay_t<T>;
  if constexpr (IsOptional<Plain>::value) {
    return value ? json_of_result(*std::forward<T>(value)) : Json(nullptr);
  } else {
    return Json(std::forward<T>(value));
  }
}

}  // namespace eventmq::detail
