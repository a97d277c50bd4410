// What a plugin does with values of its parameters, allowed and not.

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/validator/check.h"
#include "host/validator/refusal.h"
#include "host/validator/trial.h"

namespace patchbay {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr uint32_t kSeed = 20261;
constexpr int kRandomSets = 100;

std::string Spelled(const PluginField& field, double number) {
  if (field.type == PATCHBAY_FIELD_INT || field.type == PATCHBAY_FIELD_INT_LIST) {
    return absl::StrCat(static_cast<int64_t>(number));
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", number);
  return text;
}

// Values at the ends of what a field allows.
std::vector<std::string> EdgeValues(const PluginField& field) {
  switch (field.type) {
    case PATCHBAY_FIELD_BOOL:
      return {"true", "false"};
    case PATCHBAY_FIELD_INT:
    case PATCHBAY_FIELD_DOUBLE:
      return {Spelled(field, field.minimum), Spelled(field, field.maximum),
              Spelled(field, field.soft_minimum), Spelled(field, field.soft_maximum)};
    case PATCHBAY_FIELD_INT_LIST:
    case PATCHBAY_FIELD_DOUBLE_LIST:
      return {"", Spelled(field, field.minimum),
              absl::StrCat(Spelled(field, field.minimum), "/", Spelled(field, field.maximum))};
    case PATCHBAY_FIELD_STRING:
      return {"", "x", "\xC3\xA9\xE2\x82\xAC \"quoted\", with a comma", std::string(10000, 'y')};
    case PATCHBAY_FIELD_CHOICE: {
      std::vector<std::string> ids;
      for (const FieldChoice& choice : field.choices) ids.push_back(choice.id);
      return ids;
    }
    default:
      return {};
  }
}

// Attaches with these settings: done, or refused with a reason.
Verdict Try(Trial& trial, const Pairs& pairs) {
  const auto settings = PluginSettings::FromPairs(trial.library().description().fields, pairs);
  if (!settings.ok()) return FromStatus(settings.status());
  const auto chain = trial.Attach(*settings);
  if (chain.ok() || IsRefusal(chain.status())) return Pass();
  return Fail(absl::StrCat("with ", settings->CanonicalText().substr(0, 300), ": ",
                           chain.status().ToString()));
}

using TrialCheck = Verdict (*)(Trial&);

// Skips plugins that have no field of the types that a check is about.
template <typename... Types>
std::function<Verdict(const Subject&, Place&)> WithFields(TrialCheck check, Types... types) {
  return [=](const Subject& subject, Place& place) -> Verdict {
    bool found = false;
    for (const PluginField& field : subject.manifest().description.fields) {
      found |= sizeof...(types) == 0 || ((field.type == types) || ...);
    }
    if (!found) return Skip("it has no such parameter");
    const auto trial = Trial::Open(subject, place);
    return trial.ok() ? check(**trial) : FromStatus(trial.status());
  };
}

template <patchbay_field_type... kTypes>
Verdict TakesEdges(Trial& trial) {
  for (const PluginField& field : trial.library().description().fields) {
    if (!((field.type == kTypes) || ...)) continue;
    for (const std::string& value : EdgeValues(field)) {
      if (Verdict verdict = Try(trial, {{field.id, value}}); verdict.kind == Verdict::Kind::kFail) {
        return verdict;
      }
    }
  }
  return Pass();
}

Verdict TakesDefaults(Trial& trial) {
  Pairs pairs;
  for (const PluginField& field : trial.library().description().fields) {
    if (field.type == PATCHBAY_FIELD_FILE || field.type == PATCHBAY_FIELD_PICTURE) continue;
    pairs.emplace_back(field.id, field.default_text);
  }
  return Try(trial, pairs);
}

// The host checks values before a plugin sees them; here that the schema lets it.
Verdict RefusesOthers(Trial& trial) {
  const auto& fields = trial.library().description().fields;
  const auto accepts = [&](const std::string& id, const std::string& value) {
    return PluginSettings::FromPairs(fields, Pairs{{id, value}}).ok();
  };
  if (accepts("no_such_parameter", "1")) return Fail("a parameter that it has not is accepted");
  for (const PluginField& field : fields) {
    std::vector<std::string> wrong;
    switch (field.type) {
      case PATCHBAY_FIELD_BOOL:
        wrong = {"perhaps", "2"};
        break;
      case PATCHBAY_FIELD_INT:
      case PATCHBAY_FIELD_DOUBLE:
        wrong = {"much", "nan", "", "inf"};
        if (std::abs(field.maximum) < 1e15) {
          wrong.push_back(Spelled(field, field.maximum + 1));
          wrong.push_back(Spelled(field, field.minimum - 1));
        }
        break;
      case PATCHBAY_FIELD_CHOICE:
        wrong = {"no_such_choice", ""};
        break;
      default:
        break;
    }
    for (const std::string& value : wrong) {
      if (accepts(field.id, value)) {
        return Fail(absl::StrCat("parameter ", field.id, " accepts \"", value, "\""));
      }
    }
  }
  return Pass();
}

std::string RandomValue(const PluginField& field, std::mt19937& random) {
  const std::vector<std::string> edges = EdgeValues(field);
  const bool is_number = field.type == PATCHBAY_FIELD_INT || field.type == PATCHBAY_FIELD_DOUBLE;
  if (!is_number || random() % 4 == 0) {
    return edges.empty() ? "" : edges[random() % edges.size()];
  }
  const double share = static_cast<double>(random()) / static_cast<double>(random.max());
  const double number = field.soft_minimum + share * (field.soft_maximum - field.soft_minimum);
  return Spelled(field, field.type == PATCHBAY_FIELD_INT ? std::floor(number) : number);
}

Verdict TakesRandomSets(Trial& trial) {
  std::mt19937 random(kSeed);
  for (int i = 0; i < kRandomSets; ++i) {
    Pairs pairs;
    for (const PluginField& field : trial.library().description().fields) {
      if (field.type == PATCHBAY_FIELD_FILE || field.type == PATCHBAY_FIELD_PICTURE) continue;
      if (random() % 2 == 0) pairs.emplace_back(field.id, RandomValue(field, random));
    }
    if (Verdict verdict = Try(trial, pairs); verdict.kind == Verdict::Kind::kFail) return verdict;
  }
  return Pass(absl::StrCat(kRandomSets, " sets, seed ", kSeed));
}

Verdict SurvivesText(Trial& trial) {
  const auto& fields = trial.library().description().fields;
  for (const PluginField& field : fields) {
    for (const std::string& value : EdgeValues(field)) {
      const auto settings = PluginSettings::FromPairs(fields, Pairs{{field.id, value}});
      if (!settings.ok()) return FromStatus(settings.status());
      const auto again = PluginSettings::Parse(fields, settings->CanonicalText());
      if (!again.ok()) return FromStatus(again.status());
      if (!(*again == *settings)) {
        return Fail(absl::StrCat("parameter ", field.id, ": ", settings->CanonicalText(),
                                 " reads back as another value"));
      }
    }
  }
  return Pass();
}

constexpr char kAcceptAdvice[] =
    "Accept every value that the schema allows, or refuse it with patchbay::Error and a reason.";

}  // namespace

std::vector<Check> ParameterChecks() {
  return {
      {"parameter.defaults", "Its defaults work when they are spelled out", kAcceptAdvice,
       "instance.create", WithFields(TakesDefaults)},
      {"parameter.bounds", "It takes numbers at the ends of their ranges", kAcceptAdvice,
       "instance.create",
       WithFields(TakesEdges<PATCHBAY_FIELD_INT, PATCHBAY_FIELD_DOUBLE>, PATCHBAY_FIELD_INT,
                  PATCHBAY_FIELD_DOUBLE)},
      {"parameter.lists", "It takes lists, empty ones too", kAcceptAdvice, "instance.create",
       WithFields(TakesEdges<PATCHBAY_FIELD_INT_LIST, PATCHBAY_FIELD_DOUBLE_LIST>,
                  PATCHBAY_FIELD_INT_LIST, PATCHBAY_FIELD_DOUBLE_LIST)},
      {"parameter.choices", "It takes each choice and both states of a switch", kAcceptAdvice,
       "instance.create",
       WithFields(TakesEdges<PATCHBAY_FIELD_CHOICE, PATCHBAY_FIELD_BOOL>, PATCHBAY_FIELD_CHOICE,
                  PATCHBAY_FIELD_BOOL)},
      {"parameter.texts", "It takes empty, long and foreign texts", kAcceptAdvice,
       "instance.create", WithFields(TakesEdges<PATCHBAY_FIELD_STRING>, PATCHBAY_FIELD_STRING)},
      {"parameter.refuses", "Values out of range are refused before it sees them",
       "Give every number a range and every choice its list.", "instance.create",
       WithFields(RefusesOthers)},
      {"parameter.round_trip", "Settings survive being written down and read again",
       "Keep ids of choices free of control characters.", "instance.create",
       WithFields(SurvivesText)},
      {"parameter.random", "It takes any mixture of allowed values", kAcceptAdvice,
       "instance.create", WithFields(TakesRandomSets)},
  };
}

}  // namespace patchbay
