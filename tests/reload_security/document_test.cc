// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/config/document.h"

#include <chrono>
#include <random>

#include "tests/reload_security/fixture.h"

namespace peerscope::reload {
namespace {

using namespace test;
using namespace std::string_literals;

const std::string kHead =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<overlay xmlns=\"urn:ietf:params:xml:ns:p2p:config-base\" "
    "xmlns:chord=\"urn:ietf:params:xml:ns:p2p:config-chord\" xmlns:ext=\"urn:example:ext\" "
    "xmlns:pt=\"urn:peerscope:params:xml:ns:ppsp-tracker\" "
    "xmlns:rm=\"urn:ietf:params:xml:ns:p2p:route-mode\" xmlns:st=\"urn:ietf:params:xml:ns:p2p:self-tuning\" "
    "xmlns:dg=\"urn:ietf:params:xml:ns:p2p:config-diagnostics\" "
    "xmlns:share=\"urn:ietf:params:xml:ns:p2p:config-base:share\">\n";
const std::string kOpen = "<configuration instance-name=\"o\" sequence=\"1\" expiration=\"2030-01-01T00:00:00Z\">";
const std::string kTail = "</overlay>";

std::string document_of(const std::string& body) {
  return kHead + kOpen + body + "</configuration>\n" + kTail;
}

// A document with one configuration of this body.
struct One {
  explicit One(const std::string& body) : document(read_config_document(document_of(body))) {}
  const OverlayConfiguration& c() const { return document.configurations.at(0).configuration; }
  ConfigDocument document;
};

std::string print(const ConfigDocument& document) {
  std::string text;
  for (const ConfigDiagnostic& d : document.diagnostics)
    text += std::to_string(d.line) + " " + std::string(to_string(d.severity)) + " " + d.element + " " + d.requirement +
            " " + d.text + "\n";
  return text;
}

const ConfigDiagnostic* find(const ConfigDocument& document, std::string_view words,
                             std::string_view requirement = {}) {
  for (const ConfigDiagnostic& d : document.diagnostics) {
    if (d.text.find(words) != std::string::npos && (requirement.empty() || d.requirement == requirement)) return &d;
  }
  return nullptr;
}
#define EXPECT_SAID(document, ...) EXPECT_NE(find(document, __VA_ARGS__), nullptr) << print(document)

bool has_errors(const ConfigDocument& document) {
  return document.has_errors(0);
}

std::string kind(const std::string& attributes, const std::string& body) {
  return "<required-kinds><kind-block><kind " + attributes + ">" + body +
         "</kind><kind-signature>AAAA</kind-signature></kind-block></required-kinds>";
}
const std::string kKindBody =
    "<data-model>SINGLE</data-model><access-control>USER-MATCH</access-control><max-count>1</max-count><max-size>9</"
    "max-size>";

// ---- the RFC's own example

class RfcExample : public ::testing::Test {
 protected:
  const std::string bytes =
      read_file(std::string(PEERSCOPE_SOURCE_DIR) + "/tests/reload_security/fixtures/rfc6940-11.1.relo");
  const ConfigDocument document = read_config_document(bytes, {{}, kNow});
};

TEST_F(RfcExample, Loads) {
  ASSERT_TRUE(document.well_formed) << print(document);
  ASSERT_EQ(document.configurations.size(), 2U);
  const OverlayConfiguration& c = document.configurations[0].configuration;
  EXPECT_EQ(c.instance_name, "overlay.example.org");
  EXPECT_EQ(c.sequence, 22);
  EXPECT_EQ(c.expiration, 1034233200);
  EXPECT_EQ(c.topology_plugin, "CHORD-RELOAD");
  EXPECT_EQ(c.node_id_length, 16);
  ASSERT_EQ(c.root_certs.size(), 2U);
  EXPECT_EQ(c.root_certs[1], "bad cert\n");
  EXPECT_EQ(c.enrollment_servers, (std::vector<std::string>{"https://example.org", "https://example.net"}));
  EXPECT_EQ(c.self_signed_permitted, (SelfSignedPermitted{false, "sha1"}));
  EXPECT_EQ(c.bootstrap_nodes,
            (std::vector<BootstrapNode>{{"192.0.0.1", 6084}, {"192.0.2.2", 6084}, {"2001:DB8::1", 6084}}));
  EXPECT_EQ(c.turn_density, 20);
  EXPECT_FALSE(c.clients_permitted);
  EXPECT_FALSE(c.no_ice);
  EXPECT_EQ(c.chord_update_interval, 400);
  EXPECT_EQ(c.chord_ping_interval, 30);
  EXPECT_TRUE(c.chord_reactive);
  EXPECT_EQ(c.shared_secret, "password");
  EXPECT_EQ(c.max_message_size, 4000U);
  EXPECT_EQ(c.initial_ttl, 30);
  EXPECT_EQ(c.overlay_reliability_timer, 3000);
  EXPECT_EQ(c.overlay_link_protocols, std::vector<std::string>{"TLS"});
  EXPECT_EQ(c.configuration_signers, std::vector{*text::from_hex("47112162e84c69ba")});
  EXPECT_EQ(c.kind_signers.size(), 2U);
  EXPECT_EQ(c.bad_nodes.size(), 2U);
  EXPECT_TRUE(c.is_bad_node(*text::from_hex("6ebc45d31a900ca6")));
  EXPECT_EQ(c.mandatory_extensions, std::vector<std::string>{"urn:ietf:params:xml:ns:p2p:config-ext1"});
  EXPECT_EQ(c.foreign_elements,
            (std::vector<ForeignName>{{"urn:ietf:params:xml:ns:p2p:config-ext1", "example-extension"}}));
  EXPECT_EQ(c.foreign_attributes,
            (std::vector<ForeignName>{{"urn:ietf:params:xml:ns:p2p:config-ext1", "ext-example"}}));
  ASSERT_EQ(c.required_kinds.size(), 2U);
  EXPECT_EQ(c.required_kinds[0].kind.name, "SIP-REGISTRATION");
  EXPECT_EQ(effective(c.required_kinds[0].kind).data_model, "DICTIONARY") << "the registration wins";
  EXPECT_EQ(effective(c.required_kinds[0].kind).id, 1U);
  EXPECT_EQ(c.required_kinds[1].kind.id, 2000U);
  EXPECT_EQ(c.required_kinds[1].kind.max_node_multiple, 3);
  EXPECT_EQ(c.required_kinds[1].kind.foreign_elements.size(), 1U);
  EXPECT_EQ(c.required_kinds[1].signatures.at(0).security_block, "This is not right!\n");
  EXPECT_EQ(document.configurations[1].configuration.instance_name, "other.example.net");
  EXPECT_EQ(document.configurations[0].signatures.at(0).security_block, "This is not right!\n");
}

TEST_F(RfcExample, WhatIsOddIsTold) {
  EXPECT_SAID(document, "is not a certificate");
  EXPECT_SAID(document, "2003-07-18T12:21:52Z to 2013-07-15T12:21:52Z", "R-SEC-13");
  EXPECT_SAID(document, "1024 bits");
  EXPECT_SAID(document, "expired 2002-10-10T07:00:00Z");
  EXPECT_SAID(document, "configuration-signer 47112162e84c69ba has 8 bytes, node-id-length says 16");
  EXPECT_SAID(document, "kind-signer 6eba45d31a900c06 has 8 bytes");
  EXPECT_SAID(document, "bad-node 6ebc45d31a900ca6 has 8 bytes");
  EXPECT_SAID(document, "data-model is SINGLE, the registration's is DICTIONARY", "R-XML-08");
  EXPECT_SAID(document, "access-control is USER-MATCH, the registration's is USER-NODE-MATCH", "R-XML-08");
  EXPECT_SAID(document, "id 2000 is outside the private range");
  EXPECT_SAID(document, "should be absent unless it is true");
  EXPECT_SAID(document, "has no sequence");
  EXPECT_SAID(document, "has no expiration");
  EXPECT_SAID(document, "nobody can be trusted");
  const ConfigDiagnostic* d = find(document, "id 2000");
  EXPECT_EQ(d->element, "overlay/configuration/required-kinds/kind-block/kind");
  EXPECT_EQ(d->configuration, 0);
  EXPECT_NE(bytes.find("<kind id=\"2000\">"), std::string::npos);
  EXPECT_EQ(d->line,
            1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.find("<kind id")), '\n'));
  EXPECT_TRUE(document.has_errors(0));
  EXPECT_FALSE(document.has_errors(1)) << print(document);
}

