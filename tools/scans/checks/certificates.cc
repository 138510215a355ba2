// cert.*: the certificate of the one handshake. Trust problems of loopback and private targets are info: nobody
// can get a publicly trusted certificate for those.
#include <algorithm>
#include <array>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kReferences[] = {"https://www.rfc-editor.org/rfc/rfc5280",
                                            "https://www.rfc-editor.org/rfc/rfc9325"};
constexpr std::string_view kNameReferences[] = {"https://www.rfc-editor.org/rfc/rfc9525"};

using std::chrono::days;

// X509_V_ERR_* of OpenSSL's x509_vfy.h; the numbers are part of its interface.
constexpr long kUnableToGetLocalIssuer = 20;
constexpr long kUnableToVerifyLeaf = 21;
constexpr long kSelfSignedLeaf = 18;
constexpr long kSelfSignedInChain = 19;
// Dates, names and key or digest strength: other rules say so.
constexpr std::array<long, 8> kOtherRules{9, 10, 62, 63, 64, 66, 67, 68};

// The handshake's leaf certificate; null, and `why` filled, if there is none to judge.
const egress::Handshake* handshake_of(const Observations& seen, CheckResult& why) {
  if (seen.tls.handshake && *seen.tls.handshake && !(*seen.tls.handshake)->chain.empty()) {
    return &**seen.tls.handshake;
  }
  if (seen.tls.is_out_of_budget) {
    why = skipped("the scan's connection budget was spent");
  } else if (!seen.tls.handshake) {
    why = not_applicable("the target has no https port");
  } else if (*seen.tls.handshake) {
    why = failed("the server sent no certificate");
  } else {
    why = seen.tls.is_absent() ? not_applicable("the target does not speak TLS")
                               : failed(seen.tls.handshake->error().message);
  }
  return nullptr;
}

Evidence subject_evidence(const egress::Certificate& certificate) {
  return evidence("certificate", "subject", certificate.subject + " (issued by " + certificate.issuer + ")");
}

Evidence fingerprint_evidence(const egress::Certificate& certificate) {
  return own_evidence("certificate", "sha256", certificate.sha256);
}

CheckResult expired(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const egress::Handshake* handshake = handshake_of(seen, why);
  if (handshake == nullptr) return why;
  const egress::Certificate& leaf = handshake->chain.front();
  const bool is_over = leaf.not_after < seen.now;
  const bool is_early = leaf.not_before > seen.now;
  if (!is_over && !is_early) return {};
  Detection detection = detection_of(rule, seen.tls.url, is_over ? "expired" : "not_yet_valid");
  detection.evidence = {own_evidence("certificate", "not before", to_rfc3339(leaf.not_before)),
                        own_evidence("certificate", "not after", to_rfc3339(leaf.not_after)), subject_evidence(leaf),
                        fingerprint_evidence(leaf)};
  return found(std::move(detection));
}

// 7 and 21 days for certificates of 90 days and more; the same share of the lifetime for shorter ones, which are
// renewed later by design.
CheckResult expiring(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const egress::Handshake* handshake = handshake_of(seen, why);
  if (handshake == nullptr) return why;
  const egress::Certificate& leaf = handshake->chain.front();
  const auto left = leaf.not_after - seen.now;
  if (left.count() < 0) return not_applicable("the certificate has expired");
  const auto lifetime = leaf.not_after - leaf.not_before;
  const auto soon = std::min<std::chrono::milliseconds>(days(7), lifetime / 12);
  const auto near = std::min<std::chrono::milliseconds>(days(21), lifetime / 4);
  if (left > near) return {};
  Detection detection = detection_of(rule, seen.tls.url, left <= soon ? "within_a_week" : "within_three_weeks");
  detection.severity = left <= soon ? Severity::medium : Severity::low;
  detection.evidence = {
      own_evidence("certificate", "not after", to_rfc3339(leaf.not_after)),
      own_evidence("certificate", "days left", std::to_string(std::chrono::duration_cast<days>(left).count())),
      fingerprint_evidence(leaf)};
  return found(std::move(detection));
}

CheckResult name(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const egress::Handshake* handshake = handshake_of(seen, why);
  if (handshake == nullptr) return why;
  if (handshake->name_matches) return {};
  const egress::Certificate& leaf = handshake->chain.front();
  Detection detection = detection_of(rule, seen.tls.url, leaf.names.empty() ? "no_names" : "");
  if (seen.is_local()) detection.severity = Severity::info;
  std::string names;
  for (const std::string& entry : leaf.names) names += (names.empty() ? "" : ", ") + entry;
  detection.evidence = {evidence("certificate", "names", names.empty() ? "(none)" : names), subject_evidence(leaf),
                        fingerprint_evidence(leaf)};
  return found(std::move(detection));
}

CheckResult untrusted(const Rule& rule, const Observations& seen) {
  CheckResult why;
  const egress::Handshake* handshake = handshake_of(seen, why);
  if (handshake == nullptr) return why;
  const long code = handshake->verify_code;
  if (code == 0 || std::ranges::find(kOtherRules, code) != kOtherRules.end()) return {};
  const egress::Certificate& leaf = handshake->chain.front();
  Detection detection = detection_of(rule, seen.tls.url, "other");
  if (code == kSelfSignedLeaf || code == kSelfSignedInChain) {
    detection.detail = "self_signed";
  } else if (code == kUnableToGetLocalIssuer || code == kUnableToVerifyLeaf) {
    const bool is_only_leaf = handshake->chain.size() == 1 && !leaf.is_self_signed;
    detection.detail = is_only_leaf ? "missing_intermediate" : "unknown_issuer";
    if (is_only_leaf) detection.severity = Severity::medium;
  }
  if (seen.is_local()) detection.severity = Severity::info;
  detection.evidence = {
      own_evidence("certificate", "verification", handshake->verify_message + " (" + std::to_string(code) + ")"),
      own_evidence("certificate", "certificates sent", std::to_string(handshake->chain.size())), subject_evidence(leaf),
      fingerprint_evidence(leaf)};
  return found(std::move(detection));
}

