#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "grammar/pattern.h"

namespace oko::grammar {

inline constexpr std::size_t kMostSchemaBytes = 64 * 1024;
inline constexpr int kMostSchemaLevels = 32;           ///< of its JSON
inline constexpr std::size_t kMostSchemas = 1000;      ///< in it, itself included
inline constexpr std::size_t kMostProperties = 500;    ///< of all objects together
inline constexpr std::size_t kMostEnumValues = 1000;   ///< of all lists together
inline constexpr std::int64_t kMostItems = 1000;       ///< minItems, maxItems, also of properties
inline constexpr std::int64_t kMostTextLength = 2000;  ///< minLength, maxLength

/// A JSON schema (2020-12, and what earlier drafts share with it) as xgrammar takes it: every value
/// of the result is valid against `schema`. Objects have no properties but the named ones unless
/// `schema` allows others or names none. Throws kUsage, with the place and the limit, for a schema
/// that is too large or endless, and for what would be ignored. `name`: of the schema, for
/// messages. Adds what its patterns cost to `cost`, that of its grammar.
std::string checked_schema(std::string_view schema, const std::string& name, PatternCost& cost);

}  // namespace oko::grammar