TEST_F(RfcExample, BlobsAreTheBytesOfTheDocument) {
  const auto expect_blob = [&](const std::string& blob, std::size_t offset, std::string_view open,
                               std::string_view close) {
    EXPECT_EQ(bytes.substr(offset, blob.size()), blob);
    EXPECT_TRUE(blob.starts_with(open)) << blob;
    EXPECT_TRUE(blob.ends_with(close)) << blob;
  };
  for (const SignedConfiguration& c : document.configurations)
    expect_blob(c.blob, c.offset, "<configuration instance-name=", "</configuration>");
  for (const KindBlock& k : document.configurations[0].configuration.required_kinds)
    expect_blob(k.blob, k.offset, "<kind ", "</kind>");
  // Written again with the same blobs it says the same.
  const std::string again = write_config_document(document);
  const ConfigDocument second = read_config_document(again);
  ASSERT_EQ(second.configurations.size(), 2U) << print(second);
  EXPECT_EQ(second.configurations[0].blob, document.configurations[0].blob);
  EXPECT_EQ(second.configurations[1].blob, document.configurations[1].blob);
  EXPECT_EQ(write_config_document(second), again);
}

TEST_F(RfcExample, EveryTruncationIsNotWellFormed) {
  const std::size_t end = bytes.rfind("</overlay>") + 10;
  for (std::size_t i = 0; i < end; ++i) {
    const ConfigDocument cut = read_config_document(std::string_view(bytes).substr(0, i));
    ASSERT_FALSE(cut.well_formed) << i;
    ASSERT_TRUE(cut.configurations.empty()) << i;
    ASSERT_EQ(cut.diagnostics.at(0).requirement, "R-XML-01") << i;
  }
}

TEST_F(RfcExample, MutationsAreSafe) {
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::string bad = bytes;
    for (unsigned n = random() % 6 + 1; n > 0; --n) {
      const std::size_t at = random() % bad.size();
      if (random() % 2 == 0)
        bad[at] = "<>/&'\"= \xff"[random() % 9];
      else
        bad.erase(at, random() % 20);
    }
    const ConfigDocument read = read_config_document(bad);
    for (const SignedConfiguration& c : read.configurations) {
      ASSERT_EQ(bad.substr(c.offset, c.blob.size()), c.blob);
      ASSERT_TRUE(c.blob.ends_with('>'));
    }
  }
}

// ---- values

