// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/dissect/host/epan_host.h"

#include "dissectors/epan/ws_compat.h"

#include <epan/column-info.h>
#include <epan/column.h>
#include <epan/dfilter/dfilter.h>
#include <epan/disabled_protos.h>
#include <epan/epan_dissect.h>
#include <epan/secrets.h>
#include <epan/timestamp.h>
#include <wiretap/wtap.h>
#include <wsutil/filesystem.h>
#include <wsutil/privileges.h>
#include <wsutil/report_message.h>

extern "C" {
#include <epan/addr_resolv.h>
void plugin_register(void);
extern const gchar plugin_version[];
}

#include <cstdarg>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <stdexcept>

// epan asks the program for frame times through this type; its content is ours.
struct packet_provider_data {
  std::vector<nstime_t> times;
};

namespace peerscope::test {
namespace {

void quiet(const char*, va_list) {}

const nstime_t* frame_time(packet_provider_data* provider, guint32 frame) {
  return frame >= 1 && frame <= provider->times.size() ? &provider->times[frame - 1] : nullptr;
}

std::vector<Export>* export_sink = nullptr;
std::string export_tap = "Peerscope";

tap_packet_status collect_export(void*, packet_info*, epan_dissect_t*, const void* data, tap_flags_t) {
  const auto* pdu = static_cast<const exp_pdu_data_t*>(data);
  Export out;
  out.tags.assign(reinterpret_cast<const char*>(pdu->tlv_buffer), pdu->tlv_buffer_len);
  out.bytes.resize(pdu->tvb_captured_length);
  tvb_memcpy(pdu->pdu_tvb, out.bytes.data(), 0, out.bytes.size());
  export_sink->push_back(std::move(out));
  return TAP_PACKET_REDRAW;
}

class Engine {
 public:
  Engine() {
    const std::filesystem::path config =
        std::filesystem::temp_directory_path() / ("peerscope-epan-" + std::to_string(getpid()));
    std::filesystem::create_directories(config);  // empty: a user's settings must not change results
    setenv("WIRESHARK_CONFIG_DIR", config.c_str(), 1);
    setenv("PEERSCOPE_EXPORT_FOR", plugin_version, 1);  // registers the harness's tap
    init_process_policies();
    ws_log_init("dissect_tests", nullptr);  // before the next call, which logs
    configuration_init("dissect_tests", nullptr);
    static const report_message_routines kRoutines = {quiet,
                                                      quiet,
                                                      [](const char*, int, gboolean) {},
                                                      [](const char*, int) {},
                                                      [](const char*, int) {},
                                                      [](const char*, int, gchar*) {},
                                                      [](const char*, int, gchar*, int) {},
                                                      [](const char*, int, gchar*) {},
                                                      [](const char*, const char*, int, gchar*, guint32, int) {},
                                                      [](const char*, int, gchar*) {}};
    init_report_message("dissect_tests", &kRoutines);
    timestamp_set_type(TS_RELATIVE);
    timestamp_set_precision(TS_PREC_AUTO);
    timestamp_set_seconds_type(TS_SECONDS_DEFAULT);
    wtap_init(FALSE);
    plugin_register();  // before epan_init, which then needs no plugin folder
    if (!epan_init(nullptr, nullptr, FALSE)) throw std::runtime_error("epan_init failed");
    epan_load_settings();
    prefs_apply_all();
    build_column_format_array(&columns, prefs_columns(), TRUE);
    std::filesystem::remove_all(config);
  }

  column_info columns{};

