// One function a group of rules; catalogue.cc puts them in order. Nothing registers itself.
#pragma once
#include <span>

#include "tools/scans/checks/check.h"

namespace weir::tools::scans {

std::span<const Check> csp_checks();
std::span<const Check> hsts_checks();
std::span<const Check> header_checks();
std::span<const Check> cookie_checks();
std::span<const Check> redirect_checks();
std::span<const Check> tls_checks();
std::span<const Check> certificate_checks();
std::span<const Check> disclosure_checks();

}  // namespace weir::tools::scans
