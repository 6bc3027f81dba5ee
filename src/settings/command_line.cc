#include "src/settings/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "src/base/assert.h"
#include "src/settings/nearest.h"
#include "src/settings/text.h"

namespace eventmq {
namespace {

// All of it: -5w is none.
bool is_number(const std::string& word) {
  const bool begins = word[0] == '-' && (std::isdigit(static_cast<unsigned char>(word[1])) || word[1] == '.');
  char* end = nullptr;
  return begins && (std::strtod(word.c_str(), &end), *end == '\0');
}

bool is_flag(const std::string& word) { return word.size() > 1 && word[0] == '-' && !is_number(word); }

bool has_name(const FlagSpec& spec, std::string_view name) {
  return std::ranges::find(spec.names, name) != spec.names.end();
}

const FlagSpec* find_spec(std::span<const FlagSpec> specs, std::string_view name) {
  const auto found = std::ranges::find_if(specs, [name](const FlagSpec& spec) { return has_name(spec, name); });
  return found == specs.end() ? nullptr : &*found;
}

bool takes_many(const FlagSpec& spec) { return spec.kind == FlagKind::kValues || spec.kind == FlagKind::kTexts; }

bool is_quoted(std::string_view text) {
  return text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
}

// Texts that the shell took the quotes from get them back, where they need them to stand in a list.
std::string with_quotes(std::string_view word) {
  if (word.find_first_of(" \t\n") == std::string_view::npos || word.find_first_of("\"'") == 0) return std::string(word);
  std::string list;
  while (!word.empty()) {
    const size_t end = std::min(word.find(','), word.size());
    const std::string_view text = trim(word.substr(0, end));
    const std::string_view quote = is_quoted(text) ? "" : text.find('"') == std::string_view::npos ? "\"" : "'";
    if (!text.empty()) list += fmt::format("{}{}{}{}", list.empty() ? "" : ",", quote, text, quote);
    word.remove_prefix(std::min(end + 1, word.size()));
  }
  return list;
}

class Parser {
 public:
  Parser(std::span<const FlagSpec> specs, const std::vector<std::string>& words) : specs_(specs), words_(words) {}

  Result<CommandLine> parse() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (word == "--") {
        line_.arguments.insert(line_.arguments.end(), words_.begin() + static_cast<std::ptrdiff_t>(next_),
                               words_.end());
        break;
      }
      if (!is_flag(word)) {
        line_.arguments.push_back(word);
        continue;
      }
      if (auto parsed = word.starts_with("--") ? long_flag(word) : short_flags(word); !parsed) {
        return tl::unexpected(parsed.error());
      }
    }
    return std::move(line_);
  }

 private:
  Result<void> long_flag(const std::string& word) {
    const size_t sign = word.find('=');
    const std::string name = word.substr(0, sign);
    const FlagSpec* spec = find_spec(specs_, name);
    if (sign != std::string::npos && spec != nullptr) return valued(*spec, name, word.substr(sign + 1));
    if (spec != nullptr) return flag(*spec, name);
    if (name.starts_with("--no-")) {
      const FlagSpec* positive = find_spec(specs_, "--" + name.substr(5));
      if (positive != nullptr && positive->kind == FlagKind::kYesNo) return add(*positive, name, "no");
    }
    return unknown(name);
  }

  // -w, -wg, -wn5: the first that takes a value takes the rest of the word, or what follows it.
  Result<void> short_flags(const std::string& word) {
    for (size_t at = 1; at < word.size(); ++at) {
      const std::string name = {'-', word[at]};
      const std::string rest = word.substr(at + 1);
      const FlagSpec* spec = find_spec(specs_, name);
      if (spec == nullptr) return at == 1 ? unknown(word) : unknown_among(name, word);
      if (rest.empty()) return flag(*spec, name);
      const bool takes_value = spec->kind == FlagKind::kValue || takes_many(*spec);
      if (takes_value || rest[0] == '=') return valued(*spec, name, rest.substr(rest[0] == '=' ? 1 : 0));
      if (auto added = flag(*spec, name); !added) return added;
    }
    return {};
  }

  // The value was written in the same word.
  Result<void> valued(const FlagSpec& spec, const std::string& name, const std::string& value) {
    if (spec.kind == FlagKind::kSwitch) return bad_value(fmt::format("{} takes no value", name));
    return add(spec, name, value);
  }

  Result<void> flag(const FlagSpec& spec, const std::string& name) {
    if (spec.kind == FlagKind::kSwitch || spec.kind == FlagKind::kYesNo) return add(spec, name, "yes");
    if (next_ == words_.size() || is_flag(words_[next_])) {
      return bad_value(fmt::format("{} needs a value: {} {}", name, name, spec.value_word));
    }
    auto added = add(spec, name, words_[next_++]);
    while (added && takes_many(spec) && next_ < words_.size() && !is_flag(words_[next_])) {
      added = add(spec, name, words_[next_++]);
    }
    return added;
  }

