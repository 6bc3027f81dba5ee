// From a typed function to a JobFunction: what EVENTMQ_JOB and EVENTMQ_HOOK expand to. Not for direct use.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "eventmq/detail/argument.h"
#include "eventmq/job.h"

namespace eventmq::detail {

// --- What a callable looks like ---
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Result = R;
  using Parameters = std::tuple<A...>;
};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R (*)(A...)> {};

template <class Tuple>
inline constexpr bool kTakesContext = false;
template <class... Rest>
inline constexpr bool kTakesContext<std::tuple<JobContext&, Rest...>> = true;

// The parameters that callers give: all but a first JobContext&.
template <class Tuple>
struct WithoutContext {
  using type = Tuple;
};
template <class... Rest>
struct WithoutContext<std::tuple<JobContext&, Rest...>> {
  using type = std::tuple<Rest...>;
};

// What is kept of an argument while the function runs: a value, whatever the parameter refers to.
template <class P>
struct Kept {
  static_assert(!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>,
                "a job's parameter is a value or a reference to const; only JobContext& comes first and by reference");
  static_assert(!std::is_pointer_v<std::decay_t<P>>, "a job's parameter cannot be a pointer; take a std::string");
  using type = std::decay_t<P>;
};
template <>
struct Kept<std::string_view> {
  using type = std::string;
};

template <class T>
inline constexpr bool kCollects = std::is_same_v<T, Args> || std::is_same_v<T, Kwargs>;

[[noreturn]] inline void bad_arguments(const std::string& text) { throw JobError("bad-arguments", text); }

// Hands a job's arguments to its parameters, in order.
class Binder {
 public:
  Binder(const JobInfo& info, const std::vector<Parameter>& parameters, size_t takes)
      : info_(info), parameters_(parameters), takes_(takes) {}

  template <class T>
  T take() {
    if constexpr (std::is_same_v<T, Args>) {
      return take_rest();
    } else if constexpr (std::is_same_v<T, Kwargs>) {
      return take_named_rest();
    } else {
      const Json* value = find();
      if (value == nullptr) return missing<T>();
      try {
        return read_argument<T>(*value);
      } catch (const BadArgument& error) {
        bad_arguments(parameter_text(next_ - 1) + " " + error.what());
      }
    }
  }

  // To be called when every parameter has its value.
  void refuse_what_is_left(bool class_arguments_allowed) const {
    if (next_ < info_.args.size()) {
      bad_arguments(info_.name + " takes " + std::to_string(takes_) + (takes_ == 1 ? " argument, " : " arguments, ") +
                    std::to_string(info_.args.size()) + (info_.args.size() == 1 ? " was given" : " were given"));
    }
    if (!named_rest_taken_) {
      for (const auto& [key, value] : info_.kwargs.items()) {
        if (!is_parameter(key)) bad_arguments(info_.name + " has no parameter named \"" + key + "\"");
      }
    }
    if (!class_arguments_allowed && (!info_.class_args.empty() || !info_.class_kwargs.empty())) {
      bad_arguments(info_.name + " takes no class_args or class_kwargs: it is not a class");
    }
  }

 private:
  // The value of the next parameter; null if the caller gave none and it has no default.
  const Json* find() {
    const size_t index = next_++;
    const Json* by_position = index < info_.args.size() ? &info_.args[index] : nullptr;
    if (index >= parameters_.size()) return by_position;
    const Parameter& parameter = parameters_[index];
    const auto by_name = info_.kwargs.find(parameter.name);
    if (by_name != info_.kwargs.end()) {
      if (by_position) bad_arguments(parameter_text(index) + " is given twice, by position and by name");
      return &*by_name;
    }
    if (by_position) return by_position;
    return parameter.default_value ? &*parameter.default_value : nullptr;
  }

  template <class T>
  T missing() const {
    if constexpr (IsOptional<T>::value) {
      return std::nullopt;
    } else {
      bad_arguments(parameter_text(next_ - 1) + " is missing");
    }
  }

  Args take_rest() {
    Args rest;
    for (; next_ < info_.args.size(); ++next_) rest.values.push_back(info_.args[next_]);
    return rest;
  }

  Kwargs take_named_rest() {
    named_rest_taken_ = true;
    Kwargs rest;
    for (const auto& [key, value] : info_.kwargs.items()) {
      if (!is_parameter(key)) rest.values[key] = value;
    }
    return rest;
  }

  bool is_parameter(std::string_view key) const {
    for (const Parameter& parameter : parameters_) {
      if (parameter.name == key) return true;
    }
    return false;
  }

  std::string parameter_text(size_t index) const {
    std::string text = "argument " + std::to_string(index + 1);
    if (index < parameters_.size()) text += " (\"" + parameters_[index].name + "\")";
    return text + " of " + info_.name;
  }

  const JobInfo& info_;
  const std::vector<Parameter>& parameters_;
  size_t takes_;
  size_t next_ = 0;
  bool named_rest_taken_ = false;
};

template <class Tuple>
struct ArgumentsOf;
template <class... P>
struct ArgumentsOf<std::tuple<P...>> {
  using Values = std::tuple<typename Kept<P>::type...>;
  static constexpr size_t kNamed = (size_t{0} + ... + (kCollects<std::decay_t<P>> ? 0 : 1));

  // Braces evaluate from left to right, which the binder relies on.
  static Values bind(Binder& binder) { return Values{binder.take<typename Kept<P>::type>()...}; }
};

template <class F>
Json call(F& function, JobContext& context, const std::vector<Parameter>& parameters) {
  using Parameters = typename Signature<F>::Parameters;
  using Arguments = ArgumentsOf<typename WithoutContext<Parameters>::type>;
  constexpr bool takes_context = kTakesContext<Parameters>;

  Binder binder(context.info(), parameters, Arguments::kNamed);
  typename Arguments::Values values = Arguments::bind(binder);
  binder.refuse_what_is_left(takes_context);
  const auto invoke = [&](auto&... arguments) -> decltype(auto) {
    if constexpr (takes_context) {
      return function(context, std::move(arguments)...);
    } else {
      return function(std::move(arguments)...);
    }
  };
  if constexpr (std::is_void_v<typename Signature<F>::Result>) {
    std::apply(invoke, values);
    return Json(true);
  } else {
    return json_of_result(std::apply(invoke, values));
  }
}

template <class F, class... Names>
bool define_job(const char* name, F function, const Names&... names) {
  using Parameters = typename WithoutContext<typename Signature<F>::Parameters>::type;
  static_assert(sizeof...(Names) == 0 || sizeof...(Names) == ArgumentsOf<Parameters>::kNamed,
                "name every parameter of the job (but JobContext&, Args and Kwargs), or none");
  std::vector<Parameter> parameters{Parameter(names)...};
  JobFunction job = [function, parameters = std::move(parameters)](JobContext& context) mutable {
    return call(function, context, parameters);
  };
  register_with_worker(name, std::move(job), nullptr);
  return true;
}

template <class F>
bool define_hook(const char* name, F function) {
  using Parameters = typename Signature<F>::Parameters;
  static_assert(std::is_same_v<Parameters, std::tuple<>> || std::is_same_v<Parameters, std::tuple<JobContext&>>,
                "a hook is void() or void(JobContext&)");
  HookFunction hook = [function](JobContext* context) mutable {
    if constexpr (std::is_same_v<Parameters, std::tuple<>>) {
      function();
    } else {
      if (context == nullptr) throw JobError("bad-hook", "a setup function takes no JobContext: no job runs yet");
      function(*context);
    }
  };
  register_with_worker(name, nullptr, std::move(hook));
  return true;
}

}  // namespace eventmq::detail
