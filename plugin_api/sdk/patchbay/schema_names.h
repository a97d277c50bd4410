#ifndef PATCHBAY_SDK_SCHEMA_NAMES_H_
#define PATCHBAY_SDK_SCHEMA_NAMES_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "patchbay/abi/plugin.h"

// How a manifest spells the numbers of the schema.

namespace patchbay::sdk {

struct SchemaName {
  int64_t value;
  const char* name;
};

inline constexpr SchemaName kTierNames[] = {{PATCHBAY_TIER_EXACT, "exact"},
                                            {PATCHBAY_TIER_STABLE, "stable"},
                                            {PATCHBAY_TIER_PLAIN, "plain"}};

inline constexpr SchemaName kPhaseNames[] = {{PATCHBAY_PHASE_EARLY, "early"},
                                             {PATCHBAY_PHASE_NORMAL, "normal"},
                                             {PATCHBAY_PHASE_LATE, "late"}};

inline constexpr SchemaName kFamilyNames[] = {{PATCHBAY_MODEL_OTHER, "other"},
                                              {PATCHBAY_MODEL_SD1, "sd1"},
                                              {PATCHBAY_MODEL_SD2, "sd2"},
                                              {PATCHBAY_MODEL_SDXL, "sdxl"},
                                              {PATCHBAY_MODEL_SDXL_REFINER, "sdxl-refiner"}};

inline constexpr SchemaName kFieldTypeNames[] = {{PATCHBAY_FIELD_BOOL, "bool"},
                                                 {PATCHBAY_FIELD_INT, "int"},
                                                 {PATCHBAY_FIELD_DOUBLE, "double"},
                                                 {PATCHBAY_FIELD_STRING, "string"},
                                                 {PATCHBAY_FIELD_CHOICE, "choice"},
                                                 {PATCHBAY_FIELD_INT_LIST, "int_list"},
                                                 {PATCHBAY_FIELD_DOUBLE_LIST, "double_list"},
                                                 {PATCHBAY_FIELD_PICTURE, "picture"},
                                                 {PATCHBAY_FIELD_FILE, "file"}};

inline constexpr SchemaName kUnitNames[] = {{PATCHBAY_UNIT_NONE, "none"},
                                            {PATCHBAY_UNIT_PIXEL, "pixel"},
                                            {PATCHBAY_UNIT_LATENT_PIXEL, "latent_pixel"},
                                            {PATCHBAY_UNIT_STEP, "step"},
                                            {PATCHBAY_UNIT_FRACTION_OF_STEPS, "fraction_of_steps"},
                                            {PATCHBAY_UNIT_TIMESTEP, "timestep"},
                                            {PATCHBAY_UNIT_SIGMA, "sigma"},
                                            {PATCHBAY_UNIT_RATIO, "ratio"},
                                            {PATCHBAY_UNIT_SECOND, "second"},
                                            {PATCHBAY_UNIT_DEGREE, "degree"},
                                            {PATCHBAY_UNIT_MEBIBYTE, "mebibyte"}};

inline constexpr SchemaName kPluginFlagNames[] = {{PATCHBAY_PLUGIN_REPEATABLE, "repeatable"}};

inline constexpr SchemaName kFieldFlagNames[] = {{PATCHBAY_FIELD_ADVANCED, "advanced"},
                                                 {PATCHBAY_FIELD_MULTILINE, "multiline"},
                                                 {PATCHBAY_FIELD_DEPRECATED, "deprecated"},
                                                 {PATCHBAY_FIELD_FRAMES, "frames"}};

// NULL for a number that has no name.
template <class Names>
constexpr const char* schema_name(const Names& names, int64_t value) {
  for (const SchemaName& entry : names) {
    if (entry.value == value) return entry.name;
  }
  return nullptr;
}

template <class Names>
constexpr std::optional<int64_t> schema_value(const Names& names, std::string_view name) {
  for (const SchemaName& entry : names) {
    if (name == entry.name) return entry.value;
  }
  return std::nullopt;
}

// Whether patchbay_field.minimum and its kin mean something for this type.
constexpr bool has_range(patchbay_field_type type) {
  return type == PATCHBAY_FIELD_INT || type == PATCHBAY_FIELD_DOUBLE ||
         type == PATCHBAY_FIELD_INT_LIST || type == PATCHBAY_FIELD_DOUBLE_LIST;
}

}  // namespace patchbay::sdk

#endif  // PATCHBAY_SDK_SCHEMA_NAMES_H_