TEST(Values, DefaultsOfTheRfc) {
  const One one("");
  EXPECT_FALSE(has_errors(one.document)) << print(one.document);
  const OverlayConfiguration& c = one.c();
  EXPECT_EQ(c.topology_plugin, "CHORD-RELOAD");
  EXPECT_EQ(c.node_id_length, 16);
  EXPECT_EQ(c.turn_density, 1);
  EXPECT_TRUE(c.clients_permitted);
  EXPECT_FALSE(c.no_ice);
  EXPECT_EQ(c.max_message_size, 5000U);
  EXPECT_EQ(c.initial_ttl, 100);
  EXPECT_EQ(c.overlay_reliability_timer, 3000);
  EXPECT_EQ(c.link_protocols(), std::vector<std::string>{"TLS"});
  EXPECT_EQ(c.chord_update_interval, 600);
  EXPECT_EQ(c.chord_ping_interval, 3600);
  EXPECT_TRUE(c.chord_reactive);
  EXPECT_FALSE(c.self_signed_permitted);
}

TEST(Values, OutOfRangeIsKeptAndTold) {
  const auto said = [](const std::string& element, std::string_view words, std::string_view requirement) {
    const One one(element);
    EXPECT_SAID(one.document, words, requirement);
    EXPECT_TRUE(has_errors(one.document)) << element;
    return one.document.configurations.at(0).configuration;
  };
  EXPECT_EQ(said("<node-id-length>15</node-id-length>", "15 is less than 16", "R-XML-02").node_id_length, 15);
  EXPECT_EQ(said("<node-id-length>21</node-id-length>", "21 is more than 20", "R-XML-02").node_id_length, 21);
  EXPECT_EQ(said("<overlay-reliability-timer>199</overlay-reliability-timer>", "199 is less than 200", "R-XML-05")
                .overlay_reliability_timer,
            199);
  EXPECT_EQ(said("<enrollment-server>http://example.org/</enrollment-server>", "not an https URL", "R-XML-03")
                .enrollment_servers.at(0),
            "http://example.org/");
  EXPECT_EQ(said("<initial-ttl>256</initial-ttl>", "more than 255", "").initial_ttl, 256);
  EXPECT_EQ(
      said("<self-signed-permitted digest='md5'>true</self-signed-permitted>", "neither sha1 nor sha256", "R-XML-04")
          .self_signed_permitted->hash(),
      std::nullopt);
}

TEST(Values, WhatCannotBeReadKeepsTheDefault) {
  for (const std::string& text : {""s, " "s, "x"s, "16x"s, "1 6"s, "0x10"s, "16.0"s, "--1"s, "99999999999999999999999"s,
                                  "4294967296"s, "1e3"s, "&lt;"s}) {
    const One one("<node-id-length>" + text + "</node-id-length>");
    EXPECT_EQ(one.c().node_id_length, 16) << text;
    EXPECT_TRUE(has_errors(one.document)) << text;
  }
  for (const char* text : {"yes", "TRUE", "2", "", "tru e"}) {
    const One one("<no-ice>" + std::string(text) + "</no-ice><clients-permitted>" + text + "</clients-permitted>");
    EXPECT_FALSE(one.c().no_ice);
    EXPECT_TRUE(one.c().clients_permitted);
    EXPECT_SAID(one.document, "is none of true, false");
  }
  EXPECT_SAID(One("<turn-density>256</turn-density>").document, "256 is outside 0..255");
  EXPECT_SAID(One("<turn-density>-1</turn-density>").document, "-1 is outside 0..255");
  EXPECT_SAID(One("<max-message-size>-1</max-message-size>").document, "outside 0..4294967295");
  EXPECT_SAID(One("<bad-node>123</bad-node>").document, "not a Node-ID in hex");
  EXPECT_SAID(One("<bad-node>xyzz</bad-node>").document, "not a Node-ID in hex");
  EXPECT_SAID(One("<root-cert>!!</root-cert>").document, "is not base64");
  EXPECT_SAID(One("<shared-secret/>").document, "is empty");
}

TEST(Values, BooleansHaveTwoForms) {
  EXPECT_TRUE(One("<no-ice> 1 </no-ice>").c().no_ice);
  EXPECT_TRUE(One("<no-ice>\n\ttrue</no-ice>").c().no_ice);
  EXPECT_FALSE(One("<clients-permitted>0</clients-permitted>").c().clients_permitted);
  EXPECT_EQ(One("<node-id-length> +20\n</node-id-length>").c().node_id_length, 20);
  EXPECT_EQ(One("<shared-secret>a &amp; b<![CDATA[<c>]]></shared-secret>").c().shared_secret, "a & b<c>");
}

TEST(Values, BootstrapNodes) {
  const One good("<bootstrap-node address='2001:db8::1'/><bootstrap-node address='192.0.2.1' port='7000'/>");
  EXPECT_EQ(good.c().bootstrap_nodes, (std::vector<BootstrapNode>{{"2001:db8::1", 6084}, {"192.0.2.1", 7000}}));
  EXPECT_FALSE(has_errors(good.document)) << print(good.document);
  EXPECT_SAID(One("<bootstrap-node/>").document, "no address");
  EXPECT_SAID(One("<bootstrap-node address='example.org'/>").document, "neither IPv4 nor IPv6");
  EXPECT_SAID(One("<bootstrap-node address='192.0.2.1' port='65536'/>").document, "outside 0..65535");
  EXPECT_SAID(One("<bootstrap-node address='192.0.2.1' port='0'/>").document, "port 0");
}

TEST(Values, AttributesOfAConfiguration) {
  const auto read = [](const std::string& attributes) {
    return read_config_document(kHead + "<configuration " + attributes + "/>" + kTail, {{}, kNow});
  };
  EXPECT_SAID(read("sequence='1'"), "has no instance-name");
  EXPECT_SAID(read("instance-name='o' sequence='65535'"), "0..65534");
  EXPECT_SAID(read("instance-name='o' sequence='65536'"), "outside 0..65535");
  EXPECT_SAID(read("instance-name='o' sequence='-1'"), "outside 0..65535");
  EXPECT_SAID(read("instance-name='o' expiration='tomorrow'"), "not an RFC 3339 time", "R-XML-14");
  EXPECT_SAID(read("instance-name='o' expiration='2030-01-01T00:00:00+01:00'"), "not in UTC", "R-XML-14");
  EXPECT_SAID(read("instance-name='o' expiration='2020-01-01T00:00:00Z'"), "expired");
  EXPECT_SAID(read("instance-name='o' colour='red'"), "attribute 'colour' is not known");
  EXPECT_EQ(read("instance-name='o' ext:colour='red'").configurations.at(0).configuration.foreign_attributes,
            (std::vector<ForeignName>{{"urn:example:ext", "colour"}}));
}

