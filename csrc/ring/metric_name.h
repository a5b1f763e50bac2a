// Which names a metric may have: one rule for the producer that interns and the consumer that trusts nothing.
#pragma once

#include <string_view>

namespace stepwell::ring {

/// 1 to kMetricNameMax bytes of well-formed UTF-8 without control characters (C0, DEL, C1).
bool valid_metric_name(std::string_view name);

}  // namespace stepwell::ring
