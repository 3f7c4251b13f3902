// SPDX-License-Identifier: Apache-2.0
#include "event/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <type_traits>

#include "base/loggable.hpp"
#include "event/secret_finder.hpp"
#include "unit/event/mask_samples.hpp"

namespace holdpoint::event {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Masked text comes from mask() and the store, and from nothing else.
static_assert(!std::is_constructible_v<MaskedText, std::string>);
static_assert(!std::is_constructible_v<MaskedText, const char*>);
static_assert(!std::is_constructible_v<MaskedText, std::string, unsigned>);
static_assert(!std::is_convertible_v<std::string, MaskedText>);
static_assert(!std::is_assignable_v<MaskedText&, std::string>);
static_assert(Loggable<MaskedText> && !Loggable<Access>);

std::string show(std::string_view raw) { return mask(raw).text(); }

std::string visible(std::string_view raw) {
  std::string out(raw);
  for (char& c : out)
    if (c == '\0') c = ' ';
  return out;
}

class Positive : public ::testing::TestWithParam<samples::Positive> {};

TEST_P(Positive, SecretIsGoneAndCounted) {
  const auto& sample = GetParam();
  ASSERT_NE(sample.text.find(sample.secret), std::string_view::npos) << "bad sample";
  const auto masked = mask(sample.text);
  EXPECT_THAT(masked.text(), Not(HasSubstr(std::string(sample.secret)))) << visible(sample.text);
  EXPECT_THAT(masked.text(), HasSubstr("‹secret›")) << visible(sample.text);
  EXPECT_GE(masked.hidden(), sample.secret.size());
}
INSTANTIATE_TEST_SUITE_P(Corpus, Positive, ::testing::ValuesIn(samples::positive));

class Negative : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Negative, TextWithoutSecretIsShownWhole) {
  const auto masked = mask(GetParam());
  EXPECT_EQ(masked.hidden(), 0U) << masked.text();
  EXPECT_EQ(masked.text(), GetParam());
}
INSTANTIATE_TEST_SUITE_P(Corpus, Negative, ::testing::ValuesIn(samples::negative));

TEST(Mask, CorpusIsLargeEnough) {
  EXPECT_GE(std::size(samples::positive), 60U);
  EXPECT_GE(std::size(samples::negative), 60U);
}

TEST(Mask, NothingAfterAShellSeparatorIsHidden) {
  EXPECT_THAT(show("X_TOKEN=a; rm -rf /srv"), HasSubstr("rm -rf /srv"));
  EXPECT_THAT(show("X_TOKEN=a&&rm -rf /srv"), HasSubstr("&&rm -rf /srv"));
  EXPECT_THAT(show("tool --password x | tee /etc/cron.d/y"), HasSubstr("| tee /etc/cron.d/y"));
}

TEST(Mask, SeveralSecretsInOneTextAreAllHidden) {
  const auto text = show("A_TOKEN=canary1 B_TOKEN=canary2 C_SECRET=canary3");
  EXPECT_EQ(text, "A_TOKEN=‹secret› B_TOKEN=‹secret› C_SECRET=‹secret›");
}

TEST(Mask, ControlCharactersAreEscaped) {
  EXPECT_EQ(show("a\x1b[31mb\nc\rd\te\x7f" + std::string(1, '\0')), "a\\x1b[31mb\\nc\\rd\\te\\x7f\\x00");
  EXPECT_EQ(show("\xc2\x9b"
                 "31m"),
            "\\u{9B}31m");
}

TEST(Mask, BackslashIsDoubledSoThatAnEscapeCannotBeFaked) { EXPECT_EQ(show("a\\nb"), "a\\\\nb"); }

TEST(Mask, InvisibleAndDirectionChangingCharactersAreEscaped) {
  EXPECT_EQ(show("a\u202eb\u200bc\u2066d\ufeff"), "a\\u{202E}b\\u{200B}c\\u{2066}d\\u{FEFF}");
  EXPECT_EQ(show("a\u00a0b\u3164c\U000E0041"), "a\\u{A0}b\\u{3164}c\\u{E0041}");
}

TEST(Mask, OrdinaryLettersOfAllScriptsStay) {
  EXPECT_EQ(show("Grüße 日本語 Привет €"), "Grüße 日本語 Привет €");
}