TEST(Values, OtherSpellingsAreReadAndTold) {
  const One plug_in("<topology-plug-in>MINE</topology-plug-in>");
  EXPECT_EQ(plug_in.c().topology_plugin, "MINE");
  EXPECT_SAID(plug_in.document, "grammar spells it topology-plugin");
  const One url("<enrollment-server><url>https://example.org/</url></enrollment-server>");
  EXPECT_EQ(url.c().enrollment_servers, std::vector<std::string>{"https://example.org/"});
  EXPECT_FALSE(has_errors(url.document)) << print(url.document);
}

TEST(Values, SecondOneOfASingleElementDoesNotCount) {
  const One one("<initial-ttl>10</initial-ttl><initial-ttl>20</initial-ttl>");
  EXPECT_EQ(one.c().initial_ttl, 10);
  EXPECT_SAID(one.document, "is there twice");
  EXPECT_SAID(One("<topology-plugin>A</topology-plugin><topology-plug-in>B</topology-plug-in>").document, "twice");
}

TEST(Values, UnknownElements) {
  const One foreign("<ext:a><ext:b>1</ext:b></ext:a>");
  EXPECT_EQ(foreign.c().foreign_elements, (std::vector<ForeignName>{{"urn:example:ext", "a"}}));
  EXPECT_FALSE(has_errors(foreign.document));
  EXPECT_SAID(One("<speed>1</speed>").document, "<speed> is not an element of");
  EXPECT_SAID(One("<no-ice><b/>true</no-ice>").document, "only text belongs");
  EXPECT_SAID(One("text").document, "only elements belong");
  EXPECT_SAID(One("<kind-block/>").document, "required-kinds");
  EXPECT_SAID(One("<signature>AAAA</signature>").document, "behind the configuration");
  EXPECT_SAID(read_config_document(kHead + kOpen + "</configuration><x/>" + kTail), "no place in overlay");
}

TEST(Values, ExtensionsOfOtherRfcs) {
  const One one(
      "<rm:mode>DRR</rm:mode><st:number-of-peers-to-probe>7</st:number-of-peers-to-probe>"
      "<topology-plugin>CHORD-SELF-TUNING</topology-plugin>"
      "<mandatory-extension>urn:ietf:params:xml:ns:p2p:route-mode</mandatory-extension>"
      "<mandatory-extension> urn:ietf:params:xml:ns:p2p:self-tuning </mandatory-extension>" +
      kind("name='REDIR'", kKindBody));
  EXPECT_EQ(one.c().route_mode, "DRR");
  EXPECT_EQ(one.c().number_of_peers_to_probe, 7U);
  EXPECT_EQ(find(one.document, "without a mandatory-extension"), nullptr);
  EXPECT_SAID(One("<rm:mode>XYZ</rm:mode>").document, "neither DRR nor RPR");
  const std::string node(32, 'a');
  const One diagnostics("<dg:diagnostic-kind kind='0x2'><dg:access-node>" + node +
                        "</dg:access-node></dg:diagnostic-kind><dg:diagnostic-kind kind='A'><dg:access-node>" + node +
                        "</dg:access-node></dg:diagnostic-kind>");
  EXPECT_TRUE(diagnostics.c().may_diagnose(2, std::string(16, '\xaa')));
  EXPECT_TRUE(diagnostics.c().may_diagnose(10, std::string(16, '\xaa')));
  EXPECT_FALSE(diagnostics.c().may_diagnose(3, std::string(16, '\xaa')));
  EXPECT_FALSE(diagnostics.c().may_diagnose(2, std::string(16, '\xab')));
  EXPECT_SAID(One("<dg:diagnostic-kind/>").document, "no kind attribute");
  EXPECT_SAID(One("<dg:diagnostic-kind kind='xyz'/>").document, "not a hexadecimal number");
  EXPECT_SAID(One("<dg:diagnostic-kind kind='10000'/>").document, "not a hexadecimal number");
  EXPECT_SAID(One("<dg:diagnostic-kind kind='2'/>").document, "no access-node");
  EXPECT_SAID(One("<dg:diagnostic-kind kind='2'><x/></dg:diagnostic-kind>").document, "no place in a diagnostic-kind");
  EXPECT_SAID(One("<rm:mode>DRR</rm:mode>").document, "without a mandatory-extension");
  constexpr std::string_view kSupported[] = {kRouteModeNs};
  const auto unmet = unmet_requirements(one.c(), kSupported, [](const KindParameters& k) { return k.name != "REDIR"; });
  EXPECT_EQ(unmet,
            (std::vector<std::string>{"R-XML-06: extension " + std::string(kSelfTuningNs), "R-XML-07: Kind REDIR"}));
}

// ---- Kinds

