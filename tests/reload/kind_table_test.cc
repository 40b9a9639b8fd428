// SPDX-License-Identifier: GPL-2.0-or-later
// One table of registered Kinds serves messages and configuration documents alike.
#include <gtest/gtest.h>

#include "protocols/reload/config/document.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {
namespace {

TEST(KindTable, ConfigurationAndMessagesAgreeOnEveryRegisteredKind) {
  for (const RegisteredKind& row : kRegisteredKinds) {
    KindParameters kind;
    kind.name = row.name;
    const EffectiveKind counts = effective(kind);
    EXPECT_EQ(counts.id, row.id) << row.name;
    EXPECT_EQ(data_model_of(counts.data_model), Context().model_of(row.id)) << row.name;
    EXPECT_EQ(counts.access_control, row.policy) << row.name;
  }
}

TEST(KindTable, OtherWordsAreNoDataModel) {
  EXPECT_EQ(data_model_of("EXP-DATA"), DataModel::kUnknown);
  EXPECT_EQ(data_model_of("single"), DataModel::kUnknown);
  EXPECT_EQ(to_text(DataModel::kUnknown), "");
}

}  // namespace
}  // namespace peerscope::reload
