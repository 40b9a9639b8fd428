// SPDX-License-Identifier: GPL-2.0-or-later
// The checks of RELOAD's requirement table that are more than a claim on the reader's issues. Each is named after its
// row.
#pragma once

#include "protocols/base/requirement.h"

namespace peerscope::reload::checks {

void fwd_01(const CheckInput& in, Reporter& r);
void fwd_02(const CheckInput& in, Reporter& r);
void fwd_04(const CheckInput& in, Reporter& r);
void fwd_06(const CheckInput& in, Reporter& r);
void fwd_07(const CheckInput& in, Reporter& r);
void fwd_08(const CheckInput& in, Reporter& r);
void fwd_10(const CheckInput& in, Reporter& r);
void fwd_11(const CheckInput& in, Reporter& r);
void fwd_13(const CheckInput& in, Reporter& r);
void fwd_23(const CheckInput& in, Reporter& r);
void fwd_25(const CheckInput& in, Reporter& r);
void fwd_28(const CheckInput& in, Reporter& r);
void fwd_31(const CheckInput& in, Reporter& r);
void ttl_02(const CheckInput& in, Reporter& r);
void ttl_03(const CheckInput& in, Reporter& r);
void dst_03(const CheckInput& in, Reporter& r);
void dst_04(const CheckInput& in, Reporter& r);
void dst_07(const CheckInput& in, Reporter& r);
void opt_01(const CheckInput& in, Reporter& r);
void msg_01(const CheckInput& in, Reporter& r);
void msg_02(const CheckInput& in, Reporter& r);
void msg_03(const CheckInput& in, Reporter& r);
void msg_04(const CheckInput& in, Reporter& r);
void msg_08(const CheckInput& in, Reporter& r);
void msg_09(const CheckInput& in, Reporter& r);
void msg_10(const CheckInput& in, Reporter& r);
void msg_11(const CheckInput& in, Reporter& r);
void sec_01(const CheckInput& in, Reporter& r);
void sec_15(const CheckInput& in, Reporter& r);
void sec_17(const CheckInput& in, Reporter& r);
void sec_18(const CheckInput& in, Reporter& r);
void lea_05(const CheckInput& in, Reporter& r);
void prb_01(const CheckInput& in, Reporter& r);
void prb_02(const CheckInput& in, Reporter& r);
void prb_03(const CheckInput& in, Reporter& r);
void att_01(const CheckInput& in, Reporter& r);
void att_02(const CheckInput& in, Reporter& r);
void att_03(const CheckInput& in, Reporter& r);
void att_04(const CheckInput& in, Reporter& r);
void att_05(const CheckInput& in, Reporter& r);
void att_12(const CheckInput& in, Reporter& r);
void app_02(const CheckInput& in, Reporter& r);
void png_01(const CheckInput& in, Reporter& r);
void cup_06(const CheckInput& in, Reporter& r);
void cup_07(const CheckInput& in, Reporter& r);
void cup_08(const CheckInput& in, Reporter& r);
void frm_02(const CheckInput& in, Reporter& r);
void frm_05(const CheckInput& in, Reporter& r);
void frm_06(const CheckInput& in, Reporter& r);
void srl_01(const CheckInput& in, Reporter& r);
void srl_02(const CheckInput& in, Reporter& r);
void srl_03(const CheckInput& in, Reporter& r);
void srl_04(const CheckInput& in, Reporter& r);
void srl_05(const CheckInput& in, Reporter& r);
void srl_06(const CheckInput& in, Reporter& r);
void frg_01(const CheckInput& in, Reporter& r);
void frg_02(const CheckInput& in, Reporter& r);
void frg_04(const CheckInput& in, Reporter& r);
void frg_06(const CheckInput& in, Reporter& r);
void frg_10(const CheckInput& in, Reporter& r);
void sto_01(const CheckInput& in, Reporter& r);
void sto_13(const CheckInput& in, Reporter& r);
void sto_19(const CheckInput& in, Reporter& r);
void sto_22(const CheckInput& in, Reporter& r);
void sto_25(const CheckInput& in, Reporter& r);
void sto_28(const CheckInput& in, Reporter& r);
void sto_30(const CheckInput& in, Reporter& r);
void fet_02(const CheckInput& in, Reporter& r);
void fet_03(const CheckInput& in, Reporter& r);
void fet_05(const CheckInput& in, Reporter& r);
void fet_08(const CheckInput& in, Reporter& r);
void fet_11(const CheckInput& in, Reporter& r);
void sta_01(const CheckInput& in, Reporter& r);
void fnd_01(const CheckInput& in, Reporter& r);
void crt_02(const CheckInput& in, Reporter& r);
void trn_01(const CheckInput& in, Reporter& r);
void chd_01(const CheckInput& in, Reporter& r);
void chd_21(const CheckInput& in, Reporter& r);
void chd_35(const CheckInput& in, Reporter& r);
void chd_38(const CheckInput& in, Reporter& r);
void drr_02(const CheckInput& in, Reporter& r);
void drr_03(const CheckInput& in, Reporter& r);
void drr_04(const CheckInput& in, Reporter& r);
void drr_05(const CheckInput& in, Reporter& r);
void drr_06(const CheckInput& in, Reporter& r);
void rpr_01(const CheckInput& in, Reporter& r);
void rpr_02(const CheckInput& in, Reporter& r);
void rpr_03(const CheckInput& in, Reporter& r);
void tun_01(const CheckInput& in, Reporter& r);
void rdr_01(const CheckInput& in, Reporter& r);
void rdr_06(const CheckInput& in, Reporter& r);
void rdr_07(const CheckInput& in, Reporter& r);
void dia_01(const CheckInput& in, Reporter& r);
void dia_04(const CheckInput& in, Reporter& r);
void dia_05(const CheckInput& in, Reporter& r);
void dia_06(const CheckInput& in, Reporter& r);
void dia_07(const CheckInput& in, Reporter& r);
void dia_08(const CheckInput& in, Reporter& r);
void dia_12(const CheckInput& in, Reporter& r);
void dia_13(const CheckInput& in, Reporter& r);
void dia_14(const CheckInput& in, Reporter& r);
void dia_15(const CheckInput& in, Reporter& r);
void dia_16(const CheckInput& in, Reporter& r);
void sip_04(const CheckInput& in, Reporter& r);

}  // namespace peerscope::reload::checks