TEST(Values, ElementsOfTheDistributedTracker) {
  EXPECT_EQ(One("").c().ppsp_shards, 1U);
  EXPECT_EQ(One("").c().ppsp_status_placement, "BD");
  const One one("<pt:shards>16</pt:shards><pt:status-placement>BDE</pt:status-placement>");
  EXPECT_EQ(one.c().ppsp_shards, 16U);
  EXPECT_EQ(one.c().ppsp_status_placement, "BDE");
  EXPECT_FALSE(has_errors(one.document));
  EXPECT_SAID(One("<pt:shards>12</pt:shards>").document, "12 is not a power of two");
  EXPECT_SAID(One("<pt:shards>0</pt:shards>").document, "0 is not a power of two");
  EXPECT_SAID(One("<pt:shards>131072</pt:shards>").document, "not a power of two up to 65536");
  EXPECT_SAID(One("<pt:status-placement>BX</pt:status-placement>").document, "other letters than A to E");
}

TEST(Kinds, PrivateKindIsRead) {
  const One one(kind("id='4026531841'", kKindBody));
  EXPECT_FALSE(has_errors(one.document)) << print(one.document);
  const KindParameters& k = one.c().required_kinds.at(0).kind;
  EXPECT_EQ(k.id, 0xF0000001U);
  EXPECT_EQ(k.data_model, "SINGLE");
  EXPECT_EQ(k.max_size, 9);
  EXPECT_EQ(effective(k).access_control, "USER-MATCH");
}

TEST(Kinds, WrongOnesAreTold) {
  EXPECT_SAID(One(kind("", kKindBody)).document, "either a name or an id");
  EXPECT_SAID(One(kind("id='4026531841' name='REDIR'", kKindBody)).document, "either a name or an id");
  EXPECT_SAID(One(kind("id='0xF0000001'", kKindBody)).document, "not an integer");
  EXPECT_SAID(One(kind("id='1'", kKindBody)).document, "outside the private range");
  EXPECT_SAID(One(kind("name='MINE'", kKindBody)).document, "not a registered Kind name");
  EXPECT_SAID(One(kind("id='4026531841'", "")).document, "has no data-model");
  EXPECT_SAID(One(kind("id='4026531841'", "")).document, "has no max-size");
  EXPECT_SAID(One(kind("name='TURN-SERVICE'", kKindBody)).document, "needs a max-node-multiple");
  EXPECT_SAID(One(kind("id='4026531841'", kKindBody + "<max-node-multiple>0</max-node-multiple>")).document,
              "not more than 0");
  EXPECT_SAID(One(kind("id='4026531841'", kKindBody + "<max-count>2</max-count>")).document, "twice");
  EXPECT_SAID(One(kind("id='4026531841'", kKindBody + "<max>2</max>")).document, "<max> is not an element");
  EXPECT_SAID(
      One("<required-kinds><kind-block><kind id='4026531841'>" + kKindBody + "</kind></kind-block></required-kinds>")
          .document,
      "no kind-signature", "R-XML-09");
  EXPECT_SAID(One("<required-kinds><kind-block/></required-kinds>").document, "has no kind");
  EXPECT_SAID(One("<required-kinds><kind/></required-kinds>").document, "no place in required-kinds");
}

TEST(Kinds, VariableResourceNames) {
  const One one(kind("id='4026531841'",
                     kKindBody + "<share:variable-resource-names enable='true'><share:pattern>.*-conf-$USER@$DOMAIN"
                                 "</share:pattern></share:variable-resource-names>"));
  EXPECT_FALSE(has_errors(one.document)) << print(one.document);
  EXPECT_EQ(one.c().required_kinds[0].kind.variable_resource_names,
            (VariableResourceNames{true, {".*-conf-$USER@$DOMAIN"}}));
  const auto with = [](const std::string& xml) { return One(kind("id='4026531841'", kKindBody + xml)).document; };
  EXPECT_SAID(with("<share:variable-resource-names enable='1'/>"), "no pattern");
  EXPECT_SAID(with("<share:variable-resource-names/>"), "no enable");
  EXPECT_SAID(with("<share:variable-resource-names "
                   "enable='true'><share:pattern>$USER</share:pattern></share:variable-resource-names>"),
              "lacks $USER or $DOMAIN");
}

TEST(Kinds, BlocksAlone) {
  const std::string block =
      "<kind-block><kind id='4026531841'>" + kKindBody + "</kind><kind-signature>AAAA</kind-signature></kind-block>";
  std::vector<ConfigDiagnostic> diagnostics;
  const auto blocks = read_kind_blocks(block + "\n" + block, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.front().text;
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].blob, "<kind id='4026531841'>" + kKindBody + "</kind>");
  EXPECT_EQ((block + "\n" + block).substr(blocks[1].offset, blocks[1].blob.size()), blocks[1].blob);
  for (const std::string& bad :
       {"<kind-block>"s, "</kinds>"s, "</kinds><kinds>"s, "</kinds><!--"s, "<x/>"s, "<!DOCTYPE a>"s}) {
    diagnostics.clear();
    EXPECT_TRUE(read_kind_blocks(bad, diagnostics).empty()) << bad;
    EXPECT_FALSE(diagnostics.empty()) << bad;
  }
}

// ---- hostile and broken XML

