#include "tools/scans/checks/observations.h"

#include <algorithm>

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {
namespace {

std::optional<Page> page_of(const Chain& chain) {
  const Hop* hop = chain.final_hop();
  if (hop == nullptr || hop->answer->status < 200 || hop->answer->status > 299) return std::nullopt;
  Page page{.url = hop->url, .response = *hop->answer, .is_html = false, .html = {}};
  const std::string_view type = page.response.header("content-type").value_or("");
  const std::string_view essence = ascii::trimmed(type.substr(0, type.find(';')));
  page.is_html = ascii::equal(essence, "text/html") || ascii::equal(essence, "application/xhtml+xml");
  if (page.is_html) page.html = read_html(page.response.body);
  return page;
}

}  // namespace

const Hop* Chain::final_hop() const {
  return end == ChainEnd::answered && !hops.empty() && hops.back().answer ? &hops.back() : nullptr;
}

const Hop* Chain::first_answer() const { return !hops.empty() && hops.front().answer ? &hops.front() : nullptr; }

const egress::Url* Chain::first_target() const {
  if (hops.size() > 1) return &hops[1].url;
  return hops.size() == 1 && next ? &*next : nullptr;
}

bool TlsSeen::is_absent() const {
  if (!handshake || *handshake) return false;
  if (handshake->error().code == ErrorCode::bad_request) return true;
  // "Unavailable" may also be a handshake that was refused; the probe then asks once more.
  const bool is_answered = std::ranges::any_of(
      versions, [](const auto& version) { return version.second != egress::VersionSupport::unknown; });
  return handshake->error().code == ErrorCode::unavailable && !is_answered;
}

const Page* Observations::page() const {
  if (https_page) return &*https_page;
  return http_page ? &*http_page : nullptr;
}

const Page* Observations::doc() const {
  if (https_page && https_page->is_html) return &*https_page;
  return http_page && http_page->is_html ? &*http_page : nullptr;
}

bool Observations::https_works() const {
  const Hop* hop = https.final_hop();
  if (hop != nullptr) return hop->url.scheme == "https" && hop->answer->status < 400;
  return https.end == ChainEnd::out_of_scope && https.next && https.next->scheme == "https";
}

void find_pages(Observations& seen) {
  seen.http_page = page_of(seen.http);
  seen.https_page = page_of(seen.https);
}

}  // namespace weir::tools::scans
