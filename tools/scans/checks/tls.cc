// tls.*: which protocol versions the https port accepts.
#include <array>

#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

using egress::TlsVersion;
using egress::VersionSupport;

constexpr std::string_view kOldReferences[] = {"https://www.rfc-editor.org/rfc/rfc8996"};
constexpr std::string_view kNewReferences[] = {"https://www.rfc-editor.org/rfc/rfc8446",
                                               "https://www.rfc-editor.org/rfc/rfc9325"};

// What is known of one version: from the matrix, else from the one handshake, which takes the best that the
// server accepts.
VersionSupport support_of(const TlsSeen& tls, TlsVersion version) {
  const auto row = tls.versions.find(version);
  if (row != tls.versions.end() && row->second != VersionSupport::unknown) return row->second;
  if (!tls.handshake || !*tls.handshake) return VersionSupport::unknown;
  const TlsVersion best = (*tls.handshake)->version;
  if (best == version) return VersionSupport::accepted;
  return version > best ? VersionSupport::refused : VersionSupport::unknown;
}

CheckResult unknown_support(const TlsSeen& tls) {
  if (tls.is_out_of_budget) return skipped("the scan's connection budget was spent");
  if (tls.handshake && !*tls.handshake) {
    return tls.is_absent() ? not_applicable("the target does not speak TLS") : failed(tls.handshake->error().message);
  }
  if (!tls.handshake && tls.versions.empty()) return not_applicable("the target has no https port");
  return failed("the handshakes for this version did not end in an answer");
}

Evidence version_evidence(const TlsSeen& tls, TlsVersion version) {
  const VersionSupport support = support_of(tls, version);
  return own_evidence("handshake", std::string(egress::to_string(version)),
                      support == VersionSupport::accepted  ? "accepted"
                      : support == VersionSupport::refused ? "refused"
                                                           : "unknown");
}

CheckResult old_version(const Rule& rule, const Observations& seen, TlsVersion version) {
  const VersionSupport support = support_of(seen.tls, version);
  if (support == VersionSupport::unknown) return unknown_support(seen.tls);
  if (support == VersionSupport::refused) return {};
  Detection detection = detection_of(rule, seen.tls.url);
  detection.evidence.push_back(version_evidence(seen.tls, version));
  return found(std::move(detection));
}

CheckResult tls10(const Rule& rule, const Observations& seen) { return old_version(rule, seen, TlsVersion::tls10); }
CheckResult tls11(const Rule& rule, const Observations& seen) { return old_version(rule, seen, TlsVersion::tls11); }

CheckResult no_modern(const Rule& rule, const Observations& seen) {
  const VersionSupport tls12 = support_of(seen.tls, TlsVersion::tls12);
  const VersionSupport tls13 = support_of(seen.tls, TlsVersion::tls13);
  if (tls12 == VersionSupport::accepted || tls13 == VersionSupport::accepted) return {};
  if (tls12 == VersionSupport::unknown || tls13 == VersionSupport::unknown) return unknown_support(seen.tls);
  // Refusing all versions is not a server with old ones only.
  const bool has_old = support_of(seen.tls, TlsVersion::tls10) == VersionSupport::accepted ||
                       support_of(seen.tls, TlsVersion::tls11) == VersionSupport::accepted;
  if (!has_old) return unknown_support(seen.tls);
  Detection detection = detection_of(rule, seen.tls.url);
  for (const TlsVersion version : {TlsVersion::tls10, TlsVersion::tls11, TlsVersion::tls12, TlsVersion::tls13}) {
    detection.evidence.push_back(version_evidence(seen.tls, version));
  }
  return found(std::move(detection));
}

CheckResult no_tls13(const Rule& rule, const Observations& seen) {
  const VersionSupport support = support_of(seen.tls, TlsVersion::tls13);
  if (support == VersionSupport::unknown) return unknown_support(seen.tls);
  if (support == VersionSupport::accepted) return {};
  // A port that refuses every version has no TLS to improve.
  if (!seen.tls.handshake || !*seen.tls.handshake) return unknown_support(seen.tls);
  Detection detection = detection_of(rule, seen.tls.url);
  detection.evidence.push_back(version_evidence(seen.tls, TlsVersion::tls13));
  return found(std::move(detection));
}

constexpr Check kChecks[] = {
    {{.id = "tls.tls10",
      .group = "tls",
      .title = "TLS 1.0 is accepted",
      .severity = Severity::medium,
      .cwe = 327,
      .asvs = "12.1.1",
      .profile = Profile::quick,
      .description = "TLS 1.0 depends on broken constructions and was withdrawn by RFC 8996.",
      .detection = "A handshake that offers TLS 1.0 only, at OpenSSL's security level 0, succeeds.",
      .remediation = "Accept TLS 1.2 and 1.3 only (nginx: ssl_protocols TLSv1.2 TLSv1.3).",
      .references = kOldReferences},
     tls10},
    {{.id = "tls.tls11",
      .group = "tls",
      .title = "TLS 1.1 is accepted",
      .severity = Severity::medium,
      .cwe = 327,
      .asvs = "12.1.1",
      .profile = Profile::quick,
      .description = "TLS 1.1 signs its handshake with MD5 and SHA-1 and was withdrawn by RFC 8996.",
      .detection = "A handshake that offers TLS 1.1 only, at OpenSSL's security level 0, succeeds.",
      .remediation = "Accept TLS 1.2 and 1.3 only (nginx: ssl_protocols TLSv1.2 TLSv1.3).",
      .references = kOldReferences},
     tls11},
    {{.id = "tls.no_modern",
      .group = "tls",
      .title = "Neither TLS 1.2 nor TLS 1.3 is accepted",
      .severity = Severity::high,
      .cwe = 327,
      .asvs = "12.1.1",
      .profile = Profile::passive,
      .description = "Current browsers refuse the site, and those that do not use protocols that were withdrawn.",
      .detection = "The best handshake that the server accepts is TLS 1.1 or older.",
      .remediation = "Upgrade the TLS library or the proxy in front, and accept TLS 1.2 and 1.3.",
      .references = kNewReferences},
     no_modern},
    {{.id = "tls.no_tls13",
      .group = "tls",
      .title = "TLS 1.3 is not offered",
      .severity = Severity::info,
      .cwe = 327,
      .asvs = "12.1.1",
      .profile = Profile::quick,
      .description = "TLS 1.3 drops the weak options of its predecessors and saves a round trip.",
      .detection = "A handshake that offers TLS 1.3 is refused or falls back.",
      .remediation = "Switch TLS 1.3 on (nginx: add TLSv1.3 to ssl_protocols).",
      .references = kNewReferences},
     no_tls13},
};

}  // namespace

std::span<const Check> tls_checks() { return kChecks; }

}  // namespace weir::tools::scans