TEST(HostileXml, EntitiesAreNeverExpanded) {
  std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE overlay [<!ENTITY a \"ha\">";
  for (char c = 'b'; c <= 'j'; ++c) {
    laughs += "<!ENTITY "s + c + " \"";
    for (int i = 0; i < 10; ++i) laughs += "&"s + static_cast<char>(c - 1) + ";";
    laughs += "\">";
  }
  laughs += "]><overlay>&j;</overlay>";
  const std::string external =
      "<!DOCTYPE overlay [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><overlay "
      "xmlns='urn:ietf:params:xml:ns:p2p:config-base'>"
      "<configuration instance-name='o'><shared-secret>&x;</shared-secret></configuration></overlay>";
  const std::string remote = "<!DOCTYPE overlay SYSTEM \"http://127.0.0.1:1/x.dtd\"><overlay/>";
  const std::string parameter = "<!DOCTYPE overlay [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]><overlay/>";
  for (const std::string& text : {laughs, external, remote, parameter, "<!DOCTYPE overlay><overlay/>"s}) {
    const ConfigDocument document = read_config_document(text);
    EXPECT_FALSE(document.well_formed);
    EXPECT_TRUE(document.configurations.empty());
    EXPECT_SAID(document, "DOCTYPE", "R-XML-01");
  }
  EXPECT_FALSE(read_config_document(document_of("<shared-secret>&x;</shared-secret>")).well_formed);
}

TEST(HostileXml, DeepNestingIsRefused) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  for (int i = 0; i < 100000; ++i) deep += "</a>";
  EXPECT_SAID(read_config_document(document_of(deep)), "nested deeper than 32", "R-XML-01");
  EXPECT_SAID(read_config_document(deep), "nested deeper than 32");
  std::string only_open;
  for (int i = 0; i < 100000; ++i) only_open += "<a>";
  EXPECT_FALSE(read_config_document(only_open).well_formed);
}

TEST(HostileXml, SizeIsBounded) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_SAID(read_config_document(std::string(50U << 20, 'a')), "larger than 4194304 bytes");
  EXPECT_SAID(read_config_document(document_of("<shared-secret>" + std::string(50U << 20, 'a') + "</shared-secret>")),
              "larger than");
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "<ext:a/>";
  EXPECT_SAID(read_config_document(document_of(many)), "more than 65536 elements");
  std::string attributes = "<ext:a";
  for (int i = 0; i < 100000; ++i) attributes += " a" + std::to_string(i) + "='1'";
  EXPECT_SAID(read_config_document(document_of(attributes + "/>")), "more than 256 attributes");
  // What hides from the count must not be a tag to the parser either.
  for (const std::string& open : {"<!-- \" -->"s, "<![CDATA['\"]]>"s, "<?p \"?>"s, "'"s, "<a '>"s, "<a b=\"<"s})
    EXPECT_SAID(read_config_document(document_of(open + attributes + "/>")), "more than 256 attributes");
  EXPECT_FALSE(has_errors(read_config_document(document_of("<!-- <a " + std::string(1000, '=') + " -->"))));
  std::string twins;
  for (int i = 0; i < 60000; ++i) twins += "<configuration instance-name='" + std::to_string(i) + "'/>";
  EXPECT_EQ(read_config_document(kHead + twins + kTail).configurations.size(), 60000U);
  std::string mistakes;
  for (int i = 0; i < 60000; ++i) mistakes += "<speed/>";
  EXPECT_EQ(read_config_document(document_of(mistakes)).diagnostics.size(), 1001U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << "nothing grows with the square";
}

TEST(HostileXml, NotWellFormedIsRefused) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "x"s,
                                  "<overlay>"s,
                                  document_of("<a></b>"),
                                  document_of("<no-ice"),
                                  document_of("&"),
                                  document_of("<a b=1/>"),
                                  document_of("<a b='1' b='2'/>"),
                                  document_of("<a b='<'/>"),
                                  document_of("\x01"),
                                  document_of("]]>"),
                                  document_of("") + "<overlay/>",
                                  document_of("") + "text",
                                  " " + document_of(""),
                                  document_of("\xff\xfe"),
                                  document_of("\xc0\xaf"),
                                  document_of("\0"s),
                                  document_of("") + "\0garbage"s,
                                  "\xff\xfe<\0o\0/\0>\0"s}) {
    const ConfigDocument document = read_config_document(text);
    EXPECT_FALSE(document.well_formed) << text;
    EXPECT_EQ(document.diagnostics.at(0).requirement, "R-XML-01") << text;
  }
}

TEST(HostileXml, NamespacesMatter) {
  const ConfigDocument bare =
      read_config_document("<overlay><configuration instance-name='o'><no-ice>true</no-ice></configuration></overlay>");
  EXPECT_SAID(bare, "has no namespace");
  EXPECT_TRUE(bare.configurations.at(0).configuration.no_ice) << "read all the same";
  const ConfigDocument other =
      read_config_document("<overlay xmlns='urn:x'><configuration instance-name='o'/></overlay>");
  EXPECT_TRUE(other.configurations.empty());
  EXPECT_SAID(other, "the root element is not overlay");
  EXPECT_SAID(read_config_document("<a:overlay/>"), "a");
  const ConfigDocument prefixed = read_config_document(
      "<p:overlay xmlns:p='urn:ietf:params:xml:ns:p2p:config-base'><p:configuration "
      "instance-name='o'><p:no-ice>1</p:no-ice>"
      "</p:configuration><p:signature>AAAA</p:signature></p:overlay>");
  EXPECT_TRUE(prefixed.configurations.at(0).configuration.no_ice) << print(prefixed);
  const ConfigDocument again = read_config_document(write_config_document(prefixed));
  EXPECT_EQ(again.configurations.at(0).blob, prefixed.configurations[0].blob);
  EXPECT_EQ(again.configurations.at(0).signatures.size(), 1U);
}

TEST(HostileXml, EncodingIsUtf8) {
  const std::string body =
      "<overlay xmlns='urn:ietf:params:xml:ns:p2p:config-base'><configuration instance-name='o'/></overlay>";
  EXPECT_SAID(read_config_document(body), "no encoding declaration");
  EXPECT_SAID(read_config_document("<?xml version='1.0' encoding='ISO-8859-1'?>" + body), "declared as 'ISO-8859-1'");
  EXPECT_EQ(read_config_document("<?xml version='1.0' encoding='ISO-8859-1'?>" + body).configurations.size(), 1U);
  std::string umlaut = "<?xml version='1.0' encoding='ISO-8859-1'?>" + body;
  umlaut.insert(umlaut.find("'o'") + 1, "\xc3\xa4");
  EXPECT_FALSE(read_config_document(umlaut).well_formed);
  const ConfigDocument mark = read_config_document("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>" + body);
  ASSERT_EQ(mark.configurations.size(), 1U) << print(mark);
  EXPECT_EQ(mark.configurations[0].blob, "<configuration instance-name='o'/>") << "a byte order mark moves no offset";
}

