#include "tests/oracle/reference.h"

#include <filterchecks.h>
#include <sinsp.h>

#include <cstdio>

extern sinsp_filter_check_list g_filterlist;

namespace tensorwarden::oracle {
namespace {

const Facts* current = nullptr;  // of the event under test; the library's own events have no room for ours

// tw.t0 and on, then tw.n0 and on.
const filtercheck_field_info* Fields() {
  static filtercheck_field_info fields[kTexts + kNumbers];
  for (size_t i = 0; i < std::size(fields); ++i) {
    const bool is_text = i < kTexts;
    filtercheck_field_info& field = fields[i];
    field.m_type = is_text ? PT_CHARBUF : PT_UINT64;
    field.m_flags = EPF_NONE;
    field.m_print_format = is_text ? PF_NA : PF_DEC;
    std::snprintf(field.m_name, sizeof(field.m_name), "tw.%c%zu", is_text ? 't' : 'n', is_text ? i : i - kTexts);
  }
  return fields;
}

class FactsCheck final : public sinsp_filter_check {
 public:
  FactsCheck() {
    m_info.m_name = "tw";
    static const filtercheck_field_info* const fields = Fields();
    m_info.m_fields = fields;
    m_info.m_nfields = kTexts + kNumbers;
    m_info.m_flags = filter_check_info::FL_NONE;
  }
  sinsp_filter_check* allocate_new() override { return new FactsCheck(); }
  using sinsp_filter_check::extract;
  uint8_t* extract(sinsp_evt*, uint32_t* len, bool) override {
    if (m_field_id < kTexts) {
      const auto& text = current->texts[m_field_id];
      if (!text) return nullptr;
      *len = static_cast<uint32_t>(text->size());
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text->c_str()));
    }
    const auto& number = current->numbers[m_field_id - kTexts];
    if (!number) return nullptr;
    number_ = *number;
    *len = sizeof(number_);
    return reinterpret_cast<uint8_t*>(&number_);
  }

 private:
  uint64_t number_ = 0;
};

sinsp& Inspector() {
  static sinsp* inspector = [] {
    g_filterlist.add_filter_check(new FactsCheck());
    return new sinsp();
  }();
  return *inspector;
}

}  // namespace

struct Reference::Impl {
  std::unique_ptr<sinsp_filter> filter;
  sinsp_evt event;
};

Reference::Reference(const std::string& condition) : impl_(std::make_unique<Impl>()) {
  sinsp_filter_compiler compiler(&Inspector(), condition);
  impl_->filter.reset(compiler.compile());
}

Reference::~Reference() = default;

bool Reference::Matches(const Facts& facts) {
  current = &facts;
  return impl_->filter->run(&impl_->event);
}

}  // namespace tensorwarden::oracle
