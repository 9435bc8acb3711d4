// What the field files share: rows by subject, and the few helpers that keep an accessor one line long.
#pragma once

#include <limits>
#include <span>
#include <string_view>

#include "agent/enrich/field_table.h"
#include "agent/enrich/kinds.h"

namespace tensorwarden::fields {

std::span<const FieldSpec> EventFields();
std::span<const FieldSpec> ProcessFields();
std::span<const FieldSpec> FileFields();
std::span<const FieldSpec> NetworkFields();
std::span<const FieldSpec> AssetFields();
std::span<const FieldSpec> FindingFields();
std::span<const FieldSpec> HostFields();
std::span<const FieldSpec> GpuFields();
std::span<const FieldSpec> CallFields();     // what Falco takes from the system call: evt.arg, evt.res, ...
std::span<const FieldSpec> LineageFields();  // ancestors, users and ages, beyond ProcessFields
std::span<const FieldSpec> PathFields();     // fs.path.*, and fd.* that Falco derives from others
std::span<const FieldSpec> AbsentFields();   // what Falco has and we never see

// Kinds that have a socket, and the socket; nullptr for other kinds.
inline constexpr KindSet kSocketKinds = kKinds<Egress, SocketState, HttpRequest, Listener, DnsQuery>;
const SocketTuple* SocketOf(const EnrichedEvent& e);

// The file that the event is about; nullptr for kinds without one.
const FileKey* KeyOf(const EnrichedEvent& e);

// "" means "not known" nearly everywhere in our events; a rule must see that as absent.
inline FieldValue Known(std::string_view text) { return text.empty() ? FieldValue() : FieldValue(text); }
inline FieldValue Number(double value) { return value; }
// A number that exists and is not in our records; FieldText() writes <NA>.
inline constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
inline FieldValue List(std::vector<std::string_view> values) {
  return values.empty() ? FieldValue() : FieldValue(std::move(values));
}

template <typename T>
const T* Body(const EnrichedEvent& e) {
  return std::get_if<T>(&e.event->body);
}

// Accessors for plain members: Text<Finding, &Finding::stage>.
template <typename T, std::string T::*kMember>
FieldValue Text(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const T* body = Body<T>(e);
  return body == nullptr ? FieldValue() : Known(body->*kMember);
}

template <typename T, auto kMember>
FieldValue Value(const EnrichedEvent& e, std::string_view, FieldScratch&) {
  const T* body = Body<T>(e);
  return body == nullptr ? FieldValue() : Number(static_cast<double>(body->*kMember));
}

}  // namespace tensorwarden::fields