  Result<void> add(const FlagSpec& spec, const std::string& name, const std::string& word) {
    const std::string value = spec.kind == FlagKind::kTexts ? with_quotes(word) : word;
    if (takes_many(spec)) {
      for (TypedFlag& flag : line_.flags) {
        if (flag.spec != &spec) continue;
        flag.value += " " + value;
        return {};
      }
    }
    line_.flags.push_back({&spec, name, value});
    return {};
  }

  Result<void> unknown(const std::string& name) {
    std::vector<std::string_view> names;
    for (const FlagSpec& spec : specs_) names.insert(names.end(), spec.names.begin(), spec.names.end());
    const std::string near = name.size() > 2 ? nearest_name(name, names) : "";
    return bad_value(near.empty() ? fmt::format("there is no flag {}", name)
                                  : fmt::format("there is no flag {}; did you mean {}?", name, near));
  }

  Result<void> unknown_among(const std::string& name, const std::string& word) {
    const Result<void> whole = unknown("-" + word);  // --wait with one dash
    const size_t advice = whole.error().text.find("; did you mean");
    const std::string mend = advice == std::string::npos ? "" : whole.error().text.substr(advice);
    return bad_value(fmt::format("there is no flag {}, as in {}{}", name, word, mend));
  }

  std::span<const FlagSpec> specs_;
  const std::vector<std::string>& words_;
  size_t next_ = 0;
  CommandLine line_;
};

std::string value_word(SettingType type) {
  switch (type) {
    case SettingType::kListenAddress:
    case SettingType::kConnectAddress:
      return "ADDRESS";
    case SettingType::kConnectAddresses:
      return "ADDRESS,…";
    case SettingType::kSeconds:
      return "SECONDS";
    case SettingType::kCount:
      return "N";
    case SettingType::kBytes:
      return "SIZE";
    case SettingType::kQueues:
      return "WEIGHT,NAME…";
    case SettingType::kTexts:
      return "FILE…";
    case SettingType::kYesNo:
      return "";  // the flag alone is yes
    default:
      return "VALUE";
  }
}

FlagSpec flag_of(const Setting& setting) {
  FlagSpec flag;
  for (std::string_view name : split_words(setting.flags)) {
    if (!name.starts_with("--")) flag.names.emplace_back(name);
  }
  std::string name = "--" + std::string(setting.name);
  std::ranges::replace(name, '_', '-');
  flag.names.push_back(name);
  for (std::string_view other : split_words(setting.flags)) {
    if (other.starts_with("--")) flag.names.emplace_back(other);
  }
  flag.kind = setting.type == SettingType::kYesNo    ? FlagKind::kYesNo
              : setting.type == SettingType::kQueues ? FlagKind::kValues
              : setting.type == SettingType::kTexts  ? FlagKind::kTexts
                                                     : FlagKind::kValue;
  flag.value_word = setting.type == SettingType::kChoice ? std::string(setting.choices) : value_word(setting.type);
  flag.help = setting.help;
  flag.setting = setting.name;
  return flag;
}

}  // namespace

const std::string& long_name(const FlagSpec& flag) {
  const auto found = std::ranges::find_if(flag.names, [](const std::string& name) { return name.starts_with("--"); });
  EMQ_ASSERT(found != flag.names.end(), "a flag needs a long name");
  return *found;
}

const TypedFlag* CommandLine::find(std::string_view name) const {
  const TypedFlag* last = nullptr;
  for (const TypedFlag& flag : flags) {
    if (long_name(*flag.spec) == name) last = &flag;
  }
  return last;
}

bool CommandLine::has(std::string_view name) const {
  const TypedFlag* flag = find(name);
  return flag != nullptr && flag->value != "no";
}

Result<CommandLine> parse_command_line(std::span<const FlagSpec> specs, const std::vector<std::string>& words) {
  return Parser(specs, words).parse();
}

std::vector<FlagSpec> setting_flags(std::span<const Section> sections) {
  std::vector<FlagSpec> flags;
  flags.push_back({.names = {"-C", "--config"},
                   .kind = FlagKind::kValue,
                   .value_word = "FILE",
                   .help = "The settings file; else EVENTMQ_CONFIG_FILE, or /etc/eventmq.conf if it exists."});
  for (const Setting& setting : all_settings()) {
    const bool wanted =
        setting.section == Section::kGlobal || std::ranges::find(sections, setting.section) != sections.end();
    if (wanted && setting.use == SettingUse::kInForce) flags.push_back(flag_of(setting));
  }
  return flags;
}

void apply_setting_flags(const CommandLine& line, LoadRequest& request) {
  for (const TypedFlag& flag : line.flags) {
    if (!flag.spec->setting.empty()) request.flags.push_back({flag.spec->setting, flag.value, flag.typed});
  }
  if (const TypedFlag* config = line.find("--config")) request.config_path = config->value;
}

}  // namespace eventmq
