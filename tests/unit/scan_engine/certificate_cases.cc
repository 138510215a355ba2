#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

using enum Severity;
using S = Observations;
using std::chrono::days;
using std::chrono::hours;

egress::Certificate& leaf(S& s) { return handshake_of(s).chain.front(); }

// A certificate of `lifetime` with `left` to go.
Arrange ends_in(std::chrono::milliseconds left, std::chrono::milliseconds lifetime = days(90)) {
  return [=](S& s) {
    leaf(s).not_after = s.now + left;
    leaf(s).not_before = leaf(s).not_after - lifetime;
  };
}
Arrange verification(long code) {
  return [=](S& s) { handshake_of(s).verify_code = code; };
}
void make_local(S& s) { s.address_class = egress::AddressClass::loopback; }

}  // namespace

std::vector<RuleCase> certificate_cases() {
  return {
      fires("cert.expired", "over", high, "expired", ends_in(-hours(1))),
      fires("cert.expired", "not yet", high, "not_yet_valid", [](S& s) { leaf(s).not_before = s.now + hours(1); }),
      quiet("cert.expired", "the last second", ends_in(std::chrono::seconds(1))),
      unable("cert.expired", "no https port", CheckState::not_applicable, [](S& s) { s.tls = {}; }),
      unable("cert.expired", "handshake timed out", CheckState::error,
             [](S& s) { s.tls.handshake = Error(ErrorCode::timed_out, "no answer"); }),
      unable("cert.expired", "budget", CheckState::skipped,
             [](S& s) {
               s.tls.handshake.reset();
               s.tls.is_out_of_budget = true;
             }),
      unable("cert.expired", "no TLS", CheckState::not_applicable, drop_https),

      fires("cert.expiring", "a week", medium, "within_a_week", ends_in(days(7))),
      fires("cert.expiring", "eight days", low, "within_three_weeks", ends_in(days(8))),
      fires("cert.expiring", "three weeks", low, "within_three_weeks", ends_in(days(21))),
      fires("cert.expiring", "six-day certificate, a day left", low, "within_three_weeks", ends_in(days(1), days(6))),
      fires("cert.expiring", "six-day certificate, hours left", medium, "within_a_week", ends_in(hours(10), days(6))),
      quiet("cert.expiring", "22 days", ends_in(days(22))),
      quiet("cert.expiring", "six-day certificate, three days left", ends_in(days(3), days(6))),
      unable("cert.expiring", "already over", CheckState::not_applicable, ends_in(-hours(1))),

      fires("cert.name", "another name", high, "", [](S& s) { handshake_of(s).name_matches = false; }),
      fires("cert.name", "no names", high, "no_names",
            [](S& s) {
              handshake_of(s).name_matches = false;
              leaf(s).names.clear();
            }),
      fires("cert.name", "local", info, "",
            [](S& s) {
              handshake_of(s).name_matches = false;
              make_local(s);
            }),
      quiet("cert.name", "matches", [](S&) {}),

      fires("cert.untrusted", "self-signed", high, "self_signed", verification(18)),
      fires("cert.untrusted", "self-signed in the chain", high, "self_signed", verification(19)),
      fires("cert.untrusted", "unknown issuer", high, "unknown_issuer", verification(20)),
      fires("cert.untrusted", "only the leaf was sent", medium, "missing_intermediate",
            [](S& s) {
              handshake_of(s).verify_code = 21;
              handshake_of(s).chain.resize(1);
            }),
      fires("cert.untrusted", "another reason", high, "other", verification(24)),
      fires("cert.untrusted", "local", info, "self_signed",
            [](S& s) {
              handshake_of(s).verify_code = 18;
              make_local(s);
            }),
      quiet("cert.untrusted", "expiry is another rule", verification(10)),
      quiet("cert.untrusted", "trusted", [](S&) {}),

      fires("cert.weak_key", "RSA 1024", high, "leaf",
            [](S& s) {
              leaf(s).key_type = "RSA";
              leaf(s).key_bits = 1024;
            }),
      fires("cert.weak_key", "EC 224", high, "leaf", [](S& s) { leaf(s).key_bits = 224; }),
      fires("cert.weak_key", "intermediate", high, "intermediate",
            [](S& s) { handshake_of(s).chain[1].key_bits = 1024; }),
      quiet("cert.weak_key", "a root that is sent along",
            [](S& s) {
              handshake_of(s).chain[1].key_bits = 1024;
              handshake_of(s).chain[1].is_self_signed = true;
            }),
      quiet("cert.weak_key", "Ed25519",
            [](S& s) {
              leaf(s).key_type = "ED25519";
              leaf(s).key_bits = 253;
            }),
      quiet("cert.weak_key", "RSA 2048",
            [](S& s) {
              leaf(s).key_type = "RSA";
              leaf(s).key_bits = 2048;
            }),

      fires("cert.weak_sig", "SHA-1", high, "leaf", [](S& s) { leaf(s).signature_digest = "sha1"; }),
      fires("cert.weak_sig", "MD5", high, "leaf", [](S& s) { leaf(s).signature_digest = "md5"; }),
      fires("cert.weak_sig", "intermediate", high, "intermediate",
            [](S& s) { handshake_of(s).chain[1].signature_digest = "SHA1"; }),
      quiet("cert.weak_sig", "a root that is sent along",
            [](S& s) {
              handshake_of(s).chain[1].signature_digest = "sha1";
              handshake_of(s).chain[1].is_self_signed = true;
            }),
      quiet("cert.weak_sig", "no digest at all", [](S& s) { leaf(s).signature_digest = ""; }),
  };
}

}  // namespace weir::tools::scans