// The leaf, and intermediates; a root that is sent along is trusted or not by itself, whatever its strength.
template <typename IsWeak, typename Describe>
CheckResult each_certificate(const Rule& rule, const Observations& seen, IsWeak is_weak, Describe describe) {
  CheckResult why;
  const egress::Handshake* handshake = handshake_of(seen, why);
  if (handshake == nullptr) return why;
  for (std::size_t i = 0; i < handshake->chain.size(); ++i) {
    const egress::Certificate& certificate = handshake->chain[i];
    if ((i > 0 && certificate.is_self_signed) || !is_weak(certificate)) continue;
    Detection detection = detection_of(rule, seen.tls.url, i == 0 ? "leaf" : "intermediate");
    detection.evidence = {own_evidence("certificate", "weakness", describe(certificate)), subject_evidence(certificate),
                          fingerprint_evidence(certificate)};
    return found(std::move(detection));
  }
  return {};
}

CheckResult weak_key(const Rule& rule, const Observations& seen) {
  return each_certificate(
      rule, seen,
      [](const egress::Certificate& certificate) {
        const std::string_view type = certificate.key_type;
        if (ascii::starts_with(type, "RSA") || ascii::equal(type, "DSA")) return certificate.key_bits < 2048;
        return ascii::equal(type, "EC") && certificate.key_bits < 256;
      },
      [](const egress::Certificate& certificate) {
        return certificate.key_type + " key of " + std::to_string(certificate.key_bits) + " bits";
      });
}

CheckResult weak_signature(const Rule& rule, const Observations& seen) {
  return each_certificate(
      rule, seen,
      [](const egress::Certificate& certificate) {
        const std::string_view digest = certificate.signature_digest;
        return ascii::starts_with(digest, "md") || ascii::equal(digest, "sha1") || ascii::equal(digest, "sha-1");
      },
      [](const egress::Certificate& certificate) { return "signed with " + certificate.signature_digest; });
}

constexpr Check kChecks[] = {
    {{.id = "cert.expired",
      .group = "certificates",
      .title = "The certificate is not valid now",
      .severity = Severity::high,
      .cwe = 298,
      .asvs = "12.2.2",
      .profile = Profile::passive,
      .description = "Browsers refuse the site, and users who click the warning away learn to do so.",
      .detection = "notAfter of the leaf certificate has passed, or notBefore has not come.",
      .remediation = "Renew the certificate and let an ACME client do it from now on; if it is not valid yet, check "
                     "the clocks.",
      .references = kReferences},
     expired},
    {{.id = "cert.expiring",
      .group = "certificates",
      .title = "The certificate expires soon",
      .severity = Severity::medium,
      .cwe = 298,
      .asvs = "12.2.2",
      .profile = Profile::passive,
      .description = "If nothing renews it, the site is unreachable for browsers in a few days.",
      .detection = "At most 7 days left: medium; at most 21: low. Certificates that live under 90 days: a twelfth and "
                   "a quarter of their lifetime.",
      .remediation = "Renew it now, and find out why the automatic renewal has not.",
      .references = kReferences},
     expiring},
    {{.id = "cert.name",
      .group = "certificates",
      .title = "The certificate is for another name",
      .severity = Severity::high,
      .cwe = 297,
      .asvs = "12.2.2",
      .profile = Profile::passive,
      .description = "Browsers cannot tell the site from an impostor and refuse it.",
      .detection = "No subjectAltName entry matches the target's host. Info for loopback and private addresses.",
      .remediation = "Issue a certificate whose subjectAltName lists this host, or serve the right one for this "
                     "server name (SNI).",
      .references = kNameReferences},
     name},
    {{.id = "cert.untrusted",
      .group = "certificates",
      .title = "The certificate does not lead to a trusted root",
      .severity = Severity::high,
      .cwe = 295,
      .asvs = "12.2.2",
      .profile = Profile::passive,
      .description = "Clients refuse the connection, or have been told to accept anything, which is worse.",
      .detection = "Verification against the system's roots fails (self-signed, unknown issuer). Only the leaf sent: "
                   "medium, an intermediate is missing. Info for loopback and private addresses.",
      .remediation = "Serve the full chain (certificate, then intermediates) of a public authority.",
      .references = kReferences},
     untrusted},
    {{.id = "cert.weak_key",
      .group = "certificates",
      .title = "A key of the certificate chain is too short",
      .severity = Severity::high,
      .cwe = 326,
      .asvs = "11.2.3",
      .profile = Profile::passive,
      .description = "A key of this size can be computed from the certificate with enough machines.",
      .detection = "RSA under 2048 bits or EC under 256 bits, on the leaf or an intermediate.",
      .remediation = "Reissue with an EC P-256 key or RSA of 2048 bits or more.",
      .references = kReferences},
     weak_key},
    {{.id = "cert.weak_sig",
      .group = "certificates",
      .title = "A certificate is signed with a broken digest",
      .severity = Severity::high,
      .cwe = 328,
      .asvs = "11.4.1",
      .profile = Profile::passive,
      .description = "Two certificates with one MD5 or SHA-1 signature can be made, so the signature proves nothing.",
      .detection = "MD5 or SHA-1 in the signature of the leaf or of an intermediate that is not a root.",
      .remediation = "Reissue the certificate with SHA-256 or better.",
      .references = kReferences},
     weak_signature},
};

}  // namespace

std::span<const Check> certificate_checks() { return kChecks; }

}  // namespace weir::tools::scans