TEST(HostileXml, SeveralConfigurations) {
  const ConfigDocument twice =
      read_config_document(kHead + kOpen + "</configuration>" + kOpen + "</configuration>" + kTail);
  EXPECT_SAID(twice, "has two configurations");
  EXPECT_EQ(twice.find("o"), nullptr);
  EXPECT_SAID(read_config_document(kHead + kTail), "has no configuration");
  EXPECT_SAID(read_config_document(kHead + "<signature>AAAA</signature>" + kOpen + "</configuration>" + kTail),
              "no configuration stands before");
  EXPECT_SAID(read_config_document(kHead + kOpen + "</configuration><signature>A</signature>" + kTail),
              "is not base64");
}

// ---- writing

OverlayConfiguration full_configuration() {
  OverlayConfiguration c;
  c.instance_name = "overlay.example.org \"<&>\"";
  c.expiration = 1900000000;
  c.sequence = 65534;
  c.topology_plugin = "CHORD-SELF-TUNING";
  c.node_id_length = 20;
  c.root_certs = {root().certificate()->der()};
  c.enrollment_servers = {"https://example.org/?a=1&b=2"};
  c.self_signed_permitted = {true, "sha256"};
  c.bootstrap_nodes = {{"192.0.2.1", 6084}, {"2001:db8::1", 7000}};
  c.turn_density = 0;
  c.clients_permitted = false;
  c.no_ice = true;
  c.shared_secret = "secret]]>";
  c.max_message_size = 65536;
  c.initial_ttl = 30;
  c.overlay_reliability_timer = 200;
  c.overlay_link_protocols = {"TLS", "DTLS"};
  c.configuration_signers = {std::string(20, '\x01')};
  c.kind_signers = {std::string(20, '\x02')};
  c.bad_nodes = {std::string(20, '\x03')};
  c.mandatory_extensions = {std::string(kRouteModeNs), std::string(kSelfTuningNs)};
  c.chord_update_interval = 1;
  c.chord_ping_interval = 2;
  c.chord_reactive = false;
  c.route_mode = "RPR";
  c.number_of_peers_to_probe = 9;
  c.ppsp_shards = 16;
  c.ppsp_status_placement = "BDE";
  c.diagnostics = {{0x02, {std::string(20, '\x04'), std::string(20, '\x05')}}, {0xf000, {std::string(20, '\x06')}}};
  KindBlock block;
  block.kind.id = 0xF0000001;
  block.kind.data_model = "ARRAY";
  block.kind.access_control = "NODE-MULTIPLE";
  block.kind.max_count = 3;
  block.kind.max_size = 400;
  block.kind.max_node_multiple = 5;
  block.kind.variable_resource_names = VariableResourceNames{true, {"a-$USER@$DOMAIN"}};
  block.signatures = {{"signature", "rsa-sha1"}};
  c.required_kinds = {block};
  return c;
}

TEST(Writing, EverythingComesBack) {
  ConfigDocument document;
  document.configurations.push_back({full_configuration(), {}, 0, {{"one", ""}, {"two", ""}}});
  const std::string text = write_config_document(document);
  const ConfigDocument read = read_config_document(text);
  EXPECT_FALSE(has_errors(read)) << print(read) << text;
  ASSERT_EQ(read.configurations.size(), 1U);
  const OverlayConfiguration a = full_configuration();
  const OverlayConfiguration& b = read.configurations[0].configuration;
  EXPECT_EQ(write_configuration(b), [&] {
    OverlayConfiguration copy = a;
    copy.required_kinds[0].blob = b.required_kinds.at(0).blob;
    return write_configuration(copy);
  }()) << "same struct, same bytes";
  EXPECT_EQ(a.instance_name, b.instance_name);
  EXPECT_EQ(a.root_certs, b.root_certs);
  EXPECT_EQ(a.shared_secret, b.shared_secret);
  EXPECT_EQ(a.required_kinds[0].kind, b.required_kinds[0].kind);
  EXPECT_EQ(b.required_kinds[0].signatures.at(0).algorithm, "rsa-sha1");
  EXPECT_EQ(read.configurations[0].signatures.at(1).security_block, "two");
  EXPECT_EQ(write_config_document(read), text) << "the blob is emitted as it is";
}

TEST(Writing, DefaultsAreLeftOut) {
  OverlayConfiguration c;
  c.instance_name = "o";
  const std::string text = write_configuration(c);
  EXPECT_EQ(text.find("no-ice"), std::string::npos);
  EXPECT_EQ(text.find("chord"), std::string::npos);
  EXPECT_EQ(read_config_document(text + "\n").configurations.size(), 0U) << "a configuration is no document";
}

// ---- signing

struct Signer {
  explicit Signer(std::vector<std::string> ids = {kNodeA}, const PrivateKey& key = rsa_key())
      : signer{key, issue(names(ids), key), ids.back()} {}
  std::string sign(std::string_view blob) const {
    const auto block = sign_blob(blob, signer, encode_identity, encode_block);
    EXPECT_TRUE(block.ok()) << block.message();
    return *block;
  }
  ConfigSigner signer;
};

