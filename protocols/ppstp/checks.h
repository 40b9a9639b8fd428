// SPDX-License-Identifier: GPL-2.0-or-later
// The checks of PPSTP's requirement table that are more than a claim on the reader's issues. Each is named after its
// row.
#pragma once

#include "protocols/base/requirement.h"

namespace peerscope::ppstp::checks {

void http_01(const CheckInput& in, Reporter& r);
void http_02(const CheckInput& in, Reporter& r);
void http_03(const CheckInput& in, Reporter& r);
void http_08(const CheckInput& in, Reporter& r);
void http_12(const CheckInput& in, Reporter& r);
void http_15(const CheckInput& in, Reporter& r);
void json_01(const CheckInput& in, Reporter& r);
void json_02(const CheckInput& in, Reporter& r);
void json_03(const CheckInput& in, Reporter& r);
void json_04(const CheckInput& in, Reporter& r);
void json_05(const CheckInput& in, Reporter& r);
void ver_01(const CheckInput& in, Reporter& r);
void ver_02(const CheckInput& in, Reporter& r);
void ver_03(const CheckInput& in, Reporter& r);
void ver_05(const CheckInput& in, Reporter& r);
void req_01(const CheckInput& in, Reporter& r);
void req_04(const CheckInput& in, Reporter& r);
void req_05(const CheckInput& in, Reporter& r);
void req_06(const CheckInput& in, Reporter& r);
void req_07(const CheckInput& in, Reporter& r);
void req_11(const CheckInput& in, Reporter& r);
void req_12(const CheckInput& in, Reporter& r);
void addr_01(const CheckInput& in, Reporter& r);
void addr_02(const CheckInput& in, Reporter& r);
void addr_03(const CheckInput& in, Reporter& r);
void addr_06(const CheckInput& in, Reporter& r);
void addr_08(const CheckInput& in, Reporter& r);
void pnum_02(const CheckInput& in, Reporter& r);
void pnum_03(const CheckInput& in, Reporter& r);
void pnum_07(const CheckInput& in, Reporter& r);
void conn_01(const CheckInput& in, Reporter& r);
void conn_02(const CheckInput& in, Reporter& r);
void conn_03(const CheckInput& in, Reporter& r);
void conn_04(const CheckInput& in, Reporter& r);
void conn_07(const CheckInput& in, Reporter& r);
void conn_22(const CheckInput& in, Reporter& r);
void conn_23(const CheckInput& in, Reporter& r);
void conn_25(const CheckInput& in, Reporter& r);
void conn_27(const CheckInput& in, Reporter& r);
void find_01(const CheckInput& in, Reporter& r);
void find_03(const CheckInput& in, Reporter& r);
void find_04(const CheckInput& in, Reporter& r);
void stat_02(const CheckInput& in, Reporter& r);
void stat_04(const CheckInput& in, Reporter& r);
void stat_09(const CheckInput& in, Reporter& r);
void stat_10(const CheckInput& in, Reporter& r);
void stat_14(const CheckInput& in, Reporter& r);
void resp_03(const CheckInput& in, Reporter& r);
void resp_04(const CheckInput& in, Reporter& r);
void resp_05(const CheckInput& in, Reporter& r);
void resp_06(const CheckInput& in, Reporter& r);
void resp_07(const CheckInput& in, Reporter& r);
void resp_08(const CheckInput& in, Reporter& r);
void resp_09(const CheckInput& in, Reporter& r);
void resp_10(const CheckInput& in, Reporter& r);
void resp_11(const CheckInput& in, Reporter& r);
void resp_12(const CheckInput& in, Reporter& r);
void err_02(const CheckInput& in, Reporter& r);
void err_03(const CheckInput& in, Reporter& r);
void err_04(const CheckInput& in, Reporter& r);
void err_05(const CheckInput& in, Reporter& r);
void err_06(const CheckInput& in, Reporter& r);
void err_08(const CheckInput& in, Reporter& r);
void ext_02(const CheckInput& in, Reporter& r);
void ext_04(const CheckInput& in, Reporter& r);

}  // namespace peerscope::ppstp::checks