 private:
  static int prefs_columns() { return static_cast<int>(prefs.num_cols); }
};

Engine& engine() {
  static Engine* instance = new Engine;  // epan must not be torn down behind the tests' back
  return *instance;
}

struct Stored {
  std::string bytes;
  wtap_rec rec;
  frame_data fd;
};

struct Walk {
  Dissected* out;
  int depth;
};

void walk(proto_node* node, gpointer data) {
  auto* state = static_cast<Walk*>(data);
  const field_info* fi = PNODE_FINFO(node);
  if (fi != nullptr && fi->hfinfo != nullptr) {
    Item item;
    item.name = fi->hfinfo->abbrev;
    item.start = fi->start;
    item.length = fi->length;
    item.generated = FI_GET_FLAG(fi, FI_GENERATED) != 0;
    item.depth = state->depth;
    if (fi->hfinfo->type != FT_PROTOCOL && fi->hfinfo->type != FT_NONE) {
      if (char* text = fvalue_to_string_repr(nullptr, &fi->value, FTREPR_DISPLAY, fi->hfinfo->display);
          text != nullptr) {
        item.value = text;
        wmem_free(nullptr, text);
      }
    }
    if (fi->rep != nullptr) {
      item.label = fi->rep->representation;
    } else {
      gchar label[ITEM_LABEL_LENGTH];
      proto_item_fill_label(const_cast<field_info*>(fi), label);
      item.label = label;
    }
    if (fi->ds_tvb != nullptr && fi->length > 0 &&
        static_cast<guint>(fi->start + fi->length) <= tvb_captured_length(fi->ds_tvb)) {
      item.source.resize(static_cast<std::size_t>(fi->length));
      tvb_memcpy(fi->ds_tvb, item.source.data(), fi->start, item.source.size());
    }
    if (item.name == "_ws.expert") state->out->experts.emplace_back();
    if (!state->out->experts.empty()) {
      ExpertItem& expert = state->out->experts.back();
      const auto behind = [&] {
        const auto at = item.label.find(": ");
        return at == std::string::npos ? item.label : item.label.substr(at + 2);
      };
      if (item.name == "_ws.expert.message") expert.text = item.value;
      if (item.name == "_ws.expert.severity") expert.severity = behind();
      if (item.name == "_ws.expert.group") expert.group = behind();
    }
    state->out->items.push_back(std::move(item));
  }
  ++state->depth;
  proto_tree_children_foreach(node, walk, data);
  --state->depth;
}

std::string column(const column_info& columns, int format) {
  for (gint i = 0; i < columns.num_cols; ++i) {
    if (columns.columns[i].fmt_matx[format] != 0)
      return columns.columns[i].col_data != nullptr ? columns.columns[i].col_data : "";
  }
  return {};
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    engine();
    static const packet_provider_funcs kFuncs = {frame_time, nullptr, nullptr, nullptr};
    for (const std::string& preference : options.preferences) {
      char* error = nullptr;
      std::string text = preference;
      if (prefs_set_pref(text.data(), &error) != PREFS_SET_OK)
        throw std::runtime_error("preference " + preference + (error != nullptr ? std::string(": ") + error : ""));
    }
    if (!options.preferences.empty()) prefs_apply_all();
    epan_ = epan_new(&provider_, &kFuncs);
    if (!options.two_passes) listen();
    if (!options.filter.empty()) {
      gchar* error = nullptr;
      if (!dfilter_compile(options.filter.c_str(), &filter_, &error))
        throw std::runtime_error("filter " + options.filter + ": " + (error != nullptr ? error : ""));
    }
  }
  ~Run() {
    if (options_.exports != nullptr) remove_tap_listener(options_.exports);
    if (filter_ != nullptr) dfilter_free(filter_);
    for (Stored& stored : stored_) {
      frame_data_destroy(&stored.fd);
      wtap_rec_cleanup(&stored.rec);
    }
    epan_free(epan_);
  }

  void add(const Frame& frame, int encapsulation) {
    wtap_rec rec;
    wtap_rec_init(&rec);
    rec.rec_type = REC_TYPE_PACKET;
    rec.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    rec.ts = {static_cast<time_t>(frame.time_ns / 1'000'000'000), static_cast<int>(frame.time_ns % 1'000'000'000)};
    rec.tsprec = WTAP_TSPREC_NSEC;
    rec.rec_header.packet_header.caplen = static_cast<guint32>(frame.bytes.size());
    rec.rec_header.packet_header.len = std::max(frame.reported, rec.rec_header.packet_header.caplen);
    rec.rec_header.packet_header.pkt_encap = encapsulation;
    add(frame.bytes, rec, 0);
  }