TEST(Signing, ConfigurationAndKindVerify) {
  const Signer kind_signer({kNodeB}, ec_key());
  const Signer config_signer;
  OverlayConfiguration c = full_configuration();
  KindBlock& block = c.required_kinds[0];
  block.blob = write_kind(block.kind);
  block.signatures = {{kind_signer.sign(block.blob), ""}};
  ConfigDocument document;
  document.configurations.push_back({c, write_configuration(c), 0, {}});
  document.configurations[0].signatures = {{config_signer.sign(document.configurations[0].blob), ""}};

  const ConfigDocument read = read_config_document(write_config_document(document));
  EXPECT_FALSE(has_errors(read)) << print(read);
  const SignedConfiguration& got = read.configurations.at(0);
  CertificateCache cache;
  const std::vector<std::string> allowed = {kNodeB, kNodeA};
  BlobVerdict verdict = verify_signatures(got.blob, got.signatures, allowed, decode_block, cache);
  EXPECT_TRUE(verdict) << to_string(verdict.result);
  EXPECT_EQ(verdict.form, BlobForm::kWithIdentity);
  EXPECT_EQ(verdict.node_id, kNodeA);
  EXPECT_TRUE(verify_chain(*verdict.signer, {}, TrustAnchors({root().certificate()}), kNow));
  const KindBlock& kind_block = got.configuration.required_kinds.at(0);
  verdict = verify_signatures(kind_block.blob, kind_block.signatures, allowed, decode_block, cache);
  EXPECT_TRUE(verdict);
  EXPECT_EQ(verdict.node_id, kNodeB);
}

TEST(Signing, BlobAloneIsAcceptedAndTold) {
  const Signer signer;
  SecurityBlockParts parts = *decode_block(signer.sign("<kind/>"));
  parts.signature = *rsa_key().sign(parts.code, "<kind/>");
  CertificateCache cache;
  const std::vector<std::string> allowed = {kNodeA};
  const BlobVerdict verdict = verify_blob("<kind/>", encode_block(parts), allowed, decode_block, cache);
  EXPECT_TRUE(verdict);
  EXPECT_EQ(verdict.form, BlobForm::kBlobAlone);
}

TEST(Signing, EveryFailureHasItsReason) {
  const Signer signer;
  const std::string block = signer.sign("<kind/>");
  CertificateCache cache;
  const std::vector<std::string> allowed = {kNodeA};
  const auto result = [&](std::string_view blob, const std::string& security_block,
                          const std::vector<std::string>& who) {
    return verify_blob(blob, security_block, who, decode_block, cache).result;
  };
  EXPECT_EQ(result("<kind/>", block, allowed), BlobResult::kOk);
  EXPECT_EQ(result("<kind />", block, allowed), BlobResult::kBadSignature) << "one blank more";
  EXPECT_EQ(result("<kind/>", block, {kNodeB}), BlobResult::kSignerNotAllowed);
  EXPECT_EQ(result("<kind/>", block, {}), BlobResult::kSignerNotAllowed);
  EXPECT_EQ(result("<kind/>", "This is not right!\n", allowed), BlobResult::kUnparsable);
  SecurityBlockParts parts = *decode_block(block);
  parts.certificates = {issue(names({kNodeB}))->der(), "not a certificate"};
  EXPECT_EQ(result("<kind/>", encode_block(parts), allowed), BlobResult::kNoCertificate);
  parts = *decode_block(block);
  parts.code = {0, 0};
  EXPECT_EQ(result("<kind/>", encode_block(parts), allowed), BlobResult::kBadSignature);
  EXPECT_EQ(verify_signatures("<kind/>", {}, allowed, decode_block, cache).result, BlobResult::kNotSigned);
  const ConfigSignature several[] = {{"nonsense", ""}, {block, ""}};
  EXPECT_EQ(verify_signatures("<kind/>", several, allowed, decode_block, cache).result, BlobResult::kOk);
  EXPECT_EQ(verify_signatures("<x/>", several, allowed, decode_block, cache).result, BlobResult::kUnparsable);
  for (std::size_t i = 0; i < block.size(); ++i)
    EXPECT_EQ(result("<kind/>", block.substr(0, i), allowed), BlobResult::kUnparsable) << i;
}

TEST(Signing, SeveralNodeIdsUseTheOtherIdentity) {
  const Signer signer({kNodeA, kNodeB});
  const std::string block = signer.sign("<kind/>");
  EXPECT_EQ(decode_block(block)->identity_type, kIdentityCertHashNodeId);
  CertificateCache cache;
  const std::vector<std::string> allowed = {kNodeB};
  EXPECT_EQ(verify_blob("<kind/>", block, allowed, decode_block, cache).node_id, kNodeB);
  ConfigSigner unknown = signer.signer;
  unknown.node_id = std::string(16, 'x');
  EXPECT_FALSE(sign_blob("<kind/>", unknown, encode_identity, encode_block));
  unknown.certificate = nullptr;
  EXPECT_FALSE(sign_blob("<kind/>", unknown, encode_identity, encode_block));
}

// cert_hash of a certificate with several Node-IDs says not which node signed: it is nobody's signature (R-SEC-04).
TEST(Signing, IdentityWithoutNodeMayNotSign) {
  const Signer signer({kNodeA, kNodeB});
  SecurityBlockParts parts = *decode_block(signer.sign("<kind/>"));
  parts.identity = encode_identity(kIdentityCertHash, 4, sha256(parts.certificates[0]));
  parts.signature = *rsa_key().sign(parts.code, "<kind/>" + parts.identity);
  CertificateCache cache;
  const std::vector<std::string> allowed = {kNodeA, kNodeB};
  EXPECT_EQ(verify_blob("<kind/>", encode_block(parts), allowed, decode_block, cache).result,
            BlobResult::kSignerNotAllowed);
}

}  // namespace
}  // namespace peerscope::reload
