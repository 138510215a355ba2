// What the probe saw of one target: the only input of the checks. Filled once by the probe (or by a test), then
// only read. Holds no judgement: whether something is wrong is for the checks to say.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/http_client.h"
#include "egress/tls_probe.h"
#include "tools/scans/checks/html.h"

namespace weir::tools::scans {

// One request that was made, or that was refused before a connection (address_not_allowed).
struct Hop {
  egress::Url url;
  Result<egress::HttpResponse> answer;
};

enum class ChainEnd : std::uint8_t {
  not_tried,        // there is no such URL, or nothing asked for it
  answered,         // the last hop is a response that is not a redirect
  out_of_scope,     // `next` is another host's: recorded, never fetched
  loop,             // `next` has been fetched before
  too_many_hops,    // more than kRedirectHopsMax
  refused_address,  // the last hop's host resolves to an address that the policy refuses: never dialled
  failed,           // the last hop has an error
  budget,           // the scan's requests were spent before `next`
};

inline constexpr int kRedirectHopsMax = 10;

// The hops from one URL to where its redirects end. Not thread-safe: a value.
struct Chain {
  ChainEnd end = ChainEnd::not_tried;
  std::vector<Hop> hops;
  std::optional<egress::Url> next;  // where the last redirect points, if that was not fetched

  // The response that ended the walk; null unless `end` is answered.
  [[nodiscard]] const Hop* final_hop() const;
  // The first response, whatever it is; null if the first request failed.
  [[nodiscard]] const Hop* first_answer() const;
  // Where the first redirect points, fetched or not; null if there was none.
  [[nodiscard]] const egress::Url* first_target() const;
};

// A final 2xx response of the entry URL.
struct Page {
  egress::Url url;
  egress::HttpResponse response;
  bool is_html = false;  // a "Doc": its type is text/html or application/xhtml+xml
  HtmlFacts html;        // of a Doc
};

struct TlsSeen {
  egress::Url url;                                                // the https URL whose host and port were asked
  std::optional<Result<egress::Handshake>> handshake;             // nothing: not tried
  std::map<egress::TlsVersion, egress::VersionSupport> versions;  // empty: the matrix was not asked for
  bool is_out_of_budget = false;

  // A handshake was tried, and nothing there speaks TLS. (A port that refuses our handshake does.)
  [[nodiscard]] bool is_absent() const;
};

// Not thread-safe: a value; const member functions may run concurrently.
struct Observations {
  egress::Url entry;
  egress::AddressClass address_class = egress::AddressClass::public_internet;  // of the pinned address
  std::string pinned_address;
  bool is_ip_literal = false;  // the entry's host is an address, not a name
  UnixMillis now{};

  Chain http;   // from the http form of the entry
  Chain https;  // from the https form of it
  Chain robots;
  Chain security_txt;
  TlsSeen tls;

  // Pages of both chains, filled by find_pages(). The https one is preferred by page().
  std::optional<Page> http_page;
  std::optional<Page> https_page;

  // The page that header checks look at; null if no request ended in a 2xx response.
  [[nodiscard]] const Page* page() const;
  // The same if it is HTML.
  [[nodiscard]] const Page* doc() const;
  // Loopback or private: nobody can get a publicly trusted certificate for it.
  [[nodiscard]] bool is_local() const { return address_class != egress::AddressClass::public_internet; }
  // An https URL answered, and its redirects did not lead back to http.
  [[nodiscard]] bool https_works() const;
};

// Derives the pages from the chains.
void find_pages(Observations& seen);

}  // namespace weir::tools::scans