  void add(std::string bytes, const wtap_rec& rec, gint64 offset) {
    Stored& stored = stored_.emplace_back();
    stored.bytes = std::move(bytes);
    stored.rec = rec;
    frame_data_init(&stored.fd, static_cast<guint32>(stored_.size()), &stored.rec, offset, cum_bytes_);
    provider_.times.push_back(rec.ts);
    Dissected result = run(stored, !options_.two_passes);
    stored.fd.visited = 1;
    results_.push_back(std::move(result));
  }

  std::vector<Dissected> finish() {
    if (options_.two_passes) {
      listen();
      for (std::size_t i = 0; i < stored_.size(); ++i) results_[i] = run(stored_[i], true);
    }
    return std::move(results_);
  }

 private:
  void listen() {
    if (options_.exports == nullptr) return;
    export_sink = options_.exports;
    GString* error = register_tap_listener(export_tap.c_str(), options_.exports, nullptr, TL_REQUIRES_NOTHING, nullptr,
                                           collect_export, nullptr, nullptr);
    if (error != nullptr) throw std::runtime_error(error->str);
  }

  Dissected run(Stored& stored, bool keep) {
    Dissected out;
    column_info* columns = keep ? &engine().columns : nullptr;
    const frame_data* reference = reference_;
    frame_data_set_before_dissect(&stored.fd, &elapsed_, &reference, previous_);
    reference_ = reference;
    epan_dissect_t* edt = epan_dissect_new(epan_, options_.tree || filter_ != nullptr, options_.tree);
    if (filter_ != nullptr) epan_dissect_prime_with_dfilter(edt, filter_);
    tvbuff_t* tvb = tvb_new_real_data(reinterpret_cast<const guint8*>(stored.bytes.data()),
                                      static_cast<guint>(stored.bytes.size()), stored.rec.rec_header.packet_header.len);
    epan_dissect_run_with_taps(edt, WTAP_FILE_TYPE_SUBTYPE_UNKNOWN, &stored.rec, tvb, &stored.fd, columns);
    if (keep) {
      epan_dissect_fill_in_columns(edt, FALSE, TRUE);
      out.protocol = column(*columns, COL_PROTOCOL);
      out.info = column(*columns, COL_INFO);
      if (filter_ != nullptr) out.matched = dfilter_apply_edt(filter_, edt);
      if (edt->tree != nullptr) {
        Walk state{&out, 0};
        proto_tree_children_foreach(edt->tree, walk, &state);
      }
    }
    frame_data_set_after_dissect(&stored.fd, &cum_bytes_);
    previous_ = &stored.fd;
    epan_dissect_free(edt);
    return out;
  }

  const Options& options_;
  packet_provider_data provider_;
  epan_t* epan_ = nullptr;
  dfilter_t* filter_ = nullptr;
  std::deque<Stored> stored_;
  std::vector<Dissected> results_;
  guint32 cum_bytes_ = 0;
  nstime_t elapsed_{};
  const frame_data* reference_ = nullptr;
  const frame_data* previous_ = nullptr;
};

std::vector<Dissected> dissect_as(const std::vector<Frame>& frames, const Options& options, int encapsulation) {
  Run run(options);
  for (const Frame& frame : frames) run.add(frame, encapsulation);
  return run.finish();
}

bool any_text(const Dissected& frame, std::string_view part) {
  for (const Item& item : frame.items) {
    if (item.label.find(part) != std::string::npos) return true;
  }
  return frame.info.find(part) != std::string::npos;
}

}  // namespace

const Item* Dissected::first(std::string_view name) const {
  for (const Item& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

std::vector<const Item*> Dissected::all(std::string_view name) const {
  std::vector<const Item*> out;
  for (const Item& item : items) {
    if (item.name == name) out.push_back(&item);
  }
  return out;
}

std::vector<std::string> Dissected::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const Item* item : all(name)) out.push_back(item->value);
  return out;
}

std::string Dissected::value(std::string_view name) const {
  const Item* item = first(name);
  return item != nullptr ? item->value : "";
}

const ExpertItem* Dissected::expert(std::string_view text_part) const {
  for (const ExpertItem& item : experts) {
    if (item.text.find(text_part) != std::string::npos) return &item;
  }
  return nullptr;
}