TEST(Mask, InvalidUtf8IsShownByteByByte) {
  EXPECT_EQ(show("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(show("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(show("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(show("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  EXPECT_EQ(show("\xe2\x82"), "\\xe2\\x82");                    // cut
}

TEST(Mask, MarkerCannotBeFaked) {
  const auto masked = mask("‹secret›");
  EXPECT_EQ(masked.text(), "\\u{2039}secret›");
  EXPECT_EQ(masked.hidden(), 0U);
}

TEST(Mask, SecretNextToInvalidBytesIsFound) {
  EXPECT_THAT(show("\xff\xfe --password canarypw \xff"), Not(HasSubstr("canarypw")));
}

TEST(RestoreMasked, KeepsWhatWasMaskedAndRefusesWhatATerminalActsOn) {
  const auto masked = mask("A_TOKEN=canary a\\b\n");
  EXPECT_EQ(restore_masked(masked.text(), masked.hidden()), masked);
  EXPECT_EQ(restore_masked("x\x1b[2J\u202e", 0).text(), "x\\x1b[2J\\u{202E}");
}

bool is_safe_utf8(const std::string& text) { return restore_masked(text, 0).text() == text; }

TEST(Mask, RandomBytesBecomeSafeText) {
  std::mt19937_64 random(20261124);
  for (int round = 0; round < 2000; ++round) {
    std::string raw(random() % 200, '\0');
    for (char& c : raw) c = static_cast<char>(random());
    EXPECT_TRUE(is_safe_utf8(mask(raw).text())) << round;
  }
}

Access exec_access(std::vector<std::string> argv) {
  Access access;
  access.fixed.identity.operations = 1U << HP_OP_EXEC;
  access.path = "/usr/bin/tool";
  access.argv = std::move(argv);
  return access;
}

std::vector<std::string> texts(const std::vector<MaskedText>& masked) {
  std::vector<std::string> out;
  for (const auto& text : masked) out.push_back(text.text());
  return out;
}

TEST(MaskAccess, SecretSplitOverArgumentsIsHiddenInItsOwnArgument) {
  const auto masked = mask(exec_access({"tool", "--password", "two words", "-v", ""}), {}, {}, {});
  EXPECT_THAT(texts(masked.argv), ElementsAre("tool", "--password", "‹secret›", "-v", ""));
  EXPECT_EQ(masked.argv[2].hidden(), 9U);
}

TEST(MaskAccess, KeyBlockOverSeveralArgumentsIsHiddenInAll) {
  const auto masked =
      mask(exec_access({"echo", "-----BEGIN", "PRIVATE", "KEY-----", "canary", "more"}), {}, {}, {});
  for (const auto& argument : masked.argv) EXPECT_THAT(argument.text(), Not(HasSubstr("canary")));
}

TEST(MaskAccess, EveryTextOfTheProcessIsMasked) {
  Process process{
      7, "/opt/A_TOKEN=canary", "/srv/\x1b", {{1, std::string("sshpass\0-p\0canary\0ssh\0", 22)}}};
  const std::vector<BoundFile> bound = {{"/x\n", "ab", 3, 1, 2, "password: canary\n"}};
  const auto masked = mask(exec_access({}), process, bound, {"content not bound"});
  EXPECT_EQ(masked.operation, "exec");
  EXPECT_THAT(masked.executable.text(), Not(HasSubstr("canary")));
  EXPECT_EQ(masked.directory.text(), "/srv/\\x1b");
  EXPECT_EQ(masked.ancestors.at(0).second.text(), "sshpass -p ‹secret› ssh");
  EXPECT_EQ(masked.bound.at(0).path.text(), "/x\\n");
  EXPECT_EQ(masked.bound.at(0).first_lines.text(), "password: ‹secret›\\n");
  EXPECT_THAT(masked.warnings, ElementsAre("content not bound"));
}

// The bound is wide: debug builds, sanitizers and a busy machine. Time that grows with the square takes minutes.
TEST(Mask, HostileTextsOfFullSizeAreQuick) {
  for (const std::string piece :
       {"a", "://a:", "mysql ", "-----BEGIN PRIVATE KEY-----", "--password ", "curl -u a:b ", "\\",
        "X_TOKEN=a ", "eyJaaaaaaaaa.", "=", "\"password\":\"\\", "Authorization: "}) {
    std::string text;
    while (text.size() < HP_ARGV_MAX) text += piece;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(mask(text).text().empty());
    const auto spent = std::chrono::steady_clock::now() - start;
    EXPECT_LT(std::chrono::duration_cast<std::chrono::milliseconds>(spent).count(), 2000) << piece;
    RecordProperty("us_" + std::to_string(piece.size()) + "_" + std::to_string(static_cast<int>(piece[0])),
                   static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
  }
}

}  // namespace
}  // namespace holdpoint::event
