// SPDX-License-Identifier: GPL-2.0-or-later
// Address texts as RFC 7846 section 3.2.4 wants them: IPv4 per RFC 3986 section 3.2.2, IPv6 per RFC 5952 section 4.
#pragma once

#include <string>
#include <string_view>

namespace peerscope::ppstp {

enum class AddressFault { kNone, kNotIpv4, kNotIpv6, kNotCanonical };

// Judges `text` as the family that `address_type` names (in any case); other families are not judged. `canonical` gets
// the right spelling when there is one.
AddressFault judge_address(std::string_view address_type, std::string_view text, std::string& canonical);

// How an AS number is written. RFC 7846 wants a string only; RFC 5396 knows "64496", "1.10" and, in speech, "AS64496".
enum class AsnForm { kPlain, kDotted, kPrefixed, kOther };
AsnForm asn_form(std::string_view text);

}  // namespace peerscope::ppstp