bool Dissected::malformed() const {
  return has("_ws.malformed") || any_text(*this, "Malformed Packet");
}
bool Dissected::cut() const {
  return has("_ws.short") || any_text(*this, "Packet size limited during capture");
}
bool Dissected::dissector_bug() const {
  return any_text(*this, "Dissector bug") || any_text(*this, "DISSECTOR BUG");
}

std::vector<Dissected> dissect(const std::vector<Frame>& frames, const Options& options) {
  return dissect_as(frames, options, WTAP_ENCAP_ETHERNET);
}

std::vector<Dissected> dissect_upper(const std::vector<Frame>& frames, const Options& options) {
  return dissect_as(frames, options, WTAP_ENCAP_WIRESHARK_UPPER_PDU);
}

std::vector<Dissected> dissect_file(const std::string& path, const Options& options) {
  Run run(options);
  int error = 0;
  gchar* info = nullptr;
  wtap* file = wtap_open_offline(path.c_str(), WTAP_TYPE_AUTO, &error, &info, FALSE);
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  wtap_set_cb_new_ipv4(file, add_ipv4_name);
  wtap_set_cb_new_secrets(file, secrets_wtap_callback);
  wtap_rec rec;
  wtap_rec_init(&rec);
  Buffer buffer;
  ws_buffer_init(&buffer, 1514);
  gint64 offset = 0;
  while (wtap_read(file, &rec, &buffer, &error, &info, &offset)) {
    std::string bytes(reinterpret_cast<const char*>(ws_buffer_start_ptr(&buffer)), rec.rec_header.packet_header.caplen);
    wtap_rec copy = rec;
    wtap_rec_init(&rec);  // the copy owns what the record points to
    run.add(std::move(bytes), copy, offset);
  }
  ws_buffer_free(&buffer);
  wtap_rec_cleanup(&rec);
  std::vector<Dissected> out = run.finish();
  wtap_close(file);
  return out;
}

void export_through(const char* tap) {
  export_tap = tap;
}

std::vector<Frame> frames_of(const std::vector<Export>& exports) {
  std::vector<Frame> frames;
  std::int64_t time = 1'700'000'000'000'000'000;
  for (const Export& item : exports) {
    frames.push_back({item.tags + item.bytes, 0, time});
    time += 1'000'000;
  }
  return frames;
}

std::vector<std::string> dissect_only(const std::vector<Frame>& frames, bool tree) {
  std::vector<std::string> bugs;
  for (const Dissected& frame :
       dissect(frames, {.tree = tree, .filter = {}, .two_passes = true, .preferences = {}, .exports = nullptr})) {
    if (!frame.dissector_bug()) continue;
    bugs.push_back(frame.info);
    for (const Item& item : frame.items) {
      if (item.label.find("ugs") != std::string::npos || item.label.find("Bug") != std::string::npos ||
          item.label.find("bug") != std::string::npos)
        bugs.push_back(item.label);
    }
  }
  return bugs;
}

struct Stream::State {
  static constexpr int kFrames = 20'000;
  Options options;
  std::unique_ptr<Run> run;
  int frames = 0;
};

Stream::Stream() : state_(new State) {}
Stream::~Stream() {
  delete state_;
}

void Stream::feed(const Frame& frame) {
  if (state_->run == nullptr || ++state_->frames == State::kFrames) {
    state_->run = nullptr;  // one session at a time
    state_->run = std::make_unique<Run>(state_->options);
    state_->frames = 0;
  }
  state_->run->add(frame, WTAP_ENCAP_ETHERNET);
}

void disable_dissector(const char* protocol) {
  engine();  // the names are known once it runs
  proto_disable_proto_by_name(protocol);
}

std::string filter_error(const std::string& filter) {
  engine();
  dfilter_t* compiled = nullptr;
  gchar* error = nullptr;
  if (dfilter_compile(filter.c_str(), &compiled, &error)) {
    if (compiled != nullptr) dfilter_free(compiled);
    return {};
  }
  return error != nullptr ? error : "not a filter";
}

}  // namespace peerscope::test
